"""What readers see while writes are slow to become visible: a copy of an org's tables that follows behind.

It exists only while some write is still hidden (fault effect `visibility`). The writes to one record reach it in their
order; those to different records may overtake each other, so that a reader sees what is younger first.
"""

from __future__ import annotations

from collections.abc import Mapping
from heapq import heappop, heappush

from daemon.emulator.store import Record, Table


class Replica:
    """The readers' tables and the writes that have not reached them yet."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = {name: table.copy() for name, table in tables.items()}
        self._waiting: list[tuple[float, int, str, int, Record | None]] = []
        self._last: dict[tuple[str, int], float] = {}
        self._pushed = 0

    def push(self, due: float, module: str, number: int, record: Record | None) -> None:
        """Queue a write (`None` = removal) to become visible at `due`, never before earlier ones to the record."""
        due = max(due, self._last.get((module, number), due))
        self._last[module, number] = due
        self._pushed += 1
        heappush(self._waiting, (due, self._pushed, module, number, record))

    def catch_up(self, now: float) -> bool:
        """Apply what is due; True when nothing is hidden any more."""
        while self._waiting and self._waiting[0][0] <= now:
            _, _, module, number, record = heappop(self._waiting)
            if record is None:
                self.tables[module].remove(number)
            else:
                self.tables[module].put(record)
        return not self._waiting
