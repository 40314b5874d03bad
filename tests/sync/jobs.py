"""What tests of bulk write share: a load that it pays for, and how it went."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core import backfill as price
from daemon.sync import bulkwrite, polling
from tests.sync.loads import full_pair, make_small
from tests.sync.pair import Pair


def make_small_jobs(patch: pytest.MonkeyPatch) -> None:
    """A dozen records is a large module; a job takes two pages of three."""
    make_small(patch)
    for where, name, value in (
        (polling, "PAGES", 4),
        (price, "PAGE_PRICE", 1),
        (price, "INSERTED", 1),
        (price, "WRITE_ROWS", 6),
        (price, "WRITE_PRICE", 1),
        (price, "WRITE_LOOKS", 0),
        (bulkwrite, "_AT_LEAST", 1),
    ):
        patch.setattr(where, name, value)


@contextmanager
def pair_of(
    folder: Path,
    records: int = 14,
    *,
    seconds: int = 0,
    ceiling: int | None = None,
    ceiling_of_a: int | None = None,
    **stream: Any,
) -> Iterator[Pair]:
    """Jobs take so many seconds. `ceiling` is of B."""
    quirks = {"bulk_job_seconds": seconds}
    with full_pair(
        folder, records, quirks=quirks, us=ceiling, india=ceiling_of_a, **{"bulk": "write", **stream}
    ) as pair:
        resting_by_clock(pair)
        yield pair


@contextmanager
def at_work(folder: Path, **given: Any) -> Iterator[Pair]:
    """A pair whose bulk write takes a minute."""
    with pair_of(folder, **given) as pair:
        pair.cycle("Leads")
        pair.emu.quirks(bulk_job_seconds=60)
        assert pair.cycle("Leads").wait
        assert jobs(pair) == 1
        yield pair


def resting_by_clock(pair: Pair) -> None:
    """`once` waits for jobs; then both orgs' clocks move on instead."""
    pair.fleet._sleep = pair.pass_time


def jobs(pair: Pair) -> int:
    return len(pair.b.log(kind="bulk_write"))


def inserts(pair: Pair) -> int:
    """The records that B was sent one by one."""
    return sum(len(call["body"]["data"]) for call in pair.b.log(kind="insert"))


def why(pair: Pair) -> tuple[Any, ...]:
    return pair.sql("select writes, why, write_sent_at is null from backfills")[0]
