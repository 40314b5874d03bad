"""Insert, update, upsert and delete: what becomes of each element, and of the batch (facts 4, 5.1). No HTTP in here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator import errors
from daemon.emulator.children import apply_rows
from daemon.emulator.clock import zone_printer
from daemon.emulator.incoming import Incoming, Reading, check_unique, read_element
from daemon.emulator.org import Org
from daemon.emulator.people import User
from daemon.emulator.ripples import rippled
from daemon.emulator.rules import check_rules
from daemon.emulator.schema import Module
from daemon.emulator.states import check_deletable, check_updatable
from daemon.emulator.store import Record
from daemon.emulator.tagging import tag_named
from daemon.emulator.validation import Links, Place, check_value, parse_id

Json = dict[str, Any]
AUTOMATIONS = ("approval", "workflow", "blueprint", "pathfinder", "orchestration")


@dataclass(slots=True, kw_only=True)
class Writing:
    """One write call: who writes where, under which conditions, and what it set off."""

    org: Org
    module: Module
    user: User
    now: int
    trigger: tuple[str, ...] = AUTOMATIONS
    unmodified_since: int | None = None
    automations: list[Json] = field(default_factory=list)
    externals: Links = field(default_factory=dict)

    @property
    def reading(self) -> Reading:
        """How its elements are read."""
        return Reading(org=self.org, module=self.module, user=self.user.id, links=self.externals)

    def ran(self, action: str, number: int) -> None:
        """Note the automations that Zoho would have started (facts 4.1)."""
        if self.trigger:
            noted = {
                "module": self.module.api_name,
                "id": str(number),
                "action": action,
                "features": list(self.trigger),
            }
            self.automations.append(noted)


def each(elements: list[Any], act: Callable[[Json, str], Json]) -> list[Json]:
    """Run `act` over the elements in order; a refused element does not stop the others."""
    results = []
    for place, element in enumerate(elements):
        path = f"$.data[{place}]"
        try:
            if not isinstance(element, dict):
                raise errors.wrong_type("data", path, "jsonobject")
            results.append(act(element, path))
        except errors.RecordError as refused:
            results.append(refused.element)
    return results


def insert(writing: Writing, element: Json, path: str) -> Json:
    """Create one record."""
    org, module, now = writing.org, writing.module, writing.now
    incoming = read_element(writing.reading, element, path, None)
    if module.generated in ("subform", "static_subform"):  # its parent is not writable: no row is made on its own
        raise errors.mandatory("Parent_Id", f"{path}.Parent_Id")
    values = {name: value for name, value in incoming.values.items() if value is not None}
    check_rules(org, module.api_name, element, values, path)
    by = writing.user.id
    owner = incoming.owner or by
    check_unique(org, module, values, None, owner, path)
    number = org.new_id()
    for item in module.fields.values():
        if item.data_type == "autonumber":
            values[item.api_name] = f"{item.prefix}{org.next_serial(module.api_name, item.api_name)}"
    record = Record(number, now, now, owner, by, by, values)
    _store(writing, record, incoming)
    writing.ran("insert", number)
    return _success(writing, record, "record added")


def rehearse(writing: Writing, element: Json, path: str) -> None:
    """RecordError when an insert of this element would be refused; nothing is written."""
    incoming = read_element(writing.reading, element, path, None)
    check_rules(writing.org, writing.module.api_name, element, incoming.values, path)
    owner = incoming.owner or writing.user.id
    check_unique(writing.org, writing.module, incoming.values, None, owner, path)


def update(writing: Writing, element: Json, path: str, number: int | None = None) -> Json:
    """Change one record, named by `number` (from the path) or by the element's `id`."""
    record = _target(writing, element, path, number)
    return _success(writing, _change(writing, record, element, path), "record updated")


def _target(writing: Writing, element: Json, path: str, number: int | None) -> Record:
    if number is None:
        number = _by_external(writing, element, path)
    if number is None:
        if element.get("id") is None:
            raise errors.mandatory("id", f"{path}.id")
        number = parse_id(element["id"])
        if number is None:
            raise errors.wrong_type("id", f"{path}.id", "bigint")
    record = writing.org.tables[writing.module.api_name].records.get(number)
    if record is None:
        raise errors.unknown_id({"id": str(number)})
    return record


def _by_external(writing: Writing, element: Json, path: str) -> int | None:
    """The record that an element without id names by the module's external field (facts 4.8)."""
    name = writing.externals.get("")
    value = element.get(name) if name is not None and element.get("id") is None else None
    if name is None or not isinstance(value, str | int):
        return None
    found = writing.org.holders(writing.module, name, value, writing.user.id)
    if not found:
        details = {"api_name": name, "json_path": f"{path}.{name}"}
        raise errors.RecordError(errors.problem("INVALID_DATA", "The value of the external field is invalid.", details))
    return found[0]


def _change(writing: Writing, record: Record, element: Json, path: str) -> Record:
    org, module = writing.org, writing.module
    check_updatable(record, path, org.quirks)
    if writing.unmodified_since is not None and record.modified > writing.unmodified_since:
        raise errors.already_modified(_stamps(writing, record))
    incoming = read_element(writing.reading, element, path, record)
    merged = {**record.values, **incoming.values}
    values = {name: value for name, value in merged.items() if value is not None}
    check_rules(org, module.api_name, element, values, path)
    if org.quirks["empty_update"] == "reject" and not element.keys() - {"id"}:
        first = next(item.api_name for item in module.fields.values() if item.writable)
        raise errors.expected_field(first, f"{path}.{first}", "Specify Atleast one field")
    owner = incoming.owner or record.owner
    # only what this call sets is checked: two old records may share a value from before the field became unique
    check_unique(org, module, {name: values.get(name) for name in incoming.values}, record.id, owner, path)
    # a clock set back does not make a record older than its last change
    changed = record.replaced(
        modified=max(writing.now, record.modified), modified_by=writing.user.id, owner=owner, values=values
    )
    _store(writing, changed, incoming)
    writing.ran("update", record.id)
    return changed


def _store(writing: Writing, record: Record, incoming: Incoming) -> None:
    """The record, then its rows (facts 4.7)."""
    org, name = writing.org, writing.module.api_name
    if incoming.tags is not None:
        new = [tag_named(org, name, tag, writing.user.id).as_json() for tag in incoming.tags]
        kept = record.values.get("Tag") or [] if org.quirks["tags_in_update"] == "append" else []
        record.values["Tag"] = kept + [tag for tag in new if tag not in kept]
    org.put(name, record)
    for field_name, changes in incoming.rows.items():
        apply_rows(org, writing.module.fields[field_name], record, changes, writing.user.id)
    rippled(org, name, record, writing.user.id)


def upsert(writing: Writing, element: Json, path: str, check_fields: list[str] | None) -> Json:
    """Update the record that the element matches, or insert it (the matrix of facts 4.6)."""
    matched = _match(writing, element, path, check_fields)
    if matched is None:
        result = insert(writing, element, path)
        order = _match_order(writing.module, check_fields)
        named = next((name for name in order if element.get(name) is not None), None)
        shown = named if writing.org.quirks["insert_duplicate_field"] == "named" else None
        return {**result, "action": "insert", "duplicate_field": shown}
    record, by_field = matched
    changed = _change(writing, record, element, path)
    return {**_success(writing, changed, "record updated"), "action": "update", "duplicate_field": by_field}


def _match(
    writing: Writing, element: Json, path: str, check_fields: list[str] | None
) -> tuple[Record, str | None] | None:
    records = writing.org.tables[writing.module.api_name].records
    if element.get("id") is not None:
        number = parse_id(element["id"])
        if number is None:
            raise errors.wrong_type("id", f"{path}.id", "bigint")
        if number in records:
            return records[number], None
        if writing.org.quirks["upsert_unknown_id"] == "reject":
            raise errors.unknown_id({"id": str(number)})
    for name in _match_order(writing.module, check_fields):
        value = _stored(writing, name, element.get(name), path)
        found = writing.org.holders(writing.module, name, value, writing.user.id) if value is not None else []
        if found:
            wanted = found[0] if writing.org.quirks["upsert_several_matches"] == "first" else found[-1]
            return records[wanted], name
    return None


def _stored(writing: Writing, name: str, value: Any, path: str) -> Any:
    """The value as a record would hold it; None when it is empty or wrong, which the write itself then says."""
    item = writing.module.fields.get(name)
    if item is None or value is None or value == "":
        return None
    try:
        return check_value(Place(org=writing.org, field=item, path=f"{path}.{name}"), value)
    except errors.RecordError:
        return None


def _match_order(module: Module, check_fields: list[str] | None) -> list[str]:
    unique = module.unique_fields()
    if check_fields is None:
        first = [module.system_unique] if module.system_unique else []
    else:
        first = [name for name in check_fields if name != "id"]
    return [*first, *(name for name in unique if name not in first)]


def matchable(module: Module, name: str) -> bool:
    """Whether a field may stand in duplicate_check_fields (facts 4.6)."""
    item = module.fields.get(name)
    return name in ("id", module.system_unique) or (item is not None and item.unique)


def delete(writing: Writing, number: int | None, details: Json) -> Json:
    """Delete one record; `details` name it in a refusal (facts 5.1)."""
    if number is None or number not in writing.org.tables[writing.module.api_name].records:
        raise errors.not_deleted(details)
    check_deletable(writing.org.tables[writing.module.api_name].records[number])
    gone = writing.org.delete(writing.module.api_name, number, by=writing.user.id)
    rippled(writing.org, writing.module.api_name, gone, writing.user.id)
    writing.ran("delete", number)
    return {"code": "SUCCESS", "details": {"id": str(number)}, "message": "record deleted", "status": "success"}


def _success(writing: Writing, record: Record, message: str) -> Json:
    details = {**_stamps(writing, record), "$approval_state": record.values.get("$approval_state", "approved")}
    return {"code": "SUCCESS", "details": details, "message": message, "status": "success"}


def _stamps(writing: Writing, record: Record) -> Json:
    text, org = zone_printer(writing.user.time_zone), writing.org
    people = {number: user.brief() for number in (record.modified_by, record.created_by) if (user := org.user(number))}
    return {
        "Modified_Time": text(record.modified),
        "Modified_By": people.get(record.modified_by),
        "Created_Time": text(record.created),
        "id": str(record.id),
        "Created_By": people.get(record.created_by),
    }
