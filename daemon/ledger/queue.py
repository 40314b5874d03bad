"""The retry queue and its causes: how rows enter, leave, and wake.

`causes.open_count` is the number of queue rows with that cause, counted anew for every cause that a change touches.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from typing import Protocol

from sqlalchemy import ColumnElement, Connection, and_, case, delete, func, or_, select, update

from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS, DRIFT, TARGET_GONE, Cause
from daemon.core.dropped import TAKEN_BACK, is_dropped
from daemon.core.ends import QueueRow
from daemon.core.rules import Stream
from daemon.ledger import drops
from daemon.ledger.among import among
from daemon.ledger.columns import storable
from daemon.ledger.lookups import THERE
from daemon.ledger.tables import causes, checkpoints, id_map, intents, retry_queue
from daemon.ledger.upsert import on_conflict, upsert


class Addressed(Protocol):
    """A stream, as far as its queue goes."""

    @property
    def address(self) -> str: ...
    @property
    def route(self) -> str: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class _Address:
    address: str
    route: str


def requeue(
    connection: Connection, stream: Addressed, queued: Sequence[QueueRow], dequeued: Collection[str], now: datetime
) -> None:
    """Store the rows (the first sighting of a record that is queued already is kept) and take out the others.

    A row about the very version that a person dropped is not stored: it may have been on its way just then.
    """
    if not queued and not dequeued:
        return
    touched = _causes_of(connection, stream, {*dequeued, *(row.source_id for row in queued)})
    if dequeued:
        mine = retry_queue.c.stream == stream.address, among(retry_queue.c.source_id, dequeued)
        connection.execute(delete(retry_queue).where(*mine))
    dropped = drops.standing(connection, stream.address, [row.source_id for row in queued])
    queued = [row for row in queued if not is_dropped(row.source_id, row.version, dropped)]
    if queued:
        numbers = _number_causes(connection, stream, {row.cause for row in queued}, now)
        touched.update(numbers.values())
        rows = [_row(stream, row, numbers[row.cause], now) for row in queued]
        connection.execute(upsert(connection, retry_queue, kept=("first_seen_at",)), rows)
    _recount(connection, touched)


def wake(connection: Connection, parents: Collection[str], now: datetime) -> None:
    """Rows that wait for one of these records are due at once, if it has its counterpart by now.

    Called with the records that were just linked and with those that were just waited for: a parent that was linked
    between the planning and the settling of its child would else never be heard of again.
    """
    source, target, stream = id_map.alias("s"), id_map.alias("t"), checkpoints.alias("p")
    arrived = (
        select(1)
        .select_from(stream)
        .join(source, and_(source.c.org == stream.c.source, source.c.module == stream.c.source_module))
        .join(
            target,
            and_(
                target.c.entity_id == source.c.entity_id,
                target.c.org == stream.c.target,
                target.c.module == stream.c.target_module,
                target.c.state.in_(THERE),
            ),
        )
        .where(
            stream.c.route == retry_queue.c.route,
            stream.c.source_module == retry_queue.c.waits_module,
            source.c.record_id == retry_queue.c.waits_id,
        )
        .correlate(retry_queue)
    )
    if parents:
        connection.execute(
            update(retry_queue)
            .where(retry_queue.c.state == "held", among(retry_queue.c.waits_id, parents), arrived.exists())
            .values(state="due", due_at=now)
        )


def wake_orphans(connection: Connection, stream: Stream, gone: Collection[str], now: datetime) -> None:
    """Rows that wait for a record which the source does not have any more are due: they may not point to it now."""
    row = retry_queue.c
    mine = row.route == stream.route, row.waits_module == stream.source_module, row.state == "held"
    if gone:
        connection.execute(update(retry_queue).where(*mine, among(row.waits_id, gone)).values(state="due", due_at=now))


def wake_held(connection: Connection, stream: Stream, now: datetime) -> int:
    """What the target refused is due at once, because the target may take it now; gives the number of rows."""
    return _wake_refused(connection, stream, causes.c.code.not_in((DRIFT, TARGET_GONE)), now)


def wake_refused(connection: Connection, stream: Stream, fields: Collection[str], now: datetime) -> int:
    """As wake_held, what was refused for one of these fields."""
    refused = causes.c.code.not_in((DRIFT, TARGET_GONE))
    return _wake_refused(connection, stream, and_(refused, causes.c.field.in_(fields)), now)


def _wake_refused(connection: Connection, stream: Stream, which: ColumnElement[bool], now: datetime) -> int:
    row = retry_queue.c
    refused = select(causes.c.id).where(causes.c.stream == stream.address, which)
    chosen = row.stream == stream.address, row.state == "held", row.waits_id.is_(None), row.cause_id.in_(refused)
    return connection.execute(update(retry_queue).where(*chosen).values(state="due", due_at=now)).rowcount


def wake_causes(connection: Connection, stream: Stream, codes: Collection[str], now: datetime) -> None:
    """Held rows with one of these codes are due at once."""
    row = retry_queue.c
    named = select(causes.c.id).where(causes.c.stream == stream.address, causes.c.code.in_(codes))
    chosen = row.stream == stream.address, row.state == "held", row.cause_id.in_(named)
    connection.execute(update(retry_queue).where(*chosen).values(state="due", due_at=now))


def retry(
    connection: Connection, now: datetime, *, cause_id: int | None, stream: str | None, source_id: str | None
) -> int:
    """The chosen rows are due at once; what was given up starts to count anew. So is a record that was
    dropped, where it is chosen by its id. Gives their number.
    """
    row = retry_queue.c
    attempts = case((row.state == "dead", 0), else_=row.attempts)
    chosen = _chosen(cause_id, stream, source_id)
    woken = connection.execute(update(retry_queue).where(*chosen).values(state="due", due_at=now, attempts=attempts))
    taken_back = 0 if source_id is None or cause_id is not None else _take_back(connection, stream, source_id, now)
    return woken.rowcount + taken_back


def look_again(connection: Connection, stream: str, rows: Sequence[tuple[str, str, datetime]], now: datetime) -> int:
    """Records (source id, code of the cause, Modified_Time) of a stream that a person had looked at are due, but for
    those that are in the queue already. Gives their number.
    """
    there = checkpoints.c
    found = connection.execute(select(there.route, there.target_module).where(there.stream == stream)).one()
    row = retry_queue.c
    query = select(row.source_id).where(row.stream == stream)
    ids = [source_id for source_id, _, _ in rows]
    known = set(connection.scalars(query.where(among(row.source_id, ids))))
    new = [
        QueueRow(
            source_id=source_id,
            state="due",
            attempts=0,
            due_at=now,
            cause=Cause(code=DRIFT if code == TAKEN_BACK else code, module=found.target_module),
            detail="`orgsync verify` found that it is not as it should be",
            modified_time=modified_time,
            deletion=code == DELETED_IN_SOURCE,
        )
        for source_id, code, modified_time in rows
        if source_id not in known
    ]
    drops.end_put_back(connection, stream, [row.source_id for row in new], now)
    requeue(connection, _Address(address=stream, route=found.route), new, (), now)
    return len(new)


def drop(
    connection: Connection,
    now: datetime,
    *,
    cause_id: int | None,
    stream: str | None,
    source_id: str | None,
    who: str,
    reason: str,
) -> int:
    """Take the chosen rows out, and leave who, when and why. Gives their number.

    One that is due while a write of it has no answer stays: the target is asked first what became of that.
    """
    row = retry_queue.c
    asked = and_(intents.c.stream == row.stream, intents.c.source_id == row.source_id)
    told = row.stream, row.route, row.source_id, row.kind, row.source_modified_time, row.detail, causes.c.code
    query = select(*told).join(causes, causes.c.id == row.cause_id).where(*_chosen(cause_id, stream, source_id))
    unsent = or_(row.state != "due", ~select(1).where(asked).exists())
    found = connection.execute(query.where(unsent).order_by(row.stream, row.source_id)).all()
    for address, rows in groupby(found, key=lambda one: one.stream):
        mine = list(rows)
        drops.note(connection, address, mine, who, reason, now)
        of = _Address(address=address, route=mine[0].route)
        requeue(connection, of, (), [one.source_id for one in mine], now)
    return len(found)


def _chosen(cause_id: int | None, stream: str | None, source_id: str | None) -> list[ColumnElement[bool]]:
    """The rows that a person means: all given choices together."""
    row = retry_queue.c
    given = ((row.cause_id, cause_id), (row.stream, stream), (row.source_id, source_id))
    chosen = [column == value for column, value in given if value is not None]
    if not chosen:
        raise ValueError("choose a cause, a stream or a record")
    return chosen


def _take_back(connection: Connection, stream: str | None, source_id: str, now: datetime) -> int:
    """What was dropped of the record is due after all; gives the number of streams in which it was."""
    found = drops.of_record(connection, stream, source_id)
    for one in found:
        drops.end(connection, one.stream, [source_id], now)
        row = QueueRow(
            source_id=source_id,
            state="due",
            attempts=0,
            due_at=now,
            cause=Cause(code=DIFFERS, module=one.target_module),
            detail="it was dropped, and that was taken back",
            modified_time=one.source_modified_time or now,
            deletion=one.source_modified_time is None,
        )
        requeue(connection, _Address(address=one.stream, route=one.route), [row], (), now)
    return len(found)


def _row(stream: Addressed, row: QueueRow, cause_id: int, now: datetime) -> dict[str, object]:
    return {
        "stream": stream.address,
        "source_id": row.source_id,
        "kind": "deletion" if row.deletion else "record",
        "state": row.state,
        "attempts": row.attempts,
        "first_seen_at": now,
        "due_at": row.due_at,
        "cause_id": cause_id,
        "detail": storable(row.detail),
        "source_modified_time": row.modified_time,
        "waits_module": row.waits_for.module if row.waits_for else None,
        "waits_id": row.waits_for.record_id if row.waits_for else None,
        "route": stream.route,
    }


def _causes_of(connection: Connection, stream: Addressed, ids: Collection[str]) -> set[int]:
    query = select(retry_queue.c.cause_id).where(retry_queue.c.stream == stream.address).distinct()
    return set(connection.scalars(query.where(among(retry_queue.c.source_id, ids))))


def _number_causes(
    connection: Connection, stream: Addressed, wanted: Collection[Cause], now: datetime
) -> dict[Cause, int]:
    """The ids of the causes; new ones get a row."""
    named = {_name(cause): cause for cause in wanted}
    rows = [
        {
            "stream": stream.address,
            "code": code,
            "module": module,
            "field": field,
            "value": value,
            "first_seen_at": now,
            "remedy": cause.remedy,
        }
        for (code, module, field, value), cause in named.items()
    ]
    keys = ("stream", "code", "module", "field", "value")
    statement = on_conflict(connection, causes, keys, ("remedy",))
    returned = connection.execute(
        statement.returning(causes.c.id, causes.c.code, causes.c.module, causes.c.field, causes.c.value), rows
    )
    numbers = {(code, module, field, value): number for number, code, module, field, value in returned}
    return {cause: numbers[_name(cause)] for cause in wanted}


def _name(cause: Cause) -> tuple[str, str, str, str]:
    """What tells a cause from another; NULL would equal nothing, so what is missing is an empty text."""
    return storable(cause.code), cause.module, cause.field or "", storable(cause.value or "")


def _recount(connection: Connection, touched: Collection[int]) -> None:
    rows = select(func.count()).where(retry_queue.c.cause_id == causes.c.id).scalar_subquery()
    connection.execute(update(causes).where(among(causes.c.id, touched)).values(open_count=rows))
