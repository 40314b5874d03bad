"""What B must hold, by a mapping of its own: which fields, which records B must refuse, which wait, which are equal.

Knows the emulated orgs and what people did by hand in them; nothing of the daemon, save the two names of the ledger's
queue that it compares with.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.emulator import Emulator
from daemon.emulator.store import Record

KEY: Final = "Source_Record_ID"
NOTE: Final = "Lives_Note"
UNLISTED: Final = {"Accounts": "Textiles & Handicrafts"}
HIDDEN: Final = "Hidden"
SET_BACK_HEALS: Final = False
"""Whether a value that went back and forth around a restored ledger arrives (test_found.py): True once it does."""
_MARK: Final = re.compile(r"r(\d+) v(\d+)")
_MAIL: Final = re.compile(r"[^\s@,]+@[^\s@,]+\.[^\s@,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """The fields of a module that lives touch, by what they are for; `parents` is lookup field -> module."""

    name: str
    town: str
    choice: str
    number: str
    mail: str | None = None
    unique: str | None = None
    parents: Mapping[str, str] = field(default_factory=dict)
    always: Mapping[str, object] = field(default_factory=dict)

    def plain(self) -> list[str]:
        """What is carried as it stands."""
        names = (self.name, "Description", self.town, self.choice, self.number, self.mail, self.unique)
        return [name for name in names if name is not None]


SHAPES: Final = {
    "Accounts": Shape(
        name="Account_Name",
        town="Billing_City",
        choice="Industry",
        number="Employees",
        unique="Customer_Number",
        parents={"Parent_Account": "Accounts"},
    ),
    "Contacts": Shape(
        name="Last_Name",
        town="Mailing_City",
        choice="Lead_Source",
        number="Loyalty_Points",
        mail="Email",
        unique="Customer_Number",
        parents={"Account_Name": "Accounts", "Reporting_To": "Contacts"},
    ),
    "Leads": Shape(
        name="Last_Name",
        town="City",
        choice="Lead_Source",
        number="No_of_Employees",
        mail="Email",
        always={"Company": "Acme"},
    ),
    "Deals": Shape(
        name="Deal_Name",
        town="Next_Step",
        choice="Lead_Source",
        number="Amount",
        parents={"Account_Name": "Accounts", "Contact_Name": "Contacts"},
        always={"Stage": "Qualification", "Closing_Date": "2031-05-01"},
    ),
}


def unlisted(module: str) -> str:
    """A choice that only A's list holds."""
    return UNLISTED.get(module, "WhatsApp")


def mark(ident: int, version: int) -> str:
    """What Description says: who the record is, and a number that grows with every write in A."""
    return f"r{ident} v{version}"


def read_mark(record: Record) -> tuple[int, int]:
    """(ident, version) of a record; (0, 0) of a stranger."""
    found = _MARK.search(str(record.values.get("Description") or ""))
    return (int(found[1]), int(found[2])) if found else (0, 0)


@dataclass(slots=True, kw_only=True)
class Hearsay:
    """What people did that changes what may be asked of the daemon. Records are (module, id)."""

    past: dict[tuple[str, str, str], list[object]] = field(default_factory=lambda: defaultdict(list))
    by_hand: dict[tuple[str, str, str], list[tuple[object, int]]] = field(default_factory=lambda: defaultdict(list))
    gone_in_b: set[tuple[str, str]] = field(default_factory=set)
    restored: set[tuple[str, str]] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    ledger_set_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Both orgs as they are, and how the life pairs them."""

    emu: Emulator
    modules: tuple[str, ...]
    keyed: bool
    filtered: bool
    with_note: bool = False

    def table(self, org: str, module: str) -> Mapping[int, Record]:
        """The live records of a module."""
        return self.emu.world.sites[org].org.tables[module].records

    @property
    def hiding(self) -> bool:
        """Whether A shows lookups to deleted records as blank."""
        return self.emu.world.sites["india"].quirks["lookup_to_deleted"] == "null"

    def hides(self, parent: str, value: object) -> bool:
        """Whether A shows a lookup to this record as blank."""
        return self.hiding and int(str(value)) not in self.table("india", parent)

    def in_filter(self, module: str, record: Record) -> bool:
        """The filter of these lives: every town but the hidden one (blank is in)."""
        return not self.filtered or record.values.get(SHAPES[module].town) != HIDDEN

    def pairs(self, module: str) -> dict[str, list[Record]]:
        """Source id -> its live counterparts in B: by the key, or by the ident where there is no key."""
        found: dict[str, list[Record]] = defaultdict(list)
        if self.keyed:
            zgid = self.emu.world.sites["india"].org.zgid
            for record in self.table("us", module).values():
                owner, _, source = str(record.values.get(KEY) or "").partition(":")
                if owner == zgid:
                    found[source].append(record)
            return found
        by_ident: dict[int, list[Record]] = defaultdict(list)
        for record in self.table("us", module).values():
            by_ident[read_mark(record)[0]].append(record)
        site = self.emu.world.sites["india"].org
        graves = {number: entry.record for number, entry in site.bin[module].items()}
        for number, record in {**graves, **site.tables[module].records}.items():
            ident = read_mark(record)[0]
            if ident and by_ident.get(ident):
                found[str(number)] = by_ident[ident]
        return found


def wrong(sight: Sight, told: Hearsay, queue: Iterable[tuple[str, str]]) -> list[str]:
    """Everything in which B, or the queue of (module, source id), is not what it must be. Empty: it has converged."""
    queued = set(queue)
    pairs = {module: sight.pairs(module) for module in sight.modules}
    found: list[str] = []
    for module in sight.modules:
        for number, record in sight.table("india", module).items():
            found += _of_record(sight, told, pairs, queued, module, str(number), record)
        alive = {str(number) for number in sight.table("india", module)}
        found += [
            f"{module} {i} waits in the queue, but A has no such record"
            for m, i in queued
            if m == module and i not in alive
        ]
    return found


def _of_record(  # noqa: PLR0911 - a ladder
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    queued: set[tuple[str, str]],
    module: str,
    source_id: str,
    record: Record,
) -> list[str]:
    me = f"{module} {source_id}"
    twins = pairs[module].get(source_id, [])
    if len(twins) > 1:
        return [f"{me} has {len(twins)} counterparts: {', '.join(str(t.id) for t in twins)}"]
    waits = (module, source_id) in queued
    if not sight.in_filter(module, record):
        return [f"{me} is out of the filter and waits in the queue"] if waits else []
    if (module, source_id) in told.gone_in_b or _lenient(sight, told, pairs, module, record):
        return []
    reason = refusal(sight, module, record, twins) or _waits_for(sight, pairs, module, record)
    if reason is not None:
        return [] if waits else [f"{me} must wait ({reason}) and is not in the queue"]
    if (module, source_id) in told.restored:
        return []
    if waits and not (twins and told.ledger_set_back and refusal(sight, module, record, [])):
        return [f"{me} waits in the queue for no reason"]
    if not twins:
        return [f"{me} is not in B"]
    return [f"{me} -> {twins[0].id}: {text}" for text in _differences(sight, told, pairs, module, record, twins[0])]


def refusal(sight: Sight, module: str, record: Record, twins: list[Record]) -> str | None:
    """Why B must refuse this record, by B's own rules; what its counterpart holds already is not sent."""
    shape, site = SHAPES[module], sight.emu.world.sites["us"]
    fields, there = site.org.modules[module].fields, twins[0].values if twins else {}
    values = {name: value for name, value in record.values.items() if there.get(name) != value}
    if shape.mail and (mail := values.get(shape.mail)) and not _MAIL.fullmatch(str(mail)):
        return f"bad {shape.mail}"
    if len(str(values.get(shape.town) or "")) > int(fields[shape.town].length or 0):
        return f"{shape.town} too long"
    choice = values.get(shape.choice)
    if choice and choice not in fields[shape.choice].picklist and site.quirks["unknown_picklist"] == "reject":
        return f"{shape.choice} {choice!r} is not in B's list"
    if not record.values.get(shape.name):
        return f"{shape.name} is blank"
    if shape.unique and fields[shape.unique].unique and (number := values.get(shape.unique)):
        mine = {twin.id for twin in twins}
        if any(r.values.get(shape.unique) == number for r in sight.table("us", module).values() if r.id not in mine):
            return f"{shape.unique} {number!r} belongs to another record of B"
    return None


def _waits_for(
    sight: Sight, pairs: Mapping[str, Mapping[str, list[Record]]], module: str, record: Record
) -> str | None:
    for name, parent in SHAPES[module].parents.items():
        value = record.values.get(name)
        if value and parent in pairs and not pairs[parent].get(str(value)) and not sight.hides(parent, value):
            return f"{name} points to {parent} {value}, which has no counterpart"
    return None


def _lenient(
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    module: str,
    record: Record,
    depth: int = 4,
) -> bool:
    """Whether a parent went in a way that no policy of today settles: it left B, it left A with the links, or, with the
    links gone, it waits itself (two records that point to each other wait for each other).
    """
    for name, parent in SHAPES[module].parents.items():
        value = record.values.get(name)
        if not value or parent not in sight.modules:
            continue
        found = sight.table("india", parent).get(int(value))
        if (parent, str(value)) in told.gone_in_b:
            return True
        if not told.ledger_set_back:
            continue
        if found is None or not depth or not sight.in_filter(parent, found) or refusal(sight, parent, found, []):
            return True
        if _lenient(sight, told, pairs, parent, found, depth - 1):
            return True
    return False


def _differences(
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    module: str,
    record: Record,
    twin: Record,
) -> list[str]:
    shape, found = SHAPES[module], []
    for name in [*shape.plain(), *shape.always, *([NOTE] if sight.with_note else [])]:
        mine, theirs = record.values.get(name), twin.values.get(name)
        if mine != theirs and not _hand_stays(told, module, str(record.id), name, mine, theirs):
            found.append(f"{name} is {theirs!r} in B and {mine!r} in A")
    for name, parent in shape.parents.items():
        if parent not in pairs:
            continue
        value = record.values.get(name)
        group = {str(value), *(loser for loser, winner in told.merged.items() if winner == str(value))}
        wanted: set[int | None] = {twin.id for one in group for twin in pairs[parent].get(one, [])} if value else {None}
        back = sight.hiding and (parent, str(value)) in told.restored  # shown again, and no Modified_Time moved
        wanted |= {None} if back or (value and sight.hides(parent, value)) else set()
        if twin.values.get(name) not in wanted:
            found.append(f"{name} points to {twin.values.get(name)} in B, not to {sorted(map(str, wanted))}")
    return found


def _hand_stays(told: Hearsay, module: str, source_id: str, name: str, mine: object, theirs: object) -> bool:
    """A value written by hand in B stays (drift is reported) while A still says what it said before."""
    past = told.past[module, source_id, name]
    if not SET_BACK_HEALS and told.ledger_set_back and mine in [None, *past[:-1]] and theirs in [None, *past]:
        return True
    return any(
        value == theirs and mine in [None, *past[:seen]] for value, seen in told.by_hand[module, source_id, name]
    )


def show(values: Mapping[str, Any]) -> str:
    """Settings on one line."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
