"""What a full comparison sees in the target: counterparts that were changed there by hand or have lost their key, and
strangers, whose key names a record that they do not stand for. It writes to neither org.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final

from loguru import logger

from daemon.core.causes import DIFFERS, DRIFT, KEY_LOST, TARGET_GONE
from daemon.core.content import key_value, names_another
from daemon.core.digest import changed_fields, cover, digest_values
from daemon.core.drift import drift_cause, drift_detail
from daemon.core.ends import QueueRow, Waiting, due_row
from daemon.core.record import Change, is_record_id, parse_instant
from daemon.core.rules import Stream
from daemon.core.steps import Link
from daemon.core.translate import observe
from daemon.ledger import THERE, Counterpart, Ledger
from daemon.sync.changes import ChangeReader, Page
from daemon.sync.deletions import deletion_row
from daemon.sync.prepare import Prepared
from daemon.sync.whole import look_at
from daemon.zoho.client import Zoho

_NAMED: Final = 5  # records that a warning names


@dataclass(slots=True, kw_only=True)
class Seen:
    """What a page came to. By entity: the digest of what a changed counterpart shows, and the fields in which it is
    known to be changed from now on. What is `over` leaves the queue.
    """

    rows: list[QueueRow] = field(default_factory=list)
    shown: dict[str, str] = field(default_factory=dict)
    drifted: dict[str, frozenset[str]] = field(default_factory=dict)
    over: list[str] = field(default_factory=list)
    reported: int = 0


class TargetSide:
    """Looks at pages of a stream's target."""

    def __init__(
        self, stream: Stream, source: ChangeReader, target: Zoho, ledger: Ledger, now: Callable[[], datetime]
    ) -> None:
        self._stream = stream
        self._source = source
        self._target = target
        self._ledger = ledger
        self._now = now

    def examine(self, page: Page, prepared: Prepared) -> tuple[Seen, dict[str, int]]:
        """What is to be stored of a page, and the counts of the comparison."""
        known = self._ledger.source_records(self._stream, [c.record_id for c in page.changes])
        waiting = self._ledger.waiting(self._stream, [c.source_id for c in known.values()])
        unanswered = self._ledger.open_intents(self._stream, [c.source_id for c in known.values()])
        calm = {i: one for i, one in known.items() if one.source_id not in unanswered}
        seen = self._drifted(page, calm, waiting, prepared)
        keyless = self._keyless(page, calm, waiting, prepared)
        rows = {row.source_id: row for row in [*seen.rows, *keyless]}
        seen.rows = self._followed(list(rows.values()), known, prepared)
        drifted = seen.reported + sum(row.cause.code != KEY_LOST for row in seen.rows)
        strangers, astray = self._strangers(page, known, prepared)
        seen.rows += strangers
        differing = sum(row.cause.code == KEY_LOST for row in seen.rows)
        return seen, {"drifted": drifted, "differing": differing, "strangers": astray}

    def _drifted(
        self, page: Page, known: Mapping[str, Counterpart], waiting: Mapping[str, Waiting], prepared: Prepared
    ) -> Seen:
        """Counterparts that hold other values than they confirmed.

        After our own write a difference may only mean that the target stores a value in its own way. So it counts only
        where it is put right by itself, and only once: what the target made of it is remembered.
        """
        found = Seen()
        if self._stream.drift == "keep":
            return found
        for change in self._with_rows(page, known, prepared):
            counterpart = known.get(change.record_id)
            if counterpart is None:
                continue
            link, source_id = counterpart.link, counterpart.source_id
            row = waiting.get(source_id)
            if link.state == "gone":  # it was restored there
                text = f"{change.record_id} is in {self._stream.target} again"
                found.rows += [] if row else [self._row(source_id, change.modified_time, TARGET_GONE, text)]
                continue
            values = cover(observe(change.values, prepared.fields), prepared.fields.lasting & link.by_field.keys())
            digests = digest_values(values, "", self._ledger.digest_key)
            names = changed_fields(link.by_field, digests)
            ours = counterpart.target_modified_time == change.modified_time
            if self._stream.drift == "overwrite":
                if names and row is None and not (ours and counterpart.target_digest == digests.whole):
                    found.rows.append(self._drift_row(source_id, change, names))
                    found.shown[link.entity_id] = digests.whole
            elif not ours:
                self._report(found, counterpart, change, names, row)
        return found

    def _report(
        self, found: Seen, counterpart: Counterpart, change: Change, names: frozenset[str], row: Waiting | None
    ) -> None:
        """What a person is told of: nothing twice, and not any more what was taken back. Where something else holds the
        record it is told after that.
        """
        link, source_id = counterpart.link, counterpart.source_id
        is_told = is_reported(row)
        if names != link.drifted:
            found.drifted[link.entity_id] = names
        if names == link.drifted and is_told:
            found.reported += 1
        elif names and (row is None or is_told):
            found.rows.append(replace(self._drift_row(source_id, change, names), state="held", due_at=None))
        elif is_told:
            found.over.append(source_id)

    def _drift_row(self, source_id: str, change: Change, names: frozenset[str]) -> QueueRow:
        text = drift_detail(self._stream, names, change.record_id)
        row = self._row(source_id, change.modified_time, DRIFT, text)
        return replace(row, cause=drift_cause(self._stream, names))

    def _with_rows(self, page: Page, known: Mapping[str, Counterpart], prepared: Prepared) -> Sequence[Change]:
        """A page's counterparts with what is read apart; one that changed in between is left out."""
        fields = prepared.fields
        if not fields.composed:
            return page.changes
        ids = [change.record_id for change in page.changes if change.record_id in known]
        rows, unread = look_at(self._target, self._stream.target_module, fields.targets, fields, ids)
        return [
            replace(change, values={**change.values, **row})
            for change in page.changes
            if (row := rows.get(change.record_id)) is not None
            and change.record_id not in unread
            and parse_instant(row["Modified_Time"]) == change.modified_time
        ]

    def _keyless(
        self, page: Page, known: Mapping[str, Counterpart], waiting: Mapping[str, Waiting], prepared: Prepared
    ) -> list[QueueRow]:
        """Counterparts that do not hold the key of their record any more: without the ledger nobody would know them.

        One that names another source record for which it stands too, or a record of another org that the ledger knows,
        is that one's. On a circle one of the two keys is enough: what the other way has made has its key in the source.
        """
        key, prefix = prepared.fields.key, f"{self._stream.source}/{self._stream.source_module}/"
        if key is None:
            return []
        lost: dict[str, tuple[Change, str]] = {}
        for change in page.changes:
            counterpart = known.get(change.record_id)
            if counterpart is None or key not in change.values or not counterpart.link.agreed:
                continue
            ours = not self._stream.origins or counterpart.link.entity_id.startswith(prefix)
            row = waiting.get(counterpart.source_id)
            wanted = key_value(prepared.source_zgid, counterpart.source_id)
            if change.values[key] == wanted or counterpart.link.state != "live" or not ours:
                continue
            if row is None or is_reported(row):
                lost[change.record_id] = change, counterpart.source_id
        if not lost:
            return []
        orgs, others = self._ledger.zgids(), self._ledger.stand_for(self._stream, lost)
        rows = []
        for record_id, (change, source_id) in lost.items():
            if names_another(change.values[key], prepared.source_zgid, orgs, others.get(record_id, ())):
                continue
            text = f"{record_id} of {self._stream.target} does not hold its key any more"
            rows.append(self._row(source_id, change.modified_time, KEY_LOST, text))
        return rows

    def _followed(self, rows: list[QueueRow], known: Mapping[str, Counterpart], prepared: Prepared) -> list[QueueRow]:
        """Of these, the records that the source has and that match the filter, or are followed without: the others are
        nobody's business. As rows about the version that the source has.
        """
        if not rows:
            return []
        changes = self._source.by_ids(prepared.fields.columns, [row.source_id for row in rows])
        anyway = {c.source_id for c in known.values() if c.link.agreed} if self._stream.unmatched == "follow" else set()
        ours = {c.record_id: c for c in changes if c.record_id in anyway or prepared.fields.keep.test(c.values)}
        made_there = {c.record_id for c in changes if any(c.values.get(origin.key) for origin in self._stream.origins)}
        return [
            replace(row, modified_time=ours[row.source_id].modified_time)
            for row in rows
            if row.source_id in ours and not (row.cause.code == KEY_LOST and row.source_id in made_there)
        ]

    def _strangers(
        self, page: Page, known: Mapping[str, Counterpart], prepared: Prepared
    ) -> tuple[list[QueueRow], int]:
        """Records whose key names a source record for which they do not stand: those to look at, and how many are left.

        One whose counterpart has ended is there again (a write that came late has made it anew, say): what becomes of
        it the road decides, by the source as it is now, which the key leads to.

        The ledger may not know such a source record (it was restored from a backup, or lost): it is looked at, as the
        filter does not decide about it. Where it is not there, whether it was of this module and is deleted, or is a
        living one of another module, only the deleted list could say (deletions.py). What is there and matches the
        filter is found on the source's side.
        """
        key, prefix = prepared.fields.key, f"{prepared.source_zgid}:"
        if key is None:
            return [], 0
        named = {
            change.record_id: (str(change.values[key]).removeprefix(prefix), change)
            for change in page.changes
            if change.record_id not in known and str(change.values.get(key) or "").startswith(prefix)
        }
        linked = self._ledger.stand_for(self._stream, named)
        ours = {i: change for target_id, (i, change) in named.items() if is_record_id(i) and target_id not in linked}
        links = self._ledger.links(self._stream, ours)
        again, first = ended(links, self._stream, self._target)
        second = {t: first[i] for t, (i, _) in named.items() if t not in linked and i in first}
        self._warn_of_second(second)
        ignored, stopped = self._stream.deletes == "ignore", self._stream.unmatched == "stop"
        over = again | (self._ledger.deleted(self._stream, ours) - links.keys())
        known_here = on_their_way(self._ledger, self._stream, ours) | (links.keys() - again)
        unknown = [i for i in ours if i not in known_here and (i in again or not (ignored and stopped))]
        there = {change.record_id for change in self._source.by_ids([], unknown)}
        why = f"a record of {self._stream.target} names it"
        rows = [
            self._row(i, ours[i].modified_time, TARGET_GONE if i in again else DIFFERS, why)
            for i in sorted(there)
            if i in again or not stopped
        ]
        gone = [i for i in unknown if i not in there]
        if not ignored:
            rows += [deletion_row(self._stream, i, self._now(), self._now()) for i in gone if i in over]
        undeleted = [ours[i].record_id for i in gone if i in again and ignored]
        self._warn_of_undeleted(undeleted)
        left = [ours[i].record_id for i in gone if i not in over and not ignored]
        if left:
            logger.warning(
                "{}: {} records of {} name records that are not in {} and that the ledger does not know ({}); they "
                "were not touched: delete them by hand, unless they stand for records of another module",
                *(self._stream.address, len(left), self._stream.target, self._stream.source, ", ".join(left[:_NAMED])),
            )
        return rows, len(left) + len(second) + len(undeleted)

    def _warn_of_undeleted(self, target_ids: Collection[str]) -> None:
        """Made anew after their record and their counterpart were deleted, where no deletion is to be carried."""
        if target_ids:
            logger.warning(
                "{}: {} records of {} hold the key of a record that is deleted in {}, and whose counterpart was too "
                '({}); none was touched, as deletes = "ignore" is set: delete them by hand if nobody needs them',
                *(self._stream.address, len(target_ids), self._stream.target, self._stream.source),
                ", ".join(sorted(target_ids)[:_NAMED]),
            )

    def _warn_of_second(self, second: Mapping[str, str]) -> None:
        """A counterpart that was made again, and then the first one came back from the bin: nobody wants both."""
        if second:
            pairs = [f"{target_id} beside {linked}" for target_id, linked in sorted(second.items())]
            logger.warning(
                "{}: {} records of {} hold the key of a record that has another counterpart ({}); none was "
                "touched: delete by hand the one of the two that is too many",
                *(self._stream.address, len(pairs), self._stream.target, ", ".join(pairs[:_NAMED])),
            )

    def _row(self, source_id: str, at: datetime, code: str, detail: str) -> QueueRow:
        return due_row(self._stream, source_id, code, detail, at, self._now())


def ended(links: Mapping[str, Link], stream: Stream, target: Zoho) -> tuple[set[str], dict[str, str]]:
    """The source records whose counterpart has ended; and of the others that which is there. A flagged one may have
    been taken away by hand; that a living one was the walk finds out.
    """
    first = {i: link.target_id for i, link in links.items() if link.state in THERE and not link.unsure}
    rows = target.by_ids(stream.target_module, ["Modified_Time"], sorted(first.values())) if first else []
    there = {str(row["id"]) for row in rows}
    over = {i for i, link in links.items() if link.state not in THERE}
    over |= {i for i, target_id in first.items() if links[i].state == "flagged" and target_id not in there}
    return over, {i: target_id for i, target_id in first.items() if target_id in there}


def is_reported(row: Waiting | None) -> bool:
    """Whether a record waits for nothing but a person who decides about hand edits of its counterpart."""
    return row is not None and row.state == "held" and row.code == DRIFT


def on_their_way(
    ledger: Ledger, stream: Stream, source_ids: Collection[str], *, but_children: bool = False
) -> set[str]:
    """Records that are on their way already; one that waits for a parent may be mistaken about that by now."""
    waiting = ledger.waiting(stream, source_ids)
    queued = {i for i, row in waiting.items() if not (but_children and row.for_parent)}
    return queued | ledger.open_intents(stream, source_ids).keys()
