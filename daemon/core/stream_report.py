"""What the metadata of two orgs and a mapping say of a stream: what would be refused, held, cut off or left behind.

What the mapping itself decides is not decided here again: problems are those of `resolve`, values of picklists go
through `translated`, as those of records do. So `orgsync check` and a cycle cannot disagree. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from daemon.core.absent import place
from daemon.core.composed import COMPOSED, composed_kind
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.fitting import PEOPLE, FieldRule, kind_of
from daemon.core.mapping import NEVER_BY_STAR
from daemon.core.nearest import there_is
from daemon.core.problem import About, Problem
from daemon.core.remark import Level, Remark
from daemon.core.rights import PROFILES
from daemon.core.rules import Copy, Stream
from daemon.core.schema import Field, ModuleInfo, Schema
from daemon.core.toml import quoted
from daemon.core.translate import Known, translated

_TEXTS: Final = ("text", "textarea", "email", "phone", "website")
_CUT: Final = ("text", "textarea")
_NUMBERS: Final = ("integer", "bigint", "double", "currency", "percent")
_NONE: Final = "-None-"
"""How Zoho lists a picklist's blank."""
_SHOWN: Final = 5
_MAP: Final = 'values = { "…" = "…" }'
_DEFAULT: Final = 'default = "…"'

# What a problem of the mapping means where it stops nothing, and what to do about one that does not say so itself.
_MEANS: Final[dict[About, str]] = {
    "field": "it is not written until then",
    "left out": "it is left as it is in the target, and all else is carried",
    "lookup": "the others are carried",
    "match": "orgsync match cannot go by it",
    "where": "no record of today has it",
    "egress": "nothing leaves by it",
}
_DO: Final[dict[About, str]] = {
    "left out": '{field} = "never" beside "*" = "*" in [{place}.fields], if that is meant',
    "type": "correct it in [{place}.fields] (docs/fields.md says what converts to what), or leave it out",
    "read-only": "take {field} out of [{place}.fields], or let orgsync's user write it in {target}",
    "field": "correct the name in [{place}.fields], or take it out",
    "except": "correct the name in {place}.except, or take it out",
    "where": "correct {place}.where",
    "egress": "correct the name in routes.{route}.egress",
    "columns": "correct it in [{place}.fields] (docs/fields.md, subforms)",
    "lookup": "name a match field, or correct it, in [{place}.fields] (docs/fields.md, lookups)",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """A source field that is copied into a field of the target; `name` is that of the target, in a subform with it."""

    name: str
    mine: Field
    yours: Field
    rule: FieldRule


def problem_remark(stream: Stream, problem: Problem) -> Remark:
    """A problem of the mapping as a remark."""
    means = "the stream does not run, and nothing of it is written" if problem.fatal else _MEANS.get(problem.about, "")
    places = {"place": place(stream), "route": stream.route, "target": stream.target, "field": problem.field}
    do = problem.do or _DO.get(problem.about, "").format(**places)
    level: Level = "wrong" if problem.fatal else "note" if problem.about == "left out" else "remark"
    return Remark(level=level, about=problem.about, seen=problem.seen, means=means, do=do, field=problem.field)


def field_remarks(stream: Stream, source: Schema, target: Schema, fields: FieldMap) -> Iterator[Remark]:
    """What records may meet although the stream can run, field by field."""
    for pair in pairs_of(fields, source, target):
        yield from _length(stream, pair)
        yield from _choices(stream, pair)
        yield from _blank(stream, pair)
        yield from _unique(stream, pair)
    yield from _left_behind(stream, source, target, fields)
    if fields.key is None and not stream.notes_of:
        seen = 'key = "none": a create whose answer was lost is looked for by who made it, when, and all its values'
        means = "where that finds several records, a person has to look"
        yield Remark(level="note", about="key", seen=seen, means=means)


def pairs_of(fields: FieldMap, source: Schema, target: Schema) -> Iterator[Pair]:
    """The fields that are copied, columns of subforms too."""
    yield from _pairs(fields.rules, source, target, "")
    for rule in fields.rules:
        if rule.rows and isinstance(rule.source, Copy):
            here, there = source.rows.get(rule.source.field), target.rows.get(rule.target)
            if here is not None and there is not None:
                yield from _pairs(rule.rows, here, there, f"{rule.target}.")


def _pairs(rules: Iterable[FieldRule], source: Schema, target: Schema, prefix: str) -> Iterator[Pair]:
    for rule in rules:
        if isinstance(rule.source, Copy) and rule.kind not in COMPOSED:
            mine, yours = source.fields.get(rule.source.field), target.fields.get(rule.target)
            if mine is not None and yours is not None:
                yield Pair(name=f"{prefix}{rule.target}", mine=mine, yours=yours, rule=rule)


def _length(stream: Stream, pair: Pair) -> Iterator[Remark]:
    mine, yours, rule = pair.mine, pair.yours, pair.rule
    same = next((kinds for kinds in (_TEXTS, _NUMBERS) if mine.data_type in kinds and yours.data_type in kinds), None)
    if same is None or rule.cut is not None or mine.length is None or yours.length is None:
        return
    if mine.length <= yours.length or yours.picklist or (rule.source.values if isinstance(rule.source, Copy) else None):
        return
    unit = "characters" if same is _TEXTS else "digits"
    seen = f"{pair.name}: up to {mine.length} {unit} in {stream.source}, {yours.length} in {stream.target}"
    do = f"lengthen it in {stream.target}"
    if yours.data_type in _CUT and "." not in pair.name:
        do += f", or cut it: {_entry(stream, pair, 'cut = true')}"
    means = "a record with a longer one is held (cause INVALID_DATA)"
    yield Remark(level="remark", about="length", seen=seen, means=means, do=do, field=pair.name)


def _choices(stream: Stream, pair: Pair) -> Iterator[Remark]:
    """Values that the source's list has and the target's has not, after the map of values and the conversion."""
    mine, rule = pair.mine, pair.rule
    values = rule.source.values if isinstance(rule.source, Copy) else None
    if not mine.picklist:
        if rule.choices:
            seen = f"{pair.name}: a {mine.data_type} of {stream.source} goes into a picklist of {stream.target}"
            means = "what is not in that list may be refused, and such a record is held (cause INVALID_DATA)"
            do = f"map what occurs: {_entry(stream, pair, _MAP)}"
            yield Remark(level="note", about="picklist", seen=seen, means=means, do=do, field=pair.name)
        return
    if unknown := [value for value in sorted(mine.picklist - {_NONE}) if not _fits(value, mine, rule)]:
        seen = f"{pair.name}: {stream.target} does not know {_some([repr(value) for value in unknown])}"
        pairs = ", ".join(f'{quoted(value)} = "…"' for value in unknown[:_SHOWN])
        do = f"add them there, or map them: {_entry(stream, pair, f'values = {{ {pairs} }}')}"
        means = "if it refuses them, records with such a value are held (cause INVALID_DATA)"
        yield Remark(level="remark", about="picklist", seen=seen, means=means, do=do, field=pair.name)
    for value in sorted((values or {}).keys() - mine.picklist):
        seen = f"{pair.name}: values names {value!r}, which the list of {stream.source} does not have"
        do = f"correct it in {_table(stream)}{there_is(value, mine.picklist)}"
        means = "no record of today has it"
        yield Remark(level="remark", about="picklist", seen=seen, means=means, do=do, field=pair.name)


def _fits(value: str, mine: Field, rule: FieldRule) -> bool:
    """Whether the target's list has what a value of the source's list becomes."""
    shown = [value] if kind_of(mine) == "multiselect" else value
    found = translated({mine.api_name: shown}, (rule,), Known(parents={}, owners={}))
    if found.faults:
        return False
    sent = found.values.get(rule.target)
    held = sent if isinstance(sent, list) else [sent]
    return not rule.choices or all(one in rule.choices for one in held if one)


def _blank(stream: Stream, pair: Pair) -> Iterator[Remark]:
    mine, yours, rule = pair.mine, pair.yours, pair.rule
    if not yours.mandatory or mine.mandatory or rule.default is not None or rule.kind in PEOPLE:
        return
    seen = f"{pair.name} is mandatory in {stream.target} and may be blank in {stream.source}"
    do = f"give it a default: {_entry(stream, pair, _DEFAULT)}"
    means = "a record in which it is blank is held (cause MANDATORY_NOT_FOUND)"
    yield Remark(level="remark", about="mandatory", seen=seen, means=means, do=do, field=pair.name)


def _unique(stream: Stream, pair: Pair) -> Iterator[Remark]:
    if not pair.yours.unique or pair.mine.unique:
        return
    seen = f"{pair.name} must be unique in {stream.target} and need not be in {stream.source}"
    means = "of records with an equal one the first is carried, and the others are held (cause DUPLICATE_DATA)"
    do = f'let it be unique in {stream.source} too, or leave it out: {pair.name} = "never" in {_table(stream)}'
    yield Remark(level="remark", about="unique", seen=seen, means=means, do=do, field=pair.name)


def _entry(stream: Stream, pair: Pair, more: str) -> str:
    """A line for the table of fields."""
    source = pair.mine.api_name
    return f'{pair.name.rpartition(".")[2]} = {{ source = "{source}", {more} }} in {_table(stream)}'


def _table(stream: Stream) -> str:
    """Where a line for one field belongs, without taking away what is carried beside it."""
    return f"[{place(stream)}.fields]" + (' beside "*" = "*"' if stream.fields.table is None else "")


def _left_behind(stream: Stream, source: Schema, target: Schema, fields: FieldMap) -> Iterator[Remark]:
    if not stream.fields.star and stream.fields.table is not None:
        return  # what is not listed is meant so
    more = f"`orgsync check --mapping {stream.address}` prints a table of fields to paste"
    spare = unmapped(stream, source, fields)
    if only_here := spare - target.fields.keys():
        seen = f"{stream.target} has no field for {_some(sorted(only_here))}"
        yield Remark(level="note", about="unmapped", seen=seen, means="they are not carried", do=more)
    if fixed := {name for name in spare & target.fields.keys() if _is_fixed(name, source, target)}:
        seen = f"{_some(sorted(fixed))} cannot be written in {stream.target} (read-only, or computed there)"
        yield Remark(level="note", about="read-only", seen=seen, means="they are not carried")


def _is_fixed(name: str, source: Schema, target: Schema) -> bool:
    return source.fields[name].writable and not target.fields[name].writable


def unmapped(stream: Stream, source: Schema, fields: FieldMap) -> frozenset[str]:
    """The source fields that nothing of the mapping reads and that could be carried."""
    read = {name for rule in fields.rules for name in columns_of(rule.source)}
    read |= {origin.key for origin in stream.origins} | stream.fields.except_
    could = {f.api_name for f in source.fields.values() if kind_of(f) is not None or composed_kind(f) is not None}
    return frozenset(could - read - NEVER_BY_STAR - {stream.key, stream.flag})


def currency_remarks(
    stream: Stream, fields: FieldMap, source: Schema, target: Schema, mine: str, yours: str
) -> list[Remark]:
    """Amounts of two orgs that count in different currencies (ISO codes; empty where unknown): a number that is copied
    would mean something else.
    """
    if not mine or not yours or mine == yours or "Currency" in fields.targets:
        return []
    kinds = {"currency"}
    copied = [p.name for p in pairs_of(fields, source, target) if {p.mine.data_type, p.yours.data_type} == kinds]
    if not copied:
        return []
    seen = f"{', '.join(copied)}: {stream.source} counts in {mine} and {stream.target} in {yours}"
    do = (
        f'convert them: {copied[0]} = {{ expression = "round({copied[0]} * 1.1, 2)" }} in {_table(stream)}, or '
        "leave them out"
    )
    means = "the numbers are copied as they are"
    return [Remark(level="remark", about="currency", seen=seen, means=means, do=do)]


def module_remarks(stream: Stream, source: ModuleInfo | None, target: ModuleInfo | None) -> Iterator[Remark]:
    """What the user of either org may not do in its module; nothing is said of a module that is not shown."""
    needs = [(stream.source, source, {"viewable": "View"})]
    verbs = {"viewable": "View", "creatable": "Create", "editable": "Edit"}
    if "delete" in (stream.deletes, stream.unmatched):
        verbs["deletable"] = "Delete"
    needs.append((stream.target, target, verbs))
    for org, module, wanted in needs:
        lacking = [] if module is None else [verb for flag, verb in wanted.items() if not getattr(module, flag)]
        if module is not None and lacking:
            seen = f"orgsync's user may not {', '.join(lacking)} {module.api_name} in {org}"
            do = f"give its profile {', '.join(lacking)} of {module.label or module.api_name} under {PROFILES}"
            means = "Zoho refuses it, record by record"
            yield Remark(level="wrong", about="rights", seen=seen, means=means, do=do)


def _some(names: Sequence[str]) -> str:
    more = len(names) - _SHOWN
    return ", ".join(names[:_SHOWN]) + (f" and {more} other{'s' if more > 1 else ''}" if more > 0 else "")
