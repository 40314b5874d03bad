"""What is held goes on when what it waits for has happened: a setting, B's fields, or nothing any more to wait for."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.sync.pair import Pair, add_key, make_settings, opened, running_pair


def lead(pair: Pair) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Pune"})


def passes(pair: Pair, count: int = 3, seconds: float = 30) -> None:
    for _ in range(count):
        pair.pass_time(seconds)
        pair.once()


@pytest.mark.parametrize(
    ("setting", "cause", "after"),
    [
        ({"gone": "recreate"}, "TARGET_GONE", ["Goa"]),
        ({"gone": "leave"}, "TARGET_GONE", []),
        ({"drift": "overwrite"}, "DRIFT", ["Pune"]),
        ({"drift": "keep"}, "DRIFT", ["Hand"]),
    ],
)
def test_what_was_held_for_a_person_follows_the_setting_that_the_person_made(
    tmp_path: Path, setting: dict[str, str], cause: str, after: list[str]
) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",))) as pair:
            mine = lead(pair)
            passes(pair)
            if cause == "TARGET_GONE":
                pair.b.delete("Leads", pair.counterpart("Leads", mine)["id"])
                pair.a.edit("Leads", mine, {"City": "Goa"})
            else:
                pair.b.edit("Leads", pair.counterpart("Leads", mine)["id"], {"City": "Hand"})
                pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
            passes(pair)
            assert pair.queue() == [(mine, "held", cause)]
        with opened(emu, make_settings(emu, tmp_path, modules=("Leads",), **setting)) as pair:
            passes(pair)
            assert pair.queue() == []
            assert [row["City"] for row in pair.counterparts("Leads", mine)] == after


def test_a_record_refused_under_a_rule_that_was_taken_back_again_is_tried_again(tmp_path: Path) -> None:
    """B's fields look the same before and after: only that the refusal made us read them tells that they changed."""
    passed = 0.0
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        with opened(emu, settings, monotonic=lambda: passed) as pair:
            lead(pair)
            passes(pair, 1)
            passed += 120
            pair.b.change_field("Leads", "Phone", mandatory=True)
            mine = lead(pair)
            passes(pair)
            assert pair.queue() == [(mine, "held", "MANDATORY_NOT_FOUND")]
            pair.b.change_field("Leads", "Phone", mandatory=False)
            passed += 3_700
            passes(pair)
            assert pair.queue() == []
            assert len(pair.counterparts("Leads", mine)) == 1


@pytest.mark.parametrize("deletes", ["delete", "ignore"])
def test_a_held_record_that_is_deleted_in_a_does_not_wait_for_ever_without_a_key_either(
    tmp_path: Path, deletes: str
) -> None:
    with running_pair(tmp_path, modules=("Leads",), key=None, deletes=deletes) as pair:
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "Email": "no mail"})
        passes(pair)
        assert [row[:2] for row in pair.queue()] == [(mine, "held")]
        pair.a.delete("Leads", mine)
        if deletes == "ignore":  # nobody reads what was deleted: the comparison notices
            passes(pair)
            pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
        passes(pair)
        assert pair.queue() == []


def test_drift_of_a_record_that_is_out_of_the_filter_is_nobodys_business(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), where="City = 'Pune'") as pair:
        mine = lead(pair)
        passes(pair)
        pair.a.edit("Leads", mine, {"City": "Hidden"})
        passes(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", mine)["id"], {"Company": "Hand"})
        pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
        passes(pair)
        assert pair.queue() == []


def test_a_counterpart_that_was_left_as_gone_is_followed_again_when_it_is_back_in_b(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), gone="leave") as pair:
        mine = lead(pair)
        passes(pair)
        theirs = pair.counterpart("Leads", mine)["id"]
        pair.b.delete("Leads", theirs)
        pair.a.edit("Leads", mine, {"City": "Goa"})
        passes(pair)
        pair.b.restore("Leads", theirs)
        pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet.runners[0]._now())
        passes(pair)
        assert pair.counterpart("Leads", mine)["City"] == "Goa"
        pair.a.edit("Leads", mine, {"City": "Agra"})
        passes(pair)
        assert (pair.counterpart("Leads", mine)["City"], pair.queue()) == ("Agra", [])


def test_what_was_refused_often_has_all_its_attempts_when_the_target_is_away_once(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), max_attempts=3) as pair:
        pair.emu.quirks(unknown_picklist="reject")
        mine = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "Lead_Source": "Pigeon"})
        passes(pair)
        for _ in range(4):
            pair.ledger.retry(pair.fleet.runners[0]._now(), source_id=mine)
            passes(pair, 1)
        assert pair.queue() == [(mine, "held", "INVALID_DATA")]
        pair.b.faults.next(["insert", "upsert"], effect="status", status=500, code="INTERNAL_ERROR")
        pair.ledger.retry(pair.fleet.runners[0]._now(), source_id=mine)
        pair.once()
        assert [row[1] for row in pair.queue()] == ["due"]
