"""The write calls: insert, update, upsert, delete, and the status of what became of them (facts 4, 5.1)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import envelope, errors, writes
from daemon.emulator.call import Call, Reply
from daemon.emulator.envelope import MAX_RECORDS, elements_of
from daemon.emulator.external import read_ids, read_links
from daemon.emulator.reads_http import path_id
from daemon.emulator.writes import Writing

Json = dict[str, Any]


def _writing(call: Call) -> Writing:
    envelope.check_keys(call)
    return Writing(
        org=call.org,
        module=call.module,
        user=call.user,
        now=call.org.clock.stamp(),
        trigger=envelope.trigger(call),
        unmodified_since=envelope.unmodified_since(call),
        automations=call.automations,
        externals=read_links(call),
    )


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
    fields = envelope.check_fields(call)
    results = writes.each(elements, lambda element, path: writes.upsert(writing, element, path, fields))
    inserted = all(result.get("action") == "insert" for result in results)
    return answer_of(call, results, int(call.quirks["pure_insert_upsert_status"]) if inserted else 200)


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
        targets = [(number, {"id": text}) for text, number in zip(given, read_ids(call, given), strict=True)]
    results = []
    for number, details in targets:
        try:
            results.append(writes.delete(writing, number, details))
        except errors.RecordError as refused:
            results.append(refused.element)
    return answer_of(call, results, 200)
