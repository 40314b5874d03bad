"""Reads the changes of a module in (Modified_Time, id) order, from a position on (design 3).

A page is believed only when it is in strict order after the position asked for: what comes out of order would let
the checkpoint pass a change that was never seen.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.record import Change, Position, WireRecord, is_record_id, parse_instant
from daemon.zoho import coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer

SMALL: Final = 200  # rows for one credit: what an idle poll asks for (facts 3.1)
LARGE: Final = 2000  # rows for three credits: the most that one answer holds
_COLUMNS: Final = 48  # of 50, beside id and Modified_Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Changes in order up to `end`. `last` is True when nothing more was there at the time of reading."""

    changes: tuple[Change, ...]
    end: Position
    last: bool


def read_page(source: Zoho, module: str, columns: Sequence[str], after: Position, limit: int) -> Page:
    """The next changes after a position. Raises BadAnswer when an answer cannot be believed, and as the client does.

    More columns than one query may name are read by further queries over the same range and merged on equal
    Modified_Time; a record that was edited between the two is read again by id.
    """
    first, *others = _column_batches(columns)
    rows, more = _query(source, module, first, after, limit)
    changes = in_order(rows, source.org.name, module, after)
    end = changes[-1].position if changes else after
    for batch in others:
        changes = _widen(source, module, changes, batch, columns, after)
    return Page(changes=tuple(changes), end=end, last=not more and len(rows) < limit)


def in_order(rows: Sequence[WireRecord], org: str, module: str, after: Position) -> list[Change]:
    """Rows as changes. Raises BadAnswer, naming the row, when one has no id or time, or is out of order."""
    changes: list[Change] = []
    at = after
    for number, row in enumerate(rows):
        change = as_change(row, org, module, number)
        if change.position <= at:
            raise BadAnswer(
                org,
                f"{module} {change.record_id} (row {number}) is not after {at.modified_time} {at.record_id}, "
                "so the answer is not in the order that was asked for; the checkpoint was not moved",
            )
        at = change.position
        changes.append(change)
    return changes


def as_change(row: WireRecord, org: str, module: str, number: int) -> Change:
    """One row as a change. Raises BadAnswer when its id or Modified_Time is not one."""
    record_id, modified = row.get("id"), row.get("Modified_Time")
    if not is_record_id(record_id):
        raise BadAnswer(org, f"{module}: row {number} has id {str(record_id)[:40]!r}, which is not a record id")
    try:
        moment = parse_instant(modified)
    except ValueError as error:
        raise BadAnswer(org, f"{module} {record_id}: Modified_Time cannot be read: {error}") from None
    return Change(position=Position(modified_time=moment, record_id=str(record_id)), values=row)


def read_by_ids(source: Zoho, module: str, columns: Sequence[str], ids: Sequence[str]) -> list[Change]:
    """The records with these ids as they are now, in (Modified_Time, id) order; missing ones are absent."""
    rows = source.by_ids(module, [*columns, "Modified_Time"], ids)
    changes = [as_change(row, source.org.name, module, number) for number, row in enumerate(rows)]
    return sorted(changes, key=lambda change: change.position)


def _column_batches(columns: Sequence[str]) -> list[list[str]]:
    return [list(columns[i : i + _COLUMNS]) for i in range(0, len(columns), _COLUMNS)] or [[]]


def _query(
    source: Zoho, module: str, columns: Sequence[str], after: Position, limit: int
) -> tuple[Sequence[WireRecord], bool]:
    page = source.coql(
        module,
        ["id", "Modified_Time", *columns],
        where=coql.after(after),
        order_by=("Modified_Time", "id"),
        limit=limit,
    )
    return page.rows, page.more


def _widen(
    source: Zoho,
    module: str,
    changes: list[Change],
    batch: list[str],
    columns: Sequence[str],
    after: Position,
) -> list[Change]:
    if not changes:
        return changes
    rows, _more = _query(source, module, batch, after, len(changes))
    more = {c.position: c.values for c in in_order(rows, source.org.name, module, after)}
    torn = [c.record_id for c in changes if c.position not in more]
    again = {c.position: c for c in read_by_ids(source, module, columns, torn)} if torn else {}
    # A torn record that moved on is not in this page any more: it comes back later in the walk, at its new place.
    widened = [
        Change(position=c.position, values={**c.values, **more[c.position]})
        if c.position in more
        else again.get(c.position)
        for c in changes
    ]
    return [c for c in widened if c is not None]
