"""What there is to see at a moment: the ledger read-only, the emulator's meter, and the writer's tally.

The ledger's columns are a public interface (design 8); this reads them as an operator's SQL would.
"""

from __future__ import annotations

import contextlib
import sqlite3
import time
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Self

from daemon.demo.caller import Control
from daemon.demo.expected import MODULES
from daemon.demo.scene import ROUTE
from daemon.demo.writer import Work
from daemon.ledger import Reader, StreamStatus, Stuck
from daemon.ledger.errors import LedgerError

_WINDOW_S: Final = 3.0


@contextmanager
def reading(ledger: Path) -> Iterator[sqlite3.Connection]:
    """The ledger as `sqlite3 -readonly` opens it."""
    with contextlib.closing(sqlite3.connect(f"file:{ledger}?mode=ro", uri=True, timeout=5)) as connection:
        yield connection


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRow:
    """One module's progress."""

    module: str
    in_a: int
    linked: int
    rate: float
    status: StreamStatus | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """Everything that the screen shows, and what tells that all is quiet."""

    rows: tuple[StreamRow, ...]
    stuck: tuple[Stuck, ...]
    credits: Mapping[str, int]
    created: int
    edited: int
    open_intents: int
    current_until: float | None

    @property
    def first_pass_done(self) -> bool:
        """Whether every stream has been through all of A once."""
        return all(row.status is not None and row.status.caught_up_at is not None for row in self.rows)

    def quiet_since(self, moment: float) -> bool:
        """Whether everything up to that time (seconds since 1970) has its outcome and nothing is on its way."""
        due = sum(row.status.due if row.status else 1 for row in self.rows)
        return self.first_pass_done and not due and not self.open_intents and (self.current_until or 0) > moment


class Watcher:
    """Takes looks. Close it."""

    def __init__(self, ledger: Path, control: Control, work: Work, in_a: Mapping[str, int]) -> None:
        self._ledger, self._control, self._work, self._in_a = ledger, control, work, in_a
        self._reader: Reader | None = None
        self._seen: deque[tuple[float, Mapping[str, int]]] = deque()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._reader is not None:
            self._reader.close()

    def look(self) -> Look:
        """How things stand now; before there is a ledger, nothing is linked."""
        linked, intents, until = self._counts()
        at = time.monotonic()
        self._seen.append((at, linked))
        while len(self._seen) > 2 and self._seen[0][0] < at - _WINDOW_S:
            self._seen.popleft()
        then, before = self._seen[0]
        span = max(at - then, 0.001)
        streams, stuck = self._status()
        created = self._work.created.copy()
        return Look(
            rows=tuple(
                StreamRow(
                    module=module,
                    in_a=self._in_a[module] + created[module],
                    linked=linked.get(module, 0),
                    rate=(linked.get(module, 0) - before.get(module, 0)) / span,
                    status=streams.get(f"{ROUTE}/{module}"),
                )
                for module in MODULES
            ),
            stuck=tuple(stuck),
            credits={org: one["total"] for org, one in self._control.get("/credits").items()},
            created=sum(created.values()),
            edited=self._work.edited,
            open_intents=intents,
            current_until=until,
        )

    def _status(self) -> tuple[dict[str, StreamStatus], list[Stuck]]:
        try:
            if self._reader is None:
                self._reader = Reader.open(f"sqlite:///{self._ledger}")
            return {one.stream: one for one in self._reader.streams()}, self._reader.stuck()
        except LedgerError:  # not there yet, or still being made
            return {}, []

    def _counts(self) -> tuple[dict[str, int], int, float | None]:
        try:
            with reading(self._ledger) as connection:
                linked = dict(
                    connection.execute("SELECT module, count(*) FROM id_map WHERE org = 'us' GROUP BY module")
                )
                (intents,) = connection.execute("SELECT count(*) FROM intents").fetchone()
                (until,) = connection.execute("SELECT min(current_until) FROM checkpoints").fetchone()
        except sqlite3.OperationalError:
            return {}, 0, None
        return linked, intents, None if until is None else datetime.fromisoformat(until).replace(tzinfo=UTC).timestamp()
