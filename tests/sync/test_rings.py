"""Three orgs in a ring or around a hub: an edit passes every org once, and all prefer the same one of two."""

from __future__ import annotations

from pathlib import Path

from tests.sync.around import conflicts, lead, running, stream


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
