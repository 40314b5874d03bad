"""The modules and fields of one org at this moment, and the ways an administrator changes them. Knows no records."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator.catalog import MODULES, PICKLISTS, SOURCE_ONLY, ModuleSpec
from daemon.emulator.fields import DEFAULT_LENGTHS, Field

_MARKS = re.compile(
    r"\[(?P<list>\w+)\]|>>(?P<several>[\w+*]+)|>(?P<lookup>\w+)|\{(?P<rows>[\w.]+)\}"
    r"|#(?P<decimals>\d)|=(?P<formula>\w+)|(?P<word>[!\w-]+)"
)
NewId = Callable[[], int]


@dataclass(slots=True, kw_only=True)
class Layout:
    """One layout: what it demands beyond the system's mandatory fields, and what it leaves out (facts 4.1)."""

    id: int
    name: str
    api_name: str
    mandatory: frozenset[str] = frozenset()
    without: frozenset[str] = frozenset()
    known: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """A custom view; `system_name` only for those that Zoho ships. The criteria are read by `views`."""

    id: int
    name: str
    criteria: dict[str, Any] | None
    system_name: str | None = None
    created: int | None = None


@dataclass(slots=True, kw_only=True)
class Module:
    """One module: its fields by API name, in order; `modified` is when an administrator last changed it or a field.

    `shown` is False for a standard module that a snapshot's org lacks; `known` is what the snapshot says of a module.
    """

    id: int
    layout_id: int
    api_name: str
    singular: str
    plural: str
    display: str
    system_unique: str | None
    sequence: int
    generated: str = "default"
    layouts: list[Layout] = field(default_factory=list)
    views: list[View] = field(default_factory=list)
    fields: dict[str, Field] = field(default_factory=dict)
    modified: int | None = None
    shown: bool = True
    known: dict[str, Any] = field(default_factory=dict)

    @property
    def is_rows(self) -> bool:
        """Whether its records are rows of other records: subform, linking and tracker modules."""
        return self.generated in ("subform", "static_subform", "linking", "field_tracker")

    def children(self) -> list[Field]:
        """The fields whose content is rows of another module."""
        return [item for item in self.fields.values() if item.child is not None]

    def unique_fields(self) -> list[str]:
        """The names of the fields an administrator made unique."""
        return [item.api_name for item in self.fields.values() if item.unique]


def fresh_schema(new_id: NewId, *, source: bool) -> dict[str, Module]:
    """The standard modules; `source` tells the org whose lists are longer and whose Customer_Number is not unique."""
    modules = {spec.api_name: _module(spec, new_id, source=source) for spec in MODULES}
    whole = tuple(name for name, module in modules.items() if not module.is_rows and name != "Notes")
    for module in modules.values():
        for item in module.fields.values():
            if item.lookups == ("*",):
                item.lookups = whole
    _second_layout(modules["Projects"], new_id)
    return modules


def _second_layout(module: Module, new_id: NewId) -> None:
    """Projects has a layout that demands a start and knows no budget."""
    demands, without = frozenset({"Start_Date"}), frozenset({"Budget", "Budget_Used", "Remaining"})
    layout = Layout(id=new_id(), name="Internal", api_name="Internal", mandatory=demands, without=without)
    module.layouts.append(layout)


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
        generated=spec.generated,
    )
    module.layouts.append(Layout(id=module.layout_id, name="Standard", api_name="Standard__s"))
    new_id()  # the id of the layout's first section
    for line in spec.fields.strip().splitlines():
        if line.strip():
            item = field_of_line(line, new_id, source=source)
            module.fields[item.api_name] = item
    return module


def field_of_line(line: str, new_id: NewId, *, source: bool) -> Field:
    """A field from its line in the notation of `catalog`."""
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
        elif match["several"]:
            item.lookups = tuple(match["several"].split("+"))
        elif match["lookup"]:
            item.lookup = match["lookup"]
        elif match["rows"]:
            item.child, item.back, item.forward = (*match["rows"].split("."), None)[:3]
        elif match["formula"]:
            item.formula = match["formula"]
        elif match["decimals"]:
            item.decimals = int(match["decimals"])
        else:
            _mark(item, match["word"], source=source)
    return item


def _mark(item: Field, word: str, *, source: bool) -> None:
    flags = {"!": "mandatory", "ro": "read_only", "custom": "custom", "rich": "rich"}
    if word in flags:
        setattr(item, flags[word], True)
    elif word == "hidden":
        item.visible = False
    elif word == "target-unique":
        item.unique = not source
    elif word == "external":
        item.unique, item.external = True, "org"
    elif word == "jsonarray":
        item.json_type = word


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
