"""The people of a life: they see both orgs, write in A and B by hand, and remember what the oracle has to be told."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import httpx

from daemon.emulator import Emulator
from daemon.emulator.store import Record
from daemon.emulator.trash import in_bin
from tests.lives.draw import Plan
from tests.lives.oracle import Hearsay, Sight
from tests.lives.shapes import mark, read_mark


class People:
    """Everyone but the daemon."""

    def __init__(self, emu: Emulator, plan: Plan) -> None:
        self.emu = emu
        self.plan = plan
        self.told = Hearsay()
        self.with_note = False
        self.own_calls: set[int] = set()
        self.is_agreed: Callable[[str, Record], bool] = lambda *_: False
        self._number = 0
        self._http = httpx.Client(trust_env=False)

    def close(self) -> None:
        """Hang up."""
        self._http.close()

    def sight(self) -> Sight:
        """What the oracle looks at."""
        plan = self.plan
        return Sight(
            emu=self.emu,
            modules=plan.modules,
            keyed=plan.keyed,
            filtered=plan.filtered,
            with_note=self.with_note,
            deletes=plan.stream["deletes"],
            gone=plan.stream["gone"],
            drift=plan.stream["drift"],
            asks=plan.reader != "no_scope",
            certain=plan.keyed or not (plan.crash_rate or plan.rate),
        )

    def next_number(self) -> int:
        """A number that was never used in this life."""
        self._number += 1
        return self._number

    def table(self, org: str, module: str) -> Mapping[int, Record]:
        """The live records."""
        return self.emu.world.sites[org].org.tables[module].records

    def alive(self, org: str, module: str) -> list[int]:
        """Their ids, sorted."""
        return sorted(self.table(org, module))

    def some_in_a(self, dice: random.Random) -> tuple[str, int] | None:
        """A record of A."""
        full = [module for module in self.plan.modules if self.table("india", module)]
        if not full:
            return None
        module = dice.choice(full)
        return module, dice.choice(self.alive("india", module))

    def some_in_b(self, dice: random.Random) -> tuple[str, int, str] | None:
        """A counterpart in B, with the source id that it stands for."""
        module = dice.choice(self.plan.modules)
        pairs = self.sight().pairs(module)
        found = sorted((twin.id, source) for source, twins in pairs.items() for twin in twins)
        return (module, *dice.choice(found)) if found else None

    @contextmanager
    def _shown_late(self) -> Iterator[None]:
        """What is written in A now may be seen by readers later."""
        org = self.emu.world.sites["india"].org
        org.write_delay = self.plan.hidden_s
        try:
            yield
        finally:
            org.write_delay = 0.0

    def insert(self, module: str, values: dict[str, Any]) -> None:
        """A new record in A."""
        with self._shown_late():
            number = self.emu.orgs["india"].insert_raw(module, values)
        self._remember(module, int(number))

    def edit(self, module: str, number: int, values: dict[str, Any]) -> None:
        """An edit in A, with a version of its own."""
        self.emu.orgs["india"].records(module)  # whoever looks makes Zoho do what is due by now
        record = self.table("india", module).get(number)
        if record is None:
            return
        ident = read_mark(record)[0]
        stamped = {"Description": mark(ident, self.next_number()), **values}
        with self._shown_late():
            self.emu.orgs["india"].edit(module, str(number), stamped)
        self._remember(module, number)

    def change_silently(self, module: str, number: int, values: dict[str, Any]) -> None:
        """Values in A that change without a new Modified_Time."""
        record = self.table("india", module).get(number)
        if record is None:
            return
        org, new = self.emu.world.sites["india"].org, {**record.values, **values}
        same = record.replaced(modified=record.modified, modified_by=record.modified_by, owner=record.owner, values=new)
        self.emu.do(lambda _: org.put(module, same))
        self._remember(module, number)
        self.told.silent = True

    def delete(self, module: str, number: int, *, permanent: bool) -> None:
        """A deletion in A."""
        self.emu.orgs["india"].records(module)
        if number not in self.table("india", module):
            return
        with self._shown_late():
            self.emu.orgs["india"].delete(module, str(number), permanent=permanent)
        self.told.deleted = True

    def restore(self, dice: random.Random) -> None:
        """A record that can come back, does."""
        org = self.emu.world.sites["india"].org
        bins = [(m, n) for m in self.plan.modules for n in sorted(org.bin[m]) if in_bin(org, m, n) is not None]
        if bins:
            module, number = dice.choice(bins)
            if str(number) not in self.told.merged:
                self.emu.orgs["india"].restore(module, str(number))
                self.told.restored.add((module, str(number)))

    def touch(self, module: str, number: int, values: dict[str, Any]) -> None:
        """An edit of a counterpart in B by hand."""
        before = self.table("us", module)[number].modified
        self.emu.orgs["us"].edit(module, str(number), values)
        after = self.table("us", module)[number].modified
        self.told.touched[module, number] = after if after > before else 0

    def call(self, org: str, method: str, path: str, body: object) -> bool:
        """What people do through a call of the web client; whether it was done."""
        handle, journal = self.emu.orgs[org], self.emu.world.journal
        first = journal._next
        reply = self._http.request(
            method, f"{handle.base_url}/crm/v8/{path}", json=body, headers=handle.headers(), timeout=20
        )
        self.own_calls.update(range(first, journal._next))
        return reply.status_code < 300

    def _remember(self, module: str, number: int) -> None:
        for name, value in self.table("india", module)[number].values.items():
            self.told.past[module, str(number), name].append(value)
