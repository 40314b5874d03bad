"""Search, and the count with filters (facts 3.8, 10)."""

from __future__ import annotations

import re
from collections.abc import Callable
from itertools import islice

from daemon.emulator import errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.params import approval_filter, choice, per_page, positive, read_fields, view_filter
from daemon.emulator.render import DOLLARS, Renderer
from daemon.emulator.search_criteria import compile_criteria
from daemon.emulator.store import Record

Passes = Callable[[Record], bool]
SEARCH_WALL = 2_000
_WAYS = ("criteria", "email", "phone", "word")


def chosen_filter(call: Call) -> Passes | None:
    """The one of criteria, email, phone and word that counts, in this order of precedence."""
    way = next((name for name in _WAYS if call.query.get(name)), None)
    if way is None:
        return None
    text = call.query[way]
    if way == "criteria":
        return compile_criteria(call.org, call.module, text)
    if way == "word":
        if len(text) < 2:
            raise errors.bad_param("word")
        return _anywhere(call, text.casefold())
    names = [item.api_name for item in call.module.fields.values() if item.data_type == way]
    wanted = text.casefold() if way == "email" else re.sub(r"\D", "", text)
    if not names or not wanted:
        raise errors.bad_param(way)
    if way == "email":
        return lambda record: any(str(record.values.get(name, "")).casefold() == wanted for name in names)
    return lambda record: any(wanted in re.sub(r"\D", "", str(record.values.get(name, ""))) for name in names)


def _anywhere(call: Call, word: str) -> Passes:
    names = [item.api_name for item in call.module.fields.values() if item.data_type not in ("datetime", "boolean")]
    return lambda record: any(word in str(record.values[name]).casefold() for name in names if name in record.values)


def _indexed(call: Call) -> Passes:
    """What the search index knows: it lags behind writes, and hides what waits for approval (facts 3.8, 11.16)."""
    lag, approved = float(call.quirks["search_index_delay"]), approval_filter(call)
    newest = call.org.clock.now() - lag

    def passes(record: Record) -> bool:
        return (lag == 0 or record.modified <= newest) and (approved is None or approved(record))

    return passes


def search_records(call: Call) -> Reply:
    """`GET /{module}/search`."""
    module, passes = call.module, chosen_filter(call)
    if passes is None:
        raise errors.missing_param("criteria")
    names = read_fields(call, required=False)
    size, page = per_page(call), positive(call, "page", 1)
    if page * size > SEARCH_WALL:
        text = "maximum response iteration limit reached"
        raise errors.refuse("LIMIT_REACHED", text, {"limit": str(SEARCH_WALL)})
    shown, converted = _indexed(call), choice(call, "converted", ("false", "true", "both"))
    keeps = view_filter(call)
    found = (
        record
        for record in call.org.visible(module.api_name).by_id(None, descending=True)
        if shown(record)
        and (converted == "both" or bool(record.values.get("Converted__s")) == (converted == "true"))
        and passes(record)
        and (keeps is None or keeps(record))
    )
    start = (page - 1) * size
    window = list(islice(found, start, start + size + 1))
    if not window:
        return NO_CONTENT
    row = Renderer(call.org, module, call.user).rows(names or [*module.fields, *DOLLARS])
    data = [row(record) for record in window[:size]]
    info = {
        "per_page": size, "count": len(data), "sort_by": "id", "page": page, "sort_order": "desc",
        "more_records": len(window) > size,
    }  # fmt: skip
    return Reply.of(200, {"data": data, "info": info})


def count_records(call: Call) -> Reply:
    """`GET /{module}/actions/count`, of all or by cvid, criteria, email, phone, word (facts 10)."""
    table, passes = call.org.visible(call.module.api_name), view_filter(call) or chosen_filter(call)
    count = len(table) if passes is None else sum(1 for record in table.by_id(None) if passes(record))
    return Reply.of(200, {"count": str(count) if call.quirks["count_type"] == "string" else count})
