"""What a look ahead asks of the ledger, beside what a cycle does (lookups.py)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime

from sqlalchemy import Connection, and_, func, or_, select

from daemon.core.causes import DRIFT, TARGET_GONE
from daemon.core.rules import Stream
from daemon.ledger.among import among
from daemon.ledger.lookups import DueRow
from daemon.ledger.tables import causes, cycles, retry_queue

_row = retry_queue.c


def queued(connection: Connection, stream: Stream, ids: Collection[str], now: datetime) -> list[DueRow]:
    """These records' rows of the retry queue, in whatever state, as if they were due now."""
    columns = (_row.source_id, _row.attempts, causes.c.code, _row.source_modified_time)
    query = select(*columns).join(causes, causes.c.id == _row.cause_id).where(_row.stream == stream.address)
    return [
        DueRow(source_id=source_id, attempts=attempts, cause_code=code, due_at=now, modified_time=modified_time)
        for source_id, attempts, code, modified_time in connection.execute(query.where(among(_row.source_id, ids)))
    ]


def to_wake(
    connection: Connection, stream: Stream, codes: Collection[str], limit: int, *, refused: bool = False
) -> list[str]:
    """Records that are held for these causes, the longest first; with `refused` also what the target has refused, as
    queue.wake_held wakes it.
    """
    by_target = and_(_row.waits_id.is_(None), causes.c.code.not_in((DRIFT, TARGET_GONE)))
    chosen = or_(causes.c.code.in_(codes), by_target) if refused else causes.c.code.in_(codes)
    query = (
        select(_row.source_id)
        .join(causes, causes.c.id == _row.cause_id)
        .where(_row.stream == stream.address, _row.state == "held", chosen)
        .order_by(_row.first_seen_at, _row.source_id)
        .limit(limit)
    )
    return list(connection.scalars(query))


def last_cycle(connection: Connection, stream: Stream) -> int | None:
    """The number of the stream's latest cycle."""
    found: int | None = connection.scalar(select(func.max(cycles.c.id)).where(cycles.c.stream == stream.address))
    return found
