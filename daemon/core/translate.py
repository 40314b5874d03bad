"""One record of A as B should hold it, and one record of B in the same form, so that the two compare.

Both directions end in the same canonical values (convert.py). Nothing here raises for what a record contains; a value
that cannot be carried is a Fault with its name.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from daemon.core.causes import (
    EXPRESSION_FAILED,
    MALFORMED_VALUE,
    NOT_CONVERTIBLE,
    PARENT_NOT_CARRIED,
    TOO_MANY_ROWS,
    USER_UNKNOWN,
)
from daemon.core.composed import LINKS, LOOKUPS, ROWS, TAGS, left_out, linked_ids, objects, tag_names
from daemon.core.convert import CANONICAL, CONVERSIONS, ConversionError, Json, Row, Values, cut_text, linked_id
from daemon.core.expression import evaluate
from daemon.core.fieldmap import FieldMap
from daemon.core.fitting import FieldRule
from daemon.core.functions import NoValueError
from daemon.core.reach import Match, Matched, NobodyError, module_of, the_one
from daemon.core.record import WireRecord, is_record_id
from daemon.core.rules import Constant, Copy, Expression, Rows

RELATED_TO: Final = "What_Id"
"""The lookup of activities into several modules whose module stands beside it, in SE_MODULE."""
SE_MODULE: Final = "$se_module"
_REFERENCES: Final = (*LOOKUPS, "owner", "user")
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Parent:
    """A record of the source that another one points to."""

    module: str
    record_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """A value that cannot be carried. `value` is kept only where it names the cause (picklists, lookups, owners), and
    `module` where the cause is in another module than the record.
    """

    code: str
    field: str
    message: str
    value: str | None = None
    module: str | None = None


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
    by which e-mail address people know a user of the source. `matched` are the parents that no stream carries. `left`
    are parents that were deleted in the target, where the settings leave them so: their children are carried without
    them.
    """

    parents: Mapping[Parent, str]
    left: frozenset[Parent] = frozenset()
    owners: Mapping[str, str]
    default_owner: str | None = None
    emails: Mapping[str, str] = field(default_factory=dict)
    matched: Mapping[Parent, Matched] = field(default_factory=dict)


def parents_of(record: WireRecord, fields: FieldMap) -> tuple[Parent, ...]:
    """The source records that a record points to through lookups, of modules that the route carries."""
    return tuple(parent for parent, match in _pointed_to(record, fields.pointing) if match is None)


def strangers_of(record: WireRecord, fields: FieldMap) -> dict[Parent, Match]:
    """The source records that a record points to and that are found by a match field."""
    return {parent: match for parent, match in _pointed_to(record, fields.pointing) if match is not None}


def _pointed_to(record: WireRecord, rules: Iterable[FieldRule]) -> Iterator[tuple[Parent, Match | None]]:
    for rule in rules:
        value = record.get(rule.source.field) if isinstance(rule.source, Copy) else None
        inner = [row for row in value if isinstance(row, dict)] if isinstance(value, list) else []
        if rule.kind == ROWS:
            for row in inner:
                yield from _pointed_to(row, rule.rows)
        elif rule.links or rule.kind in LOOKUPS:
            for linked in [row.get(rule.links[0]) for row in inner] if rule.links else [value]:
                target, module = _id_of(linked), rule.parent or module_of(linked)
                if target and module is not None and module in {rule.parent, *rule.several, *rule.matches}:
                    yield Parent(module=module, record_id=target), rule.matches.get(module)


def _id_of(linked: object) -> str | None:
    target = linked.get("id") if isinstance(linked, dict) else None
    return str(target) if is_record_id(target) else None


def translate(record: WireRecord, fields: FieldMap, known: Known) -> Translation:
    """A source record in the target's terms; parents that have no counterpart yet are in `waits`."""
    return translated(record, fields.rules, known, fields.mandatory)


def translated(
    record: WireRecord, rules: Iterable[FieldRule], known: Known, mandatory: frozenset[str] = frozenset()
) -> Translation:
    """The same by some rules: those of a subform's rows, or one."""
    values: dict[str, Json] = {}
    waits: list[tuple[str, Parent]] = []
    faults: list[Fault] = []
    cut: list[str] = []
    for rule in rules:
        name = rule.target
        try:
            if rule.carried is not None:  # most fields
                values[name] = CANONICAL[rule.kind](record.get(rule.carried))
                continue
            if rule.kind in (ROWS, LINKS):
                found = (_rows if rule.kind == ROWS else _links)(record, rule, known)
                values |= found.values
                waits += found.waits
                faults += found.faults
                continue
            if rule.kind in LOOKUPS:
                parent = _parent(_source_value(record, rule), rule)
                counterpart = None if parent is None else _counterpart(parent, rule, known)
                if parent is None or counterpart is not None:
                    values[name] = counterpart
                elif parent not in known.left or name in mandatory:
                    waits.append((name, parent))
            elif rule.kind in ("owner", "user"):
                values |= _person(_source_value(record, rule), rule, known)
            else:
                values[name] = _fitted(_source_value(record, rule), rule, cut)
        except NobodyError as error:
            message = f"{name}: {error}"
            faults.append(Fault(code=error.code, field=name, message=message, value=error.value, module=error.module))
        except ValueError as error:
            faults.append(Fault(code=_code(error), field=name, message=f"{name}: {error}"))
    return Translation(values=values, waits=tuple(waits), faults=tuple(faults), cut=tuple(cut))


def observe(record: WireRecord, fields: FieldMap) -> Values:
    """A target record in canonical values, over the mapped fields; an odd value stands as its own text."""
    return _observed(record, fields.rules)


def as_written(record: WireRecord, rule: FieldRule) -> Json:
    """A field of a target record in the form in which it can be written back. Raises ValueError where it has none: an
    odd value, rows of which not all are shown, or a lookup into several modules that does not say into which.
    """
    if left_out(record, [rule.target]):
        raise _TooManyRowsError(f"{rule.target} has more rows than an answer shows")
    value = _canonical(record.get(rule.target), rule)
    if rule.kind != "multilookup" or not isinstance(value, dict):
        return value
    beside = record.get(SE_MODULE) if rule.target == RELATED_TO else None
    module = module_of(record.get(rule.target)) or module_of({"module": beside})
    if module is None:
        raise ValueError(f"{rule.target} does not say of which module its record is")
    return {**value, "module": module}


def _observed(record: WireRecord, rules: Iterable[FieldRule]) -> dict[str, Json]:
    seen: dict[str, Json] = {}
    for rule in rules:
        raw = record.get(rule.target)
        try:
            seen[rule.target] = _canonical(raw, rule)
        except ValueError:
            seen[rule.target] = repr(raw)
    return seen


def _canonical(raw: object, rule: FieldRule) -> Json:
    if rule.kind in _REFERENCES:
        linked = linked_id(raw)
        return None if linked is None else {"id": linked}
    if rule.kind == ROWS:
        rows: list[Row] = [{**_observed(row, rule.rows)} for row in objects(raw)]
        return rows or None
    if rule.links is not None:
        return sorted(linked_ids(raw, rule.links[1])) or None
    return sorted(tag_names(raw)) or None if rule.kind == TAGS else CANONICAL[rule.kind](raw)


def _rows(record: WireRecord, rule: FieldRule, known: Known) -> Translation:
    """The rows of a subform, all or none: with one that waits or is at fault the others are not known to be all."""
    found = [translated(row, rule.rows, known) for row in objects(_shown(record, rule))]
    waits = tuple((rule.target, parent) for row in found for _, parent in row.waits)
    faults = tuple(replace(fault, field=rule.target) for row in found for fault in row.faults)
    rows: list[Row] = [{**row.values} for row in found]
    return Translation(values={} if waits or faults else {rule.target: rows or None}, waits=waits, faults=faults)


def _links(record: WireRecord, rule: FieldRule, known: Known) -> Translation:
    key = rule.links[0] if rule.links else ""
    linked = [Parent(module=str(rule.parent), record_id=i) for i in linked_ids(_shown(record, rule), key)]
    waits = tuple((rule.target, parent) for parent in linked if parent not in known.parents)
    found = sorted({known.parents[parent] for parent in linked if parent in known.parents})
    return Translation(values={} if waits else {rule.target: list(found) or None}, waits=waits)


def _shown(record: WireRecord, rule: FieldRule) -> object:
    """The rows of a field, if the answer shows all of them."""
    name = rule.source.field if isinstance(rule.source, Copy) else ""
    if left_out(record, [name]):
        raise _TooManyRowsError(f"{name} has more rows than an answer shows")
    return record.get(name)


class _TooManyRowsError(ValueError):
    """A field has more rows than Zoho shows, so what it holds is not known."""


def _code(error: ValueError) -> str:
    if isinstance(error, _TooManyRowsError):
        return TOO_MANY_ROWS
    if isinstance(error, NoValueError):
        return EXPRESSION_FAILED
    return NOT_CONVERTIBLE if isinstance(error, ConversionError) else MALFORMED_VALUE


def _source_value(record: WireRecord, rule: FieldRule) -> object:
    """What the source says, in the form of the target's kind as far as another kind was read."""
    source = rule.source
    match source:
        case Copy():
            value = tag_names(record.get(source.field)) if rule.kind == TAGS else record.get(source.field)
            if _is_blank(value) and rule.default is not None:
                return rule.default
            if isinstance(value, (str, list)) and rule.kind not in ("multiselect", TAGS):
                return _converted(_mapped(value, source), rule.origin, rule)
            return _mapped(_converted(value, rule.origin, rule), source)
        case Constant():
            return source.value
        case Expression():
            value = evaluate(source.text, record, rule.zone)
            kinds = {str: "text", int: "number", float: "number", bool: "boolean"}
            value = _converted(value, kinds.get(type(value)), rule)
        case Rows():  # a rule has the field alone (composing.py)
            return record.get(source.field)
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
    if rule.kind == TAGS:
        return sorted(set(raw)) or None if isinstance(raw, list) else None
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
    if linked is None:
        return None
    module = rule.parent or module_of(value)
    if module is None:
        raise ValueError(f"the source does not say of which module the record {linked} is")
    if rule.kind == "multilookup" and module not in rule.several and module not in rule.matches:
        message = f"it points to {module} {linked}, and the route does not carry {module}"
        raise NobodyError(PARENT_NOT_CARRIED, message, module=module)
    return Parent(module=module, record_id=linked)


def _counterpart(parent: Parent, rule: FieldRule, known: Known) -> Json:
    """The target's record for a parent, None while it has none. One that no stream carries has one, or is a fault."""
    match = rule.matches.get(parent.module)
    if match is None:
        found = known.parents.get(parent)
    else:
        found = the_one(parent.module, parent.record_id, match, known.matched.get(parent, Matched()))
    if found is None:
        return None
    if rule.kind == "lookup":
        return {"id": found}
    return {"id": found, "module": rule.several[parent.module] if match is None else match.module}


def _person(value: object, rule: FieldRule, known: Known) -> dict[str, Json]:
    """The same person in the target: nobody else in silence. Only a record that shows no owner leaves him to B;
    another user lookup may be blank.
    """
    linked = linked_id(value)
    found = None if linked is None else known.owners.get(linked, known.default_owner)
    if found is not None:
        return {rule.target: {"id": found}}
    if linked is not None:
        who = known.emails.get(linked, linked)
        raise NobodyError(USER_UNKNOWN, f"nobody in the target stands for the user {who}", who)
    return {} if rule.kind == "owner" else {rule.target: None}
