"""What both sides agreed on, where edits may come back: by field of the source, and what is known by a write of ours to
the other streams on the circle (core/edits.py).

A pact of one stream is told to every stream of its circle that reads the record it was made with: what was written
there is no edit, and where that stream leads back to an org that the value came through, it is agreed already.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, Select, insert, or_, select

from daemon.core.agreement import Kept, after_other, after_own, after_way_back, passes_on
from daemon.core.causes import PASSED_ON, Cause
from daemon.core.edits import NOTHING, Basis, Column, Edit, Held, Mark
from daemon.core.ends import Linked, QueueRow
from daemon.core.rules import Stream
from daemon.core.settle import Fought
from daemon.ledger import queue
from daemon.ledger.among import among
from daemon.ledger.columns import storable
from daemon.ledger.lookups import MIRRORED
from daemon.ledger.pacts import dump_dated, dump_edit, instant, load_dated, load_edit, seconds
from daemon.ledger.tables import agreed, baselines, checkpoints, conflicts, id_map
from daemon.ledger.upsert import on_conflict, upsert

_CHANGED: Final = "changed"
"""The digest of a whole record that the way back has changed since the stream has carried it: equal to none."""


def bases(connection: Connection, stream: Stream, source_ids: Collection[str]) -> dict[str, Basis]:
    """What was agreed on of these records, by source id."""
    readers = _readers(stream).with_only_columns(checkpoints.c.stream)
    query = (
        select(id_map.c.record_id, baselines.c.stream, baselines.c.columns, baselines.c.held)
        .join(baselines, baselines.c.entity_id == id_map.c.entity_id)
        .where(
            id_map.c.org == stream.source,
            id_map.c.module == stream.source_module,
            or_(baselines.c.stream == stream.address, baselines.c.stream.in_(readers)),
        )
    )
    mine: dict[str, Basis] = {}
    theirs: dict[str, dict[str, list[Column]]] = {}
    for source_id, address, columns, held in connection.execute(query.where(among(id_map.c.record_id, source_ids))):
        basis = _basis(columns, held)
        if address == stream.address:
            mine[source_id] = basis
        else:
            for name, column in basis.columns.items():
                theirs.setdefault(source_id, {}).setdefault(name, []).append(column)
    mine |= _from_before(connection, stream, [i for i in source_ids if i not in mine])
    return {i: replace(mine.get(i, NOTHING), theirs=theirs.get(i, {})) for i in mine.keys() | theirs.keys()}


def _from_before(connection: Connection, stream: Stream, source_ids: Sequence[str]) -> dict[str, Basis]:
    """Of records that the stream knows nothing of yet, what the straight way back has written there: it may have run
    for years before this one was added.
    """
    row, there = agreed.c, checkpoints.c
    query = (
        select(id_map.c.record_id, row.field_digests, row.target_modified_time)
        .join(agreed, row.entity_id == id_map.c.entity_id)
        .join(checkpoints, there.stream == row.stream)
        .where(id_map.c.org == stream.source, id_map.c.module == stream.source_module)
        .where(there.target == stream.source, there.target_module == stream.source_module)
        .where(there.source == stream.target, there.source_module == stream.target_module)
        .where(row.stream.in_(stream.circle), row.source_digest != "", row.target_modified_time.is_not(None))
    )
    return {
        source_id: Basis(
            columns={
                name: Column(mark=Mark(digest=digest, at=at, edit=Edit(came={stream.target: {}}, at=at)))
                for name, digest in json.loads(by_field).items()
            }
        )
        for source_id, by_field, at in connection.execute(query.where(among(id_map.c.record_id, source_ids)))
    }


@dataclass(frozen=True, slots=True)
class _Reader:
    """A stream of the circle that reads what another one writes, and where it leads."""

    address: str
    route: str
    target: str
    module: str


def _row_to_pass_on(reader: _Reader, record_id: str, now: datetime) -> QueueRow:
    """Nothing is written, so the reader's polls do not meet the record."""
    return QueueRow(
        source_id=record_id,
        state="due",
        attempts=0,
        due_at=now,
        cause=Cause(code=PASSED_ON, module=reader.module),
        detail="an edit arrived that the org held already",
        modified_time=now,
    )


def _readers(stream: Stream) -> Select[str, str, str, str]:
    """The columns of all _Readers of what the stream writes."""
    row = checkpoints.c
    return select(row.stream, row.route, row.target, row.target_module).where(
        checkpoints.c.source == stream.target,
        checkpoints.c.source_module == stream.target_module,
        checkpoints.c.stream.in_(stream.circle),
    )


def _basis(columns: str, held: str) -> Basis:
    return Basis(
        columns={
            name: Column(
                agreed=load_dated(agreed_on),
                mark=Mark(digest=mark[0], at=instant(mark[1]), edit=load_edit(mark[2])) if mark else None,
            )
            for name, (agreed_on, mark) in json.loads(columns).items()
        },
        held={
            name: Held(
                digest=digest,
                at=None if at is None else instant(at),
                lately=tuple((written, instant(then)) for written, then in lately),
            )
            for name, (digest, at, lately) in json.loads(held).items()
        },
    )


def _columns(basis: Basis) -> str:
    cells = {
        name: [
            dump_dated(column.agreed),
            column.mark and [column.mark.digest, seconds(column.mark.at), dump_edit(column.mark.edit)],
        ]
        for name, column in basis.columns.items()
    }
    return json.dumps(cells, separators=(",", ":"))


def _held(basis: Basis) -> str:
    cells = {
        name: [held.digest, held.at and seconds(held.at), [[digest, seconds(at)] for digest, at in held.lately]]
        for name, held in basis.held.items()
    }
    return json.dumps(cells, separators=(",", ":"))


def agree(
    connection: Connection, stream: Stream, linked: Sequence[Linked], entities: Mapping[str, str], now: datetime
) -> None:
    """Store the pacts of these pairs, for the stream itself and for those of its circle that read the target."""
    kept = {
        entities[pair.source_id]: Kept(pact=pair.pact, by_field=pair.digests.by_field, at=pair.target_modified_time)
        for pair in linked
        if pair.pact is not None and pair.digests is not None
    }
    if not kept:
        return
    targets = {entities[pair.source_id]: pair.target_id for pair in linked}
    rows = _rows(connection, stream.address, kept)
    _store(connection, stream.address, {e: after_own(rows[e], one, stream.source) for e, one in kept.items()})
    for reader in (_Reader(*row) for row in connection.execute(_readers(stream))):
        rows = _rows(connection, reader.address, kept)
        rows = {e: after_other(rows[e], one, reader.target) for e, one in kept.items()}
        if (reader.target, reader.module) == (stream.source, stream.source_module):
            rows = {e: after_way_back(rows[e], one.pact.columns, reader.target) for e, one in kept.items()}
            _confirm(connection, reader.address, kept, now)
        _store(connection, reader.address, rows)
        passed = [_row_to_pass_on(reader, targets[e], now) for e, one in kept.items() if passes_on(one, reader.target)]
        queue.requeue(connection, reader, passed, (), now)


def _confirm(connection: Connection, address: str, kept: Mapping[str, Kept], now: datetime) -> None:
    """The way back: the source of this stream is its target, and was seen to hold these values."""
    row = agreed.c
    query = select(row.entity_id, row.source_digest, row.field_digests).where(row.stream == address)
    known = {
        entity: (whole, json.loads(by_field))
        for entity, whole, by_field in connection.execute(query.where(among(row.entity_id, kept)))
    }
    never: tuple[str, dict[str, str]] = (MIRRORED, {})
    rows = [
        {
            "entity_id": entity,
            "stream": address,
            "source_digest": whole if whole in ("", MIRRORED) else _CHANGED,
            "field_digests": json.dumps({**by_field, **{n: value.digest for n, value in one.pact.columns.items()}}),
            "agreed_at": now,
        }
        for entity, one in kept.items()
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


def _rows(connection: Connection, address: str, entities: Collection[str]) -> dict[str, Basis]:
    query = select(baselines.c.entity_id, baselines.c.columns, baselines.c.held)
    query = query.where(baselines.c.stream == address)
    found = {
        entity: _basis(columns, held)
        for entity, columns, held in connection.execute(query.where(among(baselines.c.entity_id, entities)))
    }
    return {entity: found.get(entity, NOTHING) for entity in entities}


def _store(connection: Connection, address: str, rows: Mapping[str, Basis]) -> None:
    values = [
        {"entity_id": entity, "stream": address, "columns": _columns(basis), "held": _held(basis)}
        for entity, basis in rows.items()
        if basis.columns or basis.held
    ]
    if values:
        connection.execute(upsert(connection, baselines), values)
