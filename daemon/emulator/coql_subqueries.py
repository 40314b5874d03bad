"""Subqueries of COQL: `Account_Name in (select id from Accounts where ..)` (facts 3.1)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from daemon.emulator import errors
from daemon.emulator.coql_parse import Expression, Pair, Query

MAX_SUBQUERIES = 5
Run = Callable[[Query], list[Any]]


def resolve(where: Expression, run: Run) -> Expression:
    """The condition with the values of its subqueries in their place."""
    counted = [0]
    return _resolved(where, run, counted)


def _resolved(where: Expression, run: Run, counted: list[int]) -> Expression:
    if isinstance(where, Pair):
        left, right = _resolved(where.left, run, counted), _resolved(where.right, run, counted)
        return where if left is where.left and right is where.right else Pair(where.word, left, right)
    if not where.values or not isinstance(where.values[0], Query):
        return where
    counted[0] += 1
    inner, place = where.values[0], counted[0]
    if place > MAX_SUBQUERIES:
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_SUBQUERIES})
    if len(inner.columns) != 1:
        raise _refused("more than one column selected", place)
    try:
        values = run(inner)
    except errors.ZohoError as refused:
        refused.body["details"] = {**refused.body["details"], "sub_query_sequence": place}
        raise
    return replace(where, values=tuple(values), from_subquery=True)


def _refused(reason: str, place: int) -> errors.ZohoError:
    details = {"reason": reason, "sub_query_sequence": place}
    return errors.refuse("INVALID_QUERY", "Invalid query formed", details)
