"""One record of a write, from JSON to checked values: what counts, what is mandatory, what must be unique (facts 4)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from daemon.emulator import errors
from daemon.emulator.children import RowChange, read_rows
from daemon.emulator.fields import Field
from daemon.emulator.org import Org
from daemon.emulator.schema import Layout, Module
from daemon.emulator.store import Record
from daemon.emulator.tagging import read_names
from daemon.emulator.validation import Place, check_value, parse_id

Json = dict[str, Any]
_ACCEPTED_QUIETLY = frozenset({"id", "Tag", "Layout", "Record_Status__s"})


@dataclass(slots=True, kw_only=True)
class Incoming:
    """The checked content of one element: new values (None = emptied) and the owner, if named."""

    values: dict[str, Any] = field(default_factory=dict)
    owner: int | None = None
    rows: dict[str, list[RowChange]] = field(default_factory=dict)
    tags: list[str] | None = None


def read_element(org: Org, module: Module, element: Json, path: str, present: Record | None) -> Incoming:
    """Check every key of one element; `present` is the record that it would change (None: it is an insert)."""
    found, faults, refused = Incoming(), list[errors.RecordError](), set[str]()
    layout = _layout(module, element, path, found)
    for name, value in element.items():
        if name == "Tag" and "Tag" in module.fields:
            found.tags = read_names(value or [], f"{path}.Tag")
        if name in _ACCEPTED_QUIETLY or name.startswith("$") or (layout and name in layout.without):
            continue
        try:
            _read_key(org, module, name, value, f"{path}.{name}", found, present)
        except errors.RecordError as fault:
            faults.append(fault)
            refused.add(name)
    faults = _missing(module, layout, found, path, present, refused) + faults
    if faults:
        raise _together(org, faults)
    _append_values(element, found, present)
    return found


def _layout(module: Module, element: Json, path: str, found: Incoming) -> Layout | None:
    """The layout that the element names; its rules hold only then (facts 4.1)."""
    given = element.get("Layout")
    if given is None or "Layout" not in module.fields:
        return None
    number = parse_id(given.get("id") if isinstance(given, dict) else given)
    chosen = next((one for one in module.layouts if one.id == number), None)
    if chosen is None:
        raise errors.unknown_id({"api_name": "Layout", "json_path": f"{path}.Layout"})
    if chosen.id != module.layout_id:
        found.values["Layout"] = chosen.id
    return chosen


def _read_key(
    org: Org, module: Module, name: str, value: Any, path: str, found: Incoming, present: Record | None
) -> None:
    item = module.fields.get(name)
    if item is None:
        if org.quirks["unknown_key"] == "reject":
            raise errors.unknown_key(name, path)
        return
    if not item.writable:
        if org.quirks["read_only_write"] == "reject":
            raise errors.bad_value(name, path)
        return
    if item.child is not None:
        inner = org.modules[item.child]
        place = Place(org=org, field=item, path=path)
        found.rows[name] = read_rows(place, value, present, lambda row, at, old: read_element(org, inner, row, at, old))
        return
    if value is None or value == "":
        if org.quirks["null_clears"] == "yes" and name != "Owner":
            found.values[name] = None
        return
    stored = check_value(Place(org=org, field=item, path=path), value)
    if name == "Owner":
        found.owner = stored
    else:
        found.values[name] = stored


def _missing(
    module: Module, layout: Layout | None, found: Incoming, path: str, present: Record | None, refused: set[str]
) -> list[errors.RecordError]:
    return [
        errors.mandatory(item.api_name, f"{path}.{item.api_name}", _named(layout, item))
        for item in module.fields.values()
        if (item.mandatory or (layout and item.api_name in layout.mandatory))
        and item.api_name not in refused
        and _is_missing(item, found, present)
    ]


def _named(layout: Layout | None, item: Field) -> Json | None:
    if layout is None or item.mandatory:
        return None
    return {"name": layout.name, "id": str(layout.id)}


def _is_missing(item: Field, found: Incoming, present: Record | None) -> bool:
    if item.child is not None:
        return present is None and not found.rows.get(item.api_name)
    if item.api_name in found.values:
        return found.values[item.api_name] is None
    return present is None


def _together(org: Org, faults: list[errors.RecordError]) -> errors.RecordError:
    if len(faults) == 1 or org.quirks["collect_faults"] == "first":
        return faults[0]
    return errors.several([fault.element for fault in faults])


def _append_values(element: Json, found: Incoming, present: Record | None) -> None:
    """`$append_values` adds to a multi-select instead of replacing it (facts 4.7)."""
    wanted = element.get("$append_values")
    if present is None or not isinstance(wanted, dict):
        return  # an insert has nothing to append to
    for name, yes in wanted.items():
        new, old = found.values.get(name), present.values.get(name)
        if yes is True and isinstance(new, list) and isinstance(old, list):
            found.values[name] = old + [value for value in new if value not in old]


def check_unique(org: Org, module: Module, values: dict[str, Any], number: int | None, path: str) -> None:
    """DUPLICATE_DATA when another record holds one of the unique values (facts 4.4); several clashes come together."""
    faults = []
    for name in module.unique_fields():
        value = values.get(name)
        if value is None:
            continue
        others = [holder for holder in holders(org, module, name, value) if holder != number]
        if others:
            faults.append(_duplicate(org, module, name, others, f"{path}.{name}"))
    if len(faults) > 1:
        raise errors.several([fault.element for fault in faults])
    if faults:
        raise faults[0]


def holders(org: Org, module: Module, name: str, value: Any) -> list[int]:
    """The records that hold a value in a unique or system field."""
    table = org.tables[module.api_name]
    found = table.holders(name, value)
    item = module.fields.get(name)
    if item is not None and item.unique and item.case_sensitive:
        return [number for number in found if table.records[number].values.get(name) == value]
    return found


def _duplicate(org: Org, module: Module, name: str, others: list[int], path: str) -> errors.RecordError:
    number = others[0]
    record = org.tables[module.api_name].records[number]
    owner = org.user(record.owner)
    brief = {**owner.brief(), "zuid": str(owner.zuid)} if owner else None
    details: Json = {
        "api_name": name,
        "duplicate_record": {
            "Owner": brief,
            "module": {"api_name": module.api_name, "id": str(module.id)},
            "id": str(number),
        },
        "json_path": path,
        "id": str(number),
        "more_records": len(others) > 1,
    }
    return errors.duplicate(details)
