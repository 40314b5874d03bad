"""Times, ids and places in the order of change."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.record import START, Position, format_instant, is_api_name, is_record_id, parse_instant
from tests.core.make import T0, at, instants, json_values, often

positions = st.builds(at, st.integers(0, 3), st.integers(1, 10**18).map(str))


def test_ids_compare_as_numbers_not_as_texts() -> None:
    assert at(0, "9") < at(0, "10")
    assert not at(0, "10") < at(0, "9")
    assert sorted([at(1, "2"), at(0, "10"), at(0, "9")]) == [at(0, "9"), at(0, "10"), at(1, "2")]


def test_times_compare_as_instants_whatever_their_offset() -> None:
    india = Position(modified_time=T0.astimezone(timezone(timedelta(hours=5, minutes=30))), record_id="1")
    assert india == at()
    assert hash(india) == hash(at())
    assert not india < at()
    assert india <= at()


@often
@given(positions, positions)
def test_any_two_positions_are_in_exactly_one_order(a: Position, b: Position) -> None:
    assert [a < b, a == b, a > b].count(True) == 1
    assert (a <= b) == (not b < a)
    assert a > START


def test_a_position_without_an_offset_is_refused() -> None:
    with pytest.raises(ValueError, match="aware"):
        Position(modified_time=datetime(2026, 1, 1), record_id="1")  # noqa: DTZ001


@pytest.mark.parametrize("value", ["1", "0", "5725767000000524157", "9" * 19])
def test_up_to_19_digits_are_a_record_id(value: str) -> None:
    assert is_record_id(value)


@pytest.mark.parametrize("value", ["", "9" * 20, "1 ", "1\n", "-1", "\uff11", "12a", 12, None, True, [], {}])
def test_anything_else_is_no_record_id(value: object) -> None:
    assert not is_record_id(value)


@pytest.mark.parametrize(("name", "ok"), [("Last_Name", True), ("a" * 100, True), ("a" * 101, False), ("1a", False)])
def test_names_in_queries_are_letters_digits_and_underscores(name: str, ok: bool) -> None:
    assert is_api_name(name) is ok
    assert not any(is_api_name(bad) for bad in ("", "a b", "a'", "a\n", "é"))


def test_a_time_is_read_with_its_offset_and_written_in_utc_with_whole_seconds() -> None:
    assert parse_instant("2026-03-01T17:30:00+05:30") == T0
    assert parse_instant("2026-03-01T17:30:00+05:30").tzinfo is UTC
    assert format_instant(T0.replace(microsecond=999_999)) == "2026-03-01T12:00:00+00:00"
    assert format_instant(datetime(200, 1, 1, tzinfo=UTC)) == "0200-01-01T00:00:00+00:00"


@often
@given(instants, st.integers(-14 * 60, 14 * 60))
def test_a_written_time_reads_as_the_same_second(moment: datetime, minutes: int) -> None:
    elsewhere = moment.astimezone(timezone(timedelta(minutes=minutes)))
    assert parse_instant(format_instant(elsewhere)) == moment.replace(microsecond=0)


@pytest.mark.parametrize(
    "value",
    [
        *("", "2026-03-01", "2026-03-01T12:00:00", "x", "2026-13-01T00:00:00Z", 5, None, {}),
        *("0001-01-01T00:00:00+10:00", "9999-12-31T23:59:59-10:00"),  # outside the calendar once in UTC
    ],
)
def test_what_is_no_time_with_an_offset_is_a_value_error(value: object) -> None:
    with pytest.raises(ValueError, match=r"."):
        parse_instant(value)


@often
@given(json_values)
def test_reading_a_time_never_raises_anything_else(value: object) -> None:
    with suppress(ValueError):
        assert parse_instant(value).tzinfo is UTC
