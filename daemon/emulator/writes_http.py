"""The write calls: insert, update, upsert, delete (facts 4, 5.1). Reads the envelope only."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.call import Call, Reply
from daemon.emulator.clock import parse_header_moment
from daemon.emulator.reads_http import path_id
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import AUTOMATIONS, Writing

Json = dict[str, Any]
MAX_RECORDS = 100


def elements_of(call: Call) -> list[Any]:
    """`data[]` of the body (facts 4.1)."""
    if "data" not in call.json:
        raise errors.body_key_missing("data")
    data = call.json["data"]
    if not isinstance(data, list) or not data:
        raise errors.body_key_type("data", "jsonarray")
    if len(data) > MAX_RECORDS:
        raise errors.too_many_records(MAX_RECORDS)
    return data


def _writing(call: Call) -> Writing:
    return Writing(
        org=call.org,
        module=call.module,
        user=call.user,
        now=call.org.clock.stamp(),
        trigger=_trigger(call),
        unmodified_since=_unmodified_since(call),
        automations=call.automations,
    )


def _trigger(call: Call) -> tuple[str, ...]:
    """Absent: every automation runs; a list: only those; empty: none (facts 4.1)."""
    if not call.raw_body or "trigger" not in call.json:
        return AUTOMATIONS
    given = call.json["trigger"]
    if not isinstance(given, list):
        raise errors.body_key_type("trigger", "jsonarray")
    for place, name in enumerate(given):
        if name not in AUTOMATIONS:
            raise errors.body_key_type("trigger", "string", f"$.trigger[{place}]")
    return tuple(given)


def _unmodified_since(call: Call) -> int | None:
    text = call.headers.get("if-unmodified-since")
    if not text:
        return None
    moment = parse_header_moment(text)
    if moment is None:
        details = {"param_name": "If-Unmodified-Since", "expected_data_type": "datetime"}
        raise errors.refuse("INVALID_DATA", "invalid data", details)
    return moment


def answer_of(call: Call, results: list[Json], all_ok: int) -> Reply:
    """201/200, 207 or 400 by what became of the elements (facts 4.2)."""
    good = sum(1 for result in results if result["status"] == "success")
    status = all_ok
    if good == 0:
        lost = all(result["code"] == "ALREADY_MODIFIED" for result in results)
        status = 412 if lost else int(call.quirks["failed_write_status"])
    elif good < len(results):
        status = 207
    return Reply.of(status, {"data": results})


def insert_records(call: Call) -> Reply:
    """`POST /{module}`."""
    writing, elements = _writing(call), elements_of(call)
    return answer_of(call, writes.each(elements, lambda element, path: writes.insert(writing, element, path)), 201)


def update_records(call: Call) -> Reply:
    """`PUT /{module}` and `PUT /{module}/{id}`."""
    writing, elements = _writing(call), elements_of(call)
    number = None if call.record_id is None else path_id(call)
    if number is not None and len(elements) > 1:
        raise errors.too_many_records(1)
    return answer_of(
        call, writes.each(elements, lambda element, path: writes.update(writing, element, path, number)), 200
    )


def upsert_records(call: Call) -> Reply:
    """`POST /{module}/upsert`."""
    writing, elements = _writing(call), elements_of(call)
    if writing.module.system_unique is None:
        raise errors.refuse("NOT_SUPPORTED", "upsert is not supported for this module", {"resource_path_index": 0})
    fields = _check_fields(call)
    results = writes.each(elements, lambda element, path: writes.upsert(writing, element, path, fields))
    inserted = all(result.get("action") == "insert" for result in results)
    return answer_of(call, results, int(call.quirks["pure_insert_upsert_status"]) if inserted else 200)


def _check_fields(call: Call) -> list[str] | None:
    """duplicate_check_fields: only unique fields and the system field (facts 4.6)."""
    given = call.json.get("duplicate_check_fields")
    if given is None or given == []:
        return None
    if not isinstance(given, list):
        raise errors.body_key_type("duplicate_check_fields", "jsonarray")
    chosen = []
    for place, name in enumerate(given):
        if isinstance(name, str) and writes.matchable(call.module, name):
            chosen.append(name)
        elif call.quirks["upsert_bad_check_field"] == "reject":
            path = f"$.duplicate_check_fields[{place}]"
            details = {"api_name": "duplicate_check_fields", "json_path": path}
            raise errors.refuse("INVALID_DATA", "invalid data", details)
    return chosen


def delete_records(call: Call) -> Reply:
    """`DELETE /{module}?ids=` and `DELETE /{module}/{id}`."""
    writing = Writing(org=call.org, module=call.module, user=call.user, now=call.org.clock.stamp())
    writing.automations = call.automations
    quiet = call.query.get("wf_trigger", "true")
    if quiet not in ("true", "false"):
        raise errors.pattern_not_matched("wf_trigger")
    writing.trigger = ("workflow",) if quiet == "true" else ()
    if call.record_id is not None:
        targets: list[tuple[int | None, Json]] = [(path_id(call), {"resource_path_index": 1})]
    else:
        given = [text.strip() for text in call.query.get("ids", "").split(",") if text.strip()]
        if not given:
            raise errors.missing_param("ids")
        if len(given) > MAX_RECORDS:
            raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_RECORDS, "param_name": "ids"})
        targets = [(parse_id(text), {"id": text}) for text in given]
    results = []
    for number, details in targets:
        try:
            results.append(writes.delete(writing, number, details))
        except errors.RecordError as refused:
            results.append(refused.element)
    return answer_of(call, results, 200)
