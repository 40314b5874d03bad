"""The calls on tags: the tags of a module, and putting them on records (facts 10)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.metadata_http import module_of_parameter
from daemon.emulator.params import choice
from daemon.emulator.reads_http import path_id
from daemon.emulator.side import Tag
from daemon.emulator.states import check_updatable
from daemon.emulator.tagging import of_module, read_names, tag_named, with_tags
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MAX_RECORDS = 500


def get_tags(call: Call) -> Reply:
    """`GET /settings/tags?module=`."""
    tags = list(of_module(call.org, module_of_parameter(call).api_name).values())
    if not tags:
        return NO_CONTENT
    info = {"count": len(tags), "allowed_count": 150}
    return Reply.of(200, {"tags": [_shown(call, tag) for tag in tags], "info": info})


def _shown(call: Call, tag: Tag) -> Json:
    user, text = call.org.user(tag.by), zone_printer(call.user.time_zone)
    by, at = user.brief() if user else None, text(tag.created)
    return {**tag.as_json(), "created_time": at, "modified_time": at, "created_by": by, "modified_by": by}


def create_tags(call: Call) -> Reply:
    """`POST /settings/tags?module=`."""
    module = module_of_parameter(call).api_name
    results: list[Json] = []
    for name in _names(call):
        if name.casefold() in of_module(call.org, module):
            results.append(errors.duplicate({"api_name": "name", "json_path": "$.tags"}).element)
            continue
        tag = _shown(call, tag_named(call.org, module, name, call.user.id))
        text = "tags created successfully"
        results.append({"code": "SUCCESS", "details": tag, "message": text, "status": "success"})
    good = sum(1 for one in results if one["status"] == "success")
    return Reply.of(400 if good == 0 else 201 if good == len(results) else 207, {"tags": results})


def delete_tag(call: Call) -> Reply:
    """`DELETE /settings/tags/{id}`: it vanishes from its records too."""
    for module, tags in call.org.side.tags.items():
        found = next((tag for tag in tags.values() if str(tag.id) == call.record_id), None)
        if found is None:
            continue
        del tags[found.name.casefold()]
        for record in list(call.org.tables[module].records.values()):
            present = record.values.get("Tag") or []
            kept = [one for one in present if one.get("id") != str(found.id)]
            if len(kept) < len(present):
                with_tags(call.org, module, record, kept, call.user.id)
        details = {"id": str(found.id)}
        done = {"code": "SUCCESS", "details": details, "message": "tags deleted successfully", "status": "success"}
        return Reply.of(200, {"tags": [done]})
    raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})


def _names(call: Call) -> list[str]:
    if "tags" not in call.json and call.query.get("tag_names"):
        return [name.strip() for name in call.query["tag_names"].split(",") if name.strip()]
    if "tags" not in call.json:
        raise errors.body_key_missing("tags")
    try:
        names = read_names(call.json["tags"], "$.tags")
    except errors.RecordError as refused:
        raise errors.ZohoError(400, refused.element) from None
    if not names:
        raise errors.body_key_type("tags", "jsonarray")
    return names


def _ids(call: Call) -> list[Any]:
    if call.record_id is not None:
        return [path_id(call)]
    ids = call.json.get("ids") or [one for one in call.query.get("ids", "").split(",") if one]
    if not ids:
        raise errors.body_key_missing("ids")
    if not isinstance(ids, list):
        raise errors.body_key_type("ids", "jsonarray")
    if len(ids) > MAX_RECORDS:
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_RECORDS, "api_name": "ids"})
    return list(ids)


def _over_write(call: Call) -> bool:
    """Whether the tags replace those that are there: a boolean of the body or a word of the query."""
    given = call.json.get("over_write", False)
    if not isinstance(given, bool):
        raise errors.body_key_type("over_write", "boolean")
    return choice(call, "over_write", ("false", "true")) == "true" or given


def tag_records(call: Call) -> Reply:
    """`POST .../actions/add_tags` and `remove_tags`, for one record or many."""
    org, module = call.org, call.module
    names, adds = _names(call), call.kind == "add_tags"
    over_write = _over_write(call)
    results: list[Json] = []
    for given in _ids(call):
        record = org.tables[module.api_name].records.get(parse_id(given) or 0)
        if record is None:
            results.append(errors.unknown_id({"id": str(given)}).element)
            continue
        try:
            check_updatable(record, "$", org.quirks)
        except errors.RecordError as refused:
            results.append(refused.element)
            continue
        present = [] if adds and over_write else list(record.values.get("Tag") or [])
        folded = {name.casefold() for name in names}
        kept = [one for one in present if str(one.get("name")).casefold() not in folded]
        if adds:
            kept += [tag_named(org, module.api_name, name, call.user.id).as_json() for name in names]
        with_tags(org, module.api_name, record, kept, call.user.id)
        details = {"id": str(record.id), "tags": kept}
        text = "tags updated successfully" if org.quirks["tags_answer"] == "full" else "tags changed"
        results.append({"code": "SUCCESS", "details": details, "message": text, "status": "success"})
    good = sum(1 for one in results if one["status"] == "success")
    locked = sum(1 for one in results if one["code"] == "RECORD_LOCKED")
    status = 400 if good == 0 else 200 if good == len(results) else 207
    counts = {"locked_count": str(locked), "success_count": str(good)}
    if org.quirks["tags_answer"] == "full":
        counts["wf_scheduler"] = "true"
    return Reply.of(status, {"data": results, **counts})
