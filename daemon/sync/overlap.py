"""What of a page was settled before: polls overlap from the checkpoint on, and what still looks the same is not planned
again. Where that would be much to read, it is left out until the horizon has passed it: then it is read once more,
because a write of the source may become visible late (design 3).
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from daemon.core.record import EPOCH, Change, Position
from daemon.sync.changes import Page, Skip


class Overlap:
    """Remembers what the last pages looked like."""

    def __init__(self) -> None:
        self._settled: dict[str, tuple[datetime, int]] = {}
        self._read_until: datetime | None = None

    def unsettled(self, page: Page) -> list[Change]:
        """What of a page is to be planned."""
        settled = self._settled
        return [c for c in page.changes if c.record_id not in settled or settled[c.record_id] != _fingerprint(c)]

    def remember(self, changes: Iterable[Change], unsent: frozenset[str], checkpoint: Position) -> None:
        """These were settled, but for the unsent. Of what is read apart a page shows nothing: then only records count
        whose second was over before the page was asked for.
        """
        edge = checkpoint.modified_time
        self._settled = {i: mark for i, mark in self._settled.items() if mark[0] >= edge}
        met_again = [c for c in changes if c.modified_time >= edge and c.record_id not in unsent]
        self._settled.update((c.record_id, _fingerprint(c)) for c in met_again)

    def read_until(self, moment: datetime) -> None:
        """All that was changed before has an outcome, but for what may still become visible."""
        self._read_until = max(self._read_until or EPOCH, moment.replace(microsecond=0))

    def leave_out_nothing(self) -> None:
        """Until a walk has read all again."""
        self._read_until = None

    def skip(self, horizon: datetime, few: int) -> Skip | None:
        """What a walk with this horizon (whole seconds) leaves out, where that is more than a few records."""
        until = self._read_until
        if until is None or self._count(horizon, until) <= few:
            return None
        return Skip(since=horizon, until=until)

    def before(self, horizon: datetime) -> int:
        """How many records such a walk will at least meet again."""
        return self._count(EPOCH, horizon)

    def _count(self, since: datetime, until: datetime) -> int:
        return sum(since <= at < until for at, _ in self._settled.values())

    def clear(self) -> None:
        """Everything is read and planned again."""
        self._settled.clear()
        self.leave_out_nothing()


def _fingerprint(change: Change) -> tuple[datetime, int]:
    body = orjson.dumps(change.values, option=orjson.OPT_SORT_KEYS)
    return change.position.modified_time, hash(body)
