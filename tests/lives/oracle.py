"""What B must hold, by a mapping of its own: which fields, which records B must refuse, which wait, which are equal.

Knows the emulated orgs and what people did by hand in them; nothing of the daemon, save the two names of the ledger's
queue that it compares with.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from daemon.emulator import Emulator
from daemon.emulator.store import Record
from tests.lives.shapes import FLAG, HIDDEN, KEY, NOTE, SHAPES, read_mark

_MAIL: Final = re.compile(r"[^\s@,]+@[^\s@,]+\.[^\s@,]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """A value written by hand into a record of B, what A had said until then, and which version of the record B held.
    `agreed`: both sides said the same, and nothing of the record was on its way.
    """

    value: object
    while_a_said: tuple[object, ...]
    version: int
    twin: int
    agreed: bool


@dataclass(slots=True, kw_only=True)
class Hearsay:
    """What people did that changes what may be asked of the daemon. Records are (module, id)."""

    past: dict[tuple[str, str, str], list[object]] = field(default_factory=lambda: defaultdict(list))
    by_hand: dict[tuple[str, str, str], list[Hand]] = field(default_factory=lambda: defaultdict(list))
    touched: dict[tuple[str, int], int] = field(default_factory=dict)
    removed: set[tuple[str, int]] = field(default_factory=set)
    deleted: bool = False
    silent: bool = False
    gone_in_b: set[tuple[str, str]] = field(default_factory=set)
    restored: set[tuple[str, str]] = field(default_factory=set)
    merged: dict[str, str] = field(default_factory=dict)
    ledger_set_back: bool = False
    slept: bool = False

    @property
    def nobody_knows(self) -> bool:
        """Whether deletions of A may be known neither to the ledger, which was set back, nor to A's list, which is too
        short: then a record of B may as well stand for a living one of another module, and is left.
        """
        return self.ledger_set_back and self.slept

    @property
    def only_comparison_sees(self) -> bool:
        """Whether something was done that no poll may see."""
        return bool(
            self.by_hand
            or self.gone_in_b
            or self.restored
            or self.merged
            or self.deleted
            or self.silent
            or self.ledger_set_back
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Sight:
    """Both orgs as they are, and how the life pairs them."""

    emu: Emulator
    modules: tuple[str, ...]
    keyed: bool
    filtered: bool
    deletes: str
    gone: str
    drift: str
    certain: bool
    asks: bool
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

    def strangers(self, module: str) -> list[Record]:
        """Records of B that stand for nothing in A."""
        return [record for record in self.table("us", module).values() if read_mark(record) == (0, 0)]

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


def wrong(sight: Sight, told: Hearsay, queue: Mapping[tuple[str, str], str]) -> list[str]:
    """Everything in which B, or the queue ((module, source id) -> cause), is not what it must be. Empty: it has
    converged. What no poll sees is judged as after a full comparison.
    """
    pairs = {module: sight.pairs(module) for module in sight.modules}
    found: list[str] = []
    for module in sight.modules:
        for number, record in sight.table("india", module).items():
            found += _of_record(sight, told, pairs, queue, module, str(number), record)
        found += _of_the_dead(sight, told, pairs[module], queue, module)
    return found


def _of_the_dead(
    sight: Sight, told: Hearsay, pairs: Mapping[str, list[Record]], queue: Mapping[tuple[str, str], str], module: str
) -> list[str]:
    """Records that A has no more: none waits, and their counterparts are as the policy says."""
    alive = {str(number) for number in sight.table("india", module)}
    found = [
        f"{module} {i} waits in the queue ({cause}), but A has no such record"
        for (m, i), cause in queue.items()
        if m == module and i not in alive
    ]
    for source_id in sorted(pairs.keys() - alive) if sight.certain and not told.nobody_knows else ():
        for twin in pairs[source_id]:
            if sight.deletes == "delete":
                found.append(f"{module} {source_id} is gone from A, and {twin.id} is still in B")
            if sight.deletes == "flag" and twin.values.get(FLAG) is not True:
                found.append(f"{module} {source_id} is gone from A, and {twin.id} is not flagged in B")
    return found


def _of_record(  # noqa: PLR0911 - a ladder
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    queue: Mapping[tuple[str, str], str],
    module: str,
    source_id: str,
    record: Record,
) -> list[str]:
    me = f"{module} {source_id}"
    twins = pairs[module].get(source_id, [])
    if len(twins) > 1:
        return [f"{me} has {len(twins)} counterparts: {', '.join(str(t.id) for t in twins)}"]
    waits = queue.get((module, source_id))
    if not sight.in_filter(module, record):
        return [f"{me} is out of the filter and waits in the queue ({waits})"] if waits else []
    taken = not twins and (module, source_id) in told.gone_in_b
    if (taken and sight.gone == "leave") or _lenient(sight, told, pairs, module, record):
        return []
    reason = refusal(sight, module, record, twins) or _waits_for(sight, told, pairs, module, record, bool(twins))
    if reason is None and taken and sight.gone == "hold":
        reason = "its counterpart was deleted in B"
    if _unclear(sight, told, queue, module, record):
        return []
    if reason is not None:
        return [] if waits else [f"{me} must wait ({reason}) and is not in the queue"]
    if waits and _parent_taken(sight, told, pairs, module, record):
        return []
    if not twins:
        return [f"{me} is not in B" + (f" but waits ({waits})" if waits else "")]
    return [f"{me} -> {twins[0].id}: {text}" for text in _of_pair(sight, told, pairs, waits, module, record, twins[0])]


def _unclear(sight: Sight, told: Hearsay, queue: Mapping[tuple[str, str], str], module: str, record: Record) -> bool:
    """Without a key, a lost create whose record was then changed by hand only may be it, and so may a stranger with the
    same mandatory text: it, and what points to it, wait for a person.
    """
    asked = {place for place, code in queue.items() if code == "AMBIGUOUS"}
    strange = {m for m in sight.modules if "Company" in SHAPES[m].always and sight.strangers(m)}
    mine = {(m, i) for m, i in asked if m in strange or any((m, i) == named[:2] for named in told.by_hand)}
    parents = {(parent, str(record.values.get(name))) for name, parent in SHAPES[module].parents.items()}
    return not sight.keyed and (module, str(record.id)) in queue and bool(mine & {(module, str(record.id)), *parents})


def _of_pair(
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    waits: str | None,
    module: str,
    record: Record,
    twin: Record,
) -> list[str]:
    """What is wrong with a record that has its one counterpart and need not wait."""
    found = _differences(sight, told, pairs, module, record, twin)
    if (lost := _hand_overwritten(sight, told, module, record, twin)) is not None:
        found.append(f"held {lost!r} by hand, and nothing in A was changed there since")
    if twin.values.get(FLAG) is True:
        found.append("is flagged, though A has it")
    by_hand = _changed_by_hand(told, module, record, twin)
    if waits and not by_hand and not (told.ledger_set_back and refusal(sight, module, record, [])):
        found.append(f"waits in the queue ({waits}) for no reason")
    if sight.drift == "report" and by_hand == "plain" and not waits:
        found.append("was changed by hand in B, and is not reported")
    return found


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


def _lost(sight: Sight, told: Hearsay, parent: str, source_id: object) -> bool:
    """Whether a parent is gone: deleted in B by hand, or in A."""
    return (parent, str(source_id)) in told.gone_in_b or int(str(source_id)) not in sight.table("india", parent)


def _waits_for(
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    module: str,
    record: Record,
    there: bool,
) -> str | None:
    """Which parent it must wait for; one that is `there` already need not for a parent that is gone."""
    for name, parent in SHAPES[module].parents.items():
        value = record.values.get(name)
        if not value or parent not in pairs or pairs[parent].get(str(value)) or sight.hides(parent, value):
            continue
        if not (_lost(sight, told, parent, value) if there else (parent, str(value)) in told.gone_in_b):
            return f"{name} points to {parent} {value}, which has no counterpart"
    return None


def _parent_taken(
    sight: Sight, told: Hearsay, pairs: Mapping[str, Mapping[str, list[Record]]], module: str, record: Record
) -> bool:
    """Whether a parent is gone: the child may wait for as long as it is missing, or not know it yet.
    Where A cannot be asked for the children of a parent that is made again, they may wait on.
    """
    return any(
        (value := record.values.get(name))
        and _lost(sight, told, parent, value)
        and not (sight.asks and pairs[parent].get(str(value)))
        for name, parent in SHAPES[module].parents.items()
        if parent in pairs
    )


def _lenient(
    sight: Sight,
    told: Hearsay,
    pairs: Mapping[str, Mapping[str, list[Record]]],
    module: str,
    record: Record,
    depth: int = 4,
) -> bool:
    """Whether, with the links gone, a parent left A with them or waits itself (two records that point to each other
    wait for each other).
    """
    for name, parent in SHAPES[module].parents.items():
        value = record.values.get(name)
        if not value or parent not in sight.modules:
            continue
        found = sight.table("india", parent).get(int(value))
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
        if mine != theirs and not _hand_stays(sight, told, module, record, name, twin):
            found.append(f"{name} is {theirs!r} in B and {mine!r} in A")
    for name, parent in shape.parents.items():
        if parent not in pairs:
            continue
        value = record.values.get(name)
        group = {str(value), *(loser for loser, winner in told.merged.items() if winner == str(value))}
        wanted: set[int | None] = {twin.id for one in group for twin in pairs[parent].get(one, [])} if value else {None}
        wanted |= {None} if value and sight.hides(parent, value) else set()
        theirs = twin.values.get(name)
        if theirs and sight.hiding and int(theirs) not in sight.table("us", parent):
            theirs = None  # so B shows it
        left = bool(value) and not pairs[parent].get(str(value)) and _lost(sight, told, parent, value)
        if theirs not in wanted and not left:
            found.append(f"{name} points to {theirs} in B, not to {sorted(map(str, wanted))}")
    return found


def _hand_stays(sight: Sight, told: Hearsay, module: str, record: Record, name: str, twin: Record) -> bool:
    """Whether a value written by hand in B may stay: A still says what it said before, and the policy lets it be."""
    mine, theirs = record.values.get(name), twin.values.get(name)
    return any(
        hand.value == theirs and mine in [None, *hand.while_a_said] and sight.drift != "overwrite"
        for hand in told.by_hand[module, str(record.id), name]
    )


def _hand_overwritten(sight: Sight, told: Hearsay, module: str, record: Record, twin: Record) -> object | None:
    """A value written by hand in B that is not there any more, though A has said the same all the time and hands are
    kept: no answer that was lost, no refusal and no kill is a reason. (A retry is, where hands are reported.)
    """
    source_id, town = str(record.id), SHAPES[module].town
    hands = [hand for hand in told.by_hand[module, source_id, town] if hand.twin == twin.id]
    if sight.drift != "keep" or not sight.keyed or told.ledger_set_back or told.merged or not hands:
        return None
    first = next((hand for hand in hands if hand.agreed), None)
    if first is None or (module, source_id) in told.restored:
        return None
    since = told.past[module, source_id, town][len(first.while_a_said) - 1 :]
    is_same = {first.while_a_said[-1], *since} == {record.values.get(town)}
    return hands[-1].value if is_same and twin.values.get(town) != hands[-1].value else None


def _masked(told: Hearsay, hand: Hand, module: str, twin: Record) -> bool:
    """Whether Modified_Time is of a write of ours, before or after the hand: then nothing is reported."""
    return told.touched.get((module, twin.id)) != twin.modified or read_mark(twin)[1] > hand.version


def _changed_by_hand(told: Hearsay, module: str, record: Record, twin: Record) -> str | None:
    """`plain`: a comparison must see it; `masked`: it may."""
    source_id, town = str(record.id), SHAPES[module].town
    for hand in told.by_hand[module, source_id, town]:
        if hand.value == twin.values.get(town):
            return "masked" if _masked(told, hand, module, twin) else "plain"
    return None


def show(values: Mapping[str, Any]) -> str:
    """Settings on one line."""
    return ", ".join(f"{name}={value!r}" for name, value in values.items())
