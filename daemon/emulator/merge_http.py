"""Merging records: the children vanish, the master keeps its id (facts 5.3)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors, jobs
from daemon.emulator.call import Call, Reply
from daemon.emulator.org import Org
from daemon.emulator.reads_http import path_id
from daemon.emulator.states import check_updatable
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MODULES = frozenset({"Accounts", "Contacts", "Leads", "Deals", "Cases", "Campaigns"})
MAX_CHILDREN = 2
_PATH = "$.merge[0]"


def merge_records(call: Call) -> Reply:
    """`POST /{module}/{master}/actions/merge`."""
    org, module = call.org, call.module
    if module.api_name not in MODULES:
        raise errors.refuse("NOT_SUPPORTED", "merge is not supported for this module", {"resource_path_index": 0})
    records = org.tables[module.api_name].records
    master = records.get(path_id(call))
    if master is None:
        raise errors.invalid_path_id()
    children = _children(call, records, master)
    for record in [master, *(record for record, _ in children)]:
        try:
            check_updatable(record, _PATH, org.quirks)
        except errors.RecordError as refused:
            raise errors.ZohoError(400, {"merge": [refused.element]}) from None

    def act() -> Json:
        _merge(org, module.api_name, master.id, [(record.id, names) for record, names in children], call.user.id)
        return {"id": str(master.id)}

    if org.quirks["merge_runs"] == "at_once":
        act()
        call.automations.append({"module": module.api_name, "id": str(master.id), "action": "merge", "features": []})
        details = {"id": str(master.id)}
        done = {"code": "SUCCESS", "details": details, "message": "records merged", "status": "success"}
        return Reply.of(200, {"merge": [done]})
    for record in [master, *(record for record, _ in children)]:
        org.put(module.api_name, _with(record, {**record.values, "$in_merge": True}))
    return jobs.scheduled("merge", jobs.schedule(org, "merge", module.api_name, act), "merge scheduled")


def _with(record: Record, values: Json) -> Record:
    return record.replaced(modified=record.modified, modified_by=record.modified_by, owner=record.owner, values=values)


def _children(call: Call, records: dict[int, Record], master: Record) -> list[tuple[Record, list[str]]]:
    """The records that vanish, each with the fields that the master takes from it."""
    given = call.json.get("merge")
    if given is None:
        raise errors.body_key_missing("merge")
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise errors.body_key_type("merge", "jsonarray")
    _names(call, given[0].get("master_record_fields"), f"{_PATH}.master_record_fields")
    data, path = given[0].get("data"), f"{_PATH}.data"
    if data is None:
        missing = {"api_name": "data", "json_path": path}
        raise errors.refuse("MANDATORY_NOT_FOUND", "required field not found", missing)
    if not isinstance(data, list) or not 1 <= len(data) <= MAX_CHILDREN:
        details: Json = {"maximum_length": MAX_CHILDREN, "api_name": "data", "json_path": path}
        raise errors.refuse("INVALID_DATA", "invalid data", details)
    children: list[tuple[Record, list[str]]] = []
    for place, one in enumerate(data):
        number = parse_id(one.get("id")) if isinstance(one, dict) else None
        record = records.get(number) if number is not None else None
        if record is None or record.id in {master.id, *(child.id for child, _ in children)}:
            details = {"api_name": "id", "json_path": f"{path}[{place}].id"}
            raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", details)
        children.append((record, _names(call, one.get("_fields"), f"{path}[{place}]._fields")))
    return children


def _names(call: Call, given: Any, path: str) -> list[str]:
    if given is None:
        return []
    if not isinstance(given, list):
        raise errors.body_key_type(path.rpartition(".")[2], "jsonarray", path)
    names = []
    for place, one in enumerate(given):
        name = one.get("api_name") if isinstance(one, dict) else None
        item = call.module.fields.get(name) if isinstance(name, str) else None
        if item is None or not item.writable or item.child is not None:
            details = {"api_name": "api_name", "json_path": f"{path}[{place}].api_name"}
            raise errors.refuse("INVALID_DATA", "invalid data", details)
        names.append(item.api_name)
    return names


def _merge(org: Org, module: str, master_id: int, children: list[tuple[int, list[str]]], by: int) -> None:
    table = org.tables[module]
    master = table.records.get(master_id)
    if master is None:
        return
    values, owner = {name: value for name, value in master.values.items() if name != "$in_merge"}, master.owner
    for number, names in children:
        child = table.records.get(number)
        if child is None:
            continue
        for name in names:
            if name == "Owner":
                owner = child.owner
            elif child.values.get(name) is not None:
                values[name] = child.values[name]
        _repoint(org, module, number, master_id)
        org.put(module, _with(child, {name: one for name, one in child.values.items() if name != "$in_merge"}))
        org.delete(module, number, by=by, permanent=org.quirks["merged_type"] == "permanent")
    org.put(module, master.replaced(modified=max(org.clock.stamp(), master.modified), modified_by=by, owner=owner,
                                    values=values))  # fmt: skip


def _repoint(org: Org, module: str, old: int, new: int) -> None:
    """Whatever pointed at the child points at the master now; its Modified_Time does not move (facts 11.3)."""
    for name, holder in org.modules.items():
        links = [one.api_name for one in holder.fields.values() if one.lookup == module or module in one.lookups]
        if not links:
            continue
        for record in list(org.tables[name].records.values()):
            found = [link for link in links if record.values.get(link) == old]
            if found:
                org.put(name, _with(record, {**record.values, **dict.fromkeys(found, new)}))


def merge_job(call: Call) -> Reply:
    """`GET` of the same path with `?job_id=`."""
    return jobs.job_status(call, "merge", "merge")
