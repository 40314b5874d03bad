"""Notes of two modules go with their records: once each, again when they change, never twice, whatever is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import FieldChoice
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from daemon.settings import Settings
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened

WAIT = DEADLINE + LAG.total_seconds() + 1
OF = ("Accounts", "Leads")


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


def with_notes(settings: Settings, **more: Any) -> Settings:
    """Settings of a route as `notes = true` in two of its modules makes them."""
    (route,) = settings.routes
    mine = replace(route.streams[0], address="india-to-us/Notes", source_module="Notes", target_module="Notes")
    notes = replace(mine, key=None, fields=FieldChoice(), notes_of=OF, **more)
    return replace(settings, routes=(replace(route, streams=(*route.streams, notes)),))


@contextmanager
def noted(folder: Path, **more: Any) -> Iterator[Pair]:
    quirks = more.pop("quirks", None)
    with Emulator(("in", "us"), quirks=quirks) as emu:
        for module in (*OF, "Deals"):
            add_key(emu.orgs["us"], module)
        with opened(emu, with_notes(make_settings(emu, folder, modules=(*OF, "Deals")), **more)) as pair:
            yield pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with noted(tmp_path) as pair:
        yield pair


def lead(pair: Pair, name: str = "Lee") -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def note(pair: Pair, parent: str, says: str = "a note", title: str | None = "T") -> str:
    return pair.a.insert_raw("Notes", {"Note_Title": title, "Note_Content": says, "Parent_Id": int(parent)})


def there(pair: Pair) -> list[tuple[str, str]]:
    """(what it says, the source record that its parent stands for) of every note of B."""
    keys = {r["id"]: r["Source_Record_ID"] for m in (*OF, "Deals") for r in pair.b.records(m)}
    found = [(n["Note_Content"], str(keys[n["Parent_Id"]["id"]]).partition(":")[2]) for n in pair.b.records("Notes")]
    return sorted(found)


def test_notes_go_with_the_records_of_the_modules_that_say_so(pair: Pair) -> None:
    mine, account = lead(pair), pair.a.insert_raw("Accounts", {"Account_Name": "Acme"})
    deal = pair.a.insert_raw("Deals", {"Deal_Name": "D", "Stage": "Qualification"})
    note(pair, mine, "line one\nand two")
    note(pair, account, "x" * 1000, title=None)
    note(pair, deal, "not carried")
    report = pair.once()["india-to-us/Notes"]
    assert there(pair) == sorted([("line one\nand two", mine), ("x" * 1000, account)])
    assert report.outcomes == {"created": 2, "filtered": 1}
    assert pair.queue() == []
