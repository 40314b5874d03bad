"""What both sides agreed on, where edits may come back: by field of the source, and what is known by a write of ours to
the other streams on the circle (core/edits.py).

A pact of one stream is told to every stream of its circle that reads the record it was made with: what was written
there is no edit, and where that stream leads back to an org that the value came through, it is agreed already.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import Connection, and_, insert, select

from daemon.core.edits import Basis, Column, Held, Mark
from daemon.core.ends import Linked
from daemon.core.rules import Stream
from daemon.core.settle import Fought
from daemon.ledger.columns import storable
from daemon.ledger.lookups import MIRRORED, chunks
from daemon.ledger.tables import agreed, baselines, checkpoints, conflicts, id_map
from daemon.ledger.upsert import on_conflict, upsert

_HOUR: Final = 3600
_MOST: Final = 11  # writes of one field within an hour that are told apart
_CHANGED: Final = "changed"
"""The digest of a whole record that the way back has changed since the stream has carried it: equal to none."""

Cells = dict[str, list[Any]]
"""Source field -> [digest agreed on, digest written by us, its Modified_Time in seconds, orgs it came through]."""


@dataclass(slots=True)
class _Row:
    columns: Cells
    held: dict[str, list[Any]]


def bases(connection: Connection, stream: Stream, source_ids: Collection[str]) -> dict[str, Basis]:
    """What was agreed on of these records, by source id."""
    query = (
        select(id_map.c.record_id, baselines.c.columns, baselines.c.held)
        .join(baselines, and_(baselines.c.entity_id == id_map.c.entity_id, baselines.c.stream == stream.address))
        .where(id_map.c.org == stream.source, id_map.c.module == stream.source_module)
    )
    return {
        source_id: Basis(
            columns={name: _column(cell, stream.target) for name, cell in json.loads(columns).items()},
            held={name: _held(*cell) for name, cell in json.loads(held).items()},
        )
        for ids in chunks(source_ids)
        for source_id, columns, held in connection.execute(query.where(id_map.c.record_id.in_(ids)))
    }


def _column(cell: list[Any], target: str) -> Column:
    agreed_on, written, at, origins = cell
    if written is None:
        return Column(agreed=agreed_on)
    mark = Mark(
        digest=written,
        at=datetime.fromtimestamp(at, UTC),
        origins=frozenset(origins),
        returned=target in origins,
    )
    return Column(agreed=agreed_on, mark=mark)


def _held(digest: str, at: int | None, lately: list[list[Any]]) -> Held:
    return Held(
        digest=digest,
        at=None if at is None else datetime.fromtimestamp(at, UTC),
        lately=tuple((written, datetime.fromtimestamp(then, UTC)) for written, then in lately),
    )


def agree(
    connection: Connection, stream: Stream, linked: Sequence[Linked], entities: Mapping[str, str], now: datetime
) -> None:
    """Store the pacts of these pairs, for the stream itself and for those of its circle that read the target."""
    pairs = {entities[p.source_id]: p for p in linked if p.pact is not None and p.digests is not None}
    if not pairs:
        return
    mine = _rows(connection, stream.address, pairs)
    for entity, pair in pairs.items():
        _note(mine[entity], pair)
    _store(connection, stream.address, mine)
    readers = select(checkpoints.c.stream, checkpoints.c.target, checkpoints.c.target_module).where(
        checkpoints.c.source == stream.target,
        checkpoints.c.source_module == stream.target_module,
        checkpoints.c.stream.in_(stream.circle),
    )
    for address, target, module in connection.execute(readers).all():
        theirs = _rows(connection, address, pairs)
        for entity, pair in pairs.items():
            _mark(theirs[entity], pair, target)
            if (target, module) == (stream.source, stream.source_module) and pair.pact is not None:
                _confirm_fields(theirs[entity], pair.pact.columns)
        _store(connection, address, theirs)
        if (target, module) == (stream.source, stream.source_module):
            _confirm(connection, address, pairs, now)


def _note(row: _Row, pair: Linked) -> None:
    """The stream's own side: what the source's fields are now, and what the target's are."""
    if pair.pact is not None and pair.digests is not None:
        row.columns |= {name: [digest, None, None, []] for name, digest in pair.pact.columns.items()}
        at = pair.target_modified_time and int(pair.target_modified_time.timestamp())
        for name, digest in pair.digests.by_field.items():
            before, lately = row.held.get(name, [None, None, []])[1:]
            if name in pair.pact.sent and at is not None:
                recent = [[written, then] for written, then in lately if at - then < _HOUR][-_MOST:]
                row.held[name] = [digest, at, [*recent, [digest, at]]]
            elif name not in pair.pact.open:
                row.held[name] = [digest, before, lately]


def _mark(row: _Row, pair: Linked, target: str) -> None:
    """A reader of the target: what was written there is ours, and agreed already if its own target had it before."""
    at = pair.target_modified_time
    if pair.pact is None or pair.digests is None or at is None:
        return
    for name, origins in pair.pact.sent.items():
        digest = pair.digests.by_field.get(name)
        if digest is not None:
            agreed_on = digest if target in origins else row.columns.get(name, [None])[0]
            row.columns[name] = [agreed_on, digest, int(at.timestamp()), sorted(origins)]


def _confirm_fields(row: _Row, columns: Mapping[str, str]) -> None:
    for name, digest in columns.items():
        row.held[name] = [digest, None, row.held.get(name, [None, None, []])[2]]


def _confirm(connection: Connection, address: str, pairs: Mapping[str, Linked], now: datetime) -> None:
    """The way back: the source of this stream is its target, and was seen to hold these values."""
    row = agreed.c
    query = select(row.entity_id, row.source_digest, row.field_digests).where(row.stream == address)
    known = {
        entity: (whole, json.loads(by_field))
        for ids in chunks(pairs)
        for entity, whole, by_field in connection.execute(query.where(row.entity_id.in_(ids)))
    }
    never: tuple[str, dict[str, str]] = (MIRRORED, {})
    rows = [
        {
            "entity_id": entity,
            "stream": address,
            "source_digest": whole if whole in ("", MIRRORED) else _CHANGED,
            "field_digests": json.dumps({**by_field, **pair.pact.columns}),
            "agreed_at": now,
        }
        for entity, pair in pairs.items()
        if pair.pact is not None
        for whole, by_field in [known.get(entity, never)]
    ]
    statement = on_conflict(connection, agreed, ("entity_id", "stream"), ("source_digest", "field_digests"))
    connection.execute(statement, rows)


def record(connection: Connection, stream: Stream, fought: Iterable[Fought], now: datetime) -> None:
    """Fields that both sides had changed, and who won."""
    rows = [
        {
            "stream": stream.address,
            "source_id": one.source_id,
            "target_id": one.target_id,
            "field": one.conflict.field,
            "source_value": storable(json.dumps(one.conflict.source_value, ensure_ascii=False)),
            "target_value": storable(json.dumps(one.conflict.target_value, ensure_ascii=False)),
            "source_author": one.conflict.source_author and storable(one.conflict.source_author),
            "target_author": one.conflict.target_author and storable(one.conflict.target_author),
            "source_time": one.conflict.source_time,
            "target_time": one.conflict.target_time,
            "rule": one.conflict.rule,
            "winner": stream.source,
            "at": now,
        }
        for one in fought
    ]
    if rows:
        connection.execute(insert(conflicts), rows)


def _rows(connection: Connection, address: str, entities: Collection[str]) -> dict[str, _Row]:
    query = select(baselines.c.entity_id, baselines.c.columns, baselines.c.held)
    query = query.where(baselines.c.stream == address)
    found = {
        entity: _Row(json.loads(columns), json.loads(held))
        for ids in chunks(entities)
        for entity, columns, held in connection.execute(query.where(baselines.c.entity_id.in_(ids)))
    }
    return {entity: found.get(entity) or _Row({}, {}) for entity in entities}


def _store(connection: Connection, address: str, rows: Mapping[str, _Row]) -> None:
    values = [
        {
            "entity_id": entity,
            "stream": address,
            "columns": json.dumps(row.columns, separators=(",", ":")),
            "held": json.dumps(row.held, separators=(",", ":")),
        }
        for entity, row in rows.items()
        if row.columns or row.held
    ]
    if values:
        connection.execute(upsert(connection, baselines), values)
