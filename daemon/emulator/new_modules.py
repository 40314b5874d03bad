"""Modules of rows that come with a new subform or multi-lookup field (facts 2.6, 6)."""

from __future__ import annotations

from typing import Any

from daemon.emulator import errors
from daemon.emulator.catalog_core import ROW_HEAD, ROW_TAIL
from daemon.emulator.fields import Field
from daemon.emulator.org import Org
from daemon.emulator.schema import Layout, Module, field_of_line

Json = dict[str, Any]


def give_rows(org: Org, module: Module, item: Field, given: Json, path: str) -> None:
    """Make the module that holds the rows of `item`, and tie the two together."""
    subform = item.data_type == "subform"
    rows = _new_module(org, module, item, subform=subform)
    item.child, item.back = rows.api_name, "Parent_Id" if subform else module.singular.replace(" ", "_")
    lines = [f"{item.back} | {module.singular} | lookup | - | >{module.api_name}"]
    if subform:
        lines.append("Name | Name | text | 120 | custom")
    else:
        item.forward = item.api_name
        target = None if item.data_type == "multiuserlookup" else _target(org, given, path)
        item.lookup = target
        kind = "userlookup | - |" if target is None else f"lookup | - | >{target}"
        lines.append(f"{item.api_name} | {item.label.replace('|', ' ')} | {kind}")
    for line in [*ROW_HEAD.split("\n"), *lines, *ROW_TAIL.split("\n")]:
        if line.strip():
            made = field_of_line(line, org.new_id, source=org.source)
            rows.fields[made.api_name] = made
    org.add_module(rows)


def _new_module(org: Org, module: Module, item: Field, *, subform: bool) -> Module:
    base = item.api_name if subform else f"{module.api_name}_X_{item.api_name}"
    name, number = base, 1
    while name in org.modules:
        name, number = f"{base}{number}", number + 1
    made = Module(
        id=org.new_id(), layout_id=org.new_id(), api_name=name, singular=item.label, plural=item.label,
        display="id", system_unique=None, sequence=len(org.modules) + 1,
        generated="subform" if subform else "linking",
    )  # fmt: skip
    org.new_id()  # the id of the layout's first section
    made.layouts.append(Layout(id=made.layout_id, name="Standard", api_name="Standard__s"))
    return made


def _target(org: Org, given: Json, path: str) -> str:
    """The module that a new multi-select lookup points into."""
    whole = given.get("multiselectlookup")
    connected = whole.get("connected_details") if isinstance(whole, dict) else None
    module = connected.get("module") if isinstance(connected, dict) else None
    name = module.get("api_name") if isinstance(module, dict) else module
    if not isinstance(name, str) or name not in org.modules or org.modules[name].is_rows:
        raise errors.bad_value("multiselectlookup", f"{path}.multiselectlookup")
    return name


def modules_of(org: Org, given: Json, path: str) -> tuple[str, ...]:
    """The modules that a new lookup into several of them points into."""
    whole = given.get("multi_module_lookup")
    listed = whole.get("modules") if isinstance(whole, dict) else None
    names = [one.get("api_name") for one in listed if isinstance(one, dict)] if isinstance(listed, list) else []
    known = [name for name in names if isinstance(name, str) and name in org.modules]
    if not known or len(known) < len(listed or []):
        raise errors.bad_value("multi_module_lookup", f"{path}.multi_module_lookup")
    return tuple(known)
