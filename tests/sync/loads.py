"""What tests of first loads share: a full A and an empty B, and numbers by which a dozen records is a large module."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core import backfill as price
from daemon.core.budget import Budget
from daemon.emulator import Emulator
from daemon.sync import bulkread, polling
from tests.sync.pair import Pair, add_key, make_settings, opened

STREAM = "india-to-us/Leads"


def make_small(patch: pytest.MonkeyPatch) -> None:
    """Queries of two rows, files in pages of three."""
    for where, name, value in (
        (polling, "SMALL", 2),
        (polling, "LARGE", 2),
        (polling, "PAGES", 2),
        (bulkread, "ROWS", 3),
        (price, "PAGE_ROWS", 2),
        (price, "JOB_PRICE", 5),
        (price, "JOB_LOOKS", 0),
    ):
        patch.setattr(where, name, value)


@contextmanager
def full_pair(
    folder: Path,
    records: int,
    *,
    quirks: dict[str, Any],
    india: int | None = None,
    us: int | None = None,
    **stream: Any,
) -> Iterator[Pair]:
    """A full A and an empty B, before anything ran, each with a ceiling or none. The records are older than the lag."""
    with Emulator(("in", "us"), quirks=quirks) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, folder, modules=("Leads",), **stream)
        budgets = {"india": Budget(ceiling=india), "us": Budget(ceiling=us)}
        with opened(emu, replace(settings, budgets=budgets)) as pair:
            for number in range(records):
                lead(pair, f"L{number:02}")
            pair.pass_time(60)
            yield pair


def lead(pair: Pair, name: str, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def again(pair: Pair) -> Any:
    """The same orgs and ledger with another daemon, once this one has gone."""
    pair.fleet.__exit__(None, None, None)
    pair.ledger.close()
    return opened(pair.emu, pair.settings)


def settle(pair: Pair, rounds: int = 4) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def names(pair: Pair, org: str = "b") -> list[str]:
    return sorted(str(row["Last_Name"]) for row in getattr(pair, org).records("Leads"))


def in_step(pair: Pair) -> bool:
    """Whether B holds exactly what A does, each once, and nothing waits."""
    return names(pair) == names(pair, "a") and pair.queue() == [] and pair.sql("select * from intents") == []
