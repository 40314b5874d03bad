"""The poll lane: what was changed in the source since the checkpoint, page by page, up to the present."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import closing
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.fuse import Meter
from daemon.core.record import Position
from daemon.core.rules import Stream
from daemon.core.settle import Walk
from daemon.ledger import StreamState
from daemon.sync.catalog import Trust
from daemon.sync.changes import LARGE, SMALL, ChangeReader, Narrowed, Skip
from daemon.sync.clock import SourceClock, second_of
from daemon.sync.convoy import Convoy
from daemon.sync.firstpass import first_sift
from daemon.sync.hands import Hands
from daemon.sync.loadway import LoadWay
from daemon.sync.means import Means
from daemon.sync.overlap import Overlap
from daemon.sync.prepare import Prepared
from daemon.sync.report import Report, accounted, state_of
from daemon.sync.road import Travelled

PAGES: Final = 100  # a cycle
_LONGEST: Final = timedelta(minutes=1)  # that a cycle begins pages: other lanes wait so long
FEW: Final = SMALL // 2  # records that each poll reads again: half of what a credit reads
LATE_S: Final = 5  # that each poll reads again: what becomes visible late is mostly not later


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """Where a walk goes on, the time that its horizon counts from, and what of the changes is asked for."""

    at: Position
    server_time: datetime
    narrowed: Narrowed | None


class Poller:
    """Polls for one stream. Remembers what the last pages looked like, and where a walk stopped for its ration."""

    def __init__(
        self, stream: Stream, reader: ChangeReader, hands: Hands, means: Means, way: LoadWay, trust: Trust
    ) -> None:
        self._stream = stream
        self._reader = reader
        self._hands = hands
        self._means = means
        self._way = way
        self._trust = trust
        self._overlap = Overlap()
        self._unfinished: _Reading | None = None
        self._clock = SourceClock(hands.source, stream.lag, hands.now)

    def leave_walk(self) -> None:
        """The next poll begins at the checkpoint."""
        self._unfinished = None

    def start_over(self) -> None:
        """And plans all that it finds there."""
        self._unfinished = None
        self._overlap.clear()

    def back_to(self, state: StreamState) -> datetime | None:
        """From when on the source must be read again because its clock went back."""
        return self._clock.back_to(state)

    def over(self, *, new: bool) -> Callable[[], bool]:
        """Whether no page more is worked off in a cycle that begins now. `new`: by what counts for new changes."""
        hands, means = self._hands, self._means
        began, now = hands.now(), hands.now
        return lambda: hands.stopping() or now() - began >= _LONGEST or not means.go_on(new=new)

    def poll(self, prepared: Prepared, report: Report, meter: Meter, note: Callable[[Report, Travelled], None]) -> None:
        """Some pages; `note` is told of each, and may stop the stream. Raises what the client and the ledger raise."""
        stream, hands = self._stream, self._hands
        state = state_of(hands.ledger, stream)
        new = state.caught_up_at is not None  # a first pass gives way to what is new elsewhere
        may_choose = self._way.may_choose(state, prepared)
        report.wait = self._way.wait() if may_choose else timedelta()
        if report.wait or not self._means.go_on(new=new):
            hands.ledger.polled(stream, hands.now(), None, caught_up=False)
            return
        reading = self._begin(state, prepared)
        at, server_time, checkpoint = reading.at, reading.server_time, state.position
        horizon = self._horizon(server_time)
        most = SMALL if prepared.fields.one_by_one else LARGE  # each of them is then read by itself
        limit = SMALL if at == checkpoint and self._overlap.before(horizon) < SMALL else most
        with accounted(report, hands.source, hands.target, hands.ledger, hands.now):
            first_look = may_choose and reading.narrowed is None  # one page tells whether there is much to read
            turns = 1 if first_look else PAGES
            affordable = self._means.records(turns * most, new=new, one_by_one=bool(prepared.fields.one_by_one))
            walk = Walk(checkpoint=checkpoint, page_end=checkpoint, horizon=horizon)
            convoy = Convoy(prepared, hands, meter, walk=walk, cycle_id=report.cycle_id)
            limit, count = min(limit, affordable), max(1, affordable // most)
            pages = self._reader.pages(
                prepared.fields.columns, at, limit, most, reading.narrowed, count, self.over(new=new)
            )
            arrived = convoy.travel(pages, lambda page: self._trust.demand(self._overlap.unsettled(page)))
            unsent = frozenset[str]()
            with closing(pages), closing(arrived):
                for page, travelled in arrived:
                    note(report, travelled)
                    report.news += travelled.settlement.seen
                    unsent |= travelled.unsent
                    checkpoint = travelled.settlement.checkpoint or checkpoint
                    sure = [c for c in page.changes if not prepared.fields.beside or c.modified_time < server_time]
                    self._overlap.remember(sure, travelled.unsent, checkpoint)
                    at, report.more = page.end, not page.last
            if may_choose and report.more and not unsent and report.trouble is None:
                self._way.choose(prepared)
        if report.trouble is None:
            report.caught_up = not report.more and not unsent
            if report.caught_up:
                self._clock.walk_ends()
                self._overlap.read_until(self._all_until(prepared, at, server_time))
            else:
                self._clock.walk_pauses()
            if report.more and not unsent:
                self._unfinished = _Reading(at=at, server_time=server_time, narrowed=reading.narrowed)
            until = server_time if report.caught_up else min(checkpoint.modified_time, server_time)
            hands.ledger.polled(stream, hands.now(), until, caught_up=report.caught_up, position=checkpoint)

    def _horizon(self, server_time: datetime) -> datetime:
        return (server_time - self._stream.lag).replace(microsecond=0)

    def _all_until(self, prepared: Prepared, at: Position, server_time: datetime) -> datetime:
        """Until when a walk that ended there has seen what was changed. Not until it ended, for an org may show all
        changes late; and of what is read apart until it began.
        """
        now = server_time if prepared.fields.beside else self._hands.source.clock_before_next_call()
        return min(at.modified_time + timedelta(seconds=1), now - timedelta(seconds=LATE_S))

    def _begin(self, state: StreamState, prepared: Prepared) -> _Reading:
        """At the checkpoint, or where the walk of the last cycle stopped for its ration: pages past the horizon do not
        move the checkpoint, so a walk that began there anew could never pass a crowd.
        """
        reading, self._unfinished = self._unfinished, None
        back_to = self._clock.back_to(state, going_on=reading is not None)
        self._clock.walk_begins()
        if reading is None:
            server_time = self._hands.source.clock_before_next_call()
            horizon = self._horizon(server_time)
            sift = first_sift(prepared, state, horizon, self._hands.ledger)
            narrowed = sift or (self._overlap.skip(horizon, FEW) if back_to is None else None)
            reading = _Reading(at=state.position, server_time=server_time, narrowed=narrowed)
        if back_to is None:
            return reading
        self._overlap.leave_out_nothing()
        if reading.at <= second_of(back_to):
            return replace(reading, narrowed=None) if isinstance(reading.narrowed, Skip) else reading
        what = "{}: the clock of {} went back; read from {}"
        logger.warning(what, self._stream.address, self._stream.source, back_to)
        return _Reading(at=second_of(back_to), server_time=reading.server_time, narrowed=None)
