"""Other sizes of pages, batches and bulk read jobs, so that a few records are many.

The numbers are the code's own, of which the command line of a crash scenario cannot tell it others.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest import mock

Sizes = Mapping[str, int]
"""By the full name of the number."""

SEVERAL: Final = {"daemon.sync.polling.SMALL": 4, "daemon.sync.polling.LARGE": 4, "daemon.core.steps.BATCH": 2}
"""A dozen records are three pages of two batches."""
LARGE: Final = {
    "daemon.sync.polling.SMALL": 2,
    "daemon.sync.polling.LARGE": 2,
    "daemon.sync.polling.PAGES": 2,
    "daemon.sync.bulkread.ROWS": 2,
    "daemon.core.backfill.PAGE_ROWS": 2,
    "daemon.core.backfill.JOB_PRICE": 1,
    "daemon.core.backfill.JOB_LOOKS": 0,
    "daemon.sync.loadway._PAUSE_S": 0,
}
"""A handful of records is a module for which bulk read is cheaper."""
WRITTEN: Final = {
    **LARGE,
    "daemon.core.backfill.PAGE_PRICE": 1,
    "daemon.core.backfill.INSERTED": 1,
    "daemon.core.backfill.WRITE_ROWS": 6,
    "daemon.core.backfill.WRITE_PRICE": 1,
    "daemon.core.backfill.WRITE_LOOKS": 0,
    "daemon.sync.bulkwrite.LONGEST_S": 9,
}
"""And one for which bulk write is, three pages at a time; no job is waited for longer than a call."""


@contextmanager
def resized(sizes: Sizes) -> Iterator[None]:
    """While it lasts."""
    with ExitStack() as stack:
        for place, number in sizes.items():
            stack.enter_context(mock.patch(place, number))
        yield
