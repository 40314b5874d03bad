"""The first load of a stream that is too large for queries: from the files of bulk read, by price (loadway.py).

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

How it is not trusted too far. A file that holds fewer of the records that were there before the horizon than COQL
counted is not whole (facts 7.1: some rows have been seen missing), nor is it certain where pages of several jobs, over
moving data, do not follow each other by id. In these cases, as when a file is in doubt (bulkread.py), or a job fails,
is gone or does not end, the files are given up with a warning, and the stream is read by queries from where its
checkpoint stands: what was carried is known and costs no write.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import chain

from loguru import logger

from daemon.core import backfill as price
from daemon.core.fuse import Meter
from daemon.core.record import START, Change, Position
from daemon.core.rules import Stream
from daemon.ledger import Backfill, Ledger, StreamState
from daemon.sync import bulkread
from daemon.sync.bulkread import Files, GivenUp, RowFile, columns_to_read
from daemon.sync.bulkwrite import BulkWriter
from daemon.sync.catalog import Catalog
from daemon.sync.changes import ChangeReader, Page
from daemon.sync.convoy import Convoy
from daemon.sync.hands import Hands
from daemon.sync.loadway import BY_QUERIES
from daemon.sync.means import Means
from daemon.sync.prepare import Prepared
from daemon.sync.road import Travelled
from daemon.zoho.errors import BadAnswer, CredentialRefused, RequestRefused


@dataclass(frozen=True, slots=True)
class _Aloft:
    """The rows of a page that is on its way: how many, and themselves, where they are to travel again if they must."""

    count: int
    rows: Sequence[Change]


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
        self._files = Files(stream, source, reader, now)
        self._means = means
        self._now = now
        self._short = False  # of credits
        self._file: RowFile | None = None
        self._aloft: deque[_Aloft] = deque()

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
            self._end(load, why, None, "the way is chosen anew")
            return False
        return True

    def wait(self) -> timedelta:
        """How long it is of no use to ask for a page; zero when there is one, or nothing is to be waited for."""
        return max(self._files.wait(), self._writer.wait())

    def more(self) -> bool:
        """Whether to go on at once."""
        return not (self.wait() or self._short or self._writer.short)

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
        pages = self._pages(prepared, most, over, by_jobs=by_jobs)
        arrived = (
            self._writer.travel(pages, prepared, hands, meter) if by_jobs else _by_calls(pages, prepared, hands, meter)
        )
        with closing(pages), closing(arrived):
            try:
                for travelled in arrived:
                    yield travelled
                    through = through and not (travelled.unsent or travelled.trouble or travelled.blown)
                    if through:
                        self._passed()
            finally:
                if not self._writer.pages:
                    self._put_back()

    def _pages(self, prepared: Prepared, most: int, over: Callable[[], bool], *, by_jobs: bool) -> Generator[Page]:
        for _ in range(price.WRITE_ROWS // bulkread.ROWS if by_jobs else most):
            if not self._means.go_on(new=False):
                self._short = True
                return
            if not by_jobs and over():
                return
            page = self._page(prepared, by_jobs=by_jobs)
            if page is None:
                return
            yield page

    def _page(self, prepared: Prepared, *, by_jobs: bool) -> Page | None:
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
            if not file.page and not file.fill():
                at_the_end = not self._aloft and self._at_the_end(load, file, prepared)
                return self._page(prepared, by_jobs=by_jobs) if at_the_end else None
            taken = self._affordable(load, len(file.page), prepared, by_jobs=by_jobs)
            if taken <= 0:
                return None
            rows, file.page = file.page[:taken], file.page[taken:]
            self._aloft.append(_Aloft(len(rows), () if by_jobs else rows))
            return Page(changes=tuple(self._as_they_are(rows, prepared)), end=START, last=False)
        except (BadAnswer, CredentialRefused, RequestRefused, GivenUp) as error:
            if isinstance(error, CredentialRefused) and error.scope is None:
                raise  # a token that is refused reads by no way
            self._end(load, str(error), None)
            return None

    def _opened(self, load: Backfill, prepared: Prepared) -> RowFile | None:
        if self._file is None or self._file.job_id != load.job_id:
            self._file = self._files.opened(load, prepared)
        return self._file

    def _affordable(self, load: Backfill, most: int, prepared: Prepared, *, by_jobs: bool) -> int:
        """How many of the next rows may be taken by the credits: all where a job carries them, for all of its price."""
        if by_jobs and self._writer.may_make(load, prepared):
            return most
        held = sum(page.count for page in self._aloft) if by_jobs else 0
        one_by_one = bool(prepared.fields.one_by_one)
        return self._means.records(held + most, new=False, one_by_one=one_by_one) - held

    def _passed(self) -> None:
        """Every row of the first page that was on its way has its outcome."""
        page, load = self._aloft.popleft(), self._ledger.backfill(self._stream)
        if self._file is not None and load is not None:
            self._ledger.note_backfill(self._stream, done=load.done + page.count)

    def _put_back(self) -> None:
        """What did not get through is the next to travel. Where it was not kept (a job has a dozen pages) the file is
        read anew from the place that is stored.
        """
        if any(page.count > len(page.rows) for page in self._aloft):
            self._file = None
        if self._file is not None:
            self._file.page = [*chain.from_iterable(page.rows for page in self._aloft), *self._file.page]
        self._aloft.clear()

    def _as_they_are(self, page: Sequence[Change], prepared: Prepared) -> list[Change]:
        """The rows, those of which the ledger knows something read anew: they may have been carried since."""
        ids = [change.record_id for change in page]
        known = self._ledger.links(self._stream, ids).keys() | self._ledger.waiting(self._stream, ids).keys()
        anew = self._reader.by_ids(prepared.fields.columns, sorted(known))
        return [*(change for change in page if change.record_id not in known), *anew]

    def _at_the_end(self, load: Backfill, file: RowFile, prepared: Prepared) -> bool:
        """The next job's file, or the end of the load. False: there are no credits to spare for a job now."""
        several = file.next_token is not None or load.last_id != "0"
        if several and not file.in_order:
            raise GivenUp("its files are not in the order of ids, so that a record may be in none of them")
        if file.next_token is not None:
            if not self._means.spares(price.JOB_PRICE):
                self._short = True
                return False
            job_id = self._source.zoho.start_bulk_read(
                self._stream.source_module, columns_to_read(prepared), file.next_token
            )
            self._ledger.note_backfill(
                self._stream, job_id=job_id, job_at=self._now(), done=0, older=file.older, last_id=file.last_id
            )
            self._file = None
            return True
        if file.older < load.counted:
            raise GivenUp(f"its files hold {file.older} of the {load.counted} records that were there before")
        self._end(load, load.why, Position(modified_time=load.horizon, record_id="0"))
        return True

    def _end(self, load: Backfill, why: str, position: Position | None, then: str = BY_QUERIES) -> None:
        self._writer.forget()
        self._files.forget()
        self._file = None
        if position is None:
            logger.warning("{}: {}; {}", self._stream.address, why, then)
            why = f"{load.why}; {why}"
        self._ledger.end_backfill(self._stream, self._now(), why, position)


def _by_calls(pages: Iterator[Page], prepared: Prepared, hands: Hands, meter: Meter) -> Generator[Travelled]:
    """Takes pages to their outcomes by calls."""
    with closing(Convoy(prepared, hands, meter).travel(pages, lambda page: page.changes)) as arrived:
        for _, travelled in arrived:
            yield travelled
