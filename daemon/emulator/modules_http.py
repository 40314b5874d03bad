"""The calls on modules, `GET /settings/modules` (facts 6, 12.8)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.metadata_http import fields_shown, layout_shown, profiles_shown
from daemon.emulator.params import modified_since
from daemon.emulator.related import related_lists
from daemon.emulator.rights import caller_flags
from daemon.emulator.schema import Module
from daemon.emulator.views import views_of

Json = dict[str, Any]
STATUSES = ("visible", "scheduled_for_deletion", "user_hidden", "system_hidden")
_EXTRAS = ("custom_view", "related_lists", "business_card_fields", "layouts", "fields")


def get_modules(call: Call) -> Reply:
    """`GET /settings/modules` and `/settings/modules/{name or id}`.

    With If-Modified-Since only what changed since then, or 304. Other words in `status`, `include`: INVALID_DATA.
    """
    since, wanted, extras = modified_since(call), _words(call, "status", STATUSES), _words(call, "include", _EXTRAS)
    modules = {one.api_name: one for one in call.org.modules.values() if one.shown}
    rows = [_module(call, module) for module in modules.values()] + call.org.setup.unreadable
    if call.record_id is not None:
        rows = [one for one in rows if call.record_id in (one["api_name"], str(one["id"]))]
        if not rows:
            raise errors.invalid_module({"resource_path_index": 2})
        rows = [{**one, **_alone(modules[one["api_name"]])} for one in rows if one["api_name"] in modules] or rows
    rows.sort(key=lambda one: call.org.setup.places.get(one["api_name"], 0))
    if since is not None:
        rows = [one for one in rows if _changed(modules.get(one["api_name"]), since)]
        if not rows:
            return Reply(status=304)
    rows = [one for one in rows if not wanted or one.get("status", "visible") in wanted]
    if not rows:
        return NO_CONTENT
    return Reply.of(200, {"modules": [{**one, **_included(call, modules, one, extras)} for one in rows]})


def _words(call: Call, name: str, known: tuple[str, ...]) -> list[str]:
    words = [word.strip() for word in call.query.get(name, "").split(",") if word.strip()]
    if any(word not in known for word in words):
        raise errors.bad_param(name)
    return words


def _changed(module: Module | None, since: int) -> bool:
    return module is not None and module.modified is not None and module.modified >= since


def _alone(module: Module) -> Json:
    """What only the call for one module tells."""
    item = module.fields.get(module.display)
    name = None if item is None else {"api_name": item.api_name, "id": str(item.id)}
    return {"display_field": name, "per_page": 10, "custom_view": _default_view(module)}


def _default_view(module: Module) -> Json | None:
    views = views_of(module)
    return {"id": str(views[0].id), "name": views[0].name, "default": True} if views else None


def _included(call: Call, modules: dict[str, Module], row: Json, extras: list[str]) -> Json:
    """The parts named in `include` (OAS26:modules)."""
    module = modules.get(row["api_name"])
    if module is None:
        return {}
    makers: dict[str, Any] = {
        "custom_view": lambda: _default_view(module),
        "fields": lambda: fields_shown(call, module, list(module.fields.values())),
        "layouts": lambda: [layout_shown(call, module, one) for one in module.layouts],
        "business_card_fields": lambda: [one.api_name for one in module.fields.values() if one.visible][:5],
        "related_lists": lambda: [{"api_name": one.api_name} for one in related_lists(call.org, module)],
    }
    return {name: makers[name]() for name in extras}


def _module(call: Call, module: Module) -> Json:
    text, owner = zone_printer(call.user.time_zone), call.org.administrator.brief()
    return {
        "id": str(module.id),
        "api_name": module.api_name,
        "module_name": module.api_name if module.generated == "default" else module.plural,
        "singular_label": module.singular,
        "plural_label": module.plural,
        "actual_singular_label": module.singular,
        "actual_plural_label": module.plural,
        "generated_type": module.generated,
        "api_supported": True,
        "convertable": module.api_name == "Leads",
        "quick_create": True,
        "visibility": 1,
        "visible": True,
        "status": "visible",
        "recycle_bin_on_delete": not module.is_rows,
        "global_search_supported": True,
        "triggers_supported": True,
        "filter_supported": True,
        "sequence_number": module.sequence,
        "parent_module": {},
        "profiles": profiles_shown(call),
        "profile_count": len(profiles_shown(call)),
        "has_more_profiles": False,
        "access_type": "org_based",
        "business_card_field_limit": 5,
        "show_as_tab": not module.is_rows,
        "description": None,
        "web_link": None,
        "arguments": [],
        "isBlueprintSupported": not module.is_rows,
        "feeds_required": False,
        "webform_supported": module.api_name in ("Leads", "Contacts", "Cases") or module.generated == "custom",
        **module.known,
        **caller_flags(call.user, module),
        "modified_time": None if module.modified is None else text(module.modified),
        "modified_by": module.known.get("modified_by", None if module.modified is None else owner),
    }
