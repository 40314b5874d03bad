"""`egress` of a route: which fields of the source may leave it, by module; and what the mapping would send besides."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from daemon.core.fieldmap import columns_of
from daemon.core.nearest import nearest
from daemon.core.record import is_api_name
from daemon.core.rules import FieldChoice, Rows, Source
from daemon.settings.problem import NOTHING, Problem, describe, did_you_mean, join, quote
from daemon.settings.values import API_NAME

Egress = Mapping[str, frozenset[str]]
_NAME: Final = f"{API_NAME}, or Subform.Column"
LISTS: Final = 'a list of API names of source fields for every module of the route, like { Leads = ["Last_Name"] }'


def read_egress(value: object, modules: Iterable[str], at: str, problems: list[Problem]) -> Egress:
    """The lists of a route, one for each of the `modules` that it carries."""
    path, known = join(at, "egress"), list(modules)
    if not isinstance(value, dict):
        problems.append(Problem(path=path, found=describe(value), allowed=LISTS))
        return {}
    for module in [name for name in value if name not in known]:
        found, hint = f"{quote(module)}, which this route does not carry", did_you_mean(module, known)
        problems.append(Problem(path=join(path, module), found=found, allowed="a module of the route", hint=hint))
    for module in known:
        if module not in value:
            problems.append(Problem(path=join(path, module), found=NOTHING, allowed="a list of what of it may leave"))
    return {module: _fields(names, join(path, module), problems) for module, names in value.items()}


def _fields(names: object, at: str, problems: list[Problem]) -> frozenset[str]:
    if not isinstance(names, list):
        problems.append(Problem(path=at, found=describe(names), allowed="a list of API names of source fields"))
        return frozenset()
    found: set[str] = set()
    for index, name in enumerate(names):
        if not isinstance(name, str) or name.count(".") > 1 or not all(map(is_api_name, name.split("."))):
            problems.append(Problem(path=f"{at}[{index}]", found=describe(name), allowed=_NAME))
        elif name in found:
            problems.append(Problem(path=f"{at}[{index}]", found=f"{quote(name)} again", allowed="each field once"))
        else:
            found.add(name)
    return frozenset(found)


def _leaves(source: Source) -> Iterable[str]:
    """What of the source goes into a field, as far as the settings alone tell: of a subform its columns."""
    if isinstance(source, Rows) and source.columns.table:
        return [f"{source.field}.{c}" for column in source.columns.table.values() for c in columns_of(column)]
    return columns_of(source)


def check_egress(fields: FieldChoice, listed: frozenset[str], lists: str, at: str, problems: list[Problem]) -> None:
    """Refuses every named field that reads what its route does not list; `lists` is the path of the list. What "*"
    stands for is known when the stream starts.
    """
    for target, source in (fields.table or {}).items():
        for column in dict.fromkeys(_leaves(source)):
            if column not in listed and not any(one.startswith(f"{column}.") for one in listed):
                close = nearest(column, listed)
                problems.append(
                    Problem(
                        path=join(join(at, "fields"), target),
                        found=f"{quote(column)}, which {lists} does not list",
                        allowed="source fields that it lists: others may not leave",
                        hint=f'it lists "{close}"' if close else None,
                    )
                )
