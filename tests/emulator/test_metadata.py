"""Modules, fields, layouts, users and the org (facts 6, 12.8), and schema changes behind the client's back."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

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
