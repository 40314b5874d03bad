"""What a call counts as: its module, its price in credits, whether it is a complex one (facts 9.2, 9.3)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import coql_parse, errors, reads_http
from daemon.emulator.bulk_paths import BULK_PRICES
from daemon.emulator.bulk_write_http import module_in_body
from daemon.emulator.call import Call
from daemon.emulator.coql import credits_for
from daemon.emulator.credits import price_of_records
from daemon.emulator.quirks import Quirks
from daemon.emulator.request import Request
from daemon.emulator.routes import Route

_SMALL_WRITE = 10
_BY_PARAMETER = frozenset(
    {
        "fields",
        "create_field",
        "change_field",
        "delete_field",
        "layouts",
        "related_lists",
        "custom_views",
        "tags",
        "create_tags",
    }
)
_FLAT = {"create_field": 10, "convert": 5, "merge": 50}
_PER = {"mass_delete": 100, "add_tags": 50, "remove_tags": 50}
_COMPLEX = frozenset({"coql", "search", "convert"})


def module_of(request: Request, route: Route) -> str | None:
    """The module that a call is about, as far as path, parameters or query tell."""
    if route.kind == "coql":
        return _queried(request.json.get("select_query"))
    if route.kind in _BY_PARAMETER:
        return request.query.get("module")
    if route.kind in BULK_PRICES:
        return module_in_body(request.body)
    return route.module


def _queried(text: Any) -> str | None:
    """The outer module of a query; None when it cannot be read, which its handler tells the caller."""
    try:
        return coql_parse.parse(text).module if isinstance(text, str) else None
    except errors.ZohoError:
        return None


def scope_kind(kind: str, request: Request, quirks: Quirks) -> str:
    """The kind of a call as far as its scopes go: COQL with `include_meta`, and count where it is a search (1.7)."""
    if kind == "count" and quirks["count_scope"] == "search":
        return "search"
    meta = request.json.get("include_meta") if kind == "coql" else None
    return "coql_meta" if isinstance(meta, list) and meta else kind


def price_of(call: Call) -> int:
    """Credits of a call (facts 9.2)."""
    kind, quirks = call.kind, call.quirks
    fixed = {"search": int(quirks["search_credits"]), "deleted": int(quirks["deleted_credits"])}
    if kind == "coql":
        return credits_for(reads_http.parse_coql(call))
    if kind in ("insert", "update", "upsert"):
        data = call.json.get("data")
        return price_of_records(min(len(data), 100)) if isinstance(data, list) else 1
    if kind in _PER:
        ids = call.json.get("ids") if call.raw_body else None
        return max(1, -(-len(ids) // _PER[kind])) if isinstance(ids, list) else 1
    if kind == "list" and "cvid" in call.query:
        return 3
    return {**BULK_PRICES, **_FLAT, **fixed}.get(kind, 1)


def is_sub(kind: str, request: Request) -> bool:
    """Whether the call counts against the small pool (facts 9.3)."""
    if kind == "list":
        return "sort_by" in request.query or "cvid" in request.query
    if kind in ("insert", "update", "upsert"):
        return request.body.count(b"{") > _SMALL_WRITE + 1 and request.records > _SMALL_WRITE
    return kind in _COMPLEX
