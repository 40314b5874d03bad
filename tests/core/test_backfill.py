"""Prices of the two ways to read a first load, and the estimate of the rest."""

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.backfill import by_bulk, by_bulk_write, by_insert, by_query, left

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
        (0, 0, 513),
        (5_190, 519, 519),
        (5_191, 520, 519),  # from here on the job is cheaper: 500 + 10, and three pages to read back
        (24_000, 2_400, 546),
        (25_001, 2_501, 1_059),
    ],
)
def test_what_is_new_is_made_by_inserts_or_jobs(records: int, inserts: int, jobs: int) -> None:
    assert (by_insert(records), by_bulk_write(records, 48)) == (inserts, jobs)


@given(RECORDS, RECORDS, COLUMNS)
def test_more_records_never_cost_less(one: int, more: int, columns: int) -> None:
    for price in (by_query, by_bulk, by_bulk_write):
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
