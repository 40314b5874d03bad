"""Silence is what is strange at this hour of this weekday, and nothing else."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest

from daemon.core.silence import ENOUGH, Silence, hour_of, silence

# A Wednesday, at a quarter past two in the afternoon.
NOW = datetime(2026, 5, 6, 14, 15, tzinfo=UTC)
Pattern = Callable[[datetime], int]


def office(moment: datetime) -> int:
    """40 an hour from 8 to 18 on workdays, nothing else."""
    return 40 if moment.weekday() < 5 and 8 <= moment.hour < 18 else 0


def history(pattern: Pattern, *, days: float, until: datetime) -> dict[int, int]:
    """What a ledger would hold: no row for an hour without changes, but for the first."""
    hours = int(days * 24)
    moments = [until - timedelta(hours=h) for h in range(hours + 1)]
    return {hour_of(m): pattern(m) for m in moments if pattern(m) or m is moments[-1]}


def quiet_since(hours: float, pattern: Pattern = office, days: float = 40, now: datetime = NOW) -> dict[int, int]:
    last = hour_of(now) - hours
    return {hour: n for hour, n in history(pattern, days=days, until=now).items() if hour < last}


def test_usually_forty_an_hour_and_none_for_three_hours_is_silence() -> None:
    assert silence(quiet_since(3), NOW) == Silence(hours=3, an_hour=40)


def test_two_hours_are_not_long_enough_and_one_change_ends_it() -> None:
    assert silence(quiet_since(2), NOW) is None
    assert silence(quiet_since(3) | {hour_of(NOW): 1}, NOW) is None


@pytest.mark.parametrize(
    "now",
    [
        NOW.replace(hour=23),  # at night
        NOW + timedelta(days=3),  # on a Saturday
        NOW.replace(hour=9),  # the day has hardly begun
    ],
)
def test_nothing_at_hours_that_are_always_quiet_is_no_silence(now: datetime) -> None:
    assert silence(quiet_since(4, now=now), now) is None


@pytest.mark.parametrize("hour", range(24))
def test_when_the_clocks_change_nobody_is_told(hour: int) -> None:
    """People begin an hour later by UTC from today on."""
    now = NOW.replace(hour=hour, minute=0)
    today = {
        hour_of(now.replace(hour=h)): 40 for h in range(hour) if 9 <= h < 19
    }  # fmt: skip
    before = {h: n for h, n in history(office, days=40, until=now).items() if h < hour_of(now.replace(hour=0))}
    assert silence(before | today, now) is None


def test_a_slow_stream_is_silent_only_after_longer() -> None:
    def slow(_: datetime) -> int:
        return 4

    assert silence(quiet_since(5, slow), NOW) is None
    assert silence(quiet_since(6, slow), NOW) == Silence(hours=6, an_hour=4)


def test_what_is_rare_is_never_missed() -> None:
    assert silence(quiet_since(200, lambda m: int(m.hour == 3)), NOW) is None
    assert ENOUGH > 1


def test_a_first_week_says_nothing_yet_and_then_its_quietest_day_counts() -> None:
    assert silence(quiet_since(3, days=6), NOW) is None
    assert silence(quiet_since(3, days=9), NOW) is None, "it had a weekend"
    assert silence(quiet_since(3, lambda _: 40, days=9), NOW) == Silence(hours=3, an_hour=40)


def test_one_holiday_in_four_weeks_changes_nothing() -> None:
    holiday = (NOW - timedelta(days=14)).date()
    seen = quiet_since(3, lambda m: 0 if m.date() == holiday else office(m))
    assert silence(seen, NOW) == Silence(hours=3, an_hour=40)


def test_a_nightly_import_that_made_one_day_busy_is_not_usual() -> None:
    seen = quiet_since(3, lambda m: 5_000 if m.date() == (NOW - timedelta(days=7)).date() else 0)
    assert silence(seen, NOW) is None


def test_of_nothing_nothing_is_said() -> None:
    assert silence({}, NOW) is None


def test_in_a_year_of_ordinary_traffic_nobody_is_woken() -> None:
    """Bursts and pauses as people make them: from 5 to 60 an hour, and one hour in four empty."""
    dice = random.Random(7)
    start = datetime(2025, 1, 1, tzinfo=UTC)
    moments = [start + timedelta(hours=h) for h in range(365 * 24)]
    drawn = {m: dice.choice((0, 5, 20, 60)) if office(m) else 0 for m in moments}
    seen: dict[int, int] = {hour_of(start): 1}
    told = []
    for moment in moments:
        if silence({h: n for h, n in seen.items() if h >= hour_of(moment) - 30 * 24}, moment):
            told.append(moment)
        if drawn[moment]:
            seen[hour_of(moment)] = drawn[moment]
    assert len(told) <= 3, told


def test_what_ended_two_weeks_ago_is_not_usual_any_more() -> None:
    ended = NOW - timedelta(days=15)
    assert silence(quiet_since(3, lambda m: office(m) if m < ended else 0), NOW) is None
