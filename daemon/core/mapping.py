"""Turns a stream's settings and both orgs' metadata into the exact list of field rules, or says what is wrong.

Runs once per stream and schema; `translate` then needs no metadata. Refuses to guess: a field that is named in the
settings and cannot be carried is a problem with its name, never left out in silence.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final

from daemon.core import notes
from daemon.core.absent import NOTHING, Carried, missed_by_star, not_there, place
from daemon.core.composed import BY_ID, COMPOSED, ROWS, composed_kind
from daemon.core.composing import NAMED_ONLY, column_faults, composed_rule, rows_stream
from daemon.core.convert import Kind
from daemon.core.egress import egress_problem, listed_in_vain
from daemon.core.fieldmap import Absent, FieldMap, columns_of, leaves_of
from daemon.core.filter import FilterError, parse_filter, unlisted
from daemon.core.fitting import FieldRule, by_star, kind_of, rule_for
from daemon.core.keys import flag_problems, key_problems, ladder_problems, recognises
from daemon.core.nearest import there_is
from daemon.core.problem import About, Problem
from daemon.core.reach import left_out
from daemon.core.rules import Copy, Fill, Rows, Source, Stream
from daemon.core.schema import Field, Schema
from daemon.core.sifting import sendable
from daemon.core.version import parts_of, version_of

# Set by Zoho on every write, or the subject of their own settings.
NEVER_BY_STAR: Final = frozenset(
    {"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Last_Activity_Time", "Full_Name", "Tag"}
)


@dataclass(slots=True, kw_only=True)
class Found:
    """What the settings come to by the metadata of both orgs."""

    rules: list[FieldRule] = field(default_factory=list)
    problems: list[Problem] = field(default_factory=list)
    absent: list[Absent] = field(default_factory=list)


def resolve(
    stream: Stream,
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str = "UTC",
    before: Carried = NOTHING,
    unfit: Mapping[str, str] = MappingProxyType({}),
) -> tuple[FieldMap | None, list[Problem]]:
    """The field rules of a stream, and every problem found on the way; None when one of them is fatal.

    `carried` is source module -> target module of the whole route, because a lookup is only translated when the
    records it points to are. `zone` is the source org's time zone. `before` is what the stream has carried so
    far: a field of that which an org does not show any more stops nothing but itself (absent.py). `unfit` are such
    fields (with the reason) of which other modules say that they cannot be carried.
    """
    if stream.notes_of:
        source = notes.readable(source)
    found = rules_of(stream, source, target, carried, zone, before, unfit)
    rules, problems = found.rules, found.problems
    if stream.notes_of:
        rules = [notes.parent_rule(stream, carried), *(r for r in rules if r.target != notes.PARENT)]
        problems = [p for p in problems if p.field != notes.PARENT]
    else:
        problems += _partly_carried(stream, rules, source)
    problems += [_problem(stream, a.target, a.message, "field", fatal=False) for a in found.absent]
    filled = {r.target for r in rules}.union(a.target for a in found.absent)
    problems += [*key_problems(stream, target, filled, before), *flag_problems(stream, target, filled, before)]
    if kept := egress_problem(stream, {r.target: leaves_of(r) for r in rules}):
        problems.append(_problem(stream, "egress", kept, "egress"))
    problems += [
        _problem(stream, "egress", message, "egress", fatal=False)  # nothing leaves that should not
        for message in listed_in_vain(stream, source)
    ]
    problems += [
        Problem(
            stream=stream.address,
            field=f.api_name,
            about="mandatory",
            seen=f"{stream.target}'s {stream.target_module}.{f.api_name} is mandatory and nothing fills it",
            do=f"give it a source or a constant under {place(stream)}.fields",
        )
        for f in target.fields.values()
        if f.mandatory and f.writable and f.api_name not in filled | {stream.key} and f.data_type != "ownerlookup"
    ]
    problems += ladder_problems(stream, rules)
    try:
        keep = parse_filter(stream.where)
    except FilterError as error:
        return None, [*problems, _problem(stream, "where", str(error), "where")]
    problems += [
        _problem(stream, name, f"where: {stream.source} has no field {name}{there_is(name, source.fields)}", "where")
        for name in sorted(keep.fields)
        if name not in source.fields
    ]
    problems += [
        _problem(stream, name, f"where: {name} is a {source.fields[name].data_type}", "where")
        for name in sorted(keep.fields & source.fields.keys())
        if composed_kind(source.fields[name]) in BY_ID
    ]
    problems += [
        _problem(
            stream,
            name,
            f"where: the list of {stream.source}'s {stream.source_module}.{name} does not have {value!r}"
            f"{there_is(value, source.fields[name].picklist)}",
            "where",
            fatal=False,  # a record may still hold what was taken off the list
        )
        for name, value in unlisted(keep.criteria, source.fields)
    ]
    if any(p.fatal for p in problems):
        return None, problems
    ordered = tuple(sorted(rules, key=lambda r: r.target))
    known = [target.fields[r.target] for r in ordered if r.target in target.fields]  # Zoho may not list Parent_Id
    read = {name for r in ordered if r.kind not in COMPOSED for name in columns_of(r.source)}
    beside = {"Modified_By", *(origin.key for origin in stream.origins)} if stream.circle else set[str]()
    columns = sorted(read | keep.fields | beside)
    named = {name for r in ordered for name in columns_of(r.source)}
    written = [*(r.target for r in ordered), *(n for n in (stream.key, stream.flag) if n)]
    return (
        FieldMap(
            rules=ordered,
            version=version_of(ordered, stream),
            parts=parts_of(ordered, stream),
            source_ids={name: source.fields[name].field_id for name in sorted(named) if name in source.fields},
            target_ids={n: target.fields[n].field_id for n in written if n in target.fields},
            absent=tuple(_with_duty(one, target) for one in sorted(found.absent, key=lambda one: one.target)),
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


def _problem(stream: Stream, field: str, seen: str, about: About, *, fatal: bool = True) -> Problem:
    return Problem(stream=stream.address, field=field, seen=seen, about=about, fatal=fatal)


def _kinds(columns: Iterable[str], source: Schema) -> dict[str, Kind]:
    """The kinds of source fields, by which their edits are told; Zoho may not list the Parent_Id of notes."""
    return {name: (name in source.fields and kind_of(source.fields[name])) or "text" for name in sorted(columns)}


def _with_duty(absent: Absent, target: Schema) -> Absent:
    there = target.fields.get(absent.target)
    return replace(absent, mandatory=there is not None and there.mandatory)


def rules_of(
    stream: Stream,
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str,
    before: Carried = NOTHING,
    unfit: Mapping[str, str] = MappingProxyType({}),
) -> Found:
    """What the fields of a stream come to by both schemas, also where the stream may not run for it; as `resolve`."""
    table: Mapping[str, Source] = stream.fields.table or {}
    found = _by_table(stream, table, source, target, carried, zone, before, unfit)
    if stream.fields.table is None or stream.fields.star:
        more, reported = _by_star(stream, table, source, target, carried, zone)
        found.rules += more
        found.problems += reported
        found.absent += missed_by_star(stream, before, found.rules, source, target)
    return found


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
        _problem(
            stream, name, f"except names {name}, which {stream.target}'s {stream.target_module} does not have", "except"
        )
        for name in sorted(stream.fields.except_)
        if name not in target.fields
    ]
    noted = {origin.key for origin in stream.origins}
    left_out = stream.fields.except_ | NEVER_BY_STAR | {stream.key, stream.flag} | named.keys() | noted
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
            problems.append(_problem(stream, name, f"{name}: {rule}", "left out", fatal=False))
    return rules, problems


def _by_table(
    stream: Stream,
    table: Mapping[str, Source],
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str,
    before: Carried,
    unfit: Mapping[str, str],
) -> Found:
    found = Found()
    for name, origin in table.items():
        if name == stream.key:
            what = f"{name} is the key field; orgsync fills it itself"
            found.problems.append(_problem(stream, name, what, "key"))
        elif name in unfit:
            found.absent.append(_unfit(stream, name, unfit[name]))
        elif lost := _lost(stream, name, origin, source, target, before):
            if name in before:
                found.absent.append(lost)
            else:
                is_there = lost.field == name and name in target.fields
                found.problems.append(_problem(stream, name, lost.message, "read-only" if is_there else "field"))
        else:
            rule, problems = _rule(stream, name, origin, source, target, carried, zone)
            wrong = "; ".join(p.message for p in problems if p.fatal)
            if wrong and name in before and composed_kind(target.fields[name]) is not None:  # a column of its rows
                found.absent.append(_unfit(stream, name, wrong))
                continue
            found.problems += problems
            found.rules += [rule] if rule is not None else []
    return found


def _unfit(stream: Stream, name: str, why: str) -> Absent:
    return Absent(target=name, module=stream.target_module, field=name, message=why)


def _lost(stream: Stream, name: str, origin: Source, source: Schema, target: Schema, before: Carried) -> Absent | None:
    """What is not there of an entry of the table, if anything: its field, or one that it is made of."""
    yours = target.fields.get(name)
    if yours is None:
        return not_there(stream, name, name, target, before, in_target=True)
    if not yours.writable and name != "Tag":  # it is written (facts 2.6), whatever its description says
        return _unfit(stream, name, f"{stream.target}'s {stream.target_module}.{name} is read-only")
    missing = sorted(column for column in columns_of(origin) if column not in source.fields)
    return not_there(stream, name, missing[0], source, before, in_target=False) if missing else None


def _rule(
    stream: Stream,
    name: str,
    origin: Source,
    source: Schema,
    target: Schema,
    carried: Mapping[str, str],
    zone: str,
) -> tuple[FieldRule | None, list[Problem]]:
    """The rule of one entry of the table, whose fields are there."""
    yours = target.fields[name]
    mine = source.fields[origin.field] if isinstance(origin, (Copy, Rows)) else None
    fill = stream.fields.fills.get(name, Fill())
    fill = replace(fill, owner=fill.owner or stream.owner)
    problems: list[Problem] = []
    rule: FieldRule | str
    if composed_kind(yours) is not None:
        columns, problems = _columns(stream, name, origin, (mine, source), (yours, target), carried, zone)
        rule = composed_rule(name, origin, mine, yours, carried, fill, columns)
    elif isinstance(origin, Rows):
        rule = f"a {yours.data_type} is no subform"
    else:
        rule = rule_for(name, origin, mine, yours, carried, fill, zone)
    if isinstance(rule, FieldRule):
        return rule, problems
    return None, [*problems, _problem(stream, name, f"{name}: {rule}", "type")]


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
        return (), [_problem(stream, name, message, "columns")]
    found = rules_of(rows_stream(stream, name, origin, there), here, there, carried, zone)
    faults = column_faults(name, found.rules, there)
    found.problems += [_problem(stream, name, message, "columns") for message in faults]
    return tuple(sorted(found.rules, key=lambda r: r.target)), found.problems


def _partly_carried(stream: Stream, rules: list[FieldRule], source: Schema) -> list[Problem]:
    """What a lookup into several modules may point to and the route does not carry: it stops those records only."""
    return [
        _problem(
            stream,
            rule.target,
            f"{rule.target}: records that point into {', '.join(missing)} are held, because this route carries none of "
            "these and no match field is named for them",
            "lookup",
            fatal=False,
        )
        for rule in rules
        if rule.kind == "multilookup" and isinstance(rule.source, Copy)
        if (missing := left_out(source.fields[rule.source.field], rule.several, rule.matches))
    ]
