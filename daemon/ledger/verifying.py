"""What `orgsync verify` reads of the ledger: every link of a stream with the time of its last write, and what is known
of records beside that. Read-only, while a daemon works with it.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import and_, select

from daemon.core.dropped import Version
from daemon.core.ends import QueueState, Waiting
from daemon.core.rules import Stream
from daemon.core.steps import Link, LinkState
from daemon.core.translate import Parent
from daemon.ledger import comparisons, lookups
from daemon.ledger.comparisons import Counterpart
from daemon.ledger.lookups import MIRRORED
from daemon.ledger.reader import Reader
from daemon.ledger.tables import agreed, causes, drops, id_map, intents, meta, orgs, retry_queue

_GONE: Final[tuple[LinkState, ...]] = ("gone",)


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """Two linked records. `written_at` is the Modified_Time that the stream's last write returned; None where it, or
    what the target holds, is not known.
    """

    source_id: str
    target_id: str
    state: LinkState
    written_at: datetime | None


class VerifyReader(Reader):
    """A ledger that is open for reading, with what verifying asks of it."""

    def digest_key(self) -> bytes:
        """The secret of core's digests."""
        with self._reading() as connection:
            return bytes.fromhex(connection.scalars(select(meta.c.value).where(meta.c.name == "digest_key")).one())

    def zgids(self) -> set[str]:
        """Zoho's numbers of the orgs that the ledger knows."""
        with self._reading() as connection:
            return set(connection.scalars(select(orgs.c.zgid)))

    def pairs(self, stream: Stream) -> list[Pair]:
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
        with self._reading() as connection:
            return [
                Pair(
                    source_id=source_id,
                    target_id=target_id,
                    state=cast("LinkState", state),
                    written_at=None if whole in (None, "", MIRRORED) else written_at,
                )
                for source_id, target_id, state, whole, written_at in connection.execute(query)
            ]

    def waiting(self, stream: Stream) -> dict[str, Waiting]:
        """The whole retry queue of a stream, by source id; of a deletion `modified_time` is None."""
        row = retry_queue.c
        columns = (row.source_id, row.kind, row.attempts, row.source_modified_time, row.waits_id, row.state)
        query = select(*columns, causes.c.code).join(causes, causes.c.id == row.cause_id)
        with self._reading() as connection:
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

    def unanswered(self, stream: Stream) -> set[str]:
        """The source ids of the stream's writes without an answer."""
        with self._reading() as connection:
            return set(connection.scalars(select(intents.c.source_id).where(intents.c.stream == stream.address)))

    def dropped(self, stream: Stream) -> dict[str, Version]:
        """The version of every record that a person dropped, where that stands."""
        row = drops.c
        query = select(row.source_id, row.source_modified_time)
        with self._reading() as connection:
            found = connection.execute(query.where(row.stream == stream.address, row.ended_at.is_(None)))
            return {one.source_id: one.source_modified_time for one in found}

    def links(self, stream: Stream, source_ids: Collection[str]) -> dict[str, Link]:
        """The counterparts of source records, each with what the target confirmed last for this stream."""
        with self._reading() as connection:
            return lookups.links(connection, stream, source_ids)

    def source_records(self, stream: Stream, target_ids: Collection[str]) -> dict[str, Counterpart]:
        """What the target's records stand for, by target id."""
        with self._reading() as connection:
            return comparisons.counterparts(connection, stream, target_ids)

    def stand_for(self, stream: Stream, target_ids: Collection[str]) -> dict[str, set[str]]:
        """The source records, of whatever module, that these target records stand for, by target id."""
        with self._reading() as connection:
            return lookups.stand_for(connection, stream, target_ids)

    def left(self, stream: Stream, parents: Collection[Parent], leaving: dict[str, str]) -> frozenset[Parent]:
        """The parents whose counterparts are gone; `leaving` is source module -> target module."""
        with self._reading() as connection:
            return frozenset(lookups.counterparts(connection, stream, parents, leaving, _GONE))
