# ruff: noqa: S608 - queries are what is tested
"""Beyond the first four modules: rows inside records, lookups into several modules, states, rules (facts 2.6, 4)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json


def one(client: Client, module: str, number: str) -> Json:
    row: Json = client.get(f"{module}/{number}").json()["data"][0]
    return row


def change(client: Client, module: str, number: str, **values: Any) -> Json:
    element: Json = client.put(module, {"data": [{"id": number, **values}]}).json()["data"][0]
    return element


@pytest.fixture
def quote(us: Client) -> str:
    goods = us.insert("Products", {"Product_Name": "Nut"})[0]
    rows = [{"Product_Name": {"id": goods}, "Quantity": n, "List_Price": 2.5} for n in (1, 2)]
    return us.insert("Quotes", {"Subject": "q", "Adjustment": 1, "Quoted_Items": rows})[0]


@pytest.fixture
def project(us: Client) -> str:
    return us.insert("Projects", {"Name": "p"})[0]


def test_line_items_are_filled_only_by_a_single_read(us: Client, quote: str) -> None:
    whole = one(us, "Quotes", quote)
    assert [(row["Quantity"], row["Total"], row["Parent_Id"]["id"]) for row in whole["Quoted_Items"]] == [
        (1, 2.5, quote),
        (2, 5.0, quote),
    ]
    assert (whole["$has_more"], whole["Sub_Total"], whole["Grand_Total"]) == ({"Quoted_Items": False}, 7.5, 8.5)
    assert us.get("Quotes", fields="Quoted_Items").json()["data"][0]["Quoted_Items"] is None
    rows = us.coql("select Quantity from Quoted_Items where Parent_Id = '" + quote + "'").json()["data"]
    assert [row["Quantity"] for row in rows] == [1, 2]


def test_rows_are_changed_by_id_added_without_and_deleted_on_request(emu: Emulator, us: Client, project: str) -> None:
    change(us, "Projects", project, Milestones=[{"Title": "a"}, {"Title": "b"}, {"Title": "c"}])
    ids = [row["id"] for row in one(us, "Projects", project)["Milestones"]]
    wanted = [{"id": ids[0], "Title": "A"}, {"id": ids[1], "_delete": None}, {"Title": "d"}]
    assert change(us, "Projects", project, Milestones=wanted)["code"] == "SUCCESS"
    whole = one(us, "Projects", project)
    assert [row["Title"] for row in whole["Milestones"]] == ["A", "c", "d"]
    assert whole["Milestone_Count"] == 3
    emu.quirks(subform_unmentioned="replace")
    change(us, "Projects", project, Milestones=[{"id": ids[0]}])
    assert [row["Title"] for row in one(us, "Projects", project)["Milestones"]] == ["A"]
    change(us, "Projects", project, Milestones=[])
    assert one(us, "Projects", project)["Milestones"] == []


@pytest.mark.parametrize(
    ("rows", "code", "path"),
    [
        ([{}], "MANDATORY_NOT_FOUND", "[0].Title"),
        ([{"Title": "x"}, {"Title": 5}], "INVALID_DATA", "[1].Title"),
        ([{"id": "1", "Title": "x"}], "INVALID_DATA", "[0].id"),
        ([{"_delete": None}], "EXPECTED_FIELD_MISSING", None),
        ([5], "INVALID_DATA", "[0]"),
        ({"Title": "x"}, "INVALID_DATA", ""),
        ([{"Title": "x"}] * 201, "LIMIT_EXCEEDED", ""),
    ],
)
def test_a_bad_row_refuses_its_record_at_its_path(us: Client, rows: Any, code: str, path: str | None) -> None:
    element = us.refusal("Projects", {"Name": "p", "Milestones": rows})
    assert element["code"] == code
    if path is not None:
        assert element["details"]["json_path"] == f"$.data[0].Milestones{path}"
    assert us.org.records("Milestones") == us.org.records("Projects") == []


def test_multi_lookups_are_linking_rows(us: Client, project: str) -> None:
    ann, bob = us.insert("Contacts", {"Last_Name": "Ann"}, {"Last_Name": "Bob"})
    people = [{"Consultants": {"id": ann}}, {"Consultants": {"id": bob}}]
    me = us.get("users", type="CurrentUser").json()["users"][0]
    change(us, "Projects", project, Consultants=people, Members=[{"Members": {"id": me["id"]}}])
    change(us, "Projects", project, Consultants=people[:1])
    whole = one(us, "Projects", project)
    assert [row["Consultants"] for row in whole["Consultants"]] == [
        {"name": "Ann", "id": ann},
        {"name": "Bob", "id": bob},
    ]
    assert whole["Members"][0]["Members"]["name"] == me["full_name"]
    change(us, "Projects", project, Consultants=[{"id": whole["Consultants"][0]["id"], "_delete": None}])
    assert [row["Consultants"]["id"] for row in one(us, "Projects", project)["Consultants"]] == [bob]
    related = us.get(f"Projects/{project}/Consultants", fields="Last_Name").json()["data"]
    assert related == [{"Last_Name": "Bob", "id": bob}]


def test_rows_go_and_come_back_with_their_record(us: Client, quote: str) -> None:
    us.delete(f"Quotes/{quote}")
    assert us.org.records("Quoted_Items") == []
    us.org.restore("Quotes", quote)
    assert len(one(us, "Quotes", quote)["Quoted_Items"]) == 2


def test_append_values_adds_to_a_multi_select(us: Client, project: str) -> None:
    change(us, "Projects", project, Regions=["Asia"])
    change(us, "Projects", project, Regions=["Europe"], **{"$append_values": {"Regions": True}})
    assert one(us, "Projects", project)["Regions"] == ["Asia", "Europe"]
    change(us, "Projects", project, Regions=["Africa"])
    assert one(us, "Projects", project)["Regions"] == ["Africa"]


def test_a_lookup_into_several_modules_names_the_module(us: Client, project: str) -> None:
    lead = us.lead()
    task = us.insert("Tasks", {"Subject": "t", "Who_Id": {"id": lead}, "What_Id": {"id": project}})[0]
    whole = one(us, "Tasks", task)
    assert (whole["Who_Id"]["module"]["api_name"], whole["What_Id"]["name"]) == ("Leads", "p")
    assert whole["$se_module"] == "Projects"
    rows = us.coql("select What_Id, 'What_Id->Projects.Name' from Tasks where id is not null").json()["data"]
    assert rows == [{"What_Id": {"id": project}, "What_Id->Projects.Name": "p", "id": task}]
    wrong = us.refusal("Tasks", {"Subject": "t", "What_Id": {"id": lead}})
    assert (wrong["code"], wrong["details"]["api_name"]) == ("INVALID_DATA", "What_Id")


@pytest.mark.parametrize("module", ["Tasks", "Events", "Calls", "Notes"])
def test_activities_and_notes_refuse_upsert(us: Client, module: str) -> None:
    answer = us.post(f"{module}/upsert", {"data": [{"Subject": "x"}]})
    assert (answer.status_code, answer.json()["code"]) == (400, "NOT_SUPPORTED")


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("Products", "Product_Name"), ("Vendors", "Vendor_Name"), ("Price_Books", "Price_Book_Name"),
        ("Campaigns", "Campaign_Name"), ("Projects", "Name"),
    ],
)  # fmt: skip
def test_other_modules_are_upserted_by_their_system_field(us: Client, module: str, name: str) -> None:
    actions = [us.post(f"{module}/upsert", {"data": [{name: "x"}]}).json()["data"][0] for _ in range(2)]
    assert [(one["action"], one["duplicate_field"]) for one in actions] == [("insert", None), ("update", name)]


def test_a_layout_demands_its_fields_and_ignores_others(us: Client) -> None:
    layouts = {one["name"]: one["id"] for one in us.get("settings/layouts", module="Projects").json()["layouts"]}
    layout = {"id": layouts["Internal"]}
    element = us.refusal("Projects", {"Name": "p", "Layout": layout})
    assert (element["code"], element["details"]["layout_rule"]["name"]) == ("MANDATORY_NOT_FOUND", "Internal")
    made = us.insert("Projects", {"Name": "p", "Layout": layout, "Start_Date": "2026-01-01", "Budget": 5})[0]
    whole = one(us, "Projects", made)
    assert (whole["Layout"]["name"], whole["Budget"]) == ("Internal", None)
    assert us.refusal("Projects", {"Name": "p", "Layout": {"id": "1"}})["details"]["api_name"] == "Layout"


DEAL = {"Deal_Name": "d", "Closing_Date": "2026-01-01"}


@pytest.mark.parametrize(
    ("module", "record", "code"),
    [
        ("Deals", {**DEAL, "Pipeline": "Renewals", "Stage": "Value Proposition"}, "MAPPING_MISMATCH"),
        ("Deals", {**DEAL, "Pipeline": "Nowhere", "Stage": "Qualification"}, "MAPPING_MISMATCH"),
        ("Calls", {"Call_Type": "Outbound", "Call_Start_Time": "2026-01-01T00:00:00Z", "Call_Duration": "00:00"},
         "DEPENDENT_MISMATCH"),
        ("Calls", {"Call_Type": "Inbound", "Call_Start_Time": "2026-01-01T00:00:00Z"}, "DEPENDENT_FIELD_MISSING"),
        ("Events", {"Event_Title": "e", "Start_DateTime": "2026-01-02T00:00:00Z",
                    "End_DateTime": "2026-01-01T00:00:00Z"}, "DEPENDENT_MISMATCH"),
        ("Events", {"Event_Title": "e", "Start_DateTime": "2026-01-01T00:00:00Z",
                    "End_DateTime": "2026-01-01T00:00:00Z", "Participants": [{}] * 51}, "LIMIT_EXCEEDED"),
        ("Tasks", {"Subject": "t", "Who_Id": {"name": "x"}}, "EXPECTED_FIELD_MISSING"),
    ],
)  # fmt: skip
def test_fields_that_do_not_fit_each_other(us: Client, module: str, record: Json, code: str) -> None:
    assert us.refusal(module, record)["code"] == code


@pytest.mark.parametrize(
    ("state", "code"),
    [
        ({"$approval_state": "approval_process_pending"}, "NOT_APPROVED"),
        ({"$review": {"x": 1}}, "NOT_REVIEWED"),
        ({"$in_merge": True}, "RECORD_LOCKED"),
        ({"$process_flow": True}, "RECORD_IN_BLUEPRINT"),
        ({"Converted__s": True}, "CONVERTED_RECORD"),
    ],
)
def test_a_record_in_another_state_refuses_updates(us: Client, state: Json, code: str) -> None:
    lead = us.lead()
    us.org.edit("Leads", lead, state)
    assert change(us, "Leads", lead, City="x")["code"] == code
    name = next(iter(state))
    assert one(us, "Leads", lead)[name] == state[name]


def test_a_locked_record_can_be_neither_changed_nor_deleted(us: Client) -> None:
    lead = us.lead()
    path = f"Leads/{lead}/Locking_Information__s"
    assert us.get(path).status_code == 204
    lock = us.post(path, {"data": [{"Locked_Reason__s": "audit"}]})
    assert (lock.status_code, us.get(path).json()["data"][0]["Locked_Reason__s"]) == (201, "audit")
    assert change(us, "Leads", lead, City="x")["code"] == "RECORD_LOCKED"
    refused = us.delete(f"Leads/{lead}").json()["data"][0]
    assert refused["details"] == {"action": "record_locking", "id": lead}
    assert us.delete(f"{path}/{lock.json()['data'][0]['details']['id']}").status_code == 200
    assert change(us, "Leads", lead, City="x")["code"] == "SUCCESS"


def test_a_converted_lead_leaves_a_contact_an_account_and_a_deal(us: Client) -> None:
    lead = us.lead(First_Name="Ann", Email="a@example.com")
    path = f"Leads/{lead}/actions/convert"
    stage = {"Deal_Name": "d", "Closing_Date": "2026-01-01"}
    assert us.post(path, {"data": [{"Deals": stage}]}).json()["data"][0]["code"] == "MANDATORY_NOT_FOUND"
    assert us.org.records("Accounts") == []
    made = us.post(path, {"data": [{"Deals": {**stage, "Stage": "Qualification"}}]}).json()["data"][0]["details"]
    contact = one(us, "Contacts", made["Contacts"]["id"])
    assert (contact["Email"], contact["Account_Name"]["name"]) == ("a@example.com", "Acme")
    assert one(us, "Deals", made["Deals"]["id"])["Contact_Name"]["id"] == made["Contacts"]["id"]
    assert us.get("Leads", fields="Last_Name").status_code == 204
    assert us.post(path, {"data": [{}]}).json()["data"][0]["code"] == "ID_ALREADY_CONVERTED"


def test_external_ids_stand_in_the_path_under_a_header(us: Client) -> None:
    project = us.insert("Projects", {"Name": "p", "ERP_Id": "e-1"})[0]
    header = {"X-EXTERNAL": "Projects.ERP_Id"}
    assert us.get("Projects/e-1", headers=header).json()["data"][0]["id"] == project
    assert us.put("Projects/e-1", {"data": [{"Name": "q"}]}, headers=header).json()["data"][0]["code"] == "SUCCESS"
    assert us.get("Projects/e-2", headers=header).json()["message"] == "The value of the external field is invalid."
    assert us.get("Projects/e-1").status_code == 400
    for wrong in ("Projects.Name", "Leads.ERP_Id", "ERP_Id", "Projects"):
        assert us.get("Projects/p", headers={"X-EXTERNAL": wrong}).json()["code"] == "INVALID_DATA"
    assert us.refusal("Projects", {"Name": "r", "ERP_Id": "E-1"})["code"] == "DUPLICATE_DATA"


def test_tags_are_put_on_records_and_taken_off(us: Client) -> None:
    one_, two = us.lead(), us.lead(Tag=[{"name": "vip"}])
    body = {"tags": [{"name": "hot"}, {"name": "VIP"}], "ids": [one_, two, "1"]}
    answer = us.post("Leads/actions/add_tags", body)
    assert (answer.status_code, answer.json()["success_count"]) == (207, "2")
    assert [tag["name"] for tag in one(us, "Leads", two)["Tag"]] == ["hot", "vip"]
    us.post(f"Leads/{two}/actions/remove_tags", {"tags": [{"name": "vip"}]})
    assert [tag["name"] for tag in one(us, "Leads", two)["Tag"]] == ["hot"]
    assert {tag["name"] for tag in us.get("settings/tags", module="Leads").json()["tags"]} == {"hot", "vip"}
    assert us.refusal("Leads", {"Last_Name": "x", "Company": "y", "Tag": [{"name": "x" * 26}]})["details"][
        "maximum_length"
    ] == 25  # fmt: skip


def test_notes_and_attachments_hang_at_a_record(us: Client) -> None:
    lead = us.lead()
    note = us.post(f"Leads/{lead}/Notes", {"data": [{"Note_Title": "t", "Note_Content": "c"}]})
    assert note.status_code == 201
    assert us.get(f"Leads/{lead}/Notes").json()["code"] == "REQUIRED_PARAM_MISSING"
    row = us.get(f"Leads/{lead}/Notes", fields="Note_Title,Parent_Id").json()["data"][0]
    assert (row["Note_Title"], row["Parent_Id"]["module"]["api_name"]) == ("t", "Leads")
    path = f"/crm/v8/Leads/{lead}/Attachments"
    made = us.http.post(path, files={"file": ("a.txt", b"hello")}).json()["data"][0]["details"]["id"]
    assert us.get(f"Leads/{lead}/Attachments", fields="File_Name").json()["data"][0]["Size"] == "5"
    assert us.http.get(f"{path}/{made}").content == b"hello"
    assert us.delete(f"Leads/{lead}/Attachments/{made}").status_code == 200
    assert us.http.get(f"{path}/{made}").status_code == 204


@pytest.mark.parametrize(
    ("data_type", "more", "sent", "read"),
    [
        ("subform", {}, [{"Name": "r"}], ["Name", "r"]),
        ("multiselectlookup", {"multiselectlookup": {"connected_details": {"module": {"api_name": "Leads"}}}}, "lead",
         ["Made", "lead"]),
        ("multi_module_lookup", {"multi_module_lookup": {"modules": [{"api_name": "Leads"}]}}, "lead", None),
        ("autonumber", {"auto_number": {"prefix": "N-", "start_number": 7}}, None, "N-7"),
        ("formula", {"formula": {"return_type": "double", "expression": "1"}}, None, None),
        ("userlookup", {}, None, None),
    ],
)  # fmt: skip
def test_fields_of_the_wider_types_can_be_created(us: Client, data_type: str, more: Json, sent: Any, read: Any) -> None:
    body = {"fields": [{"field_label": "Made", "data_type": data_type, **more}]}
    answer = us.http.post("/crm/v8/settings/fields", params={"module": "Vendors"}, json=body)
    assert answer.status_code == 201, answer.text
    lead = {"id": us.lead()}
    value = (
        lead if sent == "lead" and data_type == "multi_module_lookup" else [{"Made": lead}] if sent == "lead" else sent
    )
    whole = one(us, "Vendors", us.insert("Vendors", {"Vendor_Name": "v", "Made": value})[0])
    if sent == "lead" and read is None:
        assert whole["Made"]["id"] == lead["id"]
    elif isinstance(read, list):
        assert whole["Made"][0][read[0]] == (read[1] if read[1] != "lead" else {"name": "Lee", **lead})
    else:
        assert whole["Made"] == read
    described = us.get("settings/fields/Made", module="Vendors").json()["fields"][0]
    path = f"/crm/v8/settings/fields/{described['id']}"
    patched = us.http.patch(path, params={"module": "Vendors"}, json={"fields": [{"field_label": "Other"}]})
    assert patched.json()["fields"][0]["code"] == "SUCCESS"
    assert us.http.delete(path, params={"module": "Vendors"}).status_code == 200
    assert us.get("settings/fields/Made", module="Vendors").status_code == 204
    assert us.http.delete("/crm/v8/settings/fields/Email", params={"module": "Vendors"}).json()["code"] == "NOT_ALLOWED"


def test_how_the_org_is_set_up_can_be_read(us: Client) -> None:
    for path, key in (("settings/roles", "roles"), ("settings/profiles", "profiles"), ("org/currencies", "currencies")):
        listed = us.get(path).json()[key]
        alone = us.get(f"{path}/{listed[0]['id']}").json()[key][0]
        assert {name: alone[name] for name in listed[0]} == listed[0]
    lists = {
        one["api_name"]: one for one in us.get("settings/related_lists", module="Accounts").json()["related_lists"]
    }
    assert set(lists) >= {"Contacts", "Deals", "Notes", "Accounts", "Cases"}
    features = us.get("__features", module="Projects", api_names="custom_fields").json()["__features"][0]
    assert features["details"]["used_count"]["total"] > 10


def test_related_records_are_read_linked_and_unlinked(us: Client) -> None:
    account = us.insert("Accounts", {"Account_Name": "a"})[0]
    ann, bob = us.insert("Contacts", {"Last_Name": "Ann"}, {"Last_Name": "Bob"})
    path = f"Accounts/{account}/Contacts"
    assert us.get(path, fields="Last_Name").status_code == 204
    linked = us.put(path, {"data": [{"id": ann}, {"id": bob}, {"id": "1"}]})
    assert linked.status_code == 207
    first = us.get(path, fields="Last_Name", per_page=1, sort_order="asc").json()
    token = first["info"]["next_page_token"]
    second = us.get(path, fields="Last_Name", per_page=1, sort_order="asc", page_token=token).json()
    assert [page["data"][0]["id"] for page in (first, second)] == [ann, bob]
    assert us.delete(path, ids=ann).status_code == 200
    assert [row["id"] for row in us.get(path, fields="Last_Name").json()["data"]] == [bob]
    assert us.get(f"Accounts/{account}/Nothing", fields="id,x").status_code == 400


def test_records_are_given_to_another_owner(us: Client) -> None:
    one_, two = us.lead(), us.lead()
    users = us.get("users", type="ActiveConfirmedUsers").json()["users"]
    answer = us.post("Leads/actions/change_owner", {"ids": [one_, "1"], "owner": {"id": users[1]["id"]}})
    assert (answer.status_code, one(us, "Leads", one_)["Owner"]["id"]) == (207, users[1]["id"])
    assert us.post(f"Leads/{two}/actions/change_owner", {"owner": {"id": "5"}}).status_code == 400
    assert us.post(f"Leads/{two}/actions/change_owner", {"owner": {"id": users[2]["id"]}}).status_code == 200
