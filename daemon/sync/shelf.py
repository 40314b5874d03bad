"""One org's records of a module by buckets (core/buckets.py) of ids or of Modified_Time: how many, or which."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from daemon.core.buckets import Bucket
from daemon.core.record import START, Change, Position
from daemon.sync.changes import LARGE, SMALL, ChangeReader, Page, Sift
from daemon.zoho import coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import RequestRefused

LAST_ID: Final = 10**19 - 1
_MIDDLE: Final = 1000  # rows for two credits (facts 3.1)
_SLACK: Final = 20  # records that nobody knows, and that the limit of a page leaves room for


class NotByBucketsError(Exception):
    """The org is not asked by buckets any more: it, or COQL itself, refused."""


class Shelf:
    """`scope` is a condition that all counted records meet, `sift` one that those which are read meet besides."""

    def __init__(
        self,
        org: Zoho,
        module: str,
        columns: Sequence[str],
        axis: Literal["id", "time"],
        *,
        scope: coql.Condition | None = None,
        sift: coql.Condition | None = None,
        whole: bool = False,
    ) -> None:
        self._org = org
        self._module = module
        self._columns = list(dict.fromkeys(columns))
        self._axis = axis
        self._scope = scope
        self._sift = sift
        self._reader = ChangeReader(org, module, whole=whole)
        self.end = LAST_ID if axis == "id" else int(self._until().timestamp())

    @property
    def org_name(self) -> str:
        return self._org.org.name

    def count(self, bucket: Bucket) -> int:
        """How many records are in a bucket (one credit)."""
        return self._org.count(self._module, _all([*self._bounds(bucket), self._scope]))

    def rows(self, bucket: Bucket, known: int) -> Iterator[tuple[Change, ...]]:
        """The records of a bucket in which so many are known, in pages. Raises NotByBucketsError, also in between."""
        if self._axis == "id":
            where = _all([*self._bounds(bucket), self._scope, self._sift])
            at, sift = START, Sift(where=where, until=self._until())
        else:
            at = Position(modified_time=_moment(bucket.start), record_id="0")
            sift = Sift(where=_all([self._scope, self._sift]), until=_moment(bucket.end))
        limit = next((most for most in (SMALL, _MIDDLE) if known + _SLACK < most), LARGE)
        while at.modified_time < sift.until:
            page = self._page(at, limit, sift)
            if not self._reader.sifts:
                raise NotByBucketsError
            yield page.changes
            at, limit = page.end, LARGE

    def all_rows(self, after: Position = START, limit: int = LARGE) -> Iterator[tuple[Change, ...]]:
        """All records that were changed after a place, by whatever way the org allows."""
        at = after
        while True:
            page = self._page(at, limit, None)
            yield page.changes
            if page.last:
                return
            at, limit = page.end, LARGE

    def by_ids(self, ids: Sequence[str]) -> list[Change]:
        """The records with these ids as they are now; missing ones are absent."""
        return self._reader.by_ids(self._columns, ids)

    def _page(self, at: Position, limit: int, sift: Sift | None) -> Page:
        try:
            return self._reader.page(self._columns, at, limit, sift)
        except RequestRefused:  # then the reader goes the other way
            return self._reader.page(self._columns, at, limit, sift)

    def _bounds(self, bucket: Bucket) -> list[coql.Condition]:
        if self._axis == "time":
            start, end = _moment(bucket.start), _moment(bucket.end)
            return [coql.at_or_after("Modified_Time", start), coql.before("Modified_Time", end)]
        found = [coql.id_after(str(bucket.start - 1))] if bucket.start > 0 else []
        return [*found, *([coql.id_before(str(bucket.end))] if bucket.end < LAST_ID else [])]

    def _until(self) -> datetime:
        """After every Modified_Time, in whole seconds."""
        return (self._org.server_now() + timedelta(days=1)).replace(microsecond=0)


def _all(conditions: Sequence[coql.Condition | None]) -> coql.Condition:
    given = [one for one in conditions if one is not None]
    return coql.and_(given[0], *given[1:]) if given else coql.everything()


def _moment(second: int) -> datetime:
    return datetime.fromtimestamp(second, UTC)
