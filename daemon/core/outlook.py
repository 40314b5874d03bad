"""What comes of what both orgs show of a record at rest: which part of the daemon sees it, and what that does by the
stream's settings. Pure.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from daemon.core.rules import Stream
from daemon.core.side_by_side import Standing, Today

_DELETED: Final = {"flag": "marks its counterpart", "delete": "deletes its counterpart"}
_MOVED: Final[tuple[Standing, ...]] = ("differs", "either", "changed in both")
_DRIFTED: Final = {"report": "holds it for a person", "overwrite": "puts the source's values back"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """What acts next on a record, and what it does then; of nothing: why."""

    by: Literal["poll", "comparison", "nothing"]
    does: str


def outlook(stream: Stream, today: Today, read_until: datetime, *, linked: bool, live: bool) -> Outlook | None:
    """What happens to a record that waits for nothing; None where both orgs are as they should be. `linked`: it has a
    counterpart, which is `live` for all that the ledger knows.
    """
    if today.source_at is None:
        return _gone_here(stream, live=live)
    is_new = not linked or any(today.has(standing) for standing in _MOVED)  # else it was read, just behind the horizon
    if today.source_at > read_until and is_new:
        return Outlook(by="poll", does="reads its latest change")
    if today.matches is False and stream.unmatched != "follow":
        return Outlook(by="nothing", does=f'it does not match the filter (unmatched = "{stream.unmatched}")')
    return _of_counterpart(stream, today, is_owed=linked and live)


def _of_counterpart(stream: Stream, today: Today, *, is_owed: bool) -> Outlook | None:
    """What no poll sees."""
    if is_owed and today.target_at is None:
        return Outlook(by="comparison", does=f'finds that its counterpart is gone (gone = "{stream.gone}")')
    if today.has("differs"):
        return Outlook(by="comparison", does="finds the difference, and it is brought over")
    if today.has("changed there") or today.has("changed in both"):
        does = _DRIFTED.get(stream.drift, "leaves it as it is")
        return Outlook(by="comparison", does=f'{does} (drift = "{stream.drift}")')
    return None


def _gone_here(stream: Stream, *, live: bool) -> Outlook:
    does = _DELETED.get(stream.deletes)
    if does is None or not live:
        return Outlook(by="nothing", does=f'it is not in {stream.source} any more (deletes = "{stream.deletes}")')
    return Outlook(by="poll", does=f"sees that it was deleted, and {does}")
