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
from daemon.emulator.validation import Links, Place, check_value, parse_id

Json = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """What an element is read against: the org, the module, who sends it, and the external fields that it may use."""

    org: Org
    module: Module
    user: int
    links: Links = field(default_factory=dict)

    def rows_of(self, name: str, module: Module) -> Reading:
        """The same for the rows inside the field `name`."""
        prefix = f"{name}."
        links = {path.removeprefix(prefix): one for path, one in self.links.items() if path.startswith(prefix)}
        return Reading(org=self.org, module=module, user=self.user, links=links)


@dataclass(slots=True, kw_only=True)
class Incoming:
    """The checked content of one element: new values (None = emptied) and the owner, if named."""

    values: dict[str, Any] = field(default_factory=dict)
    owner: int | None = None
    rows: dict[str, list[RowChange]] = field(default_factory=dict)
    tags: list[str] | None = None


def read_element(reading: Reading, element: Json, path: str, present: Record | None) -> Incoming:
    """Check every key of one element; `present` is the record that it would change (None: it is an insert)."""
    module, found, faults, refused = reading.module, Incoming(), list[errors.RecordError](), set[str]()
    layout = _layout(module, element, path, found)
    for name, value in element.items():
        if name == "Layout" or (layout and name in layout.without):
            continue
        try:
            _read_key(reading, name, value, f"{path}.{name}", found, present)
        except errors.RecordError as fault:
            faults.append(fault)
            refused.add(name)
    faults = _missing(reading, layout, found, path, present, refused) + faults
    if faults:
        raise _together(reading.org, faults)
    _append_values(element, found, present)
    return found


def _layout(module: Module, element: Json, path: str, found: Incoming) -> Layout | None:
    """The layout that the element names; its rules hold only then (facts 4.1)."""
    given = element.get("Layout")
    if given is None or "Layout" not in module.fields:
        return None
    if isinstance(given, dict) and "id" not in given:
        raise errors.expected_field("id", f"{path}.Layout.id")
    if not isinstance(given, dict | str | int) or isinstance(given, bool):
        raise errors.wrong_type("Layout", f"{path}.Layout", "jsonobject")
    number = parse_id(given["id"] if isinstance(given, dict) else given)
    chosen = next((one for one in module.layouts if one.id == number), None)
    if chosen is None:
        raise errors.unknown_id({"api_name": "Layout", "json_path": f"{path}.Layout"})
    if chosen.id != module.layout_id:
        found.values["Layout"] = chosen.id
    return chosen


def _read_key(reading: Reading, name: str, value: Any, path: str, found: Incoming, present: Record | None) -> None:
    org, item = reading.org, reading.module.fields.get(name)
    if name.startswith("$"):
        _check_dollar(name, value, path)
    elif name == "Tag" and item is not None:
        found.tags = read_names([] if value is None else value, path)
    elif name == "id":
        if value is not None and parse_id(value) is None:
            raise errors.wrong_type("id", path, "bigint")
    elif item is None:
        if org.quirks["unknown_key"] == "reject":
            raise errors.unknown_key(name, path)
    elif not item.writable:
        if org.quirks["read_only_write"] == "reject":
            raise errors.bad_value(name, path)
    elif item.child is not None:
        inner = reading.rows_of(name, org.modules[item.child])
        place = Place(org=org, field=item, path=path)
        found.rows[name] = read_rows(place, value, present, lambda row, at, old: read_element(inner, row, at, old))
    else:
        _read_value(reading, item, value, path, found)


def _read_value(reading: Reading, item: Field, value: Any, path: str, found: Incoming) -> None:
    org, name = reading.org, item.api_name
    if value is None or value == "":
        if org.quirks["null_clears"] == "yes" and name != "Owner":
            found.values[name] = None
        return
    place = Place(org=org, field=item, path=path, user=reading.user, external=reading.links.get(name))
    stored = check_value(place, value)
    if name == "Owner":
        found.owner = stored
    else:
        found.values[name] = stored


def _check_dollar(name: str, value: Any, path: str) -> None:
    """The `$` keys that a write understands; others are ignored (facts 4.7)."""
    if name == "$se_module" and value is not None and not isinstance(value, str):
        raise errors.wrong_type(name, path, "string")
    if name != "$append_values" or value is None:
        return
    if not isinstance(value, dict):
        raise errors.wrong_type(name, path, "jsonobject")
    for one, yes in value.items():
        if not isinstance(yes, bool):
            raise errors.wrong_type(one, f"{path}.{one}", "boolean")


def _missing(
    reading: Reading, layout: Layout | None, found: Incoming, path: str, present: Record | None, refused: set[str]
) -> list[errors.RecordError]:
    return [
        _mandatory(layout, item, path, present)
        for item in reading.module.fields.values()
        if (item.mandatory or (layout and item.api_name in layout.mandatory))
        and item.api_name not in refused
        and _is_missing(reading.org, item, found, present)
    ]


def _mandatory(layout: Layout | None, item: Field, path: str, present: Record | None) -> errors.RecordError:
    """The fault names the record that an update would have emptied (facts 4.4)."""
    fault = errors.mandatory(item.api_name, f"{path}.{item.api_name}", _named(layout, item))
    if present is not None:
        fault.element["details"]["id"] = str(present.id)
    return fault


def _named(layout: Layout | None, item: Field) -> Json | None:
    if layout is None or item.mandatory:
        return None
    return {"name": layout.name, "id": str(layout.id)}


def _is_missing(org: Org, item: Field, found: Incoming, present: Record | None) -> bool:
    if item.child is not None:
        return _is_without_rows(org, item, found, present)
    if item.api_name in found.values:
        return found.values[item.api_name] is None
    return present is None


def _is_without_rows(org: Org, item: Field, found: Incoming, present: Record | None) -> bool:
    """Whether no row is left by what the element asks for; what it does not mention stays as it is."""
    changes = found.rows.get(item.api_name)
    if changes is None:
        return present is None
    gone = {change.row for change in changes if change.values is None}
    kept = {row.id for row in org.rows(item, present.id)} - gone if present is not None else set()
    return not kept and all(change.values is None for change in changes)


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


def check_unique(org: Org, module: Module, values: dict[str, Any], number: int | None, owner: int, path: str) -> None:
    """DUPLICATE_DATA when another record holds one of the unique values (facts 4.4); several clashes come together."""
    faults = []
    for name in module.unique_fields():
        value = values.get(name)
        if value is None:
            continue
        others = [holder for holder in org.holders(module, name, value, owner) if holder != number]
        if others:
            faults.append(_duplicate(org, module, name, others, f"{path}.{name}"))
    if len(faults) > 1:
        raise errors.several([fault.element for fault in faults])
    if faults:
        raise faults[0]


def holders(org: Org, module: Module, name: str, value: Any) -> list[int]:
    """As `Org.holders`, whoever owns them."""
    return org.holders(module, name, value)


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
