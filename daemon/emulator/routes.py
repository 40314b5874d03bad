"""From method and path to the kind of call (facts 1.1, 1.8). Every `/crm/vN` from 2 to 8 answers alike."""

from __future__ import annotations

import re
from dataclasses import dataclass

from daemon.emulator import errors
from daemon.emulator.bulk_paths import find_bulk

_PREFIX = re.compile(r"^/crm/v(?P<version>[2-8])(\.\d)?/(?P<rest>.+?)/?$")
_FIXED: dict[str, dict[str, str]] = {
    "coql": {"POST": "coql"},
    "users": {"GET": "users"},
    "org": {"GET": "org"},
    "settings/modules": {"GET": "modules"},
    "settings/fields": {"GET": "fields", "POST": "create_field"},
    "settings/layouts": {"GET": "layouts"},
}
_ONE_OF: dict[str, dict[str, str]] = {name: {"GET": _FIXED[name]["GET"]} for name in _FIXED if "GET" in _FIXED[name]}
_OF_MODULE: dict[tuple[str, ...], dict[str, str]] = {
    (): {"GET": "list", "POST": "insert", "PUT": "update", "DELETE": "delete"},
    ("upsert",): {"POST": "upsert"},
    ("deleted",): {"GET": "deleted"},
    ("actions", "count"): {"GET": "count"},
    ("actions", "fetch_full_data"): {"GET": "full_data"},
}
_OF_RECORD: dict[tuple[str, ...], dict[str, str]] = {
    (): {"GET": "get", "PUT": "update", "DELETE": "delete"},
    ("actions", "fetch_full_data"): {"GET": "full_data"},
}
_MODULE_NAME = re.compile(r"^[A-Za-z]\w*$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """What a path names."""

    kind: str
    version: int
    module: str | None = None
    item: str | None = None


def find_route(method: str, path: str) -> Route:
    """The route of a CRM path, or INVALID_URL_PATTERN, or INVALID_REQUEST_METHOD."""
    bulk = find_bulk(path)
    if bulk is not None:
        version, item, verbs = bulk
        return Route(kind=_verb(verbs, method), version=version, item=item)
    match = _PREFIX.match(path)
    if match is None:
        raise errors.invalid_url()
    version, rest = int(match["version"]), match["rest"]
    if rest in _FIXED:
        return Route(kind=_verb(_FIXED[rest], method), version=version)
    head, _, last = rest.rpartition("/")
    if head in _ONE_OF:
        return Route(kind=_verb(_ONE_OF[head], method), version=version, item=last)
    module, *more = rest.split("/")
    if module in ("settings", "actions", "bulk", "users", "org", "coql") or not _MODULE_NAME.match(module):
        raise errors.invalid_url()
    if tuple(more) in _OF_MODULE:
        return Route(kind=_verb(_OF_MODULE[tuple(more)], method), version=version, module=module)
    if more and tuple(more[1:]) in _OF_RECORD and more[0] != "actions":
        kind = _verb(_OF_RECORD[tuple(more[1:])], method)
        return Route(kind=kind, version=version, module=module, item=more[0])
    raise errors.invalid_url()


def _verb(verbs: dict[str, str], method: str) -> str:
    if method not in verbs:
        raise errors.invalid_method()
    return verbs[method]
