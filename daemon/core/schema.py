"""The part of Zoho's field metadata that decisions need (facts 6), as narrow values."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import astuple, dataclass
from typing import Final

# Computed by Zoho or written through calls of their own: never part of a record's body.
NOT_WRITABLE_TYPES: Final = frozenset(
    {"autonumber", "formula", "rollup_summary", "profileimage", "fileupload", "imageupload", "consent_lookup"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One field of a module. `length` counts characters; `picklist` holds actual values, empty when not a picklist.

    `lookup_modules` are those that a lookup into several modules may point into; empty: the org does not say.
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
    lookup_modules: tuple[str, ...] = ()
    picklist: frozenset[str] = frozenset()  # last: fingerprint() sorts it, and names what is before it only if set

    @property
    def leads_to(self) -> tuple[str, ...]:
        """The modules that a lookup may point into, as far as the org says."""
        return (self.lookup_module,) if self.lookup_module else self.lookup_modules

    @property
    def writable(self) -> bool:
        """Whether a client may write it, on create and on update (facts 6, inference)."""
        return self.creatable and self.updatable and not self.read_only and self.data_type not in NOT_WRITABLE_TYPES


@dataclass(frozen=True, slots=True, kw_only=True)
class Schema:
    """The fields of one module of one org, by API name (case-sensitive)."""

    module: str
    fields: Mapping[str, Field]

    def fingerprint(self) -> str:
        """A short name for exactly these fields: it changes when a field, a length, a picklist, a right does."""
        rows = sorted(
            (*astuple(f)[:-2], *([f.lookup_modules] if f.lookup_modules else []), sorted(f.picklist))
            for f in self.fields.values()
        )
        return hashlib.blake2b(repr(rows).encode(), digest_size=8).hexdigest()


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
