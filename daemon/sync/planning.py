"""What would be done, and what it would cost: reads as a cycle does and plans by the same rules (road.look_ahead), and
stores nothing, neither in an org nor in the ledger. It works beside a daemon, on the half of the ledger that is asked.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Final

from daemon.core.absent import NOTHING
from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS, DRIFT, FIELD_ABSENT, LOOKED_FOR, TARGET_GONE, USER_UNKNOWN
from daemon.core.forecast import sending
from daemon.core.fuse import sentence
from daemon.core.record import START, Change
from daemon.core.rules import Route, Stream
from daemon.core.saved import Standing, fingerprint
from daemon.ledger import DueRow, ReadLedger, StreamState
from daemon.ledger.befores import PastCycle
from daemon.sync.again import read_again
from daemon.sync.catalog import Catalog
from daemon.sync.changes import LARGE, SMALL, ChangeReader
from daemon.sync.clock import SourceClock, second_of
from daemon.sync.deletions import concerning, look_for_restored, read_deleted
from daemon.sync.firstpass import first_sift
from daemon.sync.foreseeing import Cost, Forecast, Group, View, foresee, fuses_blown, price_of
from daemon.sync.hands import Eyes
from daemon.sync.pointing import Finder
from daemon.sync.prepare import (
    NEVER_RUN,
    FirstRun,
    Prepared,
    StreamRefusedError,
    begins_anew,
    first_run_problem,
    is_renamed,
    mapped_metadata,
    prepare,
    unfinished_parent,
)
from daemon.sync.undoing import Undoing, look
from daemon.zoho import coql
from daemon.zoho.errors import CredentialRefused, RequestRefused

RETRIES: Final = 500
"""Records of the retry queue that a plan looks at, as a cycle does."""
_TIME: Final = "Modified_Time"
_NEW: Final = StreamState(
    position=START, rules_version=NEVER_RUN, first_run="refuse", caught_up_at=None, polled_at=None, trouble=None
)


class Planner:
    """Looks ahead on one stream. `calls` gives how many calls were made so far to both orgs."""

    def __init__(
        self,
        stream: Stream,
        route: Route,
        source: Catalog,
        target: Catalog,
        ledger: ReadLedger,
        *,
        now: Callable[[], datetime],
        calls: Callable[[], int] = lambda: 0,
    ) -> None:
        self._stream, self._route = stream, route
        self._source, self._target = source, target
        self._ledger, self._now, self._calls = ledger, now, calls
        self._reader = ChangeReader(source.zoho, stream.source_module, whole=bool(stream.notes_of))
        self._eyes = Eyes(
            source=source.zoho,
            target=target.zoho,
            finder=Finder(source.zoho, target.zoho, now),
            ledger=ledger,
            now=now,
        )

    def next_cycle(self, most: int, first_run: FirstRun = "refuse") -> Forecast:
        """What the next cycle would do: with up to `most` changes after the checkpoint, with deletions, and with what
        is due in the queue.

        Raises StreamRefusedError, what the client raises, and LedgerError.
        """
        known, began = self._metadata(), self._meter()
        prepared, state, before = self._stand()
        blocked = self._blocked(prepared, before, first_run)
        read_from = self._meter()
        changes, following = self._changes(prepared, state, most)
        met = {change.record_id for page in changes for change in page}
        listed_at = self._now()
        rows = {i: row for i, row in self._rows(prepared, state).items() if i not in met}
        again, _ = read_again(rows, prepared, self._reader, self._source.zoho, listed_at) if rows else ([], ())
        groups: list[Group] = [(page, {}) for page in changes]
        groups += [(again, rows)] if again else []
        reading = self._meter() - read_from
        return self._forecast(prepared, state, groups, began, reading, known, blocked, len(met), following)

    def of(self, pages: Sequence[Iterable[DueRow]], key: bytes | None = None) -> Forecast:
        """What would be done with these records, whatever the checkpoint says; each page is planned by itself. The
        cause of a row says why it is looked at: with DRIFT, KEY_LOST or TARGET_GONE the counterpart is looked at too
        (knowing.py), with DIFFERS only what the ledger does not know of it. `key`: make the digests with it.

        Raises as `next_cycle`.
        """
        known, began = self._metadata(), self._meter()
        prepared, state, before = self._stand()
        blocked = self._blocked(prepared, before, "create")
        read_from, groups = self._meter(), list[Group]()
        for page in pages:
            rows = {row.source_id: row for row in page}
            # No list vouches for a deletion here: each is looked at.
            listed_at = datetime.max.replace(tzinfo=UTC)
            again, _ = read_again(rows, prepared, self._reader, self._source.zoho, listed_at)
            groups.append((again, rows))
        reading, met = self._meter() - read_from, sum(len(seen) for seen, _ in groups)
        return self._forecast(prepared, state, groups, began, reading, known, blocked, met, 0, key)

    def standing(self) -> Standing:
        """What a plan would be made on now. Raises as `next_cycle`."""
        prepared, state, _ = self._stand()
        return self._standing(prepared, state)

    def undo(self, cycle: PastCycle, *, created: bool) -> Undoing:
        """What undoing a cycle would put back (undoing.py). Raises as `next_cycle`."""
        prepared, _, _ = self._stand()
        return look(cycle, prepared, self._target, self._ledger, created=created)

    def _standing(self, prepared: Prepared, state: StreamState) -> Standing:
        return Standing(
            stream=self._stream.address,
            settings=fingerprint((self._stream, self._route.carried())),
            rules=prepared.fields.version,
            metadata=mapped_metadata(prepared, self._source, self._target),
            source_zgid=prepared.source_zgid,
            target_zgid=prepared.target_zgid,
            ledger=self._ledger.ledger_id,
            position=state.position,
            cycle=self._ledger.last_cycle(self._stream),
        )

    def _stand(self) -> tuple[Prepared, StreamState, StreamState | None]:
        """The stream by the metadata of now, and where it stands when its next cycle has looked at its rules; and where
        it stands before that.
        """
        before = self._ledger.stream_state(self._stream)
        carried = NOTHING if before is None else before.carried
        prepared = prepare(self._stream, self._route, self._source, self._target, carried)
        if is_renamed(prepared, before):
            raise StreamRefusedError(
                f"{self._stream.address}: fields that it carries have other names by now, or are not there; "
                "the next cycle notes that in the ledger before it plans. Nothing was written; type `orgsync once`, "
                "then plan again"
            )
        state = before or _NEW
        if begins_anew(prepared, before):
            state = replace(state, position=START, caught_up_at=None, current_until=None)
        return prepared, state, before

    def _blocked(self, prepared: Prepared, state: StreamState | None, first_run: FirstRun) -> list[str]:
        stream = self._stream
        found = []
        if (blown := self._ledger.fuse_state(stream).blown) is not None:
            found.append(sentence(blown, stream.address))
        if (problem := first_run_problem(stream, state, self._target, first_run)) is not None:
            found.append(problem)
        if state is None or state.caught_up_at is None:
            parent = unfinished_parent(stream, self._route, self._source, prepared.fields, self._ledger)
            if parent is not None:
                found.append(f"it waits for the first pass of {parent}, whose records its own point to")
        return found

    # --- what is looked at -------------------------------------------------------------------------------------------

    def _changes(
        self, prepared: Prepared, state: StreamState, most: int
    ) -> tuple[list[tuple[Change, ...]], int | None]:
        """Pages of changes after the checkpoint, up to so many in all, and how many more there are."""
        source, stream = self._source.zoho, self._stream
        horizon = (source.clock_before_next_call() - stream.lag).replace(microsecond=0)
        sift, at = first_sift(prepared, state, horizon, self._ledger), state.position
        back_to = SourceClock(source, stream.lag, self._now).back_to(state)
        if back_to is not None and second_of(back_to) < at:
            sift, at = None, second_of(back_to)
        pages, left, start = list[tuple[Change, ...]](), most, at
        while True:
            page = self._reader.page(prepared.fields.columns, at, SMALL if left <= SMALL else LARGE, sift)
            pages.append(page.changes[:left])
            left, at = left - len(page.changes), page.end
            if left < 0 or (left == 0 and not page.last):
                where = coql.everything() if start == START else coql.at_or_after(_TIME, start.modified_time)
                return pages, self._more(coql.and_(where, sift.where) if sift is not None else where, most)
            if page.last:
                return pages, 0

    def _more(self, where: coql.Condition, read: int) -> int | None:
        try:
            return max(1, self._source.zoho.count(self._stream.source_module, where) - read)
        except (RequestRefused, CredentialRefused):
            return None

    def _rows(self, prepared: Prepared, state: StreamState) -> dict[str, DueRow]:
        """What the retry lane would take: what is due, what a start wakes, and what was deleted or restored."""
        stream, ledger, now = self._stream, self._ledger, self._now()
        woken = {FIELD_ABSENT, USER_UNKNOWN, *(LOOKED_FOR if prepared.fields.asking else ())}
        woken |= {TARGET_GONE} if stream.gone != "hold" else set()
        woken |= {DRIFT} if stream.drift != "report" else set()
        refused = state.target_schema != prepared.target_schema
        held = ledger.to_wake(stream, woken, RETRIES, refused=refused)
        rows = {row.source_id: row for row in ledger.queued(stream, held, now)}
        rows |= {row.source_id: row for row in ledger.due(stream, now, RETRIES)}
        return {**self._deleted(state), **rows}

    def _deleted(self, state: StreamState) -> dict[str, DueRow]:
        stream, source, now = self._stream, self._source.zoho, self._now()
        if stream.deletes == "ignore":
            return {}
        listed = read_deleted(source, stream.source_module, state.deleted_until)
        links = self._ledger.links(stream, listed.at)
        gone = concerning(listed.at, stream, links, self._ledger)
        _, back = look_for_restored(stream, source, self._ledger)
        rows = {i: due_row_of(i, DELETED_IN_SOURCE, at, now) for i, at in gone.items()}
        return {**rows, **{i: due_row_of(i, DIFFERS, now, now) for i in back}}

    def _forecast(
        self,
        prepared: Prepared,
        state: StreamState,
        groups: Sequence[Group],
        began: Cost,
        reading: Cost,
        known: Cost,
        blocked: list[str],
        read: int,
        following: int | None,
        key: bytes | None = None,
    ) -> Forecast:
        key = key or secrets.token_bytes(32)
        view = View(prepared=prepared, eyes=self._eyes, source=self._source, target=self._target, key=key)
        pages, items = foresee(groups, view)
        sent = sending((page.steps, page.alone) for page in pages)
        spent = self._meter() - began
        return Forecast(
            prepared=prepared,
            standing=self._standing(prepared, state),
            items=items,
            pages=pages,
            read=read,
            following=following,
            resting=len({*self._ledger.stuck(self._stream)} - {item.source_id for item in items}),
            blocked=[*blocked, *fuses_blown(pages, self._stream, self._ledger)],
            spent=spent,
            price=price_of(items, view, spent - reading + known, sent),  # who applies reads the metadata anew
            sent=sent,
            key=key,
        )

    def _metadata(self) -> Cost:
        """What the metadata has cost that is known before planning."""
        source, target = self._source.paid, self._target.paid
        return Cost(source=source, target=target, calls=source + target)

    def _meter(self) -> Cost:
        return Cost(source=self._source.zoho.credits_spent, target=self._target.zoho.credits_spent, calls=self._calls())


def due_row_of(source_id: str, cause: str, at: datetime, now: datetime) -> DueRow:
    """A row for `Planner.of`, of a record that is in no queue; `at` is when a deletion was noticed."""
    return DueRow(source_id=source_id, attempts=0, cause_code=cause, due_at=now, modified_time=at)
