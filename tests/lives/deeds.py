"""What people do in both orgs while the daemon works: each deed is a function of the life and its own dice.

A deed that finds nothing to be done to does nothing. Every write in A gets a version of its own, so that it can be
told which one arrived.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any, Final

import httpx

from tests.lives.oracle import Hand
from tests.lives.shapes import HIDDEN, KEY, NOTE, SHAPES, mark, read_mark, unlisted
from tests.lives.world import People

TOWNS: Final = ("Pune", "Kochi", None)
LONG_TOWN: Final = "Llanfairpwllgwyngyllgogerychwyrndrobwll"
NARROW: Final = 12
Deed = Callable[[People, random.Random], None]


def create(people: People, dice: random.Random) -> None:
    """A new record, often with parents."""
    module = dice.choice(people.plan.modules)
    shape, ident = SHAPES[module], people.next_number()
    values: dict[str, Any] = {
        shape.name: f"Name {ident}",
        "Description": mark(ident, people.next_number()),
        shape.town: dice.choice(TOWNS),
        shape.number: dice.randrange(1000) if module != "Contacts" else str(dice.randrange(1000)),
        **shape.always,
        **_parents(people, dice, module),
    }
    if shape.mail:
        values[shape.mail] = f"p{ident}@example.com"
    if shape.unique and dice.random() < 0.4:
        values[shape.unique] = f"C-{ident}"
    if dice.random() < 0.3:
        values[NOTE] = f"note {ident}"
    people.insert(module, values)


def child(people: People, dice: random.Random) -> None:
    """A record gets other parents."""
    if found := people.some_in_a(dice):
        module, number = found
        if links := _parents(people, dice, module):
            people.edit(module, number, links)


def edit(people: People, dice: random.Random) -> None:
    """A field or two of one record change."""
    if found := people.some_in_a(dice):
        module, number = found
        shape = SHAPES[module]
        values: dict[str, Any] = {}
        if dice.random() < 0.6:
            values[shape.town] = dice.choice(TOWNS)
        if dice.random() < 0.4:
            values[shape.number] = dice.randrange(1000) if module != "Contacts" else str(dice.randrange(1000))
        people.edit(module, number, values)


def blank(people: People, dice: random.Random) -> None:
    """A field is emptied."""
    if found := people.some_in_a(dice):
        module, number = found
        shape = SHAPES[module]
        name = dice.choice([shape.town, shape.number, shape.choice, *([shape.mail] if shape.mail else [])])
        people.edit(module, number, {name: None})


def flurry(people: People, dice: random.Random) -> None:
    """The same record, several times in one second."""
    if found := people.some_in_a(dice):
        for _ in range(dice.randint(2, 4)):
            people.edit(*found, {SHAPES[found[0]].town: dice.choice(TOWNS)})


def crowd(people: People, dice: random.Random) -> None:
    """Many records with one Modified_Time, as after an import; sometimes records that were there."""
    if dice.random() < 0.6:
        for _ in range(dice.randint(4, 12)):
            create(people, dice)
    else:
        for module in people.plan.modules:
            for number in people.alive("india", module):
                people.edit(module, number, {})


def delete(people: People, dice: random.Random) -> None:
    """A record goes to A's bin, or for good."""
    if found := people.some_in_a(dice):
        people.delete(*found, permanent=dice.random() < 0.2)


def purge(people: People, dice: random.Random) -> None:
    """Somebody deletes much of a module at once."""
    module = dice.choice(people.plan.modules)
    share = dice.choice((0.5, 0.8, 1.0))
    for number in people.alive("india", module):
        if dice.random() < share:
            people.delete(module, number, permanent=False)


def silent(people: People, dice: random.Random) -> None:
    """A field of one record changes and Modified_Time does not: no poll can see it."""
    if found := people.some_in_a(dice):
        module, number = found
        shape = SHAPES[module]
        people.change_silently(module, number, {shape.town: dice.choice(TOWNS), shape.choice: None})


def restore(people: People, dice: random.Random) -> None:
    """A record comes back from A's bin."""
    people.restore(dice)


def hide(people: People, dice: random.Random) -> None:
    """A record leaves the filter, or comes back into it."""
    if found := people.some_in_a(dice):
        people.edit(*found, {SHAPES[found[0]].town: dice.choice((HIDDEN, HIDDEN, "Pune"))})


def refuse(people: People, dice: random.Random) -> None:
    """A record of A gets a value that B must refuse, now or once its schema says so."""
    if found := people.some_in_a(dice):
        module, number = found
        shape = SHAPES[module]
        bad: list[dict[str, Any]] = [{shape.choice: unlisted(module)}, {shape.town: LONG_TOWN}]
        if shape.mail:
            bad.append({shape.mail: "no e-mail"})
        if shape.unique:
            bad.append({shape.unique: f"S-{dice.randrange(3)}"})
        people.edit(module, number, dice.choice(bad))


def mend(people: People, dice: random.Random) -> None:
    """Somebody repairs records in A."""
    for module in people.plan.modules:
        shape = SHAPES[module]
        for number in people.alive("india", module):
            if dice.random() < 0.5:
                good = {shape.choice: None, shape.town: "Pune"}
                good |= {name: None for name in (shape.mail, shape.unique) if name}
                people.edit(module, number, good)


def merge(people: People, dice: random.Random) -> None:
    """Two records of A become one."""
    module = dice.choice(people.plan.modules)
    numbers = people.alive("india", module)
    if len(numbers) >= 2:
        master, loser = dice.sample(numbers, 2)
        body = {"merge": [{"data": [{"id": str(loser)}]}]}
        if people.call("india", "POST", f"{module}/{master}/actions/merge", body):
            people.told.merged[str(loser)] = str(master)


def convert(people: People, dice: random.Random) -> None:
    """A lead becomes a contact and an account."""
    if "Leads" in people.plan.modules and (numbers := people.alive("india", "Leads")):
        people.call("india", "POST", f"Leads/{dice.choice(numbers)}/actions/convert", {"data": [{}]})


def drift(people: People, dice: random.Random) -> None:
    """Somebody edits a counterpart in B by hand."""
    found = people.some_in_b(dice)
    if found:
        module, number, source = found
        name = SHAPES[module].town
        value = f"by hand {people.next_number()}"
        twin, mine = people.table("us", module)[number], people.table("india", module).get(int(source))
        meant = (*people.told.past[module, source, name], *([mine.values.get(name)] if mine else []))
        same = mine is not None and mine.values.get(name) == twin.values.get(name) and people.is_agreed(module, mine)
        hand = Hand(value=value, while_a_said=meant, version=read_mark(twin)[1], twin=number, agreed=same)
        people.told.by_hand[module, source, name].append(hand)
        people.touch(module, number, {name: value})


def gone(people: People, dice: random.Random) -> None:
    """Somebody deletes a counterpart in B."""
    found = people.some_in_b(dice)
    if found:
        module, number, source = found
        people.told.gone_in_b.add((module, source))
        people.told.removed.add((module, number))
        people.emu.orgs["us"].delete(module, str(number))


def lock(people: People, dice: random.Random) -> None:
    """A counterpart is locked in B."""
    if found := people.some_in_b(dice):
        people.touch(found[0], found[1], {"Locked__s": True})


def unlock(people: People, dice: random.Random) -> None:
    """Nothing is locked in B any more."""
    for module in people.plan.modules:
        for number in people.alive("us", module):
            if people.table("us", module)[number].values.get("Locked__s"):
                people.touch(module, number, {"Locked__s": False})


def narrow(people: People, dice: random.Random) -> None:
    """A field of B becomes short."""
    module = dice.choice(people.plan.modules)
    people.emu.orgs["us"].change_field(module, SHAPES[module].town, length=NARROW)


def widen(people: People, dice: random.Random) -> None:
    """A field of B becomes long again."""
    for module in people.plan.modules:
        people.emu.orgs["us"].change_field(module, SHAPES[module].town, length=100)


def listed(people: People, dice: random.Random) -> None:
    """B's list gets the value that only A had."""
    module = dice.choice(people.plan.modules)
    people.emu.orgs["us"].change_field(module, SHAPES[module].choice, add_values=[unlisted(module)])


def new_field(people: People, dice: random.Random) -> None:
    """B gets the field that A has and B had not: the rules change."""
    for module in people.plan.modules:
        if NOTE not in people.emu.world.sites["us"].org.modules[module].fields:
            people.emu.orgs["us"].add_field(module, field_label="Lives Note", data_type="text", length=60)
    people.with_note = True


def stranger(people: People, dice: random.Random) -> None:
    """A record of B that no one in A knows, with a number that is unique."""
    module = dice.choice(people.plan.modules)
    shape = SHAPES[module]
    values = {shape.name: "Stranger", **shape.always}
    if shape.unique:
        taken = {r.values.get(shape.unique) for r in people.table("us", module).values()}
        free = [number for number in ("S-0", "S-1", "S-2") if number not in taken]
        if not free:
            return
        values[shape.unique] = dice.choice(free)
    people.emu.orgs["us"].insert_raw(module, values)


def unstranger(people: People, dice: random.Random) -> None:
    """The strangers leave B."""
    for module in people.plan.modules:
        for number in people.alive("us", module):
            record = people.table("us", module)[number]
            if read_mark(record) == (0, 0) and not record.values.get(KEY):
                people.emu.orgs["us"].delete(module, str(number))


def _parents(people: People, dice: random.Random, module: str) -> dict[str, Any]:
    links = {}
    for name, parent in SHAPES[module].parents.items():
        if parent in people.plan.modules and dice.random() < 0.5 and (numbers := people.alive("india", parent)):
            links[name] = {"id": str(dice.choice(numbers))}
    return links


DEEDS: Final[dict[str, Deed]] = {
    deed.__name__: deed
    for deed in (
        create, child, edit, blank, flurry, crowd, delete, purge, silent, restore, hide, refuse, mend, merge, convert,
        drift, gone, lock, unlock, narrow, widen, listed, new_field, stranger, unstranger,
    )
}  # fmt: skip
REFUSALS: Final = httpx.HTTPError
