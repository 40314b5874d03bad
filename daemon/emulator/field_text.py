"""The way Zoho describes a field in `GET /settings/fields` (facts 6, 12.8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from daemon.emulator.fields import CHILDREN, JSON_TYPES, Field

Json = dict[str, Any]
_NOT_SORTABLE = frozenset({"textarea", "multiselectpicklist", *CHILDREN})


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a field's description mentions beyond the field itself."""

    module: str
    layout_id: str
    lookup_module_id: str | None
    module_ids: Mapping[str, int]
    profiles: list[Json]
    zone_text: Any


def describe(item: Field, around: Surroundings) -> Json:
    """The field in the shape of `GET /settings/fields`."""
    writable = item.writable
    text = around.zone_text
    return {
        "id": str(item.id),
        "api_name": item.api_name,
        "field_label": item.label,
        "display_label": item.label,
        "data_type": item.data_type,
        "json_type": item.json_type or JSON_TYPES.get(item.data_type, "string"),
        "length": item.length,
        "decimal_place": item.decimals,
        "system_mandatory": item.mandatory,
        "read_only": item.read_only,
        "field_read_only": item.read_only,
        "custom_field": item.custom,
        "virtual_field": False,
        "visible": item.visible,
        "type": "used",
        "unique": {"case_sensitive": item.case_sensitive} if item.unique else {},
        "external": {"show": item.external_shown, "type": item.external} if item.external else None,
        "lookup": _lookup(item, around),
        "multiselectlookup": _linking(item, around, "multiselectlookup"),
        "multiuserlookup": _linking(item, around, "multiuserlookup"),
        "multi_module_lookup": _several(item, around),
        "associated_module": _associated(item, around),
        "pick_list_values": [_choice(item, place) for place in range(len(item.picklist))],
        "pick_list_values_sorted_lexically": False,
        "global_picklist": None,
        "default_value": None,
        "operation_type": {
            "web_update": writable,
            "api_create": writable,
            "web_create": writable,
            "api_update": writable,
        },
        "view_type": {"view": item.visible, "edit": writable, "quick_create": item.mandatory, "create": writable},
        "filterable": True,
        "searchable": item.data_type != "textarea",
        "sortable": item.data_type not in _NOT_SORTABLE,
        "mass_update": writable,
        "currency": {"rounding_option": "normal", "precision": item.decimals} if item.data_type == "currency" else {},
        "formula": {"return_type": "currency", "dynamic": False} if item.data_type == "formula" else {},
        "rollup_summary": {"return_type": "integer"} if item.data_type == "rollup_summary" else {},
        "auto_number": _auto_number(item),
        "crypt": None,
        "private": None,
        "hipaa_compliance": None,
        "hipaa_compliance_enabled": False,
        "history_tracking": None,
        "convert_mapping": {"Contacts": None, "Deals": None, "Accounts": None},
        "layout_associations": [{"api_name": "Standard__s", "name": "Standard", "id": around.layout_id}],
        "profiles": [{**profile, "permission_type": "read_write"} for profile in around.profiles],
        "created_source": "default" if not item.custom else "crm",
        "column_name": item.api_name.upper(),
        "ui_type": 1,
        "display_type": -1,
        "tooltip": None,
        "textarea": _textarea(item),
        "parent_field": None,
        "child_fields": [],
        "range": None,
        "blueprint_supported": True,
        "sequence_number": item.id % 1000,
        **item.asked,
        **item.known,
        "created_time": None if item.created is None else text(item.created),
        "modified_time": None if item.modified is None else text(item.modified),
    }


def _lookup(item: Field, around: Surroundings) -> Json:
    if item.data_type != "lookup" or item.lookup is None:
        return {}
    return {
        "display_label": around.module,
        "api_name": around.module,
        "module": {"api_name": item.lookup, "crypt": False, "id": around.lookup_module_id},
        "id": str(item.id + 500_000),
        "query_details": {"system_query_id": None},
        "revalidate_filter_during_edit": False,
    }


def _module(name: str, around: Surroundings) -> Json:
    return {"api_name": name, "id": str(around.module_ids.get(name))}


def _linking(item: Field, around: Surroundings, data_type: str) -> Json:
    """multiselectlookup and multiuserlookup name the linking module and its two ends."""
    if item.data_type != data_type or item.child is None:
        return {}
    target = item.lookup or "users"
    return {
        "display_label": item.label,
        "api_name": item.api_name,
        "linking_details": {
            "module": {**_module(item.child, around), "visibility": 0},
            "lookup_field": {"api_name": item.back},
            "connected_lookup_field": {"api_name": item.forward},
        },
        "connected_details": {"module": _module(target, around), "field": {"api_name": item.forward}},
        "related_list": {"display_label": around.module, "api_name": item.api_name},
    }


def _several(item: Field, around: Surroundings) -> Json:
    if item.data_type != "multi_module_lookup":
        return {}
    return {"display_label": item.label, "modules": [_module(name, around) for name in item.lookups]}


def _associated(item: Field, around: Surroundings) -> Json | None:
    if item.data_type != "subform" or item.child is None:
        return None
    return {"module": item.child, "id": str(around.module_ids.get(item.child))}


def _auto_number(item: Field) -> Json:
    return {"prefix": item.prefix, "start_number": "1", "suffix": ""} if item.data_type == "autonumber" else {}


def _textarea(item: Field) -> Json | None:
    if item.data_type != "textarea":
        return None
    if item.rich:
        return {"type": "rich_text"}
    return {"type": "large" if item.length > 2000 else "small"}


def _choice(item: Field, place: int) -> Json:
    value = item.picklist[place]
    return {
        "display_value": value,
        "actual_value": value,
        "reference_value": value,
        "sequence_number": place + 1,
        "id": str(item.picklist_base + place),
        "type": "used",
        "colour_code": None,
        **item.choices.get(value, {}),
    }
