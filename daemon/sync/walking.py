"""The walk of `orgsync verify` through one org, bucket by bucket, from the newest to the oldest."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from daemon.core.buckets import Bucket, halves, known_in
from daemon.core.record import Change
from daemon.sync.shelf import NotByBucketsError, Shelf
from daemon.zoho.errors import CredentialRefused, RequestRefused


@dataclass(slots=True, kw_only=True)
class How:
    """How one org was gone through: records that were counted, in so many buckets, of which the longest has `longest`
    points; and records that were read.
    """

    counted: int = 0
    buckets: int = 0
    longest: int = 0
    read: int = 0


class Walk:
    """`points` are what the ledger knows, ascending; `known` says how many of them are to be in a bucket, `read` reads
    one (None: everything), and `tell` hears how many records are done.

    `edge` is where the walk stands: everything from there on is done. `proved` are the buckets that hold as many
    records as are known.
    """

    def __init__(
        self,
        shelf: Shelf,
        points: Sequence[int],
        known: Callable[[Bucket], int],
        read: Callable[[Bucket | None], None],
        tell: Callable[[int], None],
    ) -> None:
        self.shelf = shelf
        self.how = How()
        self.edge = shelf.end
        self.proved: list[Bucket] = []
        self._points = points
        self._known = known
        self._read = read
        self._tell = tell

    def go(self, buckets: Sequence[Bucket]) -> bool:
        """Through all buckets, which lie in order. False: the org does not answer for a part of its records, so that
        all of them were read.
        """
        try:
            for bucket in reversed(buckets):
                self._step(bucket)
        except NotByBucketsError:
            self._read(None)
            self.edge = 0
            return False
        self.edge = 0
        return True

    def pages(self, bucket: Bucket | None) -> Iterator[tuple[Change, ...]]:
        """The records of a bucket; None: all. Raises NotByBucketsError."""
        known = 0 if bucket is None else known_in(self._points, bucket.start, bucket.end)
        for changes in self.shelf.all_rows() if bucket is None else self.shelf.rows(bucket, known):
            self.how.read += len(changes)
            yield changes

    def _step(self, bucket: Bucket) -> None:
        self.edge = bucket.end
        self._tell(self.how.counted + self.how.read)
        if bucket.counted:
            self._narrow(bucket, self._count(bucket))
        else:
            self._read(bucket)

    def _narrow(self, bucket: Bucket, found: int) -> None:
        """A bucket that holds so many records: proved by that, or halved until it is cheaper to read."""
        self.edge = bucket.end
        if found == self._known(bucket):
            self.how.counted += found
            self.how.buckets += 1
            self.how.longest = max(self.how.longest, bucket.end - bucket.start)
            self.proved.append(bucket)
            return
        cut = halves(bucket, self._points)
        if cut is None:
            self._read(bucket)
            return
        older, newer = cut
        of_newer = self._count(newer)
        self._narrow(newer, of_newer)
        self._narrow(older, found - of_newer)

    def _count(self, bucket: Bucket) -> int:
        try:
            return self.shelf.count(bucket)
        except (CredentialRefused, RequestRefused):
            raise NotByBucketsError from None
