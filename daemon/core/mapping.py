"""Turns a stream's settings and both orgs' metadata into the exact list of field rules, or says what is wrong.

Runs once per stream and schema; `translate` then needs no metadata. Refuses to guess: a field that is named in the
settings and cannot be carried is a problem with its name, never left out in silence.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from daemon.core.filter import Filter, FilterError, parse_filter
from daemon.core.rules import Constant, Copy, Scalar, Source, Stream, Template
from daemon.core.schema import Field, Schema

Kind = str
"""How a value is converted: text number bigint boolean date datetime multiselect lookup owner."""

_KINDS: Final[dict[str, Kind]] = {
    **dict.fromkeys(("text", "textarea", "email", "phone", "website", "picklist"), "text"),
    "bigint": "bigint",
    **dict.fromkeys(("integer", "double", "currency", "percent", "formula"), "number"),
    "autonumber": "text",  # never written; as a source it may have a prefix
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "multiselectpicklist": "multiselect",
    "lookup": "lookup",
    "ownerlookup": "owner",
}
_TELLING: Final = ("text", "email")
# Set by Zoho on every write, or the subject of their own settings.
_NEVER_BY_STAR: Final = frozenset(
    {"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Last_Activity_Time", "Full_Name", "Tag"}
)
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldRule:
    """How one target field gets its value. `parent` is the source module that a lookup points to.

    `names_cause` says that a refused value is worth naming (picklists): one cause a value, not one a field.
    """

    target: str
    source: Source
    kind: Kind
    parent: str | None = None
    names_cause: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Everything that planning needs to know of a stream's fields.

    `version` changes when any rule does. `columns` are the source fields to read, without id and Modified_Time.
    `match` are target fields that recognise a record of ours by what was sent, where there is no key.
    `mandatory` are the target fields that a new record must have.
    """

    rules: tuple[FieldRule, ...]
    version: str
    key: str | None
    columns: tuple[str, ...]
    match: tuple[str, ...]
    keep: Filter
    mandatory: frozenset[str] = frozenset()

    @property
    def parents(self) -> frozenset[str]:
        """The source modules that this stream's lookups point to."""
        return frozenset(r.parent for r in self.rules if r.parent)

    @property
    def targets(self) -> tuple[str, ...]:
        return tuple(r.target for r in self.rules)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that `check` has to say of a stream; a fatal one keeps the stream from running."""

    stream: str
    field: str | None
    message: str
    fatal: bool = True


def resolve(
    stream: Stream, source: Schema, target: Schema, carried: Mapping[str, str]
) -> tuple[FieldMap | None, list[Problem]]:
    """The field rules of a stream, and every problem found on the way; None when one of them is fatal.

    `carried` is source module -> target module of the whole route, because a lookup is only translated when the
    records it points to are.
    """
    rules, problems = (
        _by_star(stream, source, target, carried)
        if stream.fields.table is None
        else _by_table(stream, stream.fields.table, source, target, carried)
    )
    problems += _key_problems(stream, target) if stream.key else _match_problems(stream, target, rules)
    problems += _flag_problems(stream, target, rules)
    filled = {r.target for r in rules} | {stream.key}
    problems += [
        Problem(
            stream=stream.address,
            field=f.api_name,
            message=f"{stream.target}'s {stream.target_module}.{f.api_name} is mandatory and nothing fills it: "
            f"give it a source or a constant under routes.{stream.route}.modules.{stream.source_module}.fields",
        )
        for f in target.fields.values()
        if f.mandatory and f.writable and f.api_name not in filled and f.data_type != "ownerlookup"
    ]
    try:
        keep = parse_filter(stream.where)
    except FilterError as error:
        return None, [*problems, Problem(stream=stream.address, field="where", message=str(error))]
    problems += [
        Problem(stream=stream.address, field=name, message=f"where: {stream.source} has no field {name}")
        for name in sorted(keep.fields)
        if name not in source.fields
    ]
    if any(p.fatal for p in problems):
        return None, problems
    ordered = tuple(sorted(rules, key=lambda r: r.target))
    columns = sorted({name for r in ordered for name in _columns_of(r.source)} | keep.fields)
    return (
        FieldMap(
            rules=ordered,
            version=_version(ordered, stream),
            key=stream.key,
            match=tuple(r.target for r in ordered if _recognises(target.fields[r.target])),
            columns=tuple(c for c in columns if c not in ("id", "Modified_Time")),
            keep=keep,
            mandatory=frozenset(r.target for r in ordered if target.fields[r.target].mandatory),
        ),
        problems,
    )


def _by_star(
    stream: Stream, source: Schema, target: Schema, carried: Mapping[str, str]
) -> tuple[list[FieldRule], list[Problem]]:
    rules: list[FieldRule] = []
    problems = [
        Problem(
            stream=stream.address,
            field=name,
            message=f"except names {name}, which {stream.target}'s {stream.target_module} does not have",
        )
        for name in sorted(stream.fields.except_)
        if name not in target.fields
    ]
    left_out = stream.fields.except_ | _NEVER_BY_STAR | {stream.key, stream.flag}
    for name, mine in source.fields.items():
        yours = target.fields.get(name)
        if yours is None or name in left_out or not yours.writable:
            continue
        rule = _rule(name, Copy(field=name), mine, yours, carried)
        if isinstance(rule, FieldRule):
            rules.append(rule)
        else:
            problems.append(Problem(stream=stream.address, field=name, message=f"{name}: {rule}", fatal=False))
    return rules, problems


def _by_table(
    stream: Stream, table: Mapping[str, Source], source: Schema, target: Schema, carried: Mapping[str, str]
) -> tuple[list[FieldRule], list[Problem]]:
    rules: list[FieldRule] = []
    problems: list[Problem] = []

    def wrong(field: str, message: str) -> None:
        problems.append(Problem(stream=stream.address, field=field, message=message))

    for name, origin in table.items():
        yours = target.fields.get(name)
        if yours is None:
            wrong(name, f"{stream.target}'s {stream.target_module} has no field {name}")
        elif name == stream.key:
            wrong(name, f"{name} is the key field; orgsync fills it itself")
        elif not yours.writable:
            wrong(name, f"{stream.target}'s {stream.target_module}.{name} is read-only")
        elif missing := sorted(c for c in _columns_of(origin) if c not in source.fields):
            wrong(name, f"{stream.source}'s {stream.source_module} has no field {missing[0]}")
        else:
            mine = source.fields[origin.field] if isinstance(origin, Copy) else None
            rule = _rule(name, origin, mine, yours, carried)
            if isinstance(rule, FieldRule):
                rules.append(rule)
            else:
                wrong(name, f"{name}: {rule}")
    return rules, problems


def _rule(name: str, origin: Source, mine: Field | None, yours: Field, carried: Mapping[str, str]) -> FieldRule | str:
    """The rule for one target field, or why there can be none."""
    kind = _KINDS.get(yours.data_type)
    if kind is None:
        return f"fields of type {yours.data_type} are not carried"
    if mine is None:
        return _made_up(name, origin, yours, kind)
    if mine.rich_text:
        return "rich text is cut at 500 characters in list answers (facts 2.6), so it is not carried"
    if _KINDS.get(mine.data_type) != kind and {mine.data_type, yours.data_type} != {"integer", "bigint"}:
        return f"a {mine.data_type} cannot be written to a {yours.data_type}"
    if kind == "lookup":
        return _lookup_rule(name, origin, mine, yours, carried)
    return FieldRule(target=name, source=origin, kind=kind, names_cause=bool(yours.picklist))


def _made_up(name: str, origin: Source, yours: Field, kind: Kind) -> FieldRule | str:
    if kind not in ("text", "number", "boolean", "date", "datetime"):
        return f"a {yours.data_type} field needs a source field"
    if isinstance(origin, Constant) and (unfit := _unfit(origin.value, yours, kind)):
        return unfit
    return FieldRule(target=name, source=origin, kind=kind, names_cause=bool(yours.picklist))


def _unfit(value: Scalar, yours: Field, kind: Kind) -> str | None:
    """Why a constant can never be written to a field, where that is certain; else it would fail record by record."""
    shapes = {"number": (int, float), "boolean": (bool,), "date": (str,), "datetime": (str,)}
    wanted = shapes.get(kind, (str, int, float))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        return f"the constant {value!r} is no {yours.data_type}"
    if yours.picklist and value not in yours.picklist:
        return f"the constant {value!r} is not in the picklist: {', '.join(sorted(yours.picklist)[:10])}"
    if kind == "text" and yours.length is not None and len(str(value)) > yours.length:
        return f"the constant has {len(str(value))} characters, the field takes {yours.length}"
    return None


def _lookup_rule(name: str, origin: Source, mine: Field, yours: Field, carried: Mapping[str, str]) -> FieldRule | str:
    if mine.lookup_module is None or mine.lookup_module not in carried:
        return f"it points to {mine.lookup_module}, which this route does not carry"
    if carried[mine.lookup_module] != yours.lookup_module:
        return (
            f"it points to {yours.lookup_module} in the target, but this route carries "
            f"{mine.lookup_module} to {carried[mine.lookup_module]}"
        )
    return FieldRule(target=name, source=origin, kind="lookup", parent=mine.lookup_module)


def _match_problems(stream: Stream, target: Schema, rules: list[FieldRule]) -> list[Problem]:
    """Without a key, a create whose answer was lost is recognised by its values: some must always be there."""
    fields = (target.fields[r.target] for r in rules)
    if any(f.mandatory and f.data_type in _TELLING for f in fields):
        return []
    message = (
        f"without a key a lost create is found again by its values, but no mandatory text of {stream.target}'s "
        f"{stream.target_module} is mapped: map one, or name a key"
    )
    return [Problem(stream=stream.address, field="key", message=message)]


def _recognises(field: Field) -> bool:
    return field.data_type in ("email", "phone") or (field.mandatory and field.data_type in _TELLING)


def _columns_of(source: Source) -> tuple[str, ...]:
    match source:
        case Copy():
            return (source.field,)
        case Template():
            return tuple(_PLACE.findall(source.text))
        case _:
            return ()


def _key_problems(stream: Stream, target: Schema) -> list[Problem]:
    field = target.fields.get(stream.key or "")
    if field is None:
        message = (
            f"{stream.target}'s {stream.target_module} has no field {stream.key}: "
            "create it with `orgsync check --create-keys`"
        )
    elif not field.unique:
        message = (
            f"{stream.target}'s {stream.target_module}.{stream.key} is not unique: mark it \"Do not allow duplicate "
            'values" in Zoho, or a repeated create could not be told from a new record'
        )
    elif field.data_type != "text" or not field.writable or (field.length or 255) < 40:  # zgid, colon, 19 digits
        message = (
            f"{stream.target}'s {stream.target_module}.{stream.key} must be a writable text of 40 characters or more"
        )
    else:
        return []
    return [Problem(stream=stream.address, field=stream.key, message=message)]


def _flag_problems(stream: Stream, target: Schema, rules: list[FieldRule]) -> list[Problem]:
    if stream.flag is None:
        return []
    where, field = f"{stream.target}'s {stream.target_module}", target.fields.get(stream.flag)
    if field is None:
        message = f"flag: {where} has no field {stream.flag}: make it there, as a checkbox"
    elif field.data_type != "boolean" or not field.writable:
        message = f"flag: {where}.{stream.flag} must be a checkbox that can be written"
    elif stream.flag in {r.target for r in rules}:
        message = f"flag: {stream.flag} is filled from the source already; flag another checkbox"
    else:
        return []
    return [Problem(stream=stream.address, field=stream.flag, message=message)]


def _version(rules: tuple[FieldRule, ...], stream: Stream) -> str:
    """A short name for exactly these rules: equal rules give equal names in every process."""
    text = orjson.dumps(
        [[r.target, type(r.source).__name__, r.source, r.kind, r.parent] for r in rules]
        + [[stream.where, stream.default_owner]],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.blake2b(text, digest_size=8).hexdigest()
