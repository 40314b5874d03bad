"""GROUP BY and the aggregate functions of COQL (facts 3.1)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from daemon.emulator import errors
from daemon.emulator.coql_columns import Bound, sort_key
from daemon.emulator.coql_parse import Column, Query
from daemon.emulator.store import Record

Json = dict[str, Any]
_NUMBERS = ("integer", "double", "currency", "percent", "bigint")
_RANGED = (*_NUMBERS, "date", "datetime")
_IDS = ("id", "Layout")


def grouped_rows(query: Query, binder: Callable[[Column], Bound], records: Iterable[Record]) -> list[Json]:
    """One row per group, without `id`; without GROUP BY all records are one group."""
    grouping = [binder(column) for column in query.group]
    for column, _ in query.columns:
        if column.function is None and column not in query.group:
            raise errors.refuse("INVALID_QUERY", "unsupported column", {"column_name": column.text})
    groups: dict[tuple[Any, ...], list[Record]] = {}
    for record in records:
        groups.setdefault(tuple(_hashable(bound.raw(record)) for bound in grouping), []).append(record)
    if not groups and not query.group:
        groups[()] = []
    makers = [(alias, _maker(column, binder(column))) for column, alias in query.columns]
    rows = [({alias: make(members) for alias, make in makers}, key) for key, members in groups.items()]
    rows.sort(key=lambda item: tuple(sort_key(value) for value in item[1]))
    ready = [row for row, _ in rows]
    names = {column.text: alias for column, alias in query.columns}
    for column, descending in reversed(query.order):
        alias = names.get(column.text, column.text)
        if alias not in names.values():
            raise errors.refuse("INVALID_QUERY", "unsupported column", {"column_name": column.text})
        ready.sort(key=lambda row, alias=alias: sort_key(row[alias]), reverse=descending)  # type: ignore[misc]
    return ready


def _hashable(value: Any) -> Any:
    return ";".join(map(str, value)) if isinstance(value, list) else value


def _maker(column: Column, bound: Bound) -> Callable[[list[Record]], Any]:
    function = column.function
    if function is None:
        return lambda members: bound.shown(members[0]) if members else None
    if function == "COUNT":
        return lambda members: sum(1 for record in members if bound.raw(record) is not None)
    allowed = _RANGED if function in ("MIN", "MAX") else _NUMBERS
    if bound.field.data_type not in allowed or bound.field.api_name in _IDS:
        details = {"column_name": bound.name, "aggregate": function}
        raise errors.refuse("INVALID_QUERY", "unsupported column", details)
    if function in ("MIN", "MAX"):
        return lambda members: _extreme(bound, members, largest=function == "MAX")
    return lambda members: _total(bound, members, mean=function == "AVG")


def _extreme(bound: Bound, members: list[Record], *, largest: bool) -> Any:
    filled = [record for record in members if bound.raw(record) is not None]
    if not filled:
        return None
    choose = max if largest else min
    return bound.shown(choose(filled, key=lambda record: sort_key(bound.raw(record))))


def _total(bound: Bound, members: list[Record], *, mean: bool) -> float | None:
    """SUM or AVG; a sum outside 64 bits is a double."""
    values = [value for record in members if isinstance(value := bound.raw(record), int | float)]
    if not values:
        return None
    total = sum(values)
    if mean:
        return total / len(values)
    return total if -(2**63) <= total < 2**63 else float(total)
