"""GET records (facts 2)."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import pytest

from daemon.emulator import Emulator
from daemon.emulator.listing import Listing, check_walls
from daemon.emulator.pagetoken import PageToken

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def walk(client: Client, **params: str) -> list[str]:
    """All ids of a token walk."""
    ids: list[str] = []
    while True:
        page = client.get("Leads", fields="Last_Name", **params).json()
        ids += [row["id"] for row in page["data"]]
        if not page["info"]["more_records"]:
            return ids
        params["page_token"] = page["info"]["next_page_token"]


def test_rows_hold_the_asked_fields_and_the_id(us: Client) -> None:
    number = us.lead(Email="a@example.com")
    rows = us.get("Leads", fields="Last_Name,Email,No_Such").json()["data"]
    assert rows == [{"Last_Name": "Lee", "Email": "a@example.com", "id": number}]


def test_at_most_fifty_fields_and_more_than_the_id(us: Client) -> None:
    names = ",".join(f"F{n}" for n in range(51))
    assert us.get("Leads", fields=names).json()["code"] == "LIMIT_EXCEEDED"
    assert us.get("Leads", fields=names.removesuffix(",F50") + ",F0").status_code == 204
    assert us.get("Leads", fields="id").json()["details"] == {"param_name": "fields"}


def test_lookups_owners_and_lists_have_their_shapes(us: Client) -> None:
    account = us.insert("Accounts", {"Account_Name": "Acme"})[0]
    us.insert("Contacts", {"Last_Name": "L", "Account_Name": {"id": account}, "Languages": ["German", "English"]})
    row = us.get("Contacts", fields="Account_Name,Owner,Languages,Email,Tag,Full_Name").json()["data"][0]
    assert row["Account_Name"] == {"name": "Acme", "id": account}
    assert set(row["Owner"]) == {"name", "id", "email"}
    assert (row["Languages"], row["Email"], row["Tag"], row["Full_Name"]) == (["German", "English"], None, [], "L")


def test_times_are_whole_seconds_in_the_callers_zone_with_summer_time(us: Client, india: Client) -> None:
    times = {"Created_Time": "2026-01-15T12:00:00Z", "Modified_Time": "2026-07-15T12:00:00Z"}
    us.org.insert_raw("Leads", {"Last_Name": "x", **times})
    india.org.insert_raw("Leads", {"Last_Name": "x", **times})
    row = us.get("Leads", fields="Created_Time,Modified_Time").json()["data"][0]
    assert (row["Created_Time"], row["Modified_Time"]) == ("2026-01-15T04:00:00-08:00", "2026-07-15T05:00:00-07:00")
    assert india.get("Leads", fields="Modified_Time").json()["data"][0]["Modified_Time"] == "2026-07-15T17:30:00+05:30"


def test_the_default_order_is_descending_by_id(us: Client) -> None:
    first, second = us.lead(), us.lead()
    assert [row["id"] for row in us.get("Leads", fields="Last_Name").json()["data"]] == [second, first]


def test_sorting_by_modified_time_breaks_ties_by_id(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    first, second = us.lead(), us.lead()
    emu.clock(advance=5)
    us.put(f"Leads/{first}", {"data": [{"Last_Name": "new"}]})
    params = {"fields": "Last_Name", "sort_by": "Modified_Time", "sort_order": "asc"}
    assert [row["id"] for row in us.get("Leads", **params).json()["data"]] == [second, first]


def test_a_token_walk_sees_every_record_once(us: Client) -> None:
    ids = us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(7)))
    assert walk(us, per_page="3", sort_order="asc") == ids
    first = us.get("Leads", fields="Last_Name", per_page=3).json()["info"]
    assert (first["count"], first["more_records"], first["previous_page_token"]) == (3, True, None)
    last = us.get("Leads", fields="Last_Name", page=3, per_page=3).json()["info"]
    assert (last["count"], last["next_page_token"], last["page_token_expiry"]) == (1, None, None)


def test_an_edit_between_two_pages_shifts_them(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    ids = us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(4)))
    params = {"fields": "Last_Name", "sort_by": "Modified_Time", "sort_order": "asc", "per_page": 2}
    us.get("Leads", **params)
    emu.clock(advance=1)
    us.org.edit("Leads", ids[0], {"City": "Graz"})
    assert [row["id"] for row in us.get("Leads", page=2, **params).json()["data"]] == [ids[3], ids[0]]


def test_a_token_is_bound_to_parameters_and_dies_after_a_day(emu: Emulator, us: Client) -> None:
    us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(3)))
    token = us.get("Leads", fields="Last_Name", per_page=2).json()["info"]["next_page_token"]
    altered = us.get("Leads", fields="Last_Name,Email", per_page=2, page_token=token)
    assert altered.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    assert us.get("Leads", fields="Last_Name", page_token="nonsense").json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    emu.clock(advance=86_401)
    us.log_in()
    assert us.get("Leads", fields="Last_Name", per_page=2, page_token=token).json()["code"] == "EXPIRED_VALUE"


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({"page": 11}, "DISCRETE_PAGINATION_LIMIT_EXCEEDED"),
        ({"page": 1, "page_token": "x"}, "AMBIGUITY_DURING_PROCESSING"),
        ({"cvid": 1, "sort_by": "id"}, "AMBIGUITY_DURING_PROCESSING"),
        ({"sort_by": "Last_Name"}, "PATTERN_NOT_MATCHED"),
        ({"per_page": "many"}, "INVALID_DATA"),
        ({"ids": "x"}, "INVALID_DATA"),
        ({"cvid": 1}, "INVALID_DATA"),
        ({"cvid": "all"}, "INVALID_DATA"),
        ({"territory_id": 5100000000000000001}, "NOT_SUPPORTED"),
        ({"territory_id": "x"}, "INVALID_DATA"),
        ({"include_child": "x"}, "PATTERN_NOT_MATCHED"),
    ],
)
def test_wrong_parameters_are_refused(us: Client, params: dict[str, str | int], code: str) -> None:
    answer = us.get("Leads", fields="Last_Name", **params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_the_info_of_a_page_tells_when_its_token_dies(emu: Emulator, us: Client) -> None:
    emu.clock(set="2026-03-07T20:00:00Z", freeze=True)  # the clocks go forward in that night
    us.log_in()
    us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(3)))
    info = us.get("Leads", fields="Last_Name", per_page=2).json()["info"]
    assert len(info.pop("next_page_token")) > 20
    assert info == {
        "call": False, "email": False, "per_page": 2, "count": 2, "page": 1, "more_records": True, "sort_by": "id",
        "sort_order": "desc", "previous_page_token": None, "page_token_expiry": "2026-03-08T13:00:00-07:00",
    }  # fmt: skip


def test_numbers_end_at_two_thousand_and_a_token_goes_on(us: Client) -> None:
    us.org._emulator.do(lambda hands: [hands.insert_raw("us", "Leads", {"Last_Name": "x"}) for _ in range(2_001)])
    tenth = us.get("Leads", fields="Last_Name", page=10)
    assert (tenth.json()["info"]["count"], tenth.json()["info"]["more_records"]) == (200, True)
    assert us.get("Leads", fields="Last_Name", page=11).json()["details"] == {"limit": 2000}
    token = tenth.json()["info"]["next_page_token"]
    last = us.get("Leads", fields="Last_Name", page_token=token).json()
    assert ([row["id"] for row in last["data"]], last["info"]["next_page_token"]) == (
        [us.org.records("Leads")[0]["id"]],
        None,
    )


def test_token_walks_end_at_a_hundred_thousand(us: Client) -> None:
    quirks, inside = us.org._site.quirks, Listing(token=PageToken(user=1, expires=0, position=99_800, after=None))
    check_walls(inside, quirks)
    with pytest.raises(Exception, match="PAGINATION_LIMIT_EXCEEDED"):
        check_walls(Listing(token=PageToken(user=1, expires=0, position=99_801, after=None)), quirks)


def test_if_modified_since_is_inclusive_and_304_when_nothing_changed(us: Client) -> None:
    number = us.lead()
    at = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    later = datetime.fromtimestamp(datetime.fromisoformat(at).timestamp() + 1).astimezone().isoformat()
    same = us.get("Leads", fields="Last_Name", sort_by="Modified_Time", headers={"If-Modified-Since": at})
    assert same.json()["data"][0]["id"] == number
    by_id = us.get("Leads", fields="Last_Name", ids=number, headers={"If-Modified-Since": at})
    assert by_id.status_code == 200
    none = us.get("Leads", fields="Last_Name", headers={"If-Modified-Since": later})
    assert (none.status_code, none.content) == (304, b"")
    assert us.get("Leads", fields="Last_Name", headers={"If-Modified-Since": "yesterday"}).status_code == 400


def test_ids_choose_records_and_unknown_ones_are_left_out(us: Client) -> None:
    one, two = us.lead(), us.lead()
    us.lead()
    rows = us.get("Leads", fields="Last_Name", ids=f"{one},{two},999", sort_order="asc").json()["data"]
    assert [row["id"] for row in rows] == [one, two]


def test_converted_leads_are_hidden_unless_asked_for(us: Client) -> None:
    plain, converted = us.lead(), us.lead()
    us.org.edit("Leads", converted, {"Converted__s": True})

    def ids(which: str) -> list[str]:
        return [row["id"] for row in us.get("Leads", fields="Last_Name", converted=which).json()["data"]]

    assert (ids("false"), ids("true"), ids("both")) == ([plain], [converted], [converted, plain])
    us.insert("Contacts", {"Last_Name": "x"})
    assert us.get("Contacts", fields="Last_Name", converted="true").status_code == 200  # it is a parameter of leads


def test_a_single_record_comes_whole_with_its_dollar_keys(us: Client) -> None:
    number = us.lead()
    row = us.get(f"Leads/{number}").json()["data"][0]
    assert (row["Full_Name"], row["$approval_state"], row["$currency_symbol"]) == ("Lee", "approved", "$")
    assert len(row) > 45
    assert us.get("Leads/5100000000000999999").status_code == 204


def test_rich_text_is_cut_in_reads_and_whole_by_fetch_full_data(us: Client) -> None:
    name = us.org.add_field("Leads", field_label="Bio", data_type="textarea", textarea={"type": "rich_text"})
    number = us.lead(**{name: "x" * 900})
    assert len(us.get(f"Leads/{number}", fields=name).json()["data"][0][name]) == 500
    whole = us.get("Leads/actions/fetch_full_data", ids=number, fields=name).json()["data"][0]
    assert len(whole[name]) == 900


def test_the_count_is_a_string(us: Client) -> None:
    us.lead()
    assert us.get("Leads/actions/count").json() == {"count": "1"}


@pytest.mark.parametrize("sort_by", ["id", "Created_Time", "Modified_Time"])
@pytest.mark.parametrize("order", ["asc", "desc"])
@pytest.mark.parametrize("walk", ["live", "cursor"])
def test_walks_over_converted_and_other_leads_agree_with_a_scan(
    emu: Emulator, us: Client, sort_by: str, order: str, walk: str
) -> None:
    emu.quirks(page_token_walk=walk)
    emu.clock(freeze=True)
    ids = []
    for n in range(6):
        emu.clock(advance=n % 2)
        ids.append(us.lead())
    params = {"fields": "Last_Name", "sort_by": sort_by, "sort_order": order, "per_page": 2}
    us.org.edit("Leads", ids[5], {"Converted__s": True})
    for which in ("false", "true"):  # from here on both orders exist and have to follow
        us.get("Leads", converted=which, **params)
    emu.clock(advance=1)
    for number in (ids[1], ids[4]):
        us.org.edit("Leads", number, {"Converted__s": True})
    us.org.edit("Leads", ids[4], {"Converted__s": False})
    us.org.delete("Leads", ids[0])
    rows = [row for row in us.org.records("Leads")]  # noqa: C416 - a copy to sort
    rows.sort(key=lambda row: (row.get(sort_by, ""), row["id"]), reverse=order == "desc")
    for which in ("true", "false", "both"):
        expected = [row["id"] for row in rows if which in ("both", str(bool(row["Converted__s"])).lower())]
        found, token = [], None
        while True:
            more = {"page_token": token} if token else {}
            page = us.get("Leads", converted=which, **params, **more).json()
            found += [row["id"] for row in page["data"]]
            token = page["info"]["next_page_token"]
            if token is None:
                break
        assert found == expected, which


def other_user(client: Client) -> str:
    """The Authorization of a second, ordinary user of the org."""
    org = client.org._site.org
    user = next(one for one in org.users if one.profile.name != "Administrator" and one.status == "active")
    accounts = client.org._site.accounts

    def token() -> str:
        return accounts.new_access(accounts.new_refresh(user=user.id)).token

    return f"Zoho-oauthtoken {client.org._emulator.do(lambda _: token())}"


def test_a_page_token_serves_its_user_only(us: Client) -> None:
    us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(3)))
    params = {"fields": "Last_Name", "per_page": 2}
    token = us.get("Leads", **params).json()["info"]["next_page_token"]
    foreign = us.get("Leads", **params, page_token=token, headers={"Authorization": other_user(us)})
    assert (foreign.status_code, foreign.json()["code"]) == (400, "INVALID_DATA")
    assert us.get("Leads", **params, page_token=token).status_code == 200


def test_all_notes_are_read_by_administrators_only(us: Client) -> None:
    assert us.get("Notes", fields="Note_Title").status_code == 204
    refused = us.get("Notes", fields="Note_Title", headers={"Authorization": other_user(us)})
    assert (refused.status_code, refused.json()["code"]) == (403, "NOT_SUPPORTED")


def test_times_are_printed_in_the_zone_of_the_user_who_asks(us: Client) -> None:
    us.org.insert_raw("Leads", {"Last_Name": "x", "Created_Time": "2026-01-15T12:00:00Z"})
    auth = {"Authorization": other_user(us)}
    org = us.org._site.org
    user = next(one for one in org.users if one.profile.name != "Administrator" and one.status == "active")
    user.time_zone = "Europe/Vienna"
    theirs = us.get("Leads", fields="Created_Time", headers=auth).json()["data"][0]["Created_Time"]
    assert theirs == "2026-01-15T13:00:00+01:00"
    assert us.get("Leads", fields="Created_Time").json()["data"][0]["Created_Time"] == "2026-01-15T04:00:00-08:00"
