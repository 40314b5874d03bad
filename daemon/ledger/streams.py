"""The checkpoints table: how far each stream has come and how it is."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import asdict, dataclass
from datetime import datetime

from sqlalchemy import ColumnElement, Connection, and_, case, func, literal, or_, select, update

from daemon.core.absent import NOTHING, Carried
from daemon.core.record import START, Position
from daemon.core.rules import Stream
from daemon.ledger.columns import UtcTime, storable
from daemon.ledger.errors import StreamChanged, StreamUnknown
from daemon.ledger.tables import checkpoints
from daemon.ledger.upsert import upsert

_row = checkpoints.c


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamState:
    """Where a stream stands."""

    position: Position
    rules_version: str
    first_run: str
    caught_up_at: datetime | None
    polled_at: datetime | None
    trouble: str | None
    deleted_until: datetime | None = None
    target_schema: str | None = None
    read_at: datetime | None = None
    current_until: datetime | None = None
    carried: Carried = NOTHING


def state(connection: Connection, stream: Stream) -> StreamState | None:
    """Where the stream stands; None when it was never started.

    Raises StreamChanged when the same address stood for other orgs or modules: its checkpoint is a place in another
    module's order of change then.
    """
    found = connection.execute(select(checkpoints).where(_row.stream == stream.address)).mappings().one_or_none()
    if found is None:
        return None
    known = _sides(found["source"], found["source_module"], found["target"], found["target_module"])
    now = _sides(stream.source, stream.source_module, stream.target, stream.target_module)
    if known != now:
        raise StreamChanged(stream.address, known, now)
    return StreamState(
        position=Position(modified_time=found["modified_time"], record_id=found["record_id"]),
        rules_version=found["rules_version"],
        first_run=found["first_run"],
        caught_up_at=found["caught_up_at"],
        polled_at=found["polled_at"],
        trouble=found["trouble"],
        deleted_until=found["deleted_until"],
        target_schema=found["target_schema"],
        read_at=found["read_at"],
        current_until=found["current_until"],
        carried=_load(found["rules"]),
    )


def start(connection: Connection, stream: Stream, rules_version: str, first_run: str, now: datetime) -> None:
    """The stream begins before every change; one that began already stays where it is."""
    if state(connection, stream) is not None:
        return
    row = {
        "stream": stream.address,
        "route": stream.route,
        "source": stream.source,
        "target": stream.target,
        "source_module": stream.source_module,
        "target_module": stream.target_module,
        "modified_time": START.modified_time,
        "record_id": START.record_id,
        "rules_version": rules_version,
        "first_run": first_run,
        "started_at": now,
        "poll_s": stream.poll.total_seconds(),
    }
    connection.execute(
        upsert(connection, checkpoints, kept=("epoch", "owner", "deleted_until", "target_schema", "read_at")), row
    )


def all_caught_up(connection: Connection, addresses: Collection[str]) -> bool:
    """Whether every one of these streams has reached the present once."""
    done = select(func.count()).where(_row.stream.in_(addresses), _row.caught_up_at.is_not(None))
    return connection.scalar(done) == len(addresses)


def carried(connection: Connection, stream: Stream) -> Carried:
    """The rules that the stream's records were read under."""
    return _load(connection.scalar(select(_row.rules).where(_row.stream == stream.address)) or "{}")


def _load(rules: str) -> Carried:
    found = json.loads(rules)
    return Carried(**{**found, "missing": frozenset(found["missing"])}) if "missing" in found else NOTHING


def _dump(what: Carried) -> str:
    return json.dumps({**asdict(what), "missing": sorted(what.missing)})


def note_rules(connection: Connection, stream: Stream, rules_version: str, what: Carried) -> None:
    """Other rules, which give no record another outcome."""
    note(connection, stream, rules_version=rules_version, rules=_dump(what))


def restart(connection: Connection, stream: Stream, rules_version: str, what: Carried, now: datetime) -> None:
    """All records are read again, under other rules; until then the stream counts as behind."""
    demand_started(connection, stream)
    connection.execute(
        update(checkpoints)
        .where(_row.stream == stream.address)
        .values(
            modified_time=START.modified_time,
            record_id=START.record_id,
            rules_version=rules_version,
            rules=_dump(what),
            started_at=now,
            caught_up_at=None,
            current_until=None,
        )
    )


def polled(
    connection: Connection,
    stream: Stream,
    now: datetime,
    *,
    current_until: datetime | None,
    caught_up: bool,
    trouble: str | None,
    position: Position | None,
) -> None:
    """The source was asked. None for `current_until` or `position` leaves what is there; both only move forward."""
    values: dict[str, object] = {
        "polled_at": now,
        "poll_s": stream.poll.total_seconds(),
        "trouble": None if trouble is None else storable(trouble),
        "trouble_since": None if trouble is None else case((_row.trouble.is_(None), now), else_=_row.trouble_since),
    }
    if current_until is not None:
        later = or_(_row.current_until.is_(None), _row.current_until < current_until)
        values["read_at"] = now
        values["current_until"] = case((later, literal(current_until, UtcTime)), else_=_row.current_until)
    if caught_up:
        values["caught_up_at"] = case((_row.caught_up_at.is_(None), literal(now, UtcTime)), else_=_row.caught_up_at)
    if position is not None:
        forward = _is_before(position)
        values["modified_time"] = case((forward, literal(position.modified_time, UtcTime)), else_=_row.modified_time)
        values["record_id"] = case((forward, position.record_id), else_=_row.record_id)
    done = connection.execute(update(checkpoints).where(_row.stream == stream.address).values(values))
    if done.rowcount != 1:
        raise StreamUnknown(stream.address)


def note(connection: Connection, stream: Stream, **values: object) -> None:
    """Set columns of the stream's row, such as `deleted_until`."""
    done = connection.execute(update(checkpoints).where(_row.stream == stream.address).values(**values))
    if done.rowcount != 1:
        raise StreamUnknown(stream.address)


def advance(connection: Connection, stream: Stream, position: Position) -> None:
    """Move the checkpoint forward; a position behind it changes nothing."""
    connection.execute(
        update(checkpoints)
        .where(_row.stream == stream.address, _is_before(position))
        .values(modified_time=position.modified_time, record_id=position.record_id)
    )


def demand_started(connection: Connection, stream: Stream) -> None:
    """Raise StreamUnknown unless the stream was started."""
    if connection.execute(select(_row.stream).where(_row.stream == stream.address)).first() is None:
        raise StreamUnknown(stream.address)


def _is_before(position: Position) -> ColumnElement[bool]:
    """Whether the stored checkpoint is before the position; ids compare as numbers, which may be too big for SQL."""
    mine, other = func.length(_row.record_id), len(position.record_id)
    smaller = or_(mine < other, and_(mine == other, _row.record_id < position.record_id))
    same_second = _row.modified_time == position.modified_time
    return or_(_row.modified_time < position.modified_time, and_(same_second, smaller))


def _sides(source: str, source_module: str, target: str, target_module: str) -> str:
    return f"{source} {source_module} -> {target} {target_module}"
