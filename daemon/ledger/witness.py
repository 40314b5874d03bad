"""Tells whether a ledger is an older copy of itself: what it says of the targets is then not true (promise 11).

Beside the ledger lies a small file with the number of the last write that any copy of it has known. Restoring a backup
of the ledger leaves that file alone. (Restoring the whole folder does not; see docs/operations.md.)
"""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection, and_, func, insert, literal, null, select, update

from daemon.core.record import START
from daemon.ledger.tables import agreed, changes, checkpoints, comparisons, id_map


def last_write(connection: Connection) -> int:
    """The number of the newest write in the ledger; 0 when there is none."""
    return connection.scalar(select(func.max(changes.c.id))) or 0


def note(file: Path, number: int) -> None:
    """Remember that this write is known. A file that cannot be written is no reason to stop: it is only a witness."""
    draft = file.with_suffix(".draft")
    try:
        draft.touch(mode=0o600)
        draft.write_text(str(number))
        draft.replace(file)
    except OSError:
        return


def is_older(file: Path, connection: Connection) -> bool:
    """Whether more was written than this ledger knows of."""
    try:
        known = int(file.read_text())
    except (OSError, ValueError):
        return False
    return known > last_write(connection)


def distrust(connection: Connection) -> int:
    """Nothing is known any more of what the targets hold: they are asked before the next write of each record, and
    before anything is believed of a counterpart that had ended. Comparisons begin anew. Gives the number of records.
    """
    done = comparisons.c.finished_at.is_not(None)
    finished = select(func.max(comparisons.c.id)).where(comparisons.c.stream == agreed.c.stream, done).scalar_subquery()
    unknown = {"source_digest": "", "field_digests": "{}", "target_modified_time": None, "drifted": None}
    live = connection.execute(update(agreed).values(unknown | {"source_comparison": finished})).rowcount
    start = {"side": "source", "modified_time": START.modified_time, "record_id": START.record_id}
    connection.execute(update(comparisons).where(~done).values(start))
    return live + _doubt_ended(connection)


def _doubt_ended(connection: Connection) -> int:
    """Of a counterpart that had ended the ledger keeps no digests. Now it keeps that they are not known."""
    source, target, stream = id_map.alias("s"), id_map.alias("t"), checkpoints.c
    at_source = and_(source.c.entity_id == target.c.entity_id, source.c.org == stream.source)
    mine = and_(agreed.c.entity_id == target.c.entity_id, agreed.c.stream == stream.stream)
    ended = (
        select(
            *(target.c.entity_id, stream.stream, literal("").label("source_digest")),
            *(literal("{}").label("field_digests"), null().label("target_modified_time"), target.c.linked_at),
        )
        .join(checkpoints, and_(stream.target == target.c.org, stream.target_module == target.c.module))
        .join(source, and_(at_source, source.c.module == stream.source_module))
        .outerjoin(agreed, mine)
        .where(target.c.state != "live", agreed.c.entity_id.is_(None))
    )
    names = ["entity_id", "stream", "source_digest", "field_digests", "target_modified_time", "agreed_at"]
    found = connection.scalar(select(func.count()).select_from(ended.subquery())) or 0
    connection.execute(insert(agreed).from_select(names, ended))
    return found
