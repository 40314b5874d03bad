"""Fields that are made of several things: rows of a subform, linked records (multi-select lookups), tags.

A list answer leaves out rows and links, so they are read record by record (facts 2.6); tags come with every answer.
What an update does to rows that it does not mention is not certain (facts 4.7: kept, or deleted), so it mentions every
row that is there: kept by its id, or taken away by its id. For that the target's record is looked at before the update.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

from daemon.core.convert import Json, Row, Values, linked_id, shape
from daemon.core.fitting import FieldRule
from daemon.core.record import WireRecord
from daemon.core.schema import Field

ROWS: Final = "rows"
LINKS: Final = "links"
LOOKUPS: Final = ("lookup", "multilookup")
TAGS: Final = "tags"
COMPOSED: Final = frozenset({ROWS, LINKS, TAGS})
BY_ID: Final = frozenset({ROWS, LINKS})
"""Kinds that only an answer about a single record shows."""
HAS_MORE: Final = "$has_more"
"""Says of each such field whether the answer left out some of its rows (facts 2.6)."""
_KINDS: Final = {"subform": ROWS, "multiselectlookup": LINKS}


def composed_kind(field: Field) -> str | None:
    """How a field is composed, if it is. `Tag` is typed as text and holds a list of objects (facts 6)."""
    return TAGS if field.api_name == "Tag" else _KINDS.get(field.data_type)


def objects(value: object) -> list[Mapping[str, object]]:
    """The objects of a field as Zoho sends them; raises ValueError for anything else."""
    if value is None:
        return []
    if not isinstance(value, list) or not all(isinstance(row, dict) for row in value):
        raise ValueError(f"a list of objects was expected, {shape(value)} was found")
    return value


def linked_ids(value: object, key: str) -> list[str]:
    """The ids of the records that a multi-select lookup holds, each once; a row that points nowhere is none."""
    found = (linked_id(row.get(key)) for row in objects(value))
    return list(dict.fromkeys(one for one in found if one is not None))


def tag_names(value: object) -> list[str]:
    """The names of a record's tags, each once."""
    names = [row.get("name") for row in objects(value)]
    if not all(isinstance(name, str) and name for name in names):
        raise ValueError("a tag without a name was found")
    return list(dict.fromkeys(str(name) for name in names))


def left_out(record: WireRecord, names: Iterable[str]) -> str | None:
    """The first of these fields of which the record's answer does not show all rows."""
    more = record.get(HAS_MORE)
    return next((name for name in names if isinstance(more, dict) and more.get(name) is True), None)


def sendable(values: Values, rules: Iterable[FieldRule], present: WireRecord | None) -> dict[str, Json]:
    """Canonical values in the form in which they are written; `present` is the target's record as it is now, None for
    one that is to be made.
    """
    sent = dict(values)
    for rule in rules:
        if rule.target in sent and rule.kind in COMPOSED:
            sent[rule.target] = _written(rule, sent[rule.target], (present or {}).get(rule.target))
    return sent


def _written(rule: FieldRule, value: Json, there: object) -> Json:
    wanted: list[object] = [*value] if isinstance(value, list) else []
    if rule.kind == TAGS:
        named: list[Row] = [{"name": name} for name in wanted]
        return named
    rows = objects(there)
    if rule.links is not None:
        return _links(rule.links[1], [str(one) for one in wanted], rows)
    return _rows([row for row in wanted if isinstance(row, dict)], rows)


def _rows(wanted: list[Row], there: list[Mapping[str, object]]) -> list[Row]:
    """Rows by their place: the first that is there becomes the first that is wanted, and so on. So order is kept
    whatever it goes by in the target, and a repeated call changes nothing.
    """
    kept: list[Row] = [{"id": row["id"], **new} for row, new in zip(there, wanted, strict=False)]
    return [*kept, *wanted[len(there) :], *_taken(there[len(wanted) :])]


def _links(key: str, wanted: list[str], there: list[Mapping[str, object]]) -> list[Row]:
    """Which record is linked counts, in no order; a record that is linked twice is so once from now on."""
    missing = dict.fromkeys(wanted)
    kept: list[Row] = []
    surplus: list[Mapping[str, object]] = []
    for row in there:
        linked = row.get(key)
        target_id = linked.get("id") if isinstance(linked, dict) else None
        if target_id in missing:
            del missing[target_id]
            kept.append({"id": row["id"], key: {"id": target_id}})
        else:
            surplus.append(row)
    new: list[Row] = [{key: {"id": one}} for one in missing]
    return [*kept, *new, *_taken(surplus)]


def _taken(rows: Iterable[Mapping[str, object]]) -> list[Row]:
    return [{"id": row["id"], "_delete": None} for row in rows]


def surplus_tags(values: Values, rules: Iterable[FieldRule], present: WireRecord | None) -> tuple[str, ...]:
    """The tags that the target's record has and is not to have. That writing the others takes these away is not said
    anywhere (facts 2.6 only say how tags are written), so it is looked at afterwards.
    """
    rule = next((r for r in rules if r.kind == TAGS and r.target in values), None)
    if rule is None or present is None:
        return ()
    wanted = values[rule.target]
    there = present.get(rule.target)
    names = [row.get("name") for row in there if isinstance(row, dict)] if isinstance(there, list) else []
    return tuple(str(name) for name in names if not isinstance(wanted, list) or name not in wanted)
