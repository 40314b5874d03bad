"""What a bulk write may ask for: the envelope of its body, read into a job's parts or refused (facts 7.2). No state."""

from __future__ import annotations

import codecs
from typing import Any

from daemon.emulator.bulk_cells import known_format
from daemon.emulator.bulk_errors import (
    improper_file_id,
    invalid_data,
    invalid_field,
    mandatory_not_mapped,
    missing_key,
    module_not_available,
    not_together,
)
from daemon.emulator.bulk_jobs import Column, Part, Upload
from daemon.emulator.call import Call
from daemon.emulator.errors import refuse
from daemon.emulator.fields import Field
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.validation import parse_id
from daemon.emulator.writes import matchable

Json = dict[str, Any]
OPERATIONS = ("insert", "update", "upsert")
MAX_COLUMNS = 200
_MAPPING_KEYS = ("api_name", "index", "format", "find_by", "module", "parent_column_index", "default_value")
_PEOPLE = ("ownerlookup", "userlookup")


def read_operation(body: Json) -> str:
    operation = body.get("operation")
    if operation is None:
        raise missing_key("operation")
    if not isinstance(operation, str) or operation not in OPERATIONS:
        raise invalid_data("operation", "string")
    return operation


def read_parts(call: Call, body: Json, operation: str) -> tuple[Part, ...]:
    """The parts of a job: the parent's first, then those of its subforms and linking modules."""
    given = body.get("resource")
    if given is None:
        raise missing_key("resource")
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise invalid_data("resource", "jsonarray")
    ignores = _flag(body, "ignore_empty")
    parts: list[Part] = []
    for one in given:
        if one.get("type") not in ("data", None):
            raise invalid_data("type", "string")
        module = _module(call, one)
        if parts and not _belongs(call.org, module, parts):
            raise not_together(module.api_name, len(parts))
        parts.append(_part(call, one, module, operation, ignores=ignores))
    return tuple(parts)


def _belongs(org: Org, module: Module, parts: list[Part]) -> bool:
    """Whether a further part holds rows of the first one's records, and has no other file."""
    children = [item.child for item in org.modules[parts[0].module].children()]
    return module.api_name in children and module.api_name not in [part.module for part in parts]


def holder_of(org: Org, rows: str) -> tuple[Module, Field] | None:
    """The module and the field whose content are the rows of a subform or linking module; None for other modules."""
    fields = ((module, item) for module in org.modules.values() for item in module.children())
    return next(((module, item) for module, item in fields if item.child == rows), None)


def _part(call: Call, resource: Json, module: Module, operation: str, *, ignores: bool) -> Part:
    mappings, holder = _mappings(resource), holder_of(call.org, module.api_name)
    back = holder[1].back if holder is not None else None
    columns = tuple(_column(call, module, mapping, back) for mapping in mappings)
    _check_mandatory(module, columns, operation, back)
    return Part(
        module=module.api_name,
        upload=_upload(call, resource),
        file_name=_file_name(resource),
        find_by=_find_by(module, resource, operation, rows=back is not None),
        ignore_empty=ignores or _flag(resource, "ignore_empty"),
        columns=columns,
        shown_mappings=[{key: mapping.get(key) for key in _MAPPING_KEYS} for mapping in mappings],
    )


def _module(call: Call, resource: Json) -> Module:
    given = resource.get("module")
    if given is None:
        raise missing_key("module")
    name = given.get("api_name") if isinstance(given, dict) else given
    module = call.org.modules.get(name) if isinstance(name, str) else None
    if module is None or not module.shown:
        raise module_not_available(name)
    return module


def _upload(call: Call, resource: Json) -> Upload:
    if resource.get("file_id") is None:
        raise missing_key("file_id")
    upload = call.org.bulk.uploads.get(parse_id(resource["file_id"]) or 0)
    if upload is None:
        raise improper_file_id()
    return upload


def _file_name(resource: Json) -> str | None:
    names = resource.get("file_names")
    if names is None:
        return None
    if not isinstance(names, list) or len(names) != 1 or not isinstance(names[0], str):
        raise invalid_data("file_names", "jsonarray")
    return names[0]


def _find_by(module: Module, resource: Json, operation: str, *, rows: bool) -> str | None:
    find_by = resource.get("find_by")
    if rows and find_by not in (None, "id"):
        raise invalid_field(find_by)
    if find_by is None:
        if operation != "insert":
            raise missing_key("find_by")
        return None
    if not isinstance(find_by, str) or not matchable(module, find_by):
        raise invalid_field(find_by)
    return find_by


def _flag(given: Json, name: str) -> bool:
    value = given.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_data(name, "boolean")
    return bool(value)


def read_encoding(body: Json) -> str:
    given = body.get("character_encoding")
    if given is None:
        return "utf-8"
    try:
        found = codecs.lookup(given)
        bytes(4).decode(given)  # some codecs are no text encodings
    except (LookupError, TypeError, ValueError):
        raise invalid_data("character_encoding", "string") from None
    return found.name


def _mappings(resource: Json) -> list[Json]:
    given = resource.get("field_mappings")
    if given is None:
        return []
    if not isinstance(given, list) or not given or not all(isinstance(one, dict) for one in given):
        raise invalid_data("field_mappings", "jsonarray")
    if len(given) > MAX_COLUMNS:
        raise refuse("HEADER_LIMIT_EXCEEDED", "too many columns", {"max_limit": MAX_COLUMNS})
    return given


def _column(call: Call, module: Module, given: Json, back: str | None) -> Column:
    name = given.get("api_name")
    item = module.fields.get(name) if isinstance(name, str) else None
    if item is None:
        raise invalid_field(name)
    default = given.get("default_value")
    if default is not None and not isinstance(default, dict):
        raise invalid_data("default_value", "jsonobject")
    index = given.get("index")
    if index is None and default is None:
        raise missing_key("index", item.api_name)
    _check_index("index", index)
    joins = given.get("parent_column_index")
    _check_index("parent_column_index", joins)
    if joins is not None and item.api_name != back:
        raise invalid_data("parent_column_index", "integer")
    plain = index is None or joins is not None
    return Column(
        api_name=item.api_name,
        index=index,
        find_by=None if joins is not None else _lookup_find_by(call, item, given, optional=plain),
        format=_format(item, given),
        default=default.get("value") if default else None,
        joins=joins,
    )


def _check_index(name: str, index: Any) -> None:
    if index is not None and (isinstance(index, bool) or not isinstance(index, int) or not 0 <= index < MAX_COLUMNS):
        raise invalid_data(name, "integer")


def _lookup_find_by(call: Call, item: Field, given: Json, *, optional: bool) -> str | None:
    """By which field of its target a lookup is given: id, a unique field or the display field (facts 7.2)."""
    find_by = given.get("find_by")
    if find_by is None:
        if item.data_type == "lookup" and not optional:
            raise missing_key("find_by", item.api_name)
        return None
    target = call.org.modules.get(item.lookup or "")
    usable = isinstance(find_by, str) and (
        find_by in ("id", "email")
        if item.data_type in _PEOPLE
        else target is not None and (find_by == target.display or matchable(target, find_by))
    )
    if not usable:
        raise invalid_field(find_by)
    return str(find_by)


def _format(item: Field, given: Json) -> str | None:
    pattern = given.get("format")
    if pattern is None or pattern == "":
        return None
    if not isinstance(pattern, str) or item.data_type not in ("date", "datetime") or known_format(pattern) is None:
        raise refuse("INVALID_FORMAT", "invalid format", {"api_name": item.api_name})
    return pattern


def _check_mandatory(module: Module, columns: tuple[Column, ...], operation: str, back: str | None) -> None:
    """An insert or upsert maps every mandatory field (message in OAS25:bulk_write), rows also their parent."""
    if not columns or operation == "update":
        return
    missing = unmapped(module, {column.api_name for column in columns}, back)
    if missing:
        raise mandatory_not_mapped(missing)


def unmapped(module: Module, mapped: set[str], back: str | None) -> list[str]:
    """The mandatory fields of a module that no column brings."""
    return [
        item.api_name
        for item in module.fields.values()
        if (item.mandatory or item.api_name == back) and item.api_name not in mapped
    ]
