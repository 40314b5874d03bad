"""The pages of a lane, one after the other: while one is written the next is read and planned, and its calls are begun
as soon as those of the one before have (writing.py).

They are settled in their order, so the checkpoint never passes a page that has no outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial

from daemon.core.fuse import Meter
from daemon.core.record import Change
from daemon.core.settle import Walk
from daemon.core.translate import parents_of
from daemon.sync.beside import Beside
from daemon.sync.changes import Page
from daemon.sync.hands import Hands
from daemon.sync.prepare import Prepared
from daemon.sync.road import Travelled, plan_page, settle_page
from daemon.sync.writing import Planned, Sent, Writer, write

Arrival = tuple[Page, Travelled]


@dataclass(frozen=True, slots=True)
class _Flight:
    """A page that is being written; `sent` waits for its end."""

    page: Page
    planned: Planned
    sent: Callable[[], Sent]


class Convoy:
    """Takes pages to their outcomes. `walk` is where the stream stands, None when the pages do not move its checkpoint;
    `cycle_id` the cycle that they belong to, if it has begun.
    """

    def __init__(
        self,
        prepared: Prepared,
        hands: Hands,
        meter: Meter,
        *,
        walk: Walk | None = None,
        cycle_id: int | None = None,
    ) -> None:
        self._prepared, self._hands, self._meter = prepared, hands, meter
        self._walk, self._cycle_id = walk, cycle_id
        stream = prepared.stream
        # What is agreed on a circle, and which notes are there, a page leaves behind for the next.
        overlap = hands.target.calls_at_once > 1 and not stream.circle and not stream.notes_of
        self._writer = Writer(prepared, hands, "poll", meter) if overlap else None
        self._running = None if self._writer is None else Beside(self._writer.run, beside=True)
        self._aloft: list[_Flight] = []
        self._through = True
        self._unsettled = False

    def travel(self, pages: Iterator[Page], fresh: Callable[[Page], Sequence[Change]]) -> Generator[Arrival]:
        """Gives each page when it is settled; ends after one that did not get through. `fresh` says what of a page is
        to be planned. Raises as road.travel does, when what was written before is settled.
        """
        try:
            yield from self._each(pages, fresh)
        except Exception:  # raised again, when what is on its way is settled
            while self._aloft and not self._unsettled:
                yield self._land()
            raise
        finally:
            if self._writer is not None and self._running is not None:
                self._writer.no_more()
                self._running.end()  # the intents say what may have become of what was not settled

    def _each(self, pages: Iterator[Page], fresh: Callable[[Page], Sequence[Change]]) -> Generator[Arrival]:
        for page in pages:
            while self._aloft and self._concerns(page):
                yield self._land()
            if self._stopped():
                break
            self._aloft.append(self._begun(page, plan_page(fresh(page), self._prepared, self._hands)))
            while len(self._aloft) > (self._writer is not None):
                yield self._land()
            if self._stopped():
                break
        while self._aloft:
            yield self._land()

    def _stopped(self) -> bool:
        return not self._through

    def _begun(self, page: Page, planned: Planned) -> _Flight:
        if self._writer is not None:
            return _Flight(page, planned, self._writer.give(planned).result)
        return _Flight(page, planned, partial(write, planned, self._prepared, self._hands, "poll", self._meter))

    def _land(self) -> Arrival:
        """The first that is on its way is settled. Behind one that did not get through the checkpoint stays."""
        self._unsettled = True  # until it is: nothing behind it may be
        flight = self._aloft.pop(0)
        sent = flight.sent()
        walk = None if self._walk is None or not self._through else replace(self._walk, page_end=flight.page.end)
        travelled = settle_page(
            flight.planned, sent, self._prepared, self._hands, lane="poll", walk=walk, cycle_id=self._cycle_id
        )
        if walk is not None:
            self._walk = replace(walk, checkpoint=travelled.settlement.checkpoint or walk.checkpoint)
        self._through = self._through and sent.through
        self._cycle_id, self._unsettled = travelled.cycle_id, False
        return flight.page, travelled

    def _concerns(self, page: Page) -> bool:
        """Whether a page has to know what becomes of another: it shows records of that one again, or points to some."""
        module, fields = self._prepared.stream.source_module, self._prepared.fields
        ids = frozenset[str]().union(*(flight.planned.ids for flight in self._aloft))
        if not ids.isdisjoint(change.record_id for change in page.changes):
            return True
        parents = (p for change in page.changes if fields.pointing for p in parents_of(change.values, fields))
        return any(parent.module == module and parent.record_id in ids for parent in parents)
