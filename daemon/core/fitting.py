"""Whether one target field can be filled from its source, and how: kinds, conversions, lookups, constants, defaults.

Knows both fields' metadata and nothing of records. Refuses to guess: a reason is a sentence.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

from daemon.core.convert import CANONICAL, CONVERSIONS, Json, Kind, split_choices
from daemon.core.expression import parse_expression
from daemon.core.reach import Match, Reach, reach_of
from daemon.core.rules import Constant, Copy, Expression, Fill, Owner, Scalar, Source
from daemon.core.schema import Field

_KINDS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("text", "textarea", "email", "phone", "website", "picklist"), "text"),
    "bigint": "bigint",
    **dict.fromkeys(("integer", "double", "currency", "percent", "formula"), "number"),
    "autonumber": "text",  # never written; as a source it may have a prefix
    "boolean": "boolean",
    "date": "date",
    "datetime": "datetime",
    "multiselectpicklist": "multiselect",
    "lookup": "lookup",
    "multi_module_lookup": "multilookup",
    "ownerlookup": "owner",
    "userlookup": "user",
}
PEOPLE: Final = ("owner", "user")
_LOOKUPS: Final = ("lookup", "multilookup")
_ZONED: Final = (("date", "datetime"), ("datetime", "date"))
_CUT: Final = ("text", "textarea")


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from it is worked out once
class FieldRule:
    """How one target field gets its value. `parent` is the source module that a lookup points to, `several` (source
    module -> target module) those of a multilookup, `matches` how the ones that no stream carries are found (reach.py).

    `names_cause` says that a refused value is worth naming (picklists): one cause a value, not one a field; `choices`
    are the values that the target knows.
    `origin` is the source's kind where it is another one (convert.py), `zone` the source org's time zone where days
    depend on it. `whole` says that only a whole number fits, `cut` at how many characters a text is cut.
    `rows` are the rules of a subform's columns; `links` the keys of a multi-select lookup's rows, here and there.
    """

    target: str
    source: Source
    kind: Kind
    parent: str | None = None
    names_cause: bool = False
    origin: Kind | None = None
    zone: tzinfo = UTC
    choices: frozenset[str] = frozenset()
    whole: bool = False
    cut: int | None = None
    default: Json = None
    owner: Owner = "source"
    rows: tuple[FieldRule, ...] = ()
    links: tuple[str, str] | None = None
    several: Mapping[str, str] = field(default_factory=dict)
    matches: Mapping[str, Match] = field(default_factory=dict)

    @cached_property
    def carried(self) -> str | None:
        """The source field whose value is carried as it is, in canonical form; None where more is done with it."""
        done = self.origin or self.whole or self.cut is not None or self.default is not None
        as_it_is = isinstance(self.source, Copy) and self.source.values is None and not done
        return self.source.field if as_it_is and isinstance(self.source, Copy) and self.kind in CANONICAL else None


def kind_of(field: Field) -> Kind | None:
    """The kind of a field of that type; None for one that is not carried."""
    return _KINDS.get(field.data_type)


def zone_of(name: str) -> tzinfo | None:
    """The time zone of that name (IANA), or None when there is none."""
    try:
        return ZoneInfo(name)
    except (LookupError, ValueError, OSError):
        return None


def rule_for(  # noqa: PLR0911 - a ladder of reasons
    name: str, origin: Source, mine: Field | None, yours: Field, carried: Mapping[str, str], fill: Fill, zone: str
) -> FieldRule | str:
    """The rule for one target field, or why there can be none. `mine` is the source's field where one is copied."""
    kind, owner = _KINDS.get(yours.data_type), fill.owner or "source"
    if kind is None:
        return f"fields of type {yours.data_type} are not carried"
    if mine is None:
        converted = None
        if unmade := _made_up(origin, yours, kind):
            return unmade
    elif mine.rich_text:
        return "rich text is cut at 500 characters in list answers (facts 2.6), so it is not carried"
    else:
        converted = _origin(mine, kind)
        if converted is not None and (converted, kind) not in CONVERSIONS:
            return f"a {mine.data_type} cannot be written to a {yours.data_type}"
    reach = reach_of(mine, yours, carried, fill) if kind in _LOOKUPS else Reach()
    if isinstance(reach, str):
        return reach
    if wrong := _fill_problem(fill, yours, kind):
        return wrong
    there = zone_of(zone) if _is_zoned(origin, converted, kind) else UTC
    if there is None:
        return f"it depends on the source's time zone, and {zone!r} is none that this machine knows"
    return FieldRule(
        target=name,
        source=origin,
        kind=kind,
        parent=reach.parent,
        names_cause=bool(yours.picklist),
        choices=yours.picklist,
        origin=converted,
        zone=there,
        whole=yours.data_type == "integer",
        cut=yours.length if fill.cut else None,
        default=_default(fill.default, kind),
        owner=owner,
        several=reach.several,
        matches=reach.matches,
    )


def by_star(mine: Field, yours: Field) -> bool:
    """Whether "*" carries a field: two of one kind. What would have to be converted is for a person to name."""
    same = _KINDS.get(mine.data_type) == _KINDS.get(yours.data_type)
    return same or {mine.data_type, yours.data_type} == {"integer", "bigint"}


def _origin(mine: Field, kind: Kind) -> Kind | None:
    """The source's kind where it has to be converted; None where the value is copied."""
    own = _KINDS.get(mine.data_type, mine.data_type)
    if own == kind or (own in PEOPLE and kind in PEOPLE):
        return None
    special = (mine.data_type, kind)
    return mine.data_type if special in CONVERSIONS and mine.data_type in ("formula", "picklist") else own


def _is_zoned(source: Source, converted: Kind | None, kind: Kind) -> bool:
    if isinstance(source, Expression):
        return parse_expression(source.text).dated
    return (converted, kind) in _ZONED


def _made_up(origin: Source, yours: Field, kind: Kind) -> str | None:
    if kind not in ("text", "number", "boolean", "date", "datetime") and not (
        isinstance(origin, Expression) and kind == "bigint"
    ):
        return f"a {yours.data_type} field needs a source field"
    return unfit("constant", origin.value, yours, kind) if isinstance(origin, Constant) else None


def unfit(what: str, value: Scalar, yours: Field, kind: Kind) -> str | None:
    """Why a constant can never be written to a field, where that is certain; else it would fail record by record."""
    shapes = {"number": (int, float), "bigint": (int,), "boolean": (bool,), "date": (str,), "datetime": (str,)}
    wanted = (str,) if kind == "multiselect" else shapes.get(kind, (str, int, float))
    if not isinstance(value, wanted) or (isinstance(value, bool) and kind != "boolean"):
        return f"the {what} {value!r} is no {yours.data_type}"
    if yours.data_type == "integer" and isinstance(value, float) and not value.is_integer():
        return f"the {what} {value!r} is no integer"
    chosen = split_choices(value) if kind == "multiselect" and isinstance(value, str) else [value]
    if yours.picklist and (unknown := [one for one in chosen if one not in yours.picklist]):
        return f"the {what} {unknown[0]!r} is not in the picklist: {', '.join(sorted(yours.picklist)[:10])}"
    if kind == "text" and yours.length is not None and len(str(value)) > yours.length:
        return f"the {what} has {len(str(value))} characters, the field takes {yours.length}"
    return None


def _fill_problem(fill: Fill, yours: Field, kind: Kind) -> str | None:
    if fill.default is not None:
        if kind in PEOPLE or kind in _LOOKUPS:
            return f"a {yours.data_type} has no default"
        if wrong := unfit("default", fill.default, yours, kind):
            return wrong
    if fill.match is not None and kind not in _LOOKUPS:
        return f"only a lookup has a match, and this is a {yours.data_type}"
    if fill.cut and (yours.data_type not in _CUT or yours.length is None):
        return f"only a text that says how long it may be is cut, and this is a {yours.data_type}"
    return None


def _default(value: Scalar | None, kind: Kind) -> Json:
    return split_choices(value) if kind == "multiselect" and isinstance(value, str) else value
