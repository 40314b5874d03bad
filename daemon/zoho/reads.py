"""Reading records: which call gives what, and how rows in several pieces become whole ones.

By id it is Get Records with `ids`: 100 ids for one credit where COQL takes 50 (facts 3.1), and it can return the
columns that COQL cannot (facts 3.5).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from daemon.core.record import WireRecord
from daemon.zoho import coql
from daemon.zoho.caller import Call, Caller
from daemon.zoho.errors import RequestRefused
from daemon.zoho.shapes import EMPTY, Page, WrongShapeError, batches, page_of

RECORD_SCOPE: Final = "ZohoCRM.modules.ALL"
MOST_FIELDS: Final = 50
MOST_IDS: Final = 100
PAGE: Final = 200
_TIME: Final = "Modified_Time"


def list_page(caller: Caller, module: str, fields: Sequence[str], call: Mapping[str, str], since: str | None) -> Page:
    """One page of Get Records; `call` holds the parameters besides `fields`."""
    params = {"fields": ",".join(_checked(fields)), **call}
    headers = {"If-Modified-Since": since} if since else {}
    wanted = Call(method="GET", path=coql.name(module), scope=RECORD_SCOPE, params=params, headers=headers)
    return caller.read(wanted, lambda found: page_of(found, timed=_TIME in fields), EMPTY)


def one(caller: Caller, module: str, record_id: str) -> WireRecord | None:
    """A whole record, subforms included, or None when there is none with this id."""
    call = Call(method="GET", path=f"{coql.name(module)}/{_id(record_id)}", scope=RECORD_SCOPE)
    none: list[WireRecord] = []
    try:
        rows = caller.read(call, lambda found: _asked_for(found, {record_id}, info=False), none)
    except RequestRefused as error:
        if error.code == "INVALID_DATA" and error.details.get("resource_path_index") == 1:
            return None  # an id of another org (facts 2.5)
        raise
    return rows[0] if rows else None


def related(caller: Caller, module: str, record_id: str, name: str) -> list[str]:
    """The ids of a related list, to its end (facts 10)."""
    path = f"{coql.name(module)}/{_id(record_id)}/{coql.name(name)}"
    params, found = {"fields": _TIME, "per_page": str(PAGE)}, list[str]()
    while True:
        call = Call(method="GET", path=path, scope=RECORD_SCOPE, params=params)
        try:
            page = caller.read(call, lambda answer: page_of(answer, timed=False), EMPTY)
        except RequestRefused as error:
            if error.code == "INVALID_DATA" and error.details.get("resource_path_index") == 1:
                return []
            raise
        found += [str(row["id"]) for row in page.rows]
        if not page.more or page.token is None:
            return found
        params = {**params, "page_token": page.token}


def by_ids(caller: Caller, module: str, fields: Sequence[str], ids: Sequence[str]) -> list[WireRecord]:
    """The records with these ids, in this order, each with all of `fields`; what does not exist is left out.

    More than 50 fields take several calls. A record that changed between them is read again as a whole, so that no row
    is made of two versions (design.md 3); that needs Modified_Time, which is therefore added.
    """
    names = list(dict.fromkeys(field for field in fields if field != "id"))
    groups = _groups(names)
    found: dict[str, WireRecord] = {}
    for chunk in batches(list(dict.fromkeys(ids)), MOST_IDS):
        pieces = [{str(row["id"]): row for row in _rows(caller, module, group, chunk)} for group in groups]
        for record_id in set[str]().union(*pieces):
            parts = [piece[record_id] for piece in pieces if record_id in piece]
            whole = len(parts) == len(pieces) and len({str(part.get(_TIME)) for part in parts}) == 1
            row = {k: v for part in parts for k, v in part.items()} if whole else one(caller, module, record_id)
            if row is not None:
                found[record_id] = {name: row[name] for name in ("id", *names) if name in row}
    return [found[record_id] for record_id in dict.fromkeys(ids) if record_id in found]


def _groups(names: Sequence[str]) -> list[list[str]]:
    if len(names) <= MOST_FIELDS:
        return [list(names) or [_TIME]]
    rest = [name for name in names if name != _TIME]
    return [[*group, _TIME] for group in batches(rest, MOST_FIELDS - 1)]


def _rows(caller: Caller, module: str, fields: Sequence[str], ids: Sequence[str]) -> list[WireRecord]:
    params = {"fields": ",".join(_checked(fields)), "ids": ",".join(map(_id, ids)), "per_page": str(PAGE)}
    if module == "Leads":
        params["converted"] = "both"  # a converted lead is not a deleted one (facts 11.15)
    call = Call(method="GET", path=coql.name(module), scope=RECORD_SCOPE, params=params)
    return caller.read(call, lambda found: _asked_for(found, set(ids), info=True), [])


def _asked_for(found: Mapping[str, object], ids: set[str], *, info: bool) -> list[WireRecord]:
    rows = page_of(found, timed=False, info=info).rows
    for place, row in enumerate(rows):
        if row["id"] not in ids:
            raise WrongShapeError(f"data[{place}].id", "an id that was asked for", row["id"])
    return rows


def _checked(fields: Sequence[str]) -> Sequence[str]:
    if not 1 <= len(fields) <= MOST_FIELDS:
        raise ValueError(f"a page has 1 to {MOST_FIELDS} fields, not {len(fields)}")
    for field in fields:
        coql.name(field.removeprefix("$"))
    return fields


def _id(record_id: str) -> str:
    coql.quoted_id(record_id)
    return record_id
