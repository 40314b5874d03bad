"""Criteria on records: a tree of comparisons, and what each means.

Blank fields match nothing but `is null`, as in COQL. Times compare as instants, a lookup counts as its id, a
multi-select picklist as its values joined by semicolons.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from daemon.core.record import WireRecord

Scalar = str | int | float | bool
Operator = Literal["=", "!=", "<", "<=", ">", ">=", "in", "not in", "like", "is null", "is not null"]

_NUMBER: Final = re.compile(r"-?[0-9]{1,40}(?:\.[0-9]{1,40})?")


@dataclass(frozen=True, slots=True)
class Comparison:
    """`field operator values`; several values only beside `in`, none beside a test for null."""

    field: str
    operator: Operator
    values: tuple[Scalar, ...] = ()


@dataclass(frozen=True, slots=True)
class Joined:
    """Two or more criteria, all of which (`and`) or one of which (`or`) a record must meet."""

    word: Literal["and", "or"]
    parts: tuple[Criteria, ...]


Criteria = Comparison | Joined


def meets(record: WireRecord, criteria: Criteria) -> bool:
    """Whether a record is as the criteria say."""
    if isinstance(criteria, Joined):
        how = all if criteria.word == "and" else any
        return how(meets(record, part) for part in criteria.parts)
    value = _value(record, criteria.field)
    if criteria.operator == "is null":
        return value is None
    if value is None or criteria.operator == "is not null":
        return value is not None
    return _TESTS[criteria.operator](value, criteria.values)


def _value(record: WireRecord, name: str) -> object:
    """The comparable value of a field: a lookup counts as its id, a blank text as null."""
    value = record.get(name)
    if isinstance(value, dict):
        value = value.get("id")
    return None if value in ("", []) else value


def _text(value: object) -> str:
    """As COQL sees it: a multi-select picklist is its values joined by semicolons (facts 3.2)."""
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def number_of(token: str) -> int | float:
    """The number that digits stand for."""
    return float(token) if "." in token else int(token)


def _like(text: str, pattern: str) -> bool:
    """Whether a text consists of a pattern's parts in order, with anything where `%` stands. In one pass, however long
    it is.
    """
    first, *middle = pattern.split("%")
    if not middle:
        return text == first
    last = middle.pop()
    if len(text) < len(first) + len(last) or not text.startswith(first) or not text.endswith(last):
        return False
    at, end = len(first), len(text) - len(last)
    for part in middle:
        found = text.find(part, at, end)
        if found < 0:
            return False
        at = found + len(part)
    return True


def _same(value: object, wanted: Scalar) -> bool:
    if isinstance(value, bool) or isinstance(wanted, bool):
        return str(value).lower() == str(wanted).lower()
    if isinstance(value, list):
        return sorted(map(str, value)) == sorted(str(wanted).split(";"))
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return value == wanted
    mine, theirs = instant_of(str(value)), instant_of(str(wanted))
    return str(value) == str(wanted) or (mine is not None and mine == theirs)


def _order(value: object, wanted: Scalar) -> int | None:
    """-1, 0 or 1; None when the two cannot be ordered. Big integers arrive as texts and compare as numbers."""
    if isinstance(value, str) and not isinstance(wanted, str) and _NUMBER.fullmatch(value):
        value = number_of(value)
    if isinstance(value, (int, float)) and isinstance(wanted, (int, float)):
        return (value > wanted) - (value < wanted)
    if isinstance(value, str) and isinstance(wanted, str):
        mine, theirs = instant_of(value), instant_of(wanted)
        if mine is not None and theirs is not None:
            return (mine > theirs) - (mine < theirs)
        return (value > wanted) - (value < wanted)
    return None


def instant_of(text: str) -> float | None:
    """The moment that a text names in full, with its offset; None when it is no such text."""
    if len(text) < 20:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment.timestamp() if moment.tzinfo else None


_TESTS: Final[dict[str, Callable[[object, tuple[Scalar, ...]], bool]]] = {
    "=": lambda v, w: _same(v, w[0]),
    "!=": lambda v, w: not _same(v, w[0]),
    "<": lambda v, w: _order(v, w[0]) == -1,
    "<=": lambda v, w: _order(v, w[0]) in (-1, 0),
    ">": lambda v, w: _order(v, w[0]) == 1,
    ">=": lambda v, w: _order(v, w[0]) in (0, 1),
    "in": lambda v, w: any(_same(v, one) for one in w),
    "not in": lambda v, w: not any(_same(v, one) for one in w),
    "like": lambda v, w: _like(_text(v).casefold(), str(w[0]).casefold()),
}
