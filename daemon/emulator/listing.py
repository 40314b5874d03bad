"""GET records: which records a page holds, and its `info` (facts 2). Pages are live: an edit shifts what follows."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from daemon.emulator import errors
from daemon.emulator.clock import zone_printer
from daemon.emulator.org import Org
from daemon.emulator.pagetoken import LIFETIME, PageToken
from daemon.emulator.people import User
from daemon.emulator.store import Record, Table, time_key

Json = dict[str, Any]
PAGE_WALL, TOKEN_WALL, MAX_PER_PAGE = 2_000, 100_000, 200


@dataclass(frozen=True, slots=True, kw_only=True)
class Listing:
    """One list call after its parameters have been read."""

    sort_by: str = "id"
    descending: bool = True
    per_page: int = MAX_PER_PAGE
    page: int = 1
    token: PageToken | None = None
    since: int | None = None
    converted: str | None = None
    ids: tuple[int, ...] | None = None

    @property
    def position(self) -> int:
        """How many records stand before this page."""
        return self.token.position if self.token else (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The records of a page, and whether more follow."""

    records: list[Record]
    more: bool


def check_walls(listing: Listing) -> None:
    """The 2,000 and 100,000 record walls (facts 2.3)."""
    if listing.token is None and listing.page * listing.per_page > PAGE_WALL:
        raise errors.page_wall()
    if listing.position + listing.per_page > TOKEN_WALL:
        raise errors.token_wall()


def read_page(org: Org, module: str, listing: Listing) -> Page:
    """The records at the listing's place in the live data."""
    table = org.visible(module)
    want = listing.per_page + 1
    if _by_cursor(org, listing):
        found = _after_cursor(table, listing, want)
    elif listing.ids is None and not _filters_converted(table, listing) and _since_is_a_floor(listing):
        low = None if listing.since is None else time_key(listing.since, 0)
        order = table.ordered(listing.sort_by, descending=listing.descending)
        found = list(order.slice(listing.position, listing.position + want, low))
    else:
        matching = list(_matching(table, listing))
        found = matching[listing.position : listing.position + want]
    return Page(records=found[: listing.per_page], more=len(found) > listing.per_page)


def _since_is_a_floor(listing: Listing) -> bool:
    return listing.since is None or listing.sort_by == "Modified_Time"


def _filters_converted(table: Table, listing: Listing) -> bool:
    if listing.converted is None or listing.converted == "both":
        return False
    return table.converted > 0 or listing.converted == "true"


def _matching(table: Table, listing: Listing) -> Iterator[Record]:
    if listing.ids is not None:
        known = (table.records[number] for number in set(listing.ids) if number in table.records)
        source: Iterator[Record] = iter(sorted(known, key=_key(listing), reverse=listing.descending))
    elif listing.since is not None:
        changed = table.by_time(time_key(listing.since, 0), None)
        source = iter(sorted(changed, key=_key(listing), reverse=listing.descending))
    else:
        source = iter(table.ordered(listing.sort_by, descending=listing.descending))
    for record in source:
        if listing.since is not None and record.modified < listing.since:
            continue
        if listing.converted in ("true", "false"):
            is_converted = bool(record.values.get("Converted__s"))
            if is_converted != (listing.converted == "true"):
                continue
        yield record


def _key(listing: Listing) -> Any:
    return lambda record: record_key(listing.sort_by, record)


def record_key(sort_by: str, record: Record) -> int:
    """Where a record stands in the order of a list call."""
    if sort_by == "id":
        return record.id
    return time_key(record.created if sort_by == "Created_Time" else record.modified, record.id)


def _by_cursor(org: Org, listing: Listing) -> bool:
    return (
        listing.token is not None and listing.token.after is not None and org.quirks.says("page_token_walk", "cursor")
    )


def _after_cursor(table: Table, listing: Listing, want: int) -> list[Record]:
    token = listing.token
    after = token.after if token and token.after is not None else 0
    found = []
    for record in _matching(table, listing):
        key = record_key(listing.sort_by, record)
        if key < after if listing.descending else key > after:
            found.append(record)
            if len(found) == want:
                break
    return found


def page_info(org: Org, listing: Listing, page: Page, caller: User, bound: str) -> Json:
    """The `info` object of a list answer (facts 2.2)."""
    expires = int(org.clock.now()) + LIFETIME
    next_token = previous = None
    if page.more:
        after = record_key(listing.sort_by, page.records[-1])
        following = listing.position + listing.per_page
        next_token = PageToken(user=caller.id, expires=expires, position=following, after=after).encode(bound)
    if listing.position > 0:
        before = max(0, listing.position - listing.per_page)
        previous = PageToken(user=caller.id, expires=expires, position=before, after=None).encode(bound)
    number = listing.page
    if listing.token and org.quirks.says("token_page_number", "advance"):
        number = listing.position // listing.per_page + 1
    return {
        "call": False,
        "per_page": listing.per_page,
        "next_page_token": next_token,
        "count": len(page.records),
        "sort_by": listing.sort_by,
        "page": number,
        "previous_page_token": previous,
        "page_token_expiry": zone_printer(caller.time_zone)(expires) if page.more else None,
        "sort_order": "desc" if listing.descending else "asc",
        "email": False,
        "more_records": page.more,
    }
