"""What two emulated orgs hold at one moment, kept and given back: cheaper than to build it anew for every point.

Schema, people and switches are left alone: nothing that is played between the two may change them.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from typing import Any

from daemon.emulator import Emulator
from daemon.emulator.bulk_jobs import Shelf
from daemon.emulator.credits import Meter
from daemon.emulator.hands import Hands
from daemon.emulator.store import Record
from daemon.emulator.trash import Deleted
from daemon.emulator.world import Site, World


@dataclass(frozen=True, slots=True, kw_only=True)
class _Org:
    records: dict[str, list[Record]]
    bin: dict[str, list[Deleted]]
    counter: int
    tokens: tuple[Any, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """Records, recycle bins, ids, tokens and the clock."""

    orgs: dict[str, _Org]
    ahead: float


def keep(emu: Emulator) -> Kept:
    """The world as it is now."""
    return emu.do(lambda _: _keep(emu.world))


def give_back(emu: Emulator, kept: Kept) -> None:
    """The world as it was; faults, log, credits and bulk jobs start anew."""
    emu.do(lambda _: _give_back(emu.world, kept))


def _keep(world: World) -> Kept:
    orgs = {
        name: _Org(
            records={module: list(table.records.values()) for module, table in site.org.tables.items()},
            bin={module: [replace(one) for one in entries.values()] for module, entries in site.org.bin.items()},
            counter=site.org._counter,
            tokens=_tokens(site),
        )
        for name, site in world.sites.items()
    }
    return Kept(orgs=orgs, ahead=world.clock._offset)


def _give_back(world: World, kept: Kept) -> None:
    world.clock._offset = kept.ahead
    world.faults.clear()
    world.journal.clear()
    for name, org in kept.orgs.items():
        site = world.sites[name]
        for module, records in org.records.items():
            if records or site.org.tables[module].records:
                site.org.tables[module].clear()
                site.org.tables[module].load(records)
        for module, entries in org.bin.items():
            site.org.bin[module] = {one.record.id: replace(one) for one in entries}
        site.org._counter = org.counter
        site.org.bulk = Shelf()
        site.org.reader_reset()
        site.meter = Meter(site.org.edition, site.org.licences)
        site.accounts.refreshes, site.accounts.accesses = copy.deepcopy(org.tokens)
        site.accounts.forget_calls()


def give_tokens_back(emu: Emulator, kept: Kept) -> None:
    """Every token that was revoked lives again: a person has signed in anew."""

    def sign_in(_: Hands) -> None:
        for name, org in kept.orgs.items():
            known = emu.world.sites[name].accounts.refreshes
            known.update({token: copy.deepcopy(one) for token, one in org.tokens[0].items() if token not in known})

    emu.do(sign_in)


def _tokens(site: Site) -> tuple[Any, Any]:
    return copy.deepcopy((site.accounts.refreshes, site.accounts.accesses))
