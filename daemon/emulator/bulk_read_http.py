"""The calls of bulk read: create a job, look at it, fetch its zip (facts 7.1)."""

from __future__ import annotations

from typing import Any

import orjson

from daemon.emulator import bulk_read, errors
from daemon.emulator.bulk_callbacks import listen
from daemon.emulator.bulk_errors import (
    bad_callback,
    bad_query,
    module_not_available,
    no_body,
    no_media_type,
    not_found,
    too_many_jobs,
)
from daemon.emulator.bulk_jobs import ReadJob, ReadQuery
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.validation import parse_id

Json = dict[str, Any]
MAX_PAGE = 50


def create_read(call: Call) -> Reply:
    """`POST /crm/bulk/v8/read`."""
    body = _body(call)
    callback = read_callback(body.get("callback"))
    query, page = _query(call, body)
    bulk_read.check_names(call.org, query, call.user)
    now = call.org.clock.now()
    if call.org.bulk.is_full(now, call.quirks["bulk_jobs_at_once"]):
        raise too_many_jobs()
    per_page = int(call.quirks["bulk_read_page"])
    job = ReadJob(
        id=call.org.new_id(),
        user=call.user.id,
        created=now,
        seconds=float(call.quirks["bulk_job_seconds"]),
        callback=callback,
        query=query,
        page=page,
        per_page=min(per_page, bulk_read.ICS_PAGE) if query.file_type == "ics" else per_page,
        fails=call.quirks["bulk_read_outcome"] == "failure",
    )
    call.org.bulk.reads[job.id] = job
    listen(call, job, read_status)
    if call.quirks["bulk_read_data"] == "created":
        bulk_read.finish(call.org, job)
    details = {
        "id": str(job.id),
        "operation": "read",
        "state": "ADDED",
        "created_by": _creator(call, job.user),
        "created_time": _time(call, now),
    }
    added = {"status": "success", "code": "ADDED_SUCCESSFULLY", "message": "Added successfully.", "details": details}
    return Reply.of(201, {"data": [added], "info": {}})


def _body(call: Call) -> Json:
    if "json" not in call.headers.get("content-type", "").lower():
        raise no_media_type()
    if not call.raw_body.strip():
        raise no_body("REQUEST_BODY_IS_EMPTY")
    try:
        body = orjson.loads(call.raw_body)
    except orjson.JSONDecodeError:
        raise no_body("REQUEST_BODY_NOT_READABLE") from None
    if not isinstance(body, dict):
        raise no_body("REQUEST_BODY_NOT_READABLE")
    return body


def read_callback(given: Any) -> Json | None:
    """A callback in the right shape."""
    if given is None:
        return None
    if not isinstance(given, dict) or not isinstance(given.get("url"), str):
        raise bad_callback("INVALID_CALLBACK_URL")
    if not given["url"].startswith(("https://", "http://")):
        raise bad_callback("INVALID_CALLBACK_URL")
    if given.get("method") != "post":
        raise bad_callback("INVALID_CALLBACK_METHOD")
    return {"url": given["url"], "method": "post"}


def _query(call: Call, body: Json) -> tuple[ReadQuery, int]:
    query = body.get("query")
    if not isinstance(query, dict):
        raise bad_query("QUERY_NOT_SUPPORTED", expected_data_type="jsonobject")
    if query.get("page_token") is not None:
        token = query["page_token"]
        if not isinstance(token, str) or any(value is not None for key, value in query.items() if key != "page_token"):
            raise bad_query("QUERY_NOT_SUPPORTED", api_name="page_token")
        found = bulk_read.continue_from(call.org, token, call.user)
        return found.query, found.page
    made = ReadQuery(
        module=_module(call, query.get("module")),
        fields=_fields(query.get("fields")),
        criteria=query.get("criteria"),
        file_type=_file_type(query, body),
        cvid=_cvid(query.get("cvid")),
    )
    return made, _page(query.get("page"))


def _module(call: Call, given: Any) -> str:
    name = given.get("api_name") if isinstance(given, dict) else given
    if isinstance(name, str) and name in bulk_read.NOT_READABLE:
        raise bad_query("MODULE_NOT_SUPPORTED", module=name)
    if not isinstance(name, str) or name not in call.org.modules or not call.org.modules[name].shown:
        raise module_not_available(name)
    return name


def _fields(given: Any) -> tuple[str, ...]:
    if given is None:
        return ()
    if not isinstance(given, list) or not all(isinstance(name, str) for name in given):
        raise bad_query("QUERY_NOT_SUPPORTED", api_name="fields", expected_data_type="jsonarray")
    return tuple(dict.fromkeys(given))


def _file_type(query: Json, body: Json) -> str:
    kind = body.get("file_type") or query.get("file_type") or "csv"
    module = query.get("module")
    name = module.get("api_name") if isinstance(module, dict) else module
    if kind not in ("csv", "ics") or (kind == "ics" and name not in bulk_read.ICS_MODULES):
        raise bad_query("JOB_NOT_SUPPORTED", file_type=str(kind))
    return str(kind)


def _cvid(given: Any) -> str | None:
    if given is not None and not isinstance(given, str):
        raise bad_query("CVID_NOT_SUPPORTED", cvid=str(given), expected_data_type="string")
    return given


def _page(given: Any) -> int:
    if given is None:
        return 1
    if isinstance(given, bool) or not isinstance(given, int) or given < 1:
        raise bad_query("PAGE_NOT_SUPPORTED", expected_data_type="integer")
    if given > MAX_PAGE:
        raise bad_query("PAGE_RANGE_EXCEEDED", max_limit=MAX_PAGE)
    return given


def _job(call: Call) -> ReadJob:
    job = call.org.bulk.reads.get(parse_id(call.record_id) or 0)
    if job is None:
        raise not_found(call.record_id)
    if job.state(call.org.clock.now()) == "COMPLETED":
        bulk_read.finish(call.org, job)
    return job


def read_status(call: Call) -> Reply:
    """`GET /crm/bulk/v8/read/{id}`."""
    job = _job(call)
    state, query = job.state(call.org.clock.now()), job.query
    module = call.org.modules.get(query.module)
    asked: Json = {"module": {"id": str(module.id) if module else None, "api_name": query.module}, "page": job.page}
    if query.fields:
        asked["fields"] = list(query.fields)
    if query.criteria is not None:
        asked["criteria"] = query.criteria
    if query.cvid is not None:
        asked["cvid"] = query.cvid
    shown: Json = {
        "id": str(job.id),
        "operation": "read",
        "state": state,
        "query": asked,
        "created_by": _creator(call, job.user),
        "created_time": _time(call, job.created),
        "file_type": query.file_type,
    }
    if state == "COMPLETED" or (state != "FAILURE" and call.quirks["bulk_result_early"] == "yes"):
        shown["result"] = _result(job)
    elif state == "FAILURE":
        error = errors.problem("INTERNAL_SERVER_ERROR", "Internal Server Error")
        shown["result"] = {"error_message": error}
    if job.callback is not None:
        shown["callback"] = job.callback
    return Reply.of(200, {"data": [shown]})


def _result(job: ReadJob) -> Json:
    result: Json = {
        "page": job.page,
        "per_page": job.per_page,
        "count": job.count,
        "download_url": f"/crm/bulk/v8/read/{job.id}/result",
        "more_records": job.more,
    }
    return result if job.next_token is None else {**result, "next_page_token": job.next_token}


def read_result(call: Call) -> Reply:
    """`GET /crm/bulk/v8/read/{id}/result`: the zip; ten a minute, then 429."""
    job = _job(call)
    now = call.org.clock.now()
    if job.state(now) != "COMPLETED" or job.content is None or not job.is_kept(now, call.quirks["bulk_result_hours"]):
        raise not_found(call.record_id, status=400)
    if not call.org.bulk.may_download(now):
        raise errors.too_many_requests()
    return zip_reply(f"{job.id}.zip", job.content, "application/x-download")


def zip_reply(name: str, content: bytes, content_type: str) -> Reply:
    """A file as Zoho sends it."""
    named = (b"content-disposition", f'attachment;filename="{name}"'.encode())
    return Reply(status=200, body=content, content_type=content_type, headers=(named,))


def _creator(call: Call, number: int) -> Json | None:
    user = call.org.user(number)
    return {"id": str(user.id), "name": user.full_name} if user else None


def _time(call: Call, moment: float) -> str:
    return zone_printer(call.user.time_zone)(int(moment))
