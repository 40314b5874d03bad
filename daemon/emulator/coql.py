"""Running a COQL query over an org: checks of facts 3.1, the cheapest way through the indexes, rows (3.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from daemon.emulator import errors
from daemon.emulator.compare import Passes
from daemon.emulator.coql_columns import Bound, bind, sort_key
from daemon.emulator.coql_groups import grouped_rows
from daemon.emulator.coql_parse import MAX_CRITERIA, Column, Query
from daemon.emulator.coql_relative import absolute
from daemon.emulator.coql_subqueries import resolve
from daemon.emulator.coql_where import (
    compile_test,
    count_criteria,
    highest_key,
    lowest_key,
    possible_ids,
)
from daemon.emulator.org import Org
from daemon.emulator.people import User
from daemon.emulator.quirks import Quirks
from daemon.emulator.rights import demand
from daemon.emulator.schema import Module
from daemon.emulator.store import Record, Table
from daemon.emulator.views import view_passes

Json = dict[str, Any]
MAX_LIMIT, MAX_REACH, MAX_ORDER, MAX_GROUP, MAX_AGGREGATES = 2_000, 100_000, 10, 4, 5
_TIME_ORDERS = ([("Modified_Time",), ("id",)], [("Modified_Time",)])


def credits_for(query: Query) -> int:
    """1, 2 or 3 by LIMIT (facts 3.1)."""
    if query.limit <= 200:
        return 1
    return 2 if query.limit <= 1_000 else 3


def run_query(org: Org, caller: User, query: Query) -> tuple[list[Json], bool]:
    """The rows of a query and whether more follow; the caller must be let see the modules that it joins or nests."""
    query = replace(query, where=resolve(query.where, lambda inner: _values_of(org, caller, inner)))
    module = org.modules.get(query.module)
    if module is None or not module.shown:
        raise errors.refuse("INVALID_MODULE", "the given module is not supported in api")
    demand(org, caller, "coql", query.module)

    def binder(column: Column) -> Bound:
        return bind(org, module, column, caller, org.queried)

    _check_limits(query, org.quirks)
    if org.quirks["coql_relative_dates"] == "accept":
        query = replace(query, where=absolute(query.where, binder, caller.time_zone, org.clock.now()))

    passes = _within(_view(org, module, query, caller), compile_test(query.where, binder, org.quirks))
    table = org.queried(query.module)
    if query.group or any(column.function for column, _ in query.columns):
        rows = grouped_rows(query, binder, (record for record in _candidates(query, table) if passes(record)))
        window = rows[query.offset : query.offset + query.limit + 1]
    else:
        shown = [(alias, binder(column).shown) for column, alias in query.columns]
        found = _ordered(query, table, passes, binder, org.quirks)
        chosen = list(islice(found, query.offset, query.offset + query.limit + 1))
        add_id = org.quirks["coql_adds_id"] == "yes"
        window = [_row(record, shown, add_id=add_id) for record in chosen]
    return window[: query.limit], len(window) > query.limit


def _view(org: Org, module: Module, query: Query, caller: User) -> Passes | None:
    """`from Leads#cvid`: only what this custom view shows (facts 3.1)."""
    if query.view is None:
        return None
    try:
        return view_passes(org, module, query.view, caller)
    except errors.ZohoError:
        raise errors.refuse("INVALID_QUERY", "Invalid query formed", {"cvid": query.view}) from None


def _within(view: Passes | None, passes: Passes) -> Passes:
    return passes if view is None else lambda record: view(record) and passes(record)


def _values_of(org: Org, caller: User, query: Query) -> list[Any]:
    """What the one column of a subquery holds: ids of lookups, else the values."""
    rows, _ = run_query(org, caller, query)
    found = [row[query.columns[0][1]] for row in rows]
    return [value["id"] if isinstance(value, dict) else value for value in found if value is not None]


def _row(record: Record, shown: list[tuple[str, Callable[[Record], Any]]], *, add_id: bool) -> Json:
    row = {alias: read(record) for alias, read in shown}
    if add_id and "id" not in row:
        row["id"] = str(record.id)
    return row


def _check_limits(query: Query, quirks: Quirks) -> None:
    if query.comma and quirks["coql_limit_comma"] == "reject":
        raise errors.refuse("SYNTAX_ERROR", "unexpected token", {"near": ","})
    if query.limit <= 0:
        raise errors.refuse("INVALID_DATA", "limit should be greater than 0")
    if query.offset < 0:
        raise errors.refuse("INVALID_QUERY", "limit given seems to be invalid", {"limit": str(query.offset)})
    max_columns = int(quirks["coql_max_columns"])
    aggregates = sum(1 for column, _ in query.columns if column.function)
    for size, limit in (
        (query.limit, MAX_LIMIT),
        (query.limit + query.offset, MAX_REACH),
        (len(query.columns), max_columns),
        (count_criteria(query.where), MAX_CRITERIA),
        (len(query.order), MAX_ORDER),
        (len(query.group), MAX_GROUP),
        (aggregates, MAX_AGGREGATES),
    ):
        if size > limit:
            raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": limit})
    _check_duplicates([column for column, _ in query.columns])
    _check_duplicates([column for column, _ in query.order])
    _check_duplicates(query.group)
    aliases = [alias for column, alias in query.columns if alias != column.text]
    if len(set(aliases)) < len(aliases):
        raise errors.refuse("DUPLICATE_ALIAS", "duplicate alias found", {"alias": aliases[-1]})


def _check_duplicates(columns: Sequence[Column]) -> None:
    seen: set[Column] = set()
    for column in columns:
        if column in seen:
            aggregate = {"aggregate": column.function} if column.function else {}
            details = {"column_name": ".".join(column.path), **aggregate}
            raise errors.refuse("DUPLICATE_DATA", "duplicate column given", details)
        seen.add(column)


def _candidates(query: Query, table: Table) -> Iterable[Record]:
    """Records that can pass, in no promised order, by the narrowest index."""
    ids = possible_ids(query.where, table)
    if ids is not None:
        return [table.records[number] for number in sorted(ids) if number in table.records]
    low, high = lowest_key(query.where), highest_key(query.where)
    if low is not None or high is not None:
        return table.by_time(low, high)
    return table.by_id(None)


def _ordered(
    query: Query, table: Table, passes: Callable[[Record], bool], binder: Callable[[Column], Bound], quirks: Quirks
) -> Iterator[Record]:
    """The passing records in the query's order; an order that an index holds is read lazily."""
    order = _resolve_aliases(query)
    if order and quirks["coql_order"] == "first_only":
        return _by_first_column(*order[0], filter(passes, _candidates(query, table)), binder)
    paths = [column.path for column, _ in order]
    directions = {descending for _, descending in order}
    if possible_ids(query.where, table) is None and len(directions) <= 1:
        if paths in _TIME_ORDERS:
            walk = table.by_time(lowest_key(query.where), highest_key(query.where), descending=True in directions)
            return filter(passes, walk)
        if paths in ([], [("id",)]) and lowest_key(query.where) is None:
            return filter(passes, table.by_id(None, descending=True in directions))
    found = sorted(filter(passes, _candidates(query, table)), key=lambda record: record.id)
    for column, descending in reversed(order):
        raw = binder(column).raw
        found.sort(key=lambda record, raw=raw: sort_key(raw(record)), reverse=descending)  # type: ignore[misc]
    return iter(found)


def _by_first_column(
    column: Column, descending: bool, records: Iterable[Record], binder: Callable[[Column], Bound]
) -> Iterator[Record]:
    """One order column is honoured; ties come youngest id first, so whoever relies on a second column is caught."""
    raw = binder(column).raw
    found = sorted(records, key=lambda record: record.id, reverse=True)
    # reverse= would keep ties in their order too, so both directions show the same trap
    found.sort(key=lambda record: sort_key(raw(record)), reverse=descending)
    return iter(found)


def _resolve_aliases(query: Query) -> list[tuple[Column, bool]]:
    aliases = {alias: column for column, alias in query.columns}
    return [(aliases.get(column.text, column), descending) for column, descending in query.order]
