"""Soon after news, later and later while there is none, and never later than `poll`."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.budget import Budget
from daemon.core.pace import (
    FASTEST,
    busy_a_day,
    fast_by_default,
    for_polls,
    idle_a_day,
    next_interval,
    slowed,
    with_room,
)
from daemon.core.rules import Deletes, Route, Stream

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)
durations = st.integers(1, 86_400).map(lambda s: timedelta(seconds=s))


def a_stream(module: str, poll: timedelta, source: str = "a", deletes: Deletes = "ignore") -> Stream:
    return Stream(address=f"{source}-b/{module}", route=f"{source}-b", source=source, target="b", source_module=module,
                  target_module=module, key=None, poll=poll, poll_fast=poll / 4, deletes=deletes)  # fmt: skip


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
    stream = a_stream("Leads", MINUTE)
    assert (idle_a_day("a", [stream]), busy_a_day("a", [stream])) == (1_440 + 4 * 3, 4 * 1_440 + 24 * 3)
    assert (idle_a_day("b", [stream]), busy_a_day("b", [stream])) == (4 * 3, 24 * 3)


@given(durations, durations, durations, st.booleans(), st.booleans())
def test_no_wait_is_longer_than_poll_nor_shorter_than_the_fastest(
    before: timedelta, fast: timedelta, poll: timedelta, news: bool, short: bool
) -> None:
    wait = next_interval(before, fast=fast, poll=poll, news=news, short=short)
    assert min(fast, before, poll) <= wait <= poll


def test_polls_are_as_far_apart_as_half_of_the_ceiling_lets() -> None:
    leads, others = a_stream("Leads", 5 * MINUTE), a_stream("Leads", MINUTE, source="c")
    routes = [Route(name=f"{s.source}-b", source=s.source, target="b", streams=(s,)) for s in (leads, others)]
    budgets = {"a": Budget(ceiling=340), "b": Budget(ceiling=100), "c": Budget(ceiling=4_000)}
    first, second = with_room(routes, budgets)
    assert first.streams == (replace(leads, poll=timedelta(seconds=547)),)  # 158 polls, and 12 for metadata
    assert second.streams == (others,)


streams = st.lists(
    st.builds(
        a_stream, st.sampled_from("ABCDEF"), durations, st.sampled_from("ac"), st.sampled_from(["ignore", "delete"])
    ),
    max_size=6,
)


@given(streams, st.integers(20, 50_000))
def test_slowed_polls_fit_into_their_share_and_none_is_faster_than_told(told: list[Stream], ceiling: int) -> None:
    found = slowed("a", ceiling, told)
    share, bare = for_polls(ceiling), idle_a_day("a", [replace(s, poll=2 * DAY) for s in told])
    assert idle_a_day("a", found) <= max(share, bare + share // 2)
    assert all(
        new == replace(old, poll=new.poll) and new.poll >= old.poll for new, old in zip(found, told, strict=True)
    )
    assert all(new == old for new, old in zip(found, told, strict=True) if old.source == "c")
    assert idle_a_day("a", told) > share or found == tuple(told)
    assert slowed("a", None, told) == tuple(told)
