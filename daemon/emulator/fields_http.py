"""Changing and deleting custom fields over the API (facts 6, OAS25:fields)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import Call, Reply
from daemon.emulator.field_request import check_request
from daemon.emulator.fields import Field
from daemon.emulator.metadata_http import module_of_parameter
from daemon.emulator.new_fields import change_field, remove_field
from daemon.emulator.rights import profiles_of

Json = dict[str, Any]
_PATH = "$.fields[0]"


def _named(call: Call) -> Field:
    fields = module_of_parameter(call).fields.values()
    found = next((one for one in fields if call.record_id in (one.api_name, str(one.id))), None)
    if found is None:
        raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return found


def patch_field(call: Call) -> Reply:
    """`PATCH /settings/fields/{id}?module=`: label, length, uniqueness, the list of values."""
    item, module = _named(call), module_of_parameter(call)
    given = call.json.get("fields")
    if given is None:
        raise errors.body_key_missing("fields")
    if not isinstance(given, list) or len(given) != 1 or not isinstance(given[0], dict):
        raise errors.body_key_type("fields", "jsonarray")
    try:
        check_request(given[0], _PATH, [profile.id for profile in profiles_of(call.org)])
        change_field(call.org, module, item.api_name, _change(item, given[0]))
    except errors.RecordError as refused:
        raise errors.ZohoError(400, {"fields": [refused.element]}) from None
    return _done(item, "field updated successfully")


def _change(item: Field, given: Json) -> Json:
    change: Json = {}
    label = given.get("field_label", given.get("display_label"))
    if label is not None:
        if not isinstance(label, str) or not label.strip():
            raise errors.wrong_type("field_label", f"{_PATH}.field_label", "string")
        change["label"] = label
    if "length" in given:
        length = given["length"]
        if isinstance(length, bool) or not isinstance(length, int):
            raise errors.wrong_type("length", f"{_PATH}.length", "integer")
        if not item.length <= length <= 50_000:  # a field can only grow
            raise errors.bad_value("length", f"{_PATH}.length")
        change["length"] = length
    if "unique" in given:
        if item.data_type not in ("text", "email", "phone", "integer", "bigint"):
            raise errors.bad_value("unique", f"{_PATH}.unique")
        change["unique"] = bool(given["unique"])
    if "pick_list_values" in given:
        values = given["pick_list_values"]
        names = (
            [one.get("display_value") for one in values if isinstance(one, dict)] if isinstance(values, list) else []
        )
        texts = [name for name in names if isinstance(name, str) and name.strip()]
        if not texts or len(texts) < len(values) or not item.picklist:
            raise errors.bad_value("pick_list_values", f"{_PATH}.pick_list_values")
        change["add_values"] = texts
    return change


def delete_field(call: Call) -> Reply:
    """`DELETE /settings/fields/{id}?module=`: custom fields only."""
    item = _named(call)
    if not item.custom:
        details = {"resource_path_index": 2}
        raise errors.refuse("NOT_ALLOWED", "a system field cannot be deleted", details)
    remove_field(call.org, module_of_parameter(call), item.api_name)
    return _done(item, "field deleted successfully")


def _done(item: Field, message: str) -> Reply:
    element = {"code": "SUCCESS", "details": {"id": str(item.id)}, "message": message, "status": "success"}
    return Reply.of(200, {"fields": [element]})
