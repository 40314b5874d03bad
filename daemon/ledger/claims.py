"""Several daemons on one ledger: which of them runs a stream (design 9).

A daemon lives until `daemons.expires_at`, by the database's clock, and says so every two seconds. Each stream has one
owner (checkpoints.owner) and an epoch that grows whenever it changes hands; every transaction of a stream's daemon
demands that epoch and keeps the row until it is over, so that nobody can take the stream over in between. Streams of
dead daemons, and those that nobody runs, go to whoever has fewer than its share.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from sqlalchemy import (
    ColumnElement,
    Connection,
    ScalarResult,
    and_,
    delete,
    exists,
    func,
    literal_column,
    or_,
    select,
    update,
)

from daemon.ledger import migrate
from daemon.ledger.database import Database
from daemon.ledger.errors import ClaimLost
from daemon.ledger.own_tables import daemons
from daemon.ledger.tables import checkpoints
from daemon.ledger.upsert import upsert

LIFE_S: Final = 8.0
"""Seconds for which a daemon lives without saying so."""
_REMEMBERED: Final[ColumnElement[timedelta]] = literal_column("interval '1 hour'")
_now: Final = func.clock_timestamp()
_revision: Final[ColumnElement[str]] = literal_column("(SELECT version_num FROM alembic_version)")
_row = checkpoints.c
# Nobody is promised more than LIFE_S: what says so was written before the server's clock went back.
_alive: Final = and_(
    daemons.c.expires_at > _now, daemons.c.expires_at <= _now + literal_column(f"interval '{LIFE_S} s'")
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """The right to run a stream: good until the stream's epoch is another one."""

    stream: str
    epoch: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Member:
    """One daemon among those that share a ledger; `name` is its own and no other's."""

    name: str
    host: str
    pid: int
    version: str


def demand(connection: Connection, claim: Claim, ledger: str) -> None:
    """Keep the claim until the transaction is over. Raises ClaimLost; LedgerTooNew, if the daemon is not to run on it
    any more.
    """
    query = select(_revision).where(_row.stream == claim.stream, _row.epoch == claim.epoch)
    revision = connection.scalar(query.with_for_update(read=True, of=checkpoints))
    if revision is None:
        raise ClaimLost(claim.stream)
    migrate.demand_code(connection, ledger, revision)


def time_there(connection: Connection) -> datetime:
    """The time by the clock that all daemons share."""
    now: datetime = connection.execute(select(_now)).scalar_one()
    return now


def _share(streams: int, me: str, others: Collection[str]) -> int:
    """How many streams this daemon is to run: as many as each other one, or one more."""
    each, left = divmod(streams, len(others) + 1)
    return each + (sum(name < me for name in others) < left)


class Membership:
    """How a daemon takes part: by a connection of its own, which no long transaction keeps waiting."""

    def __init__(self, database: Database, me: Member) -> None:
        self._database = database
        self._engine = database.claimer()
        self._me = me
        self.members = 1
        """How many daemons lived when this one said so last, itself among them."""

    def beat(self, streams: Collection[str], idle: Collection[str], *, fair: bool = True) -> Mapping[str, int]:
        """Say that this daemon lives; give away what is more than its share of `streams`, of those that are `idle`;
        take what is free up to that share (all of it, unless `fair`). The streams that it owns, and their epochs.

        Raises LedgerError; LedgerTooNew, where a newer orgsync brought the ledger to what this one cannot run on.
        """
        with self._database.transaction(self._engine) as connection:
            migrate.demand_code(connection, self._database.name, connection.scalar(select(_revision)))
            self._database.end_stopped(connection)  # a stopped writer holds the rows of what it ran, too
            others = self._live(connection)
            self.members = 1 + len(others)
            share = _share(len(streams), self._me.name, others) if fair else len(streams)
            owned = set(self._owned(connection))
            ours = owned & set(streams)
            surplus = sorted(ours & set(idle))[: max(0, len(ours) - share)]
            self._give(connection, [*(owned - ours), *surplus])
            self._take(connection, streams, max(0, share - len(ours)))
            mine = select(_row.stream, _row.epoch).where(_row.owner == self._me.name)
            return {row.stream: row.epoch for row in connection.execute(mine)}

    def time_there(self) -> datetime:
        """The time by the clock that all daemons share. Raises LedgerError."""
        with self._database.transaction(self._engine) as connection:
            return time_there(connection)

    def leave(self) -> None:
        """Give everything away at once. Raises LedgerError; then the others wait until this daemon counts as dead."""
        try:
            with self._database.transaction(self._engine) as connection:
                self._give(connection, list(self._owned(connection)))
                connection.execute(delete(daemons).where(daemons.c.name == self._me.name))
        finally:
            self._engine.dispose()

    def _live(self, connection: Connection) -> list[str]:
        """Says that this one lives; gives the others that do."""
        row = {
            "name": self._me.name,
            "host": self._me.host,
            "pid": self._me.pid,
            "version": self._me.version,
            "started_at": _now,
            "expires_at": _now + literal_column(f"interval '{LIFE_S} s'"),
        }
        connection.execute(upsert(connection, daemons, kept=("started_at",)).values(row))
        connection.execute(delete(daemons).where(daemons.c.expires_at < _now - _REMEMBERED))
        others = daemons.c.name != self._me.name, _alive
        return list(connection.scalars(select(daemons.c.name).where(*others)))

    def _owned(self, connection: Connection) -> ScalarResult[str]:
        return connection.scalars(select(_row.stream).where(_row.owner == self._me.name))

    def _give(self, connection: Connection, streams: Collection[str]) -> None:
        mine = _row.owner == self._me.name, _row.stream.in_(streams)
        connection.execute(update(checkpoints).where(*mine).values(owner=None))

    def _take(self, connection: Connection, streams: Collection[str], most: int) -> None:
        """Rows that a transaction holds just now are somebody's who lives: they are passed over. Whether a row is free
        is asked once more when it is locked: a new owner may have come to life since the first question began.
        """
        lives = exists().where(daemons.c.name == _row.owner, _alive)
        free = or_(_row.owner.is_(None), ~lives)
        query = select(_row.stream).where(_row.stream.in_(streams), free).order_by(_row.stream).limit(most)
        found = list(connection.scalars(query.with_for_update(skip_locked=True))) if most else []
        taken = update(checkpoints).where(_row.stream.in_(found), free)
        connection.execute(taken.values(owner=self._me.name, epoch=_row.epoch + 1))
