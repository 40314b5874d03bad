"""The calls of bulk write: create a job, look at it, fetch its result (facts 7.2)."""

from __future__ import annotations

from typing import Any

import orjson

from daemon.emulator.bulk_callbacks import listen
from daemon.emulator.bulk_errors import not_found, too_many_jobs
from daemon.emulator.bulk_jobs import Outcome, Part, WriteJob
from daemon.emulator.bulk_read_http import read_callback, zip_reply
from daemon.emulator.bulk_write_body import read_encoding, read_operation, read_parts
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.validation import parse_id

Json = dict[str, Any]


def create_write(call: Call) -> Reply:
    """`POST /crm/bulk/v8/write`."""
    body, now = call.json, call.org.clock.now()
    operation = read_operation(body)
    callback = read_callback(body.get("callback"))
    parts = read_parts(call, body, operation)
    if call.org.bulk.is_full(now, call.quirks["bulk_jobs_at_once"]):
        raise too_many_jobs()
    job = WriteJob(
        id=call.org.new_id(),
        user=call.user.id,
        created=now,
        seconds=float(call.quirks["bulk_job_seconds"]),
        callback=callback,
        operation=operation,
        encoding=read_encoding(body),
        parts=parts,
        automations=call.automations,
    )
    call.org.bulk.writes[job.id] = job
    call.org.bulk.waiting.append(job)
    listen(call, job, write_status)
    details = {"id": str(job.id), "created_by": {"id": str(call.user.id), "name": call.user.full_name}}
    return Reply.of(201, {"status": "success", "code": "SUCCESS", "message": "success", "details": details})


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
    outcomes = job.outcomes if now >= job.due and job.outcomes else [None] * len(job.parts)
    shown: Json = {
        "status": state,
        "character_encoding": job.encoding.upper(),
        "resource": [
            _shown_part(call, part, state, outcome) for part, outcome in zip(job.parts, outcomes, strict=True)
        ],
        "id": str(job.id),
        "created_by": {"id": str(user.id), "name": user.full_name} if user else None,
        "operation": job.operation,
        "created_time": zone_printer(call.user.time_zone)(int(job.created)),
    }
    if job.callback is not None:
        shown["callback"] = job.callback
    if now >= job.due and job.content is not None:
        shown["result"] = {"download_url": _download_url(call, job)}
    return Reply.of(200, shown)


def _shown_part(call: Call, part: Part, state: str, outcome: Outcome | None) -> Json:
    module = call.org.modules.get(part.module)
    shown: Json = {
        "status": state if outcome is None else outcome.status,
        "type": "data",
        "module": {"api_name": part.module, "id": str(module.id) if module else None},
        "field_mappings": part.shown_mappings,
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
    now = call.org.clock.now()
    if now < job.due or job.content is None or not job.is_kept(now, call.quirks["bulk_result_hours"]):
        raise not_found(call.record_id)
    return zip_reply(f"{job.id}.zip", job.content, "application/octet-stream")


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
