"""A ledger in a Postgres database (psycopg 3).

The password never stands in the url: it comes from the settings as a Secret, or from libpq's own password file. Every
host that is not this machine is spoken to by TLS, and its certificate is verified.
"""

from __future__ import annotations

from types import TracebackType
from typing import Any, Final, Self

from sqlalchemy import Connection, Engine, create_engine, text
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool, QueuePool

from daemon.core import postgres_url
from daemon.core.org import Secret
from daemon.ledger.database import Database
from daemon.ledger.errors import LedgerError, LedgerHeld, speaking

_LOCK: Final = 0x6F726773796E63  # "orgsync"
_CONNECT_S: Final = 10
_STATEMENT_MS: Final = 60_000
_SETTINGS: Final = {
    "statement_timeout": _STATEMENT_MS,
    "lock_timeout": 20_000,
    "idle_in_transaction_session_timeout": 60_000,
}


class PostgresDatabase(Database):
    """A database that is there already; the ledger's tables are made in the first schema of its search path."""

    def __init__(self, url: str, password: Secret | None = None) -> None:
        """Raises LedgerError for a url that may not be (core/postgres_url.py)."""
        if wrong := postgres_url.problem(url):
            raise LedgerError(f"ledger.url: {wrong}")
        host, parsed = postgres_url.host_of(url), make_url(url)
        self.name = f"{host or 'localhost'}/{parsed.database}"
        by_default = {} if postgres_url.is_here(host) or "sslmode" in parsed.query else {"sslmode": "verify-full"}
        self._url = parsed.set(drivername="postgresql+psycopg").update_query_dict(by_default)
        self._password = password

    def lock(self) -> AdvisoryLock:
        return AdvisoryLock(self)

    def make(self) -> None:
        """Nothing: the database is its administrator's to make."""

    def demand(self) -> None:
        """Nothing: the first question tells."""

    def writer(self) -> Engine:
        return self._engine(QueuePool, pool_size=1, max_overflow=0)

    def migrator(self) -> Engine:
        return self._engine(NullPool)

    def reader(self) -> Engine:
        return self._engine(
            QueuePool,
            settings={"default_transaction_read_only": "on"},
            pool_size=4,
            max_overflow=16,
            isolation_level="REPEATABLE READ",
        )

    def demand_whole(self, connection: Connection) -> None:
        """Nothing: Postgres checks every statement."""

    def _engine(self, pool: type[QueuePool | NullPool], settings: dict[str, str] | None = None, **more: Any) -> Engine:
        options = " ".join(f"-c {name}={value}" for name, value in {**_SETTINGS, **(settings or {})}.items())
        given: dict[str, Any] = {"connect_timeout": _CONNECT_S, "application_name": "orgsync", "options": options}
        if self._password is not None:
            given["password"] = self._password.reveal()
        return create_engine(
            self._url, poolclass=pool, connect_args=given, pool_pre_ping=True, hide_parameters=True, **more
        )


class AdvisoryLock:
    """The right to write, for as long as one session lives: a killed process leaves none behind."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._engine = database.migrator()
        self._session: Connection | None = None

    def acquire(self) -> None:
        """Take the lock, or raise LedgerHeld, or LedgerUnavailable."""
        if self._session is not None:
            return
        with speaking(self._database.name):
            session = self._engine.connect().execution_options(isolation_level="AUTOCOMMIT")
            if not session.scalar(text("SELECT pg_try_advisory_lock(:key)"), {"key": _LOCK}):
                session.close()
                raise LedgerHeld(self._database.name, None)
        self._session = session

    def release(self) -> None:
        """Give it back; does nothing when it is not held."""
        session, self._session = self._session, None
        if session is not None:
            session.invalidate()  # the session ends, and the lock with it
            session.close()
        self._engine.dispose()

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
