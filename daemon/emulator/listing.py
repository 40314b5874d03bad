"""GET records: which records a page holds, and its `info` (facts 2). Pages are live: an edit shifts what follows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import Any

from daemon.emulator import errors
from daemon.emulator.clock import zone_printer
from daemon.emulator.org import Org
from daemon.emulator.pagetoken import LIFETIME, PageToken
from daemon.emulator.people import User
from daemon.emulator.quirks import Quirks
from daemon.emulator.store import Record, Table, order_key, time_key

Json = dict[str, Any]
PAGE_WALL, TOKEN_WALL, MAX_PER_PAGE, MAX_WALKS = 2_000, 100_000, 200, 50


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
    keeps: Callable[[Record], bool] | None = None

    @property
    def wants_converted(self) -> bool | None:
        """True: converted records only, False: only others, None: both (facts 2.1)."""
        return {"true": True, "false": False}.get(self.converted or "both")

    @property
    def is_slice(self) -> bool:
        """Whether a page is a run of neighbours in an index: nothing in between is left out."""
        whole = self.ids is None and self.keeps is None
        return whole and (self.since is None or self.sort_by == "Modified_Time")

    @property
    def position(self) -> int:
        """How many records stand before this page."""
        return self.token.position if self.token else (self.page - 1) * self.per_page


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The records of a page, whether more follow, and the snapshot that they are from."""

    records: list[Record]
    more: bool
    walk: int | None = None


def check_walls(listing: Listing, quirks: Quirks) -> None:
    """The 2,000 and 100,000 record walls (facts 2.3)."""
    if listing.token is None and listing.page * listing.per_page > PAGE_WALL:
        raise errors.page_wall()
    if listing.position + listing.per_page > TOKEN_WALL:
        raise errors.guessed(errors.token_wall(), quirks)


def read_page(org: Org, module: str, listing: Listing) -> Page:
    """The records at the listing's place in the live data, or in the data of the walk's first page."""
    if org.quirks.says("page_token_walk", "snapshot"):
        return _snapshot_page(org, module, listing)
    found = _found(org, module, listing, listing.position, listing.per_page + 1)
    return Page(records=found[: listing.per_page], more=len(found) > listing.per_page)


def _snapshot_page(org: Org, module: str, listing: Listing) -> Page:
    """A page without a token takes the snapshot that its tokens then walk; the oldest ones make room."""
    walk, end = listing.token.walk if listing.token else None, listing.position + listing.per_page
    if walk is not None and walk not in org.walks:
        raise errors.page_token_mismatch()
    whole = org.walks[walk] if walk is not None else _found(org, module, listing, 0, TOKEN_WALL)
    if walk is None and len(whole) > end:
        walk = max(org.walks, default=0) + 1
        org.walks[walk] = whole
        org.walks.pop(walk - MAX_WALKS, None)
    return Page(records=whole[listing.position : end], more=len(whole) > end, walk=walk)


def _found(org: Org, module: str, listing: Listing, start: int, want: int) -> list[Record]:
    """`want` records from position `start` on, or from the cursor on."""
    table = org.visible(module)
    if _by_cursor(org, listing):
        return list(islice(_after_cursor(table, listing), want))
    if listing.is_slice:
        low = None if listing.since is None else time_key(listing.since, 0)
        order = table.ordered(listing.sort_by, descending=listing.descending, converted=listing.wants_converted)
        return list(order.slice(start, start + want, low))
    return list(islice(_matching(table, listing), start, start + want))


def _matching(table: Table, listing: Listing) -> Iterator[Record]:
    """The chosen, the changed or the view's records, in order."""
    if listing.ids is not None:
        source = [table.records[number] for number in set(listing.ids) if number in table.records]
    elif listing.since is not None:
        source = list(table.by_time(time_key(listing.since, 0), None))
    else:
        ordered = table.ordered(listing.sort_by, descending=listing.descending, converted=listing.wants_converted)
        return filter(lambda record: _passes(record, listing), ordered)
    source.sort(key=lambda record: order_key(listing.sort_by, record), reverse=listing.descending)
    return filter(lambda record: _passes(record, listing), source)


def _passes(record: Record, listing: Listing) -> bool:
    if listing.since is not None and record.modified < listing.since:
        return False
    if listing.keeps is not None and not listing.keeps(record):
        return False
    wanted = listing.wants_converted
    return wanted is None or bool(record.values.get("Converted__s")) == wanted


def _by_cursor(org: Org, listing: Listing) -> bool:
    return (
        listing.token is not None and listing.token.after is not None and org.quirks.says("page_token_walk", "cursor")
    )


def _after_cursor(table: Table, listing: Listing) -> Iterator[Record]:
    after = listing.token.after if listing.token and listing.token.after is not None else 0
    if listing.ids is not None:
        for record in _matching(table, listing):
            key = order_key(listing.sort_by, record)
            if key < after if listing.descending else key > after:
                yield record
        return
    order = table.ordered(listing.sort_by, descending=listing.descending, converted=listing.wants_converted)
    for record in order.after(after):
        if _passes(record, listing):
            yield record
        elif listing.descending and listing.sort_by == "Modified_Time":
            return  # everything that follows is older still


def page_info(org: Org, listing: Listing, page: Page, caller: User, bound: str) -> Json:
    """The `info` object of a list answer (facts 2.2)."""
    expires = int(org.clock.now()) + LIFETIME
    next_token = previous = None
    if page.more:
        after = order_key(listing.sort_by, page.records[-1])
        following = listing.position + listing.per_page
        token = PageToken(user=caller.id, expires=expires, position=following, after=after, walk=page.walk)
        next_token = token.encode(bound)
    if listing.position > 0:
        before = max(0, listing.position - listing.per_page)
        token = PageToken(user=caller.id, expires=expires, position=before, after=None, walk=page.walk)
        previous = token.encode(bound)
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
