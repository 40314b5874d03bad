"""Criteria of a bulk read: which comparators a type takes, which values, and which records pass (facts 7.1)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

from daemon.emulator.bulk_errors import bad_query
from daemon.emulator.clock import parse_moment
from daemon.emulator.compare import Decide, Passes, comparable, guarded, ordered
from daemon.emulator.coql_columns import Bound
from daemon.emulator.errors import ZohoError
from daemon.emulator.quirks import Quirks
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MAX_CRITERIA, MAX_VALUES = 25, 200
EMPTY = "${EMPTY}"
_EQUALS = ("equal", "not_equal", "in", "not_in")
_RANGES = (*_EQUALS, "less_than", "less_equal", "greater_than", "greater_equal", "between", "not_between")
_TEXTS = (*_EQUALS, "contains", "not_contains", "starts_with", "ends_with")
_SUPPORTED = {
    "boolean": ("equal",),
    "multiselectpicklist": _EQUALS,
    **dict.fromkeys(("lookup", "ownerlookup", "userlookup"), _EQUALS),
    **dict.fromkeys(("date", "datetime", "integer", "bigint", "double", "currency", "percent", "autonumber"), _RANGES),
}
_SIGNS = {
    "equal": "=", "not_equal": "!=", "in": "in", "not_in": "not in", "less_than": "<", "less_equal": "<=",
    "greater_than": ">", "greater_equal": ">=", "between": "between", "not_between": "not between",
}  # fmt: skip
_ALL = frozenset((*_RANGES, *_TEXTS))
_IDS = ("lookup", "ownerlookup", "userlookup")
_NUMBERS = ("integer", "double", "currency", "percent")


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """What reading criteria needs: how a name becomes a column, and the org's switches."""

    bind: Callable[[str], Bound | None]
    quirks: Quirks


def compile_criteria(reader: Reader, given: Any) -> Passes:
    """The function that tells whether a record passes, or Zoho's refusal."""
    if not isinstance(given, dict) or not given:
        raise bad_query("INVALID_CRITERIA")
    if _count(given, 1) > MAX_CRITERIA:
        raise bad_query("CRITERIA_LIMIT_EXCEEDED", max_limit=MAX_CRITERIA)
    return _part(reader, given)


def _count(part: Any, depth: int) -> int:
    """How many conditions there are; nesting beyond the limit counts as too many."""
    group = part.get("group") if isinstance(part, dict) else None
    if not isinstance(group, list):
        return 1
    return MAX_CRITERIA + 1 if depth > MAX_CRITERIA else sum(_count(one, depth + 1) for one in group)


def _part(reader: Reader, part: Any) -> Passes:
    if not isinstance(part, dict):
        raise bad_query("INVALID_CRITERIA")
    if part.get("group") is None and part.get("group_operator") is None:
        return _condition(reader, part)
    if part.get("comparator") is not None:
        raise bad_query("AMBIGUOUS_CRITERIA")
    if not isinstance(part.get("group"), list) or not part["group"]:
        raise bad_query("INVALID_CRITERIA")
    word = part.get("group_operator")
    if not isinstance(word, str) or word.lower() not in ("and", "or"):
        raise bad_query("GROUP_OPERATOR_NOT_SUPPORTED", supported=["and", "or"])
    tests = [_part(reader, one) for one in part["group"]]
    together = all if word.lower() == "and" else any
    return lambda record: together(test(record) for test in tests)


def _condition(reader: Reader, part: Json) -> Passes:
    field = part.get("field")
    name = field.get("api_name") if isinstance(field, dict) else part.get("api_name")
    if not isinstance(name, str) or "comparator" not in part or "value" not in part:
        raise bad_query("INVALID_CRITERIA")
    bound = reader.bind(name)
    if bound is None:
        raise bad_query("FIELD_IN_CRITERIA_NOT_AVAILABLE", api_name=name)
    comparator, kind = part["comparator"], bound.field.data_type
    supported = _SUPPORTED.get(kind, _TEXTS)
    if not isinstance(comparator, str) or comparator not in supported:
        known = isinstance(comparator, str) and comparator in _ALL
        code = "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE" if known else "INVALID_CRITERIA"
        raise bad_query(code, comparator=str(comparator), api_name=name, supported=list(supported))
    values = _values(name, comparator, part["value"])
    if EMPTY in values:
        return _emptiness(bound, name, comparator)
    fold = reader.quirks["coql_text_case"] == "insensitive"
    typed = [comparable(_typed(bound, name, value), fold=fold) for value in values]
    null_passes = comparator.startswith("not_") and reader.quirks["coql_not_equal_null"] == "include"
    return guarded(bound.raw, _decision(comparator, typed), null_passes=null_passes, fold=fold)


def _values(name: str, comparator: str, value: Any) -> list[Any]:
    many = comparator in ("in", "not_in", "between", "not_between")
    if many != isinstance(value, list) or isinstance(value, dict):
        raise bad_query("VALUE_TYPE_NOT_SUPPORTED", api_name=name, comparator=comparator)
    if not many:
        return [value]
    if len(value) > MAX_VALUES:
        raise bad_query("VALUE_LIMIT_EXCEEDED_IN_CRITERIA", api_name=name, max_limit=MAX_VALUES)
    if not value or (comparator.endswith("between") and len(value) != 2):
        raise bad_query("COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", api_name=name, comparator=comparator)
    return list(value)


def _emptiness(bound: Bound, name: str, comparator: str) -> Passes:
    if comparator not in ("equal", "not_equal"):
        raise bad_query("COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", api_name=name, comparator=comparator)
    wanted = comparator == "equal"
    return lambda record: (bound.raw(record) is None) == wanted


def _mismatch(name: str, kind: str) -> ZohoError:
    return bad_query("FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE", api_name=name, expected_data_type=kind)


def _typed(bound: Bound, name: str, value: Any) -> Any:
    kind = bound.field.data_type
    typed: Any = None
    if bound.field.api_name in ("id", "Layout") or kind in _IDS:
        typed = parse_id(value.get("id") if isinstance(value, dict) else value)
    elif kind == "datetime":
        typed = parse_moment(value) if isinstance(value, str) and "." not in value else None
    elif kind == "date":
        typed = _day(value)
    elif kind in _NUMBERS or kind == "bigint":
        typed = _number(value)
    elif kind == "boolean":
        typed = value if isinstance(value, bool) else {"true": True, "false": False}.get(str(value).lower())
    elif isinstance(value, str | int | float) and not isinstance(value, bool):
        typed = str(value)
    if typed is None:
        raise _mismatch(name, kind)
    return ";".join(sorted(typed.split(";"))) if kind == "multiselectpicklist" else typed


def _day(value: Any) -> str | None:
    try:
        return date.fromisoformat(value).isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", value) else None
    except (ValueError, TypeError):
        return None


def _number(value: Any) -> int | float | None:
    if isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return value
    text = value if isinstance(value, str) and value.isascii() else ""
    if re.fullmatch(r"-?\d{1,30}", text):
        return int(text)
    return float(text) if re.fullmatch(r"-?\d{1,30}\.\d{1,30}", text) else None


def _decision(comparator: str, values: list[Any]) -> Decide:
    first = str(values[0])
    texts: dict[str, Decide] = {
        "contains": lambda value: first in str(value),
        "not_contains": lambda value: first not in str(value),
        "starts_with": lambda value: str(value).startswith(first),
        "ends_with": lambda value: str(value).endswith(first),
    }
    return ordered(_SIGNS.get(comparator, ""), values) or texts[comparator]
