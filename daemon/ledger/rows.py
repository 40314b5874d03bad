"""Inserts of many rows: what SQLAlchemy does anew for every row is done once for all of them."""

from __future__ import annotations

from collections.abc import Sequence
from operator import itemgetter
from typing import Any

from sqlalchemy import Connection, Insert

from daemon.ledger.columns import UtcTime


def insert_all(connection: Connection, statement: Insert, rows: Sequence[dict[str, Any]]) -> None:
    """As `connection.execute(statement, rows)`. All rows have the same columns and no defaults of Python's; their
    values are such as the driver takes, but for times.
    """
    if not rows:
        return
    dialect, table = connection.dialect, statement.table
    for name in rows[0]:
        if isinstance(kind := table.c[name].type, UtcTime):
            ready = {at: kind.process_bind_param(at, dialect) for at in {row[name] for row in rows}}
            for row in rows:
                row[name] = ready[row[name]]
    compiled = statement.compile(dialect=dialect, column_keys=list(rows[0]))
    order = compiled.positiontup
    connection.exec_driver_sql(str(compiled), list(map(itemgetter(*order), rows)) if order else list(rows))
