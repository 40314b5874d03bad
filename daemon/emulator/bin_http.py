"""The recycle bin over the API, and mass delete (facts 5.1, 5.4)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import orjson

from daemon.emulator import errors, jobs, trash, writes
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.params import positive
from daemon.emulator.trash import Deleted
from daemon.emulator.validation import parse_id
from daemon.emulator.views import view_passes
from daemon.emulator.writes import Writing

Json = dict[str, Any]
Entry = tuple[str, Deleted]
MAX_RESTORE, MAX_AT_ONCE, MAX_MASS_DELETE = 200, 1_000, 500
_WAYS = ("ids", "filters", "restore_all_records")


def _entries(call: Call) -> list[Entry]:
    """Everything in the bin, the latest deletion first."""
    now = call.org.clock.now()
    found = [
        (module, entry)
        for module, entries in call.org.bin.items()
        for entry in entries.values()
        if entry.kind(now) == "recycle"
    ]
    return sorted(found, key=lambda one: (one[1].at, one[1].record.id), reverse=True)


def _filtered(entries: list[Entry], given: Any) -> list[Entry]:
    """`filters`: one condition, or a group of them (OAS25:recycle_bin)."""
    try:
        passes = _condition(given, 0)
    except (KeyError, TypeError, ValueError, RecursionError):
        details = {"param_name": "filters", "expected_data_type": "jsonobject"}
        raise errors.refuse("INVALID_DATA", "invalid data", details) from None
    return [one for one in entries if passes(one)]


def _condition(given: Any, depth: int) -> Callable[[Entry], bool]:
    if "group" in given:
        parts = [_condition(one, depth + 1) for one in given["group"]]
        if depth > 3 or not parts or given["group_operator"].lower() not in ("and", "or"):
            raise ValueError("group")
        join = all if given["group_operator"].lower() == "and" else any
        return lambda one: join(part(one) for part in parts)
    name, comparator, value = given["field"]["api_name"], given["comparator"], given["value"]
    wanted = value.get("api_name", value.get("id")) if isinstance(value, dict) else value
    if comparator not in ("equal", "not_equal") or name not in ("module", "display_name", "deleted_by"):
        raise ValueError(comparator)

    def passes(one: Entry) -> bool:
        seen = {"module": one[0], "display_name": one[1].name, "deleted_by": str(one[1].by)}[name]
        return (str(seen) == str(wanted)) is (comparator == "equal")

    return passes


def _chosen(call: Call) -> list[Entry]:
    entries = _entries(call)
    if call.record_id is not None:
        return [one for one in entries if str(one[1].record.id) == call.record_id]
    if "filters" in call.query:
        try:
            entries = _filtered(entries, orjson.loads(call.query["filters"]))
        except orjson.JSONDecodeError:
            raise errors.bad_param("filters") from None
    return entries


def list_bin(call: Call) -> Reply:
    """`GET /settings/recycle_bin` and `/{id}`."""
    entries = _chosen(call)
    per_page, page = min(positive(call, "per_page", 200), 200), positive(call, "page", 1)
    shown = entries[(page - 1) * per_page : page * per_page]
    if not shown:
        return NO_CONTENT
    info = {"per_page": per_page, "count": len(shown), "page": page, "more_records": page * per_page < len(entries)}
    return Reply.of(200, {"recycle_bin": [_shown(call, *one) for one in shown], "info": info})


def _shown(call: Call, module: str, entry: Deleted) -> Json:
    org = call.org
    by, owner = org.user(entry.by), org.user(entry.record.owner)
    return {
        "display_name": entry.name,
        "deleted_time": zone_printer(call.user.time_zone)(entry.at),
        "owner": owner.brief() if owner else None,
        "module": {"api_name": module, "id": str(org.modules[module].id)},
        "deleted_by": by.brief() if by else None,
        "id": str(entry.record.id),
    }


def count_bin(call: Call) -> Reply:
    """`GET /settings/recycle_bin/actions/count`."""
    return Reply.of(200, {"count": len(_chosen(call))})


def _answer(results: list[Json], key: str = "recycle_bin") -> Reply:
    good = sum(1 for result in results if result["status"] == "success")
    return Reply.of(400 if good == 0 else 200 if good == len(results) else 207, {key: results})


def _result(number: int, message: str) -> Json:
    return {"code": "SUCCESS", "details": {"id": str(number)}, "message": message, "status": "success"}


def _restore(call: Call, module: str, number: int) -> Json:
    try:
        call.org.restore(module, number)
    except trash.OrphanError:
        text = "record cannot be restored without its parent"
        return errors.problem("CANNOT_RESTORE_WITHOUT_PARENT", text, {"id": str(number)})
    return _result(number, "record restored")


def restore_bin(call: Call) -> Reply:
    """`POST .../actions/restore` with ids, filters or restore_all_records, and `POST .../{id}/actions/restore`."""
    places = {entry.record.id: module for module, entry in _entries(call)}
    texts = [call.record_id] if call.record_id is not None else _wanted(call, list(places))
    wanted = [parse_id(text) or 0 for text in texts]
    size = sum(1 + len(call.org.bin[places[one]][one].rows) for one in wanted if one in places)
    if size > MAX_AT_ONCE:

        def act() -> Json:
            for one in wanted:
                if trash.in_bin(call.org, places[one], one) is not None:
                    _restore(call, places[one], one)
            return {}

        job = jobs.schedule(call.org, "restore", "", act)
        return jobs.scheduled("recycle_bin", job, "restore scheduled")
    results = []
    for number, text in zip(wanted, texts, strict=True):
        if number in places and trash.in_bin(call.org, places[number], number) is not None:
            results.append(_restore(call, places[number], number))
        elif number in places:  # it came back with its parent a moment ago
            results.append(_result(number, "record restored"))
        else:
            results.append(errors.unknown_id({"id": text}).element)
    return _answer(results) if results else NO_CONTENT


def _wanted(call: Call, all_ids: list[int]) -> list[Any]:
    """The ids to restore: exactly one of `ids`, `filters` and `restore_all_records` says which (facts 5.4)."""
    body = call.json.get("recycle_bin", call.json)
    body = body[0] if isinstance(body, list) and body else body
    if not isinstance(body, dict):
        raise errors.body_key_type("recycle_bin", "jsonarray")
    given = [key for key in _WAYS if body.get(key) is not None]
    named = [{"api_name": key, "json_path": f"$.{key}"} for key in given or _WAYS]
    if not given:
        raise errors.refuse(
            "EXPECTED_FIELD_MISSING", "One of the expected field is missing", {"expected_fields": named}
        )
    if len(given) > 1:
        text = "ambiguity while processing the request"
        raise errors.refuse("AMBIGUITY_DURING_PROCESSING", text, {"ambiguity_due_to": named})
    if given == ["restore_all_records"]:
        if body["restore_all_records"] is not True:
            raise errors.body_key_type("restore_all_records", "boolean")
        return all_ids
    if given == ["filters"]:
        return [entry.record.id for _, entry in _filtered(_entries(call), body["filters"])]
    return _ids(body["ids"], MAX_RESTORE)


def _ids(ids: Any, limit: int) -> list[Any]:
    if not isinstance(ids, list) or not ids:
        raise errors.body_key_type("ids", "jsonarray")
    if len(ids) > limit:
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": limit, "api_name": "ids"})
    return ids


def delete_bin(call: Call) -> Reply:
    """`DELETE /settings/recycle_bin?filters=` (or ids=) and `/{id}`: gone for good (facts 5.2)."""
    if call.record_id is None and not {"filters", "ids"} & call.query.keys():
        raise errors.missing_param("filters")
    entries = _chosen(call)
    if "ids" in call.query:
        ids = set(call.query["ids"].split(","))
        entries = [one for one in entries if str(one[1].record.id) in ids]
    if not entries:
        return Reply.of(400, {"recycle_bin": [errors.not_deleted({"id": call.record_id or ""}).element]})
    return _answer([_purged(call, *one) for one in entries])


def _purged(call: Call, module: str, entry: Deleted) -> Json:
    trash.purge(call.org, module, entry.record.id)
    return _result(entry.record.id, "record deleted")


def empty_bin(call: Call) -> Reply:
    """`POST /settings/recycle_bin/actions/empty`."""
    entries = _entries(call)
    if not entries:
        return NO_CONTENT
    for module, entry in entries:
        trash.purge(call.org, module, entry.record.id)
    return _answer([_result(call.org.org_id, "recycle bin emptied")])


def mass_delete(call: Call) -> Reply:
    """`POST /{module}/actions/mass_delete`: ids at once, a custom view by a job (facts 5.1)."""
    module, given = call.module, call.json
    writing = Writing(org=call.org, module=module, user=call.user, now=call.org.clock.stamp())
    writing.automations = call.automations
    if "cvid" in given and "ids" not in given:
        if parse_id(given["cvid"]) is None:
            raise errors.body_key_type("cvid", "bigint")
        keeps = view_passes(call.org, module, str(given["cvid"]), call.user)
        held = [record.id for record in call.org.tables[module.api_name].records.values() if keeps(record)]

        def act() -> Json:
            done = sum(1 for one in held if _delete(writing, one)["status"] == "success")
            return {"Deleted_Count": done, "Failed_Count": len(held) - done, "Total_Count": len(held)}

        job = jobs.schedule(call.org, "mass_delete", module.api_name, act)
        return jobs.scheduled("data", job, "mass delete scheduled successfully")
    ids = given.get("ids")
    if ids is None:
        raise errors.body_key_missing("ids")
    return _answer([_delete(writing, parse_id(one), one) for one in _ids(ids, MAX_MASS_DELETE)], "data")


def _delete(writing: Writing, number: int | None, given: Any = None) -> Json:
    try:
        return {
            **writes.delete(writing, number, {"id": str(number) if given is None else given}),
            "message": "record is deleted",
        }
    except errors.RecordError as refused:
        return refused.element


def mass_delete_job(call: Call) -> Reply:
    """`GET /{module}/actions/mass_delete?job_id=`."""
    return jobs.job_status(call, "mass_delete", "data")
