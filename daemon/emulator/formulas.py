"""Values that Zoho computes when asked: formulas and roll-ups. Modified_Time does not move with them (facts 11.3)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.emulator.org import Org
from daemon.emulator.store import Record

Formula = Callable[[Org, Record], Any]


def _number(value: Any) -> float | int:
    return value if isinstance(value, int | float) and not isinstance(value, bool) else 0


def _expected_revenue(_: Org, record: Record) -> float | None:
    amount, probability = record.values.get("Amount"), record.values.get("Probability")
    if not isinstance(amount, int | float) or not isinstance(probability, int | float):
        return None
    return round(amount * probability / 100, 2)


def _line_total(_: Org, record: Record) -> float:
    get = record.values.get
    return round(_number(get("Quantity")) * _number(get("List_Price")) - _number(get("Discount")), 2)


def _sub_total(org: Org, record: Record) -> float:
    item = org.modules["Quotes"].fields.get("Quoted_Items")
    return round(sum(_line_total(org, row) for row in org.rows(item, record.id)), 2) if item else 0.0


def _grand_total(org: Org, record: Record) -> float:
    return round(_sub_total(org, record) + _number(record.values.get("Adjustment")), 2)


def _remaining(_: Org, record: Record) -> float | None:
    budget = record.values.get("Budget")
    if not isinstance(budget, int | float):
        return None
    return round(budget * (1 - _number(record.values.get("Budget_Used")) / 100), 2)


def _milestones(org: Org, record: Record) -> int:
    item = org.modules["Projects"].fields.get("Milestones")
    return len(org.rows(item, record.id)) if item else 0


FORMULAS: dict[str, Formula] = {
    "expected_revenue": _expected_revenue,
    "line_total": _line_total,
    "sub_total": _sub_total,
    "grand_total": _grand_total,
    "remaining": _remaining,
    "milestones": _milestones,
}
