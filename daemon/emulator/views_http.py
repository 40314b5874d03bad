"""The calls on custom views, `GET /settings/custom_views?module=` (facts 2.1, 6; shapes of OAS26:custom-views)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.metadata_http import module_of_parameter
from daemon.emulator.params import per_page, positive
from daemon.emulator.schema import Module, View
from daemon.emulator.views import views_of

Json = dict[str, Any]
_CATEGORIES = {
    "public_views": "Public Views",
    "other_users_views": "Other User's Views",
    "shared_with_me": "Shared With Me",
    "created_by_me": "Created By Me",
}
_COLUMNS = 6


def get_custom_views(call: Call) -> Reply:
    """`GET /settings/custom_views` and `/{id}`; criteria and columns only for one."""
    module = module_of_parameter(call)
    views = views_of(module)
    if call.record_id is not None:
        found = next((view for view in views if str(view.id) == call.record_id), None)
        if found is None:
            raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
        whole = {**_view(call, found, views), **_inside(module, found)}
        return Reply.of(200, {"custom_views": [whole], "info": {"translation": _CATEGORIES}})
    size, page = per_page(call), positive(call, "page", 1)
    chosen = views[(page - 1) * size : page * size]
    if not chosen:
        return NO_CONTENT
    info = {
        "per_page": size,
        "default": str(views[0].id),
        "count": len(chosen),
        "translation": _CATEGORIES,
        "page": page,
        "more_records": page * size < len(views),
    }
    return Reply.of(200, {"custom_views": [_view(call, view, views) for view in chosen], "info": info})


def _view(call: Call, view: View, views: list[View]) -> Json:
    made = None if view.created is None else zone_printer(call.user.time_zone)(view.created)
    by = None if view.system_name else call.org.administrator.brief()
    return {
        "display_value": view.name,
        "created_time": made,
        "access_type": "public",
        "system_name": view.system_name,
        "created_by": by,
        "default": view is views[0],
        "modified_time": made,
        "name": view.name,
        "system_defined": view.system_name is not None,
        "modified_by": by,
        "id": str(view.id),
        "category": "public_views",
        "last_accessed_time": None,
        "locked": False,
        "favorite": None,
    }


def _inside(module: Module, view: View) -> Json:
    columns = [item for item in module.fields.values() if item.visible][:_COLUMNS]
    return {
        "criteria": _described(module, view.criteria),
        "shared_to": None,
        "sort_by": None,
        "sort_order": None,
        "fields": [{"api_name": item.api_name, "_pin": False, "id": str(item.id)} for item in columns],
    }


def _described(module: Module, criteria: Json | None) -> Json | None:
    """The criteria with the ids of their fields."""
    if criteria is None:
        return None
    if "group" in criteria:
        return {**criteria, "group": [_described(module, one) for one in criteria["group"]]}
    item = module.fields.get(criteria["field"]["api_name"])
    field = {**criteria["field"], "id": None if item is None else str(item.id)}
    return {**criteria, "field": field, "type": "value"}
