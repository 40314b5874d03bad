"""Rows inside a record: subforms and multi-lookups, on their way in (facts 2.6, 4.7).

A row with an id is changed, one without is added, `{"id", "_delete": null}` takes one away, `[]` takes all. What
becomes of rows of a subform that are not mentioned is a quirk.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from daemon.emulator import errors
from daemon.emulator.fields import Field
from daemon.emulator.store import Record
from daemon.emulator.validation import Place, lenient_value, parse_id

if TYPE_CHECKING:
    from daemon.emulator.incoming import Incoming
    from daemon.emulator.org import Org

Json = dict[str, Any]
MAX_ROWS = 200
ReadRow = Callable[[Json, str, Record | None], "Incoming"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RowChange:
    """What is to become of one row: `row` alone is taken away, `values` alone is added, both: changed."""

    row: int | None
    values: dict[str, Any] | None


def read_rows(place: Place, value: Any, parent: Record | None, read: ReadRow) -> list[RowChange]:
    """The changes that the value of a row field asks for, checked."""
    item, org = place.field, place.org
    present = {row.id: row for row in org.rows(item, parent.id)} if parent is not None else {}
    if value is None:
        value = []
    if not isinstance(value, list):
        raise place.wrong("jsonarray")
    if len(value) > MAX_ROWS:
        details = {"maximum_length": MAX_ROWS, "api_name": item.api_name, "json_path": place.path}
        raise errors.RecordError(errors.problem("LIMIT_EXCEEDED", "max limit exceeded", details))
    changes = [
        _change(place, one, f"{place.path}[{number}]", present, parent, read) for number, one in enumerate(value)
    ]
    mentioned = {change.row for change in changes}
    replaces = item.data_type == "subform" and org.quirks["subform_unmentioned"] == "replace"
    if not value or replaces:
        changes += [RowChange(row=number, values=None) for number in present if number not in mentioned]
    return changes


def _change(
    place: Place, given: Any, path: str, present: dict[int, Record], parent: Record | None, read: ReadRow
) -> RowChange:
    item = place.field
    if not isinstance(given, dict):
        raise errors.wrong_type(item.api_name, path, "jsonobject")
    row = None
    if given.get("id") is not None:
        number = parse_id(given["id"])
        row = present.get(number) if number is not None and parent is not None else None
        if row is None:
            raise errors.unknown_id({"api_name": "id", "json_path": f"{path}.id"})
    if "_delete" in given:
        if row is None:
            raise errors.expected_field("id", f"{path}.id")
        return RowChange(row=row.id, values=None)
    if item.forward is not None and row is None and given.get(item.forward) is None:
        raise errors.expected_field(item.forward, f"{path}.{item.forward}")
    values = read(given, path, row).values
    return RowChange(row=row.id if row else None, values=values)


def apply_rows(org: Org, item: Field, parent: Record, changes: list[RowChange], by: int) -> None:
    """Carry the changes out, after the parent itself was stored."""
    child, now = str(item.child), parent.modified
    table, linked = org.tables[child], _linked(org, item, parent)
    for change in changes:
        old = table.records.get(change.row) if change.row is not None else None
        if change.values is None:
            if old is not None:
                org.take(child, old.id)
        elif old is not None:
            merged = {**old.values, **change.values}
            values = {name: value for name, value in merged.items() if value is not None}
            org.put(child, old.replaced(modified=now, modified_by=by, owner=old.owner, values=values))
        else:
            values = {name: value for name, value in change.values.items() if value is not None}
            if item.forward is not None and (item.forward not in values or values[item.forward] in linked):
                continue
            linked.add(values.get(str(item.forward)))
            values[item.back] = parent.id
            org.put(child, Record(org.new_id(), now, now, parent.owner, by, by, values))


def _linked(org: Org, item: Field, parent: Record) -> set[Any]:
    if item.forward is None:
        return set()
    return {row.values.get(item.forward) for row in org.rows(item, parent.id)}


def plant_rows(org: Org, item: Field, parent: Record, rows: Any) -> None:
    """Replace the rows by hand, unchecked."""
    fields = org.modules[str(item.child)].fields
    for row in org.rows(item, parent.id):
        org.take(str(item.child), row.id)
    for given in rows if isinstance(rows, list) else []:
        values = {
            name: lenient_value(fields[name], value) if name in fields else value
            for name, value in dict(given).items()
            if name not in ("id", item.back) and not name.startswith("$")
        }
        apply_rows(org, item, parent, [RowChange(row=None, values=values)], parent.modified_by)
