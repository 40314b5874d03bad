"""What of a page was settled before: polls overlap from the checkpoint on, and what still looks the same is not planned
again.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import orjson

from daemon.core.record import Change, Position
from daemon.sync.changes import Page


class Overlap:
    """Remembers what the last pages looked like."""

    def __init__(self) -> None:
        self._settled: dict[str, tuple[datetime, int]] = {}

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

    def clear(self) -> None:
        """Everything is planned again."""
        self._settled.clear()


def _fingerprint(change: Change) -> tuple[datetime, int]:
    body = orjson.dumps(change.values, option=orjson.OPT_SORT_KEYS)
    return change.position.modified_time, hash(body)
