"""A field of a snapshot: what the emulator acts on is read, everything is shown again until it is changed (facts 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from daemon.emulator.fields import DEFAULT_LENGTHS, Field
from daemon.emulator.schema import Module, give_picklist
from daemon.emulator.snapshot_values import as_dict, as_list, as_moment, as_text

if TYPE_CHECKING:
    from daemon.emulator.org import Org

Json = dict[str, Any]
# keys that follow the caller's time zone, or the values of the list
_MADE = frozenset({"created_time", "modified_time", "pick_list_values"})


def field_in(org: Org, given: Json, shipped: Module | None) -> Field:
    """A field as the snapshot describes it; `shipped` is the standard module of that name, for what no answer tells."""
    kind = given["data_type"]
    like = shipped.fields.get(given["api_name"]) if shipped is not None else None
    unique, external, length = as_dict(given.get("unique")), as_dict(given.get("external")), given.get("length")
    linking = as_dict(as_dict(given.get("multiselectlookup") or given.get("multiuserlookup")).get("linking_details"))
    item = Field(
        id=int(given["id"]),
        api_name=given["api_name"],
        label=as_text(given.get("field_label"), given["api_name"]),
        data_type=kind,
        length=length if isinstance(length, int) and length > 0 else DEFAULT_LENGTHS.get(kind, 255),
        mandatory=given.get("system_mandatory") is True,
        read_only=given.get("read_only") is True or given.get("field_read_only") is True or _never_written(given),
        unique=bool(unique),
        case_sensitive=unique.get("case_sensitive") is True or unique.get("casesensitive") is True,
        custom=given.get("custom_field") is True,
        visible=given.get("visible") is not False,
        rich=as_dict(given.get("textarea")).get("type") == "rich_text",
        external=as_text(external.get("type"), "org") if external.get("type") else None,
        decimals=given["decimal_place"] if isinstance(given.get("decimal_place"), int) else None,
        lookup=_named(given.get("lookup")) or _named(as_dict(given.get("multiselectlookup")).get("connected_details")),
        lookups=_several(given.get("multi_module_lookup")),
        child=_child(given, linking),
        formula=like.formula if like is not None else None,
        prefix=as_text(as_dict(given.get("auto_number")).get("prefix"), ""),
        json_type=given["json_type"] if isinstance(given.get("json_type"), str) else None,
        created=as_moment(given.get("created_time")),
        modified=as_moment(given.get("modified_time")),
        known={name: value for name, value in given.items() if name not in _MADE},
    )
    if linking:
        item.back = as_text(as_dict(linking.get("lookup_field")).get("api_name"), item.back)
        item.forward = as_dict(linking.get("connected_lookup_field")).get("api_name")
    elif like is not None:
        item.back = like.back
    choices = {_value(one): one for one in as_list(given.get("pick_list_values")) if isinstance(one, dict)}
    if choices:
        give_picklist(item, list(choices), org.new_id)
        item.choices = choices
    return item


def _value(given: Json) -> str:
    return str(given.get("actual_value") or given.get("display_value"))


def _never_written(given: Json) -> bool:
    allowed = as_dict(given.get("operation_type"))
    return bool(allowed) and not (allowed.get("api_create") or allowed.get("api_update"))


def _named(given: Any) -> str | None:
    """The module inside `lookup` or `connected_details`."""
    module = as_dict(given).get("module")
    name = as_dict(module).get("api_name")
    return name if isinstance(name, str) else None


def _several(given: Any) -> tuple[str, ...]:
    names = [as_dict(one).get("api_name") for one in as_list(as_dict(given).get("modules"))]
    return tuple(name for name in names if isinstance(name, str))


def _child(given: Json, linking: Json) -> str | None:
    """The module of a subform's or a multi-select lookup's rows (facts 6: two spellings for subforms)."""
    inside = as_dict(given.get("associated_module")) or as_dict(given.get("subform"))
    name = _named(linking) if linking else inside.get("module")
    return name if isinstance(name, str) else None


def hold_loose_ends(module: Module, modules: Mapping[str, Module]) -> None:
    """A field that needs a module which is not there is shown as it was, and nobody can write it."""
    for item in module.fields.values():
        loose = item.data_type == "lookup" and item.lookup not in modules
        loose = loose or (item.child is not None and item.child not in modules)
        if loose or (item.data_type in ("subform", "multiselectlookup") and item.child is None):
            item.data_type, item.read_only, item.mandatory = "text", True, False
            item.lookup = item.child = item.forward = None
        item.lookups = tuple(one for one in item.lookups if one in modules)
