"""A bulk write job that was given up, and runs later: what it makes anew is found, and deleted again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core import backfill as price
from daemon.core.fuse import Fuse, Limit
from daemon.emulator import bulk_write
from daemon.sync import bulkwrite, counterparts, latejobs
from daemon.sync.repairing import to_mend
from tests.sync.jobs import at_work, make_small_jobs, pair_of, resting_by_clock, why
from tests.sync.loads import STREAM, again, in_step, lead, names, settle
from tests.sync.pair import Pair
from tests.sync.test_verify import verify

OFF = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


@pytest.fixture(autouse=True)
def _small(monkeypatch: pytest.MonkeyPatch) -> None:
    make_small_jobs(monkeypatch)


@contextmanager
def made_anew(folder: Path, monkeypatch: pytest.MonkeyPatch, **given: Any) -> Iterator[tuple[Pair, list[str]]]:
    """A pair whose job was given up, and ran after its records were deleted in A: with their source ids."""
    monkeypatch.setattr(bulkwrite, "LONGEST_S", 20)
    with at_work(folder, deletes="delete", **{"fuse": OFF, **given}) as pair:
        doomed = [i for (i,) in pair.sql("select source_id from intents")]
        assert len(doomed) == 4
        pair.pass_time(21)
        cycles(pair, 6)
        assert in_step(pair)
        for source_id in doomed:
            pair.a.delete("Leads", source_id)
        pair.pass_time(11)
        cycles(pair, 4)
        assert len(names(pair)) == 10
        pair.pass_time(60)
        assert len(names(pair)) == 14
        yield pair, doomed


def cycles(pair: Pair, count: int) -> None:
    """Without letting as much time pass as the job takes."""
    for _ in range(count):
        pair.cycle("Leads")
        pair.pass_time(0.5)


def reasons(pair: Pair) -> list[tuple[Any, ...]]:
    return pair.sql("select reason from comparisons")


def test_what_a_given_up_job_makes_anew_is_found_when_it_has_ended_and_deleted_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made_anew(tmp_path, monkeypatch) as (pair, _):
        looks = len(pair.b.log(kind="bulk_write_status"))
        settle(pair)
        assert reasons(pair) == []  # once an hour is enough
        pair.pass_time(3600)
        settle(pair)
        assert in_step(pair)
        assert reasons(pair) == [("late",)]
        assert len(pair.b.log(kind="bulk_write_status")) == looks + 1
        pair.pass_time(90_000)
        settle(pair, 1)
        assert reasons(pair) == [("late",)]


def test_a_given_up_job_that_still_runs_is_looked_at_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulkwrite, "LONGEST_S", 20)
    monkeypatch.setattr(latejobs, "_EVERY", timedelta(seconds=5))
    with at_work(tmp_path) as pair:
        looks = len(pair.b.log(kind="bulk_write_status"))
        pair.pass_time(21)
        cycles(pair, 6)
        pair.pass_time(6)
        cycles(pair, 3)
        assert len(pair.b.log(kind="bulk_write_status")) > looks
        assert reasons(pair) == []
        pair.pass_time(60)
        cycles(pair, 3)
        assert reasons(pair) == [("late",)]


def test_both_sides_are_compared_a_day_after_a_job_whose_id_was_not_heard(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulkwrite, "LONGEST_S", 20)
    with pair_of(tmp_path, deletes="delete", fuse=OFF) as pair:
        pair.cycle("Leads")
        pair.emu.quirks(bulk_job_seconds=60)
        pair.b.faults.next("bulk_write", effect="cut", when="after")
        pair.cycle("Leads")
        pair.emu.quirks(bulk_job_seconds=0)
        doomed = [i for (i,) in pair.sql("select source_id from intents")]
        for source_id in doomed:
            pair.a.delete("Leads", source_id)
        pair.pass_time(21)
        settle(pair, 1)
        assert len(names(pair)) == 10
        pair.pass_time(3660)
        settle(pair)
        assert (len(names(pair)), reasons(pair)) == (14, [])
        pair.pass_time(86_400)
        settle(pair)
        assert in_step(pair)
        assert reasons(pair) == [("late",)]


def test_a_job_that_was_at_work_when_the_rules_changed_is_looked_after_where_the_rest_is_read_by_queries(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with at_work(tmp_path) as pair:
        (route,) = pair.settings.routes
        streams = tuple(replace(one, where="Company = 'C'") for one in route.streams)
        pair.settings = replace(pair.settings, routes=(replace(route, streams=streams),))
        monkeypatch.setattr(price, "JOB_PRICE", 1_000)
        with again(pair) as other:
            resting_by_clock(other)
            settle(other, 8)
            assert other.sql("select way, write_sent_at is null from backfills") == [("query", 0)]
            other.pass_time(3_700)
            settle(other)
            assert in_step(other)
            assert other.sql("select write_sent_at is null, write_job_id from backfills") == [(1, None)]
            assert reasons(other) == [("late",)]


def test_a_job_whose_end_was_seen_starts_no_comparison(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bulk_write, "MAX_ROWS", 2)
    with pair_of(tmp_path) as pair:
        settle(pair)
        assert "failed" in why(pair)[1]
        pair.pass_time(90_000)
        settle(pair)
        assert reasons(pair) == []


def test_the_fuse_counts_what_was_made_anew_though_a_deletion_of_it_has_passed_before(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made_anew(tmp_path, monkeypatch, fuse=Fuse(deletes=Limit(count=4))) as (pair, _):
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        stream = pair.fleet.runners[0]
        stream._meter.fuse = Fuse(deletes=Limit(count=3))
        settle(pair)
        assert pair.sql("select kind, count from fuses") == [("deletes", 4)]
        assert len(names(pair)) == 14


def test_what_was_made_anew_where_deletions_are_not_carried_is_told_in_the_right_words(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(counterparts.logger, "warning", lambda text, *given: told.append(text.format(*given)))
    with made_anew(tmp_path, monkeypatch) as (pair, _), carrying_no_deletions(pair) as other:
        resting_by_clock(other)
        other.ledger.start_comparison(STREAM, "asked", other.fleet.runners[0]._now())
        settle(other, 2)
        assert len(names(other)) == 14
        assert other.sql("select strangers from comparisons") == [(4,)]
        assert any("of a record that is deleted in india" in text for text in told)
        assert not any("another counterpart" in text for text in told)


def carrying_no_deletions(pair: Pair) -> Any:
    route = pair.settings.routes[0]
    streams = tuple(replace(stream, deletes="ignore") for stream in route.streams)
    pair.settings = replace(pair.settings, routes=(replace(route, streams=streams),))
    return again(pair)


def test_verify_tells_what_was_made_anew_as_still_there_and_has_it_deleted(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with made_anew(tmp_path, monkeypatch) as (pair, doomed):
        said = verify(pair)
        assert (said.kinds.get("outlived"), said.kinds.get("strangers", 0)) == (4, 0)
        now = pair.fleet.runners[0]._now()
        rows = to_mend(said, pair.settings.routes[0].streams[0], now)
        assert [(row.source_id, row.cause_code) for row in rows] == [(i, "DELETED_IN_SOURCE") for i in doomed]


def test_what_the_ledger_knows_by_the_deleted_list_alone_is_deleted_too(tmp_path: Path) -> None:
    with pair_of(tmp_path, records=2, deletes="delete", fuse=OFF) as pair:
        settle(pair)
        never = lead(pair, "never")
        pair.a.delete("Leads", never)
        settle(pair, 2)
        zgid = pair.fleet.catalogs["india"].profile().zgid
        pair.b.insert_raw("Leads", {"Last_Name": "never", "Company": "C", "Source_Record_ID": f"{zgid}:{never}"})
        pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
        settle(pair, 2)
        assert in_step(pair)
