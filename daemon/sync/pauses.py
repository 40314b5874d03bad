"""When an org is asked once more, where its answer takes a while: after longer and longer pauses."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

LOOKS: Final = tuple(timedelta(seconds=s) for s in (2, 4, 8, 15, 30, 60))  # between looks at a job that runs


class Pauses:
    """The pauses in their order; the last one comes again and again. `taken`: so many since it was cleared."""

    def __init__(self, pauses: Sequence[timedelta], now: Callable[[], datetime]) -> None:
        self._pauses = pauses
        self._now = now
        self.clear()

    def clear(self) -> None:
        """There is nothing to be asked any more."""
        self.taken = 0
        self._over_at: datetime | None = None

    def take(self, most: timedelta | None = None) -> timedelta:
        """The next one begins, and is at most so long; gives its length."""
        pause = self._pauses[min(self.taken, len(self._pauses) - 1)]
        self._length = pause if most is None else min(pause, most)
        self._over_at = self._now() + self._length
        self.taken += 1
        return self._length

    def left(self) -> timedelta:
        """Of the one that goes on. Never more than all of it, for the clock may have gone back."""
        if self._over_at is None:
            return timedelta()
        return min(max(self._over_at - self._now(), timedelta()), self._length)
