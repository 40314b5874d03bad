"""A ledger at any revision, on either database: filled with rows, and read back, schema and all."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import BigInteger, Column, Connection, DateTime, Float, Integer, MetaData, Table, inspect, select
from sqlalchemy import text as sql

from daemon.core.outcome import OUTCOMES
from daemon.ledger.columns import UtcTime
from daemon.ledger.database import Database
from daemon.ledger.tables import metadata

ROWS = 3
NOON = datetime(2026, 5, 4, 12, 0, 0, 123456, tzinfo=UTC)
FIXED = {
    ("retry_queue", "state"): ("due", "held", "dead"),
    ("retry_queue", "kind"): ("record",) * ROWS,
    ("cycles", "lane"): ("poll", "retry", "poll"),
    ("cycles", "seen"): tuple(len(OUTCOMES) * n for n in range(1, ROWS + 1)),
    ("retry_queue", "cause_id"): (1, 2, 2),
    ("changes", "cycle_id"): (1, 2, 2),
}
"""What the checks and the foreign keys of the tables ask for."""


def there(connection: Connection) -> dict[str, Table]:
    """The ledger's tables as the database has them, parents first; known columns with the types that the code gives."""
    found = MetaData()
    found.reflect(connection)
    for table in found.sorted_tables:
        for column in table.columns:
            if table.name in metadata.tables and column.name in metadata.tables[table.name].c:
                column.type = metadata.tables[table.name].c[column.name].type
    return {table.name: table for table in found.sorted_tables if table.name != "alembic_version"}


def fill(database: Database) -> None:
    """Three rows in every table, every column of them filled; what stands in `meta` already stays."""
    with _open(database) as connection:
        for table in there(connection).values():
            rows = [{c.name: _value(table, c, number) for c in table.columns} for number in range(ROWS)]
            connection.execute(table.insert(), rows)
            if connection.dialect.name == "postgresql" and [c.name for c in table.primary_key] == ["id"]:
                connection.execute(sql(f"SELECT setval(pg_get_serial_sequence('{table.name}', 'id'), {ROWS})"))


def rows(database: Database) -> dict[str, list[dict[str, Any]]]:
    """Every row of every table, in the order of its key."""
    with _open(database) as connection:
        return {
            name: sorted(
                (dict(row) for row in connection.execute(select(table)).mappings()),
                key=lambda row, table=table: repr([row[c.name] for c in table.primary_key]),  # type: ignore[misc]
            )
            for name, table in there(connection).items()
        }


def shape(database: Database) -> dict[str, Any]:
    """Tables with their columns, indexes and constraints, views with their text, and the revision."""
    with _open(database) as connection:
        found = inspect(connection)
        tables = {
            name: (
                [(c["name"], repr(c["type"]), c["nullable"], c["default"]) for c in found.get_columns(name)],
                sorted((i["name"] or "", str(i["column_names"])) for i in found.get_indexes(name)),
                sorted(str(check["sqltext"]) for check in found.get_check_constraints(name)),
                found.get_pk_constraint(name)["constrained_columns"],
                [key["constrained_columns"] for key in found.get_foreign_keys(name)],
            )
            for name in sorted(found.get_table_names())
        }
        views = {name: found.get_view_definition(name) for name in sorted(found.get_view_names())}
        revision = connection.scalar(sql("SELECT version_num FROM alembic_version")) if tables else None
        return {"tables": tables, "views": views, "revision": revision}


def _open(database: Database) -> Any:
    engine = database.migrator()
    return database.transaction(engine)


def _value(table: Table, column: Column[Any], number: int) -> Any:
    if (table.name, column.name) in FIXED:
        return FIXED[(table.name, column.name)][number]
    known = metadata.tables[table.name].c[column.name] if table.name in metadata.tables else column
    doc = known.doc or ""
    value: Any = f"{column.name} {number} Ünï"
    if doc.startswith("JSON list"):
        value = f'["Field_{number}"]'
    elif doc.startswith("JSON object"):
        value = f'{{"Field_{number}": "Ü"}}'
    elif isinstance(column.type, Float | Integer | BigInteger):
        value = number + 1
    elif isinstance(known.type, UtcTime | DateTime):
        value = NOON + timedelta(hours=number)
    return value
