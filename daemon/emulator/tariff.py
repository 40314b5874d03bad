"""What a call counts as: its module, its price in credits, whether it is a complex one (facts 9.2, 9.3)."""

from __future__ import annotations

from daemon.emulator import reads_http
from daemon.emulator.bulk_paths import BULK_PRICES
from daemon.emulator.bulk_write_http import module_in_body
from daemon.emulator.call import Call
from daemon.emulator.coql import credits_for
from daemon.emulator.credits import price_of_records
from daemon.emulator.request import Request
from daemon.emulator.routes import Route

_SMALL_WRITE = 10


def module_of(request: Request, route: Route) -> str | None:
    """The module that a call is about, as far as path, parameters or query tell."""
    if route.kind == "coql":
        words = request.body.decode("utf-8", "replace").split()
        lower = [word.lower() for word in words]
        place = lower.index("from") + 1 if "from" in lower else len(words)
        return words[place].strip("\",'}\\") if place < len(words) else None
    if route.kind in ("fields", "create_field", "layouts"):
        return request.query.get("module")
    if route.kind in BULK_PRICES:
        return module_in_body(request.body)
    return route.module


def price_of(call: Call) -> int:
    """Credits of a call (facts 9.2)."""
    if call.kind in BULK_PRICES:
        return BULK_PRICES[call.kind]
    if call.kind == "coql":
        return credits_for(reads_http.parse_coql(call))
    if call.kind in ("insert", "update", "upsert"):
        data = call.json.get("data")
        return price_of_records(min(len(data), 100)) if isinstance(data, list) else 1
    if call.kind == "create_field":
        return 10
    if call.kind == "list" and "cvid" in call.query:
        return 3
    return int(call.quirks["deleted_credits"]) if call.kind == "deleted" else 1


def is_sub(kind: str, request: Request) -> bool:
    """Whether the call counts against the small pool (facts 9.3)."""
    if kind == "list":
        return "sort_by" in request.query or "cvid" in request.query
    if kind in ("insert", "update", "upsert"):
        return request.body.count(b"},{") + request.body.count(b"}, {") >= _SMALL_WRITE
    return kind == "coql"
