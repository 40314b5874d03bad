"""Metadata as Zoho sends it, for a snapshot of an org: every key, whether this project knows it or not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from daemon.zoho.caller import Call, Caller
from daemon.zoho.client import Zoho
from daemon.zoho.coql import name
from daemon.zoho.errors import BadAnswer, CredentialRefused, RequestRefused
from daemon.zoho.shapes import WrongShapeError, as_id

Json = dict[str, object]
SCHEMA: Final = 1
_SETTINGS: Final = "ZohoCRM.settings.ALL"
_MOST_PAGES: Final = 500


def snapshot(
    zoho: Zoho, left_out: Callable[[str], None], told: Callable[[int, int], None] = lambda _done, _of: None
) -> Json:
    """Org, users, profiles, roles, currencies, modules, fields and layouts; no records, no secrets. `told` hears how
    many modules of how many are read.

    What the org does not show (a module without fields, profiles without the right to manage them) is told and left
    out. Costs two credits a module, one a profile and a few more; raises as reads do.
    """
    caller = zoho._caller
    modules = _rows(caller, "settings/modules", "modules", _SETTINGS)
    readable = [str(one["api_name"]) for one in modules if one.get("api_supported") is True]
    hidden = {one["api_name"] for one in modules if one.get("viewable") is False}
    fields, layouts = {}, {}
    for number, module in enumerate(readable):
        told(number, len(readable))
        if module in hidden:
            left_out(module)
            continue
        try:
            fields[module] = _rows(caller, "settings/fields", "fields", _SETTINGS, {"module": name(module)})
            layouts[module] = _rows(caller, "settings/layouts", "layouts", _SETTINGS, {"module": name(module)})
        except (RequestRefused, ValueError):
            fields.pop(module, None)
        if not fields.get(module):
            left_out(module)
    orgs = _rows(caller, "org", "org", "ZohoCRM.org.READ")
    if not orgs:
        raise BadAnswer(zoho.org.name, "GET org was answered with nothing")
    return {
        "schema": SCHEMA,
        "org": orgs[0],
        "users": _users(caller),
        "modules": modules,
        "fields": fields,
        "layouts": layouts,
        **_setup(caller, left_out),
    }


def _setup(caller: Caller, left_out: Callable[[str], None]) -> Json:
    """Profiles with their permissions, roles, currencies: as many of them as the credential may see."""
    found: Json = {}
    for path, key in (("settings/roles", "roles"), ("org/currencies", "currencies"), ("settings/profiles", "profiles")):
        try:
            rows = _rows(caller, path, key, _SETTINGS)
            if key == "profiles":
                rows = [_rows(caller, f"{path}/{as_id(key, one.get('id'))}", key, _SETTINGS)[0] for one in rows]
        except (RequestRefused, CredentialRefused, WrongShapeError, IndexError):
            left_out(key)
        else:
            found[key] = rows
    return found


def _users(caller: Caller) -> list[Json]:
    people: list[Json] = []
    for page in range(1, _MOST_PAGES + 1):
        params = {"type": "AllUsers", "page": str(page), "per_page": "200"}
        some = _rows(caller, "users", "users", "ZohoCRM.users.READ", params)
        people += some
        if len(some) < 200:
            break
    return people


def _rows(caller: Caller, path: str, key: str, scope: str, params: Mapping[str, str] | None = None) -> list[Json]:
    """The objects under `key`; nothing for 204."""

    def understand(found: Mapping[str, object]) -> list[Json]:
        rows = found.get(key)
        if not isinstance(rows, list) or not all(isinstance(one, dict) for one in rows):
            raise WrongShapeError(key, "a list of objects", rows)
        return rows

    return caller.read(Call(method="GET", path=path, scope=scope, params=params or {}), understand, [])
