"""What goes to the recycle bin together and comes back together (facts 5.1, 5.4). No HTTP in here."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from daemon.emulator.store import Record

if TYPE_CHECKING:
    from daemon.emulator.org import Org

DAY = 86_400
RECYCLE_DAYS, PERMANENT_DAYS = 60, 120


class OrphanError(Exception):
    """A child cannot come back before its parent (CANNOT_RESTORE_WITHOUT_PARENT)."""


@dataclass(slots=True, kw_only=True)
class Deleted:
    """A record that was deleted (facts 5.2), with the rows that went with it."""

    record: Record
    name: str
    at: int
    by: int
    visible_at: float
    permanent: bool = False
    purged_at: float | None = None
    rows: list[tuple[str, Record]] = field(default_factory=list)
    parent: tuple[str, int] | None = None

    def kind(self, now: float) -> str | None:
        """`recycle`, `permanent`, or None once Zoho has forgotten it; the bin empties itself after 60 days."""
        age = now - self.at
        if age > PERMANENT_DAYS * DAY:
            return None
        return "permanent" if self.permanent or age > RECYCLE_DAYS * DAY else "recycle"


def delete(
    org: Org, module: str, number: int, *, by: int, permanent: bool = False, parent: tuple[str, int] | None = None
) -> Record | None:
    """Move a record to the bin with its subform rows and links; its notes follow as entries of their own.

    A module without `recycle_bin_on_delete` has no bin: what is deleted there is gone for good (facts 5.1).
    """
    record = org.tables[module].records.get(number)
    if record is None:
        return None
    there = org.modules[module]
    permanent = permanent or there.known.get("recycle_bin_on_delete", not there.is_rows) is False
    name, now = org.display_name(module, number) or "", org.clock.now()
    entry = Deleted(
        record=record, name=name, at=int(now), by=by, visible_at=now + org.write_delay, permanent=permanent,
        parent=parent,
    )  # fmt: skip
    for item in org.modules[module].children():
        for row in org.rows(item, number):
            entry.rows.append((str(item.child), row))
            org.take(str(item.child), row.id)
    org.take(module, number)
    org.bin[module][number] = entry
    if module != "Notes" and len(org.tables["Notes"]):
        for note in org.tables["Notes"].holders("Parent_Id", number):
            delete(org, "Notes", note, by=by, permanent=permanent, parent=(module, number))
    return record


def in_bin(org: Org, module: str, number: int) -> Deleted | None:
    """The entry of a record that can still be restored."""
    entry = org.bin[module].get(number)
    return entry if entry is not None and entry.kind(org.clock.now()) == "recycle" else None


def restore(org: Org, module: str, number: int) -> Record | None:
    """Take a record out of the bin; it keeps its id (facts 5.4). OrphanError while its parent is in the bin."""
    entry = in_bin(org, module, number)
    if entry is None:
        return None
    if entry.parent is not None and in_bin(org, *entry.parent) is not None:
        raise OrphanError
    record = entry.record
    if org.quirks["modified_time_on_restore"] == "move":
        record = record.replaced(
            modified=org.clock.stamp(), modified_by=org.administrator.id, owner=record.owner, values=record.values
        )
    del org.bin[module][number]
    org.put(module, record)
    for child, row in entry.rows:
        org.put(child, row)
    for note, fallen in list(org.bin["Notes"].items()):
        if fallen.parent == (module, number):
            restore(org, "Notes", note)
    return record


def purge(org: Org, module: str, number: int) -> bool:
    """Delete for good what lies in the bin; the deleted list goes on to tell of it (facts 5.2)."""
    entry = in_bin(org, module, number)
    if entry is None:
        return False
    entry.permanent = True
    return True
