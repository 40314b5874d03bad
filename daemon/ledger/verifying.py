"""What `orgsync verify` asks of the ledger about a whole stream: every link with the time of its last write, and what
is known of records beside that.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import cast

from sqlalchemy import Connection, and_, select

from daemon.core.dropped import Version
from daemon.core.ends import QueueState, Waiting
from daemon.core.rules import Stream
from daemon.core.steps import LinkState
from daemon.ledger.lookups import MIRRORED
from daemon.ledger.tables import agreed, causes, drops, id_map, retry_queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two linked records. `written_at` is the Modified_Time that the stream's last write returned; None where it, or
    what the target holds, is not known.
    """

    source_id: str
    target_id: str
    state: LinkState
    written_at: datetime | None


def pairs(connection: Connection, stream: Stream) -> list[Pair]:
    """Every link between the two modules of a stream, whoever has made it."""
    source, target = id_map.alias("s"), id_map.alias("t")
    there = and_(
        target.c.entity_id == source.c.entity_id,
        target.c.org == stream.target,
        target.c.module == stream.target_module,
    )
    mine = and_(agreed.c.entity_id == source.c.entity_id, agreed.c.stream == stream.address)
    query = (
        select(
            *(source.c.record_id, target.c.record_id, target.c.state),
            *(agreed.c.source_digest, agreed.c.target_modified_time),
        )
        .join(target, there)
        .outerjoin(agreed, mine)
        .where(source.c.org == stream.source, source.c.module == stream.source_module)
    )
    return [
        Pair(
            source_id=source_id,
            target_id=target_id,
            state=cast("LinkState", state),
            written_at=None if whole in (None, "", MIRRORED) else written_at,
        )
        for source_id, target_id, state, whole, written_at in connection.execute(query)
    ]


def waiting(connection: Connection, stream: Stream) -> dict[str, Waiting]:
    """The whole retry queue of a stream, by source id; of a deletion `modified_time` is None."""
    row = retry_queue.c
    columns = (row.source_id, row.kind, row.attempts, row.source_modified_time, row.waits_id, row.state)
    query = select(*columns, causes.c.code).join(causes, causes.c.id == row.cause_id)
    return {
        source_id: Waiting(
            source_id=source_id,
            attempts=attempts,
            modified_time=None if kind == "deletion" else moment,
            for_parent=parent is not None,
            state=cast("QueueState", state),
            code=code,
        )
        for source_id, kind, attempts, moment, parent, state, code in connection.execute(
            query.where(row.stream == stream.address)
        )
    }


def dropped(connection: Connection, stream: Stream) -> dict[str, Version]:
    """The version of every record that a person dropped, where that stands."""
    row = drops.c
    query = select(row.source_id, row.source_modified_time)
    found = connection.execute(query.where(row.stream == stream.address, row.ended_at.is_(None)))
    return {one.source_id: one.source_modified_time for one in found}
