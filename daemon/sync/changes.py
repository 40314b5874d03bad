"""Reads the changes of a module in (Modified_Time, id) order, from a position on (design 3).

Two ways to ask: COQL, which can express the order itself, and the list call, which sorts by time only. COQL is used
until an answer shows that it is not to be had here, or not to be believed; then the list call takes over for good.
A page is only believed when it is in strict order after the position asked for: what comes out of order would let the
checkpoint pass a change that was never seen.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import partial
from itertools import pairwise
from typing import Final

from loguru import logger

from daemon.core.record import Change, Position, WireRecord, is_record_id, parse_instant
from daemon.sync.beside import Beside
from daemon.zoho import coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer, CredentialRefused, RequestRefused

SMALL: Final = 200  # rows for one credit: what an idle poll asks for (facts 3.1)
LARGE: Final = 2000  # rows for three credits: the most that one answer holds
_COLUMNS: Final = 48  # of 50, beside id and Modified_Time
_WALKS: Final = 10
_CUT: Final = 500  # characters of a rich text in a list answer (facts 2.6)
_LAST_ID: Final = "9" * 19  # after every id of a second: the whole second is read


class _OutOfOrder(BadAnswer):
    """The rows are not in the order that the cursor needs."""


class FieldAbsent(BadAnswer):
    """A column that was asked for is not in the answer: the metadata may have changed."""

    def __init__(self, org: str, what: str) -> None:
        super().__init__(org, what, "Look whether the field was renamed or hidden from the API user")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Changes in order, one a record, complete up to `end`. `last`: nothing more was there at the time of reading."""

    changes: tuple[Change, ...]
    end: Position
    last: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sift:
    """Of what was last changed before `until` (whole seconds) only records that meet `where` are asked for."""

    where: coql.Condition
    until: datetime

    def of(self, condition: coql.Condition) -> coql.Condition:
        return coql.and_(condition, coql.before("Modified_Time", self.until), self.where)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """What was last changed from `since` on and before `until` (whole seconds) is not asked for."""

    since: datetime
    until: datetime

    def of(self, condition: coql.Condition) -> coql.Condition:
        return coql.and_(
            condition, coql.or_(coql.before("Modified_Time", self.since), coql.at_or_after("Modified_Time", self.until))
        )

    def over(self, after: Position) -> Position:
        """Where a walk that stands in it goes on."""
        until = Position(modified_time=self.until, record_id="0")
        return max(after, until) if after.modified_time >= self.since else after


Narrowed = Sift | Skip
"""What of the changes is asked for; not always heeded: a page may hold others too."""


class ChangeReader:
    """Pages of one module's changes. Remembers only which of the two ways it goes, and whether the source takes
    narrower questions.

    `whole`: COQL does not say all (of a lookup into several modules not the module, facts 3.4), so it only tells which
    records changed, and they are read by id.
    """

    def __init__(self, source: Zoho, module: str, *, whole: bool = False) -> None:
        self._source = source
        self._module = module
        self._whole = whole
        self._by_list = False
        self._refused = False
        self._narrows = True

    @property
    def sifts(self) -> bool:
        """Whether a sift is asked of the org; else pages hold all changes."""
        return self._narrows and not self._by_list

    def page(self, columns: Sequence[str], after: Position, limit: int, narrowed: Narrowed | None = None) -> Page:
        """The next changes after a position; with a sift those that pass it, where COQL can be had and takes it; with
        a skip what is left out does not count.

        Raises BadAnswer when an answer cannot be believed, and as the client.
        """
        if self._by_list:
            return self._by_walk(columns, narrowed.over(after) if isinstance(narrowed, Skip) else after)
        trouble: Exception | None = None
        if narrowed is not None and self._narrows and after.modified_time < narrowed.until:
            try:
                return self._narrowed(columns, after, limit, narrowed)
            except (BadAnswer, CredentialRefused, RequestRefused) as error:
                trouble = error
        try:
            page = self._by_query(columns, after, limit)
        except (_OutOfOrder, CredentialRefused, RequestRefused) as error:
            if isinstance(error, RequestRefused) and not self._refused:
                self._refused = True  # a field may have gone: the caller reads the metadata anew and asks once more
                raise
            page = self._by_walk(columns, after)  # raises in its turn when the org, not the query, is the trouble
            self._by_list = True
            logger.warning("{}; {} is read by Get Records from now on", error, self._module)
        else:
            if trouble is not None:  # so it is the narrower question that is not taken
                self._narrows = False
                logger.warning("{}; of {} all changes are asked for from now on", trouble, self._module)
        self._refused = False
        return page

    def pages(
        self, columns: Sequence[str], after: Position, first: int, then: int, narrowed: Narrowed | None,
        count: int,
        stopping: Callable[[], bool],
    ) -> Generator[Page]:  # fmt: skip
        """Up to `count` pages, of at most `first` rows and `then` of `then`; where calls may go side by side the next
        is read while one is worked on. Raises as `page`.
        """
        limit, beside = first, self._source.calls_at_once > 1
        reading = Beside(partial(self.page, columns, after, limit, narrowed), beside=False)
        try:
            for left in range(count - 1, -1, -1):
                page = reading.result()
                goes_on = left > 0 and not page.last
                if goes_on:
                    reading.end()
                    reading = Beside(partial(self.page, columns, page.end, then, narrowed), beside=beside)
                yield page
                if not goes_on or stopping():
                    return
        finally:
            reading.end()

    def by_ids(self, columns: Sequence[str], ids: Sequence[str]) -> list[Change]:
        """The records with these ids as they are now, in (Modified_Time, id) order; missing ones are absent."""
        rows = self._source.by_ids(self._module, [*columns, "Modified_Time"], ids) if ids else []
        if self._whole:
            rows = uncut(self._source, self._module, rows)
        return sorted((self._change(row, at, columns) for at, row in enumerate(rows)), key=lambda c: c.position)

    # --- COQL --------------------------------------------------------------------------------------------------------

    def _narrowed(self, columns: Sequence[str], after: Position, limit: int, narrowed: Narrowed) -> Page:
        """What passes a sift is read to its end; then all changes from `until` on are to be read."""
        page = self._by_query(columns, after, limit, narrowed)
        if isinstance(narrowed, Skip) or not page.last:
            return page
        return replace(page, end=Position(modified_time=narrowed.until, record_id="0"), last=False)

    def _by_query(self, columns: Sequence[str], after: Position, limit: int, narrowed: Narrowed | None = None) -> Page:
        if self._whole and columns:
            told = self._by_query((), after, limit, narrowed)
            now = {change.position: change for change in self.by_ids(columns, [c.record_id for c in told.changes])}
            return replace(told, changes=tuple(now[c.position] for c in told.changes if c.position in now))
        first, *others = [list(columns[i : i + _COLUMNS]) for i in range(0, len(columns), _COLUMNS)] or [[]]
        rows, more = self._query(first, after, limit, narrowed)
        changes = self._in_order(rows, after, first)
        full = more or len(rows) >= limit
        if full:
            changes = self._certain(changes, first, after, limit, narrowed)
        end = changes[-1].position if changes else after
        for batch in others:
            changes = self._widened(changes, batch, columns, after, narrowed)
        return Page(changes=_latest(changes), end=end, last=not full)

    def _certain(
        self, changes: list[Change], columns: Sequence[str], after: Position, limit: int, narrowed: Narrowed | None
    ) -> list[Change]:
        """A full page without what cannot be believed of it. Where Zoho heeds the first order column only (facts 3.6),
        the page may end anywhere within its last second and still be in order: that second is left to the next page.
        A page of one second is asked for anew by id alone.
        """
        second = changes[-1].position.modified_time
        earlier = [change for change in changes if change.position.modified_time < second]
        if earlier:
            return earlier
        start = after if after.modified_time == second else Position(modified_time=second, record_id="0")
        rest = coql.in_second_after(start)
        page = self._source.coql(
            self._module,
            ["Modified_Time", *columns],
            where=narrowed.of(rest) if narrowed else rest,
            order_by=("id",),
            limit=limit,
        )
        return self._in_order(page.rows, start, columns)

    def _query(
        self, columns: Sequence[str], after: Position, limit: int, narrowed: Narrowed | None
    ) -> tuple[Sequence[WireRecord], bool]:
        wanted, where = ["Modified_Time", *columns], coql.after(after)
        order = ("Modified_Time", "id")
        where = narrowed.of(where) if narrowed else where
        page = self._source.coql(self._module, wanted, where=where, order_by=order, limit=limit)
        return page.rows, page.more

    def _widened(
        self,
        changes: list[Change],
        batch: list[str],
        columns: Sequence[str],
        after: Position,
        narrowed: Narrowed | None,
    ) -> list[Change]:
        """The same records with further columns. One that was edited between the two queries is read again by id; if
        it moved on in the order it is left to the page where it stands now.
        """
        if not changes:
            return changes
        rows, _more = self._query(batch, after, len(changes), narrowed)
        wider = {change.position: change.values for change in self._in_order(rows, after, batch)}
        torn = [change.record_id for change in changes if change.position not in wider]
        again = {change.position: change.values for change in self.by_ids(columns, torn)}
        return [
            Change(position=change.position, values={**change.values, **values})
            for change in changes
            if (values := wider.get(change.position) or again.get(change.position)) is not None
        ]

    def _in_order(self, rows: Sequence[WireRecord], after: Position, columns: Sequence[str]) -> list[Change]:
        changes: list[Change] = []
        at = after
        for number, row in enumerate(rows):
            change = self._change(row, number, columns)
            if change.position <= at:
                raise _OutOfOrder(
                    self._source.org.name,
                    f"{self._module} {change.record_id} (row {number}) stands after a record that comes later, so the "
                    "answer is not in the order that was asked for; the checkpoint was not moved",
                )
            at = change.position
            changes.append(change)
        return changes

    # --- Get Records -------------------------------------------------------------------------------------------------

    def _by_walk(self, columns: Sequence[str], after: Position) -> Page:
        """One page from a time on. Its last second may go on in the next page, so it is left to that one, which starts
        there anew; only a second that fills a whole page is walked to its end by page tokens.
        """
        found, token = self._list(columns, after)
        moments = [change.position.modified_time for change in found]
        if any(later < earlier for earlier, later in pairwise(moments)):
            raise _OutOfOrder(self._source.org.name, f"{self._module} is not sorted by Modified_Time, as was asked for")
        if token is None:
            complete = found
        elif moments[0] < moments[-1]:
            complete = [change for change in found if change.position.modified_time < moments[-1]]
        else:
            complete = self._whole_second(columns, after, moments[0])
        fresh = sorted((c for c in complete if c.position > after), key=lambda change: change.position)
        end = max([after, *(change.position for change in fresh)])
        if token is not None:
            end = Position(modified_time=complete[-1].position.modified_time, record_id=_LAST_ID)
        if len(columns) > _COLUMNS:
            whole = {change.position: change for change in self.by_ids(columns, [c.record_id for c in fresh])}
            fresh = [whole[change.position] for change in fresh if change.position in whole]
        return Page(changes=_latest(fresh), end=end, last=token is None)

    def _whole_second(self, columns: Sequence[str], after: Position, second: datetime) -> list[Change]:
        """All records of a crowded second, read until a walk shows nothing that was not seen before. Pages move while
        records are edited, so that a walk misses what slides over the edge of a page; the next one finds it further in.
        """
        seen: dict[Position, Change] = {}
        for _ in range(_WALKS):
            found: dict[Position, Change] = {}
            changes, token = self._list(columns, after)
            found |= {c.position: c for c in changes if c.position.modified_time == second}
            while token is not None and changes[-1].position.modified_time == second:
                changes, token = self._list(columns, after, token)
                found |= {c.position: c for c in changes if c.position.modified_time == second}
            if found and found.keys() <= seen.keys():
                return list(seen.values())
            seen |= found
        what = f"{self._module}: the records of {second} changed during each of {_WALKS} walks; the checkpoint stands"
        advice = "It is read again at the next poll; COQL reads such a crowd better (`orgsync check` names the scope)"
        raise BadAnswer(self._source.org.name, what, advice)

    def _list(
        self, columns: Sequence[str], after: Position, token: str | None = None
    ) -> tuple[list[Change], str | None]:
        whole_second_done = after.record_id == _LAST_ID
        page = self._source.get_records(
            self._module,
            ["Modified_Time", *columns[:_COLUMNS]],
            page_token=token,
            sort_by="Modified_Time",
            sort_order="asc",
            modified_since=after.modified_time + timedelta(seconds=1) if whole_second_done else after.modified_time,
            converted="both" if self._module == "Leads" else None,
        )
        changes = [self._change(row, number, columns[:_COLUMNS]) for number, row in enumerate(page.rows)]
        return changes, page.token if page.more and changes else None

    def _change(self, row: WireRecord, number: int, columns: Sequence[str]) -> Change:
        """One row as a change. Raises BadAnswer when its id or Modified_Time is not one, or when a column is missing:
        a blank field is null, and one that is absent (renamed, or hidden from the API user) must not be taken for it.
        """
        org, record_id = self._source.org.name, row.get("id")
        if not is_record_id(record_id):
            what = f"row {number} has id {str(record_id)[:40]!r}, which is not a record id"
            raise BadAnswer(org, f"{self._module}: {what}")
        try:
            moment = parse_instant(row.get("Modified_Time"))
        except ValueError as error:
            raise BadAnswer(org, f"{self._module} {record_id}: Modified_Time cannot be read: {error}") from None
        absent = [name for name in columns if name not in row]
        if absent:
            what = f"{self._module} {record_id} came without {', '.join(absent[:5])}; nothing was blanked in the target"
            raise FieldAbsent(org, what)
        return Change(position=Position(modified_time=moment, record_id=str(record_id)), values=row)


def uncut(org: Zoho, module: str, rows: Sequence[WireRecord]) -> list[WireRecord]:
    """The rows of a list answer, those read once more alone that hold a text of the length to which rich text is cut
    there (facts 2.6).
    """
    cut = [i for i, row in enumerate(rows) if any(isinstance(v, str) and len(v) == _CUT for v in row.values())]
    alone = {i: whole for i in cut if (whole := org.get_one(module, str(rows[i]["id"]))) is not None}
    return [alone.get(i, row) for i, row in enumerate(rows)]


def _latest(changes: Sequence[Change]) -> tuple[Change, ...]:
    """One change a record, the latest: a record that was edited while it was read may come twice."""
    last = {change.record_id: place for place, change in enumerate(changes)}
    return tuple(change for place, change in enumerate(changes) if last[change.record_id] == place)
