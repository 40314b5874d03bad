"""What random lives found of flags, late readers and a clock of ours that was wrong, each as the shortest story."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.emulator import Emulator
from daemon.ledger.fuses import ALL
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
FLAG = "Gone_In_A"
YEAR = timedelta(days=365)


def emulated(**quirks: str) -> Emulator:
    return Emulator(("in", "us"), quirks=quirks)


def made_ready(emu: Emulator, folder: Path, **stream: Any) -> Any:
    """Two orgs that carry Leads; deletions flag."""
    add_key(emu.orgs["us"], "Leads")
    emu.orgs["us"].add_field("Leads", field_label="Gone In A", data_type="boolean")
    given = {"modules": ("Leads",), "deletes": "flag", "flag": FLAG, "fuse": LOOSE, **stream}
    return make_settings(emu, folder, **given)


def lead(pair: Pair, name: str) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def settle(pair: Pair, rounds: int = 4) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def compare(pair: Pair) -> None:
    (runner,) = pair.fleet.runners
    assert pair.ledger.start_comparison(runner.stream.address, "asked", runner._now())
    settle(pair)


def shown(pair: Pair, source_id: str) -> object:
    return pair.counterpart("Leads", source_id)[FLAG]


@pytest.mark.parametrize("restored", ["keep", "move"])
def test_a_flag_whose_answer_was_lost_is_taken_back_with_the_deletion(tmp_path: Path, restored: str) -> None:
    """The ledger never heard of the flag: B is asked for it as for every other value in doubt."""
    with emulated(modified_time_on_restore=restored) as emu, opened(emu, made_ready(emu, tmp_path)) as pair:
        mine, _ = lead(pair, "A"), lead(pair, "B")
        settle(pair)
        pair.a.delete("Leads", mine)
        pair.b.faults.next("update", effect="cut", when="after")
        pair.once()
        assert shown(pair, mine) is True
        assert pair.queue() == [(mine, "due", "UNCERTAIN")]
        pair.a.restore("Leads", mine)
        pair.pass_time(DEADLINE)
        settle(pair)
        assert shown(pair, mine) is False
        assert pair.queue() == []


def test_a_flag_that_a_lost_ledger_knew_is_taken_back_with_the_deletion(tmp_path: Path) -> None:
    with emulated() as emu:
        settings = made_ready(emu, tmp_path)
        with opened(emu, settings) as pair:
            mine, _ = lead(pair, "A"), lead(pair, "B")
            settle(pair)
            pair.a.delete("Leads", mine)
            settle(pair)
            assert shown(pair, mine) is True
        for file in tmp_path.glob("orgsync.db*"):
            file.unlink()
        with opened(emu, settings, first_run="create") as pair:
            pair.a.restore("Leads", mine)
            settle(pair)
            assert shown(pair, mine) is False


def test_a_deletion_that_other_reads_do_not_know_yet_is_carried_out_once_they_do(tmp_path: Path) -> None:
    """The deleted list is ahead of the query by less than the lag: what it names is not created for good."""
    with emulated() as emu, opened(emu, made_ready(emu, tmp_path, deletes="delete", flag=None)) as pair:
        lead(pair, "B")
        settle(pair)
        mine = lead(pair, "A")
        org = emu.world.sites["india"].org
        org.write_delay = LAG.total_seconds() / 2
        pair.a.edit("Leads", mine, {"Last_Name": "A2"})  # readers are behind from here on
        org.write_delay = 0.0
        pair.a.delete("Leads", mine)
        pair.once()
        assert len(pair.counterparts("Leads", mine)) == 1, "read as it was before it was deleted"
        settle(pair)
        assert pair.counterparts("Leads", mine) == []
        assert pair.queue() == []


def test_a_deletion_that_looks_restored_within_the_lag_is_carried_out(tmp_path: Path) -> None:
    with emulated() as emu, opened(emu, made_ready(emu, tmp_path, deletes="delete", flag=None)) as pair:
        mine, _ = lead(pair, "A"), lead(pair, "B")
        settle(pair)
        org = emu.world.sites["india"].org
        org.write_delay = LAG.total_seconds() / 2
        pair.a.edit("Leads", mine, {"Last_Name": "A2"})
        org.write_delay = 0.0
        pair.a.delete("Leads", mine)
        pair.once()
        assert len(pair.counterparts("Leads", mine)) == 1
        settle(pair)
        assert pair.counterparts("Leads", mine) == []


def test_a_comparison_finds_missing_what_was_agreed_while_our_clock_was_a_year_ahead(tmp_path: Path) -> None:
    with emulated() as emu:
        settings = made_ready(emu, tmp_path)
        with opened(emu, settings, now=lambda: _now(emu) + YEAR) as pair:
            mine, _ = lead(pair, "A"), lead(pair, "B")
            settle(pair)
        emu.orgs["india"].delete("Leads", mine)
        emu.clock(advance=timedelta(days=130).total_seconds())  # nobody lists it any more
        with opened(emu, settings) as pair:
            if not pair.sql("select 1 from comparisons"):
                compare(pair)
            settle(pair)
            assert shown(pair, mine) is True


def test_a_long_sleep_is_noticed_though_our_clock_was_set_back_meanwhile(tmp_path: Path) -> None:
    with emulated() as emu:
        settings = made_ready(emu, tmp_path)
        with opened(emu, settings, now=lambda: _now(emu) + YEAR) as pair:
            mine, _ = lead(pair, "A"), lead(pair, "B")
            settle(pair)
        emu.orgs["india"].delete("Leads", mine)
        emu.clock(advance=timedelta(days=130).total_seconds())
        with opened(emu, settings) as pair:
            settle(pair)
            assert pair.sql("select reason, missing from comparisons") == [("slept", 1)]
            assert shown(pair, mine) is True


def test_what_is_agreed_while_a_comparison_goes_on_is_not_missed_by_it(tmp_path: Path) -> None:
    """Even though our clock is set back meanwhile: what the comparison may miss is known by no times."""
    offset = timedelta()
    with emulated() as emu:
        settings = made_ready(emu, tmp_path)
        with opened(emu, settings, now=lambda: _now(emu) + offset) as pair:
            lead(pair, "A")
            settle(pair)
            (runner,) = pair.fleet.runners
            assert pair.ledger.start_comparison(runner.stream.address, "asked", runner._now())
            comparison, _ = pair.ledger.comparison(runner.stream)
            offset = -YEAR
            mine = lead(pair, "B")
            runner._comparer.step = lambda *_: (False, None)  # type: ignore[method-assign]
            settle(pair, 1)
            assert len(pair.counterparts("Leads", mine)) == 1
            assert comparison is not None
            for side in ("source", "target"):
                assert mine not in [i for _, i in pair.ledger.unseen(runner.stream, comparison, side)]


def test_a_comparison_is_due_though_the_last_one_stands_in_the_future(tmp_path: Path) -> None:
    with emulated() as emu:
        settings = made_ready(emu, tmp_path, compare=timedelta(days=1))
        with opened(emu, settings, now=lambda: _now(emu) + YEAR) as pair:
            lead(pair, "A")
            settle(pair)
            pair.pass_time(86_400)
            settle(pair)
            assert len(pair.sql("select 1 from comparisons")) == 1
        with opened(emu, settings) as pair:
            pair.pass_time(86_400)
            settle(pair)
            assert len(pair.sql("select 1 from comparisons where finished_at is not null")) == 2


def _now(emu: Emulator) -> datetime:
    return datetime.fromtimestamp(emu.world.clock.now(), UTC)


@pytest.mark.parametrize("locked", [False, True])
def test_a_lost_create_of_a_deleted_record_is_still_found_after_its_deletion_had_to_wait(
    tmp_path: Path, *, locked: bool
) -> None:
    """Without a key only the intent of the create says where the record may be; a fuse, or a lock in B, comes between
    the look and the deletion.
    """
    none = Fuse(deletes=Limit(count=0), blanked=Limit(), refused=Limit())
    fuse = LOOSE if locked else none
    with emulated() as emu:
        settings = made_ready(emu, tmp_path, deletes="delete", flag=None, key=None, fuse=fuse)
        with opened(emu, settings) as pair:
            lead(pair, "A")
            settle(pair)
            lost = lead(pair, "B")
            pair.pass_time(30)
            pair.b.faults.next("insert", effect="cut", when="after")
            pair.once()
            assert pair.queue() == [(lost, "due", "UNCERTAIN")]
            pair.a.delete("Leads", lost)
            pair.pass_time(30)
            made = next(record["id"] for record in pair.b.records("Leads") if record["Last_Name"] == "B")
            pair.b.edit("Leads", made, {"Locked__s": locked})
            pair.once()
            assert len(pair.b.records("Leads")) == 2
            pair.b.edit("Leads", made, {"Locked__s": False})
            if not locked:
                assert pair.ledger.release("india-to-us/Leads", ALL, "meant so", pair.fleet.runners[0]._now())
            for _ in range(4):
                pair.pass_time(4_000)
                pair.once()
            assert [record["Last_Name"] for record in pair.b.records("Leads")] == ["A"]
