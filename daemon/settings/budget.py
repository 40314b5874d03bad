"""The credits of an org: shares as numbers, and limits that fit together."""

from __future__ import annotations

from typing import Final

from daemon.core.budget import UNLIMITED, Budget
from daemon.settings.problem import NOTHING, Problem, describe, join
from daemon.settings.shape import OrgEntry
from daemon.settings.values import DAILY

LOWEST: Final = 100
"""A ceiling under which not even one page could be carried to its end."""


def read_budget(entry: OrgEntry, at: str, problems: list[Problem]) -> Budget:
    """The limits that an org's table sets."""
    daily, reserve, ceiling = entry.daily_credits, entry.reserve, entry.ceiling
    shares = [name for name, value in (("reserve", reserve), ("ceiling", ceiling)) if isinstance(value, float)]
    if shares and daily is None:
        hint = f"{' and '.join(shares)} are given as a share of it"
        problems.append(Problem(path=join(at, "daily_credits"), found=NOTHING, allowed=DAILY, hint=hint))
        return UNLIMITED
    budget = Budget(
        daily=daily,
        reserve=_number(reserve, daily),
        ceiling=None if ceiling is None else _number(ceiling, daily),
    )
    if daily is not None and budget.reserve >= daily:
        problems.append(_wrong(at, "reserve", reserve, "less than daily_credits, or nothing could run"))
    if budget.ceiling is not None and budget.ceiling < LOWEST:
        problems.append(_wrong(at, "ceiling", ceiling, f"{LOWEST} credits or more; for no ceiling leave it out"))
    if budget.ceiling is not None and daily is not None and budget.ceiling > daily:
        problems.append(_wrong(at, "ceiling", ceiling, "not more than daily_credits"))
    return budget


def _number(given: float, daily: int | None) -> int:
    return int(given * daily) if isinstance(given, float) and daily is not None else int(given)


def _wrong(at: str, key: str, given: float | None, allowed: str) -> Problem:
    shown = f"{given:.0%}" if isinstance(given, float) else describe(given)
    return Problem(path=join(at, key), found=shown, allowed=allowed)
