"""Random lives of orgs that are kept in step on a circle: edits, creations, lost answers, restarts, in any order."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.emulator import Emulator
from tests.sync.around import Around, add_key, opened, settings_of, stream, table

FIELDS = ("City", "Phone", "Street")
TWO = (("india", "us"), ("us", "india"))
RING = (("india", "us"), ("us", "europe"), ("europe", "india"))
HUB = (("india", "us"), ("us", "india"), ("us", "europe"), ("europe", "us"))
MOST = 10  # steps between two restarts
FAULTS: tuple[dict[str, Any], ...] = (
    {"effect": "cut", "when": "after"},
    {"effect": "cut", "when": "before"},
    {"effect": "status", "status": 503},
)


class Life:
    """One seed's life; `last` is what a person put into a field of a record last, by org."""

    def __init__(self, seed: int, emu: Emulator, folder: Path, ways: Sequence[tuple[str, str]]) -> None:
        self.random = random.Random(seed)
        self.emu, self.folder = emu, folder
        self.orgs = list(dict.fromkeys(source for source, _ in ways))
        fields = table("Last_Name", "Company", *FIELDS)
        self.settings = settings_of(emu, folder, [stream(*ends, fields=fields) for ends in ways])
        self.last: dict[tuple[str, str], dict[str, str | None]] = {}
        self.ever: dict[tuple[str, str], set[str | None]] = {}
        self.names: dict[str, str] = {}
        self.lost = False

    @contextmanager
    def daemon(self) -> Iterator[Around]:
        with opened(self.emu, self.settings) as around:
            yield around

    def live(self) -> None:
        for _ in range(self.random.randint(1, 3)):  # restarts
            if self.random.random() < 0.2:
                self.lose_ledger()
            with self.daemon() as around:
                for _ in range(self.random.randint(3, MOST)):
                    self.step(around)
        self.emu.clear_faults()
        with self.daemon() as around:
            around.settle()
            self.judge(around)

    def lose_ledger(self) -> None:
        """Nobody knows any more what was agreed: where one side is blank, the other's older value may come back."""
        self.lost = True
        for file in self.folder.glob("orgsync.db*"):
            file.unlink()

    def step(self, around: Around) -> None:
        act = self.random.choice((self.create, self.edit, self.edit, self.edit, self.cycle, self.cycle, self.fault))
        act(around)
        if self.random.random() < 0.6:
            self.emu.clock(advance=self.random.choice((1, 2, 15, 90)))

    def create(self, around: Around) -> None:
        org = self.random.choice(self.orgs)
        name = f"N{len(self.names)}"
        self.names[name] = org
        around.orgs[org].insert_raw("Leads", {"Last_Name": name, "Company": "C"})

    def edit(self, around: Around) -> None:
        org = self.random.choice(self.orgs)
        records = around.orgs[org].records("Leads")
        if not records:
            return
        record = self.random.choice(records)
        names = self.random.sample(FIELDS, self.random.randint(1, 2))
        values = {name: self.random.choice(("a", "b", "c", None)) for name in names}
        if self.random.random() < 0.1:  # a field that no stream carries
            around.orgs[org].edit("Leads", record["id"], {"Designation": str(self.random.random())})
            return
        around.orgs[org].edit("Leads", record["id"], values)
        self.last.setdefault((org, record["Last_Name"]), {}).update(values)
        for field, value in values.items():
            self.ever.setdefault((record["Last_Name"], field), set()).add(value)

    def cycle(self, around: Around) -> None:
        self.random.choice(around.fleet.runners).cycle()

    def fault(self, around: Around) -> None:
        org = self.random.choice(self.orgs)
        around.orgs[org].faults.next(["insert", "update"], **self.random.choice(FAULTS))

    def judge(self, around: Around) -> None:
        shown = around.shown("india", "Last_Name", *FIELDS)
        for org in self.orgs:
            assert shown == around.shown(org, "Last_Name", *FIELDS), org
        assert [row[0] for row in shown] == sorted(self.names), "each record once on each side"
        for name, *values in shown:
            for field, value in zip(FIELDS, values, strict=True):
                edits = {self.last[org, name][field] for org in self.orgs if field in self.last.get((org, name), {})}
                if self.lost:
                    edits |= self.ever.get((name, field), set())
                assert value in edits or (not edits and value is None), f"{field} of {name} is {value}, of {edits}"
        assert self.lost or self.alone().isdisjoint(self.fought(around)), "an edit of one side alone is no conflict"
        assert around.sql("select count(*) from retry_queue") == [(0,)]
        writes = around.writes()
        around.settle()
        assert around.writes() == writes, "nothing is written any more"

    def alone(self) -> set[tuple[str, str]]:
        """Fields that people of one org alone have edited."""
        orgs = [(name, field, org) for (org, name), values in self.last.items() for field in values]
        both = [(name, field) for name, field, _ in orgs]
        return {place for place in both if both.count(place) == 1}

    def fought(self, around: Around) -> set[tuple[str, str]]:
        """Fields that the ledger has conflicts of."""
        names = {r["id"]: r["Last_Name"] for org in self.orgs for r in around.orgs[org].records("Leads")}
        return {(names[i], field) for i, field in around.sql("select source_id, field from conflicts")}


def live(seed: int, folder: Path, ways: Sequence[tuple[str, str]] = TWO) -> None:
    with Emulator(("in", "us", "eu")[: len({source for source, _ in ways})], seed=seed) as emu:
        for org in emu.orgs.values():
            add_key(org, "Leads")
        Life(seed, emu, folder, ways).live()


@pytest.mark.parametrize("seed", range(1, 6))
def test_both_sides_end_equal_with_every_record_once_and_the_last_edit_of_one_side(seed: int, tmp_path: Path) -> None:
    live(seed, tmp_path)


@pytest.mark.parametrize("seed", [50, 51, 52, 1039])
def test_a_ring_of_three_orgs_ends_equal(seed: int, tmp_path: Path) -> None:
    live(seed, tmp_path, RING)


@pytest.mark.parametrize("seed", [60, 61])
def test_a_hub_and_two_orgs_end_equal(seed: int, tmp_path: Path) -> None:
    live(seed, tmp_path, HUB)
