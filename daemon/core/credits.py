"""Whether an org's API credits are about to run out, from what it says of them (facts 9.4).

Zoho tells what is left only from half of the day's allowance on; an org that answers and does not tell has more.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

FEW: Final = 1_000
SOON: Final = timedelta(hours=2)
_FRESH: Final = timedelta(minutes=10)
_PACE_OF: Final = timedelta(hours=1)
_PACE_FROM: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What an org said was left, and when."""

    remaining: int
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """`low` is None while nothing is known; `lasts` is how long the credits last, where they grow fewer."""

    low: bool | None = None
    remaining: int | None = None
    lasts: timedelta | None = None


def forecast(told: Sequence[Told], answered_at: datetime | None, now: datetime) -> Forecast:
    """Low: fewer than FEW are left, or they last for less than SOON at the pace of the last hour.

    `told` is in order of time; `answered_at` is when the org last answered anything. Where little is known, nothing is
    said: what an org told ten minutes ago, and no more since, may be half true.
    """
    if answered_at is None or not timedelta() <= now - answered_at < _FRESH:
        return Forecast()
    last = told[-1] if told else None
    if last is None or answered_at - last.at >= _FRESH:
        return Forecast(low=False)
    lasts = _lasts([one for one in told if last.at - one.at <= _PACE_OF])
    low = last.remaining < FEW or (lasts is not None and lasts < SOON)
    return Forecast(low=low, remaining=last.remaining, lasts=lasts)


def _lasts(told: Sequence[Told]) -> timedelta | None:
    first, last = told[0], told[-1]
    spent, took = first.remaining - last.remaining, last.at - first.at
    if took < _PACE_FROM or spent <= 0:
        return None
    return took * (last.remaining / spent)
