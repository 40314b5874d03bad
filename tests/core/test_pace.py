"""Soon after news, later and later while there is none, and never later than `poll`."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.pace import FASTEST, busy_a_day, fast_by_default, idle_a_day, next_interval
from daemon.core.rules import Stream

MINUTE = timedelta(minutes=1)
durations = st.integers(1, 86_400).map(lambda s: timedelta(seconds=s))


def follow(news: str, *, fast: float = 5, poll: float = 60, short: bool = False) -> list[float]:
    """The waits in seconds after cycles with news (+) and without (.)."""
    waits, wait = [], timedelta(seconds=poll)
    for one in news:
        limits = {"fast": timedelta(seconds=fast), "poll": timedelta(seconds=poll)}
        wait = next_interval(wait, **limits, news=one == "+", short=short)
        waits.append(wait.total_seconds())
    return waits


def test_news_is_followed_and_calm_is_left_alone() -> None:
    assert follow("..++.....+.") == [60, 60, 5, 5, 10, 20, 40, 60, 60, 5, 10]


def test_without_a_faster_interval_it_is_always_the_same() -> None:
    assert follow(".+.+", fast=60) == [60, 60, 60, 60]


def test_no_credit_is_spent_for_speed_when_they_are_short() -> None:
    assert follow(".++.", short=True) == [60, 60, 60, 60]


def test_by_default_news_costs_up_to_four_times_as_much() -> None:
    assert fast_by_default(MINUTE) == timedelta(seconds=15)
    assert fast_by_default(timedelta(seconds=2)) == FASTEST
    assert fast_by_default(timedelta(milliseconds=500)) == timedelta(milliseconds=500)


def test_a_day_costs_its_polls_and_metadata_four_times_or_each_hour() -> None:
    stream = Stream(address="a-b/Leads", route="a-b", source="a", target="b", source_module="Leads",
                    target_module="Leads", key=None, poll=MINUTE, poll_fast=MINUTE / 4)  # fmt: skip
    assert (idle_a_day("a", [stream]), busy_a_day("a", [stream])) == (1_440 + 4 * 3, 4 * 1_440 + 24 * 3)
    assert (idle_a_day("b", [stream]), busy_a_day("b", [stream])) == (4 * 3, 24 * 3)


@given(durations, durations, durations, st.booleans(), st.booleans())
def test_no_wait_is_longer_than_poll_nor_shorter_than_the_fastest(
    before: timedelta, fast: timedelta, poll: timedelta, news: bool, short: bool
) -> None:
    wait = next_interval(before, fast=fast, poll=poll, news=news, short=short)
    assert min(fast, before, poll) <= wait <= poll
