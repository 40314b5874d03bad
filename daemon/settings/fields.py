"""`fields` and `except` of a module: which target fields a stream fills, and from what."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from typing import Final

from daemon.core.record import is_api_name
from daemon.core.rules import Constant, Copy, FieldChoice, Scalar, Source, Template
from daemon.settings.problem import NOTHING, Problem, describe, join, quote, type_of
from daemon.settings.shape import SourceEntry, take
from daemon.settings.values import API_NAME, TEMPLATE

FIELDS: Final = '"*", a list of API names, or a table of Target_Field = source'
SOURCE: Final = (
    '"Source_Field", { source = "Field" }, { source = "Field", values = { A = "B" } }, { constant = … } '
    'or { template = "{First_Name} {Last_Name}" }'
)
CONSTANT: Final = "a text, a number or a boolean"
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


def read_fields(value: object, except_: object, at: str, problems: list[Problem]) -> FieldChoice:
    """The fields of a module; `except_` is the list beside it, checked by its own model."""
    path = join(at, "fields")
    if value != "*" and except_:
        problems.append(
            Problem(
                path=join(at, "except"), found="a list beside named fields", allowed='except only with fields = "*"'
            )
        )
    if value == "*":
        return FieldChoice(except_=_texts(except_))
    if isinstance(value, list):
        return FieldChoice(table=_from_list(value, path, problems))
    if isinstance(value, dict):
        return FieldChoice(table=_from_table(value, path, problems))
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


def _from_table(value: dict[str, object], at: str, problems: list[Problem]) -> Mapping[str, Source]:
    table: dict[str, Source] = {}
    for target, given in value.items():
        path = join(at, target)
        if not is_api_name(target):
            problems.append(Problem(path=path, found=f"the target field {quote(target)}", allowed=API_NAME))
        source = _source(given, path, problems)
        if source is not None:
            table[target] = source
    if not value:
        problems.append(Problem(path=at, found="an empty table", allowed=FIELDS))
    return table


def _source(given: object, at: str, problems: list[Problem]) -> Source | None:
    """One field's source, in its short form (a field's name) or as a table."""
    if isinstance(given, dict):
        return _from_entry(given, at, problems)
    if isinstance(given, str) and is_api_name(given):
        return Copy(field=given)
    hint = None
    if isinstance(given, str) and "{" in given:
        hint = 'a template is written { template = "…" }'
    elif isinstance(given, (bool, int, float)):
        hint = f"the same value in every record is written {{ constant = {describe(given).partition(' ')[0]} }}"
    problems.append(Problem(path=at, found=describe(given), allowed=SOURCE, hint=hint))
    return None


def _from_entry(given: dict[str, object], at: str, problems: list[Problem]) -> Source | None:
    entry = take(SourceEntry, given, at, problems)
    if entry is None:
        return None
    kinds = [kind for kind in ("source", "constant", "template") if kind in given]
    if len(kinds) != 1:
        found = " and ".join(kinds) or NOTHING
        problems.append(Problem(path=at, found=found, allowed="exactly one of source, constant, template"))
        return None
    if "values" in given and entry.source is None:
        problems.append(Problem(path=join(at, "values"), found=f"values beside {kinds[0]}", allowed="only with source"))
    if entry.source is not None:
        values = _value_map(entry.values, join(at, "values"), problems) if "values" in given else None
        return Copy(field=entry.source, values=values)
    if entry.template is not None:
        return _template(entry.template, join(at, "template"), problems)
    return _constant(entry.constant, join(at, "constant"), problems)


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
