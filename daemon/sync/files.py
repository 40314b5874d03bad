"""The cycles of a stream of attachments. Its unit is a record: look at what is attached to it, bring what is missing.

An attachment need not move its record's Modified_Time (facts 11.3) and there is no list of all of them. So a record is
looked at when it changes, when it gets its counterpart, and in a scheduled walk over all records with a budget of its
own. It never looks further than its record's stream has come: then it is known what became of the record.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Final

from daemon.core.absent import NOTHING
from daemon.core.backoff import backoff
from daemon.core.causes import UNCERTAIN, WAITS_FOR_PARENT, Cause
from daemon.core.ends import Lane, QueueRow
from daemon.core.files import VERSION
from daemon.core.fuse import Meter, sentence
from daemon.core.rules import Route, Stream
from daemon.core.settle import Settlement
from daemon.core.translate import Parent
from daemon.ledger import Ledger, StreamState
from daemon.ledger.errors import LinkConflict, OrgChanged, StreamChanged
from daemon.sync.attaching import Attacher, Look
from daemon.sync.catalog import Catalog
from daemon.sync.changes import SMALL, ChangeReader
from daemon.sync.means import Means
from daemon.sync.report import Report, accounted, state_of
from daemon.zoho.errors import BadAnswer, RequestRefused, ZohoError

RETRIES: Final = 200  # records of the retry lane a cycle
_DAY: Final = timedelta(days=1)


class FileRunner:
    """Runs the cycles of one stream of attachments, one at a time."""

    def __init__(
        self,
        stream: Stream,
        route: Route,
        source: Catalog,
        target: Catalog,
        ledger: Ledger,
        *,
        now: Callable[[], datetime],
        stopping: Callable[[], bool],
    ) -> None:
        self.stream = stream
        self._parent = next(s for s in route.streams if s.source_module == stream.files_of)
        self._source = source
        self._target = target
        self._ledger = ledger
        self._now = now
        self._stopping = stopping
        self._means = Means(source.zoho, target.zoho)
        self._reader = ChangeReader(source.zoho, self._parent.source_module)
        self._attacher = Attacher(stream, self._parent, source.zoho, target.zoho, ledger, now)
        self._meter = Meter(fuse=stream.fuse, linked=lambda: ledger.count_links(stream))

    def cycle(self) -> Report:
        """Looks, brings and settles once. Raises LedgerError when the ledger itself fails."""
        report = Report(stream=self.stream.address)
        try:
            self._lanes(report)
        except (ZohoError, LinkConflict, OrgChanged, StreamChanged) as error:
            report.trouble = str(error)
        if report.trouble is not None:
            self.broken(report.trouble)
        return report

    def broken(self, what: str) -> None:
        """Lets `status` say why this stream stands still."""
        self._ledger.polled(self.stream, self._now(), None, caught_up=False, trouble=what)

    def _lanes(self, report: Report) -> None:
        report.trouble = self._means.stop()
        if report.trouble is not None:
            return
        for org in (self._source, self._target):
            self._ledger.register_org(org.zoho.org.name, org.profile().zgid, org.zoho.org.data_center, self._now())
        if state_of(self._ledger, self.stream).rules_version != VERSION:
            self._ledger.restart_stream(self.stream, VERSION, NOTHING, self._now())
        fuse = self._ledger.fuse_state(self.stream)
        self._meter.accepted = fuse.accepted
        if fuse.blown:
            report.trouble = sentence(fuse.blown, report.stream)
            return
        parent = state_of(self._ledger, self._parent)
        if parent.caught_up_at is None:
            report.waits_for = self._parent.address if parent.trouble is None else None
            return
        self._poll(report, state_of(self._ledger, self.stream), parent)
        self._retry(report)
        if report.caught_up:
            self._walk(report, state_of(self._ledger, self.stream))
        if report.caught_up and report.trouble is None and not report.more:
            self._meter = Meter(fuse=self.stream.fuse, linked=self._meter.linked)
            if fuse.accepted:
                self._ledger.spend_releases(self.stream, self._now())

    def _poll(self, report: Report, state: StreamState, parent: StreamState) -> None:
        """The records that changed, up to where their own stream has come."""
        if not self._means.go_on(new=state.caught_up_at is not None):
            self._ledger.polled(self.stream, self._now(), None, caught_up=False)
            return
        page = self._reader.page((), state.position, SMALL)
        changes = [change for change in page.changes if change.position <= parent.position]
        with accounted(report, self._source.zoho, self._target.zoho, self._ledger, self._now):
            settled = self._look({c.record_id: c.modified_time for c in changes}, report, "poll")
        report.news += settled
        whole = settled == len(page.changes) and page.end <= parent.position
        position = page.end if whole else changes[settled - 1].position if settled else None
        report.more = whole and not page.last
        report.caught_up = settled == len(changes) and not report.more and report.trouble is None
        self._ledger.polled(
            self.stream,
            self._now(),
            parent.current_until if report.caught_up else None,
            caught_up=report.caught_up,
            trouble=report.trouble,
            position=position,
        )

    def _retry(self, report: Report) -> None:
        rows = {row.source_id: row for row in self._ledger.due(self.stream, self._now(), RETRIES)}
        if not rows or report.trouble is not None or not self._means.go_on(new=False):
            return
        report.cycle_id = None
        with accounted(report, self._source.zoho, self._target.zoho, self._ledger, self._now):
            self._look({i: row.modified_time for i, row in rows.items()}, report, "retry")
        report.more = report.more or len(rows) == RETRIES

    def _walk(self, report: Report, state: StreamState) -> None:
        """A page of the walk over all records, when one goes on or is due, within its credits of a day."""
        comparison, last = self._ledger.comparison(self.stream)
        if comparison is None:
            every, began = self.stream.compare, last or state.caught_up_at
            if every is None or began is None or timedelta() <= self._now() - began < every:
                return
            self._ledger.start_comparison(self.stream.address, "scheduled", self._now())
            comparison, _ = self._ledger.comparison(self.stream)
        if comparison is None or report.trouble is not None:
            return
        day, today = comparison.day_began_at, comparison.credits_today
        if not timedelta() <= self._now() - day < _DAY:
            day, today = self._now(), 0
        if today >= self.stream.compare_credits or not self._means.go_on(new=False):
            return
        before = sum(self._cost())
        page = self._reader.page((), comparison.position, SMALL)
        linked = self._ledger.links(self._parent, [change.record_id for change in page.changes])
        records = {c.record_id: c.modified_time for c in page.changes if c.record_id in linked}
        report.cycle_id = None
        with accounted(report, self._source.zoho, self._target.zoho, self._ledger, self._now):
            complete = self._look(records, report, "retry") == len(records)
        if complete:
            found = {"source_seen": len(records)}
            self._ledger.enqueue(self.stream, [], self._now(), comparison=comparison, position=page.end, found=found)
        cost = sum(self._cost()) - before
        self._ledger.compared(comparison, cost, day, self._now(), finished=complete and page.last)
        report.more = report.more or (complete and not page.last and today + cost < self.stream.compare_credits)

    def _look(self, records: Mapping[str, datetime], report: Report, lane: Lane) -> int:
        """Looks at these records (id -> Modified_Time) in order and settles each; how many have their outcome now."""
        links = self._ledger.links(self._parent, records)
        waiting = self._ledger.waiting(self._parent, list(records))
        bad = False
        for place, (record_id, moment) in enumerate(records.items()):
            link = links.get(record_id)
            if self._stopping() or report.trouble is not None:
                return place
            if link is None or link.state not in ("live", "flagged"):
                look = _unlinked(self._parent, record_id, is_waiting=record_id in waiting)
            else:
                try:
                    look = self._attacher.bring(record_id, link.target_id, self._meter)
                except (RequestRefused, BadAnswer) as error:
                    if bad and isinstance(error, BadAnswer):  # two in a row: the org is in trouble, not a record
                        report.trouble = str(error)
                        return place
                    look, bad = _unread(error), True
                else:
                    bad = False
            report.trouble = look.trouble
            if look.blown is not None:
                self._ledger.blow(self.stream, look.blown, self._now())
                report.trouble = sentence(look.blown, report.stream)
                return place
            self._settle(record_id, moment, look, report, lane)
        return len(records)

    def _settle(self, record_id: str, moment: datetime, look: Look, report: Report, lane: Lane) -> None:
        row = self._row(record_id, moment, look)
        if row is not None and row.state == "dead":
            look.outcome = "dead"
        settlement = Settlement(
            lane=lane,
            seen=1,
            outcomes={look.outcome: 1},
            linked=look.linked,
            queued=[row] if row else [],
            dequeued=[] if row else [record_id],
            closed_intents=look.closed,
            written=look.written,
        )
        report.cycle_id = self._ledger.settle(self.stream, settlement, report.cycle_id, self._now())
        report.outcomes[look.outcome] += 1

    def _row(self, record_id: str, moment: datetime, look: Look) -> QueueRow | None:
        if look.cause is None:
            return None
        before = self._ledger.waiting(self.stream, [record_id]).get(record_id)
        tried = bool(look.written) or (look.state == "due" and look.wait is None)
        so_far = before.attempts if before and before.modified_time == moment and look.state == "due" else 0
        attempts = so_far + tried  # a refusal is an answer: what came before is over
        wait = look.wait or backoff(max(1, attempts), random.random())  # noqa: S311 - jitter
        dead = look.state == "due" and attempts >= self.stream.max_attempts
        return QueueRow(
            source_id=record_id,
            state="dead" if dead else look.state,
            attempts=attempts,
            due_at=self._now() + wait if look.state == "due" and not dead else None,
            cause=look.cause,
            detail=look.detail[:300],
            modified_time=moment,
            waits_for=Parent(module=self._parent.source_module, record_id=record_id)
            if look.cause.code == WAITS_FOR_PARENT
            else None,
        )

    def _cost(self) -> tuple[int, int]:
        return self._source.zoho.credits_spent, self._target.zoho.credits_spent


def _unread(error: RequestRefused | BadAnswer) -> Look:
    """A record whose attachments could not be listed: refused, or answered with what cannot be believed."""
    look = Look()
    if isinstance(error, RequestRefused):
        look.fail(error.code, str(error), "held")
    else:
        look.fail(UNCERTAIN, str(error), "due")
    return look


def _unlinked(parent: Stream, record_id: str, *, is_waiting: bool) -> Look:
    """A record without a counterpart: on its way to one, or not carried."""
    if not is_waiting:
        return Look(outcome="filtered")
    look = Look()
    look.fail(WAITS_FOR_PARENT, f"{parent.source_module} {record_id} has no counterpart yet", "held")
    look.cause = Cause(code=WAITS_FOR_PARENT, module=parent.source_module)
    return look
