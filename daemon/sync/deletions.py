"""Finds what was deleted in the source and puts it into the retry queue, with a checkpoint of its own (design 4).

The retry lane then reads each record again: one that is there after all was restored, and is no deletion.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS
from daemon.core.ends import QueueRow, due_row
from daemon.core.fuse import Blown, Meter
from daemon.core.rules import Stream
from daemon.core.steps import Link
from daemon.ledger import Ledger, ReadLedger, StreamState
from daemon.ledger.comparisons import Reason
from daemon.sync.children import Children
from daemon.zoho.client import Zoho
from daemon.zoho.errors import RequestRefused

REMEMBERED: Final = timedelta(days=59)
"""How long the deleted list surely shows a deletion: 60 days, and a day to be sure (facts 5.2)."""
_WALKS: Final = 5
_LOOKS: Final = 500  # records a cycle, a hundred a call


@dataclass(frozen=True, slots=True, kw_only=True)
class Deleted:
    """What the deleted list shows: record id -> when. Not `whole`: there may be more than it would show."""

    at: dict[str, datetime]
    whole: bool


class DeletionFinder:
    """Looks for the deletions of one stream; remembers those of its overlap, which need no second look: what was
    deleted before the horizon. Of a later one other reads may not know yet, so that it looks restored, or is created.
    What has no link is looked for in the target at once, and once more when the horizon has passed it: to do so in each
    poll would wake, each time, the children that wait for it.
    """

    def __init__(
        self, stream: Stream, source: Zoho, ledger: Ledger, children: Children, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._children = children
        self._source = source
        self._ledger = ledger
        self._now = now
        self._settled: dict[str, datetime] = {}
        self._sought: dict[str, datetime] = {}  # in the target, without a link, since the horizon

    def look(self, state: StreamState, meter: Meter, back_to: datetime | None = None) -> Blown | None:
        """Queues every new deletion and moves the checkpoint over it; or, when they are too many, does neither and says
        so. An empty list moves nothing: it may only be an answer that shows too little.

        `back_to`: the source's clock went back, so that deletions since then may stand before the checkpoint.
        """
        if self._stream.deletes == "ignore":
            return None
        server_time = self._source.clock_before_next_call()
        known = state.deleted_until
        since = min(known, back_to) if known and back_to else known
        if (slept := self._unread(state, server_time)) > REMEMBERED:
            self._compare("slept", f"the source was read last {slept.days} days ago")
        deleted = read_deleted(self._source, self._stream.source_module, since)
        if not deleted.whole:
            self._compare("cut", "the deleted list could not be read to its end")
        fresh = {i: at for i, at in deleted.at.items() if self._settled.get(i) != at}
        links = self._ledger.links(self._stream, fresh)
        horizon = server_time - self._stream.lag
        again = {i for i, at in fresh.items() if i not in links and at > horizon and self._sought.get(i) == at}
        wanted = concerning({i: fresh[i] for i in fresh.keys() - again}, self._stream, links, self._ledger)
        if blown := meter.deletes(i for i in wanted if i in links):
            return blown
        until = max((at for at in (known, *deleted.at.values()) if at and at <= horizon), default=known)
        settled = (
            i for i, at in fresh.items() if i in links and at <= horizon
        )  # a merge may move children a bit later
        self._children.of_deleted({i: links[i].target_id for i in settled})
        rows = [deletion_row(self._stream, i, at, self._now()) for i, at in sorted(wanted.items())]
        if fresh or until != known:
            self._ledger.enqueue(
                self._stream, rows, self._now(), deleted_until=until, deleted=fresh, source_now=server_time
            )
        seen = {**self._settled, **{i: at for i, at in deleted.at.items() if at <= horizon}}
        self._settled = {i: at for i, at in seen.items() if until is None or at >= until}
        self._sought = {i: at for i, at in fresh.items() if at > horizon and i not in links}
        self._look_again()
        return None

    def _look_again(self) -> None:
        """Queues what was restored in the source: that need not move its Modified_Time (facts 5.4)."""
        source_now = self._source.clock_before_next_call()
        gone, back = look_for_restored(self._stream, self._source, self._ledger)
        if not gone:
            return
        now, text = self._now(), f"it was restored in {self._stream.source}"
        rows = [due_row(self._stream, i, DIFFERS, text, now, now) for i in sorted(back)]
        still = {i: at for i, at in gone.items() if i not in back}
        self._ledger.enqueue(self._stream, rows, now, deleted=still, restored=back, source_now=source_now)

    def _unread(self, state: StreamState, server_time: datetime) -> timedelta:
        """For how long the source was not read, by the clock that says more: ours may have been set back meanwhile."""
        ours = timedelta() if state.read_at is None else self._now() - state.read_at
        known = state.current_until if state.caught_up_at is not None else None  # on a first pass it is long ago
        return max(ours, timedelta() if known is None else server_time - known)

    def _compare(self, reason: Reason, why: str) -> None:
        if self._ledger.start_comparison(self._stream.address, reason, self._now()):
            logger.warning("{}: {}; all records of both sides are compared", self._stream.address, why)


def concerning(
    deleted: Mapping[str, datetime], stream: Stream, links: Mapping[str, Link], ledger: ReadLedger
) -> dict[str, datetime]:
    """Of the records that were deleted (id -> when), those that may have a counterpart, or are on their way to one."""
    waiting = ledger.waiting(stream, list(deleted))
    begun = ledger.open_intents(stream, list(deleted))  # a create whose answer never came, say
    return {i: at for i, at in deleted.items() if i in waiting or i in begun or _concerns(stream, links.get(i))}


def _concerns(stream: Stream, link: Link | None) -> bool:
    """A record that the ledger does not know may still have a counterpart, which its key tells (promise 11)."""
    if link is None:
        return stream.key is not None
    return link.unsure or link.state == "live" or (link.state == "flagged" and stream.deletes == "delete")


def look_for_restored(stream: Stream, source: Zoho, ledger: ReadLedger) -> tuple[dict[str, datetime], set[str]]:
    """The deleted records (id -> when) at which it is time to look again, and those of them that are there."""
    gone = ledger.restored_by_now(stream, source.clock_before_next_call(), _LOOKS)
    there = source.by_ids(stream.source_module, ["Modified_Time"], sorted(gone)) if gone else []
    return gone, {str(row["id"]) for row in there} & gone.keys()


def deletion_row(stream: Stream, source_id: str, at: datetime, now: datetime) -> QueueRow:
    """A deletion that is due."""
    row = due_row(stream, source_id, DELETED_IN_SOURCE, f"it is not in {stream.source} any more", at, now)
    return replace(row, deletion=True)


def read_deleted(source: Zoho, module: str, since: datetime | None) -> Deleted:
    """The whole deleted list. A restore while it is read moves its pages, so several pages are read until two walks
    show the same.
    """
    seen: dict[str, datetime] = {}
    for walk in range(_WALKS):
        at, pages, whole = _walk(source, module, since)
        if pages == 1 or not whole or (walk and at == seen):
            return Deleted(at=seen | at, whole=whole)
        seen = at
    return Deleted(at=seen, whole=False)


def _walk(source: Zoho, module: str, since: datetime | None) -> tuple[dict[str, datetime], int, bool]:
    """Record id -> when, the number of pages, and whether the list ended: some readings have a wall (facts 5.2)."""
    at: dict[str, datetime] = {}
    page = 0
    while True:
        page += 1
        try:
            found = source.deleted(module, since, page)
        except RequestRefused:
            if page == 1:
                raise
            return at, page, False
        for row in found.rows:
            at[row.record_id] = max(row.deleted_time, at.get(row.record_id, row.deleted_time))
        if not found.more:
            return at, page, True
