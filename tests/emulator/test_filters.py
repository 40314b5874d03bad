"""Lists that show a part: custom views, territories (facts 2.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from daemon.emulator.views import views_of
from tests.emulator.test_lists import walk

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def test_a_custom_view_filters_lists_counts_searches_and_queries(us: Client) -> None:
    mine, theirs = us.lead(), us.lead()
    us.org.edit("Leads", theirs, {"Owner": us.get("users", type="ActiveUsers").json()["users"][1]["id"]})
    views = {one.system_name: str(one.id) for one in views_of(us.org._site.org.modules["Leads"])}
    view = views["MYVIEWS"]
    assert [row["id"] for row in us.get("Leads", fields="Last_Name", cvid=view).json()["data"]] == [mine]
    every = us.get("Leads", fields="Last_Name", cvid=views["ALLVIEWS"]).json()["data"]
    assert [row["id"] for row in every] == [theirs, mine]
    since = {"If-Modified-Since": "2000-01-01T00:00:00Z"}
    both = us.get("Leads", fields="Last_Name", cvid=view, ids=f"{mine},{theirs}", headers=since).json()["data"]
    assert [row["id"] for row in both] == [mine]
    assert us.get("Leads/actions/count", cvid=view).json() == {"count": "1"}
    assert [row["id"] for row in us.get("Leads/search", word="Lee", cvid=view).json()["data"]] == [mine]
    rows = us.coql(f"select id from Leads#{view} where id is not null").json()["data"]  # noqa: S608
    assert [row["id"] for row in rows] == [mine]
    assert us.coql("select id from Leads#5 where id is not null").json()["details"] == {"cvid": "5"}


def test_a_walk_through_a_view_skips_no_one_and_repeats_no_one(us: Client) -> None:
    ids = us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(7)))
    other = us.get("users", type="ActiveUsers").json()["users"][1]["id"]
    for number in ids[::3]:
        us.org.edit("Leads", number, {"Owner": other})
    view = next(str(one.id) for one in views_of(us.org._site.org.modules["Leads"]) if one.system_name == "MYVIEWS")
    assert walk(us, cvid=view, per_page="2", sort_order="asc") == [n for n in ids if n not in ids[::3]]


def test_orgs_without_territories_say_so(us: Client) -> None:
    answer = us.get("Deals", fields="Deal_Name", territory_id="5100000000000000001", include_child="true")
    assert (answer.status_code, answer.json()["code"]) == (400, "TERRITORY_NOT_ENABLED")
    assert us.get("Deals", fields="Deal_Name", include_child="false").status_code == 204
