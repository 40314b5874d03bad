"""Moves a ledger from one database to another, row by row: nothing has to be read from Zoho again.

The copy is made in one transaction and compared before it is committed: a copy is whole or not there.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from itertools import islice
from typing import Any, Final

from sqlalchemy import Connection, Row, func, insert, select, text
from sqlalchemy.schema import Table

from daemon.ledger import migrate
from daemon.ledger.database import Database
from daemon.ledger.errors import LedgerError
from daemon.ledger.tables import HEAD, metadata

_ROWS: Final = 1_000


Told = Callable[[int, int], None]
"""Hears how many rows of how many were copied or compared."""


def _nobody(done: int, total: int) -> None:
    """Nobody wants to know."""


def copy(source: Database, target: Database, told: Told = _nobody) -> dict[str, int]:
    """The rows of every table, by its name. Nobody may write to the source meanwhile: its caller holds the lock.

    Raises LedgerError where the target holds a ledger already, and when the two do not come out equal.
    """
    source.demand()
    target.make()
    reader, writer = source.reader(), target.migrator()
    try:
        with source.transaction(reader) as there:
            migrate.demand_head(there, source.name)
            with target.transaction(writer) as here:
                if migrate.revision_of(here, target.name) is not None:
                    raise LedgerError(f"{target.name} holds a ledger already; nothing was copied. Name an empty one")
                migrate.build(here)
                tables = metadata.sorted_tables
                reading = _Counted(
                    told, 3 * sum(there.scalar(select(func.count()).select_from(t)) or 0 for t in tables)
                )
                counts = {table.name: _copy(table, there, here, reading) for table in tables}
                _count_on(here)
                if wrong := [t.name for t in tables if _digest(t, there, reading) != _digest(t, here, reading)]:
                    raise LedgerError(f"the copy of {', '.join(wrong)} differs from the ledger; nothing was kept")
    finally:
        reader.dispose()
        writer.dispose()
    return counts


class _Counted:
    """Rows as they are read: each is once copied, and once compared on either side."""

    def __init__(self, told: Told, total: int) -> None:
        self._told, self._total, self._done = told, total, 0

    def pieces(self, table: Table, connection: Connection) -> Iterator[list[Row[Any]]]:
        """All rows of a table, in pieces."""
        rows = _rows(table, connection)
        while piece := list(islice(rows, _ROWS)):
            yield piece
            self._done += len(piece)
            self._told(self._done, self._total)


def _copy(table: Table, there: Connection, here: Connection, reading: _Counted) -> int:
    count = 0
    for rows in reading.pieces(table, there):
        here.execute(insert(table), [row._asdict() for row in rows])
        count += len(rows)
    return count


def _rows(table: Table, connection: Connection) -> Iterator[Row[Any]]:
    query = select(table).order_by(*table.primary_key.columns)
    return iter(connection.execute(query.execution_options(yield_per=_ROWS)))


def _digest(table: Table, connection: Connection, reading: _Counted) -> tuple[int, int]:
    """The number of rows, and a sum over them that does not depend on their order: databases sort texts differently."""
    count = total = 0
    for row in (one for piece in reading.pieces(table, connection) for one in piece):
        count += 1
        total += int.from_bytes(hashlib.blake2b(repr(tuple(row)).encode(), digest_size=8).digest())
    return count, total


def _count_on(here: Connection) -> None:
    """Postgres numbers new rows by sequences, which have not seen these."""
    if here.dialect.name != "postgresql":
        return
    for table in metadata.sorted_tables:
        (key, *others) = table.primary_key.columns
        if not others and key.autoincrement is True:
            highest = here.scalar(select(func.max(key)))
            if highest:
                numbered = text("SELECT setval(pg_get_serial_sequence(:table, :key), :highest)")
                here.execute(numbered, {"table": table.name, "key": key.name, "highest": highest})


def revision(database: Database) -> tuple[str | None, str]:
    """The revision of a ledger (None: nothing is there yet), and the one that this code reads."""
    database.demand()
    engine = database.reader()
    try:
        with database.transaction(engine) as connection:
            return migrate.revision_of(connection, database.name), HEAD
    finally:
        engine.dispose()
