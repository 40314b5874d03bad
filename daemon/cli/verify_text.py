"""What `orgsync verify` prints: lines for a person, or one document."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Final

import click

from daemon.cli import planned
from daemon.cli.planned import Shown
from daemon.cli.words import instant, printable
from daemon.core.convert import Json
from daemon.core.rules import Stream
from daemon.core.verdict import UNEXPLAINED, Difference, Kind
from daemon.sync.judging import Finding
from daemon.sync.repairing import mended_kinds
from daemon.sync.verified import Place, Verified
from daemon.sync.walking import How

_SHOWN: Final = 60  # characters of a value
KINDS: Final[Mapping[Kind, tuple[str, str]]] = {
    "equal": ("equal", ""),
    "differs": ("differ", ""),
    "missing": ("missing in {target}", "no counterpart, and nothing waits for one"),
    "gone": ("counterpart gone", "linked, and not in {target} any more"),
    "outlived": ("still in {target}", "the record is deleted in {source}, or outside the filter"),
    "strangers": ("strangers", "their key names a record of {source} for which they do not stand"),
    "in_flight": ("on their way", "changed after the checkpoint, or a write has no answer yet"),
    "due": ("due in the queue", "tried again by themselves"),
    "held": ("held in the queue", ""),
    "dropped": ("dropped", "a person has taken them out of the queue"),
    "own_form": ("in the form of {target}", "nobody has touched them since they were written: trimmed or rounded"),
    "kept": ("changed by hand", 'kept so: drift = "keep"'),
    "left": ("deleted by hand in {target}", 'left so: gone = "leave"'),
    "filtered": ("outside the filter", "not carried"),
    "deleted_in_source": ("deleted in {source}", "and in {target} as the settings want it"),
}
"""What stands before the number of records, and in brackets behind it; `{source}` and `{target}` are the orgs."""
_LEFT: Final[Mapping[Kind, str]] = {
    "gone": 'restore them from the recycle bin of {target}, or have them made again: gone = "recreate"',
    "strangers": "delete them in {target}, or empty their key field",
    "held": "orgsync queue --stream {stream} says what mends them",
    "dropped": "an edit in {source} brings them back",
    "kept": 'edit them in {source}, or take drift = "keep" out of the settings',
}
"""What no repair touches, and what a person does."""
_OF_TARGET: Final[tuple[Kind, ...]] = ("outlived", "strangers")
"""Records of the target that stand for none of the source."""
_LISTED: Final[tuple[Kind, ...]] = (*UNEXPLAINED, "own_form", "kept")


def as_text(said: Verified, stream: Stream, limit: int) -> list[str]:
    """What both orgs hold, for a person; of each kind `limit` records are named."""
    lines = [_headline(said, stream), *_kinds(said, stream, limit)]
    if said.only_in_target:
        lines.append(f"  only in {stream.target}: {said.only_in_target:,} (linked with nothing)")
    if said.behind is not None:
        lines.append(f"the stream is behind: {said.behind}; see `orgsync status`")
    lines += [f"proved: {line}" for line in _proof(said, stream)]
    lines.append(f"{said.credits:,} credits were spent; neither org was written to")
    return lines


def following(said: Verified, stream: Stream) -> list[str]:
    """What to type next, if anything."""
    if mended_kinds(stream) & {one.kind for one in said.findings}:
        return [f"next: orgsync verify {said.stream} --repair FILE (a plan to apply) or --queue (the daemon does it)"]
    if said.unexplained:
        return ["next: orgsync why ID"]
    return [f"next: orgsync queue --stream {said.stream}"] if said.kinds.get("held") else []


def left_to_people(said: Verified, stream: Stream) -> list[str]:
    """What no repair touches, by kind, and what a person does about it."""
    orgs = {"source": stream.source, "target": stream.target, "stream": said.stream}
    found = dict(said.kinds)
    missing = {one.source_id for one in said.findings if one.kind == "missing"}
    found["strangers"] = sum(one.kind == "strangers" and one.source_id not in missing for one in said.findings)
    kinds = [kind for kind in _LEFT if found.get(kind) and kind not in mended_kinds(stream)]
    lines = [f"  {KINDS[kind][0].format(**orgs)}, {found[kind]:,}: {_LEFT[kind].format(**orgs)}" for kind in kinds]
    return ["left to people:", *lines] if lines else []


def _headline(said: Verified, stream: Stream) -> str:
    alone = sum(said.kinds.get(kind, 0) for kind in _OF_TARGET)
    unlike = said.unexplained - alone
    differ = f", {unlike:,} differ" if unlike else ""
    differ += f"; {alone:,} in {stream.target} stand{'s' if alone == 1 else ''} for nothing" if alone else ""
    line = f"{said.stream}: {said.kinds.get('equal', 0):,} of {said.total:,} equal{differ}"
    if said.goes_on is not None:
        return f"{line}; {said.unreached:,} were not verified, as {said.credits:,} credits are spent"
    return f"{line}; of {said.unreached:,} others an earlier run has spoken" if said.unreached else line


def _kinds(said: Verified, stream: Stream, limit: int) -> list[str]:
    """A line for every kind that there is, and some records of those that a person looks at."""
    orgs = {"source": stream.source, "target": stream.target}
    lines = []
    for kind in (kind for kind in KINDS if kind != "equal" and said.kinds.get(kind)):
        name, about = (text.format(**orgs) for text in KINDS[kind])
        if kind == "held":
            about = ", ".join(f"{code} {count:,}" for code, count in sorted(said.held.items()))
        lines.append(f"  {name}: {said.kinds[kind]:,}" + (f" ({about})" if about else ""))
        if kind in _LISTED:
            lines += _examples([one for one in said.findings if one.kind == kind], stream, limit)
    return lines


def _examples(found: Sequence[Finding], stream: Stream, limit: int) -> list[str]:
    lines = []
    for one in found[:limit]:
        there = f" = {one.target_id} of {stream.target}" if one.target_id else ""
        name = f" {printable(one.name)}" if one.name else ""
        lines.append(f"    {one.source_id}{name}{there}" + (f": {printable(one.why)}" if one.why else ""))
        lines += [f"      {_difference(different)}" for different in one.differences]
    more = len(found) - limit
    return [*lines, f"    and {more:,} more: --limit {len(found)}"] if more > 0 else lines


def _difference(one: Difference) -> str:
    return f"{one.field}: {_value(one.wanted)} is wanted, {_value(one.shown)} is there"


def _value(value: Json) -> str:
    """A value as a person reads it, shortened."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return str(value["id"])
    text = printable(str(value))
    return repr(text if len(text) <= _SHOWN else text[:_SHOWN] + "…") if isinstance(value, str) else text[:_SHOWN]


def _proof(said: Verified, stream: Stream) -> list[str]:
    """How each org was gone through, and what that cannot show."""
    lines = []
    if said.everything is not None:
        lines.append(f"every record was read, {said.everything}")
    polled = f"; each edit up to {instant(said.position.modified_time)} has an outcome in the ledger"
    lines.append(f"{stream.source}: {_of_source(said.source)}" + (polled if said.everything is None else ""))
    lines.append(f"{stream.target}: {_of_target(said.target)}")
    if said.by_count:
        lines.append(
            f"{said.by_count:,} of the equal ones by count and Modified_Time alone, which shows no edit that moves no "
            f"Modified_Time or came within {said.target.longest:,} s of orgsync's own write: --deep reads them"
        )
    if said.not_compared:
        lines.append(f"not compared: {', '.join(said.not_compared)}")
    return lines


def _of_source(how: How) -> str:
    counted = f"{how.counted:,} records counted, ranges of ids: {how.buckets:,}" if how.buckets else ""
    return "; ".join(part for part in (counted, f"{how.read:,} read" if how.read or not counted else "") if part)


def _of_target(how: How) -> str:
    counted = f"{how.counted:,} records counted, buckets of Modified_Time: {how.buckets:,}" if how.buckets else ""
    read = f"{how.read:,} read and compared by digests" if how.read or not counted else ""
    return "; ".join(part for part in (counted, read) if part)


def in_queue(queued: int, when: str) -> str:
    """What was put into the queue, and when it is looked at."""
    if not queued:
        return "nothing was put into the queue"
    return f"put into the queue: {queued:,}, to be read again and written {when}; see `orgsync queue`"


def as_document(said: Verified, stream: Stream, queued: int | None, plan: Shown | None) -> dict[str, object]:
    """The document of `verify --json`."""
    return {
        "schema": 1,
        "stream": said.stream,
        "equal": said.is_equal,
        "records": said.total,
        "unexplained": said.unexplained,
        "kinds": {kind: said.kinds.get(kind, 0) for kind in KINDS},
        "by_count": said.by_count,
        "held": [{"code": code, "records": count} for code, count in sorted(said.held.items())],
        "only_in_target": said.only_in_target,
        "checkpoint": said.position.modified_time.isoformat(),
        "everything": said.everything,
        "behind": said.behind,
        "source": _how(said.source, stream.source),
        "target": {**_how(said.target, stream.target), "longest_s": said.target.longest},
        "not_compared": list(said.not_compared),
        "findings": [_finding(one) for one in said.findings],
        "credits": said.credits,
        "unreached": said.unreached,
        "goes_on": None if said.goes_on is None else token_of(said.goes_on),
        "least": said.least,
        "queued": queued,
        "repair": None if plan is None else planned.as_document(plan),
    }


def _how(how: How, org: str) -> dict[str, object]:
    return {"org": org, "counted": how.counted, "buckets": how.buckets, "read": how.read}


def _finding(one: Finding) -> dict[str, object]:
    return {
        "kind": one.kind,
        "source_id": one.source_id,
        "target_id": one.target_id,
        "name": one.name,
        "why": one.why,
        "fields": [{"field": d.field, "wanted": d.wanted, "shown": d.shown} for d in one.differences],
    }


def token_of(place: Place) -> str:
    """A place in a word that can be typed."""
    edge = datetime.fromtimestamp(place.edge, UTC).isoformat() if place.side == "target" else str(place.edge)
    return f"{place.side}@{edge}"


def place_of(token: str | None) -> Place | None:
    """The place that a word names. Raises UsageError for one that no run has named."""
    if token is None:
        return None
    side, _, edge = token.partition("@")
    try:
        if side == "source":
            return Place(side="source", edge=int(edge))
        if side == "target":
            return Place(side="target", edge=int(datetime.fromisoformat(edge).timestamp()))
    except (ValueError, OverflowError):
        pass
    raise click.UsageError(f"--from takes a place that an earlier run has named, not {token[:60]!r}")
