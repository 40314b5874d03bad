"""The calls of bulk write: create a job, look at it, fetch its result (facts 7.2). Reads the envelope only."""

from __future__ import annotations

import codecs
from typing import Any

import orjson

from daemon.emulator.bulk_cells import known_format
from daemon.emulator.bulk_errors import (
    improper_file_id,
    invalid_data,
    invalid_field,
    mandatory_not_mapped,
    missing_key,
    module_not_available,
    not_found,
)
from daemon.emulator.bulk_jobs import Column, Upload, WriteJob
from daemon.emulator.bulk_read_http import read_callback, zip_reply
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.errors import refuse
from daemon.emulator.fields import Field
from daemon.emulator.schema import Module
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import matchable

Json = dict[str, Any]
OPERATIONS = ("insert", "update", "upsert")
MAX_COLUMNS = 200
_MAPPING_KEYS = ("api_name", "index", "format", "find_by", "module", "parent_column_index", "default_value")
_PEOPLE = ("ownerlookup", "userlookup")


def create_write(call: Call) -> Reply:
    """`POST /crm/bulk/v8/write`."""
    body = call.json
    operation = _operation(body)
    callback = read_callback(body.get("callback"))
    resource = _resource(body)
    module = _module(call, resource)
    mappings = _mappings(resource)
    columns = tuple(_column(call, module, mapping) for mapping in mappings)
    _check_mandatory(module, columns, operation)
    job = WriteJob(
        id=call.org.new_id(),
        user=call.user.id,
        created=call.org.clock.now(),
        seconds=float(call.quirks["bulk_job_seconds"]),
        callback=callback,
        operation=operation,
        module=module.api_name,
        upload=_upload(call, resource),
        file_name=_file_name(resource),
        find_by=_find_by(module, resource, operation),
        ignore_empty=_flag(body, "ignore_empty") or _flag(resource, "ignore_empty"),
        encoding=_encoding(body),
        columns=columns,
        shown_mappings=[{key: mapping.get(key) for key in _MAPPING_KEYS} for mapping in mappings],
    )
    call.org.bulk.writes[job.id] = job
    call.org.bulk.waiting.append(job)
    details = {"id": str(job.id), "created_by": {"id": str(call.user.id), "name": call.user.full_name}}
    return Reply.of(201, {"status": "success", "code": "SUCCESS", "message": "success", "details": details})


def _operation(body: Json) -> str:
    operation = body.get("operation")
    if operation is None:
        raise missing_key("operation")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise invalid_data("operation", "string")
    return operation


def _resource(body: Json) -> Json:
    """The one resource; children in the same zip need subforms, which no module of this org has."""
    given = body.get("resource")
    if given is None:
        raise missing_key("resource")
    if not isinstance(given, list) or not given or not isinstance(given[0], dict):
        raise invalid_data("resource", "jsonarray")
    if len(given) > 1:
        raise refuse("LIMIT_EXCEEDED", "only one parent is allowed", {"api_name": "resource", "maximum_length": 1})
    if given[0].get("type", "data") not in ("data", None):
        raise invalid_data("type", "string")
    return given[0]


def _module(call: Call, resource: Json) -> Module:
    given = resource.get("module")
    if given is None:
        raise missing_key("module")
    name = given.get("api_name") if isinstance(given, dict) else given
    module = call.org.modules.get(name) if isinstance(name, str) else None
    if module is None:
        raise module_not_available(name)
    return module


def _upload(call: Call, resource: Json) -> Upload:
    if resource.get("file_id") is None:
        raise missing_key("file_id")
    upload = call.org.bulk.uploads.get(parse_id(resource["file_id"]) or 0)
    if upload is None:
        raise improper_file_id()
    return upload


def _file_name(resource: Json) -> str | None:
    names = resource.get("file_names")
    if names is None:
        return None
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise invalid_data("file_names", "jsonarray")
    return names[0]


def _find_by(module: Module, resource: Json, operation: str) -> str | None:
    find_by = resource.get("find_by")
    if find_by is None:
        if operation != "insert":
            raise missing_key("find_by")
        return None
    if not isinstance(find_by, str) or not matchable(module, find_by):
        raise invalid_field(find_by)
    return find_by


def _flag(given: Json, name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_data(name, "boolean")
    return bool(value)


def _encoding(body: Json) -> str:
    given = body.get("character_encoding")
    if given is None:
        return "utf-8"
    try:
        found = codecs.lookup(given)
        bytes(4).decode(given)  # some codecs are no text encodings
    except (LookupError, TypeError, ValueError):
        raise invalid_data("character_encoding", "string") from None
    return found.name


def _mappings(resource: Json) -> list[Json]:
    given = resource.get("field_mappings")
    if given is None:
        return []
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise invalid_data("field_mappings", "jsonarray")
    if len(given) > MAX_COLUMNS:
        raise refuse("HEADER_LIMIT_EXCEEDED", "too many columns", {"max_limit": MAX_COLUMNS})
    return given


def _column(call: Call, module: Module, given: Json) -> Column:
    name = given.get("api_name")
    item = module.fields.get(name) if isinstance(name, str) else None
    if item is None:
        raise invalid_field(name)
    default = given.get("default_value")
    if default is not None and not isinstance(default, dict):
        raise invalid_data("default_value", "jsonobject")
    index = given.get("index")
    if index is None and default is None:
        raise missing_key("index", item.api_name)
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MAX_COLUMNS):
        raise invalid_data("index", "integer")
    return Column(
        api_name=item.api_name,
        index=index,
        find_by=_lookup_find_by(call, item, given, constant=index is None),
        format=_format(item, given),
        default=default.get("value") if default else None,
    )


def _lookup_find_by(call: Call, item: Field, given: Json, *, constant: bool) -> str | None:
    """By which field of its target a lookup is given: id, a unique field or the display field (facts 7.2)."""
    find_by = given.get("find_by")
    if find_by is None:
        if item.data_type == "lookup" and not constant:
            raise missing_key("find_by", item.api_name)
        return None
    target = call.org.modules.get(item.lookup or "")
    usable = isinstance(find_by, str) and (
        find_by in ("id", "email")
        if item.data_type in _PEOPLE
        else target is not None and (find_by == target.display or matchable(target, find_by))
    )
    if not usable:
        raise invalid_field(find_by)
    return str(find_by)


def _format(item: Field, given: Json) -> str | None:
    pattern = given.get("format")
    if pattern is None or pattern == "":
        return None
    if not isinstance(pattern, str) or item.data_type not in ("date", "datetime") or known_format(pattern) is None:
        raise refuse("INVALID_FORMAT", "invalid format", {"api_name": item.api_name})
    return pattern


def _check_mandatory(module: Module, columns: tuple[Column, ...], operation: str) -> None:
    """An insert or upsert maps every mandatory field (message in OAS25:bulk_write)."""
    if not columns or operation == "update":
        return
    mapped = {column.api_name for column in columns}
    missing = [item.api_name for item in module.fields.values() if item.mandatory and item.api_name not in mapped]
    if missing:
        raise mandatory_not_mapped(missing)


# --- looking at a job ------------------------------------------------------------------------------------------------


def _job(call: Call, status: int = 404) -> WriteJob:
    job = call.org.bulk.writes.get(parse_id(call.record_id) or 0)
    if job is None:
        raise not_found(call.record_id, status=status)
    return job


def write_status(call: Call) -> Reply:
    """`GET /crm/bulk/v8/write/{id}`: a bare object, not in `data[]`."""
    job = _job(call, status=int(call.quirks["bulk_write_missing_status"]))
    now = call.org.clock.now()
    state = job.state(now)
    if state == "IN PROGRESS" and call.quirks["bulk_write_in_progress"] == "INPROGRESS":
        state = "INPROGRESS"
    user = call.org.user(job.user)
    shown: Json = {
        "status": state,
        "character_encoding": job.encoding.upper(),
        "resource": [_shown_resource(call, job, state)],
        "id": str(job.id),
        "created_by": {"id": str(user.id), "name": user.full_name} if user else None,
        "operation": job.operation,
        "created_time": zone_printer(call.user.time_zone)(int(job.created)),
    }
    if job.callback is not None:
        shown["callback"] = job.callback
    if now >= job.due and job.outcome is not None and job.outcome.content is not None:
        shown["result"] = {"download_url": _download_url(call, job)}
    return Reply.of(200, shown)


def _shown_resource(call: Call, job: WriteJob, state: str) -> Json:
    module = call.org.modules.get(job.module)
    outcome = job.outcome if call.org.clock.now() >= job.due else None
    shown: Json = {
        "status": state,
        "type": "data",
        "module": {"api_name": job.module, "id": str(module.id) if module else None},
        "field_mappings": job.shown_mappings,
    }
    if outcome is not None:
        shown["code"] = outcome.code
        shown["file"] = {
            "status": outcome.status,
            "name": outcome.file_name,
            "added_count": outcome.added,
            "skipped_count": outcome.skipped,
            "updated_count": outcome.updated,
            "total_count": outcome.total,
        }
    return shown


def _download_url(call: Call, job: WriteJob) -> str:
    path = f"/v2/crm/{call.org.zgid}/bulk-write/{job.id}/{job.id}.zip"
    if call.quirks["bulk_write_download_url"] == "path":
        return path
    return f"http://{call.headers.get('host', 'localhost')}{path}"


def write_result(call: Call) -> Reply:
    """The zip that `download_url` names."""
    job = _job(call)
    if call.org.clock.now() < job.due or job.outcome is None or job.outcome.content is None:
        raise not_found(call.record_id)
    return zip_reply(f"{job.id}.zip", job.outcome.content, "application/octet-stream")


def module_in_body(raw: bytes) -> str | None:
    """The module that a bulk job is about, as far as its body tells."""
    try:
        body = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return None
    holder = body if isinstance(body, dict) else {}
    inner = holder.get("query") or holder.get("resource")
    first = inner[0] if isinstance(inner, list) and inner else inner
    module = first.get("module") if isinstance(first, dict) else None
    name = module.get("api_name") if isinstance(module, dict) else module
    return name if isinstance(name, str) else None
