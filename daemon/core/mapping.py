"""Turns a stream's settings and both orgs' metadata into the exact list of field rules, or says what is wrong.

Runs once per stream and schema; `translate` then needs no metadata. Refuses to guess: a field that is named in the
settings and cannot be carried is a problem with its name, never left out in silence.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import orjson

from daemon.core.expression import parse_expression
from daemon.core.filter import Filter, FilterError, parse_filter
from daemon.core.fitting import FieldRule, by_star, rule_for
from daemon.core.keys import flag_problems, key_problems, recognises
from daemon.core.rules import Copy, Expression, Fill, Source, Stream, Template
from daemon.core.schema import Schema

# Set by Zoho on every write, or the subject of their own settings.
_NEVER_BY_STAR: Final = frozenset(
    {"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Last_Activity_Time", "Full_Name", "Tag"}
)
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Everything that planning needs to know of a stream's fields.

    `version` changes when any rule does. `columns` are the source fields to read, without id and Modified_Time.
    `match` are target fields whose values name a record, where there is no key.
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
    def lasting(self) -> frozenset[str]:
        """The target fields that the target is to hold as the source says, and no other way: what counts as drift."""
        return frozenset(r.target for r in self.rules if r.write == "always")

    @property
    def made_once(self) -> frozenset[str]:
        """The target fields that are written only when a record is made."""
        return frozenset(r.target for r in self.rules if r.write == "create")

    @property
    def into_blank(self) -> frozenset[str]:
        """The target fields that are written only where they are blank."""
        return frozenset(r.target for r in self.rules if r.write == "blank")

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
    stream: Stream, source: Schema, target: Schema, carried: Mapping[str, str], zone: str = "UTC"
) -> tuple[FieldMap | None, list[Problem]]:
    """The field rules of a stream, and every problem found on the way; None when one of them is fatal.

    `carried` is source module -> target module of the whole route, because a lookup is only translated when the
    records it points to are. `zone` is the source org's time zone.
    """
    table: Mapping[str, Source] = stream.fields.table or {}
    rules, problems = _by_table(stream, table, source, target, carried, zone)
    if stream.fields.table is None or stream.fields.star:
        more, reported = _by_star(stream, table, source, target, carried, zone)
        rules, problems = rules + more, problems + reported
    filled = {r.target for r in rules}
    problems += [
        Problem(stream=stream.address, field=name, message=message)
        for name, message in [*key_problems(stream, target, filled), *flag_problems(stream, target, filled)]
    ]
    problems += [
        Problem(
            stream=stream.address,
            field=f.api_name,
            message=f"{stream.target}'s {stream.target_module}.{f.api_name} is mandatory and nothing fills it: "
            f"give it a source or a constant under {_place(stream)}.fields",
        )
        for f in target.fields.values()
        if f.mandatory and f.writable and f.api_name not in filled | {stream.key} and f.data_type != "ownerlookup"
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
    columns = sorted({name for r in ordered for name in columns_of(r.source)} | keep.fields)
    return (
        FieldMap(
            rules=ordered,
            version=_version(ordered, stream),
            key=stream.key,
            match=tuple(r.target for r in ordered if recognises(target.fields[r.target])),
            columns=tuple(c for c in columns if c not in ("id", "Modified_Time")),
            keep=keep,
            mandatory=frozenset(r.target for r in ordered if target.fields[r.target].mandatory),
        ),
        problems,
    )


def _place(stream: Stream) -> str:
    return f"routes.{stream.route}.modules.{stream.source_module}"


def _by_star(
    stream: Stream,
    named: Mapping[str, Source],
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str,
) -> tuple[list[FieldRule], list[Problem]]:
    """What both sides have and the target can write, but for what the table names."""
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
    left_out = stream.fields.except_ | _NEVER_BY_STAR | {stream.key, stream.flag} | named.keys()
    for name, mine in source.fields.items():
        yours = target.fields.get(name)
        if yours is None or name in left_out or not yours.writable:
            continue
        rule = rule_for(name, Copy(field=name), mine, yours, carried, Fill(), zone)
        if isinstance(rule, FieldRule) and not by_star(mine, yours):
            rule = (
                f'a {mine.data_type} cannot be written to a {yours.data_type} by "*" alone: '
                "name it in the table of fields to have it converted"
            )
        if isinstance(rule, FieldRule):
            rules.append(rule)
        else:
            problems.append(Problem(stream=stream.address, field=name, message=f"{name}: {rule}", fatal=False))
    return rules, problems


def _by_table(
    stream: Stream,
    table: Mapping[str, Source],
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str,
) -> tuple[list[FieldRule], list[Problem]]:
    rules: list[FieldRule] = []
    problems: list[Problem] = []

    def wrong(field: str, message: str) -> None:
        problems.append(Problem(stream=stream.address, field=field, message=message))

    for name, origin in table.items():
        yours = target.fields.get(name)
        if yours is None:
            wrong(name, _no_field(stream, name, stream.target, target, name))
        elif name == stream.key:
            wrong(name, f"{name} is the key field; orgsync fills it itself")
        elif not yours.writable:
            wrong(name, f"{stream.target}'s {stream.target_module}.{name} is read-only")
        elif missing := sorted(c for c in columns_of(origin) if c not in source.fields):
            wrong(name, _no_field(stream, missing[0], stream.source, source, name))
        else:
            mine = source.fields[origin.field] if isinstance(origin, Copy) else None
            fill = stream.fields.fills.get(name, Fill())
            rule = rule_for(name, origin, mine, yours, carried, fill, zone)
            if isinstance(rule, FieldRule):
                rules.append(rule)
            else:
                wrong(name, f"{name}: {rule}")
    return rules, problems


def _no_field(stream: Stream, name: str, org: str, schema: Schema, entry: str) -> str:
    """A field that is not there (any more), with the nearest one and the place in the settings to mend."""
    close = difflib.get_close_matches(name, schema.fields, n=1)
    nearest = f" (there is {close[0]})" if close else ""
    module = stream.target_module if org == stream.target else stream.source_module
    return (
        f"{org}'s {module} has no field {name}{nearest}: if it was renamed, correct {_place(stream)}.fields.{entry} "
        "to its API name of today"
    )


def columns_of(source: Source) -> tuple[str, ...]:
    """The source fields that a value is made of."""
    match source:
        case Copy():
            return (source.field,)
        case Template():
            return tuple(_PLACE.findall(source.text))
        case Expression():
            return parse_expression(source.text).fields
        case _:
            return ()


def _version(rules: tuple[FieldRule, ...], stream: Stream) -> str:
    """A short name for exactly these rules: equal rules give equal names in every process and every version of orgsync,
    or all records would be read again. So what is new is only named where it is used.
    """
    owners = [dict(stream.owners)] if stream.owners else []
    text = orjson.dumps(
        [
            [
                r.target,
                type(r.source).__name__,
                _named(r.source),
                r.kind,
                r.parent,
                *([more] if (more := _more(r)) else []),
            ]
            for r in rules
        ]
        + [[stream.where, stream.default_owner, *owners]],
        option=orjson.OPT_SORT_KEYS,
    )
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _named(source: Source) -> object:
    if isinstance(source, Copy) and source.other is None:
        return {"field": source.field, "values": source.values}
    return source


def _more(rule: FieldRule) -> dict[str, object]:
    between_integers = {rule.origin, rule.kind} == {"number", "bigint"}
    found = {
        "origin": None if between_integers else rule.origin,
        "zone": None if str(rule.zone) == "UTC" else str(rule.zone),
        "cut": rule.cut,
        "default": rule.default,
        "write": None if rule.write == "always" else rule.write,
    }
    return {name: value for name, value in found.items() if value is not None}
