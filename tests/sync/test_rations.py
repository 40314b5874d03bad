"""New changes and retries share a stream: neither may starve the other."""

from __future__ import annotations

import threading
from pathlib import Path

import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.emulator import Emulator
from daemon.sync import cycle, polling
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def lead(pair: Pair, name: str, **values: str) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def test_a_flood_of_retries_holds_up_no_new_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cycle, "RETRIES", 10)
    with running_pair(tmp_path, modules=("Leads",), fuse=LOOSE) as pair:
        pair.b.quirks(unknown_picklist="reject")
        for number in range(100):
            lead(pair, f"Bad {number}", Lead_Status="No such status")
        pair.cycle("Leads")
        for number in range(5):
            pair.ledger.retry(pair.fleet.runners[0]._now(), stream="india-to-us/Leads")  # all are due, always
            fresh = lead(pair, f"New {number}")
            pair.cycle("Leads")
            assert len(pair.counterparts("Leads", fresh)) == 1


def test_a_flood_of_new_changes_holds_up_no_retry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "PAGES", 1)
    monkeypatch.setattr(polling, "SMALL", 10)
    monkeypatch.setattr(polling, "LARGE", 10)
    with running_pair(tmp_path, modules=("Leads",), fuse=LOOSE) as pair:
        pair.b.quirks(unknown_picklist="reject")
        waiting = lead(pair, "Bad", Lead_Status="No such status")
        pair.cycle("Leads")
        pair.b.change_field("Leads", "Lead_Status", add_values=["No such status"])
        pair.ledger.retry(pair.fleet.runners[0]._now(), stream="india-to-us/Leads")
        for number in range(200):
            lead(pair, f"New {number}")
        report = pair.cycle("Leads")
        assert report.more  # the flood is not over
        assert len(pair.counterparts("Leads", waiting)) == 1


def test_a_flood_of_new_changes_is_left_to_the_next_cycle_after_a_minute(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("SMALL", "LARGE"):
        monkeypatch.setattr(polling, name, 10)
    with running_pair(tmp_path, modules=("Leads",), calls_at_once=1) as pair:
        pair.once()
        for number in range(50):
            lead(pair, f"New {number}")
        pair.pass_time(30)
        reads = lambda request: pair.emu.clock(advance=40) if request.url.path.endswith("coql") else None  # noqa: E731
        pair.fleet.catalogs["india"].zoho._caller.transport._client.event_hooks = {"request": [reads]}
        report = pair.cycle("Leads")
        assert report.more
        assert 0 < report.outcomes["created"] < 50
        pair.once()
        assert len(pair.b.records("Leads")) == 50


def test_a_full_comparison_holds_up_neither(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fuse=LOOSE) as pair:
        for number in range(30):
            lead(pair, f"L{number}")
        pair.once()
        pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
        fresh = lead(pair, "New")
        pair.cycle("Leads")
        assert len(pair.counterparts("Leads", fresh)) == 1


def test_what_a_stream_spends_is_not_charged_to_one_that_runs_beside_it(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        for module in ("Accounts", "Leads"):
            add_key(emu.orgs["us"], module)
        settings = make_settings(emu, tmp_path, modules=("Accounts", "Leads"))
        beside: list[Pair] = []

        def run_the_other() -> None:
            emu.orgs["india"].insert_raw("Accounts", {"Account_Name": "A"})
            beside[0].cycle("Accounts")

        def stopping() -> bool:  # is asked here and there in the middle of a cycle
            if beside and threading.current_thread() is threading.main_thread():
                other = threading.Thread(target=run_the_other)
                other.start()
                other.join()
            return False

        with opened(emu, settings, stopping=stopping) as pair:
            pair.once()
            lead(pair, "L")
            pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
            beside.append(pair)
            pair.cycle("Leads")
            assert pair.sql("select stream, count(*) > 3, sum(credits_target) = count(*) from cycles group by 1") == [
                ("india-to-us/Accounts", 1, 1),  # one record, so one credit, a cycle
                ("india-to-us/Leads", 0, 1),
            ]
            assert pair.sql("select finished_at is not null, credits from comparisons") == [(1, 6)]  # a page a side
