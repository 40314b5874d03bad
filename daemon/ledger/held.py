"""The ledger as one process holds it: its lock, the one writing connection behind it, the claim by which a stream is
run; and what is counted for all who share it, renewals of tokens and credits.

Opening takes the ledger's lock (lock.py), so there is one writing process, and in it one writing connection behind a
lock; on Postgres there may be several, which take turns (postgres.py, claims.py).
"""

from __future__ import annotations

import copy
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from types import TracebackType
from typing import Final, Self

from sqlalchemy import Connection, insert, select, update

from daemon.core.budget import Account, Spent
from daemon.core.credits import Told
from daemon.core.org import Secret
from daemon.ledger import claims, identity, migrate, renewals, spending, witness
from daemon.ledger.alerts import AlertBook
from daemon.ledger.claims import Claim, Member, Membership
from daemon.ledger.database import Database, Lock, locate
from daemon.ledger.errors import LedgerUnavailable, OrgChanged, speaking
from daemon.ledger.own_tables import meta
from daemon.ledger.reading import ReadLedger
from daemon.ledger.tables import orgs


@dataclass(slots=True)
class _LastWrite:
    """How it ended, for all who share the ledger (HeldLedger.claimed)."""

    trouble: str | None = None


class HeldLedger(ReadLedger):
    """An open ledger that may be written. `revision` is the schema's; `distrusted` is the number of records of which it
    does not know any more what the target holds, because it is an older copy of itself.
    """

    def __init__(self, database: Database, lock: Lock, undo_key: Secret | None = None) -> None:
        self._database = database
        self._last_write = _LastWrite()
        self._lock = lock
        self._writer = database.writer()
        self._turn = threading.Lock()
        self._claim: Claim | None = None
        try:
            with self._writing() as connection:
                known = identity.make(connection)
                self.revision: Final = migrate.revision_of(connection, database.name) or ""
                migrate.demand_code(connection, database.name, self.revision)
                if database.shared:  # one that takes no writes is to be found out now, and not by each stream
                    connection.execute(update(meta).values(value=meta.c.value))
                older = database.witness is not None and witness.is_older(database.witness, connection)
                self.distrusted: Final = witness.distrust(connection) if older else 0
            self._reader = database.reader()
            super().__init__(partial(database.transaction, self._reader), known, undo_key)
            if older:
                self._note_writes()
        except BaseException:
            self._writer.dispose()
            raise
        self.alerts: Final = AlertBook(self._reading, self._writing)

    @classmethod
    def open(cls, url: str, password: Secret | None = None, undo_key: Secret | None = None) -> Self:
        """Open the ledger that the url names; make it, or bring it up to date, when needed. What records hold before a
        write is sealed by `undo_key`.

        Raises LedgerHeld while another process has it, LedgerTooNew, LedgerUnavailable also where it takes no writes.
        """
        database = locate(url, password)
        lock = database.lock()
        database.make()
        lock.acquire()
        try:
            migrate.upgrade(database)
            return cls(database, lock, undo_key)
        except BaseException:
            lock.release()
            raise

    @property
    def trouble(self) -> str | None:
        """Why the last write failed, where the ledger could not be used; None when it did not."""
        return self._last_write.trouble

    @property
    def shared(self) -> bool:
        """Whether several daemons may use it at once."""
        return self._database.shared

    def join(self, me: Member) -> Membership:
        """Take part as one of several daemons."""
        return Membership(self._database, me)

    def claimed(self, claim: Claim) -> Self:
        """The same ledger, for one who runs a stream by this claim: nothing is written when it is lost (ClaimLost)."""
        mine = copy.copy(self)
        mine._claim = claim
        return mine

    def take_renewal(self, credential: str) -> float:
        """Count one renewal of an access token and give 0, or the seconds until one may be asked for (renewals.py)."""
        with self._writing() as connection:
            return renewals.take(connection, credential)

    def put_back_renewal(self, credential: str) -> None:
        """The last renewal was not asked for after all."""
        with self._writing() as connection:
            renewals.put_back(connection, credential)

    def take_credits(
        self, org: str, wanted: int, ceiling: int | None, told: Told | None, now: datetime
    ) -> tuple[int, Account]:
        """Take credits for calls to an org, as many as its ceiling lets (spending.py), and note what it said last."""
        with self._writing() as connection:
            return spending.take(connection, org, wanted, ceiling, told, now)

    def give_credits_back(self, org: str, unused: Spent) -> None:
        """Credits that were taken in a period and not used."""
        with self._writing() as connection:
            spending.give_back(connection, org, unused)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Give back file and lock. Nothing is pending: every method has committed."""
        with self._turn, speaking(self._database.name):
            self._reader.dispose()
            self._writer.dispose()
        self._lock.release()

    def register_org(self, name: str, zgid: str, data_center: str, now: datetime) -> None:
        """Remember which Zoho org a name stands for; raises OrgChanged when it stood for another one."""
        with self._writing() as connection:
            known = connection.scalar(select(orgs.c.zgid).where(orgs.c.name == name))
            if known is None:
                row = {"name": name, "zgid": zgid, "data_center": data_center, "first_seen_at": now}
                connection.execute(insert(orgs), row)
            elif known != zgid:
                raise OrgChanged(name, known, zgid)

    def _note_writes(self) -> None:
        if self._database.witness is not None:
            with self._reading() as connection:
                witness.note(self._database.witness, witness.last_write(connection))

    @contextmanager
    def _writing(self) -> Iterator[Connection]:
        try:
            with self._turn, self._database.transaction(self._writer) as connection:
                if self._claim is not None:
                    claims.demand(connection, self._claim, self._database.name)
                yield connection
        except LedgerUnavailable as error:
            self._last_write.trouble = str(error)
            raise
        self._last_write.trouble = None
