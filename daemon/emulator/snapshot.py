"""Starts an org from a snapshot of a real one's metadata: its modules, fields, layouts and users (`orgsync snapshot`).

A snapshot is one JSON object: `schema` 1, `org`, `users[]`, `modules[]`, and `fields` and `layouts` by the module's API
name; it may have `profiles[]`, `roles[]` and `currencies[]`. All is as Zoho's own calls give it (facts 6), and is shown
again, also what the emulator does not act on. Standard modules that the snapshot lacks are not shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from daemon.emulator.credits import EDITIONS
from daemon.emulator.fields import Field
from daemon.emulator.schema import Layout, Module
from daemon.emulator.snapshot_fields import field_in, hold_loose_ends
from daemon.emulator.snapshot_people import people_in, profiles_in, roles_in
from daemon.emulator.snapshot_values import as_dict, as_id, as_list, as_moment, as_text, as_zone

if TYPE_CHECKING:
    from daemon.emulator.org import Org

Json = dict[str, Any]
SCHEMA = 1
_OPTIONAL = ("profiles", "roles", "currencies")


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A snapshot whose shape was checked."""

    content: Json

    @property
    def edition(self) -> str | None:
        """The edition by whose limits the org lives, when it is one the emulator knows."""
        paid = as_dict(self.content["org"].get("license_details")).get("paid_type")
        return paid if paid in EDITIONS else None


def check_snapshot(content: Any) -> Snapshot:
    """The snapshot in a JSON document, or ValueError."""
    if not isinstance(content, dict) or content.get("schema") != SCHEMA:
        raise ValueError(f"not a snapshot that this version reads: `schema` is not {SCHEMA}")
    _typed(content, "org", dict)
    for name in ("users", "modules"):
        _check_rows(name, _typed(content, name, list))
    for name in _OPTIONAL:
        if name in content:
            _check_rows(name, content[name])
    if not content["users"]:
        raise ValueError("users: a snapshot needs at least one")
    nameless = [place for place, one in enumerate(content["modules"]) if not isinstance(one.get("api_name"), str)]
    if nameless:
        raise ValueError(f"modules[{nameless[0]}].api_name: a text was expected")
    for name in ("fields", "layouts"):
        for module_name, rows in _typed(content, name, dict).items():
            _check_rows(f"{name}.{module_name}", rows)
    return Snapshot(content)


def _typed(content: Json, name: str, kind: type) -> Any:
    if not isinstance(content.get(name), kind):
        raise ValueError(f"{name}: a snapshot has {'an object' if kind is dict else 'a list'} here")
    return content[name]


def _check_rows(where: str, rows: Any) -> None:
    if not isinstance(rows, list):
        raise ValueError(f"{where}: a list was expected")
    for place, one in enumerate(rows):
        if not isinstance(one, dict) or as_id(one.get("id")) is None:
            raise ValueError(f"{where}[{place}]: not an object with an id")
        if where.startswith("fields.") and not (
            isinstance(one.get("api_name"), str) and isinstance(one.get("data_type"), str)
        ):
            raise ValueError(f"{where}[{place}]: api_name and data_type are texts")


def apply_snapshot(org: Org, snapshot: Snapshot) -> None:
    """Give a fresh org the people and the schema of the snapshot. Tables are the caller's business."""
    content = snapshot.content
    _identity(org, content["org"])
    setup = org.setup
    setup.org = {key: value for key, value in content["org"].items() if key != "created_time"}
    setup.profiles, setup.roles = profiles_in(content), roles_in(content)
    setup.currencies = content.get("currencies", [])
    org.users = people_in(content["users"], org.site.time_zone, setup, org.new_id)
    fresh, given = org.modules, {module["api_name"]: module for module in content["modules"]}
    setup.places = {name: place for place, name in enumerate(given)}
    setup.unreadable = [one for one in given.values() if not _usable(one, content)]
    made = {name: _module(org, one, content, fresh.get(name)) for name, one in given.items() if _usable(one, content)}
    for module in made.values():
        hold_loose_ends(module, made)
    org.modules = {**made, **_out_of_sight(fresh, made)}


def _out_of_sight(fresh: Mapping[str, Module], made: Mapping[str, Module]) -> dict[str, Module]:
    """The standard modules that the org lacks: the emulator's own works need them, its callers do not see them."""
    kept = {name: module for name, module in fresh.items() if name not in made}
    for module in kept.values():
        module.shown = False
    return kept


def _identity(org: Org, given: Json) -> None:
    site, licence = org.site, as_dict(given.get("license_details"))
    currency = (
        as_text(given.get("currency"), site.currency[0]).split(" - ")[0],
        as_text(given.get("iso_code"), site.currency[1]),
        as_text(given.get("currency_symbol"), site.currency[2]),
    )
    org.site = replace(
        site,
        company=as_text(given.get("company_name"), site.company),
        time_zone=as_zone(given.get("time_zone"), site.time_zone),
        currency=currency,
        country=as_text(given.get("country_code"), site.country),
    )
    org.org_id = as_id(given.get("id")) or org.org_id
    org.zgid = as_text(given.get("zgid"), org.zgid)
    bought = licence.get("users_license_purchased")
    org.licences = bought if isinstance(bought, int) and bought > 0 else org.licences


# --- schema ----------------------------------------------------------------------------------------------------------


def _usable(given: Json, content: Json) -> bool:
    """A module without fields cannot be read through the API (facts 6)."""
    return given.get("api_supported") is not False and bool(content["fields"].get(given["api_name"]))


def _module(org: Org, given: Json, content: Json, shipped: Module | None) -> Module:
    name = given["api_name"]
    fields = {one["api_name"]: field_in(org, one, shipped) for one in content["fields"][name]}
    layouts = [_layout(one, fields) for one in content["layouts"].get(name) or []]
    layouts = layouts or [Layout(id=org.new_id(), name="Standard", api_name="Standard__s")]
    singular = as_text(given.get("singular_label"), name)
    display = shipped.display if shipped is not None else "Name"
    sequence = given.get("sequence_number")
    return Module(
        id=int(given["id"]),
        layout_id=layouts[0].id,
        api_name=name,
        singular=singular,
        plural=as_text(given.get("plural_label"), singular),
        display=display if display in fields else next(iter(fields)),
        system_unique=shipped.system_unique if shipped is not None else ("Name" if "Name" in fields else None),
        sequence=sequence if isinstance(sequence, int) else 1,
        generated=as_text(given.get("generated_type"), "default"),
        layouts=layouts,
        fields=fields,
        modified=as_moment(given.get("modified_time")),
        known={key: value for key, value in given.items() if key != "modified_time"},
    )


def _layout(given: Json, fields: Mapping[str, Field]) -> Layout:
    shown = [
        one
        for section in as_list(given.get("sections"))
        for one in as_list(as_dict(section).get("fields"))
        if isinstance(one, dict) and one.get("api_name") in fields
    ]
    names = {one["api_name"] for one in shown}
    demanded = {one["api_name"] for one in shown if one.get("required") is True}
    return Layout(
        id=int(given["id"]),
        name=as_text(given.get("name"), "Standard"),
        api_name=as_text(given.get("api_name"), "Standard__s"),
        mandatory=frozenset(name for name in demanded if not fields[name].mandatory),
        without=frozenset(one for one, item in fields.items() if names and _left_out(item, names)),
        known=given,
    )


def _left_out(item: Field, shown: set[str]) -> bool:
    """Whether a layout lacks a field; subforms stand in sections of their own, which do not name them."""
    return item.visible and item.data_type != "subform" and item.api_name not in shown
