"""Which scopes a call needs (facts 1.7). A call may be allowed in several ways; each way is a set of scopes."""

from __future__ import annotations

from collections.abc import Iterable

from daemon.emulator.bulk_paths import BULK_VERBS

_VERBS = {
    "list": "READ", "get": "READ", "deleted": "READ", "full_data": "READ",
    "insert": "CREATE", "update": "UPDATE", "delete": "DELETE",
}  # fmt: skip
_SETTINGS = {"modules": "modules", "fields": "fields", "layouts": "layouts", "create_field": "fields"}


def allowed(scopes: Iterable[str], kind: str, module: str | None) -> bool:
    """Whether a token with these scopes may make a call of this kind."""
    held = {scope.strip().upper() for scope in scopes}
    if kind == "upsert":
        return _records(held, module, "CREATE") and _records(held, module, "UPDATE")
    if kind in _VERBS:
        return _records(held, module, _VERBS[kind])
    if kind in ("coql", "count"):
        reads, word = _records(held, module, "READ"), "ZohoSearch.securesearch" if kind == "count" else "ZohoCRM.coql"
        extra = _one_of(held, word, "READ")
        return reads and extra if kind == "coql" else reads or extra
    if kind in _SETTINGS:
        verb = "CREATE" if kind == "create_field" else "READ"
        return _one_of(held, "ZohoCRM.settings", verb) or _one_of(held, f"ZohoCRM.settings.{_SETTINGS[kind]}", verb)
    if kind in ("users", "org"):
        return _one_of(held, f"ZohoCRM.{kind}", "READ")
    return kind not in BULK_VERBS or _bulk(held, kind, module)


def _bulk(held: set[str], kind: str, module: str | None) -> bool:
    if kind == "bulk_read" and not _records(held, module, "READ"):
        return False
    return any(_one_of(held, name, verb) for name, verb in BULK_VERBS[kind])


def _records(held: set[str], module: str | None, verb: str) -> bool:
    verbs = (verb, "WRITE") if verb in ("CREATE", "UPDATE") else (verb,)
    names = ["ZohoCRM.modules"] + ([f"ZohoCRM.modules.{module}"] if module else [])
    return any(_one_of(held, name, one) for name in names for one in verbs)


def _one_of(held: set[str], name: str, verb: str) -> bool:
    return f"{name}.{verb}".upper() in held or f"{name}.ALL".upper() in held
