"""The ledger as the daemon uses it: what syncing stores. Every method is one transaction.

Safe to share between threads. What it answers is in reading.py, how it is held in held.py.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from types import MappingProxyType

from daemon.core.absent import Carried
from daemon.core.ends import QueueRow
from daemon.core.fuse import Blown, FuseKind
from daemon.core.record import Position
from daemon.core.rules import Stream
from daemon.core.settle import Settlement
from daemon.ledger import (
    backfills,
    befores,
    comparisons,
    deletions,
    drops,
    exports,
    fuses,
    latejobs,
    lookups,
    matching,
    queue,
    renaming,
    retention,
    retiming,
    spending,
    storing,
    streams,
)
from daemon.ledger.backfills import Backfill
from daemon.ledger.comparisons import Comparison, Reason, Side
from daemon.ledger.exports import Leaving
from daemon.ledger.held import HeldLedger
from daemon.ledger.latejobs import LateJob
from daemon.ledger.lookups import Intent
from daemon.ledger.matching import Shown


class Ledger(HeldLedger):
    """An open ledger: asked, and written by the one process that holds it."""

    def start_stream(self, stream: Stream, rules_version: str, first_run: str, now: datetime) -> None:
        """The stream begins before every change; one that began already stays where it is."""
        with self._writing() as connection:
            streams.start(connection, stream, rules_version, first_run, now)

    def restart_stream(self, stream: Stream, rules_version: str, carried: Carried, now: datetime) -> None:
        """The position goes back to the start under a new version of the rules: all records are read again, and what an
        undo held back is written too.
        """
        with self._writing() as connection:
            streams.restart(connection, stream, rules_version, carried, now)
            drops.end_put_back(connection, stream.address, None, now)

    def note_rules(self, stream: Stream, rules_version: str, carried: Carried) -> None:
        """The rules have another version, and no record need be read again."""
        with self._writing() as connection:
            streams.note_rules(connection, stream, rules_version, carried)

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

    def begin(
        self,
        stream: Stream,
        intents: Iterable[Intent],
        leaving: Leaving | None = None,
        watched: Sequence[QueueRow] = (),
    ) -> None:
        """Commit what is about to be sent, and what leaves with it; after a crash the target is asked about it. With
        `watched` come rows of the queue for records that nothing else would have looked at, where they have none.
        """
        with self._writing() as connection:
            storing.begin(connection, stream, list(intents), self._sealer)
            if watched:
                known = lookups.waiting(connection, stream, [row.source_id for row in watched])
                new = [row for row in watched if row.source_id not in known]
                queue.requeue(connection, stream, new, (), watched[0].modified_time)
            if leaving is not None:
                exports.note(connection, stream, leaving)

    def name_made(self, stream: Stream, made: Mapping[str, str]) -> None:
        """What creates without an answer (by source id) have made is asked for by its id from now on."""
        with self._writing() as connection:
            storing.name_made(connection, stream, made)

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

    def look_again(self, stream: str, rows: Sequence[tuple[str, str, datetime]], now: datetime) -> int:
        """Records (source id, code of the cause, Modified_Time) that are not in the queue are due; gives how many."""
        with self._writing() as connection:
            return queue.look_again(connection, stream, rows, now)

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
            if position is None:
                backfills.note(connection, stream.address, way="query")
            else:
                streams.advance(connection, stream, position)

    def outlive_job(self, stream: Stream, job: LateJob) -> None:
        """The bulk write job that is at work is not waited for any more."""
        with self._writing() as connection:
            latejobs.remember(connection, stream.address, job)
            backfills.note(connection, stream.address, write_sent_at=None, write_until=None, write_job_id=None)

    def compare_late(self, stream: Stream, jobs: Sequence[LateJob], now: datetime) -> bool:
        """Begin a full comparison for what these jobs may have made; False, and they stay, when one goes on already."""
        with self._writing() as connection:
            started = comparisons.start(connection, stream.address, "late", now)
            if started:
                latejobs.forget(connection, stream.address, jobs)
            return started

    def start_comparison(self, stream: str, reason: Reason, now: datetime) -> bool:
        """Begin a full comparison; False when one goes on already."""
        with self._writing() as connection:
            return comparisons.start(connection, stream, reason, now)

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

    def forget(self, before: datetime, undo: Mapping[str, datetime] = MappingProxyType({})) -> int:
        """Remove one step of the history before a time (retention.py), and of the values that are kept for undo what is
        older than the stream's time (address -> time; others keep none); gives its rows, 0 when none is left.
        """
        with self._writing() as connection:
            return retention.forget(connection, before) + befores.blank(connection, undo, retention.STEP)
