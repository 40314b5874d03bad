"""What a cycle asks the ledger before it plans: links, parents, the queue, open intents. One query for a page."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Self, cast

import orjson
from sqlalchemy import JSON, ColumnElement, Connection, FromClause, and_, func, or_, select, type_coerce
from sqlalchemy import cast as cast_to

from daemon.core.agreement import Promise
from daemon.core.causes import TARGET_GONE
from daemon.core.digest import OWED
from daemon.core.ends import QueueState, Waiting
from daemon.core.former import Before
from daemon.core.rules import Stream
from daemon.core.steps import Action, Link, LinkState
from daemon.core.translate import Parent
from daemon.ledger.among import among
from daemon.ledger.pacts import load_promise
from daemon.ledger.tables import agreed, causes, changes, checkpoints, comparisons, id_map, intents, retry_queue

THERE: Final[tuple[LinkState, ...]] = ("live", "flagged")
"""The states of a counterpart that exists."""
GONE: Final[tuple[LinkState, ...]] = ("gone",)
"""Those of one that was deleted in the target by others."""
MIRRORED: Final = "mirrored"
"""Stands for the digest of a whole record that the stream has never carried: only its way back has met it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DueRow:
    """A record whose time to be tried again has come."""

    source_id: str
    attempts: int
    cause_code: str
    due_at: datetime
    modified_time: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Intent:
    """A write that is sent, or about to be, and whose answer is not in the ledger. `promise`: on a circle. `fields` of
    the target are what it carries; None: any. `before` is what these held, where undo is on; it is stored sealed, and
    never read back from here (undo.py).
    """

    source_id: str
    action: Action
    target_id: str | None
    sent_at: datetime
    match: Mapping[str, str]
    promise: Promise | None = None
    fields: frozenset[str] | None = None
    before: Before = field(default_factory=dict, repr=False)

    def after(self, earlier: Self | None) -> Self:
        """The same where an earlier write has no answer either: what that one carried may arrive too."""
        if earlier is None:
            return self
        if self.fields is None or earlier.fields is None:
            return replace(self, fields=None)
        return replace(self, fields=self.fields | earlier.fields)


def names_in(text: str | None) -> frozenset[str]:
    """The names of a JSON list; none where there is no list."""
    return frozenset(json.loads(text)) if text else frozenset()


def names_of(names: Collection[str]) -> str | None:
    """The JSON list of names; None where there are none."""
    return json.dumps(sorted(names)) if names else None


def links(connection: Connection, stream: Stream, source_ids: Collection[str]) -> dict[str, Link]:
    """The counterparts of source records, each with what the target confirmed last for this stream."""
    source, target = id_map.alias("s"), id_map.alias("t")
    query = (
        select(
            *(source.c.record_id, source.c.entity_id, target.c.record_id, target.c.state),
            *(agreed.c.source_digest, agreed.c.field_digests, agreed.c.drifted, agreed.c.target_modified_time),
        )
        .join(target, _counterpart(source, target, stream.target, stream.target_module))
        .outerjoin(agreed, and_(agreed.c.entity_id == source.c.entity_id, agreed.c.stream == stream.address))
        .where(source.c.org == stream.source, source.c.module == stream.source_module)
    )
    return {
        source_id: Link(
            entity_id=entity_id,
            target_id=target_id,
            whole=whole or None,
            by_field={} if by_field is None else orjson.loads(by_field),
            state=cast("LinkState", state),
            agreed=whole not in (None, MIRRORED),
            modified_time=modified_time,
            drifted=names_in(drifted),
        )
        for source_id, entity_id, target_id, state, whole, by_field, drifted, modified_time in connection.execute(
            query.where(among(source.c.record_id, source_ids))
        )
    }


def counterparts(
    connection: Connection,
    stream: Stream,
    parents: Collection[Parent],
    carried: Mapping[str, str],
    states: Collection[LinkState],
) -> dict[Parent, str]:
    """The target ids of the parents whose counterpart is in one of the states; `carried` is source module -> target
    module.
    """
    source, target = id_map.alias("s"), id_map.alias("t")
    found: dict[Parent, str] = {}
    for module in {parent.module for parent in parents} & carried.keys():
        query = (
            select(source.c.record_id, target.c.record_id)
            .join(target, _counterpart(source, target, stream.target, carried[module]))
            .where(source.c.org == stream.source, source.c.module == module, target.c.state.in_(states))
        )
        ids = {parent.record_id for parent in parents if parent.module == module}
        for source_id, target_id in connection.execute(query.where(among(source.c.record_id, ids))):
            found[Parent(module=module, record_id=source_id)] = target_id
    return found


def count_links(connection: Connection, stream: Stream) -> int:
    """How many records the stream has agreed with its target."""
    return connection.scalar(select(func.count()).where(agreed.c.stream == stream.address)) or 0


def holding(
    connection: Connection, stream: Stream, field: str, digests: Collection[str], *, or_nothing: bool
) -> set[str]:
    """The source records whose counterparts confirmed one of these values (short digests) in a field of the target;
    with `or_nothing` also those that were written without that field.
    """
    source = id_map.alias("s")
    read_as = cast_to if connection.dialect.name == "postgresql" else type_coerce
    value = read_as(agreed.c.field_digests, JSON)[field].as_string()
    query = (
        select(source.c.record_id)
        .select_from(agreed)
        .join(source, _counterpart(agreed, source, stream.source, stream.source_module))
        .where(agreed.c.stream == stream.address)
    )
    found = set(connection.scalars(query.where(value.is_(None)))) if or_nothing else set()
    return found.union(connection.scalars(query.where(among(value, digests))))


def owed(connection: Connection, stream: Stream, source_ids: Collection[str]) -> dict[str, frozenset[str]]:
    """The fields of source records that the streams of its circle which write there still owe to them (digest.OWED)."""
    there = checkpoints.c
    query = (
        select(id_map.c.record_id, agreed.c.field_digests)
        .join(agreed, agreed.c.entity_id == id_map.c.entity_id)
        .join(checkpoints, there.stream == agreed.c.stream)
        .where(id_map.c.org == stream.source, id_map.c.module == stream.source_module)
        .where(there.target == stream.source, there.target_module == stream.source_module)
        .where(agreed.c.stream.in_(stream.circle), agreed.c.field_digests.contains('""'))
    )
    return {
        record_id: frozenset(name for name, digest in json.loads(digests).items() if digest == OWED)
        for record_id, digests in connection.execute(query.where(among(id_map.c.record_id, source_ids)))
    }


def has_unknown(connection: Connection, stream: Stream) -> bool:
    """Whether there are records of which it is not known any more what the target holds (witness.py), and that neither
    the queue nor a comparison since then has taken care of.
    """
    source, target, row = id_map.alias("s"), id_map.alias("t"), retry_queue.c
    mine = agreed.c.stream == stream.address, agreed.c.source_digest == ""
    # Few or none; before Postgres has counted a new table's rows it would begin with all pairs of the id map.
    unknown = select(agreed.c.entity_id, agreed.c.source_comparison).where(*mine).cte("unknown")
    unknown = unknown.prefix_with("MATERIALIZED", dialect="postgresql")
    queued = select(1).where(row.stream == stream.address, row.source_id == source.c.record_id).exists()
    since = comparisons.c.id > func.coalesce(unknown.c.source_comparison, 0)
    compared = select(1).where(comparisons.c.stream == stream.address, since).exists()
    query = (
        select(1)
        .select_from(unknown)
        .join(target, _counterpart(unknown, target, stream.target, stream.target_module))
        .join(source, _counterpart(unknown, source, stream.source, stream.source_module))
        .where(target.c.state == "live", ~compared, ~queued)
        .limit(1)
    )
    return connection.scalar(query) is not None


def linked_targets(connection: Connection, org: str, module: str, ids: Collection[str]) -> set[str]:
    """Those of the records that stand for something already."""
    query = select(id_map.c.record_id).where(id_map.c.org == org, id_map.c.module == module)
    return set(connection.scalars(query.where(among(id_map.c.record_id, ids))))


def stand_for(connection: Connection, stream: Stream, target_ids: Collection[str]) -> dict[str, set[str]]:
    """The source records, of whatever module, that these target records stand for, by target id: several modules of the
    source may go into one of the target.
    """
    source, target = id_map.alias("s"), id_map.alias("t")
    query = (  # by the target's records: without concat SQLite would begin with all of the source's
        select(target.c.record_id, source.c.record_id)
        .join(source, and_(source.c.entity_id == target.c.entity_id, source.c.org.concat("") == stream.source))
        .where(target.c.org == stream.target, target.c.module == stream.target_module)
    )
    found: dict[str, set[str]] = {}
    for target_id, source_id in connection.execute(query.where(among(target.c.record_id, target_ids))):
        found.setdefault(target_id, set()).add(source_id)
    return found


def waiting(connection: Connection, stream: Stream, ids: Collection[str]) -> dict[str, Waiting]:
    """What the retry queue holds of the records."""
    row = retry_queue.c
    query = (
        select(row.source_id, row.attempts, row.source_modified_time, row.waits_id, row.state, causes.c.code)
        .join(causes, causes.c.id == row.cause_id)
        .where(row.stream == stream.address)
    )
    return {
        source_id: Waiting(
            source_id=source_id,
            attempts=attempts,
            modified_time=modified_time,
            for_parent=parent is not None,
            state=cast("QueueState", state),
            code=code,
        )
        for source_id, attempts, modified_time, parent, state, code in connection.execute(
            query.where(among(row.source_id, ids))
        )
    }


def waits(connection: Connection, route: str, records: Collection[Parent]) -> dict[Parent, Parent]:
    """What these source records of a route wait for, of those that are held for a parent."""
    row = retry_queue.c
    found: dict[Parent, Parent] = {}
    for module in {record.module for record in records}:
        query = select(row.source_id, row.waits_module, row.waits_id).where(
            row.stream == f"{route}/{module}", row.waits_id.is_not(None)
        )
        ids = {record.record_id for record in records if record.module == module}
        for source_id, waits_module, waits_id in connection.execute(query.where(among(row.source_id, ids))):
            if waits_module is not None and waits_id is not None:
                found[Parent(module=module, record_id=source_id)] = Parent(module=waits_module, record_id=waits_id)
    return found


def due(connection: Connection, stream: Stream, now: datetime, limit: int) -> list[DueRow]:
    """The records to try again, the one that is due longest first."""
    row = retry_queue.c
    query = (
        select(row.source_id, row.attempts, causes.c.code, row.due_at, row.source_modified_time)
        .join(causes, causes.c.id == row.cause_id)
        .where(row.stream == stream.address, row.state == "due", row.due_at <= now)
        .order_by(row.due_at, row.source_id)
        .limit(limit)
    )
    return [
        DueRow(source_id=source_id, attempts=attempts, cause_code=code, due_at=due_at, modified_time=modified_time)
        for source_id, attempts, code, due_at, modified_time in connection.execute(query)
        if due_at is not None
    ]


def has_untried(connection: Connection, stream: Stream) -> bool:
    """Whether the stream has records that are due and were never tried as they are."""
    row = retry_queue.c
    query = select(row.source_id).where(row.stream == stream.address, row.state == "due", row.attempts == 0).limit(1)
    return connection.execute(query).first() is not None


def has_open(connection: Connection, stream: Stream) -> bool:
    """Whether anything of the stream waits: a record in the queue, or a write without an answer."""
    return any(
        connection.execute(select(row.source_id).where(row.stream == stream.address).limit(1)).first() is not None
        for row in (retry_queue.c, intents.c)
    )


def deletions_sent(connection: Connection, stream: Stream, source_ids: Collection[str]) -> set[str]:
    """Those of the queued records of which the last attempt to write was to delete (or flag) the counterpart, and was
    not the end of it.
    """
    row = changes.c
    place = row.org == stream.target, row.module == stream.target_module
    flagging = and_(row.action == "update", row.fields == json.dumps([stream.flag]))
    ids = waiting(connection, stream, source_ids)
    last = select(func.max(row.id)).where(*place, among(row.source_id, ids)).group_by(row.source_id)
    query = select(row.source_id).where(row.id.in_(last), or_(row.action == "delete", flagging))
    query = query.where(row.answer_code.not_in(("SUCCESS", TARGET_GONE)))  # what is there again is another one
    return set(connection.scalars(query))


def stuck(connection: Connection, stream: Stream) -> list[str]:
    """The records that are not tried again by themselves."""
    row = retry_queue.c
    return list(connection.scalars(select(row.source_id).where(row.stream == stream.address, row.state != "due")))


def open_intents(connection: Connection, stream: Stream, ids: Collection[str] | None) -> dict[str, Intent]:
    """The stream's writes without an answer; of all records when `ids` is None."""
    row = intents.c
    query = select(row.source_id, row.action, row.target_id, row.sent_at, row.match, row.promise, row.fields)
    query = query.where(row.stream == stream.address)
    query = query if ids is None else query.where(among(row.source_id, ids))
    return {
        source_id: Intent(
            source_id=source_id,
            action=cast("Action", action),
            target_id=target_id,
            sent_at=sent_at,
            match=json.loads(match),
            promise=promise and load_promise(promise),
            fields=None if fields is None else frozenset(json.loads(fields)),
        )
        for source_id, action, target_id, sent_at, match, promise, fields in connection.execute(query)
    }


def being_written(
    connection: Connection, stream: Stream, named: Mapping[str, Collection[str]], since: datetime
) -> set[str]:
    """Of source records of the stream (id -> the records of any org that it names in a key field), those that another
    stream of its circle has begun to write or to make `since` a time, with no answer yet. But for records that the
    stream has begun to write itself: two streams would wait for each other.
    """
    row = intents.c
    writers = select(checkpoints.c.stream).where(
        checkpoints.c.target == stream.source,
        checkpoints.c.target_module == stream.source_module,
        checkpoints.c.stream.in_(stream.circle),
    )
    updated, made = (
        set(
            connection.scalars(
                select(column).where(row.stream.in_(writers), row.sent_at >= since, among(column, wanted), which)
            )
        )
        for wanted, column, which in (
            (named.keys(), row.target_id, row.target_id.is_not(None)),
            ({i for ids in named.values() for i in ids}, row.source_id, row.target_id.is_(None)),
        )
    )
    busy = updated | {i for i, ids in named.items() if made & set(ids)}
    return busy - open_intents(connection, stream, busy).keys()


def _counterpart(source: FromClause, target: FromClause, org: str, module: str) -> ColumnElement[bool]:
    return and_(target.c.entity_id == source.c.entity_id, target.c.org == org, target.c.module == module)
