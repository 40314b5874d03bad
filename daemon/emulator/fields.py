"""One field of a module: what an org knows about it, and what its type implies (facts 6)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

JSON_TYPES = {
    "integer": "integer",
    "double": "double",
    "currency": "double",
    "percent": "double",
    "boolean": "boolean",
    "multiselectpicklist": "jsonarray",
    "subform": "jsonarray",
    "multiselectlookup": "jsonarray",
    "multiuserlookup": "jsonarray",
    "imageupload": "jsonarray",
    "fileupload": "jsonarray",
    "lookup": "jsonobject",
    "ownerlookup": "jsonobject",
    "userlookup": "jsonobject",
    "multi_module_lookup": "jsonobject",
}
DEFAULT_LENGTHS = {
    "text": 255,
    "textarea": 2000,
    "email": 100,
    "phone": 30,
    "website": 450,
    "picklist": 120,
    "multiselectpicklist": 255,
    "integer": 9,
    "bigint": 18,
    "double": 16,
    "currency": 16,
    "percent": 5,
    "boolean": 5,
    "date": 20,
    "datetime": 120,
    "lookup": 120,
    "ownerlookup": 120,
    "userlookup": 120,
    "multi_module_lookup": 120,
    "subform": 120,
    "multiselectlookup": 120,
    "multiuserlookup": 120,
    "autonumber": 255,
    "formula": 20,
    "rollup_summary": 20,
}
COMPUTED = frozenset({"formula", "rollup_summary", "autonumber"})
CHILDREN = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
"""Types whose content is rows of a module of their own (facts 2.6, 4.7)."""


@dataclass(slots=True, kw_only=True)
class Field:
    """What an org knows about one field. Mutable, because administrators change fields while clients run."""

    id: int
    api_name: str
    label: str
    data_type: str
    length: int
    mandatory: bool = False
    read_only: bool = False
    unique: bool = False
    case_sensitive: bool = False
    custom: bool = False
    visible: bool = True
    rich: bool = False
    external: str | None = None
    decimals: int | None = None
    lookup: str | None = None
    lookups: tuple[str, ...] = ()
    child: str | None = None
    back: str = "Parent_Id"
    forward: str | None = None
    formula: str | None = None
    prefix: str = ""
    json_type: str | None = None
    picklist: list[str] = field(default_factory=list)
    picklist_base: int = 0
    section: str = "Information"
    created: int | None = None
    modified: int | None = None
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def writable(self) -> bool:
        """Whether the API takes values for this field."""
        return not self.read_only and self.data_type not in COMPUTED
