"""One field of a module, and the way Zoho describes it (facts 6, 12.8)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]

JSON_TYPES = {
    "integer": "integer",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "multiselectpicklist": "jsonarray",
    "subform": "jsonarray",
    "multiselectlookup": "jsonarray",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
}
DEFAULT_LENGTHS = {
    "text": 255,
    "textarea": 2000,
    "email": 100,
    "phone": 30,
    "website": 450,
    "picklist": 120,
    "multiselectpicklist": 255,
    "integer": 9,
    "bigint": 18,
    "double": 16,
    "currency": 16,
    "percent": 5,
    "boolean": 5,
    "date": 20,
    "datetime": 120,
    "lookup": 120,
    "ownerlookup": 120,
    "userlookup": 120,
}
COMPUTED = frozenset({"formula", "rollup_summary", "autonumber"})


@dataclass(slots=True, kw_only=True)
class Field:
    """What an org knows about one field. Mutable, because administrators change fields while clients run."""

    id: int
    api_name: str
    label: str
    data_type: str
    length: int
    mandatory: bool = False
    read_only: bool = False
    unique: bool = False
    case_sensitive: bool = False
    custom: bool = False
    visible: bool = True
    rich: bool = False
    external: str | None = None
    decimals: int | None = None
    lookup: str | None = None
    picklist: list[str] = field(default_factory=list)
    picklist_base: int = 0
    section: str = "Information"
    created: int | None = None
    modified: int | None = None

    @property
    def writable(self) -> bool:
        """Whether the API takes values for this field."""
        return not self.read_only and self.data_type not in COMPUTED


@dataclass(frozen=True, slots=True, kw_only=True)
class Surroundings:
    """What a field's description mentions beyond the field itself."""

    module: str
    layout_id: str
    lookup_module_id: str | None
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
        "json_type": JSON_TYPES.get(item.data_type, "string"),
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
        "external": {"show": True, "type": item.external} if item.external else None,
        "lookup": _lookup(item, around),
        "multiselectlookup": {},
        "multiuserlookup": {},
        "multi_module_lookup": {},
        "associated_module": None,
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
        "sortable": item.data_type not in ("textarea", "multiselectpicklist", "subform"),
        "mass_update": writable,
        "currency": {"rounding_option": "normal", "precision": 2} if item.data_type == "currency" else {},
        "formula": {},
        "rollup_summary": {},
        "auto_number": {},
        "crypt": None,
        "private": None,
        "hipaa_compliance": None,
        "hipaa_compliance_enabled": False,
        "history_tracking": None,
        "convert_mapping": {"Contacts": None, "Deals": None, "Accounts": None},
        "layout_associations": [{"api_name": "Standard__s", "name": "Standard", "id": around.layout_id}],
        "profiles": [{**profile, "permission_type": "read_write"} for profile in around.profiles],
        "created_source": "default" if not item.custom else "crm",
        "created_time": None if item.created is None else text(item.created),
        "modified_time": None if item.modified is None else text(item.modified),
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
    }
