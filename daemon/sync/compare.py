"""The full comparison of a stream: reads all records of both sides, some pages a cycle, and puts into the retry queue
whatever is not as it should be (design 3). It writes to neither org; the retry lane does the rest.

It finds what polls cannot: changes that move no Modified_Time, edits hidden by a clock, deletions that nobody lists any
more, and records restored, changed or deleted in the target.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.causes import DIFFERS, TARGET_GONE
from daemon.core.dropped import is_dropped
from daemon.core.ends import QueueRow, due_row
from daemon.core.fuse import Blown, Meter
from daemon.core.record import START, Change, Position
from daemon.core.rules import Stream
from daemon.core.steps import Hold, Keep
from daemon.ledger import Comparison, Ledger
from daemon.ledger.streams import StreamState
from daemon.sync.changes import LARGE, SMALL, ChangeReader, Page, Sift
from daemon.sync.counterparts import Seen, TargetSide, on_their_way
from daemon.sync.deletions import deletion_row
from daemon.sync.hands import Hands
from daemon.sync.prepare import Prepared
from daemon.sync.road import survey
from daemon.zoho import coql
from daemon.zoho.client import Zoho

PAGES: Final = 5  # a cycle
_DAY: Final = timedelta(days=1)


class Comparer:
    """Takes the comparisons of one stream forward."""

    def __init__(self, stream: Stream, source: Zoho, target: Zoho, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._orgs = {"source": source, "target": target}
        self._readers = {
            "source": ChangeReader(source, stream.source_module, whole=bool(stream.notes_of)),
            "target": ChangeReader(target, stream.target_module, whole=bool(stream.notes_of)),
        }
        self._target_side = TargetSide(stream, self._readers["source"], target, ledger, now)
        self._ledger = ledger
        self._now = now

    def step(self, prepared: Prepared, hands: Hands, state: StreamState, meter: Meter) -> tuple[bool, Blown | None]:
        """Some pages of the comparison that goes on, or of the one that is due: whether more are to be read at once,
        and what a fuse saw.
        """
        comparison = self._current(state)
        if comparison is None:
            return False, None
        day_began_at, today = comparison.day_began_at, comparison.credits_today
        if not timedelta() <= self._now() - day_began_at < _DAY:  # in the future: our clock was set back
            day_began_at, today = self._now(), 0
        if today >= self._stream.compare_credits:
            return False, None
        before = self._spent()
        finished, blown = False, None
        try:
            for _ in range(PAGES):
                if (
                    hands.stopping()
                    or finished
                    or blown
                    or today + self._spent() - before >= self._stream.compare_credits
                ):
                    break
                finished, blown = self._page(prepared, hands, state, meter)
        finally:
            cost = self._spent() - before
            self._ledger.compared(comparison, cost, day_began_at, self._now(), finished=finished)
        if finished:
            logger.info("{}: the full comparison is done", self._stream.address)
        return not finished and blown is None and today + cost < self._stream.compare_credits, blown

    def _current(self, state: StreamState) -> Comparison | None:
        going_on, last = self._ledger.comparison(self._stream)
        if going_on is not None or state.caught_up_at is None or self._stream.compare is None:
            return going_on
        if timedelta() <= self._now() - (last or state.caught_up_at) < self._stream.compare:
            return None
        self._ledger.start_comparison(self._stream.address, "scheduled", self._now())
        return self._ledger.comparison(self._stream)[0]

    def _page(self, prepared: Prepared, hands: Hands, state: StreamState, meter: Meter) -> tuple[bool, Blown | None]:
        """The next page of the side that is read; whether that was the last of both."""
        comparison, _ = self._ledger.comparison(self._stream)
        if comparison is None:
            return True, None
        if comparison.side == "source":
            return False, self._source_page(comparison, prepared, hands, state, meter)
        return self._target_page(comparison, prepared), None

    def _source_page(
        self, comparison: Comparison, prepared: Prepared, hands: Hands, state: StreamState, meter: Meter
    ) -> Blown | None:
        sift = None
        if self._stream.unmatched == "stop" and prepared.fields.at_source is not None:  # else some outside it count
            until = state.position.modified_time.replace(microsecond=0)
            sift = Sift(where=coql.matching(prepared.fields.at_source), until=until)
        page = self._readers["source"].page(prepared.fields.columns, comparison.position, _most(prepared), sift)
        rows = self._differing(page.changes, prepared, hands, state)
        found = {"source_seen": len(page.changes), "differing": len(rows)}
        self._store(comparison, page, Seen(rows=rows), found)
        if not page.last:
            return None
        missing = self._missing(comparison) if self._stream.deletes != "ignore" else []
        if blown := meter.deletes(missing):
            return blown
        lost = [*missing, *self._stuck_and_deleted()]
        gone = [deletion_row(self._stream, source_id, self._now(), self._now()) for source_id in lost]
        self._turn(comparison, gone, START, {"missing": len(missing)})
        return None

    def _missing(self, comparison: Comparison) -> list[str]:
        """Agreed records that the source does not have, save those whose deletion a person has dropped."""
        ids = [source_id for _, source_id in self._absent("source", comparison)]
        dropped = self._ledger.dropped(self._stream, ids)
        return [i for i in ids if not is_dropped(i, None, dropped)]

    def _stuck_and_deleted(self) -> list[str]:
        """Records that wait for an event or a person, and that the source does not have any more: none will come."""
        stuck = self._ledger.stuck(self._stream)
        there = self._readers["source"].by_ids([], stuck)
        return sorted(set(stuck) - {change.record_id for change in there})

    def _differing(
        self, changes: tuple[Change, ...], prepared: Prepared, hands: Hands, state: StreamState
    ) -> list[QueueRow]:
        """Records that the polls have passed, that are not in the queue, and of which the target is not known to hold
        what it should.
        """
        busy = on_their_way(self._ledger, self._stream, [c.record_id for c in changes], but_children=True)
        quiet = [c for c in changes if c.record_id not in busy and c.position <= state.position]
        return [
            self._row(
                step.change.record_id, step.change.modified_time, DIFFERS, "its counterpart is not as it should be"
            )
            for step in survey(quiet, prepared, hands)
            if not isinstance(step, Keep) and not (isinstance(step, Hold) and step.waits_for)
        ]

    def _target_page(self, comparison: Comparison, prepared: Prepared) -> bool:
        fields = prepared.fields
        listed = [name for name in fields.targets if name not in fields.composed]
        columns = list(dict.fromkeys([*listed, *([fields.key] if fields.key else [])]))
        page = self._readers["target"].page(columns, comparison.position, _most(prepared))
        seen, counts = self._target_side.examine(page, prepared)
        self._store(comparison, page, seen, {"target_seen": len(page.changes), **counts})
        if not page.last:
            return False
        text = f"its counterpart is not in {self._stream.target} any more"
        absent = [source_id for _, source_id in self._absent("target", comparison)]
        busy = on_their_way(self._ledger, self._stream, absent)
        gone = [self._row(source_id, self._now(), TARGET_GONE, text) for source_id in absent if source_id not in busy]
        self._turn(comparison, gone, page.end, {"gone": len(gone)})
        return True

    def _absent(self, side: str, comparison: Comparison) -> list[tuple[str, str]]:
        """(record id there, source id) of agreed records that the walk did not meet and that a look by id does not
        find either.
        """
        unseen = self._ledger.unseen(self._stream, comparison, "source" if side == "source" else "target")
        module = self._stream.source_module if side == "source" else self._stream.target_module
        there = self._orgs[side].by_ids(module, ["Modified_Time"], [i for i, _ in unseen]) if unseen else []
        present = {row["id"] for row in there}
        return [pair for pair in unseen if pair[0] not in present]

    def _store(self, comparison: Comparison, page: Page, what: Seen, found: dict[str, int]) -> None:
        self._ledger.enqueue(
            self._stream,
            what.rows,
            self._now(),
            comparison=comparison,
            side=comparison.side,
            position=page.end,
            seen=[change.record_id for change in page.changes],
            found=found,
            shown=what.shown,
            drifted=what.drifted,
            over=what.over,
        )

    def _turn(self, comparison: Comparison, rows: list[QueueRow], position: Position, found: dict[str, int]) -> None:
        """A side is read to its end: what comes next is the target, from this place on."""
        self._ledger.enqueue(
            self._stream, rows, self._now(), comparison=comparison, side="target", position=position, found=found
        )

    def _row(self, source_id: str, at: datetime, code: str, detail: str) -> QueueRow:
        return due_row(self._stream, source_id, code, detail, at, self._now())

    def _spent(self) -> int:
        return sum(org.credits_spent for org in self._orgs.values())


def _most(prepared: Prepared) -> int:
    """The records of a page: fewer where each of them is then read by itself."""
    return SMALL if prepared.fields.one_by_one else LARGE
