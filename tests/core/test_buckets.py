"""Which ranges are counted and which are read: all of them are gone through once, and few credits go far."""

from __future__ import annotations

from bisect import bisect_left

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core import buckets
from daemon.core.buckets import Bucket, by_density, halves, known_in, to_count, to_read
from tests.core import make

END = 1_000_000
runs = st.lists(
    st.tuples(st.integers(0, END - 400), st.integers(1, 300), st.integers(1, 40)), max_size=8
)  # from a second on, for so many seconds, so many records in each


def points_of(loads: list[tuple[int, int, int]]) -> list[int]:
    return sorted(first + n for first, seconds, each in loads for n in range(seconds) for _ in range(each))


def once(found: list[Bucket], start: int, end: int) -> bool:
    edges = [start, *(bucket.end for bucket in found)]
    return [bucket.start for bucket in found] == edges[:-1] and edges[-1] == end and all(b.start < b.end for b in found)


@make.often
@given(runs)
def test_every_second_is_in_one_bucket_and_what_is_counted_is_short_and_dense(
    loads: list[tuple[int, int, int]],
) -> None:
    points = points_of(loads)
    found = by_density(points, 0, END)
    assert once(found, 0, END)
    for bucket in found:
        known = known_in(points, bucket.start, bucket.end)
        if bucket.counted:
            assert known >= buckets.DENSE
            assert bucket.end - bucket.start <= 2 * buckets.SPAN
        else:
            seconds = set(points[bisect_left(points, bucket.start) : bisect_left(points, bucket.end)])
            assert known <= buckets.READ or len(seconds) == 1


@make.often
@given(runs)
def test_what_is_read_or_counted_by_ids_covers_all_and_keeps_to_its_size(loads: list[tuple[int, int, int]]) -> None:
    ids = sorted(set(points_of(loads)))
    assert once(to_read(ids, 0, END), 0, END)
    assert all(known_in(ids, b.start, b.end) <= buckets.READ and not b.counted for b in to_read(ids, 0, END))
    counted = to_count(ids, 0, END)
    assert once(counted, 0, END)
    assert all(known_in(ids, b.start, b.end) <= buckets.IDS and b.counted for b in counted)
    assert known_in(ids, counted[-1].start, counted[-1].end) == 0  # what nobody knows is counted for itself


@make.often
@given(runs)
def test_a_bucket_is_halved_until_it_is_cheaper_to_read(loads: list[tuple[int, int, int]]) -> None:
    points = points_of(loads)
    waiting, depth = [(Bucket(start=0, end=END, counted=True), 0)], 0
    while waiting:
        bucket, level = waiting.pop()
        depth = max(depth, level)
        cut = halves(bucket, points)
        known = known_in(points, bucket.start, bucket.end)
        if cut is None:
            inside = points[bisect_left(points, bucket.start) : bisect_left(points, bucket.end)]
            assert known <= buckets.READ or len(set(inside)) == 1
            continue
        assert once([*cut], bucket.start, bucket.end)
        assert all(0 < known_in(points, half.start, half.end) < known for half in cut)
        waiting += [(half, level + 1) for half in cut]
    assert depth <= 2 + max(1, len(points) // buckets.READ + 1).bit_length() * 2


def test_a_load_of_thirty_thousand_records_in_a_minute_takes_one_count_and_two_looks() -> None:
    points = sorted(5_000 + n % 50 for n in range(30_000))
    assert [(b.start, b.end, b.counted) for b in by_density(points, 0, END)] == [
        (0, 5_000, False), (5_000, 5_050, True), (5_050, END, False),
    ]  # fmt: skip


def test_two_loads_with_a_short_pause_between_them_are_counted_without_a_look_at_the_pause() -> None:
    points = sorted([100 + n % 50 for n in range(3_000)] + [180 + n % 50 for n in range(3_000)])
    assert [(b.start, b.end) for b in by_density(points, 0, END) if b.counted] == [(100, 180), (180, 230)]


@pytest.mark.parametrize("seconds", [1, 10])
def test_a_crowd_in_one_second_is_one_bucket(seconds: int) -> None:
    points = [7 * seconds] * 5_000
    assert halves(Bucket(start=0, end=END, counted=True), points) is None
    assert len(to_read(points, 0, END)) == 1
