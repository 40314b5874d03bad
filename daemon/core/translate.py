"""One record of A as B should hold it, and one record of B in the same form, so that the two compare.

Both directions end in the same canonical values (convert.py). Nothing here raises for what a record contains; a value
that cannot be carried is a Fault with its name.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.core.causes import EXPRESSION_FAILED, MALFORMED_VALUE, NOT_CONVERTIBLE, USER_UNKNOWN
from daemon.core.convert import CANONICAL, CONVERSIONS, ConversionError, Json, Values, cut_text, linked_id
from daemon.core.expression import evaluate
from daemon.core.fitting import FieldRule
from daemon.core.functions import NoValueError
from daemon.core.mapping import FieldMap
from daemon.core.record import WireRecord, is_record_id
from daemon.core.rules import Constant, Copy, Expression

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
    """What B should hold. With `waits` or `faults` it is not complete and must not be sent. `cut` names the fields
    whose text was longer than B's field.
    """

    values: Values
    cut: tuple[str, ...] = ()
    waits: tuple[tuple[str, Parent], ...] = ()
    faults: tuple[Fault, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the id map and the user lists know: parents (source record -> target id), owners (user id -> user id), and
    by which e-mail address people know a user of the source. `left` are parents that were deleted in the target, where
    the settings leave them so: their children are carried without them.
    """

    parents: Mapping[Parent, str]
    left: frozenset[Parent] = frozenset()
    owners: Mapping[str, str]
    default_owner: str | None = None
    emails: Mapping[str, str] = field(default_factory=dict)


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
    cut: list[str] = []
    for rule in fields.rules:
        name = rule.target
        try:
            raw = _source_value(record, rule)
            if rule.kind == "lookup":
                parent = _parent(raw, rule)
                if parent is None:
                    values[name] = None
                elif (counterpart := known.parents.get(parent)) is not None:
                    values[name] = {"id": counterpart}
                elif parent not in known.left or name in fields.mandatory:
                    waits.append((name, parent))
            elif rule.kind in ("owner", "user"):
                values |= _person(raw, rule, known)
            else:
                values[name] = _fitted(raw, rule, cut)
        except _StrangerError as error:
            faults.append(Fault(code=USER_UNKNOWN, field=name, message=f"{name}: {error}", value=error.who))
        except ValueError as error:
            faults.append(Fault(code=_code(error), field=name, message=f"{name}: {error}"))
    return Translation(values=values, waits=tuple(waits), faults=tuple(faults), cut=tuple(cut))


def observe(record: WireRecord, fields: FieldMap) -> Values:
    """A target record in canonical values, over the mapped fields; an odd value stands as its own text."""
    seen: dict[str, Json] = {}
    for rule in fields.rules:
        raw = record.get(rule.target)
        try:
            if rule.kind in ("lookup", "owner", "user"):
                linked = linked_id(raw)
                seen[rule.target] = None if linked is None else {"id": linked}
            else:
                seen[rule.target] = CANONICAL[rule.kind](raw)
        except ValueError:
            seen[rule.target] = repr(raw)
    return seen


class _StrangerError(ValueError):
    """A user of the source for whom nobody stands in the target."""

    def __init__(self, who: str) -> None:
        self.who = who
        super().__init__(f"nobody in the target stands for the user {who}")


def _code(error: ValueError) -> str:
    if isinstance(error, NoValueError):
        return EXPRESSION_FAILED
    return NOT_CONVERTIBLE if isinstance(error, ConversionError) else MALFORMED_VALUE


def _source_value(record: WireRecord, rule: FieldRule) -> object:
    """What the source says, in the form of the target's kind as far as another kind was read."""
    source = rule.source
    match source:
        case Copy():
            value = record.get(source.field)
            if _is_blank(value) and rule.default is not None:
                return rule.default
            if isinstance(value, (str, list)) and rule.kind != "multiselect":
                return _converted(_mapped(value, source), rule.origin, rule)
            return _mapped(_converted(value, rule.origin, rule), source)
        case Constant():
            return source.value
        case Expression():
            value = evaluate(source.text, record, rule.zone)
            kinds = {str: "text", int: "number", float: "number", bool: "boolean"}
            value = _converted(value, kinds.get(type(value)), rule)
        case _:
            value = _PLACE.sub(lambda place: _as_text(record.get(place[1])), source.text).strip() or None
    return rule.default if value is None else value


def _is_blank(value: object) -> bool:
    return value is None or value in ("", [])


def _mapped(value: object, source: Copy) -> object:
    """Through the value map, one by one where there are many; only texts have an entry there."""
    if source.values is None:
        return value
    if isinstance(value, list):
        return [_mapped(v, source) if isinstance(v, str) else v for v in value]
    if not isinstance(value, str) or value == "":
        return value
    return source.values.get(value, value if source.other is None else source.other)


def _converted(value: object, origin: str | None, rule: FieldRule) -> object:
    convert = CONVERSIONS.get((origin, rule.kind)) if origin is not None else None
    return value if convert is None else convert(value, rule.zone)


def _fitted(raw: object, rule: FieldRule, cut: list[str]) -> Json:
    """A value as the target's field can hold it; notes the fields whose text was cut."""
    value = CANONICAL[rule.kind](raw)
    if rule.whole and isinstance(value, float):
        raise ConversionError(f"the field takes whole numbers, {value} was found")
    if rule.cut is not None and isinstance(value, str) and len(value) > rule.cut:
        cut.append(rule.target)
        return cut_text(value, rule.cut)
    return value


def _as_text(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, dict):
        return str(value.get("name") or "")
    if isinstance(value, bool):
        return "true" if value else "false"
    return ";".join(map(str, value)) if isinstance(value, list) else str(value)


def _parent(value: object, rule: FieldRule) -> Parent | None:
    linked = linked_id(value)
    return None if linked is None or rule.parent is None else Parent(module=rule.parent, record_id=linked)


def _person(value: object, rule: FieldRule, known: Known) -> dict[str, Json]:
    """The same person in the target. An owner whom nobody stands for is left to the target; a user lookup may be blank,
    but names nobody else in silence.
    """
    linked = linked_id(value)
    found = None if linked is None else known.owners.get(linked, known.default_owner)
    if found is not None:
        return {rule.target: {"id": found}}
    if rule.kind == "owner":
        return {}
    if linked is not None:
        raise _StrangerError(known.emails.get(linked, linked))
    return {rule.target: None}
