"""Recycle bin, mass delete, merge (facts 5), search and count (facts 3.8), scopes and credits of the new calls."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from daemon.emulator import Emulator
from daemon.emulator.views import views_of

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json

BIN = "settings/recycle_bin"


def leads(client: Client, count: int, **values: str) -> list[str]:
    made: list[str] = []
    for start in range(0, count, 100):
        size = min(100, count - start)
        made += client.insert("Leads", *[{"Last_Name": "x", "Company": "c", **values}] * size)
    return made


def view(client: Client, module: str, system_name: str) -> str:
    found = views_of(client.org._site.org.modules[module])
    return next(str(one.id) for one in found if one.system_name == system_name)


def test_the_bin_lists_counts_restores_and_empties(us: Client) -> None:
    one, two, three = leads(us, 3)
    us.delete("Leads", ids=f"{one},{two},{three}")
    assert us.get(f"{BIN}/actions/count").json() == {"count": 3}
    shown = us.get(f"{BIN}/{one}").json()["recycle_bin"][0]
    assert (shown["module"]["api_name"], shown["display_name"]) == ("Leads", "x")
    mixed = us.post(f"{BIN}/actions/restore", {"ids": [one, "1"]})
    assert (mixed.status_code, [r["code"] for r in mixed.json()["recycle_bin"]]) == (207, ["SUCCESS", "INVALID_DATA"])
    assert us.post(f"{BIN}/{two}/actions/restore", None).status_code == 200
    assert us.delete(f"{BIN}/{three}").status_code == 200
    assert us.get(BIN).status_code == 204
    assert {row["id"] for row in us.org.records("Leads")} == {one, two}
    assert us.get("Leads/deleted", type="permanent").json()["data"][0]["display_name"] is None


def test_the_bin_is_filtered_by_module_and_forgets_after_sixty_days(emu: Emulator, us: Client) -> None:
    lead, account = leads(us, 1)[0], us.insert("Accounts", {"Account_Name": "a"})[0]
    us.delete(f"Leads/{lead}")
    us.delete(f"Accounts/{account}")
    filters = '{"field":{"api_name":"module"},"comparator":"equal","value":{"api_name":"Accounts"}}'
    assert [row["id"] for row in us.get(BIN, filters=filters).json()["recycle_bin"]] == [account]
    assert us.get(BIN, filters="{").status_code == 400
    emu.clock(advance=61 * 86_400)
    us.log_in()
    assert us.get(BIN).status_code == 204
    assert us.post(f"{BIN}/actions/restore", {"ids": [lead]}).status_code == 400
    assert us.get("Leads/deleted").json()["data"][0]["type"] == "permanent"
    emu.clock(advance=61 * 86_400)
    us.log_in()
    assert us.get("Leads/deleted").status_code == 204


def test_a_note_comes_back_only_after_its_lead(us: Client) -> None:
    lead = leads(us, 1)[0]
    note = us.post(f"Leads/{lead}/Notes", {"data": [{"Note_Title": "t"}]}).json()["data"][0]["details"]["id"]
    us.delete(f"Leads/{lead}")
    refused = us.post(f"{BIN}/actions/restore", {"ids": [note]}).json()["recycle_bin"][0]
    assert refused["code"] == "CANNOT_RESTORE_WITHOUT_PARENT"
    assert us.post(f"{BIN}/actions/restore", {"ids": [lead]}).status_code == 200
    assert [row["id"] for row in us.org.records("Notes")] == [note]


def test_more_than_a_thousand_are_restored_by_a_job(emu: Emulator, us: Client) -> None:
    for number in leads(us, 1001):
        us.org.delete("Leads", number)
    answer = us.post(f"{BIN}/actions/restore", {"restore_all_records": True})
    assert (answer.status_code, answer.json()["recycle_bin"][0]["code"]) == (202, "SCHEDULED")
    assert us.org.records("Leads") == []
    emu.clock(advance=6)
    assert us.get("Leads/actions/count").json() == {"count": "1001"}


def test_mass_delete_takes_ids_at_once_and_a_view_by_a_job(emu: Emulator, us: Client) -> None:
    one, mine, theirs = leads(us, 3)
    path = "Leads/actions/mass_delete"
    answer = us.post(path, {"ids": [one, "1", "x", 5, {}]})
    assert (answer.status_code, answer.json()["data"][0]["message"]) == (207, "record is deleted")
    assert [element["details"]["id"] for element in answer.json()["data"]] == [one, "1", "x", 5, {}]
    us.org.edit("Leads", theirs, {"Owner": us.get("users", type="ActiveUsers").json()["users"][1]["id"]})
    assert us.post(path, {"cvid": "123"}).json()["details"] == {"param_name": "cvid"}
    job = us.post(path, {"cvid": view(us, "Leads", "MYVIEWS")}).json()["data"][0]["details"]["job_id"]
    assert us.get(path, job_id=job).json()["data"][0]["Status"] == "SCHEDULED"
    assert us.org.record("Leads", mine)
    emu.clock(advance=6)
    assert us.get(path, job_id=job).json()["data"][0]["Deleted_Count"] == 1
    assert [row["id"] for row in us.org.records("Leads")] == [theirs]
    assert us.post(path, {"ids": ["1"] * 501}).json()["code"] == "LIMIT_EXCEEDED"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "EXPECTED_FIELD_MISSING"),
        ({"ids": ["1"], "restore_all_records": True}, "AMBIGUITY_DURING_PROCESSING"),
        ({"ids": {}}, "INVALID_DATA"),
        ({"ids": ["1"] * 201}, "LIMIT_EXCEEDED"),
        ({"restore_all_records": "yes"}, "INVALID_DATA"),
        ({"filters": []}, "INVALID_DATA"),
    ],
)
def test_a_restore_says_in_one_way_what_is_to_come_back(us: Client, body: Json, code: str) -> None:
    answer = us.post(f"{BIN}/actions/restore", body)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_restore_names_every_id_as_it_was_sent(us: Client) -> None:
    answer = us.post(f"{BIN}/actions/restore", {"ids": ["x", None, 5, "5100000000000999999"]}).json()
    assert [one["details"]["id"] for one in answer["recycle_bin"]] == ["x", None, 5, "5100000000000999999"]
    assert us.post(f"{BIN}/x/actions/restore", None).json()["recycle_bin"][0]["details"] == {"id": "x"}


def merging(child: str, *names: str) -> Json:
    return {"merge": [{"data": [{"id": child, "_fields": [{"api_name": name} for name in names]}]}]}


@pytest.mark.parametrize("kind", ["recycle", "permanent"])
def test_a_merged_child_vanishes_and_the_master_keeps_its_id(emu: Emulator, us: Client, kind: str) -> None:
    emu.quirks(merged_type=kind)
    master, child = us.insert("Accounts", {"Account_Name": "m"}, {"Account_Name": "c", "Phone": "5"})
    contact = us.insert("Contacts", {"Last_Name": "x", "Account_Name": {"id": child}})[0]
    answer = us.post(f"Accounts/{master}/actions/merge", merging(child, "Phone"))
    assert (answer.status_code, answer.json()["merge"][0]["details"]) == (200, {"id": master})
    assert [(row["id"], row["Phone"]) for row in us.org.records("Accounts")] == [(master, "5")]
    assert us.get(f"Contacts/{contact}").json()["data"][0]["Account_Name"]["id"] == master
    assert [(row["id"], row["type"]) for row in us.get("Accounts/deleted").json()["data"]] == [(child, kind)]


def test_records_are_locked_while_a_merge_runs(emu: Emulator, us: Client) -> None:
    emu.quirks(merge_runs="later")
    master, child = leads(us, 2)
    path = f"Leads/{master}/actions/merge"
    answer = us.post(path, merging(child))
    job = answer.json()["merge"][0]["details"]["job_id"]
    element = us.put(f"Leads/{child}", {"data": [{"City": "x"}]}).json()["data"][0]
    assert (answer.status_code, element["message"]) == (202, "The record under merge is locked")
    assert us.delete(f"Leads/{master}").json()["data"][0]["code"] == "RECORD_LOCKED"
    emu.clock(advance=6)
    assert us.get(path, job_id=job).json()["merge"][0]["status"] == "completed"
    assert us.put(f"Leads/{master}", {"data": [{"City": "x"}]}).status_code == 200
    assert [row["id"] for row in us.org.records("Leads")] == [master]


@pytest.mark.parametrize("children", [[], ["1"], ["self"], ["a", "a", "a"]])
def test_a_merge_of_nothing_or_of_itself_is_refused(us: Client, children: list[str]) -> None:
    master = leads(us, 1)[0]
    data = [{"id": master if child == "self" else child} for child in children]
    answer = us.post(f"Leads/{master}/actions/merge", {"merge": [{"data": data}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_DATA")


@pytest.mark.parametrize(
    ("params", "names"),
    [
        ({"criteria": "(Last_Name:equals:ann)"}, {"Ann", "Annika"}),
        ({"criteria": "((Last_Name:starts_with:Ann)and(City:equals:Graz))"}, {"Ann"}),
        ({"criteria": "((City:equals:Graz)or(Last_Name:equals:Bob))"}, {"Ann", "Bob"}),
        ({"criteria": "(No_of_Employees:between:1,5)"}, {"Annika"}),
        ({"criteria": r"(City:equals:a\,b\(c\))"}, {"Bob"}),
        ({"email": "ANN@example.com"}, {"Ann"}),
        ({"phone": "555-1"}, {"Bob"}),
        ({"word": "raz", "email": ""}, {"Ann"}),
        ({"criteria": "(Last_Name:equals:zz)", "word": "Ann"}, set()),
    ],
)
def test_search_and_count_find_the_same(us: Client, params: dict[str, str], names: set[str]) -> None:
    us.lead(Last_Name="Ann", City="Graz", Email="ann@example.com")
    us.lead(Last_Name="Annika", No_of_Employees=5)
    us.lead(Last_Name="Bob", Phone="+1 5551", City="a,b(c)")
    answer = us.get("Leads/search", **params)
    found = {row["Last_Name"] for row in answer.json()["data"]} if answer.content else set()
    assert found == names
    assert us.get("Leads/actions/count", **params).json() == {"count": str(len(names))}


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ({}, "REQUIRED_PARAM_MISSING"),
        ({"criteria": "(Nope:equals:x)"}, "INVALID_QUERY"),
        ({"criteria": "(Last_Name:greater_than:x)"}, "INVALID_QUERY"),
        ({"criteria": "(Last_Name:equals:x"}, "INVALID_QUERY"),
        ({"criteria": "(" * 3000}, "INVALID_QUERY"),
        ({"criteria": "and".join(["(City:equals:x)"] * 16)}, "CRITERIA_LIMIT_EXCEEDED"),
        ({"word": "Ann", "page": 11}, "LIMIT_REACHED"),
        ({"email": "x", "approved": "x"}, "PATTERN_NOT_MATCHED"),
    ],
)
def test_a_bad_search_is_refused(us: Client, params: dict[str, str | int], code: str) -> None:
    answer = us.get("Leads/search", **params)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_search_lags_and_hides_what_is_not_approved(emu: Emulator, us: Client) -> None:
    emu.quirks(search_index_delay="30")
    lead = us.lead()
    assert us.get("Leads/search", word="Lee").status_code == 204
    emu.clock(advance=31)
    assert us.get("Leads/search", word="Lee").status_code == 200
    us.org.edit("Leads", lead, {"$approval_state": "approval_process_pending"})
    emu.clock(advance=31)
    assert us.get("Leads/search", word="Lee").status_code == 204
    assert us.get("Leads/search", word="Lee", approved="both").status_code == 200


def test_scopes_are_per_module_and_custom_is_a_word_of_its_own(us: Client) -> None:
    def status(scope: str, path: str, **params: str) -> int:
        us.org._emulator.do(lambda _: None)
        accounts = us.org._site.accounts
        token = us.org._emulator.do(lambda _: accounts.new_access(accounts.new_refresh((scope,))).token)
        us.http.headers["Authorization"] = f"Zoho-oauthtoken {token}"
        return us.get(path, **params).status_code

    assert status("ZohoCRM.modules.leads.READ", "Leads", fields="Last_Name") == 204
    assert status("ZohoCRM.modules.leads.READ", "Contacts", fields="Last_Name") == 401
    assert status("ZohoCRM.modules.leads.CREATE", "Leads", fields="Last_Name") == 401
    assert status("ZohoCRM.modules.custom.READ", "Projects", fields="Name") == 204
    assert status("ZohoCRM.modules.custom.READ", "Leads", fields="Last_Name") == 401
    assert status("ZohoCRM.settings.roles.READ", "settings/roles") == 200
    assert status("ZohoCRM.settings.roles.READ", "settings/profiles") == 401


SEARCH = "ZohoSearch.securesearch.READ"


@pytest.mark.parametrize(
    ("quirk", "scopes", "status"),
    [
        ("search", (SEARCH, "ZohoCRM.modules.Leads.READ"), 200),
        ("search", (SEARCH,), 401),
        ("search", ("ZohoCRM.modules.Leads.READ",), 401),
        ("modules", ("ZohoCRM.modules.Leads.READ",), 200),
        ("modules", (SEARCH,), 401),
    ],
)
def test_a_count_needs_the_scopes_of_a_search(
    emu: Emulator, us: Client, quirk: str, scopes: tuple[str, ...], status: int
) -> None:
    emu.quirks(count_scope=quirk)
    accounts = us.org._site.accounts
    token = us.org._emulator.do(lambda _: accounts.new_access(accounts.new_refresh(scopes)).token)
    us.http.headers["Authorization"] = f"Zoho-oauthtoken {token}"
    assert us.get("Leads/actions/count").status_code == status


def test_a_module_without_a_bin_deletes_for_good(us: Client) -> None:
    us.org._site.org.modules["Leads"].known["recycle_bin_on_delete"] = False
    lead, account = leads(us, 1)[0], us.insert("Accounts", {"Account_Name": "a"})[0]
    note = us.post(f"Leads/{lead}/Notes", {"data": [{"Note_Content": "n"}]}).json()["data"][0]["details"]["id"]
    assert us.get("settings/modules/Leads").json()["modules"][0]["recycle_bin_on_delete"] is False
    us.delete(f"Leads/{lead}")
    us.delete(f"Accounts/{account}")
    gone = us.get("Leads/deleted").json()["data"]
    assert [(row["id"], row["type"], row["display_name"]) for row in gone] == [(lead, "permanent", None)]
    assert [(row["id"], row["type"]) for row in us.get("Notes/deleted").json()["data"]] == [(note, "permanent")]
    assert [row["id"] for row in us.get(BIN).json()["recycle_bin"]] == [account]
    assert us.post(f"{BIN}/{lead}/actions/restore", None).status_code == 400


def test_the_new_calls_cost_what_the_price_list_says(us: Client) -> None:
    one, two = leads(us, 2)
    us.post(f"Leads/{one}/actions/merge", merging(two))
    us.post(f"Leads/{one}/actions/convert", {"data": [{}]})
    us.post("Leads/actions/add_tags", {"tags": [{"name": "x"}], "ids": [one] * 51})
    us.post("Leads/actions/mass_delete", {"ids": ["1"] * 101})
    prices = us.org.credits()["by_kind"]
    assert {kind: prices[kind] for kind in ("merge", "convert", "add_tags", "mass_delete")} == {
        "merge": 50, "convert": 5, "add_tags": 2, "mass_delete": 2,
    }  # fmt: skip
