"""What a person dropped from the queue stays away: whatever reads the same version of the record again, it is not
written and not queued; an edit in A begins anew.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from daemon.core.rules import FieldChoice
from daemon.emulator import Emulator
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair

STREAM = "india-to-us/Leads"
NO_MAIL = {"Last_Name": "L", "Company": "C", "City": "Pune", "Email": "no mail"}


def passes(pair: Pair, count: int = 3) -> None:
    for _ in range(count):
        pair.pass_time(30)
        pair.once()


def drop(pair: Pair) -> int:
    return pair.ledger.drop(pair.fleet.runners[0]._now(), stream=STREAM, who="ann@desk", reason="not ours")


def compare(pair: Pair) -> None:
    assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
    passes(pair)
    assert pair.sql("select count(*) from comparisons where finished_at is null") == [(0,)]


def balances(pair: Pair) -> list[tuple[Any, ...]]:
    return pair.sql("select cycle_id from v_balance where off_by <> 0")


def test_neither_a_comparison_nor_a_restart_nor_new_rules_bring_a_dropped_record_back_but_an_edit_does(
    tmp_path: Path,
) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",))) as pair:
            mine = pair.a.insert_raw("Leads", NO_MAIL)
            passes(pair)
            assert pair.queue() == [(mine, "held", "INVALID_DATA")]
            assert drop(pair) == 1
            assert pair.sql("select open_count from causes") == [(0,)]
            compare(pair)
            assert (pair.queue(), pair.counterparts("Leads", mine)) == ([], [])
        choice = FieldChoice(except_=frozenset({"Email"}))  # B would take it now
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",), fields=choice)) as pair:
            passes(pair)
            compare(pair)
            assert (pair.queue(), pair.counterparts("Leads", mine), balances(pair)) == ([], [], [])
            pair.a.edit("Leads", mine, {"City": "Goa"})
            passes(pair)
            assert pair.counterpart("Leads", mine)["City"] == "Goa"
            assert pair.sql("select ended_at is not null from drops") == [(1,)]


def test_a_dropped_record_is_written_after_all_when_a_person_asks_for_it_by_its_id(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        pair.b.change_field("Leads", "Phone", mandatory=True)
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
        passes(pair)
        assert drop(pair) == 1
        pair.b.change_field("Leads", "Phone", mandatory=False)
        passes(pair)
        assert pair.counterparts("Leads", mine) == []
        assert pair.ledger.retry(pair.fleet.runners[0]._now(), source_id=mine) == 1
        passes(pair)
        assert len(pair.counterparts("Leads", mine)) == 1


def test_a_hand_edit_in_b_that_was_dropped_is_not_reported_by_the_next_comparison(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="report") as pair:
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Pune"})
        passes(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", mine)["id"], {"City": "Hand"})
        compare(pair)
        assert pair.queue() == [(mine, "held", "DRIFT")]
        assert drop(pair) == 1
        compare(pair)
        assert (pair.queue(), pair.counterpart("Leads", mine)["City"]) == ([], "Hand")


def test_a_deletion_that_was_dropped_is_not_taken_up_by_a_comparison_until_the_record_was_back(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), deletes="delete", max_attempts=1) as pair:
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
        passes(pair)
        pair.b.faults.next("delete", effect="status", status=500)
        pair.a.delete("Leads", mine)
        passes(pair, 1)
        assert [state for _, state, _ in pair.queue()] == ["dead"]
        assert drop(pair) == 1
        compare(pair)
        assert (pair.queue(), len(pair.counterparts("Leads", mine))) == ([], 1)
        pair.a.restore("Leads", mine)
        passes(pair)
        pair.a.delete("Leads", mine)
        passes(pair)
        assert (pair.queue(), pair.counterparts("Leads", mine)) == ([], [])
