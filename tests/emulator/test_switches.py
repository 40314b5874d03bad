"""The switches of records, reads and COQL: each reading of a fact that nobody could confirm, seen from outside."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator

if TYPE_CHECKING:
    from tests.emulator.conftest import Client, Json

LEAD = {"Last_Name": "Lee", "Company": "Acme"}
GONE = "5100000000000999999"


def code_of(client: Client, module: str, record: Json) -> str:
    """What becomes of one insert."""
    element: Json = client.post(module, {"data": [record]}).json()["data"][0]
    return str(element["code"])


def of_first(client: Client, module: str, record: Json, *names: str) -> list[Any]:
    """Some values of a record after its insert."""
    row: Json = client.get(f"{module}/{client.insert(module, record)[0]}").json()["data"][0]
    return [row[name] for name in names]


def listed(client: Client, **params: Any) -> list[str]:
    answer = client.get("Leads", **{"fields": "Last_Name", **params})
    return [row["Last_Name"] for row in answer.json()["data"]] if answer.status_code == 200 else [answer.text]


def status(client: Client, path: str, **params: Any) -> int:
    return client.get(path, **params).status_code


def queried(client: Client, where: str) -> list[str] | int:
    answer = client.coql(f"select Last_Name from Leads where {where}")  # noqa: S608
    return [row["Last_Name"] for row in answer.json()["data"]] if answer.status_code == 200 else answer.status_code


def upserted(client: Client, record: Json, **more: Any) -> list[Any]:
    answer = client.post("Contacts/upsert", {"data": [record], **more}).json()
    element = answer.get("data", [answer])[0]
    return [element["code"], element.get("action"), element.get("duplicate_field")]


# --- probes that need more than a line


def emptied(us: Client) -> Any:
    number = us.lead(City="Graz")
    us.put(f"Leads/{number}", {"data": [{"City": None}]})
    return us.get(f"Leads/{number}").json()["data"][0]["City"]


def lookup_path(us: Client) -> str:
    element = us.refusal("Contacts", {"Last_Name": "x", "Account_Name": {"id": GONE}})
    return str(element["details"]["json_path"])


def two_faults(us: Client) -> str:
    return code_of(us, "Contacts", {"Email": "no", "Date_of_Birth": "no"})


def restored(us: Client) -> bool:
    before = us.get("users", type="ActiveUsers")
    assert before.status_code == 200
    number = us.lead()
    old = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    us.delete(f"Leads/{number}")
    us.org._emulator.clock(advance=10)
    us.org.restore("Leads", number)
    return bool(us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"] == old)


def lookup_to_binned(us: Client) -> Any:
    account = us.insert("Accounts", {"Account_Name": "Acme"})[0]
    contact = us.insert("Contacts", {"Last_Name": "x", "Account_Name": {"id": account}})[0]
    us.delete(f"Accounts/{account}")
    found = us.get(f"Contacts/{contact}").json()["data"][0]["Account_Name"]
    return found and found["name"]


def subform_listed(us: Client) -> bool:
    us.insert("Projects", {"Name": "p"})
    return "Milestones" in us.get("Projects", fields="Name,Milestones").json()["data"][0]


def in_blueprint(us: Client) -> str:
    number = us.lead()
    us.org.edit("Leads", number, {"$process_flow": True})
    return str(us.put(f"Leads/{number}", {"data": [{"City": "x"}]}).json()["data"][0]["code"])


def says_nothing(us: Client) -> str:
    return str(us.put("Leads", {"data": [{"id": us.lead()}]}).json()["data"][0]["code"])


def tag_moves(us: Client) -> bool:
    number = us.lead()
    old = us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"]
    us.org._emulator.clock(advance=10)
    us.post(f"Leads/{number}/actions/add_tags", {"tags": [{"name": "x"}]})
    return bool(us.get(f"Leads/{number}").json()["data"][0]["Modified_Time"] != old)


def tags_updated(us: Client) -> list[str]:
    number = us.lead(Tag=[{"name": "x"}])
    us.put(f"Leads/{number}", {"data": [{"Tag": [{"name": "y"}]}]})
    return [tag["name"] for tag in us.get(f"Leads/{number}").json()["data"][0]["Tag"]]


def pending(us: Client) -> list[str]:
    us.org.edit("Leads", us.lead(), {"$approval_state": "approval_process_pending"})
    assert listed(us, approved="both") == ["Lee"]
    return listed(us)


def second_token_page(us: Client) -> int:
    us.insert("Leads", *[LEAD] * 3)
    token = us.get("Leads", fields="Last_Name", per_page=2).json()["info"]["next_page_token"]
    return int(us.get("Leads", fields="Last_Name", per_page=2, page_token=token).json()["info"]["page"])


def expired_token(us: Client) -> list[str]:
    us.insert("Leads", *[LEAD] * 3)
    token = us.get("Leads", fields="Last_Name", per_page=2).json()["info"]["next_page_token"]
    us.org._emulator.clock(advance=86_401)
    us.log_in()
    details = us.get("Leads", fields="Last_Name", per_page=2, page_token=token).json()["details"]
    return sorted(details)


def deleted_order(us: Client) -> list[str]:
    for name in ("a", "b"):
        us.delete(f"Leads/{us.lead(Last_Name=name)}")
        us.org._emulator.clock(advance=5)
    return [row["display_name"] for row in us.get("Leads/deleted").json()["data"]]


def external_header(us: Client) -> int:
    us.insert("Projects", {"Name": "p", "ERP_Id": "e"})
    return us.get("Projects/e", headers={"X-EXTERNAL": "ERP_Id"}).status_code


def what_id_alone(us: Client) -> str:
    account = us.insert("Accounts", {"Account_Name": "a"})[0]
    return code_of(us, "Tasks", {"Subject": "t", "What_Id": {"id": account}})


def related_to(us: Client) -> list[str]:
    account = us.insert("Accounts", {"Account_Name": "a"})[0]
    task = us.insert("Tasks", {"Subject": "t", "What_Id": {"id": account}})[0]
    return list(us.get(f"Tasks/{task}").json()["data"][0]["What_Id"])


def id_of_rows(us: Client) -> list[str]:
    us.lead()
    return sorted(us.coql("select Last_Name from Leads where id is not null").json()["data"][0])


def people(us: Client) -> None:
    us.insert("Leads", {**LEAD, "Last_Name": "Ann", "City": "Graz"}, {**LEAD, "Last_Name": "bob"})


def after_people(where: str) -> Callable[[Client], Any]:
    def probe(us: Client) -> Any:
        people(us)
        return queried(us, where)

    return probe


def columns(us: Client) -> int:
    names = [item["api_name"] for item in us.get("settings/fields", module="Contacts").json()["fields"]]
    paths = [*names, *(f"Reporting_To.{name}" for name in names)]
    return us.coql(f"select {', '.join(paths[:51])} from Contacts where id is not null").status_code  # noqa: S608


DEAL = {"Deal_Name": "d", "Closing_Date": "2026-01-01", "Pipeline": "Renewals", "Stage": "Value Proposition"}
FIFTY_ONE = ",".join(f"'{n}'" for n in range(1, 52))
FUTURE = {"If-Modified-Since": "2100-01-01T00:00:00Z"}
LIMITED = "id is not null limit 1, 1"

CASES: list[tuple[str, str, Any, str, Any, Callable[[Client], Any]]] = [
    ("read_only_write", "ignore", "SUCCESS", "reject", "INVALID_DATA",
     lambda us: code_of(us, "Leads", {**LEAD, "Full_Name": "x"})),
    ("null_clears", "yes", None, "no", "Graz", emptied),
    ("bare_lookup_id", "accept", "SUCCESS", "reject", "INVALID_DATA",
     lambda us: code_of(us, "Contacts", {
         "Last_Name": "x", "Account_Name": us.insert("Accounts", {"Account_Name": "a"})[0]})),
    ("missing_lookup_path", "field", "$.data[0].Account_Name", "id", "$.data[0].Account_Name.id", lookup_path),
    ("trim_text", "keep", [" x "], "trim", ["x"],
     lambda us: of_first(us, "Leads", {**LEAD, "City": " x "}, "City")),
    ("phone_pattern", "on", "INVALID_DATA", "off", "SUCCESS", lambda us: code_of(us, "Leads", {**LEAD, "Phone": "☎"})),
    ("collect_faults", "first", "MANDATORY_NOT_FOUND", "all", "MULTIPLE_OR_MULTI_ERRORS", two_faults),
    ("insert_duplicate_field", "null", ["SUCCESS", "insert", None], "named", ["SUCCESS", "insert", "Email"],
     lambda us: upserted(us, {"Last_Name": "x", "Email": "a@x.com"}, duplicate_check_fields=["Email"])),
    ("upsert_unknown_id", "reject", ["INVALID_DATA", None, None], "insert", ["SUCCESS", "insert", None],
     lambda us: upserted(us, {"id": GONE, "Last_Name": "x"})),
    ("upsert_bad_check_field", "reject", ["INVALID_DATA", None, None], "ignore", ["SUCCESS", "insert", None],
     lambda us: upserted(us, {"Last_Name": "x"}, duplicate_check_fields=["Department"])),
    ("empty_304_or_204", "304", 304, "204", 204, lambda us: status(us, "Leads", fields="City", headers=FUTURE)),
    ("malformed_id_status", "400", 400, "404", 404, lambda us: status(us, "Leads/abc")),
    ("fields_id_alone", "reject", 400, "accept", 204, lambda us: status(us, "Leads", fields="id")),
    ("unknown_field_param", "ignore", 204, "reject", 400, lambda us: status(us, "Leads", fields="City,Nope")),
    ("per_page_over_max", "clamp", 204, "reject", 400, lambda us: status(us, "Leads", fields="City", per_page=201)),
    ("list_approved", "ignore", ["Lee"], "honour", [""], pending),
    ("token_page_number", "stay", 1, "advance", 2, second_token_page),
    ("page_token_error_details", "param_name", ["param_name"], "json_path", ["api_name", "json_path"], expired_token),
    ("coql_max_columns", "50", 400, "500", 204, columns),
    ("coql_max_in", "50", 400, "100", 204, lambda us: queried(us, f"id in ({FIFTY_ONE})")),
    ("coql_limit_comma", "accept", ["bob"], "reject", 400, after_people(LIMITED)),
    ("coql_id_compare", "accept", ["Ann", "bob"], "reject", 400, after_people("id > '1'")),
    ("coql_adds_id", "yes", ["Last_Name", "id"], "no", ["Last_Name"], id_of_rows),
    ("coql_text_case", "insensitive", ["bob"], "sensitive", 204, after_people("Last_Name = 'BOB'")),
    ("coql_not_equal_null", "exclude", 204, "include", ["bob"], after_people("City != 'Graz'")),
    ("deleted_order", "newest_first", ["b", "a"], "oldest_first", ["a", "b"], deleted_order),
    ("deleted_wall", "none", 204, "2000", 400, lambda us: status(us, "Leads/deleted", page=11)),
    ("modified_time_on_restore", "keep", True, "move", False, restored),
    ("lookup_to_deleted", "keep", "Acme", "null", None, lookup_to_binned),
    ("subform_in_list", "null", True, "absent", False, subform_listed),
    ("blueprint_update", "reject", "RECORD_IN_BLUEPRINT", "accept", "SUCCESS", in_blueprint),
    ("empty_update", "accept", "SUCCESS", "reject", "EXPECTED_FIELD_MISSING", says_nothing),
    ("pipeline_stage", "check", "MAPPING_MISMATCH", "ignore", "SUCCESS", lambda us: code_of(us, "Deals", DEAL)),
    ("lookup_names_module", "yes", ["module", "name", "id"], "no", ["name", "id"], related_to),
    ("what_id_needs_se_module", "no", "SUCCESS", "yes", "DEPENDENT_FIELD_MISSING", what_id_alone),
    ("tags_in_update", "replace", ["y"], "append", ["x", "y"], tags_updated),
    ("tags_move_modified_time", "no", False, "yes", True, tag_moves),
    ("external_header", "module.field", 400, "field", 200, external_header),
    ("count_type", "string", {"count": "0"}, "number", {"count": 0}, lambda us: us.get("Leads/actions/count").json()),
]  # fmt: skip
READINGS = [
    pytest.param(quirk, setting, expected, probe, id=f"{quirk}={setting}")
    for quirk, one, first, two, second, probe in CASES
    for setting, expected in ((one, first), (two, second))
]


@pytest.mark.parametrize(("quirk", "setting", "expected", "probe"), READINGS)
def test_a_switch_plays_the_reading_that_it_names(
    emu: Emulator, us: Client, quirk: str, setting: str, expected: Any, probe: Callable[[Client], Any]
) -> None:
    emu.clock(freeze=True)
    us.org.quirks(**{quirk: setting})
    assert probe(us) == expected
