"""Records that a target must refuse, planted in named kinds among the seeded ones of the source."""

from __future__ import annotations

from typing import Any

from daemon.emulator.catalog import SOURCE_ONLY
from daemon.emulator.sowing import Sowing
from daemon.emulator.store import Record

Json = dict[str, Any]
DEFECTS = {
    "bad_email": ("Leads", "Contacts"),
    "too_long": ("Leads", "Contacts", "Accounts", "Deals"),
    "missing_parent": ("Contacts", "Deals", "Accounts"),
    "unknown_picklist": ("Leads", "Contacts", "Accounts", "Deals"),
    "duplicate_unique": ("Contacts", "Accounts"),
}
_LONG_FIELD = {
    "Leads": ("Company", 200),
    "Contacts": ("Title", 100),
    "Accounts": ("Account_Site", 80),
    "Deals": ("Next_Step", 100),
}
_PARENT_FIELD = {"Contacts": "Account_Name", "Deals": "Account_Name", "Accounts": "Parent_Account"}
_PICKLIST = {
    "Leads": ("Lead_Source", "lead_source"),
    "Contacts": ("Lead_Source", "lead_source"),
    "Accounts": ("Industry", "industry"),
    "Deals": ("Stage", "stage"),
}


def plant(sowing: Sowing, count: int) -> list[Json]:
    """Spoil `count` of the new records, one kind after the other; a record is spoiled once, a twin never."""
    planted: list[Json] = []
    untouched = {module: list(records) for module, records in sowing.made.items()}
    for records in untouched.values():
        sowing.dice.shuffle(records)
    kinds = list(DEFECTS)
    for number in range(count):
        kind = kinds[number % len(kinds)]
        module = DEFECTS[kind][number // len(kinds) % len(DEFECTS[kind])]
        need = 2 if kind == "duplicate_unique" else 1
        if len(untouched.get(module, ())) >= need:
            planted.append(_spoil(sowing, kind, module, untouched[module]))
    return planted


def _spoil(sowing: Sowing, kind: str, module: str, untouched: list[Record]) -> Json:
    record = untouched.pop()
    defect: Json = {"module": module, "kind": kind}
    if kind == "bad_email":
        record.values["Email"] = f"not an address {sowing.dice.randint(1, 999)}"
        defect["field"] = "Email"
    elif kind == "too_long":
        name, limit = _LONG_FIELD[module]
        record.values[name] = f"{record.values.get(name) or 'long'} ".ljust(limit + 25, "x")
        defect["field"] = name
    elif kind == "missing_parent":
        record.values[_PARENT_FIELD[module]] = sowing.org.new_id()
        defect["field"] = _PARENT_FIELD[module]
    elif kind == "unknown_picklist":
        name, picklist = _PICKLIST[module]
        record.values[name] = SOURCE_ONLY[picklist]
        defect["field"] = name
    else:
        twin = untouched.pop()
        # the later one in reading order is the one that the target refuses
        if (twin.modified, twin.id) > (record.modified, record.id):
            record, twin = twin, record
        shared = f"DUP-{sowing.dice.randint(10**6, 10**7)}-{record.id % 10**6}"
        record.values["Customer_Number"] = twin.values["Customer_Number"] = shared
        defect |= {"field": "Customer_Number", "twin": str(twin.id)}
    return {**defect, "id": str(record.id)}
