"""Giving records to another owner (facts 10)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.call import Call, Reply
from daemon.emulator.reads_http import path_id
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing
from daemon.emulator.writes_http import answer_of

Json = dict[str, Any]
MAX_RECORDS = 500


def change_owner(call: Call) -> Reply:
    """`POST /{module}/{id}/actions/change_owner` and, with `ids`, `POST /{module}/actions/change_owner`."""
    owner = call.json.get("owner")
    if owner is None:
        raise errors.body_key_missing("owner")
    number = parse_id(owner.get("id")) if isinstance(owner, dict) else None
    user = call.org.user(number) if number is not None else None
    if user is None or user.status != "active":
        details = {"api_name": "id", "json_path": "$.owner.id"}
        raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", details)
    if not isinstance(call.json.get("notify", False), bool):
        raise errors.body_key_type("notify", "boolean")
    if not isinstance(call.json.get("related_modules") or [], list):
        raise errors.body_key_type("related_modules", "jsonarray")
    ids = [str(path_id(call))] if call.record_id is not None else call.json.get("ids")
    if ids is None:
        raise errors.body_key_missing("ids")
    if not isinstance(ids, list) or not ids:
        raise errors.body_key_type("ids", "jsonarray")
    if len(ids) > MAX_RECORDS:
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_RECORDS, "api_name": "ids"})
    writing = Writing(
        org=call.org, module=call.module, user=call.user, now=call.org.clock.stamp(), automations=call.automations
    )
    elements: list[Any] = [{"id": one, "Owner": {"id": str(user.id)}} for one in ids]
    results = writes.each(elements, lambda element, path: _given(writing, element, path))
    return answer_of(call, results, 200)


def _given(writing: Writing, element: Json, path: str) -> Json:
    done = writes.update(writing, element, path)
    return {**done, "details": {"id": done["details"]["id"]}, "message": "owner updated successfully"}
