"""COQL conditions: the operators of each type, the test that a record must pass, the index that finds it (facts 3.2).

Three questions about one expression: does a record pass (`compile_test`), can only these ids pass (`possible_ids`), and
from which (Modified_Time, id) on can a record pass at all (`lowest_key`, `highest_key`)? The last three only narrow the
search; the test always decides.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from daemon.emulator import errors
from daemon.emulator.clock import parse_moment
from daemon.emulator.compare import Decide, Passes, comparable, guarded, ordered
from daemon.emulator.coql_columns import Bound
from daemon.emulator.coql_parse import Column, Expression, Pair, Test
from daemon.emulator.fields import Field
from daemon.emulator.quirks import Quirks
from daemon.emulator.store import Table, time_key
from daemon.emulator.validation import is_date, parse_id

Binder = Callable[[Column], Bound]
_NULL_TESTS = {"is null", "is not null"}
_EQUALS = {"=", "!=", "in", "not in", *_NULL_TESTS}
_RANGES = {*_EQUALS, ">", ">=", "<", "<=", "between", "not between"}
_TEXTS = {*_EQUALS, "like", "not like"}
_ALLOWED = {
    "lookup": _EQUALS, "ownerlookup": _EQUALS, "userlookup": _EQUALS,
    "date": _RANGES, "datetime": _RANGES, "integer": _RANGES, "bigint": _RANGES, "double": _RANGES,
    "currency": _RANGES, "percent": _RANGES,
    "boolean": {"="},
    "multiselectpicklist": _EQUALS,
}  # fmt: skip
_NUMBERS = ("integer", "double", "currency", "percent")
_INFINITE_ID = 2**64 - 1


def count_criteria(where: Expression) -> int:
    """How many conditions a WHERE holds."""
    waiting, count = [where], 0
    while waiting:
        part = waiting.pop()
        if isinstance(part, Pair):
            waiting += [part.left, part.right]
        else:
            count += 1
    return count


def typed_values(test: Test, bound: Bound, quirks: Quirks) -> list[Any]:
    """The literals of a condition in the column's stored form, or INVALID_QUERY."""
    field, operator = bound.field, test.operator
    allowed = _ALLOWED.get(field.data_type, _TEXTS)
    compares_id = field.api_name == "id" and operator not in _EQUALS and quirks["coql_id_compare"] == "reject"
    if operator not in allowed or compares_id:
        details = {"reason": "invalid operator found", "column_name": bound.name, "operator": operator}
        raise errors.refuse("INVALID_QUERY", "Invalid query formed", details)
    if operator in ("in", "not in") and not test.from_subquery and len(test.values) > int(quirks["coql_max_in"]):
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": int(quirks["coql_max_in"])})
    if operator == "not like" and not (str(test.values[0]).startswith("%") and str(test.values[0]).endswith("%")):
        details = {"reason": "invalid operator found", "column_name": bound.name, "operator": operator}
        raise errors.refuse("INVALID_QUERY", "Invalid query formed", details)
    return [_typed(value, field, bound, operator) for value in test.values]


def _typed(value: Any, field: Field, bound: Bound, operator: str) -> Any:
    kind = field.data_type
    typed: Any = None
    if field.api_name in ("id", "Layout") or kind in (
        "lookup",
        "multi_module_lookup",
        "ownerlookup",
        "userlookup",
        "bigint",
    ):
        typed = parse_id(value)
        if (
            kind == "bigint"
            and typed is None
            and isinstance(value, str | int)
            and re.fullmatch(r"-\d{1,19}", str(value))
        ):
            typed = int(value)
    elif kind == "datetime":
        typed = parse_moment(value) if isinstance(value, str) else None
    elif kind in _NUMBERS:
        typed = _number(value)
    elif kind == "boolean":
        words = {"true": True, "false": False}
        typed = value if isinstance(value, bool) else words.get(str(value).lower())
    elif kind == "date":
        typed = value if isinstance(value, str) and is_date(value) else None
    elif kind == "multiselectpicklist":
        typed = sorted(str(value).split(";"))
    else:
        typed = value if isinstance(value, str) else str(value)
    if typed is None:
        details = {"column_name": bound.name, "operator": operator, "expected_data_type": kind}
        raise errors.refuse("INVALID_QUERY", "value given seems to be invalid for the column", details)
    return typed


def _number(value: Any) -> float | int | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    try:
        return float(value) if re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", value) else None
    except (ValueError, TypeError):
        return None


def compile_test(where: Expression, bind: Binder, quirks: Quirks) -> Passes:
    """The function that tells whether a record passes."""
    if isinstance(where, Pair):
        left, right = compile_test(where.left, bind, quirks), compile_test(where.right, bind, quirks)
        if where.word == "and":
            return lambda record: left(record) and right(record)
        return lambda record: left(record) or right(record)
    if where.column.function is not None:
        raise errors.refuse("INVALID_QUERY", "Invalid query formed", {"column_name": where.column.text})
    bound = bind(where.column)
    values = typed_values(where, bound, quirks)
    fold = quirks["coql_text_case"] == "insensitive"
    return _passes(where.operator, bound, [comparable(value, fold=fold) for value in values], quirks, fold=fold)


def _passes(operator: str, bound: Bound, values: list[Any], quirks: Quirks, *, fold: bool) -> Passes:
    raw = bound.raw
    if operator in _NULL_TESTS:
        wanted = operator == "is null"
        return lambda record: (raw(record) is None) == wanted
    null_passes = operator in ("!=", "not in", "not like", "not between") and quirks["coql_not_equal_null"] == "include"
    decide = ordered(operator, values) or _resembling(operator, str(values[0]))
    return guarded(raw, decide, null_passes=null_passes, fold=fold)


def _resembling(operator: str, text: str) -> Decide:
    pattern = _like(text)
    return lambda value: (pattern.fullmatch(str(value)) is None) == (operator == "not like")


def _like(text: str) -> re.Pattern[str]:
    """`%` stands for any text; each middle part is taken where it first occurs, so that no pattern takes for ever."""
    first, *rest = (re.escape(part) for part in re.split(r"%+", text))
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return re.compile(f"{first}{middle}.*{rest[-1]}" if rest else first, re.DOTALL)


def possible_ids(where: Expression, table: Table) -> set[int] | None:
    """The only ids that can pass, when an index tells; None: any id can."""
    if isinstance(where, Pair):
        left, right = possible_ids(where.left, table), possible_ids(where.right, table)
        if where.word == "or":
            return None if left is None or right is None else left | right
        return right if left is None else left if right is None else left & right
    if where.operator not in ("=", "in") or len(where.column.path) != 1:
        return None
    name = where.column.path[0]
    if name == "id":
        return {number for value in where.values if (number := parse_id(value)) is not None}
    index = table.index(name)
    if index is None:
        return None
    # lookups are filed under numbers, everything else under text
    keys = {key for value in where.values for key in (str(value), parse_id(value)) if key is not None}
    return {number for key in keys for number in index.get(key)}


def lowest_key(where: Expression) -> int | None:
    """No record below this (Modified_Time, id) key can pass; None: no bound is known."""
    if isinstance(where, Pair):
        left, right = lowest_key(where.left), lowest_key(where.right)
        if where.word == "or":
            return None if left is None or right is None else min(left, right)
        return _tighter(where, max((key for key in (left, right) if key is not None), default=None))
    moment = _moment(where)
    if moment is None or where.operator not in ("=", ">", ">=", "between"):
        return None
    return time_key(moment + 1 if where.operator == ">" else moment, 0)


def _tighter(where: Pair, low: int | None) -> int | None:
    """`Modified_Time = T and id > I` starts right after I: a crowded second is not walked again for every page."""
    for exact, other in ((where.left, where.right), (where.right, where.left)):
        if not (isinstance(exact, Test) and isinstance(other, Test)):
            continue
        moment = _moment(exact)
        if moment is None or exact.operator != "=" or other.column.path != ("id",) or other.operator not in (">", ">="):
            continue
        number = parse_id(other.values[0])
        if number is not None:
            return max(low or 0, time_key(moment, min(number, _INFINITE_ID)))
    return low


def highest_key(where: Expression) -> int | None:
    """No record above this (Modified_Time, id) key can pass; None: no bound is known."""
    if isinstance(where, Pair):
        left, right = highest_key(where.left), highest_key(where.right)
        if where.word == "or":
            return None if left is None or right is None else max(left, right)
        return min((key for key in (left, right) if key is not None), default=None)
    moment = _moment(where, last=True)
    if moment is None or where.operator not in ("=", "<", "<=", "between"):
        return None
    return time_key(moment, _INFINITE_ID)


def _moment(test: Test, *, last: bool = False) -> int | None:
    if test.column.path != ("Modified_Time",) or test.column.function is not None or not test.values:
        return None
    value = test.values[-1 if last else 0]
    return parse_moment(value) if isinstance(value, str) else None
