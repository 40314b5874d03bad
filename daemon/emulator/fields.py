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
LIVE = frozenset(
    """id api_name field_label display_label data_type json_type length decimal_place system_mandatory read_only
    field_read_only visible unique pick_list_values operation_type view_type textarea""".split()  # noqa: SIM905
)
"""Keys of a field's description that follow what administrators change."""
COMPUTED = frozenset({"formula", "rollup_summary", "autonumber"})
CHILDREN = frozenset({"subform", "multiselectlookup", "multiuserlookup"})
"""Types whose content is rows of a module of their own (facts 2.6, 4.7)."""


@dataclass(slots=True, kw_only=True)
class Field:
    """What an org knows about one field. Mutable, because administrators change fields while clients run.

    `choices` is what a snapshot says of single picklist values, `known` what it says of the field; `asked` is what the
    request that created the field said, of the keys that are only shown again.
    """

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
    external_shown: bool = True
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
    choices: dict[str, dict[str, Any]] = field(default_factory=dict)
    asked: dict[str, Any] = field(default_factory=dict)
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def writable(self) -> bool:
        """Whether the API takes values for this field."""
        return not self.read_only and self.data_type not in COMPUTED
