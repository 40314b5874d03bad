"""What a request for a new field may say: the type of every key of OAS25:fields, and the values that make sense.

Each fault is the RecordError that Zoho puts in the field's place: INVALID_DATA with `expected_data_type` for a wrong
type, INVALID_DATA for an impossible value, MANDATORY_NOT_FOUND for what the data type demands (facts 4.4, 6).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from daemon.emulator import errors

Json = dict[str, Any]
_WORDS = {
    "string": """default_value data_type json_type created_source type display_label column_name api_name id
        quick_sequence_number created_time modified_time additional_column field_label""",
    "integer": "sequence_number display_type ui_type length decimal_place show_type category",
    "boolean": """system_mandatory webhook blueprint_supported virtual_field field_read_only read_only custom_field
        businesscard_supported filterable visible available_in_user_layout display_field enable_colour_code sortable
        pick_list_values_sorted_lexically separator searchable mass_update colour_code_enabled_by_system static_field
        hipaa_compliance_enabled _update_existing_records number_separator""",
    "jsonobject": """associated_module operation_type email_parser rollup_summary refer_from_field multi_module_lookup
        sharing_properties currency lookup view_type unique sub_module subform external formula private convert_mapping
        multiselectlookup multiuserlookup autonumber auto_number crypt tooltip history_tracking association_details
        hipaa_compliance textarea global_picklist""",
    "jsonarray": """customizable_properties layout_associations file_upolad_optionlist profiles pick_list_values
        allowed_modules""",
}
_TYPES = {name: kind for kind, names in _WORDS.items() for name in names.split() if name != "default_value"}
_MODULE = {"api_name": "string", "id": "string"}
_CRITERIA = {"comparator": "string", "field": {"api_name": "string"}}
_INSIDE: Mapping[str, Mapping[str, Any]] = {
    "formula": {"return_type": "string", "expression": "string"},
    "auto_number": {"prefix": "string", "suffix": "string", "start_number": "digits",
                    "starting_number_length": "integer"},
    "currency": {"rounding_option": "string", "precision": "integer"},
    "external": {"type": "string", "show": "boolean", "allow_multiple_config": "boolean"},
    "unique": {"casesensitive": "boolean", "case_sensitive": "boolean"},
    "textarea": {"type": "string"},
    "tooltip": {"name": "string", "value": "string"},
    "crypt": {"mode": "string", "status": "integer"},
    "private": {"type": "string", "restricted": "boolean", "export": "boolean"},
    "hipaa_compliance": {"restricted": "boolean", "restricted_in_export": "boolean"},
    "lookup": {"display_label": "string", "api_name": "string", "module": _MODULE, "query_details": {},
               "revalidate_filter_during_edit": "boolean"},
    "subform": {"module": "string", "id": "string"},
    "associated_module": {"module": "string", "api_name": "string", "id": "string"},
    "rollup_summary": {
        "return_type": "string", "rollup_based_on": "string", "based_on_module": _MODULE, "related_list": _MODULE,
        "expression": {"function": "string", "criteria": _CRITERIA},
    },
    "view_type": dict.fromkeys(("view", "edit", "quick_create", "create"), "boolean"),
    "operation_type": dict.fromkeys(("web_update", "api_create", "web_create", "api_update"), "boolean"),
    "association_details": {"related_field": {"api_name": "string"}, "lookup_field": {}},
    "history_tracking": {"module": {}, "duration_configured_field": {}},
}  # fmt: skip
_ROWS: Mapping[str, Mapping[str, Any]] = {
    "profiles": {"id": "string", "name": "string", "permission_type": "string"},
    "pick_list_values": {"display_value": "string", "actual_value": "string", "type": "string",
                         "sequence_number": "integer", "colour_code": "string"},
    "layout_associations": {"api_name": "string", "name": "string", "id": "string"},
    "allowed_modules": _MODULE,
}  # fmt: skip
_CHOICES = {
    "type": ("used", "unused"),
    "currency.rounding_option": ("normal", "round_off", "round_down", "round_up"),
    "external.type": ("user", "org"),
    "textarea.type": ("small", "large", "rich_text"),
    "tooltip.name": ("static_text", "info_icon"),
    "crypt.mode": ("encryption", "decryption"),
    "private.type": ("Low", "High"),
    "formula.return_type": ("double", "currency", "date", "datetime", "boolean", "string", "text", "integer"),
}
_PERMISSIONS = ("read_write", "read_only", "hidden")
_NUMBERS = {
    "decimal_place": (0, 9), "currency.precision": (0, 9), "auto_number.start_number": (0, 10**9),
    "auto_number.starting_number_length": (1, 19),
}  # fmt: skip
_TEXTS = {
    "tooltip.value": 255, "auto_number.prefix": 50, "auto_number.suffix": 50, "formula.expression": 2000,
    "field_label": 255, "display_label": 255,
}  # fmt: skip
_DEMANDED = {
    "formula": ("formula", "formula.return_type", "formula.expression"),
    "autonumber": ("auto_number", "auto_number.start_number"),
    "rollup_summary": ("rollup_summary", "rollup_summary.related_list", "rollup_summary.expression",
                       "rollup_summary.expression.function"),
    "lookup": ("lookup", "lookup.module"),
    "multiselectlookup": ("multiselectlookup",),
    "multi_module_lookup": ("multi_module_lookup",),
}  # fmt: skip
_FUNCTIONS = ("count", "sum", "average", "avg", "max", "maximum", "min", "minimum")
_DECIMALS = frozenset({"double", "currency", "percent"})
_PATTERNS = {
    "boolean": "true|false",
    **dict.fromkeys(("integer", "bigint"), r"-?\d{1,18}"),
    **dict.fromkeys(_DECIMALS, r"-?\d{1,16}(\.\d{1,9})?"),
    "date": r"\d{4}-\d\d-\d\d",
    "datetime": r"\d{4}-\d\d-\d\dT.*",
    **dict.fromkeys(("text", "email", "phone", "website", "textarea", "multiselectpicklist"), ".*"),
}


def check_request(given: Json, path: str, profiles: Iterable[int]) -> None:
    """Raise the first fault of a description of a new field; `profiles` are the ids that exist."""
    _types(given, _TYPES, path)
    for name, shape in _INSIDE.items():
        _types(given.get(name) or {}, shape, f"{path}.{name}")
    for name, shape in _ROWS.items():
        for place, row in enumerate(given.get(name) or []):
            _expect(row, "jsonobject", name, f"{path}.{name}[{place}]")
            _types(row, shape, f"{path}.{name}[{place}]")
    _values(given, path)
    _check_profiles(given.get("profiles") or [], path, {str(number) for number in profiles})
    _check_choices(given.get("pick_list_values") or [], path)


def check_demands(given: Json, path: str) -> None:
    """Raise the fault of a description that lacks what its data type demands, or says what the type cannot have."""
    data_type = given["data_type"]
    for dotted in _DEMANDED.get(data_type, ()):
        if _at(given, dotted) is None:
            raise errors.mandatory(dotted.rpartition(".")[2], f"{path}.{dotted}")
    if data_type == "rollup_summary" and _at(given, "rollup_summary.expression.function").lower() not in _FUNCTIONS:
        raise errors.bad_value("function", f"{path}.rollup_summary.expression.function", list(_FUNCTIONS))
    if given.get("decimal_place") is not None and data_type not in _DECIMALS:
        raise errors.bad_value("decimal_place", f"{path}.decimal_place")
    if not _fits(given, data_type):
        raise errors.bad_value("default_value", f"{path}.default_value")


def _types(given: Json, shape: Mapping[str, Any], path: str) -> None:
    for name, kind in shape.items():
        value = given.get(name)
        if value is None:
            continue
        inner = kind if isinstance(kind, Mapping) else None
        _expect(value, "jsonobject" if inner is not None else kind, name, f"{path}.{name}")
        if inner:
            _types(value, inner, f"{path}.{name}")


def _expect(value: Any, kind: str, name: str, path: str) -> None:
    known = {"string": str, "jsonobject": dict, "jsonarray": list}
    if kind == "boolean":  # Zoho's own samples spell them as texts too
        right = isinstance(value, bool) or value in ("true", "false")
    elif kind in ("integer", "digits"):
        right = isinstance(value, int) and not isinstance(value, bool)
        right = right or (kind == "digits" and isinstance(value, str) and bool(re.fullmatch("[0-9]{1,18}", value)))
    else:
        right = isinstance(value, known[kind])
    if not right:
        raise errors.wrong_type(name, path, "integer" if kind == "digits" else kind)


def _at(given: Json, dotted: str) -> Any:
    value: Any = given
    for word in dotted.split("."):
        value = value.get(word) if isinstance(value, dict) else None
    return value


def _values(given: Json, path: str) -> None:
    for dotted, choices in _CHOICES.items():
        value = _at(given, dotted)
        if value is not None and value not in choices:
            raise errors.bad_value(dotted.rpartition(".")[2], f"{path}.{dotted}", list(choices))
    for dotted, (least, most) in _NUMBERS.items():
        value = _at(given, dotted)
        if value is not None and not least <= int(value) <= most:
            raise errors.bad_value(dotted.rpartition(".")[2], f"{path}.{dotted}")
    for dotted, limit in _TEXTS.items():
        value = _at(given, dotted)
        if value is not None and len(value) > limit:
            raise errors.too_long(dotted.rpartition(".")[2], f"{path}.{dotted}", limit)


def _check_profiles(rows: list[Json], path: str, known: set[str]) -> None:
    for place, row in enumerate(rows):
        here = f"{path}.profiles[{place}]"
        for name in ("id", "permission_type"):
            if row.get(name) is None:
                raise errors.mandatory(name, f"{here}.{name}")
        if row["id"] not in known:
            raise errors.bad_value("id", f"{here}.id")
        if row["permission_type"] not in _PERMISSIONS:
            raise errors.bad_value("permission_type", f"{here}.permission_type", list(_PERMISSIONS))


def _check_choices(rows: list[Json], path: str) -> None:
    seen: set[str] = set()
    for place, row in enumerate(rows):
        here, value = f"{path}.pick_list_values[{place}]", row.get("actual_value") or row.get("display_value")
        if not value:
            raise errors.mandatory("display_value", f"{here}.display_value")
        if len(value) > 120:
            raise errors.too_long("display_value", f"{here}.display_value", 120)
        if value in seen:
            raise errors.duplicate({"api_name": "display_value", "json_path": f"{here}.display_value"})
        seen.add(value)


def _fits(given: Json, data_type: str) -> bool:
    """Whether `default_value` could be a value of the field."""
    value, rows = given.get("default_value"), given.get("pick_list_values") or []
    if value is None:
        return True
    text = str(value).lower() if isinstance(value, bool | int | float) else value
    if not isinstance(text, str):
        return False
    if data_type == "picklist":
        return any(text in (row.get("actual_value"), row.get("display_value")) for row in rows)
    pattern = _PATTERNS.get(data_type)
    return pattern is not None and re.fullmatch(pattern, text, re.DOTALL | re.ASCII) is not None
