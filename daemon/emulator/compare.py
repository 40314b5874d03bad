"""Comparing a stored value with the values of a condition, for COQL and for criteria alike (facts 3.2, 7.1)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.emulator.store import Record

Passes = Callable[[Record], bool]
Decide = Callable[[Any], bool]


def comparable(value: Any, *, fold: bool) -> Any:
    """A value as it is compared: lists as sorted text, texts without case when `fold` says so."""
    if isinstance(value, list):
        value = ";".join(sorted(map(str, value)))
    return value.casefold() if fold and isinstance(value, str) else value


def guarded(raw: Callable[[Record], Any], decide: Decide, *, null_passes: bool, fold: bool) -> Passes:
    """Whether a record passes, by the value that `raw` finds in it; an empty one never reaches `decide`."""

    def passes(record: Record) -> bool:
        value = raw(record)
        if value is None:
            return null_passes
        try:
            return decide(comparable(value, fold=fold))
        except TypeError:
            return False  # a hand-edited value of another type than its column

    return passes


def ordered(operator: str, values: list[Any]) -> Decide | None:
    """What COQL's sign for an equality, a list or a range decides; None for any other operator."""
    # an empty IN comes of a subquery that found nothing
    first, last = (values[0], values[-1]) if values else (None, None)
    members = set(values) if operator in ("in", "not in") else set()
    decisions: dict[str, Decide] = {
        "=": lambda value: value == first,
        "!=": lambda value: value != first,
        ">": lambda value: value > first,
        ">=": lambda value: value >= first,
        "<": lambda value: value < first,
        "<=": lambda value: value <= first,
        "in": lambda value: value in members,
        "not in": lambda value: value not in members,
        "between": lambda value: first <= value <= last,
        "not between": lambda value: not first <= value <= last,
    }
    return decisions.get(operator)
