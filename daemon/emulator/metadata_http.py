"""The calls on fields and layouts (facts 6, 12.8)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.field_text import Surroundings, describe
from daemon.emulator.fields import Field
from daemon.emulator.new_fields import create_field
from daemon.emulator.rights import profiles_of
from daemon.emulator.schema import Layout, Module

Json = dict[str, Any]
MAX_NEW_FIELDS = 5


def profiles_shown(call: Call) -> list[Json]:
    """The profiles as modules, fields and layouts name them."""
    return [profile.as_json() for profile in profiles_of(call.org)]


def module_of_parameter(call: Call) -> Module:
    """The module that `?module=` names."""
    name = call.query.get("module")
    if not name:
        raise errors.missing_param("module")
    module = call.org.modules.get(name)
    if module is None or not module.shown:
        raise errors.invalid_module({})
    return module


def get_fields(call: Call) -> Reply:
    """`GET /settings/fields?module=` and `/settings/fields/{name or id}?module=`."""
    module = module_of_parameter(call)
    kind = call.query.get("type", "all")
    if kind not in ("all", "used", "unused"):
        raise errors.pattern_not_matched("type")
    if call.query.get("include", "allowed_permissions_to_update") != "allowed_permissions_to_update":
        raise errors.bad_param("include")
    fields = [] if kind == "unused" else list(module.fields.values())
    if call.record_id is not None:
        fields = [item for item in fields if call.record_id in (item.api_name, str(item.id))]
    return Reply.of(200, {"fields": fields_shown(call, module, fields)}) if fields else NO_CONTENT


def fields_shown(call: Call, module: Module, fields: list[Field]) -> list[Json]:
    text, profiles = zone_printer(call.user.time_zone), profiles_shown(call)
    module_ids = {name: one.id for name, one in call.org.modules.items()}
    described = []
    for item in fields:
        target = call.org.modules.get(item.lookup or "")
        around = Surroundings(
            module=module.api_name,
            layout_id=str(module.layout_id),
            lookup_module_id=str(target.id) if target else None,
            module_ids=module_ids,
            profiles=profiles,
            zone_text=text,
        )
        described.append(describe(item, around))
    return described


def post_fields(call: Call) -> Reply:
    """`POST /settings/fields?module=` (OAS25:fields Create Field)."""
    module = module_of_parameter(call)
    if "fields" not in call.json:
        raise errors.body_key_missing("fields")
    given = call.json["fields"]
    if not isinstance(given, list) or not given:
        raise errors.body_key_type("fields", "jsonarray")
    if len(given) > MAX_NEW_FIELDS:
        details = {"maximum_length": MAX_NEW_FIELDS, "api_name": "fields", "json_path": "$.fields"}
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", details)
    results, good = [], 0
    for place, one in enumerate(given):
        path = f"$.fields[{place}]"
        try:
            if not isinstance(one, dict):
                raise errors.wrong_type("fields", path, "jsonobject")
            item = create_field(call.org, module, one, path)
        except errors.RecordError as refused:
            results.append(refused.element)
            continue
        good += 1
        details = {"id": str(item.id)}
        results.append({"code": "SUCCESS", "details": details, "message": "field created", "status": "success"})
    status = 400 if good == 0 else 201 if good == len(given) else 207
    return Reply.of(status, {"fields": results})


def get_layouts(call: Call) -> Reply:
    """`GET /settings/layouts?module=`: the standard layout, and whatever else there is."""
    module = module_of_parameter(call)
    layouts = [one for one in module.layouts if call.record_id in (None, str(one.id))]
    if not layouts:
        return NO_CONTENT
    return Reply.of(200, {"layouts": [layout_shown(call, module, one) for one in layouts]})


def layout_shown(call: Call, module: Module, layout: Layout) -> Json:
    shown = [item for item in module.fields.values() if item.visible and item.api_name not in layout.without]
    described = fields_shown(call, module, shown)
    for item in described:
        item["required"] = item["system_mandatory"] or item["api_name"] in layout.mandatory
    plain = [item for item in described if item["data_type"] != "subform"]
    if layout.known:
        return {**layout.known, "sections": _known_sections(module, layout, described)}
    sections = [_section(module, layout.id + 1, f"{module.singular} Information", plain, subform=False)]
    for place, item in enumerate((one for one in described if one["data_type"] == "subform"), start=1):
        rows = call.org.modules[item["associated_module"]["module"]]
        inner = fields_shown(call, rows, [one for one in rows.fields.values() if one.visible])
        sections.append(_section(rows, layout.id + 500_000 + place, item["field_label"], inner, subform=True))
    return {
        "id": str(layout.id),
        "name": layout.name,
        "api_name": layout.api_name,
        "display_label": layout.name,
        "status": "active",
        "visible": True,
        "created_time": None,
        "modified_time": None,
        "created_by": None,
        "modified_by": None,
        "profiles": profiles_shown(call),
        "has_more_profiles": False,
        "sections": sections,
        "actions_allowed": {"edit": True, "rename": True, "clone": True, "deactivate": False},
        "convert_mapping": {},
        "show_business_card": True,
        "source": "crm",
    }


def _known_sections(module: Module, layout: Layout, described: list[Json]) -> list[Json]:
    """The sections of a snapshot: fields as it shows them until they are changed, new ones at the end of the first."""
    now, sections = {one["api_name"]: one for one in described}, layout.known.get("sections")
    rows = [{**one, "fields": list(one.get("fields") or [])} for one in sections or [] if isinstance(one, dict)]
    placed: set[str] = set()
    for row in rows:
        own = [one for one in row["fields"] if isinstance(one, dict)]
        if row.get("isSubformSection") is not True:
            own = [_in_layout(one, module, now) for one in own if one.get("api_name") in module.fields]
            placed |= {one["api_name"] for one in own}
        row["fields"] = own
    fresh = [one for name, one in now.items() if name not in placed and not module.fields[name].known]
    if rows:
        rows[0]["fields"] += fresh
    return rows


def _in_layout(given: Json, module: Module, now: dict[str, Json]) -> Json:
    unchanged = "api_name" in module.fields[given["api_name"]].known
    return given if unchanged else {**given, **now.get(given["api_name"], {})}


def _section(module: Module, number: int, name: str, fields: list[Json], *, subform: bool) -> Json:
    return {
        "id": str(number),
        "api_name": module.api_name if subform else name.replace(" ", "_"),
        "name": name,
        "display_label": name,
        "type": "used",
        "sequence_number": 1,
        "column_count": 2,
        "isSubformSection": subform,
        "fields": fields,
    }
