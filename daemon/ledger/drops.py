"""The drops table: who dropped what from the retry queue, when and why. A drop stands until the record is seen in
another version, or is asked for again by its id.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from daemon.core.dropped import Version
from daemon.ledger.among import among
from daemon.ledger.columns import storable
from daemon.ledger.tables import checkpoints, drops

_row = drops.c


def note(
    connection: Connection, stream: str, rows: Sequence[Row[*tuple[Any, ...]]], who: str, reason: str, now: datetime
) -> None:
    """These rows of a stream's queue (with the code of their cause) are dropped."""
    end(connection, stream, [row.source_id for row in rows], now)
    connection.execute(
        insert(drops),
        [
            {
                "stream": stream,
                "source_id": row.source_id,
                "source_modified_time": None if row.kind == "deletion" else row.source_modified_time,
                "code": row.code,
                "detail": row.detail,
                "dropped_at": now,
                "who": storable(who),
                "reason": storable(reason),
            }
            for row in rows
        ],
    )


def standing(connection: Connection, stream: str, ids: Collection[str]) -> dict[str, Version]:
    """The dropped version of each of these records that has one."""
    query = select(_row.source_id, _row.source_modified_time).where(_row.stream == stream, _row.ended_at.is_(None))
    rows = connection.execute(query.where(among(_row.source_id, ids)))
    return {row.source_id: row.source_modified_time for row in rows}


def of_record(connection: Connection, stream: str | None, source_id: str) -> Sequence[Row[*tuple[Any, ...]]]:
    """The standing drops of a record, in one stream or all, with the stream's route and target_module."""
    query = (
        select(_row.stream, _row.source_modified_time, checkpoints.c.route, checkpoints.c.target_module)
        .join(checkpoints, checkpoints.c.stream == _row.stream)
        .where(_row.source_id == source_id, _row.ended_at.is_(None))
    )
    return connection.execute(query if stream is None else query.where(_row.stream == stream)).all()


def end(connection: Connection, stream: str, ids: Collection[str], now: datetime) -> None:
    """What was dropped of these records counts no more."""
    mine = _row.stream == stream, _row.ended_at.is_(None)
    if ids:
        connection.execute(update(drops).where(*mine, among(_row.source_id, ids)).values(ended_at=now))
