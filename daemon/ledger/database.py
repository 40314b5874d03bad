"""How the ledger's file is opened: one writing connection, any number that only read.

The settings of each connection, and the transactions: writers begin IMMEDIATE, because a transaction that reads first
and writes later fails under threads; and pysqlite's own transactions are off, because they do not roll back DDL.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.pool import NullPool, QueuePool

from daemon.ledger.errors import LedgerError, LedgerUnavailable, speaking

BUSY_S: Final = 5.0
_READING: Final = ("temp_store = MEMORY", "trusted_schema = OFF", "cell_size_check = ON")
_WRITING: Final = (
    "journal_mode = WAL",
    "synchronous = FULL",
    f"journal_size_limit = {64 * 1024 * 1024}",
    *_READING,
)


def locate(url: str) -> Path:
    """The file that a ledger's url names, without links, for the lock lies beside it; raises LedgerError for anything
    else than an SQLite file.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError("ledger.url is not a database url; an example: sqlite:///orgsync.db") from None
    if parsed.get_backend_name() != "sqlite":
        name = parsed.get_backend_name()
        raise LedgerError(f"ledger.url names a {name} database; this version keeps its ledger in SQLite: sqlite:///…")
    if not parsed.database or parsed.database == ":memory:" or parsed.database.startswith("file:"):
        raise LedgerError("ledger.url must name a file; an example: sqlite:///orgsync.db")
    try:
        return Path(parsed.database).resolve()
    except (OSError, RuntimeError):  # links that go in a circle
        raise LedgerError("ledger.url names a link that leads nowhere; name the file itself") from None


def create_file(path: Path) -> None:
    """Make an empty file that only its owner may read, unless there is one; -wal and -shm inherit its mode."""
    try:
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except FileNotFoundError:
        raise LedgerUnavailable(path, "its folder does not exist", f"Create it: mkdir -p {path.parent}") from None
    except OSError as error:
        advice = "Make the file and its folder writable for the user of orgsync, or change ledger.url"
        raise LedgerUnavailable(path, f"it cannot be written ({error.strerror})", advice) from None


def writer(path: Path) -> Engine:
    """The one connection that writes. Its user guards it with a lock."""
    engine = _engine(path, "rw", (*_WRITING, "foreign_keys = ON"), QueuePool, size=1, overflow=0)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def migrator(path: Path) -> Engine:
    """As `writer`, but tables may be rebuilt: foreign keys are checked at the end instead of in between."""
    engine = _engine(path, "rw", (*_WRITING, "foreign_keys = OFF"), NullPool)
    event.listen(engine, "begin", _begin_immediate)
    return engine


def reader(path: Path) -> Engine:
    """Connections that cannot write, nor create the file; a transaction sees one state of the ledger throughout."""
    # A ledger at rest on a disk that is read-only: SQLite would ask for a -shm that it cannot make.
    at_rest = not os.access(path.parent, os.W_OK) and not path.with_name(f"{path.name}-wal").exists()
    engine = _engine(path, "ro&immutable=1" if at_rest else "ro", _READING, QueuePool, size=4, overflow=16)
    event.listen(engine, "begin", _begin)
    return engine


@contextmanager
def transaction(engine: Engine, path: Path) -> Iterator[Connection]:
    """All of the block or nothing of it; database errors leave as LedgerError."""
    with speaking(path), engine.begin() as connection:
        yield connection


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
