"""External ids in the path: `GET|PUT|DELETE /{module}/{value}` with the header X-EXTERNAL (facts 4.8)."""

from __future__ import annotations

from daemon.emulator import errors
from daemon.emulator.call import Call


def external_id(call: Call) -> int | None:
    """The record that the path names by an external value; None when the header is absent."""
    header = call.headers.get("x-external", "").strip()
    if not header:
        return None
    module, name = call.module, header
    if call.quirks["external_header"] == "module.field":
        first, _, name = header.partition(".")
        if first != module.api_name:
            raise _refused()
    item = module.fields.get(name)
    if item is None or item.external is None:
        raise _refused()
    table = call.org.tables[module.api_name]
    found = table.holders(name, call.record_id)
    if item.external == "user":
        found = [number for number in found if table.records[number].owner == call.user.id]
    if len(found) > 1:
        text = "The external field contains duplicate data."
        raise errors.refuse("DUPLICATE_DATA", text, {"api_name": name, "resource_path_index": 1})
    if not found:
        raise _refused()
    return found[0]


def _refused() -> errors.ZohoError:
    return errors.refuse("INVALID_DATA", "The value of the external field is invalid.", {"resource_path_index": 1})
