"""When a stream is read next: soon after news, ever later while there is none; and what reading costs."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Final

from daemon.core.budget import Budget
from daemon.core.rules import Route, Stream

SLOWER: Final = 2
FASTEST: Final = timedelta(seconds=1)
_QUARTER: Final = 4
_READ_IDLE: Final = 4  # times a day that metadata is read while nothing is written, and else (sync/catalog.py)
_READ_BUSY: Final = 24
_SHARE: Final = 2  # polls that find nothing take at most half of a ceiling
_DAY: Final = timedelta(days=1)


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


def for_polls(ceiling: int) -> int:
    """How many credits of a ceiling reading may take a day while nothing changes; the rest is for what is found."""
    return ceiling // _SHARE


def slowed(org: str, ceiling: int | None, streams: Collection[Stream]) -> tuple[Stream, ...]:
    """The streams, those that read the org at intervals so long (in whole seconds) that this takes no more than its
    share of the ceiling. What metadata takes of the share is at most half of it, or polls would have nothing.
    """
    wanted = sum(_DAY / s.poll * _price(s) for s in streams if s.source == org)
    if ceiling is None or idle_a_day(org, streams) <= for_polls(ceiling) or wanted == 0:
        return tuple(streams)
    share = for_polls(ceiling)
    longer = wanted / max(1, share // 2, share - _READ_IDLE * _metadata(org, streams))
    if longer <= 1:
        return tuple(streams)
    return tuple(replace(s, poll=_whole(s.poll * longer)) if s.source == org else s for s in streams)


def with_room(routes: Collection[Route], budgets: Mapping[str, Budget]) -> tuple[Route, ...]:
    """The routes, their streams polled as often as the ceilings of their sources let."""
    streams = tuple(stream for route in routes for stream in route.streams)
    for org, budget in budgets.items():
        streams = slowed(org, budget.ceiling, streams)
    found = {stream.address: stream for stream in streams}
    return tuple(replace(route, streams=tuple(found[s.address] for s in route.streams)) for route in routes)


def _whole(interval: timedelta) -> timedelta:
    return timedelta(seconds=math.ceil(interval.total_seconds()))


def _metadata(org: str, streams: Collection[Stream]) -> int:
    """Credits of reading all that is to be known of an org once: itself, its people, and the fields of each module."""
    read = {stream.source_module for stream in streams if stream.source == org}
    return 2 + len(read | {stream.target_module for stream in streams if stream.target == org})


def _polls_a_day(stream: Stream, every: timedelta) -> int:
    return int(_DAY / every) * _price(stream)


def _price(stream: Stream) -> int:
    return 1 if stream.deletes == "ignore" else 2
