"""How often all daemons on one Postgres ledger have asked for access tokens: Zoho's limit (core/renewals.py) is the
credential's, on whatever machine. On one machine the token file counts.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, delete, func, insert, inspect, literal_column, select

from daemon.core.renewals import MOST_RENEWALS, RENEWED_WITHIN
from daemon.ledger.database import Database
from daemon.ledger.errors import speaking
from daemon.ledger.own_tables import renewals

_WINDOW_S: Final = RENEWED_WITHIN.total_seconds()
_now: Final = func.clock_timestamp()
_old: Final = _now - literal_column(f"interval '{_WINDOW_S} s'")


def take(connection: Connection, credential: str) -> float:
    """Count one renewal and give 0; or count none and give the seconds until the next one may be asked for."""
    connection.execute(delete(renewals).where(renewals.c.at < _old))
    mine = renewals.c.credential == credential
    recent = connection.scalar(select(func.count()).select_from(renewals).where(mine)) or 0
    if recent < MOST_RENEWALS:
        connection.execute(insert(renewals).values(credential=credential, at=_now))
        return 0.0
    age = func.extract("epoch", _now - func.min(renewals.c.at))
    return max(1.0, _WINDOW_S - float(connection.scalar(select(age).where(mine)) or 0))


def put_back(connection: Connection, credential: str) -> None:
    """The last one was not asked for after all."""
    last = select(func.max(renewals.c.at)).where(renewals.c.credential == credential).scalar_subquery()
    connection.execute(delete(renewals).where(renewals.c.credential == credential, renewals.c.at == last))


class SharedCount:
    """The same count for a command that runs beside the daemons. Where there is no ledger yet, nothing counts."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._engine = database.writer()  # it takes turns: two that count at once would both be the eighth

    def take_renewal(self, credential: str) -> float:
        """As `take`. Raises LedgerError."""
        with self._database.transaction(self._engine) as connection:
            return take(connection, credential) if inspect(connection).has_table(renewals.name) else 0.0

    def put_back_renewal(self, credential: str) -> None:
        """As `put_back`. Raises LedgerError."""
        with self._database.transaction(self._engine) as connection:
            if inspect(connection).has_table(renewals.name):
                put_back(connection, credential)

    def close(self) -> None:
        with speaking(self._database.name):
            self._engine.dispose()
