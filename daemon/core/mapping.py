"""Turns a stream's settings and both orgs' metadata into the exact list of field rules, or says what is wrong.

Runs once per stream and schema; `translate` then needs no metadata. Refuses to guess: a field that is named in the
settings and cannot be carried is a problem with its name, never left out in silence.
"""

from __future__ import annotations

import difflib
import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Final

import orjson

from daemon.core import notes
from daemon.core.composed import BY_ID, COMPOSED, ROWS, composed_kind
from daemon.core.composing import NAMED_ONLY, column_faults, composed_rule, rows_stream
from daemon.core.convert import Kind
from daemon.core.criteria import Criteria
from daemon.core.egress import egress_problem
from daemon.core.expression import parse_expression
from daemon.core.filter import Filter, FilterError, parse_filter
from daemon.core.fitting import FieldRule, by_star, kind_of, rule_for
from daemon.core.keys import flag_problems, key_problems, ladder_problems, recognises
from daemon.core.reach import left_out
from daemon.core.rules import Copy, Expression, Fill, Owner, Rows, Source, Stream, Template
from daemon.core.schema import Field, Schema
from daemon.core.sifting import sendable

# Set by Zoho on every write, or the subject of their own settings.
_NEVER_BY_STAR: Final = frozenset(
    {"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Last_Activity_Time", "Full_Name", "Tag"}
)
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class FieldMap:
    """Everything that planning needs to know of a stream's fields.

    `version` changes when any rule does. `columns` are the source fields to read, without id and Modified_Time. `match`
    are target fields whose values name a record, where there is no key. `mandatory` are the target fields that a new
    record must have. `kinds` are those of the columns, where the stream lies on a circle and edits of the source must
    be told from what orgsync wrote there. `at_source` is what of the filter the source may be asked for: it lets
    through whatever `keep` keeps.
    """

    rules: tuple[FieldRule, ...]
    version: str
    key: str | None
    columns: tuple[str, ...]
    match: tuple[str, ...]
    keep: Filter
    mandatory: frozenset[str] = frozenset()
    kinds: Mapping[str, Kind] = field(default_factory=dict)
    at_source: Criteria | None = None

    @property
    def parents(self) -> frozenset[str]:
        """The source modules that this stream's lookups point to."""
        rules = [r for rule in self.rules for r in (rule, *rule.rows)]
        return frozenset(r.parent for r in rules if r.parent).union(*(r.several for r in rules))

    @property
    def into_several(self) -> frozenset[str]:
        """The source fields that are lookups into several modules."""
        return frozenset(r.source.field for r in self.rules if r.kind == "multilookup" and isinstance(r.source, Copy))

    @property
    def beside(self) -> tuple[str, ...]:
        """The source fields that are read by the ids of their records, apart from `columns`."""
        return tuple(sorted(r.source.field for r in self.rules if r.kind in COMPOSED and isinstance(r.source, Copy)))

    @property
    def one_by_one(self) -> frozenset[str]:
        """The target fields that only an answer about one record shows; then it is the same in the source."""
        return frozenset(r.target for r in self.rules if r.kind in BY_ID)

    @property
    def composed(self) -> frozenset[str]:
        """The target fields that are made of several things; the target is looked at before they are updated."""
        return frozenset(r.target for r in self.rules if r.kind in COMPOSED)

    @property
    def lasting(self) -> frozenset[str]:
        """The target fields that the target is to hold as the source says, and no other way: what counts as drift."""
        return self._owned_by("source")

    @property
    def made_once(self) -> frozenset[str]:
        """The target fields that are written only when a record is made."""
        return self._owned_by("target")

    @property
    def into_blank(self) -> frozenset[str]:
        """The target fields that are written only where they are blank."""
        return self._owned_by("fill-blank")

    @property
    def newest(self) -> frozenset[str]:
        """The target fields that either side may change: the latest edit goes to the other side."""
        return self._owned_by("newest")

    def _owned_by(self, owner: Owner) -> frozenset[str]:
        return frozenset(r.target for r in self.rules if r.owner == owner)

    @property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """Target field -> the source fields that its value is made of. The key holds the record's own id."""
        key: dict[str, tuple[str, ...]] = {} if self.key is None else {self.key: ("id",)}
        return {r.target: columns_of(r.source) for r in self.rules} | key

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
    if stream.notes_of:
        source = notes.readable(source)
    rules, problems = _rules_of(stream, source, target, carried, zone)
    if stream.notes_of:
        rules = [notes.parent_rule(stream, carried), *(r for r in rules if r.target != notes.PARENT)]
        problems = [p for p in problems if p.field != notes.PARENT]
    else:
        problems += _partly_carried(stream, rules, source)
    filled = {r.target for r in rules}
    problems += [
        Problem(stream=stream.address, field=name, message=message)
        for name, message in [*key_problems(stream, target, filled), *flag_problems(stream, target, filled)]
    ]
    if kept := egress_problem(stream, {r.target: columns_of(r.source) for r in rules}):
        problems.append(Problem(stream=stream.address, field="egress", message=kept))
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
    problems += [
        Problem(stream=stream.address, field=name, message=message, fatal=False)  # only `orgsync match` needs it
        for name, message in ladder_problems(stream, rules)
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
    problems += [
        Problem(stream=stream.address, field=name, message=f"where: {name} is a {source.fields[name].data_type}")
        for name in sorted(keep.fields & source.fields.keys())
        if composed_kind(source.fields[name]) in BY_ID
    ]
    if any(p.fatal for p in problems):
        return None, problems
    ordered = tuple(sorted(rules, key=lambda r: r.target))
    known = [target.fields[r.target] for r in ordered if r.target in target.fields]  # Zoho may not list Parent_Id
    read = {name for r in ordered if r.kind not in COMPOSED for name in columns_of(r.source)}
    beside = {"Modified_By", *(origin.key for origin in stream.origins)} if stream.circle else set[str]()
    columns = sorted(read | keep.fields | beside)
    return (
        FieldMap(
            rules=ordered,
            version=_version(ordered, stream),
            key=stream.key,
            match=tuple(f.api_name for f in known if recognises(f)),
            columns=tuple(c for c in columns if c not in ("id", "Modified_Time")),
            keep=keep,
            mandatory=frozenset(f.api_name for f in known if f.mandatory),
            kinds=_kinds(read, source) if stream.circle else {},
            at_source=sendable(keep.criteria, source.fields),
        ),
        problems,
    )


def _kinds(columns: Iterable[str], source: Schema) -> dict[str, Kind]:
    """The kinds of source fields, by which their edits are told; Zoho may not list the Parent_Id of notes."""
    return {name: (name in source.fields and kind_of(source.fields[name])) or "text" for name in sorted(columns)}


def _place(stream: Stream) -> str:
    return f"routes.{stream.route}.modules.{stream.source_module}"


def _rules_of(
    stream: Stream, source: Schema, target: Schema, carried: Mapping[str, str], zone: str
) -> tuple[list[FieldRule], list[Problem]]:
    table: Mapping[str, Source] = stream.fields.table or {}
    rules, problems = _by_table(stream, table, source, target, carried, zone)
    if stream.fields.table is None or stream.fields.star:
        more, reported = _by_star(stream, table, source, target, carried, zone)
        rules, problems = rules + more, problems + reported
    return rules, problems


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
    noted = {origin.key for origin in stream.origins}
    left_out = stream.fields.except_ | _NEVER_BY_STAR | {stream.key, stream.flag} | named.keys() | noted
    for name, mine in source.fields.items():
        yours = target.fields.get(name)
        if yours is None or name in left_out or not yours.writable:
            continue
        rule: FieldRule | str = NAMED_ONLY
        if composed_kind(yours) is None:
            rule = rule_for(name, Copy(field=name), mine, yours, carried, Fill(owner=stream.owner), zone)
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
        elif not yours.writable and name != "Tag":  # it is written (facts 2.6), whatever its description says
            wrong(name, f"{stream.target}'s {stream.target_module}.{name} is read-only")
        elif missing := sorted(c for c in columns_of(origin) if c not in source.fields):
            wrong(name, _no_field(stream, missing[0], stream.source, source, name))
        else:
            mine = source.fields[origin.field] if isinstance(origin, (Copy, Rows)) else None
            fill = stream.fields.fills.get(name, Fill())
            fill = replace(fill, owner=fill.owner or stream.owner)
            if composed_kind(yours) is not None:
                columns, inner = _columns(stream, name, origin, (mine, source), (yours, target), carried, zone)
                problems += inner
                rule = composed_rule(name, origin, mine, yours, carried, fill, columns)
            elif isinstance(origin, Rows):
                rule = f"a {yours.data_type} is no subform"
            else:
                rule = rule_for(name, origin, mine, yours, carried, fill, zone)
            if isinstance(rule, FieldRule):
                rules.append(rule)
            else:
                wrong(name, f"{name}: {rule}")
    return rules, problems


def _columns(
    stream: Stream,
    name: str,
    origin: Source,
    mine: tuple[Field | None, Schema],
    yours: tuple[Field, Schema],
    carried: Mapping[str, str],
    zone: str,
) -> tuple[tuple[FieldRule, ...], list[Problem]]:
    """The rules of the columns of a subform's rows, found as those of a record are. A side is (field, its module)."""
    if composed_kind(yours[0]) != ROWS or mine[0] is None or composed_kind(mine[0]) != ROWS:
        return (), []  # composed_rule says what is wrong with it
    here, there = mine[1].rows.get(mine[0].api_name), yours[1].rows.get(name)
    if here is None or there is None:
        org, module = (stream.source, mine[0].rows_module) if here is None else (stream.target, yours[0].rows_module)
        message = f"{name}: the fields of its rows ({org}'s module {module}) cannot be read: let the API user see them"
        return (), [Problem(stream=stream.address, field=name, message=message)]
    rules, problems = _rules_of(rows_stream(stream, name, origin, there), here, there, carried, zone)
    faults = column_faults(name, rules, there)
    problems += [Problem(stream=stream.address, field=name, message=message) for message in faults]
    return tuple(sorted(rules, key=lambda r: r.target)), problems


def _partly_carried(stream: Stream, rules: list[FieldRule], source: Schema) -> list[Problem]:
    """What a lookup into several modules may point to and the route does not carry: it stops those records only."""
    return [
        Problem(
            stream=stream.address,
            field=rule.target,
            message=f"{rule.target}: records that point into {', '.join(missing)} are held, because this route carries "
            "none of these and no match field is named for them",
            fatal=False,
        )
        for rule in rules
        if rule.kind == "multilookup" and isinstance(rule.source, Copy)
        if (missing := left_out(source.fields[rule.source.field], rule.several, rule.matches))
    ]


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
        case Copy() | Rows():
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
    more: list[object] = [dict(stream.owners)] if stream.owners else []
    more += [{"unmatched": stream.unmatched}] if stream.unmatched != "stop" else []
    described = [*(_described(rule) for rule in rules), [stream.where, stream.default_owner, *more]]
    text = orjson.dumps(described, option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(text, digest_size=8).hexdigest()


def _described(rule: FieldRule) -> list[object]:
    named = [rule.target, type(rule.source).__name__, _named(rule.source), rule.kind, rule.parent]
    more = _more(rule)
    return [*named, more] if more else named


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
        "owner": None if rule.owner == "source" else rule.owner,
        "rows": [_described(column) for column in rule.rows] or None,
        "links": rule.links,
        "several": rule.several or None,
        "matches": rule.matches or None,
    }
    return {name: value for name, value in found.items() if value is not None}
