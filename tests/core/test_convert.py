"""Values from one kind of field into another: exactly, or with a reason."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.convert import CANONICAL, CONVERSIONS, ConversionError, cut_text
from tests.core.make import json_values, often

ZONES = ["UTC", "Asia/Kolkata", "America/New_York", "Europe/Vienna", "Africa/Cairo", "Asia/Beirut", "Pacific/Chatham"]
zones = st.sampled_from(ZONES).map(ZoneInfo)
days = st.dates(date(1950, 1, 1), date(2100, 1, 1))


def converted(value: object, origin: str, kind: str, zone: Any = UTC) -> object:
    return CANONICAL[kind](CONVERSIONS[origin, kind](value, zone))


@pytest.mark.parametrize(
    ("origin", "kind", "value", "expected"),
    [
        ("number", "text", 1234.5, "1234.5"),
        ("number", "text", 5.0, "5"),
        ("number", "text", -0.0, "0"),
        ("number", "text", 1e-7, "0.0000001"),
        ("number", "text", 1e22, "10000000000000000000000"),
        ("bigint", "text", "9223372036854775807", "9223372036854775807"),
        ("text", "number", " 1234.50 ", 1234.5),
        ("text", "number", "-7.0", -7),
        ("text", "number", "+7", 7),
        ("text", "bigint", "9223372036854775807", "9223372036854775807"),
        ("number", "bigint", 5.0, "5"),
        ("bigint", "number", "123", 123),
        ("formula", "text", 1.50, "1.5"),
        ("formula", "text", "x", "x"),
        ("formula", "text", True, "true"),
        ("boolean", "text", False, "false"),
        ("multiselect", "text", ["a", "b"], "a;b"),
        ("text", "multiselect", "a; b;;a", ["a", "b"]),
        ("picklist", "multiselect", "a;b", ["a;b"]),
    ],
)
def test_a_value_is_converted(origin: str, kind: str, value: object, expected: object) -> None:
    found = converted(value, origin, kind)
    assert (found, type(found)) == (expected, type(expected))
    assert converted(None, origin, kind) is None


@pytest.mark.parametrize(
    ("origin", "kind", "value", "said"),
    [
        ("text", "number", "1,5", "'1,5' is no number"),
        ("text", "number", "1e5", "is no number"),
        ("text", "number", "1_000", "is no number"),
        ("text", "number", "١٢", "is no number"),
        ("text", "number", "12 EUR", "is no number"),
        ("text", "number", "0.12345678901234567891", "more digits"),
        ("text", "bigint", "1.5", "a whole number was expected"),
        ("number", "bigint", 1.5, "a whole number was expected"),
        ("text", "number", ["1"], "a text was expected"),
        ("date", "datetime", "tomorrow", ""),
        ("date", "datetime", "0001-01-01", "years 1 to 9999"),
        ("datetime", "date", "2026-01-01", "no offset"),
    ],
)
def test_what_cannot_be_converted_exactly_has_a_reason(origin: str, kind: str, value: object, said: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011 - the text is judged below
        converted(value, origin, kind, ZoneInfo("Asia/Kolkata"))
    assert said in str(caught.value)
    if "number" in said and "expected" not in said:
        assert isinstance(caught.value, ConversionError)


@often
@given(st.sampled_from(sorted(CONVERSIONS)), json_values, zones)
def test_no_json_value_makes_a_conversion_do_anything_but_convert_or_give_a_reason(
    pair: tuple[str, str], value: object, zone: ZoneInfo
) -> None:
    try:
        once = converted(value, *pair, zone)
    except ValueError:
        return
    assert once == converted(value, *pair, zone)


@often
@given(days, zones)
def test_a_day_comes_back_from_the_time_it_became(day: date, zone: ZoneInfo) -> None:
    moment = converted(day.isoformat(), "date", "datetime", zone)
    assert converted(moment, "datetime", "date", zone) == day.isoformat()
    before = datetime.fromisoformat(str(moment)) - timedelta(seconds=1)
    assert converted(before.isoformat(), "datetime", "date", zone) < day.isoformat()  # type: ignore[operator]


def test_where_clocks_skip_midnight_the_day_begins_when_they_do() -> None:
    beirut = ZoneInfo("Asia/Beirut")  # 2021-03-28: 00:00 became 01:00
    assert converted("2021-03-28", "date", "datetime", beirut) == "2021-03-27T22:00:00+00:00"
    assert converted("2021-03-27T22:00:00+00:00", "datetime", "date", beirut) == "2021-03-28"


def test_midnight_follows_daylight_saving() -> None:
    vienna = ZoneInfo("Europe/Vienna")
    assert converted("2026-01-15", "date", "datetime", vienna) == "2026-01-14T23:00:00+00:00"
    assert converted("2026-07-15", "date", "datetime", vienna) == "2026-07-14T22:00:00+00:00"


@often
@given(st.floats(-1e15, 1e15) | st.integers(-(2**53), 2**53))
def test_a_number_comes_back_from_the_text_it_became(number: float) -> None:
    text = converted(number, "number", "text")
    try:
        assert converted(text, "text", "number") == number
    except ConversionError:
        assert len(str(text).partition(".")[2]) > 40


@pytest.mark.parametrize(
    ("text", "length", "cut"),
    [
        ("abcdef", 3, "abc"),
        ("ße🦊x", 3, "ße🦊"),
        ("cafe\u0301!", 4, "caf"),
        ("a👩‍👩‍👧x", 3, "a"),
        ("a👍🏽x", 2, "a"),
        ("a🇦🇹🇩🇪", 2, "a"),
        ("a🇦🇹🇩🇪", 3, "a🇦🇹"),
        ("a🇦🇹🇩🇪", 4, "a🇦🇹"),
        ("\u0301\u0301\u0301", 2, "\u0301\u0301"),
        ("abc", 5, "abc"),
    ],
)
def test_a_text_is_cut_between_what_a_reader_sees_as_characters(text: str, length: int, cut: str) -> None:
    assert cut_text(text, length) == cut


@often
@given(st.text(), st.integers(1, 20))
def test_a_cut_text_is_the_beginning_of_it_and_fits(text: str, length: int) -> None:
    cut = cut_text(text, length)
    assert text.startswith(cut)
    assert len(cut) <= length
    assert cut or not text
