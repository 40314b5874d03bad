"""When a stream is read next: soon after news, ever later while there is none; and what reading costs."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta
from typing import Final

from daemon.core.rules import Stream

SLOWER: Final = 2
FASTEST: Final = timedelta(seconds=1)
_QUARTER: Final = 4
_READ_IDLE: Final = 4  # times a day that metadata is read while nothing is written, and else (sync/catalog.py)
_READ_BUSY: Final = 24


def fast_by_default(poll: timedelta) -> timedelta:
    """A quarter of the interval: while changes keep coming, reading costs four times as much, and never more."""
    return min(poll, max(FASTEST, poll / _QUARTER))


def next_interval(before: timedelta, *, fast: timedelta, poll: timedelta, news: bool, short: bool) -> timedelta:
    """How long after the cycle that came `before` seconds after its predecessor the next one begins. `short`: no credit
    is to be spent for speed.
    """
    if short:
        return poll
    return min(poll, fast if news else before * SLOWER)


def idle_a_day(org: str, streams: Collection[Stream]) -> int:
    """About how many credits a day an org is asked for while nothing changes: a poll is one, two where deletions are
    carried, and metadata is read every six hours.
    """
    polls = sum(_polls_a_day(stream, stream.poll) for stream in streams if stream.source == org)
    return polls + _READ_IDLE * _metadata(org, streams)


def busy_a_day(org: str, streams: Collection[Stream]) -> int:
    """The same while every poll of every stream finds a change, and metadata is read every hour; what is written comes
    on top.
    """
    faster = sum(
        _polls_a_day(stream, stream.poll_fast or stream.poll) - _polls_a_day(stream, stream.poll)
        for stream in streams
        if stream.source == org
    )
    return idle_a_day(org, streams) + faster + (_READ_BUSY - _READ_IDLE) * _metadata(org, streams)


def _metadata(org: str, streams: Collection[Stream]) -> int:
    """Credits of reading all that is to be known of an org once: itself, its people, and the fields of each module."""
    read = {stream.source_module for stream in streams if stream.source == org}
    return 2 + len(read | {stream.target_module for stream in streams if stream.target == org})


def _polls_a_day(stream: Stream, every: timedelta) -> int:
    return int(timedelta(days=1) / every) * (1 if stream.deletes == "ignore" else 2)
