"""The source's clock may go back: what is edited then stands before the checkpoint, which never does (design 3).

So after such a step the source is read again from a time on that is before everything unseen; the digests see to it
that nothing is written twice.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from daemon.core.record import Position
from daemon.ledger import StreamState
from daemon.zoho.client import Zoho

LONG_WALK: Final = timedelta(minutes=5)
"""A walk that ended before a restart began at most so long before its end."""
_STEP: Final = timedelta(seconds=5)
"""What two clocks may differ by over a while and be right; Date has whole seconds."""


@dataclass(frozen=True, slots=True)
class _Moment:
    """By our clock, and by the source's as it was then."""

    ours: datetime
    theirs: datetime


class SourceClock:
    """Remembers for one stream which steps of the source's clock were read up to, and when its walks began."""

    def __init__(self, source: Zoho, lag: timedelta, now: Callable[[], datetime]) -> None:
        self._source = source
        self._lag = lag
        self._now = now
        self._breaks = 0  # of the source's clock that were read up to
        self._noticed = 0
        self._began: _Moment | None = None
        self._read_until: _Moment | None = None  # when the last walk that reached the present began

    def walk_begins(self) -> None:
        """A walk of one or several cycles."""
        if self._began is None:
            self._began = _Moment(self._now(), self._source.clock_before_next_call())
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

        Until the clock has passed the checkpoint, and once more then, every walk starts where the last one that reached
        the present began; one that is going on has started there.
        """
        starts = list(self._source.clock_breaks[self._breaks :])
        if not going_on and (unread := self._unread_since(state)) is not None:
            starts.append(unread)
        return min(starts) - self._lag if starts else None

    def _unread_since(self, state: StreamState) -> datetime | None:
        """From when on nothing was read, by the source's clock as it is now, where that is before the checkpoint."""
        server_time = self._source.clock_before_next_call()

        def is_passed(moment: datetime) -> bool:
            return second_of(moment) < state.position

        if (last := self._read_until) is not None:
            since = server_time - max(self._now() - last.ours, timedelta())
            return min(since, last.theirs) if is_passed(min(server_time, last.theirs)) else None
        if state.read_at is None:
            return server_time if is_passed(server_time) else None
        off = max(self._now() - state.read_at, timedelta())  # since a daemon read it last
        before = state.current_until if state.caught_up_at is not None else None
        went_back = before is not None and server_time - before < off - _STEP
        return server_time - off - LONG_WALK if went_back or is_passed(server_time) else None


def second_of(moment: datetime) -> Position:
    """The place before every record of a second."""
    return Position(modified_time=moment.replace(microsecond=0), record_id="0")
