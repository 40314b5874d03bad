"""Undo of fields that are made of several things, of links, and of flags."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

from daemon.core.fuse import Fuse, Limit
from daemon.core.rules import Copy, FieldChoice
from tests.sync.carrying import carrying
from tests.sync.pair import running_pair
from tests.sync.test_carried import account, edit, interests, lead, tagged, tags, visit, visits
from tests.sync.test_lookups import TASK
from tests.sync.test_undo import last, reasons, undo

DAYS = timedelta(days=7)


def test_rows_links_and_tags_are_put_back_as_they_were(tmp_path: Path) -> None:
    with carrying(tmp_path, undo=DAYS) as pair:
        first, second = account(pair, "First"), account(pair, "Second")
        before: dict[str, Any] = {
            "Besuche": [visit("Pune", "2026-01-02", first), visit("Goa")],
            "Interessen": [{"Interessen": {"id": first}}],
            "Tag": tags("hot", "old"),
        }
        mine = lead(pair, **before)
        pair.once()
        was = visits(pair, mine), interests(pair, mine), tagged(pair, mine)
        changed = {
            "Besuche": [visit("Delhi", None, second), visit("Goa"), visit("Agra")],
            "Interessen": [{"Interessen": {"id": second}}],
            "Tag": tags("new"),
        }
        edit(pair, mine, **changed)
        assert (visits(pair, mine), interests(pair, mine), tagged(pair, mine)) != was
        undoing, _ = undo(pair, last(pair))
        assert (visits(pair, mine), interests(pair, mine), tagged(pair, mine)) == was
        assert undoing.left == ()


def test_links_into_several_modules_and_to_one_are_put_back(tmp_path: Path) -> None:
    modules = ("Accounts", "Contacts", "Tasks")
    quirks = {"what_id_needs_se_module": "yes"}
    with running_pair(tmp_path, modules=modules, undo=DAYS, quirks=quirks) as pair:
        one, two = (pair.a.insert_raw("Accounts", {"Account_Name": name}) for name in ("One", "Two"))
        ann, bob = (
            pair.a.insert_raw("Contacts", {"Last_Name": name, "Account_Name": {"id": one}}) for name in ("Ann", "Bob")
        )
        task = pair.a.insert_raw("Tasks", {"Subject": "T", "What_Id": {"id": one}, "Who_Id": {"id": ann}, **TASK})
        pair.once()
        was = {name: pair.counterpart("Tasks", task)[name] for name in ("What_Id", "Who_Id")}
        pair.pass_time(60)
        pair.a.edit("Tasks", task, {"What_Id": {"id": two}, "Who_Id": {"id": bob}})
        pair.once()
        now = pair.counterpart("Tasks", task)
        assert all(now[name]["id"] != was[name]["id"] for name in was)
        undoing, _ = undo(pair, last(pair), module="Tasks")
        assert reasons(undoing) == []
        assert {name: pair.counterpart("Tasks", task)[name]["id"] for name in was} == {
            name: link["id"] for name, link in was.items()
        }


def test_a_flag_is_taken_back_and_can_be_set_again(tmp_path: Path) -> None:
    fields = FieldChoice(table={name: Copy(field=name) for name in ("Last_Name", "Company")})
    loose = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
    flagging: dict[str, Any] = {"deletes": "flag", "flag": "Email_Opt_Out", "fields": fields, "fuse": loose}
    with running_pair(tmp_path, modules=("Leads",), undo=DAYS, **flagging) as pair:
        mine, _ = lead(pair), lead(pair)
        pair.once()
        pair.a.delete("Leads", mine)
        pair.once()
        assert pair.counterpart("Leads", mine)["Email_Opt_Out"] is True
        _, report = undo(pair, last(pair))
        assert pair.counterpart("Leads", mine)["Email_Opt_Out"] is False
        assert report.cycle_id is not None
        undo(pair, report.cycle_id)
        assert pair.counterpart("Leads", mine)["Email_Opt_Out"] is True
        assert pair.sql("select state from id_map where org = 'us' order by state") == [("flagged",), ("live",)]
        assert pair.sql("select count(*) from drops where ended_at is null") == [(0,)]


def test_a_flag_that_was_taken_back_is_not_set_again_by_a_comparison(tmp_path: Path) -> None:
    loose = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())
    fields = FieldChoice(table={name: Copy(field=name) for name in ("Last_Name", "Company")})
    flagging: dict[str, Any] = {"deletes": "flag", "flag": "Email_Opt_Out", "fields": fields, "fuse": loose}
    with running_pair(tmp_path, modules=("Leads",), undo=DAYS, **flagging) as pair:
        mine, _ = lead(pair), lead(pair)
        pair.once()
        pair.a.delete("Leads", mine)
        pair.once()
        undo(pair, last(pair))
        pair.ledger.release("india-to-us/Leads", 0, "as it was", pair.fleet._now())
        pair.ledger.start_comparison("india-to-us/Leads", "asked", pair.fleet._now())
        for _ in range(2):
            pair.pass_time(60)
            pair.once()
        assert pair.counterpart("Leads", mine)["Email_Opt_Out"] is False
        assert pair.ledger.retry(pair.fleet._now(), source_id=mine) == 1
        pair.once()
        assert pair.counterpart("Leads", mine)["Email_Opt_Out"] is True


def test_the_key_of_a_record_that_was_adopted_stays(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), undo=DAYS) as pair:
        mine = lead(pair, City="Pune")
        there = pair.b.insert_raw("Leads", {"Last_Name": "Old", "Company": "C"})
        pair.ledger.match("india-to-us/Leads", [(mine, there)], "match", pair.fleet._now())
        pair.once()
        assert pair.counterpart("Leads", mine)["City"] == "Pune"
        undoing, _ = undo(pair, last(pair))
        assert reasons(undoing) == [("Source_Record_ID", "key")]
        row = pair.counterpart("Leads", mine)
        assert (row["Last_Name"], row["City"], row["id"]) == ("Old", None, there)
