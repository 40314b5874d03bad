"""What a write call says around its records: every key of the body beside `data`, and the conditions (facts 4.1, 4.5).

The keys are those of OAS25:record Body_Wrapper and of facts 4.1; a key of the wrong type refuses the whole request.
"""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import Call
from daemon.emulator.request import header_moment
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import AUTOMATIONS, matchable

Json = dict[str, Any]
MAX_RECORDS = 100
_APPLIED = (
    "layout_rules", "range_validation", "assignment_rules", "function_validation_rule", "criteria_validation_rule",
    "global_map_dependency", "territory_subordinates",
)  # fmt: skip
_SKIPPED = ("cadences",)
_ACTIONS = ("insert", "update")


def elements_of(call: Call) -> list[Any]:
    """`data[]` of the body (facts 4.1)."""
    if "data" not in call.json:
        raise errors.body_key_missing("data")
    data = call.json["data"]
    if not isinstance(data, list) or not data:
        raise errors.body_key_type("data", "jsonarray")
    if len(data) > MAX_RECORDS:
        raise errors.too_many_records(MAX_RECORDS, call.quirks["over_100_error"])
    return data


def check_keys(call: Call) -> None:
    """Refuse a wrong type in the keys that start or skip features; nothing in an org without rules hangs on them."""
    _names(call, "process", None)
    _features(call, "apply_feature_execution", _APPLIED)
    for place, one in enumerate(_features(call, "skip_feature_execution", _SKIPPED)):
        if call.kind == "upsert":
            _choice(one, "action", _ACTIONS, f"$.skip_feature_execution[{place}]")
    if call.json.get("lar_id") is not None and parse_id(call.json["lar_id"]) is None:
        raise errors.body_key_type("lar_id", "bigint")
    if call.json.get("wf_trigger", True) not in (True, False, "true", "false"):
        raise errors.body_key_type("wf_trigger", "boolean")


def trigger(call: Call) -> tuple[str, ...]:
    """Absent: every automation runs; a list: only those; empty: none; no workflow with wf_trigger false (facts 4.1)."""
    wanted = _names(call, "trigger", AUTOMATIONS) if "trigger" in call.json else AUTOMATIONS
    quiet = call.json.get("wf_trigger") in (False, "false")
    return tuple(name for name in wanted if not (quiet and name == "workflow"))


def unmodified_since(call: Call) -> int | None:
    """If-Unmodified-Since in whole seconds, if the header is there (facts 4.5)."""
    return header_moment(call.headers, "If-Unmodified-Since")


def check_fields(call: Call) -> list[str] | None:
    """duplicate_check_fields: only unique fields and the system field (facts 4.6); None when none are named."""
    chosen = []
    for place, name in enumerate(_names(call, "duplicate_check_fields", None)):
        if matchable(call.module, name):
            chosen.append(name)
        elif call.quirks["upsert_bad_check_field"] == "reject":
            path = f"$.duplicate_check_fields[{place}]"
            details = {"api_name": "duplicate_check_fields", "json_path": path}
            raise errors.refuse("INVALID_DATA", "invalid data", details)
    return chosen if call.json.get("duplicate_check_fields") else None


def _names(call: Call, key: str, supported: tuple[str, ...] | None) -> tuple[str, ...]:
    """A list of strings; `trigger: null` is a fault, the other keys may be null."""
    given = call.json.get(key)
    if given is None and (key not in call.json or supported is None):
        return ()
    if not isinstance(given, list):
        raise errors.body_key_type(key, "jsonarray")
    for place, name in enumerate(given):
        path = f"$.{key}[{place}]"
        if not isinstance(name, str):
            raise errors.body_key_type(key, "string", path)
        if supported is not None and name not in supported:
            raise _unsupported(key, path, supported)
    return tuple(given)


def _features(call: Call, key: str, supported: tuple[str, ...]) -> list[Json]:
    """`[{"name": ..}]`."""
    given = call.json.get(key)
    if given is None:
        return []
    if not isinstance(given, list):
        raise errors.body_key_type(key, "jsonarray")
    for place, one in enumerate(given):
        if not isinstance(one, dict):
            raise errors.body_key_type(key, "jsonobject", f"$.{key}[{place}]")
        _choice(one, "name", supported, f"$.{key}[{place}]")
    return given


def _choice(one: Json, key: str, supported: tuple[str, ...], path: str) -> None:
    value, here = one.get(key), f"{path}.{key}"
    if value is None:
        details = {"api_name": key, "json_path": here}
        raise errors.refuse("MANDATORY_NOT_FOUND", "required field not found", details)
    if not isinstance(value, str):
        raise errors.body_key_type(key, "string", here)
    if value not in supported:
        raise _unsupported(key, here, supported)


def _unsupported(key: str, path: str, supported: tuple[str, ...]) -> errors.ZohoError:
    details = {"api_name": key, "json_path": path, "supported_values": list(supported)}
    return errors.refuse("INVALID_DATA", "invalid data", details)
