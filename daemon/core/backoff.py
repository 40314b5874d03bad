"""When to try again."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

FIRST: Final = timedelta(seconds=5)
LONGEST: Final = timedelta(hours=1)


def backoff(attempts: int, jitter: float) -> timedelta:
    """Exponential with full jitter and a cap: `jitter` in [0, 1) of 5 s, 10 s, 20 s … 1 h, and never under 1 s."""
    doublings = min(attempts - 1, 20)
    ceiling = min(LONGEST, FIRST * (1 << doublings))
    return max(timedelta(seconds=1), ceiling * jitter)
