"""How the records of a first load are read and written most cheaply, and how long it will still take.

Pure arithmetic over Zoho's price list (facts 9.2): a query is 3 credits for up to 2,000 rows, a bulk read 50 for up to
200,000; an insert is one for 10 records, a bulk write 500 for up to 25,000. What else each way asks for is counted too,
so that none looks cheaper than it is.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

PAGE_ROWS: Final = 2_000
PAGE_PRICE: Final = 3
PAGE_COLUMNS: Final = 48  # beside id and Modified_Time
JOB_ROWS: Final = 200_000
JOB_PRICE: Final = 50
JOB_LOOKS: Final = 8  # at a job until it is over, and the download: a credit each (assumed)
LISTED: Final = 100  # records that a list call gives by id for a credit, as many as a file is compared by
LISTED_COLUMNS: Final = 50  # of such a call
INSERTED: Final = 10  # records for a credit
WRITE_ROWS: Final = 24_000  # of up to 25,000: whole pages
WRITE_PRICE: Final = 500
WRITE_LOOKS: Final = 10  # the upload, looks at a job until it is over, and the download: a credit each (assumed)
PAUSE: Final = timedelta(hours=1)  # longer than a bulk job takes: where cycles are further apart, the load has waited
LONGEST: Final = timedelta(minutes=5)  # a cycle without an end that began before was killed


@dataclass(frozen=True, slots=True, kw_only=True)
class Cycle:
    """A cycle of a first load: the records that it has dealt with, and its credits in the source and in the target;
    `ended` None: it goes on, or was killed.
    """

    began: datetime
    ended: datetime | None
    records: int
    credits: tuple[int, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Pace:
    """How a first load went while it did not wait: so many records in that time, and `paid` of them for the credits."""

    records: int = 0
    took: timedelta = timedelta()
    paid: int = 0
    credits: tuple[int, int] = (0, 0)

    def left(self, records: int) -> timedelta | None:
        """How long so many more take; None before anything is done."""
        return left(self.records, self.records + records, self.took)

    def needs(self, records: int) -> tuple[int, int] | None:
        """The credits that so many more take in the source and in the target; None before a cycle has ended."""
        if self.paid == 0:
            return None
        source, target = (-(-records * spent // self.paid) for spent in self.credits)
        return source, target


def pace(began: datetime, cycles: Sequence[Cycle], now: datetime) -> Pace:
    """How a load went that began then, by its cycles in their order. A wait (for credits, for a daemon) is no part of
    it, nor is a cycle that was killed, because nobody knows how long it worked.
    """
    ended = [(one, one.ended) for one in cycles if one.ended is not None]
    goes_on = [(one, now) for one in cycles[-1:] if one.ended is None and now - one.began <= LONGEST]
    took, last = timedelta(), began
    for one, end in (*ended, *goes_on):
        pause = one.began - last
        took += max(end - one.began, timedelta()) + (pause if timedelta() < pause <= PAUSE else timedelta())
        last = end
    return Pace(
        records=sum(one.records for one, _ in (*ended, *goes_on)),
        took=took,
        paid=sum(one.records for one, _ in ended),
        credits=(sum(one.credits[0] for one, _ in ended), sum(one.credits[1] for one, _ in ended)),
    )


def further_files(records: int) -> int:
    """Credits of the bulk read jobs to come for so many more records (the one at hand is paid). No cycle notes them:
    none of their records has an outcome yet.
    """
    return max(0, -(-records // JOB_ROWS) - 1) * (JOB_PRICE + JOB_LOOKS)


def by_query(records: int, columns: int) -> int:
    """Credits for reading so many records with so many columns page by page."""
    return PAGE_PRICE * _pieces(records, PAGE_ROWS) * _pieces(columns, PAGE_COLUMNS)


def by_bulk(records: int, columns: int, known: int = 0) -> int:
    """Credits for reading so many records with so many columns from the files of bulk read jobs, and once more by id
    those that the ledger knows already.
    """
    calls = _pieces(columns, LISTED_COLUMNS)
    return _pieces(records, JOB_ROWS) * (JOB_PRICE + JOB_LOOKS + calls) + -(-known // LISTED) * calls


def by_insert(records: int) -> int:
    """Credits for making so many records by inserts."""
    return -(-records // INSERTED)


def by_bulk_write(records: int, columns: int) -> int:
    """Credits for making so many records by one bulk write job, and reading back what was made of them."""
    return WRITE_PRICE + WRITE_LOOKS + by_query(records, columns)


def by_jobs(records: int, columns: int) -> int:
    """Credits for making so many records by bulk write jobs, and by inserts what is too little for one."""
    full, rest = divmod(records, WRITE_ROWS)
    return full * by_bulk_write(WRITE_ROWS, columns) + min(by_insert(rest), by_bulk_write(rest, columns))


def _pieces(whole: int, size: int) -> int:
    return max(1, -(-whole // size))


def left(done: int, total: int, took: timedelta) -> timedelta | None:
    """How long the rest takes if it goes on as it went so far; None before anything is done."""
    if done <= 0 or took <= timedelta():
        return None
    return took * (max(total - done, 0) / done)
