"""A ledger in a Postgres database (psycopg 3).

The password never stands in the url: it comes from the settings as a Secret, or from libpq's own password file. Every
host that is not this machine is spoken to by TLS, and its certificate is verified.

Several processes may write, one transaction at a time: each begins by taking its turn, so that what it reads is what
it writes over, as in an SQLite file. Each writing session shares the ledger with the others; who needs it for himself
(to copy it, to bring it down) waits until all have left.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, Final, TypeVar

import psycopg
from psycopg.errors import LockNotAvailable
from sqlalchemy import Connection, Engine, create_engine, event, text
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
_MARGIN_S: Final = 1.0  # for a server that lives to say that a statement took too long
_PATIENCE_MS: Final = 1_000
_STATEMENT_MS: Final = 60_000
_SILENT_MS: Final = 5_000
_CLIENT: Final = {
    "application_name": "orgsync",
    "keepalives_idle": 5,
    "keepalives_interval": 2,
    "keepalives_count": 3,
    "tcp_user_timeout": 15_000,
}
_SETTINGS: Final[Mapping[str, int | str]] = {
    **{"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3},
    "statement_timeout": _STATEMENT_MS,
    "lock_timeout": 20_000,
    "plan_cache_mode": "force_custom_plan",  # else IN (500 ids) is searched one by one from its sixth use on
}
# Whoever is stopped in the middle of a transaction (SIGSTOP, a machine that sleeps) must not stop the others.
_WRITING: Final[Mapping[str, int | str]] = {"idle_in_transaction_session_timeout": _SILENT_MS}
# But that does not count while a batch is half sent, for psycopg sends one as a pipeline: the others have to look.
_END_STOPPED: Final = text("""
    SELECT pg_terminate_backend(session.pid) FROM pg_locks AS turn JOIN pg_stat_activity AS session USING (pid)
    WHERE turn.locktype = 'advisory' AND turn.granted AND session.datname = current_database()
    AND (turn.classid, turn.objid) = (:high, :low) AND pg_has_role(session.usesysid, 'USAGE')
    AND session.wait_event = 'ClientRead' AND session.state_change < clock_timestamp() - :silent
""")
_CLAIMING: Final[Mapping[str, int | str]] = {**_WRITING, "statement_timeout": 3_000, "lock_timeout": 1_000}
T = TypeVar("T")


class PatientConnection(psycopg.Connection[Any]):
    """Waits for a silent server for `patience` seconds and no longer: one that hangs (stopped, or its disk is) keeps
    the connection up, so that neither its own timeouts nor those of TCP end the wait.
    """

    patience: float = _STATEMENT_MS / 1000 + _MARGIN_S

    def wait(self, gen: Generator[Any, Any, T], *args: Any, **more: Any) -> T:
        return super().wait(self._patiently(gen), *args, **more)

    def _patiently(self, gen: Generator[Any, Any, T]) -> Generator[Any, Any, T]:
        heard_at = time.monotonic()
        try:
            wanted = next(gen)
            while True:
                if ready := (yield wanted):
                    heard_at = time.monotonic()
                elif time.monotonic() - heard_at > self.patience:
                    self.close()
                    raise psycopg.OperationalError(f"it has not answered for {self.patience:.0f} s")
                wanted = gen.send(ready)
        except StopIteration as end:
            result: T = end.value
            return result


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

    def end_stopped(self, connection: Connection) -> None:
        turn = {"high": _TURN >> 32, "low": _TURN & 0xFFFFFFFF, "silent": timedelta(milliseconds=_SILENT_MS)}
        connection.execute(_END_STOPPED, turn)

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

    def _engine(self, pool: type[QueuePool | NullPool], settings: Mapping[str, int | str] = {}, **more: Any) -> Engine:
        wanted = {**_SETTINGS, **settings}
        patience = float(wanted["statement_timeout"]) / 1000 + _MARGIN_S
        # The host that was judged, whatever PGHOST, PGHOSTADDR or PGSERVICE say: an empty text counts as given.
        given: dict[str, Any] = {"host": self._host, "hostaddr": "", **_CLIENT}
        given["connect_timeout"] = min(_CONNECT_S, int(patience))
        given["options"] = " ".join(f"-c {name}={value}" for name, value in wanted.items())
        if self._password is not None:
            given["password"] = self._password.reveal()
        engine = create_engine(
            self._url, poolclass=pool, connect_args=given, pool_pre_ping=True, hide_parameters=True, **more
        )
        event.listen(engine, "do_connect", partial(_connect, patience))
        return engine


def _connect(
    patience: float, _dialect: object, _record: object, _args: object, given: dict[str, Any]
) -> PatientConnection:
    connection = PatientConnection.connect(**given)
    connection.patience = patience
    return connection


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
