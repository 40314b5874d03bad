"""A ledger in a Postgres database (psycopg 3).

The password never stands in the url: it comes from the settings as a Secret, or from libpq's own password file. Every
host that is not this machine is spoken to by TLS, and its certificate is verified.

Several processes may write, one transaction at a time: each begins by taking its turn, so that what it reads is what
it writes over, as in an SQLite file. Each writing session shares the ledger with the others; who needs it for himself
(to copy it, to bring it down) waits until all have left.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, event
from sqlalchemy.engine import make_url
from sqlalchemy.pool import NullPool, QueuePool

from daemon.core import postgres_url
from daemon.core.org import Secret
from daemon.ledger.database import Database, Lock
from daemon.ledger.errors import LedgerError, LedgerHeld, speaking

_LEDGER: Final = 0x6F726773796E63  # "orgsync": shared by all who write
_TURN: Final = _LEDGER + 1  # held by the one transaction that writes
_SHARED: Final = "pg_advisory_lock_shared"
_CONNECT_S: Final = 10
_PATIENCE_MS: Final = 1_000
_STATEMENT_MS: Final = 60_000
_CLIENT: Final = {
    "application_name": "orgsync",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_SETTINGS: Final = {
    **{"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3},
    "statement_timeout": _STATEMENT_MS,
    "lock_timeout": 20_000,
    "plan_cache_mode": "force_custom_plan",  # else IN (500 ids) is searched one by one from its sixth use on
}
# Whoever is stopped in the middle of a transaction (SIGSTOP, a machine that sleeps) must not stop the others.
_WRITING: Final = {"idle_in_transaction_session_timeout": 5_000}
_CLAIMING: Final = {**_WRITING, "statement_timeout": 3_000, "lock_timeout": 1_000}


class NoLock:
    """Nothing to take beside the database itself."""

    def acquire(self) -> None:
        return

    def release(self) -> None:
        return


class SessionLock:
    """The ledger for one's own, taken by a session that does not write."""

    def __init__(self, database: PostgresDatabase) -> None:
        self._database = database
        self._engine = database.migrator(alone=True)
        self._session: Connection | None = None

    def acquire(self) -> None:
        """Take the lock, or raise LedgerHeld, or LedgerUnavailable."""
        with speaking(self._database.name):
            self._session = self._engine.connect()

    def release(self) -> None:
        if self._session is not None:
            self._session.close()
        self._engine.dispose()


class PostgresDatabase(Database):
    """A database that is there already; the ledger's tables are made in the first schema of its search path."""

    shared = True

    def __init__(self, url: str, password: Secret | None = None) -> None:
        """Raises LedgerError for a url that may not be (core/postgres_url.py)."""
        if wrong := postgres_url.problem(url):
            raise LedgerError(f"ledger.url: {wrong}")
        host, parsed = postgres_url.host_of(url), make_url(url)
        self.name = f"{host or 'localhost'}/{parsed.database}"
        by_default = {} if postgres_url.is_here(host) or "sslmode" in parsed.query else {"sslmode": "verify-full"}
        self._url = parsed.set(drivername="postgresql+psycopg").update_query_dict(by_default)
        self._host = host
        self._password = password

    def lock(self) -> NoLock:
        """None: the session that writes holds it (_hold)."""
        return NoLock()

    def held_still(self) -> Lock:
        return SessionLock(self)

    def make(self) -> None:
        """Nothing: the database is its administrator's to make."""

    def demand(self) -> None:
        """Nothing: the first question tells."""

    def writer(self) -> Engine:
        return self._taking_turns(self._engine(QueuePool, settings=_WRITING, pool_size=1, max_overflow=0))

    def migrator(self, *, alone: bool = False) -> Engine:
        return self._taking_turns(self._engine(NullPool), "pg_advisory_lock" if alone else _SHARED)

    def claimer(self) -> Engine:
        return self._engine(QueuePool, settings=_CLAIMING, pool_size=1, max_overflow=0)

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

    def _taking_turns(self, engine: Engine, lock: str = _SHARED) -> Engine:
        event.listen(engine, "begin", _take_turn)
        event.listen(engine, "connect", lambda connection, _record: _hold(connection, lock, self.name))
        return engine

    def _engine(
        self, pool: type[QueuePool | NullPool], settings: Mapping[str, object] | None = None, **more: Any
    ) -> Engine:
        options = " ".join(f"-c {name}={value}" for name, value in {**_SETTINGS, **(settings or {})}.items())
        # The host that was judged, whatever PGHOST, PGHOSTADDR or PGSERVICE say: an empty text counts as given.
        place = {"host": self._host, "hostaddr": ""}
        given: dict[str, Any] = {"connect_timeout": _CONNECT_S, "options": options, **place, **_CLIENT}
        if self._password is not None:
            given["password"] = self._password.reveal()
        return create_engine(
            self._url, poolclass=pool, connect_args=given, pool_pre_ping=True, hide_parameters=True, **more
        )


def _take_turn(connection: Connection) -> None:
    connection.exec_driver_sql(f"SELECT pg_advisory_xact_lock({_TURN})")


def _hold(connection: Any, lock: str, name: str) -> None:
    """The right lives as long as its session: a killed process leaves none behind, and whoever connects anew after the
    server was away must get it anew.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(f"SET LOCAL lock_timeout = '{_PATIENCE_MS}ms'")  # a session of ours may just be ending
            cursor.execute(f"SELECT {lock}(%s)", (_LEDGER,))
        connection.commit()
    except LockNotAvailable:
        connection.close()
        raise LedgerHeld(name, None) from None
