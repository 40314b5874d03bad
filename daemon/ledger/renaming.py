"""What the ledger knows by the names of fields, when an org renames or hides them (core/absent.py)."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any, Final

from sqlalchemy import Connection, select, update

from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS
from daemon.core.digest import OWED
from daemon.core.ends import due_row
from daemon.core.rules import Stream
from daemon.ledger import queue
from daemon.ledger.among import among
from daemon.ledger.lookups import MIRRORED, names_in, names_of
from daemon.ledger.tables import agreed, baselines, checkpoints, deletions, id_map, intents

_UNLIKE: Final = "unlike"
"""The digest of a whole record of which some fields are not known any more: equal to none."""
KEYLESS: Final = ""
"""The name of the key field in the intent of a create that may have been sent without it."""


def unlearn(
    connection: Connection,
    stream: Stream,
    fields: Collection[str],
    since: datetime,
    now: datetime,
    *,
    key: bool = False,
) -> int:
    """Forget what the stream's writes since a time are thought to have put into fields of the target, and make their
    records due: into those that were made since it is owed. `key`: the key field is among them, so that such records
    are looked at before anything is written.
    """
    row = agreed.c
    query = (
        select(id_map.c.record_id, row.entity_id, row.source_digest, row.field_digests)
        .join(agreed, row.entity_id == id_map.c.entity_id)
        .where(id_map.c.org == stream.source, id_map.c.module == stream.source_module)
        .where(row.stream == stream.address, row.agreed_at >= since)
    )
    found = connection.execute(query).all()
    made = (
        select(id_map.c.entity_id)
        .where(id_map.c.org == stream.target, id_map.c.module == stream.target_module)
        .where(id_map.c.linked_at >= since)
    )
    entities = [entity for _, entity, _, _ in found]
    new = set(connection.scalars(made.where(among(id_map.c.entity_id, entities))))
    due = [one for one in found if fields or one.entity_id in new]
    for _, entity, whole, digests in due:
        left = {name: digest for name, digest in json.loads(digests).items() if name not in fields}
        left |= dict.fromkeys(fields, OWED) if entity in new else {}
        unlike = "" if key and entity in new else whole if whole in ("", MIRRORED) else _UNLIKE
        mine = update(agreed).where(row.stream == stream.address, row.entity_id == entity)
        connection.execute(mine.values(field_digests=json.dumps(left), source_digest=unlike))
    why = f"what was written into {', '.join(sorted(fields)) or stream.key} may not have been taken"
    rows = [due_row(stream, one.record_id, DIFFERS, why, now, now) for one in due]
    queue.requeue(connection, stream, rows, (), now)
    return len(rows)


def reflag(connection: Connection, stream: Stream, since: datetime, now: datetime) -> None:
    """Marks of deleted records that were set since a time may have been ignored: they are set again."""
    row, here, there = deletions.c, id_map.alias("s"), id_map.alias("t")
    query = (
        select(row.source_id, row.deleted_at, there.c.entity_id)
        .join(here, here.c.record_id == row.source_id)
        .join(there, there.c.entity_id == here.c.entity_id)
        .where(here.c.org == stream.source, here.c.module == stream.source_module)
        .where(there.c.org == stream.target, there.c.module == stream.target_module, there.c.state == "flagged")
        .where(row.stream == stream.address, row.deleted_at >= since)
    )
    found = connection.execute(query).all()
    for _, _, entity in found:
        mine = (id_map.c.entity_id == entity) & (id_map.c.org == stream.target)
        connection.execute(update(id_map).where(mine, id_map.c.module == stream.target_module).values(state="live"))
    why = "the mark of its deletion may not have been taken"
    rows = [due_row(stream, source_id, DELETED_IN_SOURCE, why, at, now) for source_id, at, _ in found]
    queue.requeue(connection, stream, rows, (), now)


def disagree(connection: Connection, stream: Stream, columns: Collection[str], targets: Collection[str]) -> None:
    """Other fields stand under the names of these source columns: nothing is agreed on them, nor on the target fields
    that are made of them.
    """
    _each(connection, [stream.address], lambda cell: _without(cell, columns), lambda cell: _without(cell, targets))


def rename(connection: Connection, org: str, module: str, names: Mapping[str, str]) -> None:
    """Fields of an org are called otherwise now: old name -> new name."""
    there = checkpoints.c
    reads = connection.scalars(select(there.stream).where(there.source == org, there.source_module == module)).all()
    writes = connection.scalars(select(there.stream).where(there.target == org, there.target_module == module)).all()
    _each(connection, reads, lambda cell: _renamed(cell, names), lambda cell: cell)
    _each(
        connection,
        writes,
        lambda cell: {column: _through(value, org, names) for column, value in cell.items()},
        lambda cell: _renamed(cell, names),
    )
    row = agreed.c
    for old in names:
        told = select(row.entity_id, row.stream, row.field_digests, row.drifted)
        told = told.where(row.stream.in_(writes), row.field_digests.contains(json.dumps(old)))
        for entity, stream, digests, drifted in connection.execute(told).all():
            mine = update(agreed).where(row.entity_id == entity, row.stream == stream)
            by_field = json.dumps(_renamed(json.loads(digests), names))
            changed = names_of({names.get(name, name) for name in names_in(drifted)})
            connection.execute(mine.values(field_digests=by_field, drifted=changed))


def doubt_keys(connection: Connection, stream: Stream) -> None:
    """Creates without an answer are not found by the key alone any more: they were sent with another field."""
    row = intents.c
    open_ = select(row.source_id, row.match).where(row.stream == stream.address, row.target_id.is_(None))
    for source_id, match in connection.execute(open_).all():
        values = list(json.loads(match).values())
        if len(values) == 1 and ":" in values[0]:  # a key's value, and no digest
            mine = update(intents).where(row.stream == stream.address, row.source_id == source_id)
            connection.execute(mine.values(match=json.dumps({KEYLESS: values[0]})))


def _each(connection: Connection, streams: Collection[str], columns: Any, held: Any) -> None:
    """Change what was agreed on in these streams."""
    row = baselines.c
    query = select(row.entity_id, row.stream, row.columns, row.held).where(row.stream.in_(streams))
    for entity, stream, of_columns, of_held in connection.execute(query).all():
        before = json.loads(of_columns), json.loads(of_held)
        after = columns(before[0]), held(before[1])
        if after != before:
            mine = update(baselines).where(row.entity_id == entity, row.stream == stream)
            connection.execute(mine.values(columns=json.dumps(after[0]), held=json.dumps(after[1])))


def _without(cell: dict[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: value for name, value in cell.items() if name not in names}


def _renamed(cell: dict[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    new = {names[name]: value for name, value in cell.items() if name in names}
    return {**_without(cell, names), **{name: value for name, value in new.items() if name not in cell}}


def _through(column: list[Any], org: str, names: Mapping[str, str]) -> list[Any]:
    """A column whose mark names fields of the org that the value came through."""
    agreed_on, mark = column
    if not mark:
        return column
    digest, at, edit = mark
    told = {
        way: {o: _renamed(held, names) if o == org else held for o, held in edit[way].items()}
        for way in ("came", "over")
    }
    return [agreed_on, [digest, at, {**edit, **told}]]
