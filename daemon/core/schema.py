"""The part of Zoho's field metadata that decisions need (facts 6), as narrow values."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, fields, replace
from operator import attrgetter
from typing import Final

# Computed by Zoho or written through calls of their own: never part of a record's body.
NOT_WRITABLE_TYPES: Final = frozenset(
    {"autonumber", "formula", "rollup_summary", "profileimage", "fileupload", "imageupload", "consent_lookup"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module. `length` counts characters; `picklist` holds actual values, empty when not a picklist.

    `rows_module` holds the rows of a subform. `linked_module` is where a multi-select lookup points to, and
    `link_field` the key of each of its rows under which the linked record stands (facts 2.6). `lookup_modules` are
    those that a lookup into several modules may point into; empty: the org does not say. `field_id` stays the same when
    the field is renamed.
    """

    api_name: str
    label: str
    data_type: str
    length: int | None = None
    mandatory: bool = False
    read_only: bool = False
    creatable: bool = True
    updatable: bool = True
    unique: bool = False
    custom: bool = False
    rich_text: bool = False
    lookup_module: str | None = None
    rows_module: str | None = None
    linked_module: str | None = None
    link_field: str | None = None
    lookup_modules: tuple[str, ...] = ()
    picklist: frozenset[str] = frozenset()
    field_id: str = ""

    @property
    def leads_to(self) -> tuple[str, ...]:
        """The modules that a lookup may point into, as far as the org says."""
        return (self.lookup_module,) if self.lookup_module else self.lookup_modules

    @property
    def writable(self) -> bool:
        """Whether a client may write it, on create and on update (facts 6, inference)."""
        return self.creatable and self.updatable and not self.read_only and self.data_type not in NOT_WRITABLE_TYPES


_PLAIN: Final = attrgetter(*(f.name for f in fields(Field) if f.name not in ("picklist", "field_id")))


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The fields of one module of one org, by API name (case-sensitive); `rows` are those of its subforms' rows, by the
    subform's API name, as far as they were asked for.
    """

    module: str
    fields: Mapping[str, Field]
    rows: Mapping[str, Schema] = field(default_factory=dict)

    def only(self, names: Collection[str], columns: Mapping[str, Collection[str]]) -> Schema:
        """These fields alone, as far as there are such, and of their rows these columns."""
        fields = {name: one for name, one in self.fields.items() if name in names}
        rows = {name: one.only(columns.get(name, ()), {}) for name, one in self.rows.items() if name in names}
        return replace(self, fields=fields, rows=rows)

    def fingerprint(self) -> str:
        """A short name for exactly these fields: it changes when a field, a length, a picklist, a right does."""
        plain = sorted((*_PLAIN(f), sorted(f.picklist)) for f in self.fields.values())
        inner = [(name, self.rows[name].fingerprint()) for name in sorted(self.rows)]
        return hashlib.blake2b(repr([plain, inner]).encode(), digest_size=8).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class ModuleInfo:
    """A module of an org; only an `api_supported` one can be read. The other flags are what the API user may do."""

    api_name: str
    label: str
    api_supported: bool
    creatable: bool
    editable: bool
    deletable: bool
    viewable: bool
    generated_type: str


@dataclass(frozen=True, slots=True, kw_only=True)
class User:
    """A user of an org; `email` is how owners are recognised across orgs."""

    user_id: str
    email: str
    name: str
    active: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class OrgProfile:
    """Who an org says it is. `zgid` identifies it for good; edition and licences give its credits (facts 9.1);
    `currency` is the ISO code of its home currency, empty where it names none.
    """

    zgid: str
    company_name: str
    edition: str
    licences: int
    type: str
    time_zone: str
    currency: str = ""
