"""What readers see while writes are slow to become visible: a copy of an org's tables that follows behind.

It exists only while some write is still hidden (fault effect `visibility`); writes reach it in their order.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from daemon.emulator.store import Record, Table


class Replica:
    """The readers' tables and the writes that have not reached them yet."""

    def __init__(self, tables: Mapping[str, Table]) -> None:
        self.tables = {name: table.copy() for name, table in tables.items()}
        self._waiting: deque[tuple[float, str, int, Record | None]] = deque()

    def push(self, due: float, module: str, number: int, record: Record | None) -> None:
        """Queue a write (`None` = removal) to become visible at `due`, never before the writes queued earlier."""
        if self._waiting:
            due = max(due, self._waiting[-1][0])
        self._waiting.append((due, module, number, record))

    def catch_up(self, now: float) -> bool:
        """Apply what is due; True when nothing is hidden any more."""
        while self._waiting and self._waiting[0][0] <= now:
            _, module, number, record = self._waiting.popleft()
            if record is None:
                self.tables[module].remove(number)
            else:
                self.tables[module].put(record)
        return not self._waiting
