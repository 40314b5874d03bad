"""The rules of fields that are made of several things (composed.py): which settings fit which of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

from daemon.core.composed import COMPOSED, LINKS, ROWS, TAGS, composed_kind
from daemon.core.fitting import FieldRule
from daemon.core.rules import Copy, FieldChoice, Fill, Rows, Source, Stream
from daemon.core.schema import Field, Schema

NAMED_ONLY: Final = (
    "it is carried only where the table of fields names it, because it costs a credit for each record read"
)
_NEVER_COLUMNS: Final = frozenset({"Parent_Id", "Layout", "Owner", "Sequence_Number"})


def composed_rule(
    name: str,
    origin: Source,
    mine: Field | None,
    yours: Field,
    carried: Mapping[str, str],
    fill: Fill,
    columns: tuple[FieldRule, ...],
) -> FieldRule | str:
    """The rule of a composed field; `columns` are the rules of its rows where it is a subform. A reason where there can
    be none.
    """
    kind = composed_kind(yours)
    if mine is None or composed_kind(mine) != kind or not isinstance(origin, (Copy, Rows)):
        return f"a {_called(yours)} is filled from a {_called(yours)} of the source and from nothing else"
    if fill.default is not None or fill.cut or fill.owner not in (None, "source"):
        return f'default and cut are not for a {_called(yours)}, and its owner is "source"'
    if isinstance(origin, Copy) and origin.values is not None and kind != TAGS:
        return f"values are not for a {_called(yours)}"
    if isinstance(origin, Rows) and kind != ROWS:
        return f"it is no subform but a {_called(yours)}"
    if kind == LINKS:
        return _links_rule(name, origin, mine, yours, carried)
    return FieldRule(
        target=name, source=Copy(field=origin.field) if kind == ROWS else origin, kind=str(kind), rows=columns
    )


def rows_stream(stream: Stream, name: str, origin: Source, rows: Schema) -> Stream:
    """A subform's rows as if they were a stream of their own, so that their columns are chosen by the same rules: all
    that both sides have, unless they are named.
    """
    choice = origin.columns if isinstance(origin, Rows) else FieldChoice()
    spared = choice.except_ | (_NEVER_COLUMNS & rows.fields.keys())
    place = f"{stream.source_module}.fields.{name}"  # where the settings have it
    fields = replace(choice, except_=spared)
    return replace(
        stream, source_module=place, target_module=rows.module, key=None, flag=None, fields=fields, owner="source"
    )


def column_faults(name: str, rules: Sequence[FieldRule], rows: Schema) -> list[str]:
    """What is wrong with the columns of a subform's rows as a whole."""
    filled = {rule.target for rule in rules} | _NEVER_COLUMNS
    unfilled = [f.api_name for f in rows.fields.values() if f.mandatory and f.writable and f.api_name not in filled]
    faults = [f"{name}: its column {column} is mandatory and nothing fills it" for column in unfilled]
    faults += [
        f"{name}: its column {rule.target} is neither written only sometimes nor made of rows of its own"
        for rule in rules
        if rule.owner != "source" or rule.kind in COMPOSED
    ]
    return faults if rules else [*faults, f"{name}: its rows have no column that both sides have: name them"]


def _called(field: Field) -> str:
    return {ROWS: "subform", LINKS: "multi-select lookup", TAGS: "field of tags"}[str(composed_kind(field))]


def _links_rule(
    name: str, origin: Copy | Rows, mine: Field, yours: Field, carried: Mapping[str, str]
) -> FieldRule | str:
    there = carried.get(mine.linked_module or "")
    if there is None:
        return f"it points to {mine.linked_module}, which this route does not carry"
    if there != yours.linked_module:
        return (
            f"it points to {yours.linked_module} in the target, but this route carries {mine.linked_module} to {there}"
        )
    if mine.link_field is None or yours.link_field is None:
        return "the metadata do not say under which key its rows name the linked record"
    links = (mine.link_field, yours.link_field)
    return FieldRule(target=name, source=Copy(field=origin.field), kind=LINKS, parent=mine.linked_module, links=links)
