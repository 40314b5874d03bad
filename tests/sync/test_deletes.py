"""Deletions, restores and merges in the source, and counterparts that were deleted in the target."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import Copy, FieldChoice
from daemon.emulator import Emulator
from daemon.sync.report import state_of
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened, running_pair

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def deleting(folder: Path, **stream: Any) -> Any:
    return running_pair(folder, **{"modules": ("Leads",), "deletes": "delete", "fuse": LOOSE, **stream})


def leads(pair: Pair, count: int) -> list[str]:
    return [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": "Pune"}) for n in range(count)]


def settle(pair: Pair, rounds: int = 4) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def state(pair: Pair, source_id: str) -> str:
    """What the id map says of the counterpart."""
    rows = pair.sql(
        "select s.record_id, t.state from id_map t join id_map s on s.entity_id = t.entity_id"
        " where t.org = 'us' and s.org = 'india'"
    )
    return str(dict(rows)[source_id])


def test_a_deletion_in_a_deletes_the_one_counterpart(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        first, second = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", first)
        reports = pair.once()
        assert reports["india-to-us/Leads"].outcomes["deleted"] == 1
        assert pair.counterparts("Leads", first) == []
        assert len(pair.counterparts("Leads", second)) == 1
        assert (state(pair, first), state(pair, second), pair.queue()) == ("deleted", "live", [])
        (line,) = pair.sql("select action, fields, answer_code from v_history where action = 'delete'")
        assert line == ("delete", "[]", "SUCCESS")


def test_a_deletion_is_ignored_unless_asked_for(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        (lead,) = leads(pair, 1)
        pair.once()
        pair.a.delete("Leads", lead)
        settle(pair)
        assert len(pair.counterparts("Leads", lead)) == 1
        assert pair.a.log(kind="deleted") == []


def test_automations_stay_quiet_when_the_counterpart_is_deleted(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        pair.once()
        (call,) = pair.b.log(kind="delete")
        assert call["automations"] == []


def test_a_settled_deletion_costs_no_second_write_nor_a_look(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        settle(pair)
        writes, spent = len(pair.writes()), pair.b.credits()["used"]
        pair.cycle("Leads")
        assert (len(pair.writes()), pair.b.credits()["used"]) == (writes, spent)


def test_a_flag_is_set_on_deletion_and_cleared_on_restore(tmp_path: Path) -> None:
    with deleting(tmp_path, deletes="flag", flag="Email_Opt_Out", fields=make_fields("Last_Name", "Company")) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        pair.once()
        assert pair.counterpart("Leads", lead)["Email_Opt_Out"] is True
        assert state(pair, lead) == "flagged"
        settle(pair)
        writes = len(pair.writes())
        settle(pair)
        assert len(pair.writes()) == writes
        pair.a.restore("Leads", lead)
        pair.a.edit("Leads", lead, {"Last_Name": "Back"})
        settle(pair)
        twin = pair.counterpart("Leads", lead)
        assert (twin["Email_Opt_Out"], twin["Last_Name"], state(pair, lead)) == (False, "Back", "live")


def make_fields(*names: str) -> FieldChoice:
    return FieldChoice(table={name: Copy(field=name) for name in names})


def test_a_restored_record_comes_back_with_one_counterpart(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        settle(pair)
        pair.a.restore("Leads", lead)
        pair.a.edit("Leads", lead, {"City": "Mumbai"})
        settle(pair)
        assert pair.counterpart("Leads", lead)["City"] == "Mumbai"
        assert state(pair, lead) == "live"


@pytest.mark.parametrize("policy", ["delete", "flag"])
def test_a_record_that_is_restored_as_it_was_comes_back_though_nothing_moved(tmp_path: Path, policy: str) -> None:
    """By one reading a restore keeps Modified_Time (facts 5.4), and no list names it."""
    flag = {"flag": "Email_Opt_Out", "fields": make_fields("Last_Name", "Company")} if policy == "flag" else {}
    with deleting(tmp_path, deletes=policy, **flag) as pair:
        (lead, stays_away, _) = leads(pair, 3)
        pair.once()
        for one in (lead, stays_away):
            pair.a.delete("Leads", one)
        settle(pair)
        assert state(pair, lead) != "live"
        pair.a.restore("Leads", lead)
        for _ in range(4):
            pair.pass_time(60)
            pair.once()
        assert pair.counterpart("Leads", lead)["Email_Opt_Out"] is False
        assert [r["Email_Opt_Out"] for r in pair.counterparts("Leads", stays_away)] == [True] * (policy == "flag")
        assert (state(pair, lead), pair.queue()) == ("live", [])
        assert [i for (i,) in pair.sql("select source_id from deletions")] == [stays_away]


def test_a_restore_is_noticed_though_our_own_clock_is_a_year_ahead(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        ahead = timedelta(days=366)
        settings = make_settings(emu, tmp_path, modules=("Leads",), deletes="delete", fuse=LOOSE)
        with opened(emu, settings, now=lambda: datetime.fromtimestamp(emu.world.clock.now(), UTC) + ahead) as pair:
            (lead, _) = leads(pair, 2)
            pair.once()
            pair.a.delete("Leads", lead)
            settle(pair)
            assert pair.counterparts("Leads", lead) == []
            pair.a.restore("Leads", lead)
            for _ in range(4):
                pair.pass_time(60)
                pair.once()
            assert len(pair.counterparts("Leads", lead)) == 1


def test_what_is_deleted_is_looked_at_less_and_less_and_after_61_days_no_more(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        settle(pair)
        looks = []
        for hour in range(70 * 24 // 12):
            before = len(pair.a.log(kind="list"))
            pair.pass_time(12 * 3_600)
            pair.cycle("Leads")
            if any("ids" in (call["query"] or {}) for call in pair.a.log(kind="list")[before:]):
                looks.append(hour)
        assert 5 <= len(looks) <= 12
        assert pair.sql("select * from deletions") == []


def test_a_record_restored_before_the_deletion_was_carried_out_is_left_alone(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        runner = pair.fleet.runners[0]
        runner._deletions.look(
            state_of(pair.ledger, runner.stream), runner._meter
        )  # the deletion is in the queue, not yet done
        pair.a.restore("Leads", lead)
        settle(pair)
        assert len(pair.counterparts("Leads", lead)) == 1
        assert pair.b.log(kind="delete") == []
        assert pair.queue() == []


def test_a_deletion_that_the_ledger_does_not_know_reaches_b_by_the_key(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, stays) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        (tmp_path / "other").mkdir()
        settings = make_settings(
            pair.emu, tmp_path / "other", modules=("Leads",), deletes="delete", fuse=LOOSE
        )  # the ledger was lost
        with opened(pair.emu, settings) as anew:
            settle(anew)
            assert anew.counterparts("Leads", lead) == []
            assert len(anew.counterparts("Leads", stays)) == 1
            assert anew.queue() == []


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_deletion_whose_answer_was_lost_is_looked_into_before_it_is_sent_again(tmp_path: Path, when: str) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        pair.a.delete("Leads", lead)
        pair.b.faults.next("delete", effect="cut", when=when)
        pair.once()
        assert pair.sql("select action from intents") == [("delete",)]
        settle(pair)
        assert len(pair.b.log(kind="delete")) == (1 if when == "after" else 2)
        assert pair.counterparts("Leads", lead) == []
        assert (state(pair, lead), pair.queue(), pair.sql("select * from intents")) == ("deleted", [], [])


def test_a_converted_lead_is_followed_and_not_taken_for_a_deletion(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        (lead, _) = leads(pair, 2)
        pair.once()
        answer = httpx.post(
            f"{pair.a.base_url}/crm/v8/Leads/{lead}/actions/convert", json={"data": [{}]}, headers=pair.a.headers()
        )
        assert answer.status_code == 200, answer.text
        settle(pair)
        assert len(pair.counterparts("Leads", lead)) == 1
        pair.a.edit("Leads", lead, {"City": "Mumbai"})
        settle(pair)
        assert pair.counterpart("Leads", lead)["City"] == "Mumbai"


@pytest.mark.parametrize(("gone", "count"), [("hold", 0), ("leave", 0), ("recreate", 1)])
def test_a_counterpart_deleted_in_b_follows_the_policy_at_the_next_edit(tmp_path: Path, gone: str, count: int) -> None:
    with running_pair(tmp_path, modules=("Leads",), gone=gone) as pair:
        (lead,) = leads(pair, 1)
        pair.once()
        pair.b.delete("Leads", pair.counterpart("Leads", lead)["id"])
        for city in ("Mumbai", "Delhi"):
            pair.a.edit("Leads", lead, {"City": city})
            settle(pair)
        assert len(pair.counterparts("Leads", lead)) == count
        assert pair.queue() == ([(lead, "held", "TARGET_GONE")] if gone == "hold" else [])
        if gone == "recreate":
            assert pair.counterpart("Leads", lead)["City"] == "Delhi"
            assert len(pair.b.log(kind="insert") + pair.b.log(kind="upsert")) == 2
        if gone == "leave":
            assert state(pair, lead) == "gone"


def test_the_deletions_of_a_longer_sleep_than_the_list_remembers_are_found_by_comparison(tmp_path: Path) -> None:
    with deleting(tmp_path, compare=None) as pair:
        lead, *others = leads(pair, 3)
        settle(pair)
        pair.a.delete("Leads", lead)
        pair.emu.clock(advance=130 * 86_400)
        settle(pair, 6)
        assert pair.counterparts("Leads", lead) == []
        assert [len(pair.counterparts("Leads", other)) for other in others] == [1, 1]
        ((reason, missing, finished),) = pair.sql("select reason, missing, finished_at from comparisons")
        assert (reason, missing) == ("slept", 1)
        assert finished is not None


def test_a_deleted_list_that_ends_at_a_wall_is_completed_by_comparison(tmp_path: Path) -> None:
    with deleting(tmp_path, quirks={"deleted_wall": "2000"}) as pair:
        gone = leads(pair, 2100)
        stays = leads(pair, 1)
        for _ in range(3):
            pair.once()
        for lead in gone:
            pair.a.delete("Leads", lead)
        settle(pair, 12)
        assert [r[KEY].split(":")[1] for r in pair.b.records("Leads")] == stays
        assert pair.queue() == []


def test_the_child_of_a_record_that_was_just_deleted_is_not_woken_by_each_poll(tmp_path: Path) -> None:
    lag = timedelta(seconds=120)
    with deleting(tmp_path, modules=("Contacts",), lag=lag) as pair:
        parent = pair.a.insert_raw("Contacts", {"Last_Name": "P"})
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Reporting_To": parent})
        pair.a.delete("Contacts", parent)
        pair.once()
        assert len(pair.emu.log()) < 40
        before = len(pair.emu.log())
        pair.once()
        assert len(pair.emu.log()) - before < 12
        assert [(i, state) for i, state, _ in pair.queue()] == [(child, "held")]
        # What was on its way to B by then is looked for once more when the horizon has passed.
        key = f"{pair.fleet.catalogs['india'].profile().zgid}:{parent}"
        pair.b.insert_raw("Contacts", {"Last_Name": "P", KEY: key})
        pair.once()
        assert len(pair.counterparts("Contacts", parent)) == 1
        pair.pass_time(lag.total_seconds() + 1)
        pair.once()
        assert pair.counterparts("Contacts", parent) == []
