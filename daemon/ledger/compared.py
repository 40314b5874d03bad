"""The full comparisons as people look at them: those that go on, and what the latest finished ones have found."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, func, select

from daemon.ledger.tables import comparisons

_row = comparisons.c
_found: Final = _row.differing + _row.missing + _row.drifted + _row.gone + _row.strangers


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparing:
    """A full comparison that goes on: records read on both sides, and `found`, those put into the queue so far."""

    stream: str
    started_at: datetime
    source_seen: int
    target_seen: int
    found: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Compared:
    """The latest full comparison that came to its end: records read in the source, and `found`, those of either side
    that were not as they should be.
    """

    stream: str
    finished_at: datetime
    source_seen: int
    found: int


def going_on(connection: Connection) -> list[Comparing]:
    """The full comparisons that go on, by stream."""
    query = select(_row.stream, _row.started_at, _row.source_seen, _row.target_seen, _found.label("found"))
    rows = connection.execute(query.where(_row.finished_at.is_(None)).order_by(_row.stream)).mappings()
    return [Comparing(**one) for one in rows]


def finished(connection: Connection) -> list[Compared]:
    """The latest finished one of every stream, by stream."""
    last = select(func.max(_row.id)).where(_row.finished_at.is_not(None)).group_by(_row.stream)
    query = select(_row.stream, _row.finished_at, _row.source_seen, _found.label("found"))
    rows = connection.execute(query.where(_row.id.in_(last)).order_by(_row.stream)).mappings()
    return [Compared(**one) for one in rows]
