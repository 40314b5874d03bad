"""Buckets: ranges of a whole number (the second of a Modified_Time, the id of a record) of which one org is asked how
many records it has there, or for the records. Pure; points are what the ledger knows, ascending.

What a count proves: an edit moves a record to the present, out of its bucket, and a deletion takes it away. So a bucket
that holds as many records as the ledger knows there was left alone, but for edits that came so soon after the write
that they lie in the same bucket. Therefore only short buckets of Modified_Time are counted, and only where they hold so
many records that a count, one credit, is cheaper than reading; what lies strewn is read.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

READ: Final = 1_900
"""Records known in a bucket that is read: with some that are not known one answer of 2,000, three credits."""
DENSE: Final = 1_000
SPAN: Final = 60
"""At least DENSE known records within SPAN seconds are counted."""
IDS: Final = 20_000
"""Records known in a bucket of ids that is counted: a deletion may hide in it behind a record that nobody knows."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bucket:
    """All from `start` on and before `end`; to be counted, or else to be read."""

    start: int
    end: int
    counted: bool


def known_in(points: Sequence[int], start: int, end: int) -> int:
    """How many points lie there."""
    return bisect_left(points, end) - bisect_left(points, start)


def to_read(points: Sequence[int], start: int, end: int) -> list[Bucket]:
    """The whole range, in pieces that one answer shows."""
    return _pieces(points, start, end, READ, counted=False)


def to_count(points: Sequence[int], start: int, end: int) -> list[Bucket]:
    """The whole range, to be counted; what comes after all points, where nothing is known, for itself."""
    known_end = min(end, points[-1] + 1) if points and points[-1] >= start else start
    rest = [Bucket(start=known_end, end=end, counted=True)] if known_end < end else []
    return [*(_pieces(points, start, known_end, IDS, counted=True) if start < known_end else []), *rest]


def by_density(points: Sequence[int], start: int, end: int) -> list[Bucket]:
    """The whole range of seconds: what is dense is counted, the rest is read."""
    found: list[Bucket] = []
    at = start
    for first, after in _dense(points, start, end):
        if at < first:
            found += to_read(points, at, first)
        found.append(Bucket(start=first, end=after, counted=True))
        at = after
    return [*found, *(to_read(points, at, end) if at < end else [])]


def halves(bucket: Bucket, points: Sequence[int]) -> tuple[Bucket, Bucket] | None:
    """A counted bucket in two, each with about half of what is known there; None: it is cheaper to read it."""
    low, high = bisect_left(points, bucket.start), bisect_left(points, bucket.end)
    if high - low <= READ:
        return None
    middle = points[(low + high) // 2]
    if middle == points[low]:
        place = bisect_right(points, middle)
        if place >= high:  # all in one second
            return None
        middle = points[place]
    return Bucket(start=bucket.start, end=middle, counted=True), Bucket(start=middle, end=bucket.end, counted=True)


def _pieces(points: Sequence[int], start: int, end: int, most: int, *, counted: bool) -> list[Bucket]:
    """Cut wherever the next point would be one too many; points that are equal stay together."""
    edges, low, high = [start], bisect_left(points, start), bisect_left(points, end)
    while high - low > most:
        edge = points[low + most]
        if edge == points[low]:
            place = bisect_right(points, edge)
            if place >= high:
                break
            edge = points[place]
        edges.append(edge)
        low = bisect_left(points, edge)
    return [Bucket(start=a, end=b, counted=counted) for a, b in zip(edges, [*edges[1:], end], strict=True)]


def _dense(points: Sequence[int], start: int, end: int) -> list[tuple[int, int]]:
    """The short ranges with many points. A gap of less than SPAN between two of them belongs to the first: nothing is
    known there, and one count is cheaper than to look.
    """
    found: list[tuple[int, int]] = []
    low, high = bisect_left(points, start), bisect_left(points, end)
    while low < high:
        first = points[low]
        place = bisect_left(points, first + SPAN, low, high)
        if place - low >= DENSE:
            if found and first - found[-1][1] < SPAN and known_in(points, found[-1][1], first) == 0:
                found[-1] = (found[-1][0], first)
            found.append((first, points[place - 1] + 1))
            low = place
        else:
            low = bisect_right(points, first, low, high)
    return found
