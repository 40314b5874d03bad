"""Deleted records of the source, and when to look whether they were restored: no list says so, and a restored record
may keep its Modified_Time (facts 5.4).

A record is looked at again when it has been gone as long again as it was gone at the last look. So a restore is noticed
at the latest after as long as the record had been gone, and a deletion costs some twenty looks, a hundred a call.
All times are the source's own.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import Connection, delete, select

from daemon.core.rules import Stream
from daemon.ledger.among import among
from daemon.ledger.tables import deletions
from daemon.ledger.upsert import upsert

KEPT: Final = timedelta(days=61)
"""Zoho keeps deleted records for 60 days (facts 5.2); then there is nothing to restore."""
_FIRST: Final = timedelta(minutes=1)
_row = deletions.c


def remember(connection: Connection, stream: Stream, deleted: Mapping[str, datetime], now: datetime) -> None:
    """These records (id -> when) are gone, as was seen just now, by the source's clock."""
    forget(connection, stream, [i for i, at in deleted.items() if now - at > KEPT])
    rows = [
        {"stream": stream.address, "source_id": i, "deleted_at": at, "look_at": now + max(now - at, _FIRST)}
        for i, at in deleted.items()
        if now - at <= KEPT
    ]
    if rows:
        connection.execute(upsert(connection, deletions), rows)


def forget(connection: Connection, stream: Stream, ids: Collection[str]) -> None:
    """These are not gone any more, or for good."""
    connection.execute(delete(deletions).where(_row.stream == stream.address, among(_row.source_id, ids)))


def known(connection: Connection, stream: Stream, ids: Collection[str]) -> set[str]:
    """Those of the records that the stream's deleted list has named, and that were not seen again since."""
    query = select(_row.source_id).where(_row.stream == stream.address)
    return set(connection.scalars(query.where(among(_row.source_id, ids))))


def to_look(connection: Connection, stream: Stream, now: datetime, limit: int) -> dict[str, datetime]:
    """Id -> when it was deleted, of those whose time has come, the most overdue first."""
    query = select(_row.source_id, _row.deleted_at).where(_row.stream == stream.address, _row.look_at <= now)
    return {row.source_id: row.deleted_at for row in connection.execute(query.order_by(_row.look_at).limit(limit))}
