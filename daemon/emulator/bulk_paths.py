"""Paths, scopes and prices of the bulk calls (facts 1.1, 1.7, 7, 9.2). Knows no other room of the emulator."""

from __future__ import annotations

import re
from collections.abc import Mapping

Verbs = dict[str, str]
_CRM = r"^/crm/bulk/v(?P<version>[2-8])"
_PATHS: tuple[tuple[re.Pattern[str], Verbs], ...] = (
    (re.compile(rf"{_CRM}/read/?$"), {"POST": "bulk_read"}),
    (re.compile(rf"{_CRM}/read/(?P<item>[^/]+)/?$"), {"GET": "bulk_read_status"}),
    (re.compile(rf"{_CRM}/read/(?P<item>[^/]+)/result/?$"), {"GET": "bulk_read_result"}),
    (re.compile(rf"{_CRM}/write/?$"), {"POST": "bulk_write"}),
    (re.compile(rf"{_CRM}/write/(?P<item>[^/]+)/?$"), {"GET": "bulk_write_status"}),
    (re.compile(r"^/crm/v(?P<version>[2-8])/upload/?$"), {"POST": "upload"}),
    # clients that join a root with a slash and this path ask with two slashes; the SDK does
    (
        re.compile(r"^//?v(?P<version>2)/crm/\d+/bulk-write/(?P<item>\d+)/(?P=item)\.zip$"),
        {"GET": "bulk_write_result"},
    ),
)
BULK_PRICES: Mapping[str, int] = {"bulk_read": 50, "bulk_write": 500}
_BULK, _FILES = "ZohoCRM.bulk", "ZohoFiles.files"
BULK_VERBS: Mapping[str, tuple[tuple[str, str], ...]] = {
    "bulk_read": ((_BULK, "READ"),),
    "bulk_read_status": ((_BULK, "READ"),),
    "bulk_read_result": ((_BULK, "READ"),),
    "upload": ((_FILES, "CREATE"),),
    "bulk_write": ((_BULK, "CREATE"),),
    "bulk_write_status": ((_BULK, "READ"), (_BULK, "CREATE")),
    "bulk_write_result": ((_BULK, "READ"), (_BULK, "CREATE")),
}


def find_bulk(path: str) -> tuple[int, str | None, Verbs] | None:
    """Version, item and verbs of a bulk path; None for any other path."""
    for pattern, verbs in _PATHS:
        match = pattern.match(path)
        if match is not None:
            return int(match["version"]), match.groupdict().get("item"), verbs
    return None
