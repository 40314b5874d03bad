"""The comparisons table: how far a full comparison of a stream is, which records it has seen, and which it misses."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, cast

from sqlalchemy import Connection, and_, bindparam, insert, or_, select, update

from daemon.core.record import START, Position
from daemon.core.rules import Stream
from daemon.core.steps import Link, LinkState
from daemon.ledger.among import among
from daemon.ledger.lookups import MIRRORED, names_in, names_of
from daemon.ledger.tables import agreed, comparisons, id_map

Side = Literal["source", "target"]
Reason = Literal["scheduled", "asked", "slept", "cut", "pointed", "late"]
COUNTS: Final = ("source_seen", "target_seen", "differing", "missing", "drifted", "gone", "strangers")
_row = comparisons.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """A full comparison that goes on: the side it reads, up to which place, and what it cost in its day."""

    id: int
    started_at: datetime
    side: Side
    position: Position
    credits_today: int
    day_began_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Counterpart:
    """A target record's source record, and what the target confirmed of it."""

    source_id: str
    link: Link
    target_modified_time: datetime | None
    target_digest: str | None


def current(connection: Connection, stream: str) -> Comparison | None:
    """The comparison that goes on, if any."""
    query = select(comparisons).where(_row.stream == stream, _row.finished_at.is_(None)).order_by(_row.id.desc())
    found = connection.execute(query).mappings().first()
    if found is None:
        return None
    return Comparison(
        id=found["id"],
        started_at=found["started_at"],
        side=cast("Side", found["side"]),
        position=Position(modified_time=found["modified_time"], record_id=found["record_id"]),
        credits_today=found["credits_today"],
        day_began_at=found["day_began_at"],
    )


def last_started(connection: Connection, stream: str) -> datetime | None:
    """When the latest comparison began, finished or not."""
    return connection.scalar(select(_row.started_at).where(_row.stream == stream).order_by(_row.id.desc()).limit(1))


def start(connection: Connection, stream: str, reason: Reason, now: datetime) -> bool:
    """Begin a comparison; False when one goes on already. What the one before has spent today is spent."""
    if current(connection, stream) is not None:
        return False
    spent_today = select(_row.credits_today, _row.day_began_at).where(_row.stream == stream)
    before = connection.execute(spent_today.order_by(_row.id.desc()).limit(1)).one_or_none()
    row = {
        "stream": stream,
        "reason": reason,
        "started_at": now,
        "side": "source",
        "modified_time": START.modified_time,
        "record_id": START.record_id,
        "day_began_at": now if before is None else before.day_began_at,
        "credits_today": 0 if before is None else before.credits_today,
    }
    connection.execute(insert(comparisons), row)
    return True


def advance(
    connection: Connection, comparison: Comparison, side: Side, position: Position, found: Mapping[str, int]
) -> None:
    """Everything up to the place was read; `found` is added to the counts."""
    connection.execute(
        update(comparisons)
        .where(_row.id == comparison.id)
        .values(
            side=side,
            modified_time=position.modified_time,
            record_id=position.record_id,
            **{name: _row[name] + found.get(name, 0) for name in COUNTS},
        )
    )


def spent(connection: Connection, comparison: Comparison, cost: int, day_began_at: datetime) -> None:
    """It cost this many credits more, in the day that began then."""
    new_day = day_began_at != comparison.day_began_at
    today = cost if new_day else _row.credits_today + cost
    connection.execute(
        update(comparisons)
        .where(_row.id == comparison.id)
        .values(credits=_row.credits + cost, credits_today=today, day_began_at=day_began_at)
    )


def finish(connection: Connection, comparison: Comparison, now: datetime) -> None:
    connection.execute(update(comparisons).where(_row.id == comparison.id).values(finished_at=now))


def mark(connection: Connection, stream: Stream, comparison: Comparison, side: Side, ids: Collection[str]) -> None:
    """These records were seen on that side."""
    org, module = _place(stream, side)
    entities = select(id_map.c.entity_id).where(
        id_map.c.org == org, id_map.c.module == module, among(id_map.c.record_id, ids)
    )
    connection.execute(
        update(agreed)
        .where(agreed.c.stream == stream.address, agreed.c.entity_id.in_(entities))
        .values({_seen(side): comparison.id})
    )


def remember(
    connection: Connection, stream: Stream, shown: Mapping[str, str], drifted: Mapping[str, Collection[str]]
) -> None:
    """What the target shows for these entities, where that is not what it confirmed, and which fields are changed."""
    mine = update(agreed).where(agreed.c.stream == stream.address, agreed.c.entity_id == bindparam("b_entity"))
    if shown:
        connection.execute(
            mine.values(target_digest=bindparam("b_shown")),
            [{"b_entity": entity, "b_shown": digest} for entity, digest in shown.items()],
        )
    if drifted:
        connection.execute(
            mine.values(drifted=bindparam("b_drifted")),
            [{"b_entity": entity, "b_drifted": names_of(names)} for entity, names in drifted.items()],
        )


def unseen(connection: Connection, stream: Stream, comparison: Comparison, side: Side) -> list[tuple[str, str]]:
    """(record id there, record id in the source) of agreed records that were not seen on that side, and that were not
    agreed since the comparison began (storing.py).
    """
    sides = {"source": id_map.alias("s"), "target": id_map.alias("t")}
    marked = agreed.c[_seen(side)]
    query = select(sides[side].c.record_id, sides["source"].c.record_id).select_from(agreed)
    for one, there in (("source", sides["source"]), ("target", sides["target"])):
        org, module = _place(stream, cast("Side", one))
        query = query.join(
            there, and_(there.c.entity_id == agreed.c.entity_id, there.c.org == org, there.c.module == module)
        )
    query = query.where(
        agreed.c.stream == stream.address,
        or_(marked.is_(None), marked != comparison.id),
        sides["target"].c.state == "live",  # what has ended is agreed by an older ledger only, and met by nobody
    )
    return [(record_id, source_id) for record_id, source_id in connection.execute(query)]


def counterparts(connection: Connection, stream: Stream, target_ids: Collection[str]) -> dict[str, Counterpart]:
    """The source records of these target records, by target id."""
    source, target = id_map.alias("s"), id_map.alias("t")
    query = (
        select(
            *(target.c.record_id, source.c.record_id, source.c.entity_id, target.c.state),
            *(agreed.c.source_digest, agreed.c.field_digests),
            *(agreed.c.target_modified_time, agreed.c.target_digest, agreed.c.drifted),
        )
        .join(
            source,
            and_(
                source.c.entity_id == target.c.entity_id,
                source.c.org == stream.source,
                source.c.module == stream.source_module,
            ),
        )
        .outerjoin(agreed, and_(agreed.c.entity_id == source.c.entity_id, agreed.c.stream == stream.address))
        .where(target.c.org == stream.target, target.c.module == stream.target_module)
    )
    return {
        target_id: Counterpart(
            source_id=source_id,
            link=Link(
                entity_id=entity_id,
                target_id=target_id,
                whole=whole or None,
                by_field={} if by_field is None else json.loads(by_field),
                state=cast("LinkState", state),
                agreed=whole not in (None, MIRRORED),
                drifted=names_in(drifted),
            ),
            target_modified_time=written_at,
            target_digest=shown,
        )
        for target_id, source_id, entity_id, state, whole, by_field, written_at, shown, drifted in connection.execute(
            query.where(among(target.c.record_id, target_ids))
        )
    }


def _place(stream: Stream, side: Side) -> tuple[str, str]:
    return (stream.source, stream.source_module) if side == "source" else (stream.target, stream.target_module)


def _seen(side: Side) -> str:
    return "source_comparison" if side == "source" else "target_comparison"
