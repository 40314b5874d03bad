"""Custom fields: checking a description; adding, changing and removing fields, with their values (facts 6, 9.2)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from daemon.emulator import asked, errors
from daemon.emulator.field_request import check_demands, check_request
from daemon.emulator.fields import CHILDREN, COMPUTED, DEFAULT_LENGTHS, LIVE, Field
from daemon.emulator.new_modules import give_rows, modules_of
from daemon.emulator.org import Org
from daemon.emulator.rights import profiles_of
from daemon.emulator.schema import Module, api_name_for, give_picklist, rename_field
from daemon.emulator.store import Record

Json = dict[str, Any]
_SHOWN_AGAIN = ("formula", "rollup_summary", "currency", "auto_number", "tooltip", "default_value", "private", "crypt")
CREATABLE = frozenset(DEFAULT_LENGTHS) - {"ownerlookup"}
_MAX_LENGTH = {"text": 255, "textarea": 50_000, "email": 100, "phone": 30, "integer": 9, "bigint": 18, "double": 16}


def create_field(org: Org, module: Module, given: Json, path: str) -> Field:
    """Add a custom field from the JSON of `POST /settings/fields`, or raise the RecordError of its first fault."""
    check_request(given, path, [profile.id for profile in profiles_of(org)])
    label, data_type = _label_and_type(given, path)
    check_demands(given, path)
    _check_free(module, label, path)
    item = Field(
        id=org.new_id(),
        api_name=_api_name(module, given, label, path),
        label=label.strip(),
        data_type=data_type,
        length=_length(given, data_type, path),
        custom=True,
        unique=_unique(given, data_type, path),
        case_sensitive=_case_sensitive(given),
        external=_external(given),
        decimals=_decimals(given, data_type),
        rich=isinstance(given.get("textarea"), dict) and given["textarea"].get("type") == "rich_text",
        lookup=_lookup(org, given, data_type, path),
        created=org.clock.stamp(),
        modified=org.clock.stamp(),
    )
    if data_type in ("picklist", "multiselectpicklist"):
        give_picklist(item, _choices(given, path), org.new_id)
    if data_type in CHILDREN:
        give_rows(org, module, item, given, path)
    if data_type == "multi_module_lookup":
        item.lookups = modules_of(org, given, path)
        org.tables[module.api_name].ensure_index(item.api_name)
    item.read_only = data_type in COMPUTED
    item.external_shown = (given.get("external") or {}).get("show") is not False
    if data_type == "autonumber":
        _number(org, module, item, given)
    item.asked = {name: given[name] for name in _SHOWN_AGAIN if given.get(name) is not None}
    module.fields[item.api_name] = item
    module.modified = org.clock.stamp()
    if item.unique:
        org.tables[module.api_name].ensure_index(item.api_name)
    return item


def _label_and_type(given: Json, path: str) -> tuple[str, str]:
    label = given.get("field_label") or given.get("display_label")
    if label is None:
        raise errors.mandatory("field_label", f"{path}.field_label")
    if not isinstance(label, str) or not label.strip():
        raise errors.wrong_type("field_label", f"{path}.field_label", "string")
    data_type = given.get("data_type")
    if data_type is None:
        raise errors.mandatory("data_type", f"{path}.data_type")
    if not isinstance(data_type, str) or data_type not in CREATABLE:
        raise errors.bad_value("data_type", f"{path}.data_type", sorted(CREATABLE))
    return label, data_type


def _check_free(module: Module, label: str, path: str) -> None:
    if any(item.label.casefold() == label.strip().casefold() for item in module.fields.values()):
        raise errors.duplicate({"api_name": "field_label", "json_path": f"{path}.field_label"})


def _api_name(module: Module, given: Json, label: str, path: str) -> str:
    name = given.get("api_name")
    if name is None:
        return api_name_for(label, set(module.fields))
    if not isinstance(name, str) or api_name_for(name, set()) != name:
        raise errors.bad_value("api_name", f"{path}.api_name")
    if name in module.fields:
        raise errors.duplicate({"api_name": "api_name", "json_path": f"{path}.api_name"})
    return name


def _length(given: Json, data_type: str, path: str) -> int:
    default = DEFAULT_LENGTHS[data_type]
    length = given.get("length", default)
    if isinstance(length, bool) or not isinstance(length, int):
        raise errors.wrong_type("length", f"{path}.length", "integer")
    limit = _MAX_LENGTH.get(data_type, default)
    if not 1 <= length <= limit:
        raise errors.too_long("length", f"{path}.length", limit)
    return length


def _decimals(given: Json, data_type: str) -> int | None:
    if data_type not in ("double", "currency", "percent"):
        return None
    said: int | None = given.get("decimal_place")
    return int((given.get("currency") or {}).get("precision", 2)) if said is None else said


def _unique(given: Json, data_type: str, path: str) -> bool:
    unique = given.get("unique")
    external = bool(given.get("external"))
    wanted = bool(unique) or external
    if wanted and data_type not in ("text", "email", "phone", "integer", "bigint"):
        raise errors.bad_value("unique", f"{path}.unique")
    return wanted


def _case_sensitive(given: Json) -> bool:
    unique = given.get("unique")
    return any((unique or {}).get(name) in (True, "true") for name in ("case_sensitive", "casesensitive"))


def _external(given: Json) -> str | None:
    external = given.get("external")
    if isinstance(external, dict):
        return "user" if external.get("type") == "user" else "org"
    return None


def _lookup(org: Org, given: Json, data_type: str, path: str) -> str | None:
    if data_type != "lookup":
        return None
    lookup = given.get("lookup")
    module = lookup.get("module") if isinstance(lookup, dict) else None
    name = module.get("api_name") if isinstance(module, dict) else None
    if not isinstance(name, str) or name not in org.modules:
        raise errors.bad_value("lookup", f"{path}.lookup")
    return name


def _number(org: Org, module: Module, item: Field, given: Json) -> None:
    """How an autonumber counts: its prefix, and the number it begins with."""
    numbering = given.get("auto_number") or {}
    item.prefix = numbering.get("prefix") or ""
    org.serials[module.api_name, item.api_name] = int(numbering.get("start_number") or 1) - 1


def _choices(given: Json, path: str) -> list[str]:
    values = given.get("pick_list_values")
    listed = values if isinstance(values, list) else []
    names = [value.get("actual_value") or value.get("display_value") for value in listed if isinstance(value, dict)]
    texts = [name for name in names if isinstance(name, str)]
    if not texts or len(texts) < len(names):
        raise errors.mandatory("pick_list_values", f"{path}.pick_list_values")
    return texts


# --- what an administrator does later (control endpoint)

_FLAGS = frozenset({"mandatory", "read_only", "unique", "case_sensitive", "visible", "rich"})
_NUMBERS = frozenset({"length", "decimals"})
_TEXTS = frozenset({"label", "api_name"})
_LONGEST_TEXT = 65_535
_SETTERS: dict[str, Callable[[Field, Any], None]] = {
    "add_values": lambda item, new: setattr(item, "picklist", list(dict.fromkeys([*item.picklist, *new]))),
    "remove_values": lambda item, old: setattr(item, "picklist", [one for one in item.picklist if one not in old]),
    "picklist": lambda item, values: setattr(item, "picklist", list(values)),
    "label": lambda item, label: setattr(item, "label", label),
}


def change_field(org: Org, module: Module, name: str, change: Json) -> Field:
    """Alter a field: a flag, `length`, `decimals`, `picklist`, `add_values`, `remove_values`, `label` or `api_name`."""
    change = _checked_change(change)
    item, table = module.fields[name], org.tables[module.api_name]
    for key, value in change.items():
        if key in _SETTERS:
            _SETTERS[key](item, value)
        elif key != "api_name":
            setattr(item, key, value)
    new = change.get("api_name", name)
    if new != name:
        if new in module.fields:
            raise ValueError(f"{new} is taken")
        rename_field(module, name, new)
        table.drop_index(name)
        _rewrite(org, module.api_name, lambda values: _moved(values, name, new))
    item.modified = module.modified = org.clock.stamp()
    item.known = {key: value for key, value in item.known.items() if key not in LIVE}
    if item.unique:
        table.ensure_index(new)
    elif new != module.system_unique:
        table.drop_index(new)
    return item


def _checked_change(change: Json) -> Json:
    what, lists = "a change of a field", _SETTERS.keys() - _TEXTS
    given = asked.an_object(change, what, _FLAGS | _NUMBERS | _TEXTS | lists)
    for key in given:
        if key in _FLAGS:
            asked.flag(given, key, what)
        elif key in _NUMBERS:
            asked.whole(given, key, what, least=0, most=_LONGEST_TEXT)
        elif key in _TEXTS:
            asked.text(given, key, what)
        else:
            asked.texts(given, key, what)
    return given


def remove_field(org: Org, module: Module, name: str) -> None:
    """Delete a field and its values; Modified_Time does not move (facts 11.3)."""
    del module.fields[name]
    module.modified = org.clock.stamp()
    org.tables[module.api_name].drop_index(name)
    _rewrite(org, module.api_name, lambda values: _moved(values, name, None))


def _moved(values: dict[str, Any], old: str, new: str | None) -> dict[str, Any]:
    if old not in values:
        return values
    changed = dict(values)
    value = changed.pop(old)
    if new is not None:
        changed[new] = value
    return changed


def _rewrite(org: Org, module: str, change: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    table = org.tables[module]
    for record in list(table.records.values()):
        values = change(record.values)
        if values is not record.values:
            table.put(_with_values(record, values))
    org.reader_reset()


def _with_values(record: Record, values: dict[str, Any]) -> Record:
    return record.replaced(modified=record.modified, modified_by=record.modified_by, owner=record.owner, values=values)
