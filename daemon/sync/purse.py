"""The credits of one org as the ledger counts them for all who share it, and what may still run there."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from daemon.core.budget import FRESH, LEAST, Account, Budget, Leeway, Spent, about_credits, back_at, judge, period_of
from daemon.core.credits import Told
from daemon.ledger import Ledger
from daemon.zoho.purse import Wait

_FEW: Final = 10  # credits that are taken in advance
_MANY: Final = 500
_LOOK_AGAIN: Final = timedelta(minutes=1)  # at what other daemons have spent


class LedgerPurse:
    """Takes credits before calls, some in advance. Close it to give back what was not spent of these.

    Everything may raise LedgerError: what cannot be counted is not spent.
    """

    def __init__(self, org: str, budget: Budget, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._org = org
        self._budget = budget
        self._ledger = ledger
        self._now = now
        self._turn = threading.RLock()
        self._advance = Spent(at=period_of(now()), credits=0)  # taken and not spent yet, in this period
        self._used = 0  # of what was taken in this period
        self._account = Account()
        self._looked_at: datetime | None = None
        self._told: Told | None = None
        self._answered_at: datetime | None = None

    def take(self, wanted: int) -> Wait | None:
        """Take credits before they are spent: all that are wanted, or none and the reason."""
        with self._turn:
            now = self._now()
            leeway = self._judge(now)
            if leeway.left is not None and wanted > leeway.left:
                return self._wait(leeway, wanted, now)
            if self._advance.at != period_of(now):
                self.close()
                self._advance, self._used = Spent(at=period_of(now), credits=0), 0
            if self._advance.credits < wanted:
                self._take_more(wanted, now)
            if self._advance.credits < wanted:
                return self._wait(self._judge(now), wanted, now)
            self._advance = replace(self._advance, credits=self._advance.credits - wanted)
            self._used += wanted
            return None

    def heard(self, remaining: int | None) -> None:
        """The org has answered, and said what it has left, or nothing of it."""
        with self._turn:
            self._answered_at = self._now()
            if remaining is not None:
                self._told = Told(remaining=remaining, at=self._answered_at)

    def leeway(self) -> Leeway:
        """What may run in the org."""
        with self._turn:
            return self._judge(self._now())

    def close(self) -> None:
        """Give back what was taken in advance."""
        with self._turn:
            if self._advance.credits:
                self._ledger.give_credits_back(self._org, self._advance)
                self._advance, self._looked_at = replace(self._advance, credits=0), None

    def _take_more(self, wanted: int, now: datetime) -> None:
        missing = wanted - self._advance.credits
        ceiling = self._budget.ceiling
        many = _MANY if ceiling is None else min(_MANY, ceiling // 100)  # others, and `status`, take it for spent
        ahead = max(_FEW, min(many, self._used // 4))
        granted, self._account = self._ledger.take_credits(self._org, max(missing, ahead), ceiling, self._told, now)
        self._looked_at = now
        self._advance = replace(self._advance, credits=self._advance.credits + granted)

    def _judge(self, now: datetime) -> Leeway:
        if self._looked_at is None or not timedelta() <= now - self._looked_at < _LOOK_AGAIN:
            self._account, self._looked_at = self._ledger.account(self._org), now
        ours = replace(self._advance, credits=-self._advance.credits)  # taken, and there to be spent
        account = Account(spent=(*self._account.spent, ours), told=self._told)
        return judge(self._org, self._budget, account, now, self._answered_at)

    def _wait(self, leeway: Leeway, wanted: int, now: datetime) -> Wait:
        """Until there are so many; where the org has to be asked, until it is asked."""
        until = leeway.until
        if leeway.by_ceiling and self._budget.ceiling is not None:
            until = back_at(self._account.spent, self._budget.ceiling - max(wanted, LEAST), now)
        until = until or now + FRESH
        why = about_credits(replace(leeway, allows="nothing", until=until)) or ""
        return Wait(seconds=max(1.0, (until - now).total_seconds()), why=why)
