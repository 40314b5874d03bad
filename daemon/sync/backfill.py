"""The first load of a stream that is too large for queries: bulk read, by price (core/backfill.py).

How nothing is lost. The horizon is fixed first, then a job is made that puts all records into a file. So whatever the
file shows too old was changed after the horizon; and when the last row has its outcome, the checkpoint is put there,
and polls read on from it. The rows travel the ordinary road in pages (convoy.py), so that outcomes, intents, parents
and fuses are the same. The place in the file is stored after each page: a page that travels twice is known, and is read
by its ids as it is now, like everything else of the file that the ledger knows already: a retry may have been there
with a later version. Deletions are not looked for before it is decided that no file is read, or the file is at its end,
for it may hold what is deleted by then.

What is known before the first page is no reason against files, only one of price: a process that died within the first
page leaves links, open intents and queued records, and the checkpoint at the start. All of it was read before the job
is made, so that the file is no older; a link or a queued record is read anew by its id in any case; and of an open
intent the target is asked by the key before anything is sent, from wherever the record's values come.

How it is not trusted too far. How a CSV spells values is confirmed nowhere (facts 7.1), so the hundred fullest rows of
each file's first page are compared with a list answer. And a file that holds fewer of the records that were there
before the horizon than COQL counted is not whole (facts 7.1: some rows have been seen missing), nor is it certain where
pages of several jobs, over moving data, do not follow each other by id. In all these cases, as when a job fails, is
gone or does not end, the files are given up with a warning, and the stream is read by queries from where its checkpoint
stands: what was carried is known and costs no write.

A crash between the making of a job and the storing of its id leaves a job that nobody looks at (50 credits). As after
everything else by which the choice of the way did not come to its end (a page that did not get through, an org that was
away), it is made once more behind the next page.
"""

from __future__ import annotations

import tempfile
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import chain, islice
from typing import Final

from loguru import logger

from daemon.core import backfill as price
from daemon.core.cells import same, unfit, value_of
from daemon.core.fuse import Meter
from daemon.core.record import START, Change, Position, is_record_id, parse_instant
from daemon.core.rules import Stream
from daemon.core.schema import Schema
from daemon.ledger import Backfill, Ledger, StreamState
from daemon.sync.bulkwrite import BulkWriter
from daemon.sync.catalog import Catalog
from daemon.sync.changes import ChangeReader, Page
from daemon.sync.convoy import Convoy
from daemon.sync.hands import Hands
from daemon.sync.means import Means
from daemon.sync.prepare import Prepared
from daemon.sync.road import Travelled
from daemon.zoho import bulk, coql
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable, RequestRefused

_QUERIES: Final = "it is read by queries"
_ANEW: Final = "all is read anew, from files where that is cheaper"
ROWS: Final = 2_000  # of a page
_SAMPLE: Final = 100  # records that a list call gives by id for one credit
_LOOKS: Final = tuple(timedelta(seconds=s) for s in (2, 4, 8, 15, 30, 60))  # after the last look at a job that runs
_LONGEST: Final = timedelta(hours=6)
_TRIES: Final = 5
_TIMES: Final = ("Modified_Time", "Created_Time")


class _GivenUp(Exception):  # noqa: N818 - read in a sentence
    """The files cannot be gone by, for this reason."""


@dataclass(slots=True, kw_only=True)
class _File:
    """The file of a job, open at a row. `older`: rows so far that were created before the horizon."""

    job_id: str
    next_token: str | None
    rows: Iterator[Change]
    last_id: str
    in_order: bool = True
    older: int = 0
    page: list[Change] = field(default_factory=list)


class Loader:
    """Reads the first load of one stream, page after page. Holds the file, and where in it the pages are."""

    def __init__(
        self,
        stream: Stream,
        source: Catalog,
        ledger: Ledger,
        reader: ChangeReader,
        means: Means,
        now: Callable[[], datetime],
        target: Catalog,
    ) -> None:
        self._stream = stream
        self._source = source
        self._writer = BulkWriter(stream, target, ledger, means, now)
        self._ledger = ledger
        self._reader = reader
        self._means = means
        self._now = now
        self._tries = _TRIES  # at choosing the way
        self._short = False  # of credits
        self._file: _File | None = None
        self._aloft: deque[list[Change]] = deque()  # the rows of each page that is on its way
        self._looks = 0
        self._look_at: datetime | None = None

    # --- whether -----------------------------------------------------------------------------------------------------

    def may_begin(self, state: StreamState, prepared: Prepared) -> bool:
        """Whether all records are read, and the way is still to be chosen."""
        if state.caught_up_at is not None or self._stream.notes_of or not self._tries:
            return False
        load = self._ledger.backfill(self._stream)
        if load is None or state.started_at is None or load.started_at < state.started_at:
            return True
        return state.position == START and load.rules_version != prepared.fields.version

    def begin(self, prepared: Prepared) -> None:
        """Counts what is to be read, and chooses the cheaper way. Costs up to two credits, and 50 where a job is made.
        No trouble of it stops the stream: where an org is away the way is chosen behind the next page, a few times;
        else it is read by queries.
        """
        try:
            self._begin(prepared)
        except OrgUnavailable as error:
            self._tries -= 1
            then = "the way is chosen behind the next page" if self._tries else _QUERIES
            logger.warning("{}: {}; {}", self._stream.address, error, then)

    def _begin(self, prepared: Prepared) -> None:
        source, stream, criteria = self._source.zoho, self._stream, prepared.fields.at_source
        horizon = (source.clock_before_next_call() - stream.lag).replace(microsecond=0)
        try:
            matching = source.count(stream.source_module, None if criteria is None else coql.matching(criteria))
        except (BadAnswer, CredentialRefused, RequestRefused) as error:
            logger.warning("{}: how much is to be read is not known: {}; {}", stream.address, error, _QUERIES)
            self._tries = 0
            return
        saved, how = self._writer.saves(prepared, matching)
        job_id, total, why = None, matching, self._unfit(prepared, matching, saved)
        if why is None:
            job_id, total, why = self._by_price(prepared, matching, horizon, saved)
            why += how
        now, is_bulk = self._now(), job_id is not None
        before = self._ledger.backfill(stream)  # a bulk write of the rules before may be at work yet
        begun = Backfill(
            way="bulk" if is_bulk else "query",
            why=why,
            rules_version=prepared.fields.version,
            total=max(total, matching),
            counted=total if is_bulk else 0,
            horizon=horizon,
            started_at=now,
            job_id=job_id,
            job_at=now if is_bulk else None,
            writes="bulk" if is_bulk and saved else "rest",
            write_job_id=None if before is None else before.write_job_id,
            write_sent_at=None if before is None else before.write_sent_at,
            write_until=None if before is None else before.write_until,
        )
        self._ledger.begin_backfill(stream, begun)
        way = "bulk read" if is_bulk else "queries"
        logger.info("{}: first pass over {} records, by {}: {}", stream.address, begun.total, way, why)

    def _by_price(
        self, prepared: Prepared, matching: int, horizon: datetime, saved: int
    ) -> tuple[str | None, int, str]:
        """A job where files are cheaper, the records to read, and why."""
        source, stream, columns = self._source.zoho, self._stream, len(prepared.fields.columns)
        try:
            there = source.count(stream.source_module, coql.before("Created_Time", horizon))
            known = self._ledger.count_links(stream)
            pages, files = price.by_query(matching, columns), price.by_bulk(there, columns, known)
            why = f"by queries it costs {pages} credits, by bulk read {files}"
            if pages + saved <= files:
                return None, matching, why
            if not self._means.spares(price.JOB_PRICE):  # it would be at the cost of what is new elsewhere
                return None, matching, f"{why}, and a job at once is more than the credits let a first pass spend"
            job_id = source.start_bulk_read(stream.source_module, self._columns(prepared))
        except (BadAnswer, CredentialRefused, RequestRefused) as error:
            logger.warning("{}: {}; {}", stream.address, error, _QUERIES)
            return None, matching, str(error)
        return job_id, there, why

    def _unfit(self, prepared: Prepared, matching: int, saved: int) -> str | None:
        """Why files are out of the question."""
        columns = len(prepared.fields.columns)
        if self._stream.bulk == "never":
            return 'bulk = "never"'
        if price.by_query(matching, columns) + saved <= price.by_bulk(0, columns):
            return f"by queries it costs {price.by_query(matching, columns)} credits"
        return unfit(self._stream, prepared.fields, self._schema())

    # --- the files ---------------------------------------------------------------------------------------------------

    def goes_on(self, state: StreamState, prepared: Prepared) -> bool:
        """Whether the stream is being read from files, by the rules as they are."""
        if state.caught_up_at is not None:
            return False
        load = self._ledger.backfill(self._stream)
        if load is None or load.job_id is None or load.ended_at is not None:
            return False
        if load.rules_version != prepared.fields.version:
            why = "the rules were changed, and its file may lack a column"
            self._end(load, why, None, _ANEW if state.position == START else _QUERIES)
            return False
        return True

    def wait(self) -> timedelta:
        """How long it is of no use to ask for a page; zero when there is one, or nothing is to be waited for."""
        mine = timedelta() if self._look_at is None else max(self._look_at - self._now(), timedelta())
        return max(mine, self._writer.wait())

    def more(self) -> bool:
        """Whether to go on at once."""
        return not self.wait() and not self._short

    def travel(
        self, prepared: Prepared, hands: Hands, meter: Meter, most: int, over: Callable[[], bool]
    ) -> Generator[Travelled]:
        """Takes at most so many pages to their outcomes, in one cycle, and begins none when it is `over` (what a bulk
        write takes is one); ends after one that did not get through. A first pass gives way to what is new, so no page
        is begun, and no job made, when credits are short.

        Raises what the client raises where the same question may be answered later.
        """
        self._short, through = False, True
        load = self._ledger.backfill(self._stream)
        by_jobs = load is not None and (load.writes == "bulk" or load.write_sent_at is not None)
        pages = self._pages(prepared, *((price.WRITE_ROWS // ROWS, bool) if by_jobs else (most, over)))
        arrived = (
            self._writer.travel(pages, prepared, hands, meter)
            if by_jobs
            else Convoy(prepared, hands, meter).travel(pages, lambda page: page.changes)
        )
        with closing(pages), closing(arrived):
            try:
                for _, travelled in arrived:
                    yield travelled
                    through = through and not (travelled.unsent or travelled.trouble or travelled.blown)
                    if through:
                        self._passed()
            finally:
                if not self._writer.pages:
                    self._put_back()

    def _pages(self, prepared: Prepared, most: int, over: Callable[[], bool]) -> Generator[Page]:
        for _ in range(most):
            if not self._means.go_on(new=False):
                self._short = True
                return
            if over():
                return
            page = self._page(prepared)
            if page is None:
                return
            yield page

    def _rows(self) -> int:
        """Of the file, that are on their way."""
        return sum(map(len, self._aloft))

    def _page(self, prepared: Prepared) -> Page | None:
        """The next rows that have no outcome yet; None while the job runs, where the next one has to wait for credits,
        before the end is gone about while pages are on their way, or when no file is left to be read.
        """
        load = self._ledger.backfill(self._stream)
        if load is None or load.job_id is None or load.ended_at is not None:
            return None
        try:
            file = self._opened(load, prepared)
            if file is None:
                return None
            if not file.page and not self._fill(file):
                at_the_end = not self._aloft and self._at_the_end(load, file, prepared)
                return self._page(prepared) if at_the_end else None
            held = self._rows() if self._writer.pages else 0
            most, one_by_one = held + min(ROWS, len(file.page)), bool(prepared.fields.one_by_one)
            taken = self._means.records(most, new=False, one_by_one=one_by_one) - held
            if taken <= 0:
                return None
            rows, file.page = file.page[:taken], file.page[taken:]
            self._aloft.append(rows)
            return Page(changes=tuple(self._as_they_are(rows, prepared)), end=START, last=False)
        except (BadAnswer, CredentialRefused, RequestRefused, _GivenUp) as error:
            if isinstance(error, CredentialRefused) and error.scope is None:
                raise  # a token that is refused reads by no way
            self._end(load, str(error), None)
            return None

    def _passed(self) -> None:
        """Every row of the first page that was on its way has its outcome."""
        rows, load = self._aloft.popleft(), self._ledger.backfill(self._stream)
        if self._file is not None and load is not None:
            self._ledger.note_backfill(self._stream, done=load.done + len(rows))

    def _put_back(self) -> None:
        """What did not get through is the next to travel."""
        if self._file is not None:
            self._file.page = [*chain.from_iterable(self._aloft), *self._file.page]
        self._aloft.clear()

    def _opened(self, load: Backfill, prepared: Prepared) -> _File | None:
        """The file, at the row where it was left; None while its job runs."""
        if self._file is not None and self._file.job_id == load.job_id:
            return self._file
        if load.job_id is None or self.wait():
            return None
        job = self._source.zoho.bulk_read(load.job_id)
        if job.state == "failed":
            raise _GivenUp(f"the bulk read job {load.job_id} failed")
        if job.state == "running":
            if load.job_at is not None and self._now() - load.job_at > _LONGEST:
                raise _GivenUp(f"the bulk read job {load.job_id} does not come to its end")
            self._look_at = self._now() + _LOOKS[min(self._looks, len(_LOOKS) - 1)]
            self._looks += 1
            return None
        if job.next_token is not None and not job.rows:
            raise _GivenUp(f"the bulk read job {load.job_id} has no rows, and more would follow")
        self._look_at, self._looks = None, 0
        zipped = tempfile.TemporaryFile()  # noqa: SIM115 - it is closed with the last reference, and has no name
        self._source.zoho.fetch_bulk_read(load.job_id, zipped)
        cells = bulk.rows(self._stream.source, zipped, self._columns(prepared), job.rows)
        self._file = file = _File(
            job_id=load.job_id, next_token=job.next_token, rows=iter(()), last_id=load.last_id, older=load.older
        )
        file.rows = self._changes(cells, file, load.horizon, prepared)
        for _ in islice(file.rows, load.done):
            pass
        if not load.done and self._fill(file):
            self._compare(file.page, prepared)
        return file

    def _changes(
        self, cells: Iterator[Sequence[str]], file: _File, horizon: datetime, prepared: Prepared
    ) -> Iterator[Change]:
        """The rows as changes; notes on the way what `_at_the_end` asks. Raises _GivenUp for a cell that says nothing
        certain.
        """
        columns, schema = self._columns(prepared), self._schema()
        fields = [schema.fields[name] for name in columns]
        for record_id, *texts in cells:
            try:
                values = {f.api_name: value_of(f, text) for f, text in zip(fields, texts, strict=True)}
                modified, created = (parse_instant(values[name]) for name in _TIMES)
            except ValueError as error:
                raise _GivenUp(f"a row of its file cannot be told: record {record_id[:20]}: {error}") from None
            if not is_record_id(record_id):
                raise _GivenUp(f"a row of its file has no record id: {record_id[:20]!r}")
            file.in_order = file.in_order and int(record_id) > int(file.last_id)
            file.last_id = record_id
            file.older += created < horizon
            kept = {name: values[name] for name in ("Modified_Time", *prepared.fields.columns)}
            yield Change(
                position=Position(modified_time=modified, record_id=record_id), values={"id": record_id, **kept}
            )

    def _fill(self, file: _File) -> bool:
        """Reads a page into the file's; False at its end."""
        file.page = list(islice(file.rows, ROWS))
        return bool(file.page)

    def _compare(self, page: Sequence[Change], prepared: Prepared) -> None:
        """The fullest rows against a list answer, as far as those records have not changed since."""
        fullest = sorted(page, key=lambda change: sum(v is None for v in change.values.values()))[:_SAMPLE]
        fields = [self._schema().fields[name] for name in prepared.fields.columns]
        now = {c.position: c for c in self._reader.by_ids(prepared.fields.columns, [c.record_id for c in fullest])}
        both = [(change, now[change.position]) for change in fullest if change.position in now]
        if not both:
            raise _GivenUp("all records that its file could be compared by have changed meanwhile")
        for change, listed in both:
            for one in fields:
                if not same(one, change.values[one.api_name], listed.values[one.api_name]):
                    what = f"{one.api_name} of {change.record_id} is not what a list answer says"
                    raise _GivenUp(f"its file spells values otherwise than was thought: {what}")

    def _as_they_are(self, page: Sequence[Change], prepared: Prepared) -> list[Change]:
        """The rows, those of which the ledger knows something read anew: they may have been carried since."""
        ids = [change.record_id for change in page]
        known = self._ledger.links(self._stream, ids).keys() | self._ledger.waiting(self._stream, ids).keys()
        anew = self._reader.by_ids(prepared.fields.columns, sorted(known))
        return [*(change for change in page if change.record_id not in known), *anew]

    def _at_the_end(self, load: Backfill, file: _File, prepared: Prepared) -> bool:
        """The next job's file, or the end of the load. False: there are no credits to spare for a job now."""
        several = file.next_token is not None or load.last_id != "0"
        if several and not file.in_order:
            raise _GivenUp("its files are not in the order of ids, so that a record may be in none of them")
        if file.next_token is not None:
            if not self._means.spares(price.JOB_PRICE):
                self._short = True
                return False
            job_id = self._source.zoho.start_bulk_read(
                self._stream.source_module, self._columns(prepared), file.next_token
            )
            self._ledger.note_backfill(
                self._stream, job_id=job_id, job_at=self._now(), done=0, older=file.older, last_id=file.last_id
            )
            self._file = None
            return True
        if file.older < load.counted:
            raise _GivenUp(f"its files hold {file.older} of the {load.counted} records that were there before")
        self._end(load, load.why, Position(modified_time=load.horizon, record_id="0"))
        return True

    def _end(self, load: Backfill, why: str, position: Position | None, then: str = _QUERIES) -> None:
        self._writer.forget()
        self._file, self._look_at, self._looks = None, None, 0
        if position is None:
            logger.warning("{}: {}; {}", self._stream.address, why, then)
            why = f"{load.why}; {why}"
        self._ledger.end_backfill(self._stream, self._now(), why, position)

    def _schema(self) -> Schema:
        return self._source.schema(self._stream.source_module)

    @staticmethod
    def _columns(prepared: Prepared) -> list[str]:
        return list(dict.fromkeys((*_TIMES, *prepared.fields.columns)))
