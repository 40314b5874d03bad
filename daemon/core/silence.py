"""When it is strange that a stream sees no change: "usually 40 an hour at this time, none for 3 hours".

What is usual is what the same hours held on the same weekday in the last four weeks, or, while fewer than two of those
are known, on each of the last seven days. Where single hours are often empty, several in a row may be so by chance: how
often each of them was, on the days that were not idle, must make that unlikely. One empty hour never is, so nobody is
told when people begin late or the clocks change. Pure; hours are counted from 1970 in UTC.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import prod
from statistics import median_low
from typing import Final

LENGTHS: Final = (3, 6, 12, 24)
ENOUGH: Final = 20
"""Fewer changes than this in the whole time may be absent by chance."""
CHANCE: Final = 1e-3
"""How likely it may be, at most, that all hours are empty by chance."""
LOOK_BACK: Final = timedelta(days=30)
_WEEKS: Final = (7, 14, 21, 28)
_DAYS: Final = (1, 2, 3, 4, 5, 6, 7)


@dataclass(frozen=True, slots=True, kw_only=True)
class Silence:
    """No change for so many hours, where `an_hour` were usual."""

    hours: int
    an_hour: float


def hour_of(moment: datetime) -> int:
    """The number of the hour that a time lies in."""
    return int(moment.timestamp() // 3600)


def silence(seen: Mapping[int, int], now: datetime) -> Silence | None:
    """Whether the hours up to now are strangely empty; `seen` is hour -> changes, of hours that had any.

    What is known begins with the first hour in it. The hour that goes on is no full one: it only has to be empty too.
    """
    this = hour_of(now)
    if not seen or seen.get(this, 0):
        return None
    for length in LENGTHS:
        if _changes(seen, this - length, length):
            return None
        usual = _usual(seen, this, length)
        if usual is not None and usual >= ENOUGH and _by_chance(seen, this, length) <= CHANCE:
            return Silence(hours=length, an_hour=usual / length)
    return None


def _usual(seen: Mapping[int, int], this: int, length: int) -> int | None:
    """Changes that the same hours usually have; None while too little is known."""
    first = min(seen)

    def at(days: int) -> int | None:
        start = this - 24 * days - length
        return _changes(seen, start, length) if start >= first else None

    weeks = [count for days in _WEEKS if (count := at(days)) is not None]
    if len(weeks) >= 2:
        return median_low(weeks)
    week = [count for days in _DAYS if (count := at(days)) is not None]
    return min(week) if len(week) == len(_DAYS) else None


def _by_chance(seen: Mapping[int, int], this: int, length: int) -> float:
    """How likely it is that all these hours are empty, by how often each was on the last four weeks' days that had any
    change in them. Hours that are mostly empty on this weekday say nothing: Sunday's before a Monday.
    """
    first = min(seen)
    starts = {days: this - 24 * days - length for days in range(1, _WEEKS[-1] + 1)}
    known = {days: start for days, start in starts.items() if start >= first}
    busy = [start for start in known.values() if _changes(seen, start, length)]
    weeks = [known[days] for days in _WEEKS if days in known]
    telling = [h for h in range(length) if 2 * sum(start + h in seen for start in weeks) >= len(weeks)]
    return prod((sum(start + h not in seen for start in busy) + 0.5) / (len(busy) + 1) for h in telling)


def _changes(seen: Mapping[int, int], start: int, length: int) -> int:
    return sum(seen.get(hour, 0) for hour in range(start, start + length))
