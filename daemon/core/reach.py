"""Which records a lookup may point to, and how each of them becomes one of the target: through the id map where the
route carries its module, else by a match field where the settings name one. Knows metadata and nothing of records.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from daemon.core.causes import PARENT_AMBIGUOUS, PARENT_UNMATCHED
from daemon.core.rules import Fill
from daemon.core.schema import Field, Schema

ASKED_FOR: Final = ("text", "email", "phone", "website", "picklist", "autonumber")
"""Types whose values are asked for as they are; COQL takes no textarea in a condition (facts 3.5)."""

_SHOWN: Final = 120  # characters of a value that name a cause


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """The field by which both orgs know a record that no stream carries, and its module in the target."""

    module: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """Where a lookup may point to. `parent` is the source module of a lookup into one; `several` is source module ->
    target module of those that a lookup into several may point into; `matches` is by source module.
    """

    parent: str | None = None
    several: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, Match] = field(default_factory=dict)


def reach_of(mine: Field | None, yours: Field, carried: Mapping[str, str], fill: Fill) -> Reach | str:
    """Where a lookup leads, or why it cannot be carried; `carried` is source module -> target module."""
    if fill.owner == "target":
        return "a lookup is not left to the target: its record may have to be made before its parent"
    if mine is None or mine.data_type not in ("lookup", "multi_module_lookup"):
        return "a lookup needs a lookup of the source"
    return _into_one(mine, yours, carried, fill) if mine.data_type == "lookup" else _into_several(mine, carried, fill)


def _into_one(mine: Field, yours: Field, carried: Mapping[str, str], fill: Fill) -> Reach | str:
    parent, there = mine.lookup_module, yours.lookup_module
    if fill.match is not None and not isinstance(fill.match, str):
        return f'it points to {parent} only: write match = "Field"'
    if parent is None or parent not in carried:
        if parent is None or there is None or fill.match is None:
            return (
                f"it points to {parent}, which this route does not carry: carry {parent} too, or name the field by "
                f'which both orgs know its records ({{ source = "{mine.api_name}", match = "Field" }})'
            )
        return Reach(parent=parent, matches={parent: Match(module=there, field=fill.match)})
    if fill.match is not None:
        return f"match is for records that the route does not carry, and it carries {parent}: leave match out"
    if carried[parent] != there:
        return f"it points to {there} in the target, but this route carries {parent} to {carried[parent]}"
    return Reach(parent=parent)


def _into_several(mine: Field, carried: Mapping[str, str], fill: Fill) -> Reach | str:
    modules = mine.lookup_modules or tuple(carried)
    match = fill.match or {}
    if isinstance(match, str):
        return 'it points into several modules: write match = { Module = "Field" }'
    for module in match:
        if module in carried:
            return f"match is for records that the route does not carry, and it carries {module}: leave {module} out"
        if module not in modules and mine.lookup_modules:
            return f"match names {module}, and it points into {', '.join(modules)} only"
    several = {module: carried[module] for module in modules if module in carried}
    if not several and not match:
        return (
            f"it points into {', '.join(modules)}, none of which this route carries: carry one of them, or name a "
            "match field for it"
        )
    return Reach(several=several, matches={m: Match(module=m, field=name) for m, name in match.items()})


def left_out(mine: Field, several: Mapping[str, str], matches: Mapping[str, Match]) -> list[str]:
    """The modules that a lookup into several may point into and that are not translated: such a record is held."""
    return [module for module in mine.lookup_modules if module not in several and module not in matches]


def module_of(value: object) -> str | None:
    """The module that a lookup into several names, by itself or as an object (facts 10); None when it names none."""
    named = value.get("module") if isinstance(value, dict) else None
    name = named.get("api_name") if isinstance(named, dict) else named
    return name if isinstance(name, str) and name else None


class NobodyError(ValueError):
    """A user or a record of the source for whom none stands in the target."""

    def __init__(self, code: str, message: str, value: str | None = None, module: str | None = None) -> None:
        self.code, self.value, self.module = code, value, module
        super().__init__(message)


@dataclass(frozen=True, slots=True, kw_only=True)
class Matched:
    """What was found by a match field: the source's value (None: blank, or there is no such record), and the records of
    the target that hold it.
    """

    value: str | None = None
    target_ids: tuple[str, ...] = ()


def the_one(module: str, record_id: str, match: Match, matched: Matched) -> str:
    """The only target record that stands for a record of the source. Raises NobodyError, also where there are several:
    nothing is guessed.
    """
    who, value = f"it points to {module} {record_id}", matched.value
    if value is None:
        message = f"{who}, which has no {match.field} in the source"
        raise NobodyError(PARENT_UNMATCHED, message, module=match.module)
    named = f"{who} with {match.field} = {value[:_SHOWN]!r}"
    if not matched.target_ids:
        message = f"{named}, which no {match.module} record of the target holds"
        raise NobodyError(PARENT_UNMATCHED, message, value[:_SHOWN], match.module)
    if len(matched.target_ids) > 1:
        message = f"{named}, which {', '.join(sorted(matched.target_ids)[:5])} of the target hold"
        raise NobodyError(PARENT_AMBIGUOUS, message, value[:_SHOWN], match.module)
    return matched.target_ids[0]


def match_problem(match: Match, module: str, source: Schema, target: Schema) -> str | None:
    """Why a module's records cannot be known by a match field in both orgs."""
    for schema, name in ((source, module), (target, match.module)):
        found = schema.fields.get(match.field)
        if found is None:
            return f"match: {name} has no field {match.field} in the {'source' if schema is source else 'target'}"
        if found.data_type not in ASKED_FOR:
            return f"match: {name}.{match.field} is a {found.data_type}; records are matched by {', '.join(ASKED_FOR)}"
    return None
