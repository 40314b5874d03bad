"""The source's clock may go back: what is edited then stands before the checkpoint, which never does (design 3).

So after such a step the source is read again from a time on that is before everything unseen; the digests see to it
that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from daemon.ledger import StreamState
from daemon.zoho.client import Zoho

LONG_WALK: Final = timedelta(minutes=5)
"""A walk that ended before a restart began at most so long before its end."""


class SourceClock:
    """Remembers for one stream which steps of the source's clock were read up to, and when its walks began."""

    def __init__(self, source: Zoho, lag: timedelta, now: Callable[[], datetime]) -> None:
        self._source = source
        self._lag = lag
        self._now = now
        self._breaks = 0  # of the source's clock that were read up to
        self._noticed = 0
        self._began: datetime | None = None  # by our clock
        self._read_until: datetime | None = None  # by our clock: when the last walk that reached the present began

    def walk_begins(self) -> None:
        """A walk of one or several cycles."""
        if self._began is None:
            self._began = self._now()
        self._noticed = len(self._source.clock_breaks)

    def walk_pauses(self) -> None:
        """So far without trouble."""
        self._breaks = self._noticed

    def walk_ends(self) -> None:
        """It has reached the present."""
        self._breaks = self._noticed
        self._read_until, self._began = self._began, None

    def back_to(self, state: StreamState, *, going_on: bool = False) -> datetime | None:
        """The time from which the source must be read again because its clock went back; None when it did not.

        Until the clock has caught up, every walk starts where the last one that reached the present began; one that is
        going on has started there.
        """
        server_time = self._source.clock_before_next_call()
        breaks = list(self._source.clock_breaks[self._breaks :])
        if not going_on and server_time < state.position.modified_time:
            last = self._read_until or (state.read_at and state.read_at - LONG_WALK)
            unseen = timedelta() if last is None else self._now() - last
            breaks.append(server_time - max(unseen, timedelta()))
        return min(breaks) - self._lag if breaks else None
