"""Why a record that is in the source is not known to a stream: its filter, its checkpoint, or something that no poll
sees. Pure; the sentences are for people.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from daemon.core.record import Position
from daemon.core.rules import Stream

Reason = Literal["never run", "stopped", "filtered", "not read yet", "passed"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Progress:
    """How far a stream is: its checkpoint, whether it has reached the present once, and why it stands still."""

    position: Position
    has_run: bool
    caught_up_at: datetime | None
    trouble: str | None


def why_unmet(stream: Stream, at: Position, progress: Progress | None, *, matches: bool) -> tuple[Reason, str]:
    """Why a stream has not dealt with a record that stands at this place in the order of changes; `matches`: its filter
    lets it pass. The sentence says what to type where there is something to type.
    """
    if progress is None or not progress.has_run:
        trouble = "" if progress is None or progress.trouble is None else f"; it is stopped: {progress.trouble}"
        return "never run", f"{stream.address} has not read anything yet: orgsync once, or orgsync run{trouble}"
    if not matches:
        return "filtered", _outside(stream)
    if at > progress.position:
        return _ahead(stream, at, progress)
    return "passed", (
        f"{stream.address} has read past it and keeps nothing of it: when it was read it did not match, or the ledger "
        f"is older than that. An edit in {stream.source} brings it, and so does: orgsync resync {stream.address}"
    )


def _outside(stream: Stream) -> str:
    if stream.where is None:  # a note
        return f"{stream.address} does not carry it: it hangs at a record whose notes are not carried"
    place = f"[routes.{stream.route}.modules.{stream.source_module}]"
    return f"{stream.address} leaves it out: it does not match {place} where = {stream.where!r}"


def _ahead(stream: Stream, at: Position, progress: Progress) -> tuple[Reason, str]:
    changed, read = (
        f"{moment:%Y-%m-%d %H:%M:%S} UTC" for moment in (at.modified_time, progress.position.modified_time)
    )
    far = f"it was changed {changed}, and {stream.address} has read to {read}"
    if progress.trouble is not None:
        return "stopped", f"{far}; it is stopped: {progress.trouble}"
    first = ", still on its first pass" if progress.caught_up_at is None else ""
    return "not read yet", f"{far}{first}: it comes by itself while orgsync runs"
