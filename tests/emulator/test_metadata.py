"""Modules, fields, layouts, users and the org (facts 6, 12.8), and schema changes behind the client's back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json

KEYS = """id api_name field_label display_label data_type json_type length decimal_place system_mandatory read_only
field_read_only visible type custom_field virtual_field unique external lookup multi_module_lookup multiselectlookup
multiuserlookup associated_module pick_list_values pick_list_values_sorted_lexically global_picklist default_value
operation_type view_type filterable searchable sortable mass_update currency formula rollup_summary auto_number crypt
private hipaa_compliance history_tracking convert_mapping layout_associations profiles created_source created_time
modified_time column_name ui_type display_type tooltip textarea parent_field child_fields range"""
FIELD_KEYS = KEYS.split()


def fields(client: Client, module: str) -> dict[str, Json]:
    answer = client.get("settings/fields", module=module)
    return {item["api_name"]: item for item in answer.json()["fields"]}


@pytest.mark.parametrize("module", ["Leads", "Contacts", "Accounts", "Deals"])
def test_every_field_has_every_documented_key(us: Client, module: str) -> None:
    described = fields(us, module)
    assert 25 <= len(described) <= 50
    assert all(set(FIELD_KEYS) <= set(item) for item in described.values())
    types = {"string", "integer", "double", "boolean", "jsonarray", "jsonobject"}
    assert {item["json_type"] for item in described.values()} <= types


def test_lengths_marks_and_lists_are_zohos(us: Client) -> None:
    leads = fields(us, "Leads")
    assert (leads["Last_Name"]["length"], leads["Last_Name"]["system_mandatory"]) == (80, True)
    assert (leads["Company"]["length"], leads["Description"]["length"]) == (200, 32_000)
    assert leads["Full_Name"]["operation_type"]["api_update"] is False
    assert "Trade Show" in [value["actual_value"] for value in leads["Lead_Source"]["pick_list_values"]]
    lookup = fields(us, "Contacts")["Account_Name"]["lookup"]
    assert lookup["module"]["api_name"] == "Accounts"


def test_the_customer_number_is_unique_in_the_target_only(us: Client, india: Client) -> None:
    assert fields(us, "Contacts")["Customer_Number"]["unique"] == {"case_sensitive": False}
    assert fields(india, "Contacts")["Customer_Number"]["unique"] == {}


def test_metadata_of_an_unknown_module_is_refused(us: Client) -> None:
    assert us.get("settings/fields", module="Unicorns").json()["code"] == "INVALID_MODULE"
    assert us.get("settings/fields").json()["details"] == {"param_name": "module"}
    assert us.get("settings/modules/Unicorns").status_code == 400


def test_modules_and_layouts_list_what_exists(us: Client) -> None:
    names = [item["api_name"] for item in us.get("settings/modules").json()["modules"]]
    assert names[:4] == ["Leads", "Accounts", "Contacts", "Deals"]
    assert set(names) >= {
        "Products", "Vendors", "Price_Books", "Campaigns", "Cases", "Tasks", "Events", "Calls", "Notes", "Quotes",
        "Quoted_Items", "Projects", "Milestones",
    }  # fmt: skip
    kinds = {item["api_name"]: item["generated_type"] for item in us.get("settings/modules").json()["modules"]}
    assert (kinds["Projects"], kinds["Milestones"]) == ("custom", "subform")
    assert us.get("settings/modules/Deals").json()["modules"][0]["api_supported"] is True
    layout = us.get("settings/layouts", module="Deals").json()["layouts"][0]
    assert "Stage" in [item["api_name"] for item in layout["sections"][0]["fields"]]


def test_users_come_by_type_and_by_page(us: Client, india: Client) -> None:
    def emails(client: Client, kind: str, **more: Any) -> list[str]:
        return [user["email"] for user in client.get("users", type=kind, **more).json()["users"]]

    assert emails(us, "CurrentUser") == ["pat.doe@example.com"]
    assert set(emails(india, "ActiveConfirmedUsers")) - set(emails(us, "ActiveConfirmedUsers")) == {
        "ravi.menon@example.com"
    }
    assert "old.hand@example.com" in emails(us, "DeactiveUsers")
    assert len(emails(us, "AllUsers", page=2, per_page=3)) == 3
    assert us.get("users", type="Martians").status_code == 400
    assert us.get("users", type="AllUsers", page=9).status_code == 204


def test_the_org_tells_its_zone_edition_and_licences(us: Client) -> None:
    org = us.get("org").json()["org"][0]
    assert (org["time_zone"], org["type"]) == ("America/Los_Angeles", "production")
    assert org["license_details"]["paid_type"] == "enterprise"


def test_a_unique_key_field_is_created_by_the_api_for_ten_credits(us: Client) -> None:
    wanted = {
        "field_label": "Source Record ID",
        "data_type": "text",
        "length": 60,
        "unique": {"casesensitive": "false"},
    }
    answer = us.post("settings/fields", {"fields": [wanted]}, module="Leads")
    made = fields(us, "Leads")["Source_Record_ID"]
    assert (answer.status_code, answer.json()["fields"][0]["details"]["id"]) == (201, made["id"])
    assert (made["custom_field"], made["length"], made["unique"]) == (True, 60, {"case_sensitive": False})
    assert us.org.credits()["by_kind"]["create_field"] == 10
    us.lead(Source_Record_ID="1:1")
    refusal = us.refusal("Leads", {"Last_Name": "x", "Company": "y", "Source_Record_ID": "1:1"})
    assert refusal["code"] == "DUPLICATE_DATA"


@pytest.mark.parametrize(
    ("wanted", "code"),
    [
        ({"data_type": "text"}, "MANDATORY_NOT_FOUND"),
        ({"field_label": "x", "data_type": "magic"}, "INVALID_DATA"),
        ({"field_label": "x", "data_type": "text", "length": 10**6}, "INVALID_DATA"),
        ({"field_label": "Last Name", "data_type": "text"}, "DUPLICATE_DATA"),
        ({"field_label": "x", "data_type": "picklist"}, "MANDATORY_NOT_FOUND"),
        ({"field_label": "x", "data_type": "textarea", "unique": {"a": 1}}, "INVALID_DATA"),
    ],
)
def test_impossible_fields_are_refused(us: Client, wanted: Json, code: str) -> None:
    answer = us.post("settings/fields", {"fields": [wanted]}, module="Leads")
    assert (answer.status_code, answer.json()["fields"][0]["code"]) == (400, code)


def test_a_renamed_field_keeps_its_values(us: Client) -> None:
    us.insert("Contacts", {"Last_Name": "x", "Customer_Number": "C-1"})
    us.org.change_field("Contacts", "Customer_Number", api_name="Client_No")
    row = us.get("Contacts", fields="Client_No,Customer_Number").json()["data"][0]
    assert (row["Client_No"], "Customer_Number" in row) == ("C-1", False)
    assert us.coql("select id from Contacts where Client_No = 'C-1'").status_code == 200


def test_schema_changes_take_effect_at_once(emu: Emulator, us: Client) -> None:
    us.org.change_field("Leads", "City", length=3, unique=True, mandatory=True)
    record = {"Last_Name": "x", "Company": "y"}
    assert us.refusal("Leads", record)["code"] == "MANDATORY_NOT_FOUND"
    assert us.refusal("Leads", {**record, "City": "Graz"})["details"]["maximum_length"] == 3
    us.insert("Leads", {**record, "City": "Ulm"})
    assert us.refusal("Leads", {**record, "City": "ulm"})["code"] == "DUPLICATE_DATA"
    us.org.remove_field("Leads", "City")
    assert "City" not in fields(us, "Leads")
    emu.reset()
    assert fields(us, "Leads")["City"]["length"] == 100


@pytest.mark.parametrize("data_type", ["text", "currency"])
@pytest.mark.parametrize(
    ("said", "fault"),
    [
        *[
            ({name: 7}, ("INVALID_DATA", f".{name}", "jsonobject"))
            for name in "formula auto_number rollup_summary textarea external tooltip crypt private lookup".split()  # noqa: SIM905
        ],
        ({"unique": True}, ("INVALID_DATA", ".unique", "jsonobject")),
        ({"currency": []}, ("INVALID_DATA", ".currency", "jsonobject")),
        ({"subform": {"module": 1}}, ("INVALID_DATA", ".subform.module", "string")),
        ({"decimal_place": "two"}, ("INVALID_DATA", ".decimal_place", "integer")),
        ({"decimal_place": 77}, ("INVALID_DATA", ".decimal_place", None)),
        ({"currency": {"rounding_option": "up"}}, ("INVALID_DATA", ".currency.rounding_option", None)),
        ({"external": {"type": "planet"}}, ("INVALID_DATA", ".external.type", None)),
        ({"textarea": {"type": "huge"}}, ("INVALID_DATA", ".textarea.type", None)),
        ({"profiles": {}}, ("INVALID_DATA", ".profiles", "jsonarray")),
        ({"profiles": [5]}, ("INVALID_DATA", ".profiles[0]", "jsonobject")),
        ({"profiles": [{"permission_type": "read_only"}]}, ("MANDATORY_NOT_FOUND", ".profiles[0].id", None)),
        ({"profiles": [{"id": "5", "permission_type": "read_only"}]}, ("INVALID_DATA", ".profiles[0].id", None)),
        ({"default_value": {}}, ("INVALID_DATA", ".default_value", None)),
        ({"visible": "perhaps"}, ("INVALID_DATA", ".visible", "boolean")),
        ({"pick_list_values": ["a"]}, ("INVALID_DATA", ".pick_list_values[0]", "jsonobject")),
    ],
)
def test_each_key_of_a_new_field_has_its_type(us: Client, data_type: str, said: Json, fault: tuple[str, ...]) -> None:
    wanted = {"field_label": "Odd", "data_type": data_type, **said}
    answer = us.post("settings/fields", {"fields": [wanted]}, module="Leads")
    element, code, path, expected = answer.json()["fields"][0], *fault
    assert (answer.status_code, element["code"]) == (400, code)
    assert element["details"]["json_path"] == f"$.fields[0]{path}"
    assert path.split(".")[-1].split("[")[0] == element["details"]["api_name"]
    assert element["details"].get("expected_data_type") == expected
    assert "Odd" not in fields(us, "Leads")


@pytest.mark.parametrize(
    ("data_type", "said", "path"),
    [
        ("formula", {}, "formula"),
        ("formula", {"formula": {"return_type": "double"}}, "formula.expression"),
        ("autonumber", {"auto_number": {"prefix": "A"}}, "auto_number.start_number"),
        ("rollup_summary", {"rollup_summary": {"related_list": {}}}, "rollup_summary.expression"),
        ("lookup", {"lookup": {}}, "lookup.module"),
    ],
)
def test_a_data_type_demands_its_own_object(us: Client, data_type: str, said: Json, path: str) -> None:
    wanted = {"field_label": "Odd", "data_type": data_type, **said}
    element = us.post("settings/fields", {"fields": [wanted]}, module="Leads").json()["fields"][0]
    assert (element["code"], element["details"]["json_path"]) == ("MANDATORY_NOT_FOUND", f"$.fields[0].{path}")


def test_what_a_field_was_created_with_is_shown(us: Client) -> None:
    profile = us.get("settings/profiles").json()["profiles"][0]["id"]
    said = {
        "field_label": "Toll", "data_type": "currency", "decimal_place": 3, "default_value": "1.5",
        "tooltip": {"name": "info_icon", "value": "per mile"},
        "currency": {"rounding_option": "round_up", "precision": 3},
        "profiles": [{"id": profile, "permission_type": "read_write"}],
    }  # fmt: skip
    assert us.post("settings/fields", {"fields": [said]}, module="Leads").status_code == 201
    made = fields(us, "Leads")["Toll"]
    assert {name: made[name] for name in said if name != "profiles"} == {
        name: value for name, value in said.items() if name != "profiles"
    }


def test_modules_answer_304_until_metadata_changes(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    since = {"If-Modified-Since": us.lead() and "2020-01-01T00:00:00+00:00"}
    assert us.get("settings/modules", headers=since).status_code == 304
    us.org.add_field("Leads", field_label="Fresh", data_type="text")
    changed = us.get("settings/modules", headers=since).json()["modules"]
    assert [one["api_name"] for one in changed] == ["Leads"]
    stamp = {"If-Modified-Since": changed[0]["modified_time"]}
    assert us.get("settings/modules", headers=stamp).status_code == 200
    emu.clock(advance=5)
    later = {"If-Modified-Since": us.get("Leads", fields="Created_Time").headers["date"]}
    assert us.get("settings/modules", headers=later).status_code == 304
    us.org.remove_field("Leads", "Fresh")
    assert us.get("settings/modules/Leads", headers=later).status_code == 200
    assert us.get("settings/modules/Deals", headers=later).status_code == 304
    assert us.get("settings/modules", headers={"If-Modified-Since": "yesterday"}).json()["code"] == "INVALID_DATA"
    emu.clock(resume=True)


def test_users_answer_304_until_one_changes(us: Client) -> None:
    since = {"If-Modified-Since": "2026-01-01T00:00:00+00:00"}
    assert us.get("users", headers=since).status_code == 304
    planted(us, "Crm_Implied_View_Leads", user="grace.kim@example.com")
    assert [one["email"] for one in us.get("users", headers=since).json()["users"]] == ["grace.kim@example.com"]


def test_modules_are_chosen_by_status_and_enriched(us: Client) -> None:
    for wrong in ({"status": "zzz"}, {"status": "visible,zzz"}, {"include": "zzz"}):
        refused = us.get("settings/modules", **wrong)
        name = next(iter(wrong))
        assert (refused.status_code, refused.json()["details"]) == (400, {"param_name": name})
    assert us.get("settings/modules", status="user_hidden").status_code == 204
    assert len(us.get("settings/modules", status="visible,user_hidden").json()["modules"]) > 15
    lead = us.get("settings/modules", include="fields,layouts,custom_view,related_lists").json()["modules"][0]
    assert {"Last_Name", "id"} <= {one["api_name"] for one in lead["fields"]}
    assert (lead["layouts"][0]["name"], lead["custom_view"]["name"]) == ("Standard", "All Leads")


def planted(us: Client, *denied: str, user: str = "asha.iyer@example.com") -> httpx.Client:
    """A client whose user's profile lacks these permissions."""
    control = us.org._emulator.control_url
    answer = httpx.post(f"{control}/orgs/us/profiles", json={"name": "Sync", "denied": denied, "users": [user]})
    assert answer.status_code == 200, answer.text
    token = httpx.post(f"{control}/orgs/us/refresh_tokens", json={"user": user}).json()["refresh_token"]
    asked = {"grant_type": "refresh_token", "refresh_token": token}
    asked |= {"client_id": us.org.client_id, "client_secret": us.org.client_secret}
    access = httpx.post(f"{us.org.accounts_url}/oauth/v2/token", data=asked).json()["access_token"]
    return httpx.Client(base_url=f"{us.org.base_url}/crm/v8", headers={"Authorization": f"Zoho-oauthtoken {access}"})


@pytest.mark.parametrize(
    ("denied", "method", "path"),
    [
        ("View_Leads", "GET", "Leads?fields=Last_Name"),
        ("View_Leads", "GET", "Leads/deleted"),
        ("View_Leads", "GET", "settings/fields?module=Leads"),
        ("Create_Leads", "POST", "Leads"),
        ("Create_Leads", "POST", "Leads/upsert"),
        ("Edit_Leads", "PUT", "Leads"),
        ("Delete_Leads", "DELETE", "Leads?ids=1"),
        ("Customize_Zoho_CRM", "POST", "settings/fields?module=Leads"),
        ("Manage_Profiles", "GET", "settings/profiles"),
        ("Api_Access", "GET", "org"),
    ],
)
def test_a_profile_that_lacks_a_right_gets_no_permission(us: Client, denied: str, method: str, path: str) -> None:
    us.lead()
    with planted(us, f"Crm_Implied_{denied}") as caller:
        body = {"data": [{"Last_Name": "x", "Company": "y"}]} if method in ("POST", "PUT") else None
        refused = caller.request(method, f"/{path}", json=body)
        assert (refused.status_code, refused.json()) == (
            403,
            {
                "code": "NO_PERMISSION",
                "details": {"permissions": [f"Crm_Implied_{denied}"]},
                "message": "permission denied",
                "status": "error",
            },
        )
        assert denied == "Api_Access" or caller.get("/Deals?fields=Deal_Name").status_code == 204


def test_coql_needs_the_right_to_view(us: Client) -> None:
    us.lead()
    with planted(us, "Crm_Implied_View_Leads") as caller:
        query = {"select_query": "select id from Leads where id is not null"}
        assert caller.post("/coql", json=query).status_code == 403


def test_the_rights_of_the_user_can_be_read(us: Client) -> None:
    with planted(us, "Crm_Implied_Delete_Leads") as caller:
        me = caller.get("/users?type=CurrentUser").json()["users"][0]
        assert (me["email"], me["profile"]["name"]) == ("asha.iyer@example.com", "Sync")
        profile = caller.get(f"/settings/profiles/{me['profile']['id']}").json()["profiles"][0]
        off = [one["name"] for one in profile["permissions_details"] if not one["enabled"]]
        assert off == ["Crm_Implied_Delete_Leads"]
        ids = {one["id"] for one in profile["permissions_details"]}
        assert ids == {
            n for part in profile["sections"] for one in part["categories"] for n in one["permissions_details"]
        }
        leads = caller.get("/settings/modules/Leads").json()["modules"][0]
        assert (leads["viewable"], leads["deletable"]) == (True, False)
        assert "permissions_details" not in caller.get("/settings/profiles").json()["profiles"][0]


def test_custom_views_are_listed_and_filter_lists(emu: Emulator, us: Client) -> None:
    us.insert(
        "Leads", *({"Last_Name": name, "Company": "c", "City": city} for name, city in (("a", "Ulm"), ("b", None)))
    )
    listed = us.get("settings/custom_views", module="Leads").json()
    assert [one["system_name"] for one in listed["custom_views"]] == ["ALLVIEWS", "MYVIEWS"]
    assert (listed["info"]["default"], listed["info"]["count"]) == (listed["custom_views"][0]["id"], 2)
    criteria = {"comparator": "equal", "field": {"api_name": "City"}, "value": "Ulm"}
    made = httpx.post(f"{emu.control_url}/orgs/us/views/Leads", json={"name": "In Ulm", "criteria": criteria}).json()
    view = us.get(f"settings/custom_views/{made['id']}", module="Leads").json()["custom_views"][0]
    assert view["criteria"]["field"]["id"] == fields(us, "Leads")["City"]["id"]
    rows = us.get("Leads", fields="Last_Name", cvid=made["id"]).json()["data"]
    assert [row["Last_Name"] for row in rows] == ["a"]
    mine = listed["custom_views"][1]["id"]
    assert len(us.get("Leads", fields="Last_Name", cvid=mine).json()["data"]) == 2
    for unknown in ("5", "x", ""):
        assert us.get("Leads", fields="Last_Name", cvid=unknown).json()["code"] == "INVALID_DATA"
    assert us.get("settings/custom_views/5", module="Leads").status_code == 400
    assert us.get("settings/custom_views").json()["details"] == {"param_name": "module"}
    wrong = httpx.post(f"{emu.control_url}/orgs/us/views/Leads", json={"name": "x", "criteria": {"comparator": "is"}})
    assert wrong.status_code == 400


def test_every_module_has_its_record_id_and_documented_json_types(us: Client) -> None:
    types = {"string", "integer", "double", "boolean", "jsonarray", "jsonobject"}
    for module in us.get("settings/modules").json()["modules"]:
        described = fields(us, module["api_name"])
        assert described["id"]["data_type"] == "bigint"
        assert {one["json_type"] for one in described.values()} <= types
    assert fields(us, "Price_Books")["Pricing_Details"]["json_type"] == "jsonarray"
    assert fields(us, "Projects")["Milestones"]["associated_module"]["module"] == "Milestones"


@pytest.mark.parametrize("said", [{"unique": 5}, {"tooltip": []}, {"length": "x"}, {"profiles": [1]}, {"visible": 7}])
def test_a_change_of_a_field_is_checked_alike(us: Client, said: Json) -> None:
    number, before = fields(us, "Leads")["City"]["id"], fields(us, "Leads")["City"]
    path = f"/crm/v8/settings/fields/{number}"
    answer = us.http.patch(path, params={"module": "Leads"}, json={"fields": [{"field_label": "Town", **said}]})
    element = answer.json()["fields"][0]
    assert (answer.status_code, element["code"]) == (400, "INVALID_DATA")
    assert element["details"]["expected_data_type"]
    assert fields(us, "Leads")["City"] == before
