"""The story of one record, by any of its ids: its counterpart, what it waits for, and the call that is not answered."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, Row, and_, or_, select

from daemon.core.side_by_side import Agreed
from daemon.ledger.lookups import names_in
from daemon.ledger.own_tables import meta
from daemon.ledger.tables import agreed, causes, changes, checkpoints, cycles, drops, id_map, intents, retry_queue


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """Its row of the retry queue, and the cause; `field` and `value` are empty where the cause is in none."""

    state: str
    attempts: int
    first_seen_at: datetime
    due_at: datetime | None
    cause_id: int
    code: str
    field: str
    value: str
    detail: str
    remedy: str
    waits_module: str | None
    waits_id: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Drop:
    """Who took it out of the queue, when and why, and what it had met there; `ended_at` is None while that stands."""

    dropped_at: datetime
    who: str
    reason: str
    code: str
    detail: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Unanswered:
    """A write that was sent, or about to be, when the answer or the daemon was lost."""

    action: str
    sent_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """What one stream's ledger knows of one record of its source.

    `state` is of the counterpart (live, flagged, deleted, gone), empty without one. `read_until` is the checkpoint's
    time, `polled_at` when the source was last asked, `poll_s` every how many seconds it is; `dropped` its latest drop,
    `trouble` says why the stream stands still.
    """

    stream: str
    source: str
    source_module: str
    source_id: str
    target: str
    target_module: str
    read_until: datetime
    polled_at: datetime | None
    poll_s: float
    trouble: str | None
    target_id: str | None = None
    state: str = ""
    linked_at: datetime | None = None
    confirmed_at: datetime | None = None
    waiting: Waiting | None = None
    dropped: Drop | None = None
    unanswered: Unanswered | None = None


def stories(connection: Connection, record_id: str) -> list[Story]:
    """One for every stream that has met the record, as a source or as a counterpart; by the stream's address."""
    streams = connection.execute(select(checkpoints).order_by(checkpoints.c.stream)).all()
    found = []
    for stream in streams:
        linked = {pair.source_id for pair in _pairs(connection, stream, record_id)}
        met = linked | _met(connection, stream.stream, record_id)
        found += [_story(connection, stream, source_id) for source_id in sorted(met)]
    return found


def agreement(connection: Connection, story: Story) -> Agreed:
    """What the counterpart of a story confirmed last; nothing where nothing is known of that."""
    source = id_map.alias("s")
    query = (
        select(agreed.c.field_digests, agreed.c.drifted)
        .join(source, source.c.entity_id == agreed.c.entity_id)
        .where(agreed.c.stream == story.stream, source.c.org == story.source)
        .where(source.c.module == story.source_module, source.c.record_id == story.source_id)
    )
    found = connection.execute(query).one_or_none()
    key = connection.scalar(select(meta.c.value).where(meta.c.name == "digest_key"))
    if found is None or key is None:
        return Agreed()
    return Agreed(by_field=json.loads(found.field_digests), drifted=names_in(found.drifted), key=bytes.fromhex(key))


def _pairs(connection: Connection, stream: Row[*tuple[Any, ...]], record_id: str) -> list[Row[*tuple[Any, ...]]]:
    """The pair that the record is one of, on either side: source_id, target_id, state, linked_at, agreed_at."""
    source, target = id_map.alias("s"), id_map.alias("t")
    at_source = and_(source.c.org == stream.source, source.c.module == stream.source_module)
    at_target = and_(target.c.org == stream.target, target.c.module == stream.target_module)
    query = (
        select(
            source.c.record_id.label("source_id"),
            target.c.record_id.label("target_id"),
            target.c.state,
            target.c.linked_at,
            agreed.c.agreed_at,
        )
        .join(target, and_(target.c.entity_id == source.c.entity_id, at_target))
        .outerjoin(agreed, and_(agreed.c.entity_id == source.c.entity_id, agreed.c.stream == stream.stream))
        .where(at_source)
    )
    # Two queries, each by a key: an OR over two tables would read them whole.
    sides = (source.c.record_id, target.c.record_id)
    return [row for side in sides for row in connection.execute(query.where(side == record_id)).all()]


def _met(connection: Connection, stream: str, record_id: str) -> set[str]:
    """Source ids under which the stream's queue, drops, open calls or history know the record."""
    asked = (
        select(retry_queue.c.source_id).where(retry_queue.c.stream == stream, retry_queue.c.source_id == record_id),
        select(drops.c.source_id).where(drops.c.stream == stream, drops.c.source_id == record_id),
        select(intents.c.source_id).where(
            intents.c.stream == stream, or_(intents.c.source_id == record_id, intents.c.target_id == record_id)
        ),
        *(
            select(changes.c.source_id)
            .join(cycles, cycles.c.id == changes.c.cycle_id)
            .where(cycles.c.stream == stream, column == record_id)
            .distinct()
            for column in (changes.c.source_id, changes.c.record_id)
        ),
    )
    return {source_id for query in asked for source_id in connection.scalars(query)}


def _story(connection: Connection, stream: Row[*tuple[Any, ...]], source_id: str) -> Story:
    link = next((pair for pair in _pairs(connection, stream, source_id) if pair.source_id == source_id), None)
    mine = (intents.c.stream == stream.stream, intents.c.source_id == source_id)
    call = connection.execute(select(intents.c.action, intents.c.sent_at).where(*mine)).one_or_none()
    return Story(
        stream=stream.stream,
        source=stream.source,
        source_module=stream.source_module,
        source_id=source_id,
        target=stream.target,
        target_module=stream.target_module,
        read_until=stream.modified_time,
        polled_at=stream.polled_at,
        poll_s=stream.poll_s,
        trouble=stream.trouble,
        target_id=None if link is None else link.target_id,
        state="" if link is None else link.state,
        linked_at=None if link is None else link.linked_at,
        confirmed_at=None if link is None else link.agreed_at,
        waiting=_waiting(connection, stream.stream, source_id),
        dropped=_dropped(connection, stream.stream, source_id),
        unanswered=None if call is None else Unanswered(action=call.action, sent_at=call.sent_at),
    )


def _waiting(connection: Connection, stream: str, source_id: str) -> Waiting | None:
    row = retry_queue.c
    told = (row.state, row.attempts, row.first_seen_at, row.due_at, row.detail, row.waits_module, row.waits_id)
    why = (causes.c.id.label("cause_id"), causes.c.code, causes.c.field, causes.c.value, causes.c.remedy)
    query = select(*told, *why).join(causes, causes.c.id == row.cause_id)
    found = connection.execute(query.where(row.stream == stream, row.source_id == source_id)).one_or_none()
    return None if found is None else Waiting(**found._mapping)


def _dropped(connection: Connection, stream: str, source_id: str) -> Drop | None:
    row = drops.c
    query = select(row.dropped_at, row.who, row.reason, row.code, row.detail, row.ended_at)
    query = query.where(row.stream == stream, row.source_id == source_id).order_by(row.id.desc()).limit(1)
    found = connection.execute(query).one_or_none()
    return None if found is None else Drop(**found._mapping)
