"""The pages of the poll lane, one after the other: while one is written the next is read and planned (road.py).

They are settled in their order, so the checkpoint never passes a page that has no outcome.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial

from daemon.core.fuse import Meter
from daemon.core.record import Change, Position
from daemon.core.settle import Walk
from daemon.core.translate import parents_of
from daemon.sync.abreast import Beside
from daemon.sync.changes import Page
from daemon.sync.hands import Hands
from daemon.sync.prepare import Prepared
from daemon.sync.road import Planned, Sent, Travelled, plan_page, settle_page, write

Arrival = tuple[Page, Travelled]


@dataclass(frozen=True, slots=True)
class _Flight:
    """A page that is being written."""

    page: Page
    planned: Planned
    writing: Beside[Sent]


class Convoy:
    """Takes pages to their outcomes. `checkpoint` is where the stream stands, `horizon` that of the walk, `cycle_id`
    the cycle that they belong to, if it has begun.
    """

    def __init__(
        self,
        prepared: Prepared,
        hands: Hands,
        meter: Meter,
        *,
        checkpoint: Position,
        horizon: datetime,
        cycle_id: int | None,
    ) -> None:
        self._prepared, self._hands, self._meter = prepared, hands, meter
        self._checkpoint, self._horizon, self._cycle_id = checkpoint, horizon, cycle_id
        stream = prepared.stream
        # What is agreed on a circle, and which notes are there, a page leaves behind for the next.
        self._overlap = hands.target.calls_at_once > 1 and not stream.circle and not stream.notes_of
        self._aloft: _Flight | None = None
        self._through = True
        self._unsettled = False

    def travel(self, pages: Iterator[Page], fresh: Callable[[Page], Sequence[Change]]) -> Generator[Arrival]:
        """Gives each page when it is settled; ends after one that did not get through. `fresh` says what of a page is
        to be planned. Raises as road.travel does, when what was written before is settled.
        """
        try:
            yield from self._each(pages, fresh)
        except Exception:  # raised again, when what is on its way is settled
            if self._aloft is not None and not self._unsettled:
                yield self._land(self._aloft)
            raise
        finally:
            if self._aloft is not None:  # its intents say what may have become of it
                self._aloft.writing.end()

    def _each(self, pages: Iterator[Page], fresh: Callable[[Page], Sequence[Change]]) -> Generator[Arrival]:
        for page in pages:
            if self._aloft is not None and self._concerns(page, self._aloft):
                yield self._land(self._aloft)
            if not self._through:
                return
            planned = plan_page(fresh(page), self._prepared, self._hands)
            before = self._aloft
            if before is not None and not before.writing.result().through:
                break
            self._aloft = self._started(page, planned)
            if before is not None:
                yield self._settled(before)
            if not self._overlap:
                yield self._land(self._aloft)
        if self._aloft is not None:
            yield self._land(self._aloft)

    def _started(self, page: Page, planned: Planned) -> _Flight:
        work = partial(write, planned, self._prepared, self._hands, "poll", self._meter)
        return _Flight(page, planned, Beside(work, beside=self._overlap))

    def _land(self, flight: _Flight) -> Arrival:
        self._aloft = None
        return self._settled(flight)

    def _settled(self, flight: _Flight) -> Arrival:
        self._unsettled = True  # until it is: nothing behind it may be
        sent = flight.writing.result()
        walk = Walk(checkpoint=self._checkpoint, page_end=flight.page.end, horizon=self._horizon)
        travelled = settle_page(
            flight.planned, sent, self._prepared, self._hands, lane="poll", walk=walk, cycle_id=self._cycle_id
        )
        self._checkpoint = travelled.settlement.checkpoint or self._checkpoint
        self._cycle_id, self._through, self._unsettled = travelled.cycle_id, sent.through, False
        return flight.page, travelled

    def _concerns(self, page: Page, flight: _Flight) -> bool:
        """Whether a page has to know what becomes of another: it shows records of that one again, or points to some."""
        module, fields, ids = self._prepared.stream.source_module, self._prepared.fields, flight.planned.ids
        return any(
            change.record_id in ids
            or any(p.module == module and p.record_id in ids for p in parents_of(change.values, fields))
            for change in page.changes
        )
