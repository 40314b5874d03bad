"""Which way a first load goes: by queries or from the files of bulk read, written by inserts or by bulk write. The
cheaper one by Zoho's price list (core/backfill.py), chosen once, behind the first page.

A crash between the making of a job and the storing of its id leaves a job that nobody looks at (50 credits). As after
everything else by which the choice did not come to its end (a page that did not get through, an org that was away or
gave no answer), it is made once more behind the next page.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core import backfill as price
from daemon.core.bulkwrite import unfit_to_write
from daemon.core.cells import unfit
from daemon.core.rules import Stream
from daemon.ledger import Backfill, Ledger, StreamState
from daemon.sync.bulkread import columns_to_read
from daemon.sync.catalog import Catalog
from daemon.sync.means import Means
from daemon.sync.pauses import Pauses
from daemon.sync.prepare import Prepared
from daemon.zoho import coql
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable, RequestRefused, ZohoError

BY_QUERIES: Final = "it is read by queries"
_PAUSE_S: Final = 10  # before an org is asked once more
_PAUSES: Final = (1, 3, 6, 12)  # times as long each
_UNDECIDED: Final = ""  # no version of any rules
_SAME: Final = timedelta(minutes=15)  # all pauses, and what lies between them


class LoadWay:
    """Chooses for one stream. Remembers how often an org did not answer when it was asked."""

    def __init__(
        self,
        stream: Stream,
        source: Catalog,
        target: Catalog,
        ledger: Ledger,
        means: Means,
        now: Callable[[], datetime],
    ) -> None:
        self._stream = stream
        self._source = source
        self._target = target
        self._ledger = ledger
        self._means = means
        self._now = now
        self._pauses = Pauses([timedelta(seconds=_PAUSE_S * times) for times in _PAUSES], now)
        self._given_up = False

    def may_choose(self, state: StreamState, prepared: Prepared) -> bool:
        """Whether all records are read, and the way is still to be chosen."""
        if state.caught_up_at is not None or self._stream.notes_of or self._given_up:
            return False
        load = self._ledger.backfill(self._stream)
        return load is None or load.rules_version != prepared.fields.version

    def wait(self) -> timedelta:
        """How long it is of no use to choose. What is read by then would be written by the dearer way."""
        return self._pauses.left()

    def choose(self, prepared: Prepared) -> None:
        """Counts what is to be read, and chooses the cheaper way. Costs up to two credits, and 50 where a job is made.
        No trouble of it stops the stream: where an org does not answer it is asked again after a pause, a few times;
        else the stream is read by queries.
        """
        matching = None
        try:
            matching = self._matching(prepared)
            if matching is not None:
                self._choose(prepared, matching)
        except (BadAnswer, OrgUnavailable) as error:
            self._put_off(prepared, matching, error)

    def _matching(self, prepared: Prepared) -> int | None:
        criteria = prepared.fields.at_source
        try:
            return self._source.zoho.count(
                self._stream.source_module, None if criteria is None else coql.matching(criteria)
            )
        except (CredentialRefused, RequestRefused) as error:
            what = "{}: how much is to be read is not known: {}; {}"
            logger.warning(what, self._stream.address, error, BY_QUERIES)
            self._given_up = True
            return None

    def _choose(self, prepared: Prepared, matching: int) -> None:
        horizon = self._horizon()
        saved, how = self._saves(prepared, matching)
        job_id, total, why = None, matching, self._unfit(prepared, matching, saved)
        if why is None:
            job_id, total, why = self._by_price(prepared, matching, horizon, saved)
        is_bulk = job_id is not None
        begun = self._begin(
            Backfill(
                way="bulk" if is_bulk else "query",
                why=why + how,
                rules_version=prepared.fields.version,
                total=max(total, matching),
                counted=total if is_bulk else 0,
                horizon=horizon,
                started_at=self._now(),
                job_id=job_id,
                job_at=self._now() if is_bulk else None,
                writes="bulk" if is_bulk and saved else "rest",
            )
        )
        way = "bulk read" if is_bulk else "queries"
        logger.info("{}: first pass over {} records, by {}: {}", self._stream.address, begun.total, way, begun.why)

    def _put_off(self, prepared: Prepared, matching: int | None, error: ZohoError) -> None:
        """Not for ever: then it is read by queries."""
        self._given_up = self._pauses.taken == len(_PAUSES)
        then = BY_QUERIES if self._given_up else f"it is asked again in {self._pauses.take().total_seconds():.0f} s"
        logger.warning("{}: how it is read at first is not chosen: {}; {}", self._stream.address, error, then)
        if matching is not None:
            self._begin(
                Backfill(
                    way="query",
                    why=f"{error}; {then}",
                    rules_version=prepared.fields.version if self._given_up else _UNDECIDED,
                    total=matching,
                    counted=0,
                    horizon=self._horizon(),
                    started_at=self._now(),
                )
            )

    def _horizon(self) -> datetime:
        return (self._source.zoho.clock_before_next_call() - self._stream.lag).replace(microsecond=0)

    def _begin(self, load: Backfill) -> Backfill:
        """A bulk write of the rules before may be at work yet; and one load begins once."""
        before = self._ledger.backfill(self._stream)
        if before is not None:
            load = replace(
                load,
                started_at=before.started_at if self._goes_on(before, load) else load.started_at,
                write_job_id=before.write_job_id,
                write_sent_at=before.write_sent_at,
                write_until=before.write_until,
            )
        self._ledger.begin_backfill(self._stream, load)
        return load

    def _goes_on(self, before: Backfill, load: Backfill) -> bool:
        """Whether it is the same load, whose way was still to be chosen a little ago."""
        return before.rules_version == _UNDECIDED and load.started_at - before.started_at < _SAME

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
            job_id = source.start_bulk_read(stream.source_module, columns_to_read(prepared))
        except (CredentialRefused, RequestRefused) as error:
            logger.warning("{}: {}; {}", stream.address, error, BY_QUERIES)
            return None, matching, str(error)
        return job_id, there, why

    def _unfit(self, prepared: Prepared, matching: int, saved: int) -> str | None:
        """Why files are out of the question."""
        columns = len(prepared.fields.columns)
        if self._stream.bulk == "never":
            return 'bulk = "never"'
        if price.by_query(matching, columns) + saved <= price.by_bulk(0, columns):
            return f"by queries it costs {price.by_query(matching, columns)} credits"
        return unfit(self._stream, prepared.fields, self._source.schema(self._stream.source_module))

    def _saves(self, prepared: Prepared, records: int) -> tuple[int, str]:
        """The credits that bulk write saves with so many records; and in words, where the settings ask for it."""
        if self._stream.bulk != "write":
            return 0, ""
        unable = unfit_to_write(self._stream, prepared.fields, self._target.schema(self._stream.target_module))
        if unable is not None:
            return 0, f"; it is not written by bulk write: {unable}"
        columns = len(prepared.fields.rules)
        at_once = price.by_bulk_write(price.WRITE_ROWS, columns)
        if not self._means.may_ever_spare(at_once):
            return 0, f"; it is not written by bulk write: no first pass may spend {at_once} at once by the ceiling"
        new = max(0, records - self._ledger.count_links(self._stream))
        inserts, jobs = price.by_insert(new), price.by_jobs(new, columns)
        return inserts - jobs, f"; by inserts writing costs {inserts} credits, by bulk write {jobs}"
