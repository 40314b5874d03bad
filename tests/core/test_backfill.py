"""Prices of the two ways to read a first load, and the estimate of the rest."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.backfill import Cycle, Pace, by_bulk, by_insert, by_jobs, by_query, further_files, left, pace

RECORDS = st.integers(min_value=0, max_value=5_000_000)
COLUMNS = st.integers(min_value=0, max_value=500)


@pytest.mark.parametrize(
    ("records", "columns", "query", "bulk"),
    [
        (0, 10, 3, 59),  # one page at least; 50 + 8 + 1
        (2_000, 48, 3, 59),
        (2_001, 48, 6, 59),
        (38_000, 48, 57, 59),
        (40_000, 48, 60, 59),  # from here on the file is cheaper
        (20_000, 49, 60, 59),  # columns beyond the 48th take every page twice
        (200_000, 48, 300, 59),
        (200_001, 48, 303, 118),
        (1_000_000, 120, 4_500, 305),  # 500 pages x 3 pieces; 5 files, each compared in 3 calls
    ],
)
def test_the_prices_are_those_of_zohos_list(records: int, columns: int, query: int, bulk: int) -> None:
    assert (by_query(records, columns), by_bulk(records, columns)) == (query, bulk)


@pytest.mark.parametrize(("known", "columns", "more"), [(0, 48, 0), (1, 48, 1), (200, 48, 2), (201, 51, 6)])
def test_what_is_known_already_is_read_once_more_by_id(known: int, columns: int, more: int) -> None:
    assert by_bulk(1, columns, known) == by_bulk(1, columns) + more


@pytest.mark.parametrize(
    ("records", "inserts", "jobs"),
    [
        (0, 0, 0),
        (5_190, 519, 519),
        (5_191, 520, 519),  # from here on the job is cheaper: 500 + 10, and three pages to read back
        (24_000, 2_400, 546),
        (24_001, 2_401, 547),  # what is too little for a further job is inserted
        (30_000, 3_000, 546 + 519),
    ],
)
def test_what_is_new_is_made_by_inserts_or_jobs(records: int, inserts: int, jobs: int) -> None:
    assert (by_insert(records), by_jobs(records, 48)) == (inserts, jobs)


@given(RECORDS, RECORDS, COLUMNS)
def test_more_records_never_cost_less(one: int, more: int, columns: int) -> None:
    for price in (by_query, by_bulk, by_jobs):
        assert price(one, columns) <= price(one + more, columns)


@given(RECORDS, COLUMNS)
def test_what_pays_by_bulk_goes_on_paying_while_it_is_one_file(records: int, columns: int) -> None:
    if by_bulk(records, columns) < by_query(records, columns):
        whole = -(-records // 200_000) * 200_000
        assert by_bulk(whole, columns) < by_query(whole, columns)


@given(st.integers(1, 10**6), st.integers(0, 10**6), st.integers(1, 10**6))
def test_the_rest_takes_as_long_a_record_as_what_is_done(done: int, total: int, seconds: int) -> None:
    rest = left(done, total, timedelta(seconds=seconds))
    assert rest is not None
    assert rest >= timedelta()
    assert abs(rest.total_seconds() * done - max(total - done, 0) * seconds) <= done * 1e-3


def test_before_anything_is_done_nothing_is_foretold() -> None:
    assert left(0, 100, timedelta(seconds=10)) is None
    assert left(5, 100, timedelta()) is None


BEGAN = datetime(2026, 11, 30, 12, tzinfo=UTC)


def cycle(began_s: int, ended_s: int | None, records: int = 100, spent: tuple[int, int] = (3, 10)) -> Cycle:
    ended = None if ended_s is None else after(ended_s)
    return Cycle(began=after(began_s), ended=ended, records=records, credits=spent)


def after(seconds: int) -> datetime:
    return BEGAN + timedelta(seconds=seconds)


def went(*cycles: Cycle, now_s: int) -> Pace:
    return pace(BEGAN, cycles, after(now_s))


def test_the_time_between_cycles_is_part_of_the_pace() -> None:
    so_far = went(cycle(10, 20), cycle(25, 40), now_s=45)
    assert (so_far.records, so_far.took) == (200, timedelta(seconds=40))
    assert so_far.left(1_000) == timedelta(seconds=200)


def test_a_wait_is_no_part_of_the_pace() -> None:
    a_day_later = went(cycle(10, 20), cycle(86_400, 86_410), now_s=90_000)
    assert (a_day_later.records, a_day_later.took) == (200, timedelta(seconds=30))


def test_a_cycle_that_goes_on_counts_until_now_and_one_that_was_killed_not_at_all() -> None:
    going_on = went(cycle(10, 20), cycle(20, None), now_s=60)
    assert (going_on.records, going_on.took, going_on.paid) == (200, timedelta(seconds=60), 100)
    killed = went(cycle(10, 20), cycle(20, None), now_s=3_600)
    assert (killed.records, killed.took) == (100, timedelta(seconds=20))
    before_another = went(cycle(10, 20), cycle(20, None), cycle(30, 40), now_s=50)
    assert (before_another.records, before_another.took) == (200, timedelta(seconds=40))


def test_the_rest_needs_what_it_has_cost_so_far_rounded_up() -> None:
    so_far = went(cycle(10, 20), cycle(25, 40), now_s=45)
    assert so_far.needs(1_001) == (31, 101)
    assert so_far.needs(0) == (0, 0)
    assert went(cycle(10, None), now_s=20).needs(1_000) is None
    assert went(now_s=20).needs(1_000) is None


@pytest.mark.parametrize(("records", "more"), [(0, 0), (1, 0), (200_000, 0), (200_001, 58), (600_000, 116)])
def test_files_to_come_are_paid_on_top(records: int, more: int) -> None:
    assert further_files(records) == more


def test_a_clock_that_went_back_takes_no_time() -> None:
    assert went(cycle(20, 10), cycle(5, 15), now_s=15).took == timedelta(seconds=30)
