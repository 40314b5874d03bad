"""Both ways: records that are made, deleted, restored or filtered on either side."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice, Fill
from tests.sync.around import BACK, FIELDS, THERE, conflicts, lead, running, stream, table
from tests.sync.pair import KEY


def test_a_record_of_either_side_is_made_once_on_the_other_and_comes_not_back(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        lead(around, Last_Name="Ida")
        lead(around, "us", Last_Name="Una")
        around.settle()
        assert around.shown("india", "Last_Name") == around.shown("us", "Last_Name") == [("Ida",), ("Una",)]
        assert around.writes() == 2
        assert around.sql("select count(distinct entity_id), count(*) from id_map") == [(2, 4)]


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
