"""Small pages and batches, many calls at once, faults and edits at random: in the end the target is what it must be.

The lives (tests/lives) do all in one thread, so that a seed repeats them; here calls really go side by side.
`python -m tests.full storm --count N --seed S` runs more of them.
"""

from __future__ import annotations

import random
from collections import defaultdict
from pathlib import Path
from typing import Any, Final

import pytest

from daemon.core import steps
from daemon.core.fuse import Fuse, Limit
from daemon.emulator import Emulator
from daemon.sync import polling
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened

SEEDS: Final = range(6)
MODULES: Final = ("Accounts", "Contacts")
ROUNDS: Final = 6
FAULTS: Final[tuple[dict[str, Any], ...]] = (
    {"effect": "status", "status": 500},
    {"effect": "status", "status": 500, "when": "after"},
    {"effect": "status", "status": 502, "body": "html"},
    {"effect": "cut"},
    {"effect": "cut", "when": "after"},
    {"effect": "half"},
    {"effect": "garbage", "shape": "truncated", "when": "after"},
    {"effect": "latency", "seconds": 0.03},
)
LOOSE: Final = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


class Storm:
    """One pair, and what people did to it."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.folder, self.dice = folder, random.Random(seed)
        self.number = 0

    def run(self) -> list[str]:
        """What is wrong at the end."""
        with Emulator(("in", "us")) as emu:
            for module in MODULES:
                add_key(emu.orgs["us"], module)
            settings = make_settings(emu, self.folder, modules=MODULES, fuse=LOOSE, deletes="delete")
            for _ in range(ROUNDS):
                with opened(emu, settings, first_run="create", sleep=lambda _: None) as pair:
                    self._people(pair)
                    pair.pass_time(self.dice.choice((1, 30, 400)))
                    for fault in self.dice.sample(FAULTS, 3):
                        emu.faults({**fault, "rate": self.dice.choice((0.05, 0.2)), "seed": self.dice.randrange(999)})
                    for runner in pair.fleet.runners:
                        runner.cycle()
                    emu.clear_faults()
            with opened(emu, settings, sleep=lambda _: None) as pair:
                for _ in range(6):
                    emu.clock(advance=4_000)
                    pair.once()
                return wrong(pair)

    def _people(self, pair: Pair) -> None:
        for _ in range(self.dice.randint(5, 25)):
            self.number += 1
            self._insert(pair)
            if self.dice.random() < 0.3:
                pair.emu.clock(advance=1)
        for module in MODULES:
            ids = [record["id"] for record in pair.a.records(module)]
            for source_id in self.dice.sample(ids, min(len(ids), 8)):
                self.number += 1
                if module == "Contacts" and self.dice.random() < 0.15:  # an account that is gone holds its contacts
                    pair.a.delete(module, source_id)
                else:
                    pair.a.edit(module, source_id, {"Description": f"edit {self.number}"})

    def _insert(self, pair: Pair) -> None:
        accounts = [record["id"] for record in pair.a.records("Accounts")]
        parent = {"id": self.dice.choice(accounts)} if accounts and self.dice.random() < 0.5 else None
        if self.dice.random() < 0.5:
            pair.a.insert_raw("Accounts", {"Account_Name": f"A{self.number}", "Parent_Account": parent})
        else:
            pair.a.insert_raw("Contacts", {"Last_Name": f"C{self.number}", "Account_Name": parent})


def wrong(pair: Pair) -> list[str]:
    """Records of A without exactly one equal counterpart, and counterparts of what is gone."""
    found = []
    for module in MODULES:
        twins: dict[str, list[dict[str, Any]]] = defaultdict(list)
        for record in pair.b.records(module):
            twins[str(record.get(KEY)).partition(":")[2]].append(record)
        for record in pair.a.records(module):
            mine = twins.pop(record["id"], [])
            if len(mine) != 1:
                found.append(f"{module} {record['id']} has {len(mine)} counterparts")
            elif mine[0]["Description"] != record["Description"]:
                found.append(f"{module} {record['id']} is not as in A")
        found += [f"{module} {source_id} is gone from A and still in B" for source_id in twins]
    return found + [f"{row} waits" for row in pair.queue()]


def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of four records, batches of two."""
    monkeypatch.setattr(polling, "SMALL", 4)
    monkeypatch.setattr(polling, "LARGE", 4)
    monkeypatch.setattr(steps, "BATCH", 2)


@pytest.mark.parametrize("seed", SEEDS)
def test_after_a_storm_the_target_is_what_the_source_says(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    small(monkeypatch)
    assert not Storm(tmp_path, seed).run()
