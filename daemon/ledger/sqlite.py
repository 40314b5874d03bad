"""How the ledger's file is opened: one writing connection, any number that only read.

The settings of each connection, and the transactions: writers begin IMMEDIATE, because a transaction that reads first
and writes later fails under threads; and pysqlite's own transactions are off, because they do not roll back DDL.
"""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.pool import NullPool, QueuePool

from daemon.ledger.database import Database
from daemon.ledger.errors import LedgerError, LedgerMissing, LedgerUnavailable
from daemon.ledger.lock import LedgerLock

BUSY_S: Final = 5.0
_READING: Final = ("temp_store = MEMORY", "trusted_schema = OFF", "cell_size_check = ON")
_WRITING: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {64 * 1024 * 1024}",
    *_READING,
)


class SqliteFile(Database):
    """A ledger in a file. -wal, -shm, its lock and its witness lie beside it."""

    def __init__(self, url: URL) -> None:
        """The path is without links, for the lock lies beside it. Raises LedgerError where the url names no file."""
        if not url.database or url.database == ":memory:" or url.database.startswith("file:"):
            raise LedgerError("ledger.url must name a file; an example: sqlite:///orgsync.db")
        try:
            self.path = Path(url.database).resolve()
        except (OSError, RuntimeError):  # links that go in a circle
            raise LedgerError("ledger.url names a link that leads nowhere; name the file itself") from None
        self.name = str(self.path)
        self.witness = self.path.with_name(self.path.name + ".witness")

    def lock(self) -> LedgerLock:
        return LedgerLock(self.path)

    def make(self) -> None:
        """An empty file that only its owner may read, unless there is one; -wal and -shm inherit its mode."""
        try:
            os.close(os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
        except FileNotFoundError:
            advice = f"Create it: mkdir -p {self.path.parent}"
            raise LedgerUnavailable(self.path, "its folder does not exist", advice) from None
        except OSError as error:
            advice = "Make the file and its folder writable for the user of orgsync, or change ledger.url"
            raise LedgerUnavailable(self.path, f"it cannot be written ({error.strerror})", advice) from None

    def demand(self) -> None:
        if not self.path.is_file():
            raise LedgerMissing(self.path)

    def writer(self) -> Engine:
        engine = _engine(self.path, "rw", (*_WRITING, "foreign_keys = ON"), QueuePool, size=1, overflow=0)
        event.listen(engine, "begin", _begin_immediate)
        return engine

    def migrator(self, *, alone: bool = False) -> Engine:  # noqa: ARG002 - there is one writer anyway
        """Foreign keys are checked at the end instead of in between."""
        engine = _engine(self.path, "rw", (*_WRITING, "foreign_keys = OFF"), NullPool)
        event.listen(engine, "begin", _begin_immediate)
        return engine

    def reader(self) -> Engine:
        """Connections that do not create the file either."""
        # A ledger at rest on a disk that is read-only: SQLite would ask for a -shm that it cannot make.
        at_rest = not os.access(self.path.parent, os.W_OK) and not self.path.with_name(f"{self.path.name}-wal").exists()
        engine = _engine(self.path, "ro&immutable=1" if at_rest else "ro", _READING, QueuePool, size=4, overflow=16)
        event.listen(engine, "begin", _begin)
        return engine

    def demand_whole(self, connection: Connection) -> None:
        if broken := connection.exec_driver_sql("PRAGMA foreign_key_check").first():
            raise LedgerError(f"the migration of {self.name} would break the table {broken[0]}; nothing was changed")


def _engine(
    path: Path,
    mode: str,
    pragmas: tuple[str, ...],
    pool: type[QueuePool | NullPool],
    *,
    size: int | None = None,
    overflow: int = 0,
) -> Engine:
    address = f"file:{quote(str(path))}?mode={mode}"

    def connect() -> sqlite3.Connection:
        connection = sqlite3.connect(
            address, uri=True, timeout=BUSY_S, isolation_level=None, cached_statements=32, check_same_thread=False
        )
        try:
            for pragma in pragmas:
                connection.execute(f"PRAGMA {pragma}")
        except sqlite3.Error:
            connection.close()
            raise
        return connection

    sizes = {} if size is None else {"pool_size": size, "max_overflow": overflow}
    return create_engine("sqlite://", creator=connect, poolclass=pool, hide_parameters=True, **sizes)


def _begin_immediate(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN IMMEDIATE")


def _begin(connection: Connection) -> None:
    connection.exec_driver_sql("BEGIN")
