"""`fields` and `except` of a module: which target fields a stream fills, from what, and how."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.core.record import is_api_name
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Rows, Scalar, Source, Template
from daemon.settings.problem import NOTHING, Problem, describe, join, quote, type_of
from daemon.settings.shape import SourceEntry, take
from daemon.settings.values import API_NAME, MATCH, TEMPLATE

STAR: Final = "*"
NEVER: Final = "never"
FIELDS: Final = '"*", a list of API names, or a table of Target_Field = source'
SOURCE: Final = (
    '"Source_Field", "never", { source = "Field" }, { source = "Field", values = { A = "B" } }, { constant = … }, '
    '{ template = "{First_Name} {Last_Name}" }, { expression = "round(Amount * 1.19, 2)" } or '
    '{ subform = "Field", fields = … }'
)
KINDS: Final = ("source", "constant", "template", "expression", "subform")
CONSTANT: Final = "a text, a number or a boolean"
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def read_fields(value: object, except_: object, at: str, problems: list[Problem]) -> FieldChoice:
    """The fields of a module; `except_` is the list beside it, checked by its own model."""
    path = join(at, "fields")
    if value != STAR and except_ and not (isinstance(value, dict) and STAR in value):
        problems.append(
            Problem(
                path=join(at, "except"), found="a list beside named fields", allowed='except only with fields = "*"'
            )
        )
    if value == STAR:
        return FieldChoice(except_=_texts(except_))
    if isinstance(value, list):
        return FieldChoice(table=_from_list(value, path, problems))
    if isinstance(value, dict):
        table = _from_table(value, path, problems)
        return _choice(table, _texts(except_), star=STAR in value, at=at, problems=problems)
    problems.append(Problem(path=path, found=describe(value), allowed=FIELDS))
    return FieldChoice()


def _texts(value: object) -> frozenset[str]:
    return frozenset(v for v in value if isinstance(v, str)) if isinstance(value, list) else frozenset()


def _from_list(value: list[object], at: str, problems: list[Problem]) -> Mapping[str, Source]:
    table: dict[str, Source] = {}
    for index, name in enumerate(value):
        if not isinstance(name, str) or not is_api_name(name):
            problems.append(Problem(path=f"{at}[{index}]", found=describe(name), allowed=API_NAME))
        elif name in table:
            problems.append(Problem(path=f"{at}[{index}]", found=f"{quote(name)} again", allowed="each field once"))
        else:
            table[name] = Copy(field=name)
    if not value:
        problems.append(Problem(path=at, found="an empty list", allowed=FIELDS))
    return table


@dataclass(slots=True)
class _Table:
    """What a table of fields says: where values come from, what is unusual about them, and what is never written."""

    sources: dict[str, Source] = field(default_factory=dict)
    fills: dict[str, Fill] = field(default_factory=dict)
    never: set[str] = field(default_factory=set)


def _choice(table: _Table, except_: frozenset[str], *, star: bool, at: str, problems: list[Problem]) -> FieldChoice:
    """A table as core has it; "*" alone in a table is "*"."""
    for name in sorted(except_ & table.sources.keys()):
        found = f"{quote(name)}, which {join('fields', name)} fills"
        problems.append(Problem(path=join(at, "except"), found=found, allowed="a field either filled or excepted"))
    if star and not table.sources:
        return FieldChoice(except_=except_ | table.never)
    if table.never and not table.sources:
        found = "only fields that are never written"
        problems.append(Problem(path=join(at, "fields"), found=found, allowed='"*" = "*" beside them'))
    left_out = except_ | table.never if star else frozenset[str]()
    return FieldChoice(table=table.sources, except_=left_out, star=star, fills=table.fills)


def _from_table(value: dict[str, object], at: str, problems: list[Problem]) -> _Table:
    table = _Table()
    for target, given in value.items():
        path = join(at, target)
        if target == STAR:
            if given != STAR:
                problems.append(Problem(path=path, found=describe(given), allowed='"*" = "*" and nothing else'))
            continue
        if not is_api_name(target):
            problems.append(Problem(path=path, found=f"the target field {quote(target)}", allowed=API_NAME))
        if given == NEVER:
            table.never.add(target)
            continue
        found = _source(given, path, problems)
        if found is not None:
            table.sources[target], fill = found
            if fill != Fill():
                table.fills[target] = fill
    if not value:
        problems.append(Problem(path=at, found="an empty table", allowed=FIELDS))
    return table


def _source(given: object, at: str, problems: list[Problem]) -> tuple[Source, Fill] | None:
    """One field's source, in its short form (a field's name) or as a table."""
    if isinstance(given, dict):
        return _from_entry(given, at, problems)
    if isinstance(given, str) and is_api_name(given):
        return Copy(field=given), Fill()
    hint = None
    if isinstance(given, str) and "{" in given:
        hint = 'a template is written { template = "…" }'
    elif isinstance(given, (bool, int, float)):
        hint = f"the same value in every record is written {{ constant = {describe(given).partition(' ')[0]} }}"
    problems.append(Problem(path=at, found=describe(given), allowed=SOURCE, hint=hint))
    return None


def _from_entry(given: dict[str, object], at: str, problems: list[Problem]) -> tuple[Source, Fill] | None:
    entry = take(SourceEntry, given, at, problems)
    if entry is None:
        return None
    kinds = [kind for kind in KINDS if kind in given]
    if len(kinds) != 1:
        found = " and ".join(kinds) or NOTHING
        problems.append(Problem(path=at, found=found, allowed=f"exactly one of {', '.join(KINDS)}"))
        return None
    inside = (("fields", "subform"), ("except", "subform"))
    for key, needed in (("values", "source"), ("other", "values"), ("match", "source"), *inside):
        if key in given and needed not in given:
            found = f"{key} beside {kinds[0]}"
            problems.append(Problem(path=join(at, key), found=found, allowed=f"only with {needed}"))
    default = _default(given, join(at, "default"), problems) if "default" in given else None
    match = _match(entry.match, join(at, "match"), problems) if "match" in given else None
    source = _made_of(entry, given, at, problems)
    fill = Fill(default=default, owner=entry.owner, cut=entry.cut, match=match)
    return None if source is None else (source, fill)


def _match(value: object, at: str, problems: list[Problem]) -> str | Mapping[str, str] | None:
    """The field by which a lookup's records are found, or a table of module -> field."""
    if isinstance(value, str) and is_api_name(value):
        return value
    named = value if isinstance(value, dict) else {}
    if named and all(is_api_name(m) and isinstance(f, str) and is_api_name(f) for m, f in named.items()):
        return {module: str(name) for module, name in named.items()}
    problems.append(Problem(path=at, found="an empty table" if value == {} else describe(value), allowed=MATCH))
    return None


def _made_of(entry: SourceEntry, given: dict[str, object], at: str, problems: list[Problem]) -> Source | None:
    if entry.source is not None:
        values = _value_map(entry.values, join(at, "values"), problems) if "values" in given else None
        return Copy(field=entry.source, values=values, other=entry.other)
    if entry.subform is not None:
        columns = read_fields(given.get("fields", STAR), given.get("except"), at, problems)
        return Rows(field=entry.subform, columns=columns)
    if entry.template is not None:
        return _template(entry.template, join(at, "template"), problems)
    if entry.expression is not None:
        return Expression(text=entry.expression)
    return _constant(entry.constant, join(at, "constant"), problems)


def _default(given: dict[str, object], at: str, problems: list[Problem]) -> Scalar | None:
    if "constant" in given:
        problems.append(Problem(path=at, found="default beside constant", allowed="none: a constant is never blank"))
        return None
    if given["default"] == "":
        problems.append(Problem(path=at, found="an empty text", allowed=CONSTANT))
        return None
    found = _constant(given["default"], at, problems)
    return None if found is None else found.value


def _value_map(values: object, at: str, problems: list[Problem]) -> Mapping[str, str]:
    allowed = 'a table of source value = target value, both texts, like { Hot = "High" }'
    if not isinstance(values, dict) or not values:
        problems.append(Problem(path=at, found="an empty table" if values == {} else describe(values), allowed=allowed))
        return {}
    problems.extend(
        Problem(path=join(at, key), found=describe(value), allowed="a text")
        for key, value in values.items()
        if not isinstance(value, str)
    )
    return {key: value for key, value in values.items() if isinstance(value, str)}


def _template(text: str, at: str, problems: list[Problem]) -> Template | None:
    rest = _PLACE.sub("", text)
    if rest == text or "{" in rest or "}" in rest:
        hint = None if "{" in text else "without a field it is a constant"
        problems.append(Problem(path=at, found=quote(text), allowed=TEMPLATE, hint=hint))
        return None
    return Template(text=text)


def _constant(value: object, at: str, problems: list[Problem]) -> Constant | None:
    if isinstance(value, (str, bool)):
        return Constant(value=value)
    if isinstance(value, (int, float)) and math.isfinite(value) and abs(value) < 2**63:
        number: Scalar = value
        return Constant(value=number)
    hint = 'dates and times are written as texts: "2026-08-13"' if type_of(value) == "a date or time" else None
    problems.append(Problem(path=at, found=describe(value), allowed=CONSTANT, hint=hint))
    return None
