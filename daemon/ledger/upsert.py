"""INSERT … ON CONFLICT, which SQLite and Postgres both have and SQLAlchemy offers once for each."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from sqlalchemy import ColumnElement, Connection, Table, func

if TYPE_CHECKING:
    from sqlalchemy.dialects import postgresql, sqlite


def upsert(
    connection: Connection, table: Table, *, kept: Iterable[str] = (), known: Iterable[str] = ()
) -> sqlite.Insert | postgresql.Insert:
    """An insert that overwrites the row with the same primary key, save for the columns in `kept`.

    Those in `known` are overwritten unless the new value is NULL.
    """
    keys = [column.name for column in table.primary_key]
    names = [column.name for column in table.columns if column.name not in {*keys, *kept}]
    return on_conflict(connection, table, keys, names, known=known)


def on_conflict(
    connection: Connection,
    table: Table,
    keys: Iterable[str],
    names: Iterable[str],
    *,
    known: Iterable[str] = (),
    added: Iterable[str] = (),
) -> sqlite.Insert | postgresql.Insert:
    """An insert that overwrites the named columns of the row that has the same `keys`, and adds to those in `added`."""
    statement = insert_into(connection, table)
    new = statement.excluded
    values: dict[str, ColumnElement[Any]] = {
        name: func.coalesce(new[name], table.c[name]) if name in known else new[name] for name in names
    }
    values |= {name: table.c[name] + new[name] for name in added}
    return statement.on_conflict_do_update(index_elements=list(keys), set_=values)


def insert_into(connection: Connection, table: Table) -> sqlite.Insert | postgresql.Insert:
    """An insert that may say what happens on a conflict. Only the dialect that is used is loaded."""
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects.postgresql import insert as insert_postgres  # noqa: PLC0415

        return insert_postgres(table)
    from sqlalchemy.dialects.sqlite import insert as insert_sqlite  # noqa: PLC0415

    return insert_sqlite(table)
