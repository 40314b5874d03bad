"""The calls on how an org is set up: roles, profiles, currencies, related lists, features (facts 6)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.metadata_http import module_of_parameter
from daemon.emulator.people import FOUNDED, Profile, Role
from daemon.emulator.related import RelatedList, related_lists
from daemon.emulator.rights import permissions, profiles_of, roles_of

Json = dict[str, Any]
_ONLY_ALONE = frozenset({"permissions_details", "sections"})
_FEATURES = (("custom_fields", 155), ("workflow_rules", 100), ("custom_modules", 25))


def _one_or_all(call: Call, key: str, shown: list[Json]) -> Reply:
    if call.record_id is not None:
        shown = [one for one in shown if str(one.get("id")) == call.record_id]
        if not shown:
            raise errors.refuse("INVALID_DATA", "the id given seems to be invalid", {"resource_path_index": 2})
    return Reply.of(200, {key: shown})


def get_roles(call: Call) -> Reply:
    """`GET /settings/roles` and `/{id}`: everyone reports to the first."""
    roles = roles_of(call.org)
    return _one_or_all(call, "roles", [_role(call, role, roles[0]) for role in roles])


def _role(call: Call, role: Role, top: Role) -> Json:
    stamp = zone_printer(call.user.time_zone)(FOUNDED)
    return {
        **role.as_json(),
        "display_label": role.name,
        "api_name": role.name,
        "reporting_to": None if role.id == top.id else top.as_json(),
        "share_with_peers": role.id == top.id,
        "admin_user": role.id == top.id,
        "description": None,
        "forecast_manager": None,
        "created_time__s": stamp,
        "modified_time__s": stamp,
        "created_by__s": None,
        "modified_by__s": None,
        **role.known,
    }


def get_profiles(call: Call) -> Reply:
    """`GET /settings/profiles`, and `/{id}` with the permissions."""
    profiles = profiles_of(call.org)
    if call.record_id is None:
        shown = [_profile(one) for one in profiles]
        info = {"page": 1, "per_page": 200, "count": len(shown), "more_records": False, "license_limit": 200}
        return Reply.of(200, {"profiles": shown, "info": info})
    chosen = [one for one in profiles if call.record_id == str(one.id)]
    return _one_or_all(call, "profiles", [{**_profile(one), **_rights(call, one)} for one in chosen])


def _profile(profile: Profile) -> Json:
    return {
        **profile.as_json(),
        "display_label": profile.name,
        "api_name": profile.name.replace(" ", "_"),
        "type": "normal_profile",
        "custom": profile.custom,
        "description": None,
        "created_time": None,
        "modified_time": None,
        "created_by": None,
        "modified_by": None,
        **{key: value for key, value in profile.known.items() if key not in _ONLY_ALONE},
    }


def _rights(call: Call, profile: Profile) -> Json:
    """What each permission says, and in which section the web client shows it (facts 1.8)."""
    details = permissions(call.org, profile)
    modules = list(dict.fromkeys(one["module"] for one in details if one["module"]))
    by_module = [_category(name, [one for one in details if one["module"] == name]) for name in modules]
    setup = _category("Setup", [one for one in details if not one["module"]])
    sections = [{"name": "module", "categories": by_module}, {"name": "setup", "categories": [setup]}]
    known = {key: value for key, value in profile.known.items() if key in _ONLY_ALONE}
    return {"permissions_details": details, "sections": sections, **known}


def _category(name: str, details: list[Json]) -> Json:
    return {"display_label": name, "name": name, "permissions_details": [one["id"] for one in details]}


def get_currencies(call: Call) -> Reply:
    """`GET /org/currencies`: the home currency, or what a snapshot says."""
    if call.org.setup.currencies:
        return _one_or_all(call, "currencies", call.org.setup.currencies)
    name, code, symbol = call.org.site.currency
    stamp = zone_printer(call.user.time_zone)(FOUNDED)
    home = {
        "id": str(call.org.org_id + 1_000_000),
        "name": name,
        "iso_code": code,
        "symbol": symbol,
        "is_base": True,
        "is_active": True,
        "exchange_rate": "1.000000000",
        "prefix_symbol": True,
        "format": {"decimal_separator": "Period", "thousand_separator": "Comma", "decimal_places": "2"},
        "created_time": stamp,
        "modified_time": stamp,
        "created_by": call.org.administrator.brief(),
        "modified_by": call.org.administrator.brief(),
    }
    return _one_or_all(call, "currencies", [home])


def get_related_lists(call: Call) -> Reply:
    """`GET /settings/related_lists?module=` and `/{id}?module=`."""
    module = module_of_parameter(call)
    shown = [
        {"id": str(module.id + 700_000 + place), **_related(call, one), "sequence_number": str(place + 1)}
        for place, one in enumerate(related_lists(call.org, module))
    ]
    return _one_or_all(call, "related_lists", shown) if shown else NO_CONTENT


def _related(call: Call, one: RelatedList) -> Json:
    several = one.link is not None
    return {
        "api_name": one.api_name,
        "name": one.label,
        "display_label": one.label,
        "module": {"api_name": one.module, "id": str(call.org.modules[one.module].id)},
        "type": "multiselectlookup" if several else "default",
        "connectedmodule": one.link.child if one.link is not None else None,
        "linkingmodule": one.link.child if one.link is not None else None,
        "href": f"{call.query.get('module')}/{{ENTITYID}}/{one.api_name}",
        "action": None,
        "visible": True,
        "customize_fields": True,
        "customize_sort": True,
        "customize_display_label": True,
        "sort_by": None,
        "sort_order": None,
    }


def get_features(call: Call) -> Reply:
    """`GET /__features?module=&api_names=`."""
    names = {name for name in call.query.get("api_names", "").split(",") if name}
    module = call.org.modules.get(call.query.get("module", ""))
    if call.query.get("module") and module is None:
        raise errors.invalid_module({})
    fields = module.fields.values() if module is not None else ()
    used = {"custom_fields": sum(item.custom for item in fields)}
    used["custom_modules"] = sum(one.generated == "custom" for one in call.org.modules.values())
    shown = [_feature(name, total, used.get(name, 0)) for name, total in _FEATURES if not names or name in names]
    if not shown:
        return NO_CONTENT
    info = {"per_page": 200, "count": len(shown), "page": 1, "more_records": False}
    return Reply.of(200, {"__features": shown, "info": info})


def _feature(name: str, total: int, used: int) -> Json:
    return {
        "api_name": name,
        "parent_feature": None,
        "details": {
            "limits": {"total": total, "edition_limit": total},
            "used_count": {"total": used},
            "available_count": {"total": max(0, total - used)},
        },
        "components": [],
        "module_supported": True,
        "feature_label": name.replace("_", " ").title(),
    }
