"""Which record stands for which: stores new pairs in the id map and refuses those that cannot be true.

One entity is one thing, however many routes and rings connect its records, so a new pair may join two entities that
were known apart. It never gives a thing two records in one module of one org.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, bindparam, delete, insert, select, update

from daemon.core.ends import Linked
from daemon.core.rules import Stream
from daemon.ledger.among import among
from daemon.ledger.errors import LinkConflict
from daemon.ledger.rows import insert_all
from daemon.ledger.tables import agreed, baselines, checkpoints, id_map

Place = tuple[str, str]
"""(org, module)."""


@dataclass(frozen=True, slots=True)
class _Pair:
    """A new pair, and the entities that its two records stand for so far."""

    source_id: str
    target_id: str
    source_entity: str | None
    target_entity: str | None


def link(connection: Connection, stream: Stream, linked: Sequence[Linked], now: datetime) -> dict[str, str]:
    """Store the pairs; gives source id -> entity id. Raises LinkConflict before anything is stored."""
    source = (stream.source, stream.source_module)
    target = (stream.target, stream.target_module)
    wanted = {pair.source_id: pair.target_id for pair in linked}
    _demand_distinct(wanted, source, target)
    held: dict[str, str] = {}
    sources = _entities(connection, source, wanted.keys(), held)
    states: dict[str, str] = {}
    targets = _entities(connection, target, wanted.values(), states)
    new = [
        _Pair(source_id, target_id, sources.get(source_id), targets.get(target_id))
        for source_id, target_id in wanted.items()
        if sources.get(source_id) is None or sources.get(source_id) != targets.get(target_id)
    ]
    if new:
        sources |= _store(connection, new, source, target, now)
    if stream.circle:
        ended = {"deleted": "deleted", "flagged": "gone"}  # what the target did not end, the source did
        theirs = {p.source_id: ended.get(p.state, "live") for p in linked}
        _mark(connection, source, {i: state for i, state in theirs.items() if held.get(i, "live") != state})
    _mark(connection, target, {p.target_id: p.state for p in linked if states.get(p.target_id, "live") != p.state})
    return {source_id: sources[source_id] for source_id in wanted}


def _store(connection: Connection, new: Sequence[_Pair], source: Place, target: Place, now: datetime) -> dict[str, str]:
    fresh = {pair.source_id: f"{source[0]}/{source[1]}/{pair.source_id}" for pair in new if _is_fresh(pair)}
    known = {entity for pair in new for entity in (pair.source_entity, pair.target_entity) if entity}
    members = _members(connection, known | set(fresh.values()))
    taken = set(members)
    entities: dict[str, str] = {}
    added: list[dict[str, object]] = []
    replaced: list[dict[str, object]] = []
    joined: list[dict[str, object]] = []
    for pair in new:
        entity = pair.source_entity or pair.target_entity or _unused(fresh[pair.source_id], taken)
        entities[pair.source_id] = entity
        if pair.target_entity is not None:
            _demand_free(pair, members, source, target)
        if pair.source_entity is None:
            added.append(_row(entity, source, pair.source_id, now))
        elif (old := members[entity].get(target)) is not None:
            replaced.append({"b_entity": entity, "b_record": old})
        if pair.target_entity is None:
            added.append(_row(entity, target, pair.target_id, now))
        elif pair.target_entity != entity:
            joined.append({"b_keep": entity, "b_drop": pair.target_entity})
    if replaced:
        _forget(connection, replaced, target)
    if joined:
        _join(connection, joined)
    insert_all(connection, insert(id_map), added)
    return entities


def _is_fresh(pair: _Pair) -> bool:
    return pair.source_entity is None and pair.target_entity is None


def _unused(entity: str, taken: set[str]) -> str:
    """The text itself, unless an older entity is called so and has gone on with other records."""
    name, number = entity, 1
    while name in taken:
        number += 1
        name = f"{entity}#{number}"
    return name


def _row(entity: str, place: Place, record_id: str, now: datetime) -> dict[str, object]:
    org, module = place
    return {"entity_id": entity, "org": org, "module": module, "record_id": record_id, "linked_at": now}


def _demand_distinct(wanted: Mapping[str, str], source: Place, target: Place) -> None:
    owners: dict[str, str] = {}
    for source_id, target_id in wanted.items():
        other = owners.setdefault(target_id, source_id)
        if other != source_id:
            raise LinkConflict(_name(target, target_id), _name(source, other), _name(source, source_id))


def _demand_free(pair: _Pair, members: Mapping[str, Mapping[Place, str]], source: Place, target: Place) -> None:
    """The target's entity may take the source record in: nothing else stands there for it."""
    theirs = members[pair.target_entity or ""]
    ours = members[pair.source_entity] if pair.source_entity else {source: pair.source_id}
    for place, record_id in theirs.items():
        mine = ours.get(place, record_id)
        if place != target and mine != record_id:
            raise LinkConflict(_name(target, pair.target_id), _name(place, record_id), _name(place, mine))


def _name(place: Place, record_id: str) -> str:
    return f"{place[0]} {place[1]} {record_id}"


def _entities(
    connection: Connection, place: Place, ids: Collection[str], states: dict[str, str] | None = None
) -> dict[str, str]:
    """Record id -> entity, of those that have one; `states` is filled with the state of each."""
    row = id_map.c
    query = select(row.record_id, row.entity_id, row.state).where(row.org == place[0], row.module == place[1])
    found: dict[str, str] = {}
    for record_id, entity, state in connection.execute(query.where(among(row.record_id, ids))):
        found[record_id] = entity
        if states is not None:
            states[record_id] = state
    return found


def _mark(connection: Connection, place: Place, states: Mapping[str, str]) -> None:
    """What became of these counterparts."""
    org, module = place
    if states:
        connection.execute(
            update(id_map)
            .where(id_map.c.org == org, id_map.c.module == module, id_map.c.record_id == bindparam("b_record"))
            .values(state=bindparam("b_state")),
            [{"b_record": record_id, "b_state": state} for record_id, state in states.items()],
        )


def _members(connection: Connection, entities: Collection[str]) -> dict[str, dict[Place, str]]:
    query = select(id_map.c.entity_id, id_map.c.org, id_map.c.module, id_map.c.record_id)
    found: dict[str, dict[Place, str]] = {}
    for entity, org, module, record_id in connection.execute(query.where(among(id_map.c.entity_id, entities))):
        found.setdefault(entity, {})[(org, module)] = record_id
    return found


def _forget(connection: Connection, replaced: Sequence[dict[str, object]], target: Place) -> None:
    """The old counterparts stand for nothing any more, and what they confirmed is not true of the new ones."""
    org, module = target
    connection.execute(
        delete(id_map).where(
            id_map.c.org == org, id_map.c.module == module, id_map.c.record_id == bindparam("b_record")
        ),
        replaced,
    )
    writers = select(checkpoints.c.stream).where(checkpoints.c.target == org, checkpoints.c.target_module == module)
    connection.execute(
        delete(agreed).where(agreed.c.entity_id == bindparam("b_entity"), agreed.c.stream.in_(writers)), replaced
    )


def _join(connection: Connection, joined: Sequence[dict[str, object]]) -> None:
    """Two things turn out to be one: the target's records go over to the source's entity."""
    connection.execute(
        update(id_map).where(id_map.c.entity_id == bindparam("b_drop")).values(entity_id=bindparam("b_keep")), joined
    )
    for table in (agreed, baselines):
        kept = select(table.c.stream).where(table.c.entity_id == bindparam("b_keep"))
        dropped = table.c.entity_id == bindparam("b_drop")
        connection.execute(delete(table).where(dropped, table.c.stream.in_(kept)), joined)
        connection.execute(update(table).where(dropped).values(entity_id=bindparam("b_keep")), joined)
