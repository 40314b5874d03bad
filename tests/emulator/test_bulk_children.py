"""Bulk write of parents together with the rows of their subforms and linking modules (facts 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from daemon.emulator import Emulator
from tests.emulator.zips import tables, zipped

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

Json = dict[str, Any]
PARENTS = "key,name\nk1,Bridge\nk2,Tunnel\n"
PARENT_COLUMNS = [{"api_name": "Name", "index": 1}, {"api_name": "ERP_Id", "index": 0}]
ROW_COLUMNS = [{"api_name": "Parent_Id", "index": 0, "parent_column_index": 0}, {"api_name": "Title", "index": 1},
               {"api_name": "Cost", "index": 2}]  # fmt: skip


def uploaded(client: Client, **texts: str) -> str:
    content = zipped(*texts.values(), names=tuple(f"{name}.csv" for name in texts))
    zgid = client.get("org").json()["org"][0]["zgid"]
    headers = {"feature": "bulk-write", "X-CRM-ORG": zgid}
    answer = client.http.post("/crm/v8/upload", files={"file": ("a.zip", content)}, headers=headers)
    return str(answer.json()["details"]["file_id"])


def part(module: str, number: str, name: str, **more: Any) -> Json:
    return {"type": "data", "module": {"api_name": module}, "file_id": number, "file_names": [f"{name}.csv"], **more}


def run(client: Client, operation: str, *parts: Json) -> Json:
    """The status of a job that is done."""
    answer = client.http.post("/crm/bulk/v8/write", json={"operation": operation, "resource": list(parts)})
    assert answer.status_code == 201, answer.text
    return dict(client.http.get(f"/crm/bulk/v8/write/{answer.json()['details']['id']}").json())


def refusal(client: Client, *parts: Json) -> tuple[str, Any]:
    answer = client.http.post("/crm/bulk/v8/write", json={"operation": "insert", "resource": list(parts)})
    assert answer.status_code == 400, answer.text
    return answer.json()["code"], answer.json()["details"]


def results(client: Client, shown: Json) -> dict[str, list[list[str]]]:
    """The rows of every CSV in the result, without their headers."""
    content = client.http.get(shown["result"]["download_url"]).content
    return {name: rows[1:] for name, rows in tables(content).items()}


def titles(client: Client) -> dict[str, list[str]]:
    """Which project has which milestones."""
    return {row["Name"]: [one["Title"] for one in row["Milestones"] or []] for row in client.org.records("Projects")}


def test_children_find_their_parents_in_the_same_job(quick: Client) -> None:
    number = uploaded(quick, top=PARENTS, rows="key,title,cost\nk2,Dig,5\nk1,Plan,\nk2,Pave,7.5\n")
    shown = run(
        quick,
        "insert",
        part("Projects", number, "top", field_mappings=PARENT_COLUMNS),
        part("Milestones", number, "rows", field_mappings=ROW_COLUMNS),
    )
    assert titles(quick) == {"Bridge": ["Plan"], "Tunnel": ["Dig", "Pave"]}
    assert shown["status"] == "COMPLETED"
    assert [(one["module"]["api_name"], one["file"]["added_count"]) for one in shown["resource"]] == [
        ("Projects", 2),
        ("Milestones", 3),
    ]
    assert shown["resource"][1]["field_mappings"][0]["parent_column_index"] == 0
    ids = {row["id"] for project in quick.org.records("Projects") for row in project["Milestones"]}
    assert {row[4] for row in results(quick, shown)["rows.csv"]} == ids


def test_a_row_without_a_parent_or_with_a_bad_value_is_skipped(quick: Client) -> None:
    number = uploaded(quick, top=f"{PARENTS}k3,\n", rows="key,title,cost\nk9,Dig,5\nk3,Dig,5\nk1,,5\nk1,Plan,much\n")
    shown = run(
        quick,
        "insert",
        part("Projects", number, "top", field_mappings=PARENT_COLUMNS),
        part("Milestones", number, "rows", field_mappings=ROW_COLUMNS),
    )
    faults = [row[-1] for row in results(quick, shown)["rows.csv"]]
    assert faults == [
        "RESOURCE_NOT_FOUND-key",
        "RESOURCE_NOT_FOUND-key",
        "MANDATORY_NOT_FOUND-title",
        "INVALID_DATA-cost",
    ]
    assert shown["resource"][1]["file"]["skipped_count"] == 4
    assert titles(quick) == {"Bridge": [], "Tunnel": []}


def test_links_of_a_linking_module(quick: Client) -> None:
    ann = quick.insert("Contacts", {"Last_Name": "Ann", "Email": "ann@example.com"})[0]
    number = uploaded(quick, top=PARENTS, links="key,mail\nk1,ann@example.com\nk1,ann@example.com\nk1,no@example.com\n")
    columns = [
        {"api_name": "Project", "index": 0, "parent_column_index": 0},
        {"api_name": "Consultants", "index": 1, "find_by": "Email"},
    ]
    shown = run(
        quick,
        "insert",
        part("Projects", number, "top", field_mappings=PARENT_COLUMNS),
        part("Projects_X_Contacts", number, "links", field_mappings=columns),
    )
    faults = [row[-1] for row in results(quick, shown)["links.csv"]]
    assert faults == ["", "DUPLICATE_DATA-mail", "INVALID_DATA-mail"]
    bridge = quick.get(f"Projects/{quick.org.records('Projects')[0]['id']}").json()["data"][0]
    assert [one["Consultants"]["id"] for one in bridge["Consultants"]] == [ann]


def test_rows_alone_name_their_parents_by_id(emu: Emulator, quick: Client) -> None:
    emu.quirks(subform_unmentioned="replace")
    project = quick.insert("Projects", {"Name": "Bridge", "Milestones": [{"Title": "Old"}]})[0]
    number = uploaded(quick, rows=f"Parent_Id,Title\n{project},New\n7,Lost\n")
    shown = run(quick, "insert", part("Milestones", number, "rows"))
    assert titles(quick) == {"Bridge": ["Old", "New"]}
    assert [row[2] for row in results(quick, shown)["rows.csv"]] == ["added", "skipped"]


def test_rows_are_changed_by_their_ids(quick: Client) -> None:
    project = quick.insert("Projects", {"Name": "Bridge", "Milestones": [{"Title": "Old", "Cost": 5}]})[0]
    row = quick.get(f"Projects/{project}").json()["data"][0]["Milestones"][0]["id"]
    number = uploaded(quick, rows=f"id,Parent_Id,Title\n{row},{project},New\n7,{project},Lost\n")
    shown = run(quick, "update", part("Milestones", number, "rows", find_by="id"))
    assert [(one[3], one[5]) for one in results(quick, shown)["rows.csv"]] == [
        ("updated", ""),
        ("skipped", "RESOURCE_NOT_FOUND-id"),
    ]
    (kept,) = quick.get(f"Projects/{project}").json()["data"][0]["Milestones"]
    assert (kept["id"], kept["Title"], kept["Cost"]) == (row, "New", 5)


def test_a_file_of_children_that_is_unfit_leaves_the_parents(quick: Client) -> None:
    number = uploaded(quick, top=PARENTS, rows="Parent_Id,Horn\nk1,x\n")
    columns = part("Projects", number, "top", field_mappings=PARENT_COLUMNS)
    shown = run(quick, "insert", columns, part("Milestones", number, "rows"))
    assert [(one["status"], one["code"]) for one in shown["resource"]] == [
        ("COMPLETED", "COMPLETED"),
        ("FAILED", "INVALID_FIELD_NAME"),
    ]
    assert list(titles(quick)) == ["Bridge", "Tunnel"]


def test_parts_that_are_refused(quick: Client) -> None:
    number = uploaded(quick, top=PARENTS)
    top, rows = part("Projects", number, "top"), part("Milestones", number, "rows")
    for parts in ([rows, top], [top, rows, rows], [top, part("Quoted_Items", number, "rows")]):
        code, details = refusal(quick, *parts)
        assert (code, details["json_path"]) == ("COEXISTENCE_NOT_ALLOWED", f"$.resource[{len(parts) - 1}].module")
    unmapped = {**rows, "field_mappings": ROW_COLUMNS[1:]}
    assert refusal(quick, top, unmapped) == ("MANDATORY_FIELDS_NOT_MAPPED", {"api_names": ["Parent_Id"]})
    astray = {**top, "field_mappings": [{"api_name": "Name", "index": 0, "parent_column_index": 0}]}
    assert refusal(quick, astray)[1]["api_name"] == "parent_column_index"
    assert refusal(quick, top, {**rows, "find_by": "Title"})[0] == "INVALID_FIELD"
