"""The exact list of a stream's field rules, and what follows from them."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from daemon.core.composed import BY_ID, COMPOSED, LOOKUPS, ROWS
from daemon.core.convert import Kind
from daemon.core.criteria import Criteria
from daemon.core.expression import parse_expression
from daemon.core.filter import Filter
from daemon.core.fitting import FieldRule
from daemon.core.rules import Copy, Expression, Owner, Rows, Source, Template

# Set by Zoho on every write, or the subject of their own settings.
_PLACE: Final = re.compile(r"\{([A-Za-z][A-Za-z0-9_]*)\}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Absent:
    """A field of the target that is not written for now, because `field` of `module`, in either org, is not as it was.

    `in_target`: what was sent lately may have been ignored there. `mandatory`: the target makes no record without it.
    """

    target: str
    module: str
    field: str
    message: str
    in_target: bool = True
    mandatory: bool = False


@dataclass(frozen=True, kw_only=True)  # no slots: what follows from the rules is worked out once
class FieldMap:
    """Everything that planning needs to know of a stream's fields.

    `version` changes when any rule does, `parts` say which (version.py). `columns` are the source fields to read,
    without id and Modified_Time. `match` are target fields whose values name a record, where there is no key.
    `mandatory` are the target fields that a new record must have. `kinds` are those of the columns, where the stream
    lies on a circle and edits of the source must be told from what orgsync wrote there. `at_source` is what of the
    filter the source may be asked for: it lets through whatever `keep` keeps. `absent` are fields that were carried
    before and cannot be now; `…_ids` are Zoho's ids of the fields that are read and written (absent.py).
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
    parts: Mapping[str, str] = field(default_factory=dict)
    source_ids: Mapping[str, str] = field(default_factory=dict)
    target_ids: Mapping[str, str] = field(default_factory=dict)
    absent: tuple[Absent, ...] = ()

    @cached_property
    def parents(self) -> frozenset[str]:
        """The source modules that this stream's lookups point to."""
        rules = [r for rule in self.rules for r in (rule, *rule.rows)]
        return frozenset(r.parent for r in rules if r.parent).union(*(r.several for r in rules))

    @cached_property
    def pointing(self) -> tuple[FieldRule, ...]:
        """The rules whose values are other records, or hold some in their rows."""
        return tuple(r for r in self.rules if r.kind == ROWS or r.kind in LOOKUPS or r.links)

    @cached_property
    def into_several(self) -> frozenset[str]:
        """The source fields that are lookups into several modules."""
        return frozenset(r.source.field for r in self.rules if r.kind == "multilookup" and isinstance(r.source, Copy))

    @cached_property
    def asking(self) -> frozenset[str]:
        """The source fields whose lookups, or those of whose rows, are found by a match field."""
        asked = [r for r in self.rules if r.matches or any(column.matches for column in r.rows)]
        return frozenset(r.source.field for r in asked if isinstance(r.source, Copy))

    @cached_property
    def beside(self) -> tuple[str, ...]:
        """The source fields that are read by the ids of their records, apart from `columns`."""
        return tuple(sorted(r.source.field for r in self.rules if r.kind in COMPOSED and isinstance(r.source, Copy)))

    def read_in_rows(self, *, of_target: bool) -> Mapping[str, frozenset[str]]:
        """Field of the source, or of the target, that holds rows -> the columns that each of its rows must show."""
        found: dict[str, frozenset[str]] = {}
        for rule in self.rules:
            if of_target:
                name, columns = rule.target, {column.target for column in rule.rows}
            elif isinstance(rule.source, Copy):
                name, columns = rule.source.field, {c for column in rule.rows for c in columns_of(column.source)}
            else:
                continue
            columns |= {rule.links[of_target]} if rule.links else set()
            if columns:
                found[name] = found.get(name, frozenset()) | columns
        return found

    @cached_property
    def one_by_one(self) -> frozenset[str]:
        """The target fields that only an answer about one record shows; then it is the same in the source."""
        return frozenset(r.target for r in self.rules if r.kind in BY_ID)

    @cached_property
    def composed(self) -> frozenset[str]:
        """The target fields that are made of several things; the target is looked at before they are updated."""
        return frozenset(r.target for r in self.rules if r.kind in COMPOSED)

    @cached_property
    def lasting(self) -> frozenset[str]:
        """The target fields that the target is to hold as the source says, and no other way: what counts as drift."""
        return self._owned_by("source")

    @cached_property
    def made_once(self) -> frozenset[str]:
        """The target fields that are written only when a record is made."""
        return self._owned_by("target")

    @cached_property
    def into_blank(self) -> frozenset[str]:
        """The target fields that are written only where they are blank."""
        return self._owned_by("fill-blank")

    @cached_property
    def newest(self) -> frozenset[str]:
        """The target fields that either side may change: the latest edit goes to the other side."""
        return self._owned_by("newest")

    def _owned_by(self, owner: Owner) -> frozenset[str]:
        return frozenset(r.target for r in self.rules if _owner_of(r) == owner)

    @cached_property
    def made_of(self) -> Mapping[str, tuple[str, ...]]:
        """Target field -> the source fields that its value is made of, of a subform its columns. The key holds the
        record's own id.
        """
        key: dict[str, tuple[str, ...]] = {} if self.key is None else {self.key: ("id",)}
        return {r.target: leaves_of(r) for r in self.rules} | key

    @cached_property
    def targets(self) -> tuple[str, ...]:
        return tuple(r.target for r in self.rules)


def _owner_of(rule: FieldRule) -> Owner:
    """Who has the say over a field. What no source field goes into is never edited there, and no edit of the target
    can come back into it: "newest" would never write it again.
    """
    return "source" if rule.owner == "newest" and not columns_of(rule.source) else rule.owner


def leaves_of(rule: FieldRule) -> tuple[str, ...]:
    """The source fields whose values leave with a target field; the columns of a subform stand behind its name."""
    columns = dict.fromkeys(c for column in rule.rows for c in columns_of(column.source))
    if columns and isinstance(rule.source, Copy):
        return tuple(f"{rule.source.field}.{column}" for column in columns)
    return columns_of(rule.source)


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
