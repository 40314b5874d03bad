"""The full comparison of a stream: reads all records of both sides, some pages a cycle, and puts into the retry queue
whatever is not as it should be (design 3). It writes to neither org; the retry lane does the rest.

It finds what polls cannot: changes that move no Modified_Time, edits hidden by a clock, deletions that nobody lists any
more, and records restored, changed or deleted in the target.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from loguru import logger

from daemon.core.causes import DIFFERS, DRIFT, TARGET_GONE
from daemon.core.digest import changed_fields, cover, digest_values
from daemon.core.dropped import is_dropped
from daemon.core.ends import QueueRow, due_row
from daemon.core.fuse import Blown, Meter
from daemon.core.record import START, Change, Position, is_record_id, parse_instant
from daemon.core.rules import Stream
from daemon.core.steps import Hold, Keep
from daemon.core.translate import observe
from daemon.ledger import THERE, Comparison, Counterpart, Ledger
from daemon.ledger.streams import StreamState
from daemon.sync.changes import LARGE, SMALL, ChangeReader, Page, Sift
from daemon.sync.deletions import deletion_row
from daemon.sync.hands import Hands
from daemon.sync.prepare import Prepared
from daemon.sync.road import survey
from daemon.sync.whole import look_at
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
        self._store(comparison, page, rows, found)
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
        busy = self._busy([change.record_id for change in changes], but_children=True)
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
        known = self._ledger.source_records(self._stream, [c.record_id for c in page.changes])
        drifted, shown = self._drifted(page, known, prepared)
        drifted = self._followed(drifted, known, prepared)
        strangers, astray = self._strangers(page, known, prepared)
        found = {"target_seen": len(page.changes), "drifted": len(drifted), "strangers": astray}
        self._store(comparison, page, drifted + strangers, found, shown)
        if not page.last:
            return False
        text = f"its counterpart is not in {self._stream.target} any more"
        absent = [source_id for _, source_id in self._absent("target", comparison)]
        busy = self._busy(absent)
        gone = [self._row(source_id, self._now(), TARGET_GONE, text) for source_id in absent if source_id not in busy]
        self._turn(comparison, gone, page.end, {"gone": len(gone)})
        return True

    def _busy(self, source_ids: list[str], *, but_children: bool = False) -> set[str]:
        """Records that are on their way already; one that waits for a parent may be mistaken about that by now."""
        waiting = self._ledger.waiting(self._stream, source_ids)
        queued = {i for i, row in waiting.items() if not (but_children and row.for_parent)}
        return queued | self._ledger.open_intents(self._stream, source_ids).keys()

    def _drifted(
        self, page: Page, known: dict[str, Counterpart], prepared: Prepared
    ) -> tuple[list[QueueRow], dict[str, str]]:
        """Counterparts that hold other values than they confirmed, and (entity -> digest) what they show instead.

        After our own write a difference may only mean that the target stores a value in its own way. So it counts only
        where it is put right by itself, and only once: what the target made of it is remembered.
        """
        rows: list[QueueRow] = []
        shown: dict[str, str] = {}
        if self._stream.drift == "keep":
            return rows, shown
        busy = self._busy([counterpart.source_id for counterpart in known.values()])
        for change in self._with_rows(page, known, prepared):
            counterpart = known.get(change.record_id)
            if counterpart is None or counterpart.source_id in busy:
                continue
            link = counterpart.link
            if link.state == "gone":  # it was restored there
                text = f"{change.record_id} is in {self._stream.target} again"
                rows.append(self._row(counterpart.source_id, change.modified_time, TARGET_GONE, text))
                continue
            values = cover(observe(change.values, prepared.fields), prepared.fields.lasting & link.by_field.keys())
            digests = digest_values(values, "", self._ledger.digest_key)
            ours = counterpart.target_modified_time == change.modified_time
            if ours and (not self._overwrites or counterpart.target_digest == digests.whole):
                continue
            if names := changed_fields(link.by_field, digests):
                changed = ", ".join(sorted(names))
                text = f"{changed} of {change.record_id} was changed in {self._stream.target}"
                row = self._row(counterpart.source_id, change.modified_time, DRIFT, text, due=self._overwrites)
                rows.append(replace(row, cause=replace(row.cause, field=changed)))
                shown[link.entity_id] = digests.whole
        return rows, shown

    def _with_rows(self, page: Page, known: dict[str, Counterpart], prepared: Prepared) -> Sequence[Change]:
        """A page's counterparts with what is read apart; one that changed in between is left out."""
        fields, target = prepared.fields, self._orgs["target"]
        if not fields.composed:
            return page.changes
        ids = [change.record_id for change in page.changes if change.record_id in known]
        rows, unread = look_at(target, self._stream.target_module, fields.targets, fields, ids)
        return [
            replace(change, values={**change.values, **row})
            for change in page.changes
            if (row := rows.get(change.record_id)) is not None
            and change.record_id not in unread
            and parse_instant(row["Modified_Time"]) == change.modified_time
        ]

    def _followed(self, rows: list[QueueRow], known: Mapping[str, Counterpart], prepared: Prepared) -> list[QueueRow]:
        """Of these, the records that the source has and that match the filter, or are followed without: the others are
        nobody's business. As rows about the version that the source has.
        """
        if not rows:
            return []
        changes = self._readers["source"].by_ids(prepared.fields.columns, [row.source_id for row in rows])
        anyway = {c.source_id for c in known.values() if c.link.agreed} if self._stream.unmatched == "follow" else set()
        ours = {c.record_id: c for c in changes if c.record_id in anyway or prepared.fields.keep.test(c.values)}
        return [replace(row, modified_time=ours[row.source_id].modified_time) for row in rows if row.source_id in ours]

    @property
    def _overwrites(self) -> bool:
        return self._stream.drift == "overwrite"

    def _strangers(self, page: Page, known: dict[str, Counterpart], prepared: Prepared) -> tuple[list[QueueRow], int]:
        """Records whose key names a source record that the ledger does not know (it was restored from a backup, or
        lost): those to look at, as the filter does not decide about them; and how many name one that is not there.

        The latter are left as they are. Whether such a source record was of this module and is deleted, or is a living
        one of another module, only the deleted list could say (deletions.py). What is there and matches the filter is
        found on the source's side.
        """
        key, prefix = prepared.fields.key, f"{prepared.source_zgid}:"
        if key is None or (self._stream.deletes == "ignore" and self._stream.unmatched == "stop"):
            return [], 0
        named = {
            str(change.values[key]).removeprefix(prefix): change
            for change in page.changes
            if change.record_id not in known and str(change.values.get(key) or "").startswith(prefix)
        }
        linked = self._ledger.stand_for(self._stream, [change.record_id for change in named.values()])
        ours = [i for i, change in named.items() if is_record_id(i) and change.record_id not in linked]
        links = self._ledger.links(self._stream, ours)
        again = {i for i, link in links.items() if link.unsure and link.state not in THERE}  # an older ledger's
        known_here = self._busy(ours) | (links.keys() - again)
        unknown = [i for i in ours if i not in known_here]
        there = {change.record_id for change in self._readers["source"].by_ids([], unknown)}
        found = sorted(there) if self._stream.unmatched != "stop" else []
        why = f"a record of {self._stream.target} names it"
        rows = [self._row(i, named[i].modified_time, DIFFERS, why) for i in found]
        gone = [i for i in unknown if i not in there and self._stream.deletes != "ignore"]
        rows += [deletion_row(self._stream, i, self._now(), self._now()) for i in gone if i in again]
        left = [named[i].record_id for i in gone if i not in again]
        if left:
            logger.warning(
                "{}: {} records of {} name records that are not in {} and that the ledger does not know ({}); they "
                "were not touched: delete them by hand, unless they stand for records of another module",
                *(self._stream.address, len(left), self._stream.target, self._stream.source, ", ".join(left[:5])),
            )
        return rows, len(left)

    def _absent(self, side: str, comparison: Comparison) -> list[tuple[str, str]]:
        """(record id there, source id) of agreed records that the walk did not meet and that a look by id does not
        find either.
        """
        unseen = self._ledger.unseen(self._stream, comparison, "source" if side == "source" else "target")
        module = self._stream.source_module if side == "source" else self._stream.target_module
        there = self._orgs[side].by_ids(module, ["Modified_Time"], [i for i, _ in unseen]) if unseen else []
        present = {row["id"] for row in there}
        return [pair for pair in unseen if pair[0] not in present]

    def _store(
        self,
        comparison: Comparison,
        page: Page,
        rows: list[QueueRow],
        found: dict[str, int],
        shown: Mapping[str, str] = MappingProxyType({}),
    ) -> None:
        self._ledger.enqueue(
            self._stream,
            rows,
            self._now(),
            comparison=comparison,
            side=comparison.side,
            position=page.end,
            seen=[change.record_id for change in page.changes],
            found=found,
            shown=shown,
        )

    def _turn(self, comparison: Comparison, rows: list[QueueRow], position: Position, found: dict[str, int]) -> None:
        """A side is read to its end: what comes next is the target, from this place on."""
        self._ledger.enqueue(
            self._stream, rows, self._now(), comparison=comparison, side="target", position=position, found=found
        )

    def _row(self, source_id: str, at: datetime, code: str, detail: str, *, due: bool = True) -> QueueRow:
        row = due_row(self._stream, source_id, code, detail, at, self._now())
        return row if due else replace(row, state="held", due_at=None)

    def _spent(self) -> int:
        return sum(org.credits_spent for org in self._orgs.values())


def _most(prepared: Prepared) -> int:
    """The records of a page: fewer where each of them is then read by itself."""
    return SMALL if prepared.fields.one_by_one else LARGE
