"""The drops table: who dropped what from the retry queue, when and why, and of what an undo put back the version that
is not to be written again. A drop stands until the record is seen in another version, or is asked for again by its id;
that of an undo also until the mapping is another.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, insert, select, update

from daemon.core.causes import UNDONE
from daemon.core.dropped import PutBack, Version, put_back_by
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


def put_back(connection: Connection, stream: str, ids: Collection[str] | None = None) -> dict[str, PutBack]:
    """What an undo put back and what stands so, by source id; of all records when `ids` is None."""
    query = select(_row.source_id, _row.source_modified_time, _row.detail)
    query = query.where(_row.stream == stream, _row.code == UNDONE, _row.ended_at.is_(None))
    rows = connection.execute(query if ids is None else query.where(among(_row.source_id, ids)))
    return {row.source_id: PutBack(version=row.source_modified_time, by=row.detail) for row in rows}


def hold_back(
    connection: Connection, stream: str, versions: Mapping[str, Version], cycle: int, who: str, now: datetime
) -> None:
    """These versions of records (by source id) are not written again: the undo of a cycle has put back what they were
    written over.
    """
    end(connection, stream, versions, now)
    rows = [
        {
            "stream": stream,
            "source_id": source_id,
            "source_modified_time": version,
            "code": UNDONE,
            "detail": put_back_by(cycle),
            "dropped_at": now,
            "who": storable(who),
            "reason": f"orgsync undo --cycle {cycle}",
        }
        for source_id, version in versions.items()
    ]
    if rows:
        connection.execute(insert(drops), rows)


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


def end_put_back(connection: Connection, stream: str, ids: Collection[str] | None, now: datetime) -> None:
    """What an undo held back of these records (None: of all) is written again."""
    mine = _row.stream == stream, _row.code == UNDONE, _row.ended_at.is_(None)
    chosen = mine if ids is None else (*mine, among(_row.source_id, ids))
    if ids is None or ids:
        connection.execute(update(drops).where(*chosen).values(ended_at=now))
