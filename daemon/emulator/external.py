"""External ids in place of ids: the header X-EXTERNAL names the fields that hold them (facts 4.8).

`Projects.ERP_Id` is the module's own external field: its values may stand in the path, in `ids` and in the elements of
an update. `Quotes.Quoted_Items.Product_Name.SKU` allows `{"SKU": ".."}` in that lookup. Several are joined by commas.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.emulator import errors
from daemon.emulator.call import Call
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.validation import Links, parse_id


def read_links(call: Call) -> Links:
    """What X-EXTERNAL allows in this call; INVALID_DATA when it names no external field."""
    links: dict[str, str] = {}
    for entry in filter(None, (one.strip() for one in call.headers.get("x-external", "").split(","))):
        path, name = _split(call, entry)
        item = _owner(call.org, call.module, path).fields.get(name)
        if item is None or item.external is None:
            raise _refused()
        links[".".join(path)] = name
    return links


def _split(call: Call, entry: str) -> tuple[list[str], str]:
    first, *path = entry.split(".")
    if call.quirks["external_header"] == "field" and not path:
        return [], first
    if first != call.module.api_name or not path:
        raise _refused()
    return path[:-1], path[-1]


def _owner(org: Org, module: Module, path: Sequence[str]) -> Module:
    """The module at the end of a path through subforms and lookups."""
    for step in path:
        item = module.fields.get(step)
        target = (item.child or item.lookup) if item is not None else None
        if target is None or target not in org.modules:
            raise _refused()
        module = org.modules[target]
    return module


def path_external(call: Call) -> int | None:
    """The record that the path names by an external value; None when the header names no field of the module."""
    name = read_links(call).get("")
    if name is None:
        return None
    found = call.org.holders(call.module, name, call.record_id, call.user.id)
    if len(found) > 1:
        text = "The external field contains duplicate data."
        raise errors.refuse("DUPLICATE_DATA", text, {"api_name": name, "resource_path_index": 1})
    if not found:
        raise _refused()
    return found[0]


def read_ids(call: Call, texts: Sequence[str]) -> list[int | None]:
    """The records that a list of ids, or of external values, names; None for what is neither."""
    name = read_links(call).get("")
    if name is None:
        return [parse_id(text) for text in texts]
    return [next(iter(call.org.holders(call.module, name, text, call.user.id)), None) for text in texts]


def _refused() -> errors.ZohoError:
    return errors.refuse("INVALID_DATA", "The value of the external field is invalid.", {"resource_path_index": 1})
