"""Insert, update, delete and the refusal of records (facts 4, 5)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


def test_an_insert_answers_201_with_stamps(us: Client) -> None:
    answer = us.post("Leads", {"data": [{"Last_Name": "x", "Company": "y"}]})
    element = answer.json()["data"][0]
    assert (answer.status_code, element["code"], element["message"]) == (201, "SUCCESS", "record added")
    assert set(element["details"]) >= {"id", "Modified_Time", "Created_Time", "Modified_By", "Created_By"}
    assert us.org.records("Leads")[0]["Modified_Time"] == element["details"]["Modified_Time"]


def test_a_mixed_batch_is_207_in_input_order(us: Client) -> None:
    answer = us.post("Leads", {"data": [{"Company": "y"}, {"Last_Name": "x", "Company": "y"}, 5]})
    assert answer.status_code == 207
    assert [element["code"] for element in answer.json()["data"]] == ["MANDATORY_NOT_FOUND", "SUCCESS", "INVALID_DATA"]


def test_a_hundred_records_fit_and_one_more_does_not(us: Client) -> None:
    records = [{"Last_Name": str(n), "Company": "c"} for n in range(101)]
    assert us.post("Leads", {"data": records[:100]}).status_code == 201
    refused = us.post("Leads", {"data": records})
    assert refused.json()["data"][0]["details"] == {"maximum_length": 100, "api_name": "data"}
    assert len(us.org.records("Leads")) == 100


@pytest.mark.parametrize(
    ("field", "value", "details"),
    [
        ("Email", "not an address", {"expected_data_type": "email"}),
        ("Last_Name", "x" * 81, {"maximum_length": 80}),
        ("Last_Name", None, {}),
        ("Last_Name", 7, {"expected_data_type": "string"}),
        ("No_of_Employees", "many", {"expected_data_type": "integer"}),
        ("No_of_Employees", True, {"expected_data_type": "integer"}),
        ("Annual_Revenue", "1", {"expected_data_type": "double"}),
        ("Email_Opt_Out", "true", {"expected_data_type": "boolean"}),
        ("Phone", "☎", {"expected_data_type": "phone"}),
        ("Description", "x" * 32_001, {"maximum_length": 32_000}),
        ("Owner", {"id": "1"}, {}),
        ("Owner", 5, {"expected_data_type": "jsonobject"}),
    ],
)
def test_a_bad_value_is_refused_at_its_path(us: Client, field: str, value: Any, details: dict[str, Any]) -> None:
    element = us.refusal("Leads", {"Last_Name": "x", "Company": "y", field: value})
    assert element["details"]["json_path"] == f"$.data[0].{field}"
    assert details.items() <= element["details"].items()
    assert element["code"] == ("MANDATORY_NOT_FOUND" if value is None else "INVALID_DATA")
    assert us.org.records("Leads") == []


def test_values_of_every_type_come_back_as_they_were_sent(us: Client) -> None:
    sent = {
        "Last_Name": " é e\u0301 \u200f👩\u200d👧 ", "Languages": ["Hindi", "中文"], "Date_of_Birth": "1999-12-31",
        "Loyalty_Points": "-123456789012345678", "Email_Opt_Out": True, "Description": "a\nb\\\"'",
    }  # fmt: skip
    number = us.insert("Contacts", {**sent, "Last_Meeting": "2026-01-01T00:00:00+05:30"})[0]
    row = us.get(f"Contacts/{number}").json()["data"][0]
    assert {name: row[name] for name in sent} == sent
    assert row["Last_Meeting"] == "2025-12-31T10:30:00-08:00"


def test_a_lookup_to_a_missing_record_refuses_the_whole_record(us: Client) -> None:
    element = us.refusal("Contacts", {"Last_Name": "x", "Account_Name": {"id": "5100000000000999999"}})
    assert element["code"] == "INVALID_DATA"
    assert element["details"] == {"api_name": "Account_Name", "json_path": "$.data[0].Account_Name"}


def test_unknown_picklist_values_pass_unless_the_quirk_rejects_them(emu: Emulator, us: Client) -> None:
    record = {"Last_Name": "x", "Company": "y", "Lead_Source": "Pigeon"}
    us.insert("Leads", record)
    us.org.quirks(unknown_picklist="reject")
    element = us.refusal("Leads", record)
    assert element["details"]["json_path"] == "$.data[0].Lead_Source"
    assert "Trade Show" in element["details"]["supported_values"]


def test_a_unique_value_names_the_record_that_has_it(us: Client, india: Client) -> None:
    record = {"Last_Name": "x", "Customer_Number": "C-1"}
    holder = us.insert("Contacts", record)[0]
    element = us.refusal("Contacts", {**record, "Customer_Number": "c-1"})
    assert (element["code"], element["details"]["id"]) == ("DUPLICATE_DATA", holder)
    assert element["details"]["duplicate_record"]["module"]["api_name"] == "Contacts"
    assert len(india.insert("Contacts", record, record)) == 2


def test_a_unique_field_minds_the_case_only_if_it_says_so(us: Client) -> None:
    key = us.org.add_field("Contacts", field_label="Key", data_type="text", unique={"case_sensitive": True})
    us.insert("Contacts", {"Last_Name": "x", key: "k"}, {"Last_Name": "x", key: "K"})
    assert us.refusal("Contacts", {"Last_Name": "x", key: "K"})["code"] == "DUPLICATE_DATA"


def test_two_unique_clashes_come_together(us: Client) -> None:
    key = us.org.add_field("Contacts", field_label="Key", data_type="text", unique={"case_sensitive": False})
    us.insert("Contacts", {"Last_Name": "x", "Customer_Number": "1", key: "k"})
    element = us.refusal("Contacts", {"Last_Name": "x", "Customer_Number": "1", key: "k"})
    assert element["code"] == "MULTIPLE_OR_MULTI_ERRORS"
    assert {one["details"]["api_name"] for one in element["details"]["errors"]} == {"Customer_Number", key}


def test_an_update_changes_only_what_it_names(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    number = us.lead(City="Graz", State="Styria")
    emu.clock(advance=3)
    answer = us.put("Leads", {"data": [{"id": number, "City": None, "Country": "AT"}]})
    row = us.org.record("Leads", number)
    assert row is not None
    assert (answer.status_code, row["City"], row["State"], row["Country"]) == (200, None, "Styria", "AT")
    assert row["Modified_Time"] > row["Created_Time"]


def test_updates_need_an_id_that_exists(us: Client) -> None:
    absent = us.put("Leads", {"data": [{"City": "x"}]}).json()["data"][0]
    unknown = us.put("Leads", {"data": [{"id": "5100000000000999999", "City": "x"}]}).json()["data"][0]
    malformed = us.put("Leads", {"data": [{"id": "abc", "City": "x"}]}).json()["data"][0]
    assert [absent["code"], unknown["code"], malformed["code"]] == [
        "MANDATORY_NOT_FOUND",
        "INVALID_DATA",
        "INVALID_DATA",
    ]
    assert unknown["details"] == {"id": "5100000000000999999"}


def test_if_unmodified_since_loses_with_412(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    number = us.lead()
    before = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    emu.clock(advance=2)
    us.org.edit("Leads", number, {"City": "Graz"})
    lost = us.put(f"Leads/{number}", {"data": [{"City": "x"}]}, headers={"If-Unmodified-Since": before})
    assert (lost.status_code, lost.json()["data"][0]["code"]) == (412, "ALREADY_MODIFIED")
    now = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    won = us.put(f"Leads/{number}", {"data": [{"City": "x"}]}, headers={"If-Unmodified-Since": now})
    assert won.status_code == 200


def test_locked_records_refuse_updates(us: Client) -> None:
    number = us.lead()
    us.org.edit("Leads", number, {"Locked__s": True})
    element = us.put(f"Leads/{number}", {"data": [{"City": "x"}]}).json()["data"][0]
    assert element["code"] == "RECORD_LOCKED"


def test_the_log_tells_which_automations_would_have_run(us: Client) -> None:
    us.lead()
    us.post("Leads", {"data": [{"Last_Name": "x", "Company": "y"}], "trigger": []})
    us.post("Leads", {"data": [{"Last_Name": "x", "Company": "y"}], "trigger": ["workflow"]})
    ran = [[one["features"] for one in entry["automations"]] for entry in us.org.log(kind="insert")]
    assert ran == [[["approval", "workflow", "blueprint", "pathfinder", "orchestration"]], [], [["workflow"]]]
    assert us.post("Leads", {"data": [{}], "trigger": ["magic"]}).status_code == 400


def test_an_update_that_empties_a_mandatory_field_names_its_record(us: Client) -> None:
    number = us.lead()
    element = us.put(f"Leads/{number}", {"data": [{"Last_Name": None}]}).json()["data"][0]
    assert element["details"] == {"api_name": "Last_Name", "json_path": "$.data[0].Last_Name", "id": number}


def test_append_values_adds_to_a_multi_select(us: Client) -> None:
    number = us.insert("Contacts", {"Last_Name": "x", "Languages": ["German"]})[0]
    us.put(f"Contacts/{number}", {"data": [{"Languages": ["Hindi"], "$append_values": {"Languages": True}}]})
    row = us.org.record("Contacts", number)
    assert row is not None
    assert row["Languages"] == ["German", "Hindi"]


def test_unknown_keys_are_ignored_or_rejected_by_quirk(emu: Emulator, us: Client) -> None:
    record = {"Last_Name": "x", "Company": "y", "Nonsense": 1, "Full_Name": "z"}
    us.insert("Leads", record)
    emu.quirks(unknown_key="reject")
    assert us.refusal("Leads", record)["details"]["api_name"] == "Nonsense"


def test_failed_writes_can_answer_202_as_old_versions_did(emu: Emulator, us: Client) -> None:
    emu.quirks(failed_write_status="202")
    assert us.post("Leads", {"data": [{}]}).status_code == 202


def test_delete_and_the_deleted_list(emu: Emulator, us: Client) -> None:
    number = us.lead()
    mixed = us.delete("Leads", ids=f"{number},5100000000000999999")
    assert (mixed.status_code, [one["code"] for one in mixed.json()["data"]]) == (207, ["SUCCESS", "INVALID_DATA"])
    assert us.delete(f"Leads/{number}").json()["data"][0]["details"] == {"resource_path_index": 1}
    entry = us.get("Leads/deleted").json()["data"][0]
    assert (entry["id"], entry["type"], entry["display_name"]) == (number, "recycle", "Lee")
    assert us.get(f"Leads/{number}").status_code == 204
    emu.clock(advance=61 * 86_400)
    us.log_in()
    permanent = us.get("Leads/deleted").json()["data"][0]
    assert (permanent["type"], permanent["display_name"]) == ("permanent", None)
    emu.clock(advance=60 * 86_400)
    us.log_in()
    assert us.get("Leads/deleted").status_code == 204


def test_the_bin_keeps_names_for_sixty_days_and_the_list_ids_for_a_hundred_and_twenty(
    emu: Emulator, us: Client
) -> None:
    us.delete(f"Leads/{us.lead()}")
    seen = []
    for days in (59.99, 0.02, 59.98, 0.02):
        emu.clock(advance=days * 86_400)
        us.log_in()
        answer = us.get("Leads/deleted")
        row = answer.json()["data"][0] if answer.content else {"type": None}
        seen.append((row["type"], [key for key in row if row[key] is None]))
    empty = ["deleted_by", "display_name", "created_by"]
    assert seen == [("recycle", []), ("permanent", empty), ("permanent", empty), (None, ["type"])]


def test_the_deleted_list_filters_by_time_and_type(us: Client) -> None:
    number = us.lead()
    us.org.delete("Leads", number)
    at = us.get("Leads/deleted").json()["data"][0]["deleted_time"]
    assert us.get("Leads/deleted", headers={"If-Modified-Since": at}).status_code == 200
    assert us.get("Leads/deleted", headers={"If-Modified-Since": "2100-01-01T00:00:00Z"}).status_code == 304
    assert us.get("Leads/deleted", type="permanent").status_code == 204
    assert us.get("Leads/deleted", type="maybe").json()["code"] == "PATTERN_NOT_MATCHED"
    us.org.restore("Leads", number)
    assert us.get("Leads/deleted").status_code == 204
    assert us.get(f"Leads/{number}").status_code == 200


def test_a_service_that_is_down_refuses_the_record(us: Client) -> None:
    number = us.lead()
    us.org.edit("Leads", number, {"$dependency_error": "blueprint"})
    element = us.put(f"Leads/{number}", {"data": [{"City": "x"}]}).json()["data"][0]
    assert (element["code"], element["details"]) == ("DEPENDENT_SERVICE_ERROR", {"dependency_error": "blueprint"})


def test_if_unmodified_since_holds_for_upserts_too(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    number = us.lead(Email="a@example.com")
    before = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    emu.clock(advance=2)
    us.org.edit("Leads", number, {"City": "Graz"})
    body = {"data": [{"Last_Name": "x", "Company": "y", "Email": "a@example.com"}]}
    lost = us.http.post("/crm/v8/Leads/upsert", json=body, headers={"If-Unmodified-Since": before})
    assert (lost.status_code, lost.json()["data"][0]["code"]) == (412, "ALREADY_MODIFIED")
    details = lost.json()["data"][0]["details"]
    assert set(details) == {"Modified_Time", "Modified_By", "Created_Time", "Created_By", "id"}


@pytest.mark.parametrize(
    ("method", "path", "ok"), [("POST", "Leads", 201), ("PUT", "Leads", 200), ("POST", "Leads/upsert", 200)]
)
def test_the_status_tells_all_some_or_none(us: Client, method: str, path: str, ok: int) -> None:
    def good() -> dict[str, Any]:
        found = {"Last_Name": "x", "Company": "y"}
        return {**found, "id": us.lead()} if method == "PUT" else found

    bad = {"Last_Name": None, "id": us.lead()} if method == "PUT" else {"Last_Name": None}
    for data, status in (([good()], ok), ([good(), bad], 207), ([bad], 400)):
        answer = us.http.request(method, f"/crm/v8/{path}", json={"data": data})
        assert answer.status_code == status
        assert [one["status"] for one in answer.json()["data"]] == [
            "error" if one is bad else "success" for one in data
        ]
