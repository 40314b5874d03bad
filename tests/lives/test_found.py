"""What random lives found, each as the shortest story that shows it."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.sync.pair import add_key, make_settings, opened, running_pair

LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.mark.parametrize("order", ["total", "first_only"])
def test_a_full_page_that_ends_within_a_second_loses_none_of_it(tmp_path: Path, order: str) -> None:
    """Where COQL heeds the first order column only, a page may show one record of a second, in order, and hide two."""
    with running_pair(tmp_path, modules=("Leads",), quirks={"coql_order": order}) as pair:
        for number in range(202):
            moment = LONG_AGO + timedelta(seconds=min(number, 199))
            values = {"Last_Name": f"L{number}", "Company": "C", "Modified_Time": moment.isoformat()}
            pair.a.insert_raw("Leads", values)
        pair.once()
        assert len(pair.b.records("Leads")) == 202


@pytest.mark.parametrize("order", ["total", "first_only"])
def test_a_second_of_more_than_a_page_is_read_whole(tmp_path: Path, order: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"coql_order": order}) as pair:
        for number in range(450):
            values = {"Last_Name": f"L{number}", "Company": "C", "Modified_Time": LONG_AGO.isoformat()}
            pair.a.insert_raw("Leads", values)
        pair.once()
        assert len(pair.b.records("Leads")) == 450


def test_a_value_that_goes_back_and_forth_around_a_restored_ledger_arrives(tmp_path: Path) -> None:
    """Backed up at Pune, edited to Kochi, restored, edited to Pune: the digest of Pune must not be believed."""
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        ledger, copy = tmp_path / "orgsync.db", tmp_path / "copy.db"
        with opened(emu, settings) as pair:
            lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Pune"})
            pair.once()
        shutil.copy(ledger, copy)
        with opened(emu, settings) as pair:
            pair.pass_time(300)
            pair.a.edit("Leads", lead, {"City": "Kochi"})
            pair.once()
        shutil.copy(copy, ledger)
        with opened(emu, settings) as pair:
            pair.pass_time(300)
            pair.a.edit("Leads", lead, {"City": "Pune", "Last_Name": "A2"})
            pair.once()
            assert pair.counterpart("Leads", lead)["Last_Name"] == "A2"
            assert pair.counterpart("Leads", lead)["City"] == "Pune"
