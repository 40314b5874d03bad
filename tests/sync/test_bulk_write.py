"""A first load that is written by bulk write: nothing lost, nothing twice, and inserts wherever a job is in doubt."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core import backfill as price
from daemon.core.budget import Budget
from daemon.emulator import Emulator
from daemon.sync import backfill, bulkwrite, cycle
from tests.sync.pair import Pair, add_key, make_settings, opened
from tests.sync.test_backfill import again, in_step, lead, names, settle

STREAM = "india-to-us/Leads"


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    """A dozen records is a large module; a job takes two pages of three."""
    for where, name, value in (
        (cycle, "SMALL", 2),
        (cycle, "LARGE", 2),
        (cycle, "PAGES", 4),
        (backfill, "ROWS", 3),
        (price, "PAGE_ROWS", 2),
        (price, "PAGE_PRICE", 1),
        (price, "JOB_PRICE", 5),
        (price, "JOB_LOOKS", 0),
        (price, "INSERTED", 1),
        (price, "WRITE_ROWS", 7),
        (price, "WRITE_PRICE", 1),
        (price, "WRITE_LOOKS", 0),
        (bulkwrite, "_AT_LEAST", 1),
    ):
        monkeypatch.setattr(where, name, value)


@contextmanager
def pair_of(
    folder: Path, records: int = 14, *, seconds: int = 0, ceiling: int | None = None, **stream: Any
) -> Iterator[Pair]:
    """A full A and an empty B, before anything ran. The records are older than the lag."""
    with Emulator(("in", "us"), quirks={"bulk_job_seconds": seconds}) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, folder, modules=("Leads",), **{"bulk": "write", **stream})
        with opened(emu, replace(settings, budgets={"us": Budget(ceiling=ceiling)})) as pair:
            for number in range(records):
                lead(pair, f"L{number:02}")
            pair.pass_time(60)
            yield pair


def jobs(pair: Pair) -> int:
    return len(pair.b.log(kind="bulk_write"))


def inserts(pair: Pair) -> int:
    """The records that B was sent one by one."""
    return sum(len(call["body"]["data"]) for call in pair.b.log(kind="insert"))


def why(pair: Pair) -> tuple[Any, ...]:
    return pair.sql("select writes, why, write_sent_at is null from backfills")[0]


def test_creates_go_by_jobs_and_their_result_files_fill_the_id_map(tmp_path: Path) -> None:
    with pair_of(tmp_path) as pair:
        assert pair.once()[STREAM].outcomes == {"created": 14, "unchanged": 2}
        assert in_step(pair)
        assert (jobs(pair), inserts(pair)) == (2, 4)  # the first page, and what is too little for a third
        assert why(pair)[0] == "bulk"
        assert why(pair)[2]
        settle(pair)
        assert pair.sql("select count(*), count(distinct record_id) from changes where answer_code = 'SUCCESS'") == [
            (14, 14)
        ]
        assert not pair.writes(since=len(pair.emu.log()))
