"""Relative dates in COQL, where they are accepted (facts 3.3): 'today' and 'last 7 days', in the caller's zone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from daemon.emulator.coql_columns import Bound
from daemon.emulator.coql_parse import Column, Expression, Pair, Test

_DAYS_BEFORE = {"today": 0, "last 7 days": 6}
_RANGES = {"=": "between", "!=": "not between"}
_FROM_FIRST, _FROM_LAST = (">=", "<"), (">", "<=")


def absolute(where: Expression, bind: Callable[[Column], Bound], zone: str, now: float) -> Expression:
    """The condition with days in place of their words; a word beside another operator stays, and is refused."""
    if isinstance(where, Pair):
        left, right = (absolute(side, bind, zone, now) for side in (where.left, where.right))
        return Pair(where.word, left, right)
    before = _DAYS_BEFORE.get(str(where.values[0]).lower()) if len(where.values) == 1 else None
    if before is None or where.column.function is not None:
        return where
    kind = bind(where.column).field.data_type
    return _in_days(where, kind, before, datetime.fromtimestamp(now, ZoneInfo(zone))) if "date" in kind else where


def _in_days(test: Test, kind: str, before: int, now: datetime) -> Test:
    first = (now - timedelta(days=before)).replace(hour=0, minute=0, second=0, microsecond=0)
    last = now.replace(hour=23, minute=59, second=59, microsecond=0)
    start, end = (day.date().isoformat() if kind == "date" else day.isoformat() for day in (first, last))
    if test.operator in _RANGES:
        return replace(test, operator=_RANGES[test.operator], values=(start, end))
    if test.operator in _FROM_FIRST:
        return replace(test, values=(start,))
    return replace(test, values=(end,)) if test.operator in _FROM_LAST else test
