"""What syncing asks of the ledger: the half of it that never writes. Alone it serves who only plans, on the connections
of a Reader, beside whoever holds the ledger; the half that writes (held.py, ledger.py) inherits it.

Safe to share between threads: a question waits for nobody and sees one state of the ledger.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Final

from sqlalchemy import Connection, select

from daemon.core.absent import Carried
from daemon.core.budget import Account
from daemon.core.dropped import PutBack, Version
from daemon.core.edits import Basis
from daemon.core.ends import Waiting
from daemon.core.org import Secret
from daemon.core.rules import Stream
from daemon.core.side_by_side import Agreed
from daemon.core.steps import Link, LinkState
from daemon.core.translate import Parent
from daemon.core.undo import Later
from daemon.ledger import (
    ahead,
    backfills,
    baselines,
    befores,
    claims,
    comparisons,
    deletions,
    drops,
    fuses,
    latejobs,
    lookups,
    spending,
    story,
    streams,
    verifying,
)
from daemon.ledger.backfills import Backfill
from daemon.ledger.befores import PastCycle
from daemon.ledger.comparisons import Comparison, Counterpart, Side
from daemon.ledger.fuses import FuseState
from daemon.ledger.identity import Identity
from daemon.ledger.latejobs import LateJob
from daemon.ledger.lookups import DueRow, Intent
from daemon.ledger.sealing import Sealer
from daemon.ledger.story import Story
from daemon.ledger.streams import StreamState
from daemon.ledger.tables import orgs
from daemon.ledger.verifying import Pair


class ReadLedger:
    """A ledger that is only asked, in transactions of `reading`. `digest_key` is the secret of core's digests."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        known: Identity,
        undo_key: Secret | None = None,
    ) -> None:
        self._reading = reading
        self._sealer = None if undo_key is None else Sealer(undo_key)
        self.digest_key: Final = known.digest_key
        self.ledger_id: Final = known.ledger_id

    def time_there(self) -> datetime:
        """The time by the clock of the server of a shared ledger, which all daemons go by."""
        with self._reading() as connection:
            return claims.time_there(connection)

    def account(self, org: str) -> Account:
        """What was spent in an org."""
        with self._reading() as connection:
            return spending.accounts(connection).get(org, Account())

    def zgids(self) -> set[str]:
        """Zoho's numbers of the orgs that the ledger knows."""
        with self._reading() as connection:
            return set(connection.scalars(select(orgs.c.zgid)))

    def stream_state(self, stream: Stream) -> StreamState | None:
        """Where the stream stands; None when it was never started. Raises StreamChanged (streams.state)."""
        with self._reading() as connection:
            return streams.state(connection, stream)

    def carried(self, stream: Stream) -> Carried:
        """What a stream has carried so far."""
        with self._reading() as connection:
            return streams.carried(connection, stream)

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

    def queued(self, stream: Stream, ids: Collection[str], now: datetime) -> list[DueRow]:
        """These records' rows of the retry queue, in whatever state, as if they were due now."""
        with self._reading() as connection:
            return ahead.queued(connection, stream, ids, now)

    def to_wake(self, stream: Stream, codes: Collection[str], limit: int, *, refused: bool = False) -> list[str]:
        """Records that are held for these causes, the longest first; with `refused` also what the target refused."""
        with self._reading() as connection:
            return ahead.to_wake(connection, stream, codes, limit, refused=refused)

    def last_cycle(self, stream: Stream) -> int | None:
        """The number of the stream's latest cycle."""
        with self._reading() as connection:
            return ahead.last_cycle(connection, stream)

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

    def dropped(self, stream: Stream, source_ids: Collection[str]) -> dict[str, Version]:
        """The version of each record that a person dropped from the queue, where that stands."""
        with self._reading() as connection:
            return drops.standing(connection, stream.address, source_ids)

    def put_back(self, stream: Stream, source_ids: Collection[str] | None = None) -> dict[str, PutBack]:
        """What an undo put back in the target and what stands so; of all records when `source_ids` is None."""
        with self._reading() as connection:
            return drops.put_back(connection, stream.address, source_ids)

    def has_untried(self, stream: Stream) -> bool:
        """Whether the stream has records that are due and were never tried as they are."""
        with self._reading() as connection:
            return lookups.has_untried(connection, stream)

    def deletions_sent(self, stream: Stream, source_ids: Collection[str]) -> set[str]:
        """Those of the queued records of which the last attempt to write was to delete (or flag) the counterpart, and
        was not the end of it.
        """
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

    def deleted(self, stream: Stream, ids: Collection[str]) -> set[str]:
        """Those of the records that the source's deleted list has named, and that were not seen again since."""
        with self._reading() as connection:
            return deletions.known(connection, stream, ids)

    def fuse_state(self, stream: Stream) -> FuseState:
        """What stops the stream until a person looks, and what was released."""
        with self._reading() as connection:
            return fuses.state(connection, stream.address)

    def count_links(self, stream: Stream) -> int:
        """How many records the stream has agreed with its target."""
        with self._reading() as connection:
            return lookups.count_links(connection, stream)

    def backfill(self, stream: Stream) -> Backfill | None:
        """The stream's first load, if it had to be planned."""
        with self._reading() as connection:
            return backfills.state(connection, stream.address)

    def late_jobs(self, stream: Stream) -> list[LateJob]:
        """The bulk write jobs that were given up before their end was seen."""
        with self._reading() as connection:
            return latejobs.known(connection, stream.address)

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

    def agreed(self, story_of: Story) -> Agreed:
        """What the counterpart of a story confirmed last."""
        with self._reading() as connection:
            return story.agreement(connection, story_of)

    def pairs(self, stream: Stream) -> list[Pair]:
        """Every link between the two modules of a stream, with the time of its last write."""
        with self._reading() as connection:
            return verifying.pairs(connection, stream)

    def all_waiting(self, stream: Stream) -> dict[str, Waiting]:
        """The whole retry queue of a stream; of a deletion `modified_time` is None."""
        with self._reading() as connection:
            return verifying.waiting(connection, stream)

    def all_dropped(self, stream: Stream) -> dict[str, Version]:
        """The version of every record that a person dropped, where that stands."""
        with self._reading() as connection:
            return verifying.dropped(connection, stream)

    def past_cycle(self, number: int) -> PastCycle | None:
        """A cycle and its writes, with what is kept of the values before; None where there is none (any more)."""
        with self._reading() as connection:
            return befores.past(connection, number, self._sealer)

    def written_later(self, cycle: PastCycle) -> dict[str, dict[str, Later]]:
        """What of the records of a cycle was written again: target id -> field -> by which cycle."""
        with self._reading() as connection:
            return befores.later(connection, cycle)
