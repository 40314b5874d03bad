"""Both ways over real HTTP: one edit is one write, edits of different fields both survive, a conflict is a row."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import httpx
import pytest

from daemon.core.rules import Copy, Expression, FieldChoice, Fill
from tests.sync.around import FIELDS, Around, opened, running, settings_of, stream, table
from tests.sync.pair import KEY

THERE, BACK = stream("india", "us"), stream("us", "india")


def lead(around: Around, org: str = "india", **values: Any) -> str:
    return around.orgs[org].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Graz", **values})


def conflicts(around: Around) -> list[tuple[Any, ...]]:
    return around.sql("select stream, field, source_value, target_value, rule, winner from conflicts")


def test_a_record_of_either_side_is_made_once_on_the_other_and_comes_not_back(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        lead(around, Last_Name="Ida")
        lead(around, "us", Last_Name="Una")
        around.settle()
        assert around.shown("india", "Last_Name") == around.shown("us", "Last_Name") == [("Ida",), ("Una",)]
        assert around.writes() == 2
        assert around.sql("select count(distinct entity_id), count(*) from id_map") == [(2, 4)]


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


def test_three_orgs_in_a_ring_pass_an_edit_on_once_and_it_stops_where_it_began(tmp_path: Path) -> None:
    ring = stream("india", "us"), stream("us", "europe"), stream("europe", "india")
    with running(tmp_path, *ring) as around:
        numbers = {org: lead(around, org, Last_Name=org) for org in ("india", "us", "europe")}
        around.settle()
        around.settle()
        for org in numbers:
            assert around.shown(org, "Last_Name") == [("europe",), ("india",), ("us",)]
        assert around.writes() == 6
        for at, (org, number) in enumerate(numbers.items(), 1):
            around.edit(org, number, City=f"City {at}")
            around.settle()
            assert around.writes() == 6 + 2 * at
        assert around.shown("india", "City") == around.shown("us", "City") == around.shown("europe", "City")
        assert conflicts(around) == []


RING = stream("india", "us"), stream("us", "europe"), stream("europe", "india")


def test_on_a_ring_edits_of_one_org_after_another_are_no_conflicts(tmp_path: Path) -> None:
    with running(tmp_path, *RING) as around:
        lead(around, "us")
        around.settle()
        around.settle()
        before = around.writes()
        for city, org in enumerate(("europe", "us", "india", "india", "europe", "us")):
            around.edit(org, around.only(org)["id"], Designation=str(city))  # no stream carries it
            around.settle()
            values = {"City": str(city)} if city % 2 else {"City": None, "Phone": str(city)}
            around.edit(org, around.only(org)["id"], **values)
            around.settle()
            around.settle()
            for other in ("india", "us", "europe"):
                assert {n: around.only(other)[n] for n in values} == values
        assert (around.writes() - before, conflicts(around)) == (12, [])


def test_an_edit_over_one_that_is_still_on_its_way_round_is_no_conflict(tmp_path: Path) -> None:
    with running(tmp_path, *RING) as around:
        number = lead(around)
        around.settle()
        there, on, back = around.fleet.runners
        around.edit("india", number, City="Linz")
        there.cycle()
        around.edit("us", around.only("us")["id"], City="Wien")  # made over Linz, which europe has not seen
        for one in (on, back, there, on, back):
            around.pass_time(90)
            one.cycle()
        assert [around.only(org)["City"] for org in around.orgs] == ["Wien"] * 3
        assert conflicts(around) == []


def test_on_a_ring_all_orgs_prefer_the_same_one_of_two_edits(tmp_path: Path) -> None:
    with running(tmp_path, *RING) as around:
        number = lead(around)
        around.settle()
        there, on, back = around.fleet.runners
        around.edit("india", number, City="Linz")
        around.edit("europe", around.only("europe")["id"], City="Rom")  # later
        there.cycle()
        around.pass_time(90)
        on.cycle()  # Linz was written into us after Rom was made, but it is the older edit
        assert around.only("europe")["City"] == "Rom"
        for one in (back, there, on, back):
            around.pass_time(90)
            one.cycle()
        assert [around.only(org)["City"] for org in around.orgs] == ["Rom"] * 3
        assert conflicts(around) == [("europe-india/Leads", "City", '"Rom"', '"Linz"', "newest", "europe")]


HUB = stream("india", "us"), stream("us", "india"), stream("india", "europe"), stream("europe", "india")


def test_on_a_hub_edits_of_one_org_after_another_are_no_conflicts_and_a_conflict_is_one_row(tmp_path: Path) -> None:
    with running(tmp_path, *HUB) as around:
        lead(around)
        around.settle()
        around.settle()

        def edit(**cities: str) -> None:
            for org, city in cities.items():
                around.edit(org, around.only(org)["id"], City=city)
            around.settle()
            around.settle()
            assert len({around.only(org)["City"] for org in around.orgs}) == 1

        edit(europe="1")
        around.edit("europe", around.only("europe")["id"], Company="X")
        edit(india="2")
        edit(us="3")
        assert conflicts(around) == []
        edit(india="4", us="5")
        assert [row[1:4] for row in conflicts(around)] == [("City", '"5"', '"4"')]


def test_the_authors_of_a_conflict_are_the_people_by_their_addresses_also_behind_a_hub(tmp_path: Path) -> None:
    with running(tmp_path, *HUB) as around:
        lead(around)
        around.settle()
        around.settle()
        who = {}
        for org, place in (("us", 2), ("europe", 3)):
            user = [u for u in around.fleet.catalogs[org].users() if u.active][place]
            who[org] = user.email
            edited = {"City": org, "Modified_By": {"id": user.user_id}}
            around.edit(org, around.only(org)["id"], **edited)
        around.settle()
        around.settle()
        assert around.sql("select source_author, target_author from conflicts") == [(who["europe"], who["us"])]


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


def test_a_field_that_gets_its_old_value_back_in_a_third_org_gets_it_everywhere(tmp_path: Path) -> None:
    with running(tmp_path, *RING) as around:
        number = lead(around)
        around.settle()
        there, on, back = around.fleet.runners
        around.edit("india", number, City="Linz")
        there.cycle()
        around.edit("us", around.only("us")["id"], City="Graz")  # what europe still holds
        for one in (on, back, there, on, back):
            around.pass_time(90)
            one.cycle()
        assert [around.only(org)["City"] for org in around.orgs] == ["Graz"] * 3


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


def test_a_lost_write_counts_though_its_record_has_left_the_filter_since(tmp_path: Path) -> None:
    with running(tmp_path, stream("india", "us", where="Phone is null"), BACK) as around:
        number = lead(around)
        around.settle()
        there, _ = around.fleet.runners
        around.edit("india", number, City="Linz")
        around.orgs["us"].faults.next("update", effect="cut", when="after")
        there.cycle()
        around.edit("india", number, City="Wien", Phone="1")  # leaves the filter
        around.pass_time(90)
        there.cycle()
        around.edit("us", around.only("us")["id"], Company="D")
        around.settle()
        assert (around.only("india")["City"], around.only("india")["Company"]) == ("Wien", "D")
        assert conflicts(around) == []


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


@pytest.mark.parametrize("unmatched", ["stop", "delete"])
def test_a_twin_that_is_restored_beside_its_successor_is_held_and_the_others_go_on(
    tmp_path: Path, unmatched: Any
) -> None:
    back = stream("us", "india", where="Phone = '1'", unmatched=unmatched, deletes="delete")
    with running(tmp_path, stream("india", "us", gone="recreate"), back) as around:
        number = lead(around, Phone="1")
        around.settle()
        old = around.only("us")["id"]
        around.orgs["us"].delete("Leads", old)
        around.fleet.runners[0].cycle()
        around.edit("india", number, City="Linz")  # meets the loss before the way back does
        around.fleet.runners[0].cycle()
        around.fleet.runners[0].cycle()
        new = around.only("us")["id"]
        assert new != old
        around.orgs["us"].restore("Leads", old)
        around.edit("us", old, Phone="2")
        around.edit("us", new, City="Wien")
        around.settle()
        assert around.only("india")["id"] == number
        assert around.only("india")["City"] == "Wien"
        codes = around.sql("select q.source_id, state, code from retry_queue q join causes c on c.id = cause_id")
        assert codes == [(old, "held", "SECOND_COPY")]
        around.edit("us", old, **{KEY: None, "Phone": "1", "Last_Name": "New"})
        around.settle()
        assert around.shown("india", "Last_Name") == [("A",), ("New",)]
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


def test_a_record_that_the_way_back_has_made_is_not_written_for_fields_that_are_equal(tmp_path: Path) -> None:
    there = FieldChoice(table={**table().table, "Street": Copy(field="Street"), "Rating": Copy(field="Rating")})
    fills = {name: Fill(owner="target") for name in ("Last_Name", "Company", "City", "Phone")}
    back = FieldChoice(table=table().table, fills=fills)  # Street and Rating go one way only
    ways = stream("india", "us", fields=there, owner="source"), stream("us", "india", fields=back)
    with running(tmp_path, *ways) as around:
        lead(around, "us")
        around.settle()
        assert (around.shown("india"), around.writes()) == (around.shown("us"), 1)
        around.edit("india", around.only("india")["id"], Street="Ring 1")
        around.settle()
        assert (around.only("us")["Street"], around.writes()) == ("Ring 1", 2)


def fields_back(*owned: str) -> FieldChoice:
    """A way back that has the say over these fields, and gives the others to new records only."""
    return FieldChoice(table=table().table, fills={n: Fill(owner="target") for n in FIELDS if n not in owned})


@pytest.mark.parametrize("unmatched", ["follow", "delete"])
def test_what_the_other_way_has_made_is_not_the_filters_until_it_has_matched(tmp_path: Path, unmatched: Any) -> None:
    there = FieldChoice(table=table().table, fills={"City": Fill(owner="target")})
    back = stream("us", "india", fields=fields_back("City"), owner="source", where="Phone = '1'", unmatched=unmatched)
    with running(tmp_path, stream("india", "us", fields=there, owner="source"), back) as around:
        number = lead(around)
        around.settle()
        twin, before = around.only("us")["id"], around.writes()
        around.edit("us", twin, City="Linz")  # it has never matched: neither followed nor deleted
        around.settle()
        assert (around.only("india")["City"], around.writes() - before) == ("Graz", 0)
        around.edit("india", number, Phone="1")
        around.settle()
        assert (around.only("india")["City"], around.writes() - before) == ("Linz", 2)
        around.edit("india", number, Phone="2")  # the other way changes what the filter reads
        around.settle()
        if unmatched == "delete":
            assert (around.shown("india"), around.writes() - before) == ([], 4)
            return
        around.edit("us", twin, City="Wien")
        around.settle()
        assert (around.only("india")["City"], around.writes() - before) == ("Wien", 4)


def test_a_deletion_goes_over_once_and_a_restored_record_comes_back(tmp_path: Path) -> None:
    ways = stream("india", "us", deletes="delete"), stream("us", "india", deletes="delete")
    with running(tmp_path, *ways) as around:
        number, other = lead(around), lead(around, "us", Last_Name="B")
        around.settle()
        before = around.writes()
        around.orgs["india"].delete("Leads", number)
        around.orgs["us"].delete("Leads", other)
        around.settle()
        assert (around.shown("us"), around.shown("india"), around.writes() - before) == ([], [], 2)
        around.orgs["india"].restore("Leads", number)
        around.settle()
        assert around.shown("india") == around.shown("us") == [("A", "C", "Graz", None)]
        assert around.writes() - before == 3


def test_a_filtered_way_back_deletes_only_what_it_has_carried(tmp_path: Path) -> None:
    back = stream("us", "india", deletes="delete", where="Lead_Status = 'Contacted'")
    with running(tmp_path, THERE, back) as around:
        never, carried, stays = (lead(around, Last_Name=name) for name in "ABC")
        around.settle()
        twins = {r["Last_Name"]: r["id"] for r in around.orgs["us"].records("Leads")}
        around.edit("us", twins["B"], Lead_Status="Contacted", City="Wien")
        around.settle()
        for name in "AB":
            around.orgs["us"].delete("Leads", twins[name])
        around.settle()
        left = {r["id"] for r in around.orgs["india"].records("Leads")}
        assert (left, carried in left) == ({never, stays}, False)


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


def test_a_field_that_the_way_back_leaves_out_is_not_blanked_in_the_record_that_it_made(tmp_path: Path) -> None:
    back = stream("us", "india", fields=table("Last_Name", "Company", "City"))
    there = FieldChoice(table=table().table, fills={"Phone": Fill(owner="source")})
    with running(tmp_path, stream("india", "us", fields=there), back) as around:
        lead(around, "us", Phone="1")
        around.settle()
        assert (around.only("india")["Phone"], around.only("us")["Phone"], around.writes()) == (None, "1", 1)
        number = around.only("india")["id"]
        around.edit("india", number, City="Wien")
        around.settle()
        assert (around.only("us")["City"], around.only("us")["Phone"]) == ("Wien", "1")
        for phone in ("2", None):
            around.edit("india", number, Phone=phone)
            around.settle()
            assert around.only("us")["Phone"] == phone
        assert around.writes() == 4
