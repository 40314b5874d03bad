"""Makes a handful of records a large module: queries of two rows, pages of two, jobs that cost next to nothing.

The numbers are the code's own, of which the command line of a crash scenario cannot tell it others.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Final
from unittest import mock

_NUMBERS: Final = {
    "daemon.sync.cycle.SMALL": 2,
    "daemon.sync.cycle.LARGE": 2,
    "daemon.sync.cycle.PAGES": 2,
    "daemon.sync.backfill.ROWS": 2,
    "daemon.core.backfill.PAGE_ROWS": 2,
    "daemon.core.backfill.JOB_PRICE": 1,
    "daemon.core.backfill.JOB_LOOKS": 0,
}


@contextmanager
def large(wanted: bool) -> Iterator[None]:
    """While it lasts; nothing where it is not wanted."""
    with ExitStack() as stack:
        for place, number in _NUMBERS.items() if wanted else ():
            stack.enter_context(mock.patch(place, number))
        yield
