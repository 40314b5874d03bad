"""Which scopes a call needs (facts 1.7). A call may be allowed in several ways; each way is a set of scopes."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.emulator.bulk_paths import BULK_VERBS

_VERBS = {
    "list": "READ", "get": "READ", "deleted": "READ", "full_data": "READ", "related": "READ", "attachments": "READ",
    "attachment": "READ", "lock_info": "READ", "merge_job": "READ", "mass_delete_job": "DELETE",
    "insert": "CREATE", "add_note": "CREATE", "attach": "CREATE", "convert": "CREATE", "lock": "CREATE",
    "update": "UPDATE", "merge": "UPDATE", "add_tags": "UPDATE", "remove_tags": "UPDATE", "link": "UPDATE",
    "unlink": "UPDATE",
    "delete": "DELETE", "detach": "DELETE", "unlock": "DELETE",
}  # fmt: skip
_SETTINGS = {
    "modules": ("modules", "READ"), "fields": ("fields", "READ"), "layouts": ("layouts", "READ"),
    "create_field": ("fields", "CREATE"), "change_field": ("fields", "UPDATE"), "delete_field": ("fields", "DELETE"),
    "roles": ("roles", "READ"), "profiles": ("profiles", "READ"), "related_lists": ("related_lists", "READ"),
    "custom_views": ("custom_views", "READ"),
    "tags": ("tags", "READ"), "create_tags": ("tags", "CREATE"), "delete_tag": ("tags", "DELETE"),
    "currencies": ("currencies", "READ"), "bin": ("recycle_bin", "READ"), "bin_count": ("recycle_bin", "READ"),
    "bin_restore": ("recycle_bin", "UPDATE"), "bin_delete": ("recycle_bin", "DELETE"),
    "bin_empty": ("recycle_bin", "DELETE"),
}  # fmt: skip


_WAYS: dict[str, tuple[tuple[str, ...], ...]] = {
    **{kind: ((f"modules.{verb}",),) for kind, verb in _VERBS.items()},
    "upsert": (("modules.CREATE", "modules.UPDATE"),),
    "mass_delete": (("ZohoCRM.mass_delete.DELETE",), ("modules.DELETE",)),
    "change_owner": (("ZohoCRM.change_owner.CREATE",), ("modules.UPDATE",)),
    "count": (("modules.READ",),),
    "search": (("modules.READ", "ZohoSearch.securesearch.READ"),),
    "coql": (("modules.READ", "ZohoCRM.coql.READ"),),
    "coql_meta": tuple(
        ("modules.READ", "ZohoCRM.coql.READ", settings)
        for settings in ("ZohoCRM.settings.READ", "ZohoCRM.settings.fields.READ")
    ),
}
"""The ways to be allowed a call; each is a set of scopes, `modules` being any scope on the call's module."""


def allowed(scopes: Iterable[str], kind: str, module: str | None, *, custom: bool = False) -> bool:
    """Whether a token with these scopes may make a call of this kind; `custom`: the module is a custom one.

    A query in COQL needs the scope of its outer module alone, whatever it joins; one without a module, of any.
    """
    held = {scope.strip().upper() for scope in scopes}
    names = ["ZohoCRM.modules"] + ([f"ZohoCRM.modules.{module}"] if module else [])
    names += [f"ZohoCRM.modules.{module.replace('_', '')}"] if module else []  # salesorders, as Zoho's pages spell it
    names += ["ZohoCRM.modules.custom"] if custom else []
    if module is None and kind in ("coql", "coql_meta"):
        names = [one.rpartition(".")[0] for one in held if one.startswith("ZOHOCRM.MODULES.")]
    if kind in BULK_VERBS:
        return _bulk(held, kind, names)
    if kind in _SETTINGS:
        return _setting(held, *_SETTINGS[kind])
    if kind in ("users", "org", "features"):
        return _one_of(held, f"ZohoCRM.{kind}", "READ")
    return kind in _WAYS and any(all(_holds(held, names, need) for need in way) for way in _WAYS[kind])


def _holds(held: set[str], names: list[str], need: str) -> bool:
    name, _, verb = need.rpartition(".")
    return _records(held, names, verb) if name == "modules" else _one_of(held, name, verb)


def _setting(held: set[str], name: str, verb: str) -> bool:
    return _one_of(held, "ZohoCRM.settings", verb) or _one_of(held, f"ZohoCRM.settings.{name}", verb)


def _bulk(held: set[str], kind: str, names: list[str]) -> bool:
    if kind == "bulk_read" and not _records(held, names, "READ"):
        return False
    return any(_one_of(held, name, verb) for name, verb in BULK_VERBS[kind])


def _records(held: set[str], names: list[str], verb: str) -> bool:
    verbs = (verb, "WRITE") if verb in ("CREATE", "UPDATE") else (verb,)
    return any(_one_of(held, name, one) for name in names for one in verbs)


def _one_of(held: set[str], name: str, verb: str) -> bool:
    return f"{name}.{verb}".upper() in held or f"{name}.ALL".upper() in held
