"""The read calls on records: list, get, deleted, fetch_full_data and COQL (facts 2, 3, 5.2, 10)."""

from __future__ import annotations

from dataclasses import replace

from daemon.emulator import coql, coql_parse, errors
from daemon.emulator.call import NO_CONTENT, Call, Reply
from daemon.emulator.clock import zone_printer
from daemon.emulator.coql_columns import bind
from daemon.emulator.external import path_external
from daemon.emulator.listing import check_walls, page_info, read_page
from daemon.emulator.pagetoken import LIFETIME, PageToken, binding
from daemon.emulator.params import (
    choice,
    list_filter,
    modified_since,
    page_token,
    per_page,
    positive,
    read_fields,
    read_listing,
    record_ids,
    refuse_territory,
)
from daemon.emulator.render import Renderer
from daemon.emulator.trash import Deleted
from daemon.emulator.validation import parse_id


def list_records(call: Call) -> Reply:
    """`GET /{module}` (facts 2)."""
    module = call.module
    if module.api_name == "Notes" and call.user.profile.name != "Administrator":
        text = "only administrators read all notes"
        raise errors.refuse("NOT_SUPPORTED", text, {"resource_path_index": 0}, status=403)
    names = read_fields(call, required=call.version > 2)
    bound = binding(call.path, call.query, call.headers.get("if-modified-since", ""))
    refuse_territory(call)
    listing = replace(read_listing(call, bound), keeps=list_filter(call))
    check_walls(listing, call.quirks)
    page = read_page(call.org, module.api_name, listing)
    if not page.records:
        return nothing(call, filtered=listing.since is not None)
    render = Renderer(call.org, module, call.user)
    row = render.rows(names if names is not None else list(module.fields))
    data = [row(record) for record in page.records]
    return Reply.of(200, {"data": data, "info": page_info(call.org, listing, page, call.user, bound)})


def nothing(call: Call, *, filtered: bool) -> Reply:
    """204, or 304 when If-Modified-Since was sent (facts 2.5)."""
    return Reply(status=304) if filtered and call.quirks["empty_304_or_204"] == "304" else NO_CONTENT


def path_id(call: Call) -> int:
    """The record id in the path (facts 2.5), or the record that an external id there names (facts 4.8)."""
    external = path_external(call)
    if external is not None:
        return external
    number = parse_id(call.record_id)
    if number is None:
        refused = errors.invalid_path_id()
        refused.status = int(call.quirks["malformed_id_status"])
        raise refused
    return number


def get_record(call: Call) -> Reply:
    """`GET /{module}/{id}` (facts 2.5, 2.6)."""
    module, number = call.module, path_id(call)
    names = read_fields(call, required=False)
    record = call.org.visible(module.api_name).records.get(number)
    if record is None:
        return NO_CONTENT
    since = modified_since(call)
    if since is not None and record.modified < since:
        return nothing(call, filtered=True)
    render = Renderer(call.org, module, call.user, single=True)
    if not names:
        return Reply.of(200, {"data": [render.full(record)]})
    row, more = render.rows(names)(record), render.has_more(record, names)
    return Reply.of(200, {"data": [{**row, "$has_more": more} if more else row]})


def full_data(call: Call) -> Reply:
    """`GET .../actions/fetch_full_data`: rich text without the cut (facts 2.6)."""
    module = call.module
    if call.record_id is None and not call.query.get("ids"):
        raise errors.missing_param("ids")
    numbers = (path_id(call),) if call.record_id is not None else record_ids(call)
    names = read_fields(call, required=False)
    table = call.org.visible(module.api_name)
    found = [table.records[number] for number in numbers if number in table.records]
    if not found:
        return NO_CONTENT
    row = Renderer(call.org, module, call.user, style="full").rows(names or list(module.fields))
    return Reply.of(200, {"data": [row(record) for record in found]})


def list_deleted(call: Call) -> Reply:
    """`GET /{module}/deleted` (facts 5.2)."""
    module, now = call.module, call.org.clock.now()
    wanted = choice(call, "type", ("all", "recycle", "permanent"))
    size, page, since = per_page(call), positive(call, "page", 1), modified_since(call)
    bound = binding(call.path, call.query, call.headers.get("if-modified-since", ""))
    walks = call.quirks["deleted_pages"] == "token"
    token = page_token(call, bound) if walks else None
    if token is None and call.quirks["deleted_wall"] == "2000" and page * size > 2_000:
        raise errors.page_wall()
    entries = [
        entry
        for entry in call.org.bin[module.api_name].values()
        if entry.visible_at <= now
        and (kind := entry.kind(now)) is not None
        and wanted in ("all", kind)
        and (since is None or entry.at >= since)
    ]
    newest_first = call.quirks["deleted_order"] == "newest_first"
    entries.sort(key=lambda entry: (entry.at, entry.record.id), reverse=newest_first)
    start = token.position if token else (page - 1) * size
    chosen = entries[start : start + size]
    if not chosen:
        return nothing(call, filtered=since is not None)
    more = start + size < len(entries)
    info: dict[str, object] = {"per_page": size, "count": len(chosen), "page": page, "more_records": more}
    if walks:
        following = PageToken(user=call.user.id, expires=int(now) + LIFETIME, position=start + size, after=None)
        info["next_page_token"] = following.encode(bound) if more else None
    return Reply.of(200, {"data": [_deleted(call, entry, now) for entry in chosen], "info": info})


def _deleted(call: Call, entry: Deleted, now: float) -> dict[str, object]:
    permanent = entry.kind(now) == "permanent"
    by, creator = call.org.user(entry.by), call.org.user(entry.record.created_by)
    return {
        "deleted_by": None if permanent or by is None else by.brief(),
        "id": str(entry.record.id),
        "display_name": None if permanent else entry.name,
        "type": "permanent" if permanent else "recycle",
        "created_by": None if permanent or creator is None else creator.brief(),
        "deleted_time": zone_printer(call.user.time_zone)(entry.at),
    }


def coql_query(call: Call) -> Reply:
    """`POST /coql` (facts 3)."""
    query, wants_meta = parse_coql(call), _wants_meta(call)
    rows, more = coql.run_query(call.org, call.user, query)
    if not rows:
        return NO_CONTENT
    answer: dict[str, object] = {"data": rows, "info": {"count": len(rows), "more_records": more}}
    if wants_meta:
        module = call.org.modules[query.module]
        named = [(alias, bind(call.org, module, column, call.user).field) for column, alias in query.columns]
        answer["fields"] = {
            alias: {"id": str(item.id), "api_name": item.api_name, "data_type": item.data_type} for alias, item in named
        }
    return Reply.of(200, answer)


def _wants_meta(call: Call) -> bool:
    """`include_meta` is a list that knows one value, "fields" (facts 3)."""
    given = call.json.get("include_meta")
    if given is None:
        return False
    if not isinstance(given, list):
        raise errors.body_key_type("include_meta", "jsonarray")
    for place, one in enumerate(given):
        if one != "fields":
            details = {"api_name": "include_meta", "json_path": f"$.include_meta[{place}]"}
            raise errors.refuse("INVALID_DATA", "invalid data", {**details, "supported_values": ["fields"]})
    return bool(given)


def parse_coql(call: Call) -> coql_parse.Query:
    """The query in the body, or Zoho's refusal of it (facts 3.7)."""
    text = call.json.get("select_query")
    if text is None:
        raise errors.refuse("MANDATORY_NOT_FOUND", "mandatory key not found", {"api_name": "select_query"})
    if not isinstance(text, str):
        raise errors.body_key_type("select_query", "string")
    return coql_parse.parse(text)
