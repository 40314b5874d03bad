"""Who an org is, who works in it and which modules and fields it has, read from Zoho's metadata (facts 6)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from daemon.core.rights import Rights
from daemon.core.schema import Field, ModuleInfo, OrgProfile, Schema, User
from daemon.zoho.shapes import WrongShapeError, as_id, as_instant, as_object, as_text, more_of, objects


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """A record that was deleted: still in the recycle bin, or for good."""

    record_id: str
    deleted_time: datetime
    permanent: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletions:
    """A page of deletions; `more` says that there are others."""

    rows: list[Deletion]
    more: bool


def deletions(found: Mapping[str, object]) -> Deletions:
    rows = [
        Deletion(
            record_id=as_id(f"data[{place}].id", row.get("id")),
            deleted_time=as_instant(f"data[{place}].deleted_time", row.get("deleted_time")),
            permanent=row.get("type") == "permanent",
        )
        for place, row in enumerate(objects(found, "data"))
    ]
    return Deletions(rows=rows, more=more_of(found))


def profile(found: Mapping[str, object]) -> OrgProfile:
    rows = objects(found, "org")
    if len(rows) != 1:
        raise WrongShapeError("org", "one object", rows)
    org = rows[0]
    licence = as_object("org[0].license_details", org.get("license_details"))
    zgid, licences = org.get("zgid"), licence.get("users_license_purchased")
    if isinstance(zgid, int) and not isinstance(zgid, bool):
        zgid = str(zgid)
    if not isinstance(zgid, str) or not zgid.isascii() or not zgid.isdigit():
        raise WrongShapeError("org[0].zgid", "a number", zgid)
    if licences is not None and (not isinstance(licences, int) or isinstance(licences, bool)):
        raise WrongShapeError("org[0].license_details.users_license_purchased", "a number", licences)
    return OrgProfile(
        zgid=zgid,
        company_name=_text(org, "company_name"),
        edition=_text(licence, "paid_type") or "free",
        licences=licences or 0,
        type=as_text("org[0].type", org.get("type")),
        time_zone=_text(org, "time_zone"),
        currency=_text(org, "iso_code"),
    )


def users(found: Mapping[str, object]) -> tuple[list[User], bool]:
    """A page of users, and whether there are more."""
    people = []
    for place, row in enumerate(objects(found, "users")):
        whole = " ".join(part for part in (_text(row, "first_name"), _text(row, "last_name")) if part)
        people.append(
            User(
                user_id=as_id(f"users[{place}].id", row.get("id")),
                email=_text(row, "email"),
                name=_text(row, "full_name") or whole,
                active=row.get("status") == "active",
            )
        )
    return people, more_of(found)


def profile_of_user(found: Mapping[str, object]) -> tuple[str, str] | None:
    """Id and name of the profile of the one user in an answer; None where it shows none."""
    rows = objects(found, "users")
    profile = _object(rows[0].get("profile")) if len(rows) == 1 else {}
    return (as_id("users[0].profile.id", profile.get("id")), _text(profile, "name")) if profile else None


def rights(name: str, found: Mapping[str, object]) -> Rights | None:
    """What a profile denies; None where the answer lists no permissions."""
    rows = objects(found, "profiles")
    listed = rows[0].get("permissions_details") if len(rows) == 1 else None
    if not isinstance(listed, list) or not listed:
        return None
    known = [as_object(f"profiles[0].permissions_details[{place}]", one) for place, one in enumerate(listed)]
    denied = frozenset(_text(one, "name") for one in known if one.get("enabled") is False)
    return Rights(profile=name, denied=denied)


def modules(found: Mapping[str, object]) -> list[ModuleInfo]:
    return [
        ModuleInfo(
            api_name=as_text(f"modules[{place}].api_name", row.get("api_name")),
            label=_text(row, "plural_label"),
            api_supported=row.get("api_supported") is True,
            creatable=row.get("creatable") is True,
            editable=row.get("editable") is True,
            deletable=row.get("deletable") is True,
            viewable=row.get("viewable") is True,
            generated_type=_text(row, "generated_type"),
        )
        for place, row in enumerate(objects(found, "modules"))
    ]


def schema(module: str, found: Mapping[str, object]) -> Schema:
    fields = [_field(f"fields[{place}]", row) for place, row in enumerate(objects(found, "fields"))]
    return Schema(module=module, fields={field.api_name: field for field in fields})


def _field(place: str, row: Mapping[str, object]) -> Field:
    may, length = _object(row.get("operation_type")), row.get("length")
    linked = _object(row.get("multiselectlookup"))
    if length is not None and (not isinstance(length, int) or isinstance(length, bool)):
        raise WrongShapeError(f"{place}.length", "a number", length)
    return Field(
        api_name=as_text(f"{place}.api_name", row.get("api_name")),
        label=_text(row, "field_label") or _text(row, "display_label"),
        data_type=as_text(f"{place}.data_type", row.get("data_type")),
        length=length,
        mandatory=row.get("system_mandatory") is True,
        read_only=row.get("read_only") is True or row.get("field_read_only") is True,
        creatable=may.get("api_create") is not False,
        updatable=may.get("api_update") is not False,
        # `{}` is "not unique", `{"case_sensitive": …}` is; an org-wide external field is unique too (facts 4.8).
        unique=bool(_object(row.get("unique"))) or _object(row.get("external")).get("type") == "org",
        custom=row.get("custom_field") is True,
        rich_text=_object(row.get("textarea")).get("type") == "rich_text",
        lookup_module=_module_named(_object(row.get("lookup")).get("module")),
        lookup_modules=_lookup_modules(row),
        rows_module=_rows_module(row),
        linked_module=_module_named(_object(linked.get("connected_details")).get("module")),
        link_field=_link_field(linked),
        field_id=_text(row, "id"),
        picklist=frozenset(_picklist(place, row.get("pick_list_values"))),
    )


def _module_named(module: object) -> str | None:
    """A module by its name, bare or in an object."""
    named = module.get("api_name") if isinstance(module, dict) else module
    return named if isinstance(named, str) and named else None


def _rows_module(row: Mapping[str, object]) -> str | None:
    """Where the rows of a subform live: named in one of two places (facts 6)."""
    places = (_object(row.get("associated_module")), _object(row.get("subform")))
    return next((name for place in places if (name := _module_named(place.get("module")))), None)


def _link_field(linked: Mapping[str, object]) -> str | None:
    """The key of a row of a multi-select lookup; the facts (6) name the two objects and not all that is in them."""
    ends = (
        _object(linked.get("linking_details")).get("connected_lookup_field"),
        _object(linked.get("connected_details")).get("field"),
    )
    return next((name for end in ends if (name := _module_named(end))), None)


def _lookup_modules(row: Mapping[str, object]) -> tuple[str, ...]:
    """The modules of a lookup into several. How Zoho lists them is not certain; what cannot be read is unsaid."""
    modules = _object(row.get("multi_module_lookup")).get("modules")
    named = [_object(m).get("api_name", m) for m in modules] if isinstance(modules, list) else []
    return tuple(sorted({m for m in named if isinstance(m, str) and m}))


def _picklist(place: str, values: object) -> list[str]:
    if values is None:
        return []
    if not isinstance(values, list):
        raise WrongShapeError(f"{place}.pick_list_values", "a list", values)
    entries = [as_object(f"{place}.pick_list_values[{number}]", value) for number, value in enumerate(values)]
    return [
        as_text(f"{place}.pick_list_values[{number}].actual_value", entry.get("actual_value"))
        for number, entry in enumerate(entries)
        if entry.get("type") != "unused"
    ]


def _object(value: object) -> Mapping[str, object]:
    return value if isinstance(value, dict) else {}


def _text(row: Mapping[str, object], key: str) -> str:
    """A text that may be missing or null."""
    value = row.get(key)
    return value if isinstance(value, str) else ""
