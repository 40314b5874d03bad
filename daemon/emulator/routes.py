"""From method and path to the kind of call (facts 1.1, 1.8). Every `/crm/vN` from 2 to 8 answers alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.emulator import errors
from daemon.emulator.bulk_paths import find_bulk

_PREFIX = re.compile(r"^/crm/v(?P<version>[2-8])/(?P<rest>.+?)/?$")
_FIXED: dict[str, dict[str, str]] = {
    "coql": {"POST": "coql"},
    "users": {"GET": "users"},
    "org": {"GET": "org"},
    "org/currencies": {"GET": "currencies"},
    "__features": {"GET": "features"},
    "settings/modules": {"GET": "modules"},
    "settings/fields": {"GET": "fields", "POST": "create_field"},
    "settings/layouts": {"GET": "layouts"},
    "settings/roles": {"GET": "roles"},
    "settings/profiles": {"GET": "profiles"},
    "settings/related_lists": {"GET": "related_lists"},
    "settings/custom_views": {"GET": "custom_views"},
    "settings/tags": {"GET": "tags", "POST": "create_tags"},
    "settings/recycle_bin": {"GET": "bin", "DELETE": "bin_delete"},
    "settings/recycle_bin/actions/count": {"GET": "bin_count"},
    "settings/recycle_bin/actions/restore": {"POST": "bin_restore"},
    "settings/recycle_bin/actions/empty": {"POST": "bin_empty"},
}
_ONE_OF: dict[str, dict[str, str]] = {
    **{name: {"GET": _FIXED[name]["GET"]} for name in _FIXED if "GET" in _FIXED[name]},
    "settings/fields": {"GET": "fields", "PATCH": "change_field", "DELETE": "delete_field"},
    "settings/recycle_bin": {"GET": "bin", "DELETE": "bin_delete"},
    "settings/tags": {"DELETE": "delete_tag"},
}
_RESTORE_ONE = re.compile(r"^settings/recycle_bin/(?P<item>[^/]+)/actions/restore$")
_OF_MODULE: dict[tuple[str, ...], dict[str, str]] = {
    (): {"GET": "list", "POST": "insert", "PUT": "update", "DELETE": "delete"},
    ("upsert",): {"POST": "upsert"},
    ("deleted",): {"GET": "deleted"},
    ("search",): {"GET": "search"},
    ("actions", "count"): {"GET": "count"},
    ("actions", "fetch_full_data"): {"GET": "full_data"},
    ("actions", "mass_delete"): {"GET": "mass_delete_job", "POST": "mass_delete"},
    ("actions", "change_owner"): {"POST": "change_owner"},
    ("actions", "add_tags"): {"POST": "add_tags"},
    ("actions", "remove_tags"): {"POST": "remove_tags"},
}
_OF_RECORD: dict[tuple[str, ...], dict[str, str]] = {
    (): {"GET": "get", "PUT": "update", "DELETE": "delete"},
    ("actions", "fetch_full_data"): {"GET": "full_data"},
    ("actions", "merge"): {"GET": "merge_job", "POST": "merge"},
    ("actions", "convert"): {"POST": "convert"},
    ("actions", "change_owner"): {"POST": "change_owner"},
    ("actions", "add_tags"): {"POST": "add_tags"},
    ("actions", "remove_tags"): {"POST": "remove_tags"},
}
_BESIDE: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "Attachments": (
        {"GET": "attachments", "POST": "attach", "DELETE": "detach"},
        {"GET": "attachment", "DELETE": "detach"},
    ),
    "Locking_Information__s": ({"GET": "lock_info", "POST": "lock"}, {"GET": "lock_info", "DELETE": "unlock"}),
}
"""What stands beside a record under a fixed name: the verbs of the whole, and of one."""
_RELATED: tuple[dict[str, str], dict[str, str]] = (
    {"GET": "related", "POST": "add_note", "PUT": "link", "DELETE": "unlink"},
    {"GET": "related", "DELETE": "unlink"},
)
_MODULE_NAME = re.compile(r"^[A-Za-z]\w*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a path names."""

    kind: str
    version: int
    module: str | None = None
    item: str | None = None
    related: str | None = None
    part: str | None = None


def find_route(method: str, path: str) -> Route:
    """The route of a CRM path, or INVALID_URL_PATTERN, or INVALID_REQUEST_METHOD."""
    bulk = find_bulk(path)
    if bulk is not None:
        version, item, verbs = bulk
        return Route(kind=_verb(verbs, method), version=version, item=item)
    return _crm_route(method, path)


def _crm_route(method: str, path: str) -> Route:
    match = _PREFIX.match(path)
    if match is None:
        raise errors.invalid_url()
    version, rest = int(match["version"]), match["rest"]
    if rest in _FIXED:
        return Route(kind=_verb(_FIXED[rest], method), version=version)
    restored = _RESTORE_ONE.match(rest)
    if restored is not None:
        return Route(kind=_verb({"POST": "bin_restore"}, method), version=version, item=restored["item"])
    head, _, last = rest.rpartition("/")
    if head in _ONE_OF:
        return Route(kind=_verb(_ONE_OF[head], method), version=version, item=last)
    return _record_route(method, version, rest)


def _record_route(method: str, version: int, rest: str) -> Route:
    module, *more = rest.split("/")
    if module in ("settings", "actions", "bulk", "users", "org", "coql") or not _MODULE_NAME.match(module):
        raise errors.invalid_url()
    if tuple(more) in _OF_MODULE:
        return Route(kind=_verb(_OF_MODULE[tuple(more)], method), version=version, module=module)
    if more and tuple(more[1:]) in _OF_RECORD and more[0] != "actions":
        kind = _verb(_OF_RECORD[tuple(more[1:])], method)
        return Route(kind=kind, version=version, module=module, item=more[0])
    return _beside(method, version, module, more)


def _beside(method: str, version: int, module: str, more: list[str]) -> Route:
    """`/{module}/{id}/{name}` and `/{module}/{id}/{name}/{part}`."""
    if not 2 <= len(more) <= 3 or "actions" in more or not _MODULE_NAME.match(more[1]):
        raise errors.invalid_url()
    item, name, part = more[0], more[1], more[2] if len(more) == 3 else None
    kind = _verb(_BESIDE.get(name, _RELATED)[part is not None], method)
    if kind == "add_note" and name != "Notes":
        raise errors.invalid_method()
    return Route(kind=kind, version=version, module=module, item=item, related=name, part=part)


def _verb(verbs: dict[str, str], method: str) -> str:
    if method not in verbs:
        raise errors.invalid_method()
    return verbs[method]
