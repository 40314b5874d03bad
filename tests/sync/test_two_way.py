"""Both ways over real HTTP: one edit is one write, edits of different fields both survive, a conflict is a row."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.core.rules import Copy, Expression, FieldChoice, Fill
from tests.sync.around import BACK, THERE, Around, conflicts, lead, opened, running, settings_of, stream, table


def test_one_edit_is_one_write_from_either_side(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        twin = around.only("us")["id"]
        before = around.writes()
        around.edit("india", number, City="Linz")
        around.settle()
        assert (around.only("us")["City"], around.writes() - before) == ("Linz", 1)
        around.edit("us", twin, City="Wien", Phone="1")
        around.settle()
        assert (around.only("india")["City"], around.only("india")["Phone"]) == ("Wien", "1")
        assert around.writes() - before == 2
        around.edit("us", twin, City="Linz")  # back to what the other way has sent once
        around.settle()
        assert (around.only("india")["City"], around.writes() - before) == ("Linz", 3)
        assert conflicts(around) == []


def test_edits_of_different_fields_on_both_sides_both_survive(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        before = around.writes()
        around.edit("india", number, City="Linz")
        around.edit("us", around.only("us")["id"], Phone="1")
        around.settle()
        assert around.shown("india") == around.shown("us") == [("A", "C", "Linz", "1")]
        assert (around.writes() - before, conflicts(around)) == (2, [])


def test_a_field_that_both_sides_changed_is_the_later_one_and_a_row_of_conflicts(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        twin, before = around.only("us")["id"], around.writes()
        around.edit("india", number, City="Linz")
        around.edit("us", twin, City="Wien")
        around.settle()
        assert around.shown("india", "City") == around.shown("us", "City") == [("Wien",)]
        assert conflicts(around) == [("us-india/Leads", "City", '"Wien"', '"Linz"', "newest", "us")]
        around.edit("us", twin, City="Bonn")
        around.edit("india", number, City="Rom")
        around.settle()
        assert around.shown("india", "City") == around.shown("us", "City") == [("Rom",)]
        assert conflicts(around)[1:] == [("india-us/Leads", "City", '"Rom"', '"Bonn"', "newest", "india")]
        assert around.writes() - before == 2
        authors = around.sql("select source_author, target_author, source_time > target_time from conflicts")
        assert all(source and target and later for source, target, later in authors)


def test_the_same_edit_on_both_sides_is_no_conflict_and_no_write(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        before = around.writes()
        around.edit("india", number, City="Linz")
        around.edit("us", around.only("us")["id"], City="Linz")
        around.settle()
        assert (around.writes() - before, conflicts(around)) == (0, [])


def test_a_translation_that_does_not_turn_back_exactly_does_not_echo(tmp_path: Path) -> None:
    there = table(Annual_Revenue=Expression(text="round(Annual_Revenue * 1.19, 0)"))
    back = table(Annual_Revenue=Expression(text="round(Annual_Revenue / 1.19, 0)"))
    with running(tmp_path, stream("india", "us", fields=there), stream("us", "india", fields=back)) as around:
        number = lead(around, Annual_Revenue=3)
        around.settle()
        assert around.only("us")["Annual_Revenue"] == 4
        twin, before = around.only("us")["id"], around.writes()
        around.edit("us", twin, Annual_Revenue=5)
        around.settle()
        assert (around.only("india")["Annual_Revenue"], around.only("us")["Annual_Revenue"]) == (4, 5)
        around.edit("india", number, City="Linz")
        around.settle()
        assert around.only("us")["Annual_Revenue"] == 5
        assert around.writes() - before == 2


def test_a_write_without_an_answer_is_no_edit_of_the_other_side(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        twin = around.only("us")["id"]
        there, back = around.fleet.runners
        around.edit("india", number, City="Linz")
        around.orgs["us"].faults.next("update", effect="cut", when="after")
        there.cycle()
        assert around.only("us")["City"] == "Linz"
        around.edit("india", number, City="Wien")
        around.edit("us", twin, Phone="1")  # now us shows Linz with a later time than Wien has
        back.cycle()
        assert around.only("india")["City"] == "Wien"
        around.settle()
        around.settle()
        assert around.shown("india") == around.shown("us") == [("A", "C", "Wien", "1")]
        assert conflicts(around) == []
        assert around.sql("select count(*) from retry_queue") == [(0,)]


def test_an_edit_of_a_field_that_was_renamed_in_the_target_waits_for_the_new_name(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        around.orgs["us"].change_field("Leads", "City", api_name="Town")
        around.edit("india", number, City="Linz")
        before = around.writes()
        reports = around.once()
        assert "City" in (reports["india-us/Leads"].trouble or "")
        assert around.writes() == before
        there, back = table(Town=Copy(field="City")), table(City=Copy(field="Town"))
        del there.table["City"]  # type: ignore[union-attr]
        ways = stream("india", "us", fields=there), stream("us", "india", fields=back)
        with opened(around.emu, settings_of(around.emu, tmp_path, ways)) as renamed:
            renamed.settle()
            assert (renamed.only("us")["Town"], renamed.only("india")["City"]) == ("Linz", "Linz")


def test_a_way_back_that_is_added_later_takes_what_the_first_way_wrote_for_no_edit(tmp_path: Path) -> None:
    there = table(City=Copy(field="City", values={"Hot": "Open", "Warm": "Open"}))
    with running(tmp_path, stream("india", "us", fields=there, owner="source"), BACK) as around:
        number = lead(around, City="Warm")
        alone = settings_of(around.emu, tmp_path, [stream("india", "us", fields=there, owner="source")])
        with opened(around.emu, alone) as one_way:
            one_way.settle()
        back = table(City=Copy(field="City", values={"Open": "Hot"}))
        ways = stream("india", "us", fields=there), stream("us", "india", fields=back)
        with opened(around.emu, settings_of(around.emu, tmp_path, ways)) as both:
            before = both.writes()
            both.fleet.runners[1].cycle()  # the new way is first
            both.settle()
            assert (both.only("india")["City"], both.only("us")["City"], both.writes()) == ("Warm", "Open", before)
            both.edit("us", both.only("us")["id"], Phone="1")
            both.settle()
            assert (both.only("india")["City"], both.only("india")["Phone"]) == ("Warm", "1")
            assert both.only("india")["id"] == number
            assert conflicts(both) == []


def test_two_streams_never_wait_for_each_others_lost_writes(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        around.edit("india", number, City="Linz")
        around.edit("us", around.only("us")["id"], Phone="1")
        for org in ("india", "us"):
            around.orgs[org].faults.next("update", effect="cut", when="before")
        both_begun = threading.Barrier(2)
        begin = around.ledger.begin

        def begin_together(*given: Any) -> None:
            both_begun.wait(30)
            begin(*given)

        around.ledger.begin = begin_together  # type: ignore[method-assign]
        threads = [threading.Thread(target=runner.cycle) for runner in around.fleet.runners]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        around.ledger.begin = begin  # type: ignore[method-assign]
        assert around.sql("select count(*) from intents") == [(2,)]
        around.settle()
        around.settle()
        assert around.shown("india") == around.shown("us") == [("A", "C", "Linz", "1")]
        assert around.sql("select count(*) from retry_queue") == [(0,)]


@pytest.mark.parametrize("when", ["before", "after"])
def test_a_conflict_is_one_row_though_the_answer_of_the_write_that_won_was_lost(tmp_path: Path, when: str) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        around.edit("us", around.only("us")["id"], City="Wien")
        around.edit("india", number, City="Linz")
        around.orgs["us"].faults.next("update", effect="cut", when=when)
        around.fleet.runners[0].cycle()
        around.settle()
        around.settle()
        assert around.shown("india", "City") == around.shown("us", "City") == [("Linz",)]
        assert conflicts(around) == [("india-us/Leads", "City", '"Linz"', '"Wien"', "newest", "india")]


def rounds_at_once(around: Around, name: str) -> None:
    """From now on us rounds a number of its leads as it stores them, and shows the time of the write itself."""
    leads = around.emu.world.sites["us"].org.tables["Leads"]

    def rounded(response: httpx.Response) -> None:
        if response.request.method in ("PUT", "POST") and response.request.url.path.endswith("/Leads"):
            for record in list(leads.records.values()):
                values = {**record.values, name: round(float(str(record.values[name])))}
                leads.put(
                    record.replaced(
                        modified=record.modified, modified_by=record.modified_by, owner=record.owner, values=values
                    )
                )

    around.fleet.catalogs["us"].zoho._caller.transport._client.event_hooks = {"response": [rounded]}


@pytest.mark.parametrize("who", ["india", "us"])
def test_the_form_that_the_target_gives_a_value_is_no_edit_though_somebody_touches_the_record_before_it_is_read(
    tmp_path: Path, who: str
) -> None:
    there = table(Annual_Revenue=Expression(text="Annual_Revenue * 1.19"))
    back = table(Annual_Revenue=Expression(text="round(Annual_Revenue / 1.19, 2)"))
    ways = stream("india", "us", fields=there), stream("us", "india", fields=back)
    with running(tmp_path, *ways) as around:
        number = lead(around, Annual_Revenue=100)
        around.settle()
        rounds_at_once(around, "Annual_Revenue")
        around.edit("india", number, Annual_Revenue=101)
        around.fleet.runners[0].cycle()
        assert around.only("us")["Annual_Revenue"] == 120
        around.edit(who, around.only(who)["id"], Phone="1")
        if who == "india":
            around.fleet.runners[0].cycle()
        around.settle()
        around.settle()
        assert (around.only("india")["Annual_Revenue"], around.only("india")["Phone"]) == (101, "1")
        assert conflicts(around) == []


def test_a_person_who_changes_his_mind_again_and_again_is_no_oscillation(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        for city in ("A", "B") * 5:
            around.edit("india", number, City=city)
            around.pass_time(30)
            around.once()
        around.settle()
        assert around.only("us")["City"] == "B"
        assert around.sql("select count(*) from retry_queue") == [(0,)]


def test_each_side_owns_its_fields(tmp_path: Path) -> None:
    there = FieldChoice(table=table().table, fills={"City": Fill(owner="target"), "Phone": Fill(owner="target")})
    back = FieldChoice(
        table={"City": Copy(field="City"), "Phone": Copy(field="Phone"), **table().table},
        fills={"Last_Name": Fill(owner="target"), "Company": Fill(owner="target")},
    )
    ways = stream("india", "us", fields=there, owner="source"), stream("us", "india", fields=back, owner="source")
    with running(tmp_path, *ways) as around:
        number = lead(around)
        around.settle()
        twin, before = around.only("us")["id"], around.writes()
        assert before == 1
        around.edit("india", number, Company="D")
        around.edit("us", twin, City="Wien")
        around.settle()
        assert around.shown("india") == around.shown("us") == [("A", "D", "Wien", None)]
        assert around.writes() - before == 2


def test_a_field_that_something_changes_back_each_time_is_held_and_the_others_go_on(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = lead(around)
        around.settle()
        twin, before = around.only("us")["id"], around.writes()
        for _ in range(5):  # a workflow of us that knows better, and a person of india who insists
            around.edit("us", twin, City="WIEN")
            around.once()
            around.edit("india", number, City="Wien")
            around.once()
        assert around.sql(
            "select q.stream, state, code, field from retry_queue q join causes c on c.id = cause_id"
        ) == [("us-india/Leads", "held", "OSCILLATION", "City")]
        assert around.writes() - before <= 8
        around.edit("india", number, Phone="1")
        around.once()
        assert around.only("us")["Phone"] == "1"
