"""The database that holds a ledger: an SQLite file, or a database on a Postgres server.

What differs between the two is here and behind it (sqlite.py, postgres.py); the rest of the room is the same SQL.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol

from sqlalchemy import Connection, Engine
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from daemon.core.org import Secret
from daemon.core.postgres_url import SCHEMES
from daemon.ledger.errors import LedgerError, speaking


class Lock(Protocol):
    """The right to write to a ledger; see LedgerLock and AdvisoryLock."""

    def acquire(self) -> None: ...

    def release(self) -> None: ...


class Database(ABC):
    """Where a ledger is. `name` stands in messages; `witness` is the file of witness.py, where there is one."""

    name: str
    witness: Path | None = None
    shared = False
    """Whether several daemons may write to it (claims.py)."""

    @abstractmethod
    def lock(self) -> Lock:
        """The lock of the one process that writes, where there may be one only; not taken yet."""

    def held_still(self) -> Lock:
        """A lock under which nobody writes, its holder least of all."""
        return self.lock()

    @abstractmethod
    def make(self) -> None:
        """Make room for a ledger where there is none."""

    @abstractmethod
    def demand(self) -> None:
        """Raise LedgerUnavailable where nothing can be read."""

    @abstractmethod
    def writer(self) -> Engine:
        """The one connection that writes. Its user guards it with a lock."""

    @abstractmethod
    def migrator(self, *, alone: bool = False) -> Engine:
        """As `writer`, but tables may be rebuilt: `demand_whole` follows. `alone`: while nobody else has the ledger."""

    def claimer(self) -> Engine:
        """The connection by which a daemon says that it lives; waits for no writer. Of a `shared` database only."""
        raise NotImplementedError  # a file has one daemon

    def end_stopped(self, connection: Connection) -> None:
        """By a claimer: who stopped in the middle of a writing transaction loses it. Of a `shared` database only."""
        raise NotImplementedError  # a file has one daemon

    @abstractmethod
    def reader(self) -> Engine:
        """Connections that cannot write; a transaction sees one state of the ledger throughout."""

    @abstractmethod
    def demand_whole(self, connection: Connection) -> None:
        """Raise LedgerError where a migration has broken what the tables promise each other."""

    @contextmanager
    def transaction(self, engine: Engine) -> Iterator[Connection]:
        """All of the block or nothing of it; database errors leave as LedgerError."""
        with speaking(self.name), engine.begin() as connection:
            yield connection


def locate(url: str, password: Secret | None = None) -> Database:
    """The database that a ledger's url names; raises LedgerError for one that cannot hold a ledger."""
    if url.startswith(SCHEMES):
        try:
            from daemon.ledger.postgres import PostgresDatabase  # noqa: PLC0415 - only what is needed is loaded
        except ImportError:
            what = "ledger.url names a Postgres database, and its driver psycopg is not installed"
            raise LedgerError(f"{what}: pip install 'orgsync[postgres]'") from None
        return PostgresDatabase(url, password)
    from daemon.ledger.sqlite import SqliteFile  # noqa: PLC0415

    try:
        parsed = make_url(url)
    except ArgumentError:
        raise LedgerError("ledger.url is not a database url; an example: sqlite:///orgsync.db") from None
    if (name := parsed.get_backend_name()) != "sqlite":
        raise LedgerError(f"ledger.url names a {name} database; a ledger is kept in sqlite:///… or postgresql://…")
    return SqliteFile(parsed)
