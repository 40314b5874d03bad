"""What a write to one record does to another: by quirk, the parent's Modified_Time moves (facts 11.3)."""

from __future__ import annotations

from daemon.emulator.org import Org
from daemon.emulator.store import Record


def rippled(org: Org, module: str, record: Record | None, by: int) -> None:
    """A note, or a row of a subform that was written by itself, has changed: its parent may be newer now."""
    if record is None:
        return
    parent = record.values.get("Parent_Id")
    if not isinstance(parent, int):
        return
    if module == "Notes" and org.quirks["note_moves_modified_time"] == "yes":
        _touch(org, org.module_of(parent, org.modules["Notes"].fields["Parent_Id"].lookups), parent, by)
    elif org.modules[module].is_rows and org.quirks["computed_moves_modified_time"] == "yes":
        holder = next((one for one in org.modules.values() if _computes(org, one.api_name, module)), None)
        _touch(org, holder.api_name if holder else None, parent, by)


def attached(org: Org, module: str, number: int, by: int) -> None:
    """What is attached to a record has changed: by quirk, that is an edit of the record."""
    if org.quirks["attachment_moves_modified_time"] == "yes":
        _touch(org, module, number, by)


def _computes(org: Org, name: str, rows: str) -> bool:
    """Whether records of this module hold such rows, and formulas that may count them."""
    fields = org.modules[name].fields.values()
    return any(item.child == rows for item in fields) and any(item.formula is not None for item in fields)


def _touch(org: Org, module: str | None, number: int, by: int) -> None:
    old = org.tables[module].records.get(number) if module is not None else None
    if module is not None and old is not None:
        moved = max(org.clock.stamp(), old.modified)
        org.put(module, old.replaced(modified=moved, modified_by=by, owner=old.owner, values=old.values))
