"""One record of A as B should hold it, and one record of B in the same form, so that the two compare.

Both directions end in the same canonical values: times in UTC, lookups as `{"id": …}`, blank as None, lists in the
order given. Nothing here raises for what a record contains; a value that cannot be carried is a Fault with its name.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import date
from math import isfinite
from typing import Final

from daemon.core.mapping import FieldMap, FieldRule
from daemon.core.record import WireRecord, format_instant, is_record_id, parse_instant
from daemon.core.rules import Constant, Copy

Json = str | int | float | bool | None | list[str] | dict[str, str]
Values = Mapping[str, Json]
"""Target API name -> canonical value."""

_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A record of the source that another one points to."""

    module: str
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A value that cannot be carried. `value` is kept only where it names the cause (picklists, lookups, owners)."""

    code: str
    field: str
    message: str
    value: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """What B should hold. With `waits` or `faults` it is not complete and must not be sent."""

    values: Values
    waits: tuple[tuple[str, Parent], ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the id map and the user lists know: parents (source record -> target id) and owners (user id -> user id)."""

    parents: Mapping[Parent, str]
    owners: Mapping[str, str]
    default_owner: str | None = None


class _BadValueError(ValueError):
    """A value of a shape that its field cannot have."""


def parents_of(record: WireRecord, fields: FieldMap) -> tuple[Parent, ...]:
    """The source records that a record points to through carried lookups."""
    found = []
    for rule in fields.rules:
        if rule.parent and isinstance(rule.source, Copy):
            value = record.get(rule.source.field)
            target = value.get("id") if isinstance(value, dict) else None
            if is_record_id(target):
                found.append(Parent(module=rule.parent, record_id=str(target)))
    return tuple(found)


def translate(record: WireRecord, fields: FieldMap, known: Known) -> Translation:
    """A source record in the target's terms; parents that have no counterpart yet are in `waits`."""
    values: dict[str, Json] = {}
    waits: list[tuple[str, Parent]] = []
    faults: list[Fault] = []
    for rule in fields.rules:
        try:
            raw = _source_value(record, rule)
            if rule.kind == "lookup":
                parent = _parent(raw, rule)
                if parent is None:
                    values[rule.target] = None
                elif (counterpart := known.parents.get(parent)) is None:
                    waits.append((rule.target, parent))
                else:
                    values[rule.target] = {"id": counterpart}
            elif rule.kind == "owner":
                owner = _owner(raw, known)
                if owner is not None:
                    values[rule.target] = {"id": owner}
            else:
                values[rule.target] = _CONVERT[rule.kind](raw)
        except ValueError as error:
            faults.append(Fault(code="MALFORMED_VALUE", field=rule.target, message=f"{rule.target}: {error}"))
    return Translation(values=values, waits=tuple(waits), faults=tuple(faults))


def observe(record: WireRecord, fields: FieldMap) -> Values:
    """A target record in canonical values, over the mapped fields; an odd value stands as its own text."""
    seen: dict[str, Json] = {}
    for rule in fields.rules:
        raw = record.get(rule.target)
        try:
            if rule.kind in ("lookup", "owner"):
                linked = _linked_id(raw)
                seen[rule.target] = None if linked is None else {"id": linked}
            else:
                seen[rule.target] = _CONVERT[rule.kind](raw)
        except ValueError:
            seen[rule.target] = repr(raw)
    return seen


def _source_value(record: WireRecord, rule: FieldRule) -> object:
    source = rule.source
    if isinstance(source, Copy):
        value = record.get(source.field)
        if source.values is None or value is None:
            return value
        if isinstance(value, list):
            return [source.values.get(v, v) if isinstance(v, str) else v for v in value]
        return source.values.get(value, value) if isinstance(value, str) else value
    if isinstance(source, Constant):
        return source.value
    return _PLACE.sub(lambda place: _as_text(record.get(place[1])), source.text).strip() or None


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return str(value.get("name") or "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _linked_id(value: object) -> str | None:
    if value is None:
        return None
    if not isinstance(value, dict):
        raise _BadValueError(f"a record was expected, {_shape(value)} was found")
    linked = value.get("id")
    if linked is None:
        return None
    if not is_record_id(linked):
        raise _BadValueError(f"{str(linked)[:40]!r} is not a record id")
    return str(linked)


def _parent(value: object, rule: FieldRule) -> Parent | None:
    linked = _linked_id(value)
    return None if linked is None or rule.parent is None else Parent(module=rule.parent, record_id=linked)


def _owner(value: object, known: Known) -> str | None:
    linked = _linked_id(value)
    return None if linked is None else known.owners.get(linked, known.default_owner)


def _text(value: object) -> Json:
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        raise _BadValueError(f"a text was expected, {_shape(value)} was found")
    return str(value)


def _number(value: object) -> Json:
    """Numbers as JSON has them; a whole float is an int, so that 1 and 1.0 are one value. Big integers stay texts."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise _BadValueError(f"a number was expected, {_shape(value)} was found")
    if not isinstance(value, int) and not isfinite(float(value)):
        raise _BadValueError(f"a number was expected, {value!r} was found")
    if isinstance(value, str):
        return value  # the digits are kept as they are
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _bigint(value: object) -> Json:
    """A whole number as Zoho has big ones: a text of digits (facts 2.6)."""
    number = _number(value)
    if number is None:
        return None
    if isinstance(number, float):
        raise _BadValueError(f"a whole number was expected, {number} was found")
    return str(int(str(number)))


def _boolean(value: object) -> Json:
    if value is None or isinstance(value, bool):
        return value
    raise _BadValueError(f"true or false was expected, {_shape(value)} was found")


def _date(value: object) -> Json:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise _BadValueError(f"a date was expected, {_shape(value)} was found")
    return date.fromisoformat(value[:10]).isoformat()


def _datetime(value: object) -> Json:
    return None if value is None or value == "" else format_instant(parse_instant(value))


def _multiselect(value: object) -> Json:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise _BadValueError(f"a list of texts was expected, {_shape(value)} was found")
    return list(value)


def _shape(value: object) -> str:
    names = {dict: "an object", list: "a list", str: "a text", bool: "true/false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


_CONVERT: Final[dict[str, Callable[[object], Json]]] = {
    "text": _text,
    "number": _number,
    "bigint": _bigint,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "multiselect": _multiselect,
}
