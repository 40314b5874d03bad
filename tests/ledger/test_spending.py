"""Credits are counted before they are spent, for all daemons together, and no clock makes them forgotten or eternal."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from daemon.core.budget import COUNTS_FOR, PERIOD, Account, Spent, period_of
from daemon.core.credits import Told
from daemon.ledger import Ledger, Reader

HOUR = timedelta(hours=1)


def total(account: Account) -> int:
    return sum(one.credits for one in account.spent)


def test_no_more_is_taken_than_the_ceiling_lets(ledger: Ledger, make: Any) -> None:
    assert ledger.take_credits("us", 80, 100, None, make.now)[0] == 80
    granted, account = ledger.take_credits("us", 80, 100, None, make.now + HOUR)
    assert (granted, total(account)) == (20, 100)
    assert ledger.take_credits("us", 1, 100, None, make.now + HOUR)[0] == 0
    assert ledger.take_credits("india", 80, 100, None, make.now + HOUR)[0] == 80
    assert ledger.take_credits("us", 80, None, None, make.now + HOUR)[0] == 80


def test_credits_come_back_after_24_hours_and_what_was_not_spent_at_once(ledger: Ledger, make: Any) -> None:
    ledger.take_credits("us", 80, 100, None, make.now)
    ledger.give_credits_back("us", Spent(at=period_of(make.now), credits=30))
    assert ledger.take_credits("us", 80, 100, None, make.now + HOUR)[0] == 50
    gone = period_of(make.now) + COUNTS_FOR
    assert ledger.take_credits("us", 80, 100, None, gone - timedelta(microseconds=1))[0] == 0
    granted, account = ledger.take_credits("us", 80, 100, None, gone)
    assert (granted, len(account.spent)) == (50, 2)


def test_what_the_org_said_stands_beside_it(ledger: Ledger, url: str, make: Any) -> None:
    told = Told(remaining=7, at=make.now)
    ledger.take_credits("us", 1, None, told, make.now)
    with Reader.open(url) as reader:
        assert reader.accounts()["us"].told == told
        assert reader.watched(make.now).accounts == reader.accounts()
    assert ledger.account("us").told == told
    assert ledger.take_credits("us", 1, None, None, make.now)[1].told is None


def test_a_clock_that_was_ahead_makes_nothing_count_for_longer_than_a_day(ledger: Ledger, make: Any) -> None:
    ledger.take_credits("us", 80, 100, None, make.now + timedelta(days=400))
    assert ledger.take_credits("us", 80, 100, None, make.now)[0] == 20
    assert ledger.take_credits("us", 80, 100, None, make.now + COUNTS_FOR)[0] == 80


def test_a_clock_that_steps_leaves_what_was_spent_as_old_as_it_was(ledger: Ledger, make: Any) -> None:
    ledger.take_credits("us", 60, 100, None, make.now)
    ledger.take_credits("us", 20, 100, None, make.now + PERIOD)
    now = make.now
    for step in (timedelta(days=3, seconds=17), timedelta(hours=-5, seconds=-1)):
        ledger.retime(now, step)
        now += step
        assert ledger.take_credits("us", 80, 80, None, now + PERIOD)[0] == 0
    assert total(ledger.account("us")) == 80
