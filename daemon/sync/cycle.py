"""One cycle of one stream: the poll lane, then the retry lane, then some pages of a full comparison. None may starve
another: each has a ration. Deletions and what a comparison finds come in through the retry lane. A large first load
takes the poll lane's place until it is done (backfill.py).

A trouble with an org ends the cycle with a sentence, never with an exception; the checkpoint then stands before the
first change without an outcome. What Zoho says of single records is settled on the way (road.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Final

from loguru import logger

from daemon.core.absent import NOTHING
from daemon.core.causes import (
    DRIFT,
    FIELD_ABSENT,
    LOOKED_FOR,
    OURS,
    TARGET_GONE,
    UNREAD,
    USER_REFUSED,
    USER_UNKNOWN,
    Cause,
)
from daemon.core.ends import due_row
from daemon.core.fuse import Blown, Meter, sentence
from daemon.core.rules import Route, Stream
from daemon.ledger import Ledger, StreamState
from daemon.ledger.errors import LinkConflict, OrgChanged, StreamChanged
from daemon.sync import polling
from daemon.sync.again import read_again
from daemon.sync.backfill import Loader
from daemon.sync.catalog import Aged, Catalog, Trust
from daemon.sync.changes import ChangeReader, FieldAbsent
from daemon.sync.children import Children
from daemon.sync.compare import Comparer
from daemon.sync.deletions import DeletionFinder
from daemon.sync.hands import Hands
from daemon.sync.latejobs import LateJobs
from daemon.sync.loadway import LoadWay
from daemon.sync.means import Means
from daemon.sync.pointing import Finder
from daemon.sync.polling import Poller
from daemon.sync.prepare import FirstRun, Prepared, StreamRefusedError, admit, note_lost, prepare, unfinished_parent
from daemon.sync.report import Report, accounted, state_of
from daemon.sync.road import Travelled, travel
from daemon.sync.whole import UNREAD_RETRY
from daemon.zoho.errors import OrgUnavailable, RequestRefused, ZohoError

RETRIES: Final = 500  # records of the retry lane a cycle
_LOOK_AGAIN: Final = timedelta(hours=1)  # for parents that no stream carries
_Lane = Callable[[Prepared, Report], None]


class StreamRunner:
    """Runs the cycles of one stream, one at a time. Holds connections and what the last pages looked like."""

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
        first_run: FirstRun = "refuse",
    ) -> None:
        self.stream = stream
        self._route = route
        self._source = source
        self._target = target
        self._ledger = ledger
        self._now = now
        self._stopping = stopping
        self._first_run: FirstRun = first_run
        self._reader = ChangeReader(source.zoho, stream.source_module, whole=bool(stream.notes_of))
        children = Children(stream, route, source, target, ledger, now)
        self._hands = Hands(
            source=source.zoho,
            target=target.zoho,
            finder=Finder(source.zoho, target.zoho, now),
            ledger=ledger,
            children=children,
            now=now,
            stopping=stopping,
        )
        self._means = Means(source.zoho, target.zoho)
        self._way = LoadWay(stream, source, target, ledger, self._means, now)
        self._loader = Loader(stream, source, ledger, self._reader, self._means, now, target)
        self._deletions = DeletionFinder(stream, source.zoho, ledger, children, now)
        self._late_jobs = LateJobs(stream, target.zoho, ledger, now)
        self._comparer = Comparer(stream, source.zoho, target.zoho, ledger, now)
        self._meter = self._new_meter(trusted=0)
        self._doubted: set[Cause] = set()
        self._admitted: tuple[object, ...] | None = None
        self._target_schema: str | None = None
        self._people: dict[str, str | None] | None = None
        self._caught_up_once = False
        self._trust = Trust(source, target)
        self._poller = Poller(stream, self._reader, self._hands, self._means, self._way, self._trust)
        self._looked_at: datetime | None = None
        self._listed_at = now()

    def cycle(self) -> Report:
        """Reads, plans, writes and settles once.

        Raises LedgerError when the ledger itself fails: nothing may go on without it.
        """
        report = Report(stream=self.stream.address)
        try:
            try:
                self._both_lanes(report)
            except (Aged, RequestRefused, FieldAbsent):  # the metadata may have changed under us
                self._source.doubt()
                self._target.doubt()
                self._both_lanes(report)
        except (ZohoError, StreamRefusedError, LinkConflict, OrgChanged, StreamChanged) as error:
            report.trouble = str(error)
            report.away = isinstance(error, OrgUnavailable)
        if report.trouble is not None:
            self._ledger.polled(self.stream, self._now(), None, caught_up=False, trouble=report.trouble)
        return report

    def _both_lanes(self, report: Report) -> None:
        report.cycle_id, report.trouble, report.wait = None, self._means.stop(), timedelta()
        report.away = report.trouble is not None
        if report.away:
            return
        prepared = self._prepare()
        fuse = self._ledger.fuse_state(self.stream)
        self._meter.accepted = fuse.accepted
        if fuse.blown:
            report.trouble = sentence(fuse.blown, report.stream)
            return
        report.waits_for = self._first_passes_before(prepared)
        if report.waits_for is not None:
            return
        self._look_again(prepared)
        state = state_of(self._ledger, self.stream)
        for lane in (*self._news(state, prepared), self._retry, self._compare):
            if report.trouble is None and not self._stopping():
                lane(prepared, report)
        if fuse.accepted and self._ledger.has_untried(self.stream):
            return  # what was released is still to come
        if report.caught_up and report.trouble is None and not report.more:
            self._meter = self._new_meter(self._meter.trust)
            if fuse.accepted:
                self._ledger.spend_releases(self.stream, self._now())

    def _news(self, state: StreamState, prepared: Prepared) -> tuple[_Lane, ...]:
        """The lanes by which what is new comes in."""
        find = partial(self._find_deleted, back_to=self._poller.back_to(state))
        if self._loader.goes_on(state, prepared):
            return (self._load,)
        if self._way.may_choose(state, prepared):
            return self._poll, find  # the poll decides whether files are read
        return find, self._poll

    def _find_deleted(self, prepared: Prepared, report: Report, *, back_to: datetime | None) -> None:
        """Not while files are read, or may be: they may hold what is deleted by then."""
        state = state_of(self._ledger, self.stream)
        if self._loader.goes_on(state, prepared) or self._way.may_choose(state, prepared):
            return
        self._listed_at = self._now()
        self._stop(report, self._deletions.look(state, self._meter, back_to))

    def _new_meter(self, trusted: int) -> Meter:
        stream, ledger = self.stream, self._ledger
        linked, passed = lambda: ledger.count_links(stream), lambda ids: ledger.deletions_sent(stream, ids)
        return Meter(fuse=stream.fuse, linked=linked, passed=passed, trusted=trusted)

    def _stop(self, report: Report, blown: Blown | None) -> None:
        """A fuse has blown: the stream stands until a person releases it."""
        if blown is not None:
            self._ledger.blow(self.stream, blown, self._now())
            report.trouble = sentence(blown, report.stream)

    def _compare(self, prepared: Prepared, report: Report) -> None:
        if report.caught_up and self._means.go_on(new=False):
            self._late_jobs.look()
            more, blown = self._comparer.step(prepared, self._hands, state_of(self._ledger, self.stream), self._meter)
            report.more = report.more or more or bool(self._ledger.due(self.stream, self._now(), 1))  # what it found
            self._stop(report, blown)

    def ready(self) -> tuple[Prepared, Hands, Meter]:
        """What pages are worked with outside of the cycles. Raises what stops a cycle before it reads."""
        prepared = self._prepare()
        self._meter.accepted = self._ledger.fuse_state(self.stream).accepted
        return prepared, self._hands, self._meter

    def broken(self, what: str) -> None:
        """Lets `status` say that this stream failed in a way that nobody foresaw."""
        self._ledger.polled(self.stream, self._now(), None, caught_up=False, trouble=what)

    def _prepare(self) -> Prepared:
        """The stream by the metadata as last read; the catalogs keep it, so that most cycles ask nothing."""
        state = self._ledger.stream_state(self.stream)  # raises StreamChanged, before its new modules are found wanting
        before = state.carried if state is not None else NOTHING
        waiting = self._trust.aged() and (not self._caught_up_once or self._ledger.has_open(self.stream))
        if waiting and self._means.go_on(new=False):  # else it waits for credits, and this would spend them
            raise Aged
        try:
            prepared = prepare(self.stream, self._route, self._source, self._target, before)
        except StreamRefusedError:
            note_lost(self.stream, self._target, self._ledger, self._now())
            raise
        fields = prepared.fields
        known_by = (fields.version, *sorted(fields.source_ids.items()), *sorted(fields.target_ids.items()))
        if self._admitted != known_by:
            for org in (self._source, self._target):
                self._ledger.register_org(org.zoho.org.name, org.profile().zgid, org.zoho.org.data_center, self._now())
            admit(prepared, self._target, self._ledger, self._first_run, self._now())
            self._admitted = known_by
            self._poller.start_over()
            self._decide_anew()
        if self._target_schema != prepared.target_schema:
            self._ask_again(prepared.target_schema)
            self._target_schema = prepared.target_schema
            self._doubted.clear()
        people = {**prepared.owners, "": prepared.default_owner}
        if self._people != people:  # somebody who was missing may be there
            self._ledger.wake_causes(self.stream, [USER_UNKNOWN], self._now())
            self._people = people
            if self.stream.default_owner is not None and prepared.default_owner is None:
                what = "{}: default_owner {} is no active user of {} any more: what nobody else stands for is held"
                logger.warning(what, self.stream.address, self.stream.default_owner, self.stream.target)
        return prepared

    def _decide_anew(self) -> None:
        """What was held for a person is decided by the settings now."""
        decided = {
            TARGET_GONE: self.stream.gone != "hold",
            DRIFT: self.stream.drift != "report",
            FIELD_ABSENT: True,  # what is still not there is held again
        }
        self._ledger.wake_causes(self.stream, [code for code, is_decided in decided.items() if is_decided], self._now())

    def _look_again(self, prepared: Prepared) -> None:
        """Nothing tells when a parent that no stream carries appears in the target: it is looked for now and then."""
        now = self._now()
        if prepared.fields.asking and (
            self._looked_at is None or not timedelta() <= now - self._looked_at < _LOOK_AGAIN
        ):
            self._ledger.wake_causes(self.stream, LOOKED_FOR, now)
            self._looked_at = now

    def _ask_again(self, target_schema: str) -> None:
        """The target's fields are not what they were: it may take now what it refused."""
        before = state_of(self._ledger, self.stream).target_schema
        if before != target_schema:
            woken = self._ledger.wake_held(self.stream, target_schema, self._now())
            if woken:
                logger.info("{}: {} changed its fields; {} held records are tried again", *self._named(), woken)

    def _named(self) -> tuple[str, str]:
        return self.stream.address, f"{self.stream.target}'s {self.stream.target_module}"

    def _first_passes_before(self, prepared: Prepared) -> str | None:
        """A parent's stream that is still on its first pass: its children would only be held. None: go on."""
        if self._caught_up_once:
            return None
        mine = state_of(self._ledger, self.stream)
        self._caught_up_once = mine.caught_up_at is not None
        if self._caught_up_once:
            return None
        return unfinished_parent(self.stream, self._route, self._source, prepared.fields, self._ledger)

    def _load(self, prepared: Prepared, report: Report) -> None:
        """Some pages of a first load that is read from files; when it ends, the next cycle polls."""
        self._poller.leave_walk()
        with accounted(report, self._source.zoho, self._target.zoho, self._ledger, self._now):
            over = self._poller.over(new=False)
            for travelled in self._loader.travel(prepared, self._hands, self._meter, polling.PAGES, over):
                self.note(report, travelled)
                report.news += travelled.settlement.seen
        if report.trouble is None:
            report.wait, report.more = self._loader.wait(), self._loader.more()
            self._ledger.polled(self.stream, self._now(), None, caught_up=False)

    def _poll(self, prepared: Prepared, report: Report) -> None:
        self._poller.poll(prepared, report, self._meter, self.note)

    def _retry(self, prepared: Prepared, report: Report) -> None:
        most = self._means.records(RETRIES, new=False, one_by_one=bool(prepared.fields.one_by_one))
        rows = {row.source_id: row for row in self._ledger.due(self.stream, self._now(), most)}
        if not rows or not self._means.go_on(new=False):
            return
        self._trust.demand(rows)
        report.cycle_id = None
        with accounted(report, self._source.zoho, self._target.zoho, self._ledger, self._now):
            changes, unread = read_again(rows, prepared, self._reader, self._source.zoho, self._listed_at)
            self._read_later({i: rows[i].modified_time for i in unread})
            meter = self._meter
            travelled = travel(changes, prepared, self._hands, lane="retry", due=rows, meter=meter)
            self.note(report, travelled)
        report.more = report.more or (len(rows) == most and travelled.settlement.seen > 0)

    def _read_later(self, unread: Mapping[str, datetime]) -> None:
        """Records that are asked for alone and could not be read; the others go on."""
        text, due = f"{self.stream.source} did not answer when asked for it alone", self._now() + UNREAD_RETRY
        rows = [due_row(self.stream, i, UNREAD, text, at, due) for i, at in unread.items()]
        if rows:
            self._ledger.enqueue(self.stream, rows, self._now())

    def note(self, report: Report, travelled: Travelled) -> None:
        """What a page came to, into the report; a fuse that blew stops the stream."""
        report.cycle_id = travelled.cycle_id
        report.outcomes.update(travelled.settlement.outcomes)
        if report.trouble is None:  # what else was on its way by then tells of none
            report.trouble, report.away = travelled.trouble, travelled.away
        self._stop(report, travelled.blown)
        if any(row.cause.code in (USER_REFUSED, USER_UNKNOWN) for row in travelled.settlement.queued):
            for org in (self._source, self._target):
                org.forget_users()
        refused = {row.cause for row in travelled.settlement.queued} - self._doubted
        if any(cause.code not in OURS for cause in refused):  # the target's fields may not be what we think
            self._target.doubt()
        self._doubted |= refused
