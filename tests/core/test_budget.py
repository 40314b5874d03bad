"""What may run by what is spent: never past the ceiling, new changes last to stop, and credits come back."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from daemon.core.budget import (
    ALLOWS,
    COUNTS_FOR,
    FRESH,
    LEAST,
    PERIOD,
    TURN,
    TURN_EVERY,
    UNLIMITED,
    WINDOW,
    Account,
    Budget,
    Leeway,
    Spent,
    about_credits,
    back_at,
    judge,
    period_of,
    reached,
    records_for,
    together,
    turn_of,
)
from daemon.core.credits import Told

NOON = datetime(2026, 5, 4, 12, 0, tzinfo=UTC)
MINUTE = timedelta(minutes=1)


def spent(*pairs: tuple[float, int]) -> list[Spent]:
    """(hours before noon, credits)"""
    return [Spent(at=NOON - timedelta(hours=ago), credits=many) for ago, many in pairs]


def by_ceiling(ceiling: int, *pairs: tuple[float, int]) -> Leeway:
    return judge("us", Budget(ceiling=ceiling), Account(spent=spent(*pairs)), NOON)


def by_word(remaining: int, ago: timedelta = MINUTE, answered: timedelta = MINUTE, **budget: int) -> Leeway:
    account = Account(told=Told(remaining=remaining, at=NOON - ago))
    return judge("us", Budget(**budget), account, NOON, NOON - answered)


def test_without_limits_all_may_run() -> None:
    free = judge("us", UNLIMITED, Account(spent=spent((1, 10**9))), NOON)
    assert (free.allows, free.left, free.spare, free.short) == ("everything", None, None, False)


@pytest.mark.parametrize(
    ("used", "allows"),
    [(0, "everything"), (799, "everything"), (800, "news"), (995, "news"), (996, "nothing"), (2_000, "nothing")],
)
def test_the_last_fifth_is_for_new_changes(used: int, allows: str) -> None:
    leeway = by_ceiling(1_000, (1, used))
    assert leeway.allows == allows
    assert leeway.left == max(0, 1_000 - used)
    assert leeway.spare == max(0, 800 - used)


def test_a_person_is_told_when_it_goes_on() -> None:
    # 24 h, the ten minutes and one minute after 02:59 of yesterday
    full = by_ceiling(1_000, (33 + 1 / 60, 100), (9 + 1 / 60, 900), (2, 100))
    assert about_credits(full) == (
        "orgsync's ceiling in us (1,000 credits in 24 hours) is reached; goes on at 2026-05-05 03:10 UTC"
    )
    assert full.reached_at is None
    near = by_ceiling(1_000, (23, 50), (2, 800))  # their turn comes before the 800 are back
    assert about_credits(near) == (
        "orgsync's ceiling in us (1,000 credits in 24 hours) is near: 850 are spent; retries, full comparisons and "
        "first passes wait until 2026-05-05 03:00 UTC; new changes of all other streams go on"
    )
    # 100 in the last hour leave 160 minutes for the 266 until four fifths, and 280 for the 466 that are left
    soon = by_ceiling(1_000, (5, 434), (0.5, 100))
    assert about_credits(soon) == (
        "at this rate orgsync's ceiling in us (1,000 credits in 24 hours) is near 14:39 UTC (then retries, full "
        "comparisons and first passes wait), and is reached 16:39 UTC if new changes alone go on so"
    )
    assert soon.short
    # 22 in the last hour leave 13.4 hours for the 294 until then; before the rest is spent 484 are back
    slow = by_ceiling(1_000, (5, 484), (0.5, 22))
    assert about_credits(slow) == (
        "at this rate orgsync's ceiling in us (1,000 credits in 24 hours) is near 2026-05-05 01:21 UTC (then retries, "
        "full comparisons and first passes wait)"
    )
    assert not slow.short
    assert about_credits(by_ceiling(1_000, (5, 434))) is None


def test_what_comes_back_meanwhile_is_in_the_forecast() -> None:
    steady = [Spent(at=NOON - PERIOD * n, credits=5) for n in range(1, 145)]  # 720 in a day, and no more to come
    assert reached(730, steady, NOON) is None
    assert reached(722, steady, NOON) is not None


@pytest.mark.parametrize(
    ("left", "allows"), [(10_000, "everything"), (4_000, "news"), (2_400, "news"), (2_004, "nothing"), (0, "nothing")]
)
def test_a_reserve_is_left_to_others(left: int, allows: str) -> None:
    leeway = by_word(left, daily=14_000, reserve=2_000)
    assert leeway.allows == allows
    assert leeway.short  # an org that tells what is left has used half of it


def test_a_person_is_told_of_the_reserve() -> None:
    assert about_credits(by_word(1_900, reserve=2_000)) == (
        "us has 1,900 API credits left, and 2,000 are kept for others; looks again at 12:09 UTC"
    )


def test_what_an_org_said_is_asked_once_more_and_forgotten_when_it_says_no_more() -> None:
    old = by_word(0, ago=FRESH, answered=FRESH, reserve=100)
    assert (old.allows, old.left) == ("news", LEAST)
    assert by_word(0, ago=FRESH, answered=MINUTE, reserve=100) == judge("us", Budget(reserve=100), Account(), NOON)


def test_a_page_has_as_many_records_as_can_be_carried_to_their_end() -> None:
    assert records_for(None, 2_000) == 2_000
    assert [records_for(left, 2_000) for left in (403, 103, LEAST, 0)] == [2_000, 500, 10, 1]
    assert records_for(123, 500, one_by_one=True) == 100


periods = st.builds(lambda n, many: Spent(at=NOON - PERIOD * n, credits=many), st.integers(0, 160), st.integers(0, 300))
accounts = st.lists(periods, max_size=60)
ceilings = st.integers(100, 5_000)


@given(accounts, ceilings)
def test_more_spending_never_allows_more(account: list[Spent], ceiling: int) -> None:
    budget = Budget(ceiling=ceiling)
    before = judge("us", budget, Account(spent=account), NOON)
    after = judge("us", budget, Account(spent=[*account, Spent(at=NOON, credits=1)]), NOON)
    assert ALLOWS.index(after.allows) <= ALLOWS.index(before.allows)
    assert (before.allows == "nothing") == (before.left is not None and before.left < LEAST)


@given(accounts, ceilings)
def test_what_is_said_of_the_future_comes_true_if_nothing_is_spent(account: list[Spent], ceiling: int) -> None:
    budget = Budget(ceiling=ceiling)
    leeway = judge("us", budget, Account(spent=account), NOON)
    if leeway.until is not None:
        just_before = judge("us", budget, Account(spent=account), leeway.until - timedelta(microseconds=1))
        assert leeway.allows in ("news", just_before.allows)  # others wait longer at the present pace
        assert ALLOWS.index(judge("us", budget, Account(spent=account), leeway.until).allows) > ALLOWS.index(
            leeway.allows
        )


@settings(max_examples=30, deadline=None)
@given(ceilings, st.integers(0, 90), st.integers(0, 600))
def test_new_changes_that_take_nearly_all_leave_a_share_to_the_rest_and_the_rest_leaves_them_theirs(
    ceiling: int, percent: int, begin: int
) -> None:
    """They come evenly; after a day of them there is more of the rest than will ever be done."""
    budget, account, waited = Budget(ceiling=ceiling), list[Spent](), 0
    for number in range(4 * 48):
        now, even = NOON + PERIOD * (begin + 3 * number), ceiling * percent / 100 / 49
        new = int(even * (number + 1)) - int(even * number)
        assert new <= (judge("us", budget, Account(spent=account), now).left or 0)
        account.append(Spent(at=now, credits=new))
        leeway = judge("us", budget, Account(spent=account), now)
        waited += 1
        if leeway.allows == "everything" and number > 48:
            account.append(Spent(at=now, credits=leeway.spare or 0))
            waited = 0
        assert leeway.allows != "nothing"
        assert number <= 48 + 51 or waited * 3 * PERIOD <= TURN_EVERY


@given(accounts, ceilings)
def test_in_a_turn_the_rest_may_take_part_until_a_sixteenth_is_spent(account: list[Spent], ceiling: int) -> None:
    now = turn_of(NOON) + TURN_EVERY + TURN - PERIOD
    leeway = judge("us", Budget(ceiling=ceiling), Account(spent=account), now)
    after = judge("us", Budget(ceiling=ceiling), Account(spent=account), now + PERIOD)
    assert leeway.left is not None
    assert leeway.spare is not None
    assert leeway.spare >= min(leeway.left, max(LEAST, ceiling // 16))  # nothing was spent in it
    assert after.spare == max(0, (after.left or 0) - ceiling // 5)


@given(accounts, st.integers(0, 5_000))
def test_credits_are_back_when_it_is_said(account: list[Spent], down_to: int) -> None:
    at = back_at(account, down_to, NOON)
    assert at is not None
    assert sum(one.credits for one in account if one.at + COUNTS_FOR > at) <= down_to
    assert at == NOON or sum(one.credits for one in account if one.at + COUNTS_FOR >= at) > down_to


@given(accounts, ceilings)
def test_the_forecast_is_what_a_simulation_by_minutes_finds(account: list[Spent], ceiling: int) -> None:
    pace = sum(one.credits for one in account if one.at > NOON - timedelta(hours=1)) / 60

    def total(at: datetime) -> float:
        return pace * ((at - NOON) / MINUTE) + sum(one.credits for one in account if one.at + COUNTS_FOR >= at)

    assume(total(NOON) < ceiling)
    at = reached(ceiling, account, NOON)
    found = [n for n in range(1, 24 * 60) if total(NOON + n * MINUTE) >= ceiling]
    assert at is None or total(at) >= ceiling - 0.001
    assert not found or (at is not None and at <= NOON + found[0] * MINUTE)


@given(st.lists(st.tuples(st.floats(0, 72), st.integers(1, 300)), max_size=80), ceilings)
def test_whoever_keeps_to_what_is_left_never_passes_the_ceiling_in_any_24_hours(
    wishes: list[tuple[float, int]], ceiling: int
) -> None:
    budget, account, calls = Budget(ceiling=ceiling), list[Spent](), list[tuple[datetime, int]]()
    for hours, wanted in sorted(wishes):
        now = NOON + timedelta(hours=hours)
        leeway = judge("us", budget, Account(spent=account), now)
        if leeway.left is not None and wanted <= leeway.left:
            account.append(Spent(at=period_of(now), credits=wanted))
            calls.append((now, wanted))
    for begin, _ in calls:
        assert sum(many for at, many in calls if begin <= at < begin + WINDOW) <= ceiling


def test_a_stream_does_what_both_its_orgs_allow() -> None:
    rich, poor = by_ceiling(1_000, (1, 100)), by_ceiling(500, (1, 450))
    assert together(rich, poor).allows == together(poor, rich).allows == "news"
    assert (together(rich, poor).left, together(rich, judge("in", UNLIMITED, Account(), NOON)).left) == (50, 900)
