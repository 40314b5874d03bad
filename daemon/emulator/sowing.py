"""What one run of seeding carries along: the org, the dice, the people and the records made so far."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from daemon.emulator import seed_texts
from daemon.emulator.catalog import PICKLISTS
from daemon.emulator.org import Org
from daemon.emulator.store import Record


@dataclass(slots=True, kw_only=True)
class Sowing:
    """One run of seeding."""

    org: Org
    dice: random.Random
    now: int
    owners: list[int]
    crowds: list[int]
    serial: int
    made: dict[str, list[Record]] = field(default_factory=dict)

    def pick(self, name: str) -> str | None:
        """A value of a picklist that every org has; sometimes none."""
        value = self.dice.choice(PICKLISTS[name])
        return None if value == "-None-" else value

    def some(self, share: float) -> bool:
        """True in a share of cases."""
        return self.dice.random() < share

    def awkward(self, usual: str, share: float = 0.04, limit: int = 100) -> str:
        """A usual text, or an awkward one."""
        return self.dice.choice(seed_texts.AWKWARD)[:limit] if self.some(share) else usual

    def parent(self, module: str) -> int | None:
        """The id of a record that was made before."""
        records = self.made.get(module)
        return self.dice.choice(records).id if records else None
