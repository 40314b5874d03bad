"""The files of bulk read jobs: waited for, opened, believed, and given row by row (core/cells.py, zoho/bulk.py).

How they are not trusted too far. How a CSV spells values is confirmed nowhere (facts 7.1), so the hundred fullest rows
of each file's first page are compared with a list answer; and what says nothing certain is no row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import islice
from typing import BinaryIO, Final

from daemon.core.cells import same, value_of
from daemon.core.record import Change, Position, is_record_id, parse_instant
from daemon.core.rules import Stream
from daemon.ledger import Backfill
from daemon.sync.catalog import Catalog
from daemon.sync.changes import ChangeReader
from daemon.sync.pauses import LOOKS, Pauses
from daemon.sync.prepare import Prepared
from daemon.zoho import bulk

ROWS: Final = 2_000  # of a page
_SAMPLE: Final = 100  # records that a list call gives by id for one credit
_LONGEST: Final = timedelta(hours=6)
_TIMES: Final = ("Modified_Time", "Created_Time")


class GivenUp(Exception):  # noqa: N818 - read in a sentence
    """The files cannot be gone by, for this reason."""


@dataclass(slots=True, kw_only=True)
class RowFile:
    """The file of a job, open at a row. `older`: rows so far that were created before the horizon."""

    job_id: str
    next_token: str | None
    rows: Iterator[Change]
    last_id: str
    in_order: bool = True
    older: int = 0
    page: list[Change] = field(default_factory=list)

    def fill(self) -> bool:
        """Reads a page into `page`; False at the end."""
        self.page = list(islice(self.rows, ROWS))
        return bool(self.page)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Fetched:
    """The file of a finished job, on disk: closed with the last reference, and without a name."""

    job_id: str
    job: bulk.Job
    zipped: BinaryIO


class Files:
    """Opens the files of one stream. Remembers when to look at a job again; holds the file that was fetched last."""

    def __init__(self, stream: Stream, source: Catalog, reader: ChangeReader, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._source = source
        self._reader = reader
        self._now = now
        self._looks = Pauses(LOOKS, now)
        self.forget()

    def forget(self) -> None:
        """The job that was waited for is none any more."""
        self._looks.clear()
        self._fetched: _Fetched | None = None

    def wait(self) -> timedelta:
        """How long it is of no use to ask for the file."""
        return self._looks.left()

    def opened(self, load: Backfill, prepared: Prepared) -> RowFile | None:
        """The file of the load's job, at the row where it was left; None while its job runs.

        Raises GivenUp, and what the client raises.
        """
        if load.job_id is None or self.wait():
            return None
        if self._fetched is None or self._fetched.job_id != load.job_id:
            self._fetched = self._fetch(load, load.job_id)
        if self._fetched is None:
            return None
        job = self._fetched.job
        cells = bulk.rows(self._stream.source, self._fetched.zipped, columns_to_read(prepared), job.rows)
        file = RowFile(
            job_id=load.job_id, next_token=job.next_token, rows=iter(()), last_id=load.last_id, older=load.older
        )
        file.rows = self._changes(cells, file, load.horizon, prepared)
        for _ in islice(file.rows, load.done):
            pass
        if not load.done and file.fill():
            self._compare(file.page, prepared)
        return file

    def _fetch(self, load: Backfill, job_id: str) -> _Fetched | None:
        job = self._source.zoho.bulk_read(job_id)
        if job.state == "failed":
            raise GivenUp(f"the bulk read job {job_id} failed")
        if job.state == "running":
            if load.job_at is not None and self._now() - load.job_at > _LONGEST:
                raise GivenUp(f"the bulk read job {job_id} does not come to its end")
            self._looks.take()
            return None
        if job.next_token is not None and not job.rows:
            raise GivenUp(f"the bulk read job {job_id} has no rows, and more would follow")
        self.forget()
        zipped = tempfile.TemporaryFile()  # noqa: SIM115 - see _Fetched
        self._source.zoho.fetch_bulk_read(job_id, zipped)
        return _Fetched(job_id=job_id, job=job, zipped=zipped)

    def _changes(
        self, cells: Iterator[Sequence[str]], file: RowFile, horizon: datetime, prepared: Prepared
    ) -> Iterator[Change]:
        """The rows as changes; notes on the way what `_at_the_end` asks. Raises GivenUp for a cell that says nothing
        certain.
        """
        columns, schema = columns_to_read(prepared), self._source.schema(self._stream.source_module)
        fields = [schema.fields[name] for name in columns]
        for record_id, *texts in cells:
            try:
                values = {f.api_name: value_of(f, text) for f, text in zip(fields, texts, strict=True)}
                modified, created = (parse_instant(values[name]) for name in _TIMES)
            except ValueError as error:
                raise GivenUp(f"a row of its file cannot be told: record {record_id[:20]}: {error}") from None
            if not is_record_id(record_id):
                raise GivenUp(f"a row of its file has no record id: {record_id[:20]!r}")
            file.in_order = file.in_order and int(record_id) > int(file.last_id)
            file.last_id = record_id
            file.older += created < horizon
            kept = {name: values[name] for name in ("Modified_Time", *prepared.fields.columns)}
            yield Change(
                position=Position(modified_time=modified, record_id=record_id), values={"id": record_id, **kept}
            )

    def _compare(self, page: Sequence[Change], prepared: Prepared) -> None:
        """The fullest rows against a list answer, as far as those records have not changed since."""
        fullest = sorted(page, key=lambda change: sum(v is None for v in change.values.values()))[:_SAMPLE]
        schema = self._source.schema(self._stream.source_module)
        fields = [schema.fields[name] for name in prepared.fields.columns]
        now = {c.position: c for c in self._reader.by_ids(prepared.fields.columns, [c.record_id for c in fullest])}
        both = [(change, now[change.position]) for change in fullest if change.position in now]
        if not both:
            raise GivenUp("all records that its file could be compared by have changed meanwhile")
        for change, listed in both:
            for one in fields:
                if not same(one, change.values[one.api_name], listed.values[one.api_name]):
                    what = f"{one.api_name} of {change.record_id} is not what a list answer says"
                    raise GivenUp(f"its file spells values otherwise than was thought: {what}")


def columns_to_read(prepared: Prepared) -> list[str]:
    """The columns that a job is asked for."""
    return list(dict.fromkeys((*_TIMES, *prepared.fields.columns)))
