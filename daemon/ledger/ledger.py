"""The ledger as the daemon uses it: the one class that writes. Every method is one transaction.

Safe to share between threads. Opening takes the ledger's lock (lock.py), so there is one writing process, and in it one
writing connection behind a lock; on Postgres there may be several, which take turns (postgres.py, claims.py). Questions
go to connections of their own and wait for nobody.
"""

from __future__ import annotations

import copy
import secrets
import threading
import uuid
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from types import MappingProxyType, TracebackType
from typing import Final, Self

from sqlalchemy import Connection, insert, select, update

from daemon.core.absent import Carried
from daemon.core.budget import Account, Spent
from daemon.core.credits import Told
from daemon.core.dropped import Version
from daemon.core.edits import Basis
from daemon.core.ends import QueueRow, Waiting
from daemon.core.fuse import Blown, FuseKind
from daemon.core.org import Secret
from daemon.core.record import Position
from daemon.core.rules import Stream
from daemon.core.settle import Settlement
from daemon.core.steps import Link, LinkState
from daemon.core.translate import Parent
from daemon.ledger import (
    backfills,
    baselines,
    claims,
    comparisons,
    deletions,
    drops,
    exports,
    fuses,
    lookups,
    matching,
    migrate,
    queue,
    renaming,
    renewals,
    retention,
    retiming,
    spending,
    storing,
    streams,
    witness,
)
from daemon.ledger.alerts import AlertBook
from daemon.ledger.backfills import Backfill
from daemon.ledger.claims import Claim, Member, Membership
from daemon.ledger.comparisons import Comparison, Counterpart, Reason, Side
from daemon.ledger.database import Database, Lock, locate
from daemon.ledger.errors import LedgerUnavailable, OrgChanged, speaking
from daemon.ledger.exports import Leaving
from daemon.ledger.fuses import FuseState
from daemon.ledger.lookups import DueRow, Intent
from daemon.ledger.matching import Shown
from daemon.ledger.streams import StreamState
from daemon.ledger.tables import meta, orgs


@dataclass(slots=True)
class _LastWrite:
    """How it ended, for all who share the ledger (Ledger.claimed)."""

    trouble: str | None = None


class Ledger:
    """An open ledger. `digest_key` is the secret of core's digests; `revision` is the schema's; `distrusted` is the
    number of records of which it does not know any more what the target holds, because it is an older copy of itself.
    """

    def __init__(self, database: Database, lock: Lock) -> None:
        self._database = database
        self._last_write = _LastWrite()
        self._lock = lock
        self._writer = database.writer()
        self._reader = database.reader()
        self._turn = threading.Lock()
        self._claim: Claim | None = None
        try:
            with self._writing() as connection:
                kept = _identity(connection)
                self.revision: Final = migrate.revision_of(connection, database.name) or ""
                migrate.demand_code(connection, database.name, self.revision)
                if database.shared:  # one that takes no writes is to be found out now, and not by each stream
                    connection.execute(update(meta).values(value=meta.c.value))
                older = database.witness is not None and witness.is_older(database.witness, connection)
                self.distrusted: Final = witness.distrust(connection) if older else 0
            if older:
                self._note_writes()
        except BaseException:
            self._writer.dispose()
            raise
        self.digest_key: Final = bytes.fromhex(kept["digest_key"])
        self.ledger_id: Final = kept["ledger_id"]
        self.alerts: Final = AlertBook(self._reading, self._writing)

    @classmethod
    def open(cls, url: str, password: Secret | None = None) -> Self:
        """Open the ledger that the url names; make it, or bring it up to date, when needed.

        Raises LedgerHeld while another process has it, LedgerTooNew, LedgerUnavailable also where it takes no writes.
        """
        database = locate(url, password)
        lock = database.lock()
        database.make()
        lock.acquire()
        try:
            migrate.upgrade(database)
            return cls(database, lock)
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

    def time_there(self) -> datetime:
        """The time by the clock of the server of a shared ledger, which all daemons go by."""
        with self._reading() as connection:
            return claims.time_there(connection)

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

    def account(self, org: str) -> Account:
        """What was spent in an org."""
        with self._reading() as connection:
            return spending.accounts(connection).get(org, Account())

    def close(self) -> None:
        """Give back file and lock. Nothing is pending: every method has committed."""
        with self._turn, speaking(self._database.name):
            self._reader.dispose()
            self._writer.dispose()
        self._lock.release()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def register_org(self, name: str, zgid: str, data_center: str, now: datetime) -> None:
        """Remember which Zoho org a name stands for; raises OrgChanged when it stood for another one."""
        with self._writing() as connection:
            known = connection.scalar(select(orgs.c.zgid).where(orgs.c.name == name))
            if known is None:
                row = {"name": name, "zgid": zgid, "data_center": data_center, "first_seen_at": now}
                connection.execute(insert(orgs), row)
            elif known != zgid:
                raise OrgChanged(name, known, zgid)

    def zgids(self) -> set[str]:
        """Zoho's numbers of the orgs that the ledger knows."""
        with self._reading() as connection:
            return set(connection.scalars(select(orgs.c.zgid)))

    def stream_state(self, stream: Stream) -> StreamState | None:
        """Where the stream stands; None when it was never started. Raises StreamChanged (streams.state)."""
        with self._reading() as connection:
            return streams.state(connection, stream)

    def start_stream(self, stream: Stream, rules_version: str, first_run: str, now: datetime) -> None:
        """The stream begins before every change; one that began already stays where it is."""
        with self._writing() as connection:
            streams.start(connection, stream, rules_version, first_run, now)

    def restart_stream(self, stream: Stream, rules_version: str, carried: Carried, now: datetime) -> None:
        """The position goes back to the start under a new version of the rules: all records are read again."""
        with self._writing() as connection:
            streams.restart(connection, stream, rules_version, carried, now)

    def note_rules(self, stream: Stream, rules_version: str, carried: Carried) -> None:
        """The rules have another version, and no record need be read again."""
        with self._writing() as connection:
            streams.note_rules(connection, stream, rules_version, carried)

    def carried(self, stream: Stream) -> Carried:
        """What a stream has carried so far."""
        with self._reading() as connection:
            return streams.carried(connection, stream)

    def unlearn(
        self, stream: Stream, fields: Collection[str], since: datetime, now: datetime, *, key: bool = False
    ) -> int:
        """What was written into these target fields since a time may have been ignored: it is not known any more, and
        the records are due (renaming.py). Gives their number.
        """
        with self._writing() as connection:
            return renaming.unlearn(connection, stream, fields, since, now, key=key)

    def lose(self, stream: Stream, names: Collection[str], since: datetime, now: datetime) -> None:
        """The stream's key or flag is not there under its name: what was sent with it since a time may lack it."""
        with self._writing() as connection:
            if stream.key in names:
                renaming.doubt_keys(connection, stream)
                renaming.unlearn(connection, stream, (), since, now, key=True)
            if stream.flag in names:
                renaming.reflag(connection, stream, since - timedelta(days=1), now)

    def disagree(self, stream: Stream, columns: Collection[str], targets: Collection[str]) -> None:
        """Other fields stand under the names of these source columns (renaming.py)."""
        with self._writing() as connection:
            renaming.disagree(connection, stream, columns, targets)

    def rename(self, org: str, module: str, names: Mapping[str, str]) -> None:
        """Fields of an org are called otherwise now (old -> new): what both sides agreed on goes on under those."""
        with self._writing() as connection:
            renaming.rename(connection, org, module, names)

    def match(self, stream: str, pairs: Sequence[tuple[str, str]], shown: Shown, now: datetime) -> int:
        """Link what a person found to be one (source id, target id), all or none; `shown` says how far the first run is
        decided (matching.py). Gives the number of pairs.
        """
        with self._writing() as connection:
            return matching.store(connection, stream, pairs, shown, now)

    def links(self, stream: Stream, source_ids: Collection[str]) -> dict[str, Link]:
        """The counterparts of source records, each with the digests that the target confirmed last."""
        with self._reading() as connection:
            return lookups.links(connection, stream, source_ids)

    def bases(self, stream: Stream, source_ids: Collection[str]) -> dict[str, Basis]:
        """What both sides agreed on of source records, where edits may come back."""
        with self._reading() as connection:
            return baselines.bases(connection, stream, source_ids)

    def all_caught_up(self, addresses: Collection[str]) -> bool:
        """Whether every one of these streams has reached the present once."""
        with self._reading() as connection:
            return streams.all_caught_up(connection, addresses)

    def owed(self, stream: Stream, source_ids: Collection[str]) -> dict[str, frozenset[str]]:
        """The fields of source records that another stream of the circle has still to write there."""
        with self._reading() as connection:
            return lookups.owed(connection, stream, source_ids)

    def counterparts(
        self,
        stream: Stream,
        parents: Collection[Parent],
        carried: Mapping[str, str],
        states: Collection[LinkState] = lookups.THERE,
    ) -> dict[Parent, str]:
        """The target ids of the parents that have one in these states; `carried` is source module -> target module."""
        with self._reading() as connection:
            return lookups.counterparts(connection, stream, parents, carried, states)

    def waits(self, route: str, records: Collection[Parent]) -> dict[Parent, Parent]:
        """What these source records of a route wait for, of those that are held for a parent."""
        with self._reading() as connection:
            return lookups.waits(connection, route, records)

    def linked_targets(self, org: str, module: str, ids: Collection[str]) -> set[str]:
        """Those of the records that are in the id map."""
        with self._reading() as connection:
            return lookups.linked_targets(connection, org, module, ids)

    def stand_for(self, stream: Stream, target_ids: Collection[str]) -> dict[str, set[str]]:
        """The source records, of whatever module, that these target records stand for, by target id."""
        with self._reading() as connection:
            return lookups.stand_for(connection, stream, target_ids)

    def holding(self, stream: Stream, field: str, digests: Collection[str], *, or_nothing: bool = False) -> set[str]:
        """The source records whose counterparts confirmed one of these values (short digests) in a target field; with
        `or_nothing` also those that were written without that field.
        """
        with self._reading() as connection:
            return lookups.holding(connection, stream, field, digests, or_nothing=or_nothing)

    def has_unknown(self, stream: Stream) -> bool:
        """Whether there are records of which it is not known any more what the target holds."""
        with self._reading() as connection:
            return lookups.has_unknown(connection, stream)

    def waiting(self, stream: Stream, ids: Collection[str]) -> dict[str, Waiting]:
        """What the retry queue holds of the records."""
        with self._reading() as connection:
            return lookups.waiting(connection, stream, ids)

    def due(self, stream: Stream, now: datetime, limit: int) -> list[DueRow]:
        """The records to try again, the one that is due longest first."""
        with self._reading() as connection:
            return lookups.due(connection, stream, now, limit)

    def open_intents(self, stream: Stream, ids: Collection[str] | None = None) -> dict[str, Intent]:
        """The writes without an answer, by source id; those of all records when `ids` is None."""
        with self._reading() as connection:
            return lookups.open_intents(connection, stream, ids)

    def being_written(self, stream: Stream, named: Mapping[str, Collection[str]], since: datetime) -> set[str]:
        """Of source records (id -> records that it names in a key field), those that a write of another stream of the
        circle is on its way to `since` a time.
        """
        with self._reading() as connection:
            return lookups.being_written(connection, stream, named, since)

    def begin(self, stream: Stream, intents: Iterable[Intent], leaving: Leaving | None = None) -> None:
        """Commit what is about to be sent, and what leaves with it; after a crash the target is asked about it."""
        with self._writing() as connection:
            storing.begin(connection, stream, list(intents))
            if leaving is not None:
                exports.note(connection, stream, leaving)

    def settle(self, stream: Stream, settlement: Settlement, cycle_id: int | None, now: datetime) -> int:
        """Store all of a settlement or nothing of it; gives the cycle's number, a new one for `cycle_id` None.

        Raises LinkConflict when a target record would stand for two source records, StreamUnknown, and LedgerError
        when the outcomes do not add up to what was seen.
        """
        with self._writing() as connection:
            number = storing.store(connection, stream, settlement, cycle_id, now)
        if settlement.written:
            self._note_writes()
        return number

    def _note_writes(self) -> None:
        if self._database.witness is not None:
            with self._reading() as connection:
                witness.note(self._database.witness, witness.last_write(connection))

    def finish_cycle(
        self, cycle_id: int, credits_source: int, credits_target: int, trouble: str | None, now: datetime
    ) -> None:
        """The cycle is over and cost this many credits in all."""
        with self._writing() as connection:
            storing.finish(connection, cycle_id, credits_source, credits_target, trouble, now)

    def polled(
        self,
        stream: Stream,
        now: datetime,
        current_until: datetime | None,
        caught_up: bool,
        trouble: str | None = None,
        position: Position | None = None,
    ) -> None:
        """The source was asked at `now`. None leaves `current_until` and the position; both only move forward."""
        with self._writing() as connection:
            streams.polled(
                connection,
                stream,
                now,
                current_until=current_until,
                caught_up=caught_up,
                trouble=trouble,
                position=position,
            )

    def retry(
        self,
        now: datetime,
        *,
        cause_id: int | None = None,
        stream: str | None = None,
        source_id: str | None = None,
    ) -> int:
        """The chosen queue rows (all given choices together) are due at once; gives their number."""
        with self._writing() as connection:
            return queue.retry(connection, now, cause_id=cause_id, stream=stream, source_id=source_id)

    def drop(
        self,
        now: datetime,
        *,
        cause_id: int | None = None,
        stream: str | None = None,
        source_id: str | None = None,
        who: str,
        reason: str,
    ) -> int:
        """Take the chosen queue rows (all given choices together) out, for this reason; gives their number."""
        with self._writing() as connection:
            return queue.drop(
                connection, now, cause_id=cause_id, stream=stream, source_id=source_id, who=who, reason=reason
            )

    def dropped(self, stream: Stream, source_ids: Collection[str]) -> dict[str, Version]:
        """The version of each record that a person dropped from the queue, where that stands."""
        with self._reading() as connection:
            return drops.standing(connection, stream.address, source_ids)

    def enqueue(
        self,
        stream: Stream,
        rows: Sequence[QueueRow],
        now: datetime,
        *,
        deleted_until: datetime | None = None,
        deleted: Mapping[str, datetime] = MappingProxyType({}),
        restored: Collection[str] = (),
        source_now: datetime | None = None,
        comparison: Comparison | None = None,
        side: Side = "source",
        position: Position | None = None,
        seen: Collection[str] = (),
        found: Mapping[str, int] = MappingProxyType({}),
        shown: Mapping[str, str] = MappingProxyType({}),
        drifted: Mapping[str, Collection[str]] = MappingProxyType({}),
        over: Collection[str] = (),
    ) -> None:
        """Put records into the queue, and note in the same transaction how far the looking for them has come: the
        deletions up to `deleted_until`, those to look at again (`deleted`: id -> when, and `source_now`, both by the
        source's clock) or not any more (`restored`); or a comparison's `position` on its `side` with what was `seen`
        there, and by entity the digest of what a drifted counterpart showed and the fields in which it is drifted. What
        is `over` leaves the queue.
        """
        with self._writing() as connection:
            queue.requeue(connection, stream, rows, over, now)
            deletions.remember(connection, stream, deleted, source_now or now)
            deletions.forget(connection, stream, restored)
            if deleted_until is not None:
                streams.note(connection, stream, deleted_until=deleted_until)
            if comparison is not None and position is not None:
                comparisons.mark(connection, stream, comparison, side, seen)
                comparisons.remember(connection, stream, shown, drifted)
                comparisons.advance(connection, comparison, side, position, found)

    def wake_held(self, stream: Stream, target_schema: str, now: datetime) -> int:
        """The target's fields are these now: what it refused is due again. Gives the number of records."""
        with self._writing() as connection:
            streams.note(connection, stream, target_schema=target_schema)
            return queue.wake_held(connection, stream, now)

    def wake_refused(self, stream: Stream, fields: Collection[str], now: datetime) -> None:
        """What the target refused for one of these fields is due again."""
        with self._writing() as connection:
            queue.wake_refused(connection, stream, fields, now)

    def wake_causes(self, stream: Stream, codes: Collection[str], now: datetime) -> None:
        """What is held for these codes is due again."""
        with self._writing() as connection:
            queue.wake_causes(connection, stream, codes, now)

    def has_untried(self, stream: Stream) -> bool:
        """Whether the stream has records that are due and were never tried as they are."""
        with self._reading() as connection:
            return lookups.has_untried(connection, stream)

    def deletions_sent(self, stream: Stream, source_ids: Collection[str]) -> set[str]:
        """Those of the queued records of which the last attempt to write was to delete (or flag) the counterpart."""
        with self._reading() as connection:
            return lookups.deletions_sent(connection, stream, source_ids)

    def has_open(self, stream: Stream) -> bool:
        """Whether anything of the stream waits: a record in the queue, or a write without an answer."""
        with self._reading() as connection:
            return lookups.has_open(connection, stream)

    def stuck(self, stream: Stream) -> list[str]:
        """The records that are held or given up."""
        with self._reading() as connection:
            return lookups.stuck(connection, stream)

    def restored_by_now(self, stream: Stream, source_now: datetime, limit: int) -> dict[str, datetime]:
        """Deleted records (id -> when) at which it is time to look again: they may have been restored."""
        with self._reading() as connection:
            return deletions.to_look(connection, stream, source_now, limit)

    def fuse_state(self, stream: Stream) -> FuseState:
        """What stops the stream until a person looks, and what was released."""
        with self._reading() as connection:
            return fuses.state(connection, stream.address)

    def blow(self, stream: Stream, blown: Blown, now: datetime) -> None:
        """Stop the stream until a person releases it."""
        with self._writing() as connection:
            fuses.blow(connection, stream.address, blown, now)

    def release(self, stream: str, accepted: int, reason: str, now: datetime) -> FuseKind | None:
        """Let a stream go on, past up to `accepted` records; None when no fuse stops it."""
        with self._writing() as connection:
            return fuses.release(connection, stream, accepted, reason, now)

    def spend_releases(self, stream: Stream, now: datetime) -> None:
        """The stream has caught up: what was released is used up."""
        with self._writing() as connection:
            fuses.spend(connection, stream.address, now)

    def count_links(self, stream: Stream) -> int:
        """How many records the stream has agreed with its target."""
        with self._reading() as connection:
            return lookups.count_links(connection, stream)

    def backfill(self, stream: Stream) -> Backfill | None:
        """The stream's first load, if it had to be planned."""
        with self._reading() as connection:
            return backfills.state(connection, stream.address)

    def begin_backfill(self, stream: Stream, backfill: Backfill) -> None:
        """A first load begins; it takes the place of an earlier one."""
        with self._writing() as connection:
            backfills.begin(connection, stream.address, backfill)

    def note_backfill(self, stream: Stream, **values: object) -> None:
        """How far it has come."""
        with self._writing() as connection:
            backfills.note(connection, stream.address, **values)

    def end_backfill(self, stream: Stream, now: datetime, why: str, position: Position | None) -> None:
        """No file is read any more; what was changed after the position is followed from now on. None: the files were
        given up, and the checkpoint stays where it is.
        """
        with self._writing() as connection:
            backfills.note(connection, stream.address, ended_at=now, why=why)
            if position is not None:
                streams.advance(connection, stream, position)

    def start_comparison(self, stream: str, reason: Reason, now: datetime) -> bool:
        """Begin a full comparison; False when one goes on already."""
        with self._writing() as connection:
            return comparisons.start(connection, stream, reason, now)

    def comparison(self, stream: Stream) -> tuple[Comparison | None, datetime | None]:
        """The comparison that goes on, and when the latest began."""
        with self._reading() as connection:
            return comparisons.current(connection, stream.address), comparisons.last_started(connection, stream.address)

    def unseen(self, stream: Stream, comparison: Comparison, side: Side) -> list[tuple[str, str]]:
        """(record id there, source id) of agreed records that a comparison did not see on a side."""
        with self._reading() as connection:
            return comparisons.unseen(connection, stream, comparison, side)

    def source_records(self, stream: Stream, target_ids: Collection[str]) -> dict[str, Counterpart]:
        """What the target's records stand for, by target id."""
        with self._reading() as connection:
            return comparisons.counterparts(connection, stream, target_ids)

    def compared(
        self, comparison: Comparison, cost: int, day_began_at: datetime, now: datetime, *, finished: bool
    ) -> None:
        """A comparison cost this many credits more, and may be over."""
        with self._writing() as connection:
            comparisons.spent(connection, comparison, cost, day_began_at)
            if finished:
                comparisons.finish(connection, comparison, now)

    def retime(self, now: datetime, by: timedelta = timedelta()) -> int:
        """The clock stepped by so much, or may have been wrong: due times follow (retiming.py); gives their number."""
        with self._writing() as connection:
            if by:
                spending.shift(connection, by)
            return retiming.retime(connection, now, by)

    def forget(self, before: datetime) -> int:
        """Remove one step of the history before a time (retention.py); gives its rows, 0 when none is left."""
        with self._writing() as connection:
            return retention.forget(connection, before)

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

    @contextmanager
    def _reading(self) -> Iterator[Connection]:
        with self._database.transaction(self._reader) as connection:
            yield connection


def _identity(connection: Connection) -> dict[str, str]:
    """The ledger's own values; made when it is new."""
    kept = {row.name: row.value for row in connection.execute(select(meta.c.name, meta.c.value))}
    made = {"digest_key": secrets.token_hex(32), "ledger_id": str(uuid.uuid4())}
    missing = [{"name": name, "value": value} for name, value in made.items() if name not in kept]
    if missing:
        connection.execute(insert(meta), missing)
    return made | kept
