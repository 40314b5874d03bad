"""A ledger that was put back from a backup: no zombie, no duplicate, and what is not known is found out once."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.emulator import Emulator
from daemon.ledger import witness
from daemon.settings import Settings
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def settle(pair: Pair, rounds: int = 3, seconds: float = 60) -> None:
    for _ in range(rounds):
        pair.pass_time(seconds)
        pair.once()


def put_back(folder: Path) -> None:
    for name in ("orgsync.db-wal", "orgsync.db-shm"):
        (folder / name).unlink(missing_ok=True)
    shutil.copy(folder / "backup", folder / "orgsync.db")


@contextmanager
def then_older(
    emu: Emulator, settings: Settings, folder: Path, ended: Callable[[Pair], None], came_back: Callable[[Pair], None]
) -> Iterator[Pair]:
    """A backup is made when a counterpart has `ended`; the record `came_back`; then the backup is put back."""
    with opened(emu, settings) as pair:
        ended(pair)
        settle(pair)
    shutil.copy(folder / "orgsync.db", folder / "backup")
    with opened(emu, settings) as pair:
        came_back(pair)
    put_back(folder)
    with opened(emu, settings) as pair:
        assert pair.ledger.distrusted
        yield pair


@pytest.mark.parametrize("compared", [False, True])
def test_a_record_that_came_back_and_went_again_leaves_no_zombie(tmp_path: Path, compared: bool) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE)
        ids: list[str] = []

        def ended(pair: Pair) -> None:
            ids.extend(pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(3))
            settle(pair)
            pair.a.delete("Leads", ids[0])

        def came_back(pair: Pair) -> None:
            pair.a.restore("Leads", ids[0])
            pair.a.edit("Leads", ids[0], {"Last_Name": "back"})
            settle(pair)
            assert len(pair.counterparts("Leads", ids[0])) == 1
            pair.a.delete("Leads", ids[0])

        with then_older(emu, settings, tmp_path, ended, came_back) as pair:
            if compared:  # by now nobody lists the deletion any more
                pair.pass_time(70 * 86_400)
                pair.once()
            settle(pair)
            assert [r["Last_Name"] for r in pair.b.records("Leads")] == ["L1", "L2"]
            assert pair.queue() == []


def test_a_flag_is_set_again_where_the_ledger_only_thinks_that_it_is(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        emu.orgs["us"].add_field("Leads", field_label="Gone In A", data_type="boolean")
        more: dict[str, Any] = {"deletes": "flag", "flag": "Gone_In_A", "fuse": LOOSE}
        settings = make_settings(emu, tmp_path, modules=("Leads",), **more)
        mine = emu.orgs["india"].insert_raw("Leads", {"Last_Name": "L", "Company": "C"})

        def ended(pair: Pair) -> None:
            settle(pair)
            pair.a.delete("Leads", mine)

        def came_back(pair: Pair) -> None:
            assert pair.counterpart("Leads", mine)["Gone_In_A"] is True
            pair.a.restore("Leads", mine)
            pair.a.edit("Leads", mine, {"Last_Name": "back"})
            settle(pair)
            assert pair.counterpart("Leads", mine)["Gone_In_A"] is False
            pair.a.delete("Leads", mine)

        with then_older(emu, settings, tmp_path, ended, came_back) as pair:
            settle(pair)
            assert pair.counterpart("Leads", mine)["Gone_In_A"] is True
            written = len(pair.writes())
            settle(pair)
            assert len(pair.writes()) == written


def test_what_left_the_filter_twice_goes_twice(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        more: dict[str, Any] = {"where": "City != 'X'", "unmatched": "delete", "fuse": LOOSE}
        settings = make_settings(emu, tmp_path, modules=("Leads",), **more)
        mine = emu.orgs["india"].insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Y"})

        def ended(pair: Pair) -> None:
            settle(pair)
            pair.a.edit("Leads", mine, {"City": "X"})

        def came_back(pair: Pair) -> None:
            assert pair.b.records("Leads") == []
            pair.a.edit("Leads", mine, {"City": "Y"})
            settle(pair)
            assert len(pair.counterparts("Leads", mine)) == 1
            pair.a.edit("Leads", mine, {"City": "X"})

        with then_older(emu, settings, tmp_path, ended, came_back) as pair:
            settle(pair)
            assert pair.b.records("Leads") == []


def test_a_comparison_ends_the_ignorance_and_is_not_begun_again_by_every_deletion(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), deletes="delete", fuse=LOOSE, compare=None) as pair:
        accounts = [pair.a.insert_raw("Accounts", {"Account_Name": f"A{n}"}) for n in range(6)]
        for n in range(6):
            pair.a.insert_raw("Contacts", {"Last_Name": f"C{n}", "Account_Name": {"id": accounts[0]}})
        settle(pair)
        with pair.ledger._writing() as connection:
            witness.distrust(connection)
        pair.a.delete("Accounts", accounts[1])
        settle(pair)
        begun = pair.sql("select stream, reason from comparisons")
        assert ("india-to-us/Contacts", "pointed") in begun
        assert pair.sql("select count(*) from agreed where source_digest = ''") == [(0,)]
        for one in accounts[2:5]:
            pair.a.delete("Accounts", one)
            settle(pair)
        assert pair.sql("select stream, reason from comparisons") == begun
        assert len(pair.b.records("Accounts")) == 2


def test_comparisons_share_the_credits_of_a_day(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), compare_credits=12) as pair:
        for n in range(5):
            pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"})
        settle(pair)
        spent = []
        for _ in range(12):
            pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
            settle(pair, 2)
            spent += pair.sql("select coalesce(sum(credits), 0) from comparisons")
        assert spent[0][0] < 12 <= spent[-1][0] < 12 + spent[0][0], "the last page may go over the ration"
        pair.pass_time(86_400)
        settle(pair)
        assert pair.sql("select sum(credits) from comparisons") > spent[-1:]
