"""The modules and fields of one org at this moment, and the ways an administrator changes them. Knows no records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.emulator.catalog import MODULES, PICKLISTS, SOURCE_ONLY, ModuleSpec
from daemon.emulator.fields import DEFAULT_LENGTHS, Field

_MARKS = re.compile(r"\[(?P<list>\w+)\]|>(?P<lookup>\w+)|#(?P<decimals>\d)|(?P<word>[!\w-]+)")
NewId = Callable[[], int]


@dataclass(slots=True, kw_only=True)
class Module:
    """One module: its fields by API name, in order."""

    id: int
    layout_id: int
    api_name: str
    singular: str
    plural: str
    display: str
    system_unique: str | None
    sequence: int
    fields: dict[str, Field] = field(default_factory=dict)

    def unique_fields(self) -> list[str]:
        """The names of the fields an administrator made unique."""
        return [item.api_name for item in self.fields.values() if item.unique]


def fresh_schema(new_id: NewId, *, source: bool) -> dict[str, Module]:
    """The standard modules; `source` tells the org whose lists are longer and whose Customer_Number is not unique."""
    return {spec.api_name: _module(spec, new_id, source=source) for spec in MODULES}


def _module(spec: ModuleSpec, new_id: NewId, *, source: bool) -> Module:
    module = Module(
        id=new_id(),
        layout_id=new_id(),
        api_name=spec.api_name,
        singular=spec.singular,
        plural=spec.plural,
        display=spec.display,
        system_unique=spec.system_unique,
        sequence=spec.sequence,
    )
    for line in spec.fields.strip().splitlines():
        if line.strip():
            item = _field(line, new_id, source=source)
            module.fields[item.api_name] = item
    return module


def _field(line: str, new_id: NewId, *, source: bool) -> Field:
    name, label, data_type, length, marks = (part.strip() for part in line.split("|"))
    item = Field(
        id=new_id(),
        api_name=name,
        label=label,
        data_type=data_type,
        length=DEFAULT_LENGTHS[data_type] if length == "-" else int(length),
    )
    for match in _MARKS.finditer(marks):
        if match["list"]:
            give_picklist(item, list(PICKLISTS[match["list"]]), new_id)
            if source and match["list"] in SOURCE_ONLY:
                item.picklist.append(SOURCE_ONLY[match["list"]])
        elif match["lookup"]:
            item.lookup = match["lookup"]
        elif match["decimals"]:
            item.decimals = int(match["decimals"])
        else:
            _mark(item, match["word"], source=source)
    return item


def _mark(item: Field, word: str, *, source: bool) -> None:
    if word == "!":
        item.mandatory = True
    elif word == "ro":
        item.read_only = True
    elif word == "custom":
        item.custom = True
    elif word == "hidden":
        item.visible = False
    elif word == "target-unique":
        item.unique = not source


def give_picklist(item: Field, values: list[str], new_id: NewId) -> None:
    """Set the list of values; ids of values are reserved in a block."""
    item.picklist = values
    item.picklist_base = new_id()
    for _ in range(max(len(values), 40)):
        new_id()


def api_name_for(label: str, taken: set[str]) -> str:
    """The API name Zoho derives from a label: words joined by underscores, a number when it is taken."""
    base = re.sub(r"[^0-9A-Za-z]+", "_", label).strip("_") or "Field"
    if base[0].isdigit():
        base = f"Field_{base}"
    name, number = base, 1
    while name in taken:
        name, number = f"{base}{number}", number + 1
    return name


def rename_field(module: Module, old: str, new: str) -> None:
    """Change an API name, keeping the field's place (facts 11.25)."""
    module.fields = {(new if name == old else name): item for name, item in module.fields.items()}
    module.fields[new].api_name = new
