"""What the ledger may forget: the history, and never what the road stands on.

Rows of `changes`, `conflicts` and `cycles` go when they are older than the retention; so do comparisons and (counted
from their end) `alerts` that are over, and fuses that are used up; then causes without a row in the queue. The newest
row of each table stays, so that no number is given twice; so do the last cycle of every stream, which `status` shows,
its last comparison, by which the next one is due, and a cycle whose sum is off, which is an alarm. SQLite uses
the freed pages again: the file stays as long as the history was at its longest, and never shrinks.
"""

from __future__ import annotations

from datetime import datetime
from typing import Final

from sqlalchemy import ColumnElement, Connection, Select, Table, delete, func, select, text

from daemon.ledger.own_tables import alerts
from daemon.ledger.tables import TALLY, causes, changes, comparisons, conflicts, cycles, fuses, retry_queue

STEP: Final = 500


def forget(connection: Connection, before: datetime, step: int = STEP) -> int:
    """Remove up to `step` rows of each kind that are older than `before`; gives their number, 0 when none is left."""
    return sum(_remove(connection, table, old, step) for table, old in _old(before))


def _old(before: datetime) -> list[tuple[Table, Select[tuple[int]]]]:
    """The numbers of the rows that may go, oldest first, in the order in which they may go."""
    last = select(func.max(cycles.c.id)).group_by(cycles.c.stream)
    compared = select(func.max(comparisons.c.id)).group_by(comparisons.c.stream)
    written = select(changes.c.id).where(changes.c.cycle_id == cycles.c.id).exists()
    queued = select(retry_queue.c.cause_id).where(retry_queue.c.cause_id == causes.c.id).exists()
    return [
        (changes, select(changes.c.id).where(changes.c.at < before, _not_newest(changes)).order_by(changes.c.at)),
        (
            conflicts,
            select(conflicts.c.id).where(conflicts.c.at < before, _not_newest(conflicts)).order_by(conflicts.c.at),
        ),
        (alerts, select(alerts.c.id).where(alerts.c.resolved_at < before, _not_newest(alerts)).order_by(alerts.c.id)),
        (
            cycles,
            select(cycles.c.id)
            .where(cycles.c.started_at < before, cycles.c.id.not_in(last), text(f"seen = {TALLY}"), ~written)
            .order_by(cycles.c.id),
        ),
        (
            comparisons,
            select(comparisons.c.id)
            .where(comparisons.c.finished_at < before, comparisons.c.id.not_in(compared))
            .order_by(comparisons.c.id),
        ),
        (fuses, select(fuses.c.id).where(fuses.c.spent_at < before, _not_newest(fuses)).order_by(fuses.c.id)),
        (
            causes,
            select(causes.c.id)
            .where(causes.c.first_seen_at < before, causes.c.open_count == 0, ~queued, _not_newest(causes))
            .order_by(causes.c.id),
        ),
    ]


def _not_newest(table: Table) -> ColumnElement[bool]:
    return table.c.id < select(func.max(table.alias().c.id)).scalar_subquery()


def _remove(connection: Connection, table: Table, old: Select[tuple[int]], step: int) -> int:
    return connection.execute(delete(table).where(table.c.id.in_(old.limit(step)))).rowcount
