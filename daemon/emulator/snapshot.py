"""Starts an org from a snapshot of a real one's metadata: its modules, fields, layouts and users (`orgsync snapshot`).

A snapshot is one JSON object: `schema` 1, `org`, `users[]`, `modules[]`, and `fields` and `layouts` by the module's API
name, all as Zoho's own calls give them (facts 6). What the emulator does not act on, such as tool tips, is shown again.
Standard modules that the snapshot lacks stay as Zoho ships them; custom ones come from the snapshot alone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

from daemon.emulator.clock import parse_moment
from daemon.emulator.credits import EDITIONS
from daemon.emulator.fields import DEFAULT_LENGTHS, Field
from daemon.emulator.people import Role, User
from daemon.emulator.schema import Layout, Module, NewId, give_picklist

if TYPE_CHECKING:
    from daemon.emulator.org import Org

Json = dict[str, Any]
SCHEMA = 1
# keys of a field's description that the emulator makes itself, for they must follow what administrators change
_LIVE = """id api_name field_label display_label data_type json_type length decimal_place system_mandatory read_only
field_read_only custom_field visible unique external lookup multiselectlookup multiuserlookup multi_module_lookup
associated_module pick_list_values operation_type view_type textarea created_time modified_time layout_associations
profiles"""
_SHIPPED = ("default", "static_subform")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot whose shape was checked."""

    content: Json

    @property
    def edition(self) -> str | None:
        """The edition by whose limits the org lives, when it is one the emulator knows."""
        paid = _dict(self.content["org"].get("license_details")).get("paid_type")
        return paid if paid in EDITIONS else None


def check_snapshot(content: Any) -> Snapshot:
    """The snapshot in a JSON document, or ValueError."""
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"not a snapshot that this version reads: `schema` is not {SCHEMA}")
    _typed(content, "org", dict)
    for name in ("users", "modules"):
        for place, one in enumerate(_typed(content, name, list)):
            if not isinstance(one, dict) or _id(one.get("id")) is None:
                raise ValueError(f"{name}[{place}]: not an object with an id")
    if not content["users"]:
        raise ValueError("users: a snapshot needs at least one")
    for place, module in enumerate(content["modules"]):
        if not isinstance(module.get("api_name"), str):
            raise ValueError(f"modules[{place}].api_name: a text was expected")
    for name in ("fields", "layouts"):
        for module_name, rows in _typed(content, name, dict).items():
            _check_rows(f"{name}.{module_name}", rows)
    return Snapshot(content)


def _typed(content: Json, name: str, kind: type) -> Any:
    if not isinstance(content.get(name), kind):
        raise ValueError(f"{name}: a snapshot has a {kind.__name__} here")
    return content[name]


def _check_rows(where: str, rows: Any) -> None:
    if not isinstance(rows, list):
        raise ValueError(f"{where}: a list was expected")
    for place, one in enumerate(rows):
        if not isinstance(one, dict) or _id(one.get("id")) is None:
            raise ValueError(f"{where}[{place}]: not an object with an id")
        if where.startswith("fields.") and not (
            isinstance(one.get("api_name"), str) and isinstance(one.get("data_type"), str)
        ):
            raise ValueError(f"{where}[{place}]: api_name and data_type are texts")


def apply_snapshot(org: Org, snapshot: Snapshot) -> None:
    """Give a fresh org the people and the schema of the snapshot. Tables are the caller's business."""
    content = snapshot.content
    _identity(org, content["org"])
    org.users = _people(content["users"], org.site.time_zone, org.new_id)
    fresh, given = org.modules, {module["api_name"]: module for module in content["modules"]}
    kept = {name: module for name, module in fresh.items() if name not in given and module.generated in _SHIPPED}
    made = {name: _module(org, one, content, fresh.get(name)) for name, one in given.items() if _usable(one, content)}
    org.modules = {**made, **kept}
    for module in org.modules.values():
        _drop_loose_ends(module, org.modules)


def _id(value: Any) -> int | None:
    """An id as Zoho writes it, a text of digits."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None


def _dict(value: Any) -> Json:
    return value if isinstance(value, dict) else {}


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, default: str) -> str:
    return value if isinstance(value, str) and value else default


def _zone(value: Any, default: str) -> str:
    try:
        return ZoneInfo(_text(value, default)).key
    except (ValueError, OSError, LookupError):
        return default


def _identity(org: Org, given: Json) -> None:
    site, licence = org.site, _dict(given.get("license_details"))
    currency = (
        _text(given.get("currency"), site.currency[0]).split(" - ")[0],
        _text(given.get("iso_code"), site.currency[1]),
        _text(given.get("currency_symbol"), site.currency[2]),
    )
    org.site = replace(
        site,
        company=_text(given.get("company_name"), site.company),
        time_zone=_zone(given.get("time_zone"), site.time_zone),
        currency=currency,
        country=_text(given.get("country_code"), site.country),
    )
    org.org_id = _id(given.get("id")) or org.org_id
    org.zgid = _text(given.get("zgid"), org.zgid)
    bought = licence.get("users_license_purchased")
    org.licences = bought if isinstance(bought, int) and bought > 0 else org.licences


# --- people ----------------------------------------------------------------------------------------------------------


def _people(given: list[Json], zone: str, new_id: NewId) -> list[User]:
    """The users, the administrator to whom the tokens belong first."""
    roles: dict[str, Role] = {}
    users = [_user(one, zone, roles, new_id) for one in given]
    users.sort(key=lambda user: not (user.status == "active" and user.confirm and user.profile.name == "Administrator"))
    users[0].status, users[0].confirm = "active", True
    return users


def _user(given: Json, zone: str, roles: dict[str, Role], new_id: NewId) -> User:
    return User(
        id=int(given["id"]),
        zuid=_id(given.get("zuid")) or new_id(),
        first_name=_text(given.get("first_name"), ""),
        last_name=_text(given.get("last_name"), ""),
        email=_text(given.get("email"), f"user{given['id']}@example.com"),
        profile=_role(given.get("profile"), "Standard", roles, new_id),
        role=_role(given.get("role"), "Manager", roles, new_id),
        time_zone=_zone(given.get("time_zone"), zone),
        status=_text(given.get("status"), "active"),
        confirm=given.get("confirm") is not False,
    )


def _role(given: Any, default: str, roles: dict[str, Role], new_id: NewId) -> Role:
    name, number = _text(_dict(given).get("name"), default), _id(_dict(given).get("id"))
    if number is None:
        return roles.setdefault(name, Role(id=new_id(), name=name))
    return Role(id=number, name=name)


# --- schema ----------------------------------------------------------------------------------------------------------


def _usable(given: Json, content: Json) -> bool:
    """A module without fields cannot be read through the API (facts 6)."""
    return given.get("api_supported") is not False and bool(content["fields"].get(given["api_name"]))


def _module(org: Org, given: Json, content: Json, shipped: Module | None) -> Module:
    name = given["api_name"]
    fields = {one["api_name"]: _field(org, one, shipped) for one in content["fields"][name]}
    layouts = [_layout(one, fields) for one in content["layouts"].get(name) or []]
    layouts = layouts or [Layout(id=org.new_id(), name="Standard", api_name="Standard__s")]
    singular = _text(given.get("singular_label"), name)
    display = shipped.display if shipped is not None else "Name"
    sequence = given.get("sequence_number")
    return Module(
        id=int(given["id"]),
        layout_id=layouts[0].id,
        api_name=name,
        singular=singular,
        plural=_text(given.get("plural_label"), singular),
        display=display if display in fields else next(iter(fields)),
        system_unique=shipped.system_unique if shipped is not None else ("Name" if "Name" in fields else None),
        sequence=sequence if isinstance(sequence, int) else 1,
        generated=_text(given.get("generated_type"), "default"),
        layouts=layouts,
        fields=fields,
    )


def _layout(given: Json, fields: Mapping[str, Field]) -> Layout:
    shown = [
        one
        for section in _list(given.get("sections"))
        for one in _list(_dict(section).get("fields"))
        if isinstance(one, dict) and one.get("api_name") in fields
    ]
    names = {one["api_name"] for one in shown}
    demanded = {one["api_name"] for one in shown if one.get("required") is True}
    return Layout(
        id=int(given["id"]),
        name=_text(given.get("name"), "Standard"),
        api_name=_text(given.get("api_name"), "Standard__s"),
        mandatory=frozenset(name for name in demanded if not fields[name].mandatory),
        without=frozenset(one for one, item in fields.items() if names and _left_out(item, names)),
    )


def _left_out(item: Field, shown: set[str]) -> bool:
    """Whether a layout lacks a field; subforms stand in sections of their own, which do not name them."""
    return item.visible and item.data_type != "subform" and item.api_name not in shown


def _field(org: Org, given: Json, shipped: Module | None) -> Field:
    kind = given["data_type"]
    like = shipped.fields.get(given["api_name"]) if shipped is not None else None
    unique, external, length = _dict(given.get("unique")), _dict(given.get("external")), given.get("length")
    linking = _dict(_dict(given.get("multiselectlookup") or given.get("multiuserlookup")).get("linking_details"))
    live = set(_LIVE.split())
    item = Field(
        id=int(given["id"]),
        api_name=given["api_name"],
        label=_text(given.get("field_label"), given["api_name"]),
        data_type=kind,
        length=length if isinstance(length, int) and length > 0 else DEFAULT_LENGTHS.get(kind, 255),
        mandatory=given.get("system_mandatory") is True,
        read_only=given.get("read_only") is True or given.get("field_read_only") is True or _never_written(given),
        unique=bool(unique),
        case_sensitive=unique.get("case_sensitive") is True or unique.get("casesensitive") is True,
        custom=given.get("custom_field") is True,
        visible=given.get("visible") is not False,
        rich=_dict(given.get("textarea")).get("type") == "rich_text",
        external=_text(external.get("type"), "org") if external.get("type") else None,
        decimals=given["decimal_place"] if isinstance(given.get("decimal_place"), int) else None,
        lookup=_named(given.get("lookup")) or _named(_dict(given.get("multiselectlookup")).get("connected_details")),
        lookups=_several(given.get("multi_module_lookup")),
        child=_child(given, linking),
        formula=like.formula if like is not None else None,
        prefix=_text(_dict(given.get("auto_number")).get("prefix"), ""),
        json_type=given["json_type"] if isinstance(given.get("json_type"), str) else None,
        created=_moment(given.get("created_time")),
        modified=_moment(given.get("modified_time")),
        known={name: value for name, value in given.items() if name not in live},
    )
    if linking:
        item.back = _text(_dict(linking.get("lookup_field")).get("api_name"), item.back)
        item.forward = _dict(linking.get("connected_lookup_field")).get("api_name")
    elif like is not None:
        item.back = like.back
    choices = [_choice(one) for one in _list(given.get("pick_list_values")) if isinstance(one, dict)]
    if choices:
        give_picklist(item, [name for name, _ in choices], org.new_id)
        item.picklist_base = choices[0][1] or item.picklist_base
    return item


def _choice(given: Json) -> tuple[str, int | None]:
    name = given.get("actual_value") or given.get("display_value")
    return str(name), _id(given.get("id"))


def _never_written(given: Json) -> bool:
    allowed = _dict(given.get("operation_type"))
    return bool(allowed) and not (allowed.get("api_create") or allowed.get("api_update"))


def _named(given: Any) -> str | None:
    """The module inside `lookup` or `connected_details`."""
    module = _dict(given).get("module")
    name = _dict(module).get("api_name")
    return name if isinstance(name, str) else None


def _several(given: Any) -> tuple[str, ...]:
    names = [_dict(one).get("api_name") for one in _list(_dict(given).get("modules"))]
    return tuple(name for name in names if isinstance(name, str))


def _child(given: Json, linking: Json) -> str | None:
    """The module of a subform's or a multi-select lookup's rows (facts 6: two spellings for subforms)."""
    inside = _dict(given.get("associated_module")) or _dict(given.get("subform"))
    name = _named(linking) if linking else inside.get("module")
    return name if isinstance(name, str) else None


def _moment(value: Any) -> int | None:
    return parse_moment(value) if isinstance(value, str) else None


def _drop_loose_ends(module: Module, modules: Mapping[str, Module]) -> None:
    """A field that needs a module which is not there is left out."""
    for name, item in list(module.fields.items()):
        loose = item.data_type == "lookup" and item.lookup not in modules
        loose = loose or (item.child is not None and item.child not in modules)
        if loose or (item.data_type in ("subform", "multiselectlookup") and item.child is None):
            del module.fields[name]
        item.lookups = tuple(one for one in item.lookups if one in modules)
