"""The calls on related records, and on the notes of a record (facts 10)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from daemon.emulator import errors, writes
from daemon.emulator.call import Call, Reply
from daemon.emulator.children import RowChange, apply_rows
from daemon.emulator.envelope import elements_of
from daemon.emulator.listing import check_walls, page_info, read_page
from daemon.emulator.org import Org
from daemon.emulator.pagetoken import binding
from daemon.emulator.params import read_fields, read_listing
from daemon.emulator.reads_http import nothing, path_id
from daemon.emulator.related import RelatedList, related_ids, related_lists
from daemon.emulator.render import Renderer
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import Writing
from daemon.emulator.writes_http import answer_of

Json = dict[str, Any]
MAX_LINKS = 100


def _wanted(call: Call) -> tuple[Record, RelatedList]:
    record = call.org.tables[call.module.api_name].records.get(path_id(call))
    if record is None:
        raise errors.invalid_path_id()
    found = next((one for one in related_lists(call.org, call.module) if one.api_name == call.related), None)
    if found is None:
        details = {"resource_path_index": 2}
        raise errors.refuse("INVALID_DATA", "the related list name given seems to be invalid", details)
    return record, found


def get_related(call: Call) -> Reply:
    """`GET /{module}/{id}/{list}?fields=` with the pages, tokens and order of a list call."""
    record, wanted = _wanted(call)
    names = read_fields(call, required=True)
    bound = binding(call.path, call.query, call.headers.get("if-modified-since", ""))
    ids = related_ids(call.org, wanted, record.id)
    if call.part is not None:
        ids = [number for number in ids if str(number) == call.part]
    listing = replace(read_listing(call, bound), ids=tuple(ids), converted=None)
    check_walls(listing, call.quirks)
    page = read_page(call.org, wanted.module, listing)
    if not page.records:
        return nothing(call, filtered=listing.since is not None)
    row = Renderer(call.org, call.org.modules[wanted.module], call.user).rows(names or [])
    data = [row(one) for one in page.records]
    return Reply.of(200, {"data": data, "info": page_info(call.org, listing, page, call.user, bound)})


def add_notes(call: Call) -> Reply:
    """`POST /{module}/{id}/Notes`: the parent is in the path."""
    record, wanted = _wanted(call)
    if wanted.module != "Notes":
        raise errors.invalid_method()
    writing = Writing(
        org=call.org, module=call.org.modules["Notes"], user=call.user, now=call.org.clock.stamp(),
        automations=call.automations,
    )  # fmt: skip
    parent = {"Parent_Id": {"id": str(record.id)}}
    results = writes.each(elements_of(call), lambda one, path: writes.insert(writing, {**one, **parent}, path))
    return answer_of(call, results, 201)


def link_related(call: Call) -> Reply:
    """`PUT /{module}/{id}/{list}`: the records of the body belong to this one from now on."""
    record, wanted = _wanted(call)

    def link(element: Json, path: str) -> Json:
        number = parse_id(element.get("id"))
        if number is None or number not in call.org.tables[wanted.module].records:
            raise errors.unknown_id({"api_name": "id", "json_path": f"{path}.id"})
        _connect(call.org, wanted, record, number, call.user.id)
        return _done(number, "relation added")

    return answer_of(call, writes.each(elements_of(call), link), 200)


def unlink_related(call: Call) -> Reply:
    """`DELETE /{module}/{id}/{list}?ids=` or `/{related id}`: the relation ends, the record stays."""
    record, wanted = _wanted(call)
    given = call.part or call.query.get("ids", "")
    if not given:
        raise errors.missing_param("ids")
    results, linked = [], set(related_ids(call.org, wanted, record.id))
    for text in given.split(",")[:MAX_LINKS]:
        number = parse_id(text.strip())
        if number is None or number not in linked:
            results.append(errors.unknown_id({"id": text}).element)
            continue
        _disconnect(call.org, wanted, record, number, call.user.id)
        results.append(_done(number, "relation removed"))
    return answer_of(call, results, 200)


def _done(number: int, message: str) -> Json:
    return {"code": "SUCCESS", "details": {"id": str(number)}, "message": message, "status": "success"}


def _connect(org: Org, wanted: RelatedList, record: Record, number: int, by: int) -> None:
    if wanted.link is not None:
        change = RowChange(row=None, values={str(wanted.link.forward): number})
        apply_rows(org, wanted.link, record, [change], by)
        return
    _point(org, wanted, number, record.id, by)


def _disconnect(org: Org, wanted: RelatedList, record: Record, number: int, by: int) -> None:
    if wanted.link is not None:
        forward = str(wanted.link.forward)
        for row in org.rows(wanted.link, record.id):
            if row.values.get(forward) == number:
                org.take(str(wanted.link.child), row.id)
        return
    _point(org, wanted, number, None, by)


def _point(org: Org, wanted: RelatedList, number: int, target: int | None, by: int) -> None:
    old, name = org.tables[wanted.module].records[number], str(wanted.by)
    values = {key: value for key, value in {**old.values, name: target}.items() if value is not None}
    changed = old.replaced(
        modified=max(org.clock.stamp(), old.modified), modified_by=by, owner=old.owner, values=values
    )
    org.put(wanted.module, changed)
