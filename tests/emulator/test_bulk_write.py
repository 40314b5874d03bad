"""Uploads and bulk write: jobs by clock, mappings, rows, the result CSV, limits and refusals (facts 7.2)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator
from tests.emulator.zips import tables, zipped

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

Json = dict[str, Any]
HEADER = "Last_Name,Company,Email\n"


def upload(client: Client, content: bytes, **headers: str) -> httpx.Response:
    zgid = client.get("org").json()["org"][0]["zgid"]
    known = {"feature": "bulk-write", "X-CRM-ORG": zgid, **headers}
    return client.http.post("/crm/v8/upload", files={"file": ("any.zip", content)}, headers=known)


def file_id(client: Client, *texts: str | bytes) -> str:
    answer = upload(client, zipped(*texts))
    assert answer.status_code == 200, answer.text
    return str(answer.json()["details"]["file_id"])


def column(name: str, index: int | None = None, **more: Any) -> Json:
    return {"api_name": name, **({} if index is None else {"index": index}), **more}


def post(client: Client, operation: str, number: str, *, module: str = "Leads", **more: Any) -> httpx.Response:
    top = {key: more.pop(key) for key in ("ignore_empty", "character_encoding", "callback") if key in more}
    resource = {"type": "data", "module": {"api_name": module}, "file_id": number, **more}
    return client.http.post("/crm/bulk/v8/write", json={"operation": operation, "resource": [resource], **top})


def start(client: Client, operation: str, text: str | bytes, **more: Any) -> str:
    answer = post(client, operation, file_id(client, text), **more)
    assert answer.status_code == 201, answer.text
    assert answer.json()["code"] == "SUCCESS"
    return str(answer.json()["details"]["id"])


def status(client: Client, job: str) -> Json:
    answer = client.http.get(f"/crm/bulk/v8/write/{job}")
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def result(client: Client, job: str) -> list[list[str]]:
    answer = client.http.get(status(client, job)["result"]["download_url"])
    assert answer.status_code == 200, answer.text
    return tables(answer.content)["a.csv"]


def run(client: Client, operation: str, text: str | bytes, **more: Any) -> list[list[str]]:
    """STATUS and ERRORS of every row of a finished job."""
    return [[row[-3], row[-1]] for row in result(client, start(client, operation, text, **more))[1:]]


def outcome(client: Client, operation: str, text: str | bytes, **more: Any) -> tuple[str, str]:
    """How a finished job and its file ended."""
    shown = status(client, start(client, operation, text, **more))
    return shown["status"], shown["resource"][0]["code"]


# --- uploads ---------------------------------------------------------------------------------------------------------


def test_an_upload_must_be_a_zip(us: Client) -> None:
    answer = upload(us, b"Last_Name\nLee\n")
    assert (answer.status_code, answer.json()["code"]) == (400, "INVALID_FILE_FORMAT")
    assert answer.json()["message"] == "invalid file format. only zip format is supported"


def test_an_upload_over_25_mb(us: Client) -> None:
    answer = upload(us, zipped("a\n") + b"\0" * (25 * 1024 * 1024))
    assert (answer.status_code, answer.json()["code"]) == (413, "FILE_TOO_LARGE")


@pytest.mark.parametrize("headers", [{"feature": "attachments"}, {"X-CRM-ORG": "1"}])
def test_headers_of_an_upload(us: Client, headers: dict[str, str]) -> None:
    answer = upload(us, zipped("a\n"), **headers)
    assert answer.json()["x-error"] == "check if headers [feature, X-CRM-ORG] are present and valid"
    assert "code" not in answer.json()


def test_the_part_is_named_file(us: Client) -> None:
    zgid = us.get("org").json()["org"][0]["zgid"]
    headers = {"feature": "bulk-write", "X-CRM-ORG": zgid}
    answer = us.http.post("/crm/v8/upload", files={"zip": ("a.zip", zipped("a\n"))}, headers=headers)
    assert answer.json()["code"] == "INVALID_FILE_FORMAT"


# --- jobs ------------------------------------------------------------------------------------------------------------


def test_a_job_passes_its_states_by_the_clock_and_writes_at_its_end(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    job, seen = start(us, "insert", f"{HEADER}Lee,Acme,\n"), []
    for _ in range(3):
        shown = status(us, job)
        seen.append((shown["status"], "result" in shown, len(us.org.records("Leads"))))
        emu.clock(advance=2)
    assert seen == [("ADDED", False, 0), ("IN PROGRESS", False, 0), ("COMPLETED", True, 1)]


@pytest.mark.parametrize("step", [-3600, 600])
def test_a_step_of_the_clock_makes_no_job_longer_or_shorter(emu: Emulator, us: Client, step: int) -> None:
    emu.clock(freeze=True)
    job = start(us, "insert", f"{HEADER}Lee,Acme,\n")
    us.org.faults.next("org", effect="clock_step", seconds=step)
    us.get("org")
    emu.clock(advance=2)
    assert status(us, job)["status"] == "IN PROGRESS"
    emu.clock(advance=2)
    assert status(us, job)["status"] == "COMPLETED"


def test_a_job_that_nobody_looks_at_is_done_all_the_same(emu: Emulator, us: Client) -> None:
    start(us, "insert", f"{HEADER}Lee,Acme,\n")
    emu.clock(advance=60)
    assert us.get("Leads", fields="Last_Name").json()["data"][0]["Last_Name"] == "Lee"


def test_the_state_in_one_word(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    emu.quirks(bulk_write_in_progress="INPROGRESS")
    job = start(us, "insert", f"{HEADER}Lee,Acme,\n")
    emu.clock(advance=3)
    assert status(us, job)["status"] == "INPROGRESS"


def test_the_status_in_full(quick: Client) -> None:
    text, callback = "Lee,Acme\n", {"url": "https://cb.example.com", "method": "post"}
    mappings = [column("Last_Name", 0), column("Company", 1)]
    job = start(quick, "insert", f"a,b\n{text}", field_mappings=mappings, callback=callback)
    shown = status(quick, job)
    (resource,) = shown.pop("resource")
    assert resource["file"] == {
        "status": "COMPLETED",
        "name": "a.csv",
        "added_count": 1,
        "skipped_count": 0,
        "updated_count": 0,
        "total_count": 1,
    }
    assert resource["field_mappings"][1] == {
        **{"api_name": "Company", "index": 1, "format": None, "find_by": None},
        **{"module": None, "parent_column_index": None, "default_value": None},
    }
    assert shown["callback"] == callback
    assert (shown["character_encoding"], shown["operation"]) == ("UTF-8", "insert")
    assert shown["result"]["download_url"].endswith(f"/bulk-write/{job}/{job}.zip")


def test_a_job_costs_five_hundred_credits(us: Client) -> None:
    number = file_id(us, HEADER)
    before = us.org.credits()["used"]
    post(us, "insert", number)
    assert us.org.credits()["used"] - before == 500


def test_an_unknown_job(emu: Emulator, us: Client) -> None:
    assert us.http.get("/crm/bulk/v8/write/7").status_code == 404
    emu.quirks(bulk_write_missing_status="400")
    assert us.http.get("/crm/bulk/v8/write/7").json()["code"] == "RESOURCE_NOT_FOUND"
    assert us.http.get("/v2/crm/1/bulk-write/7/7.zip").status_code == 404


# --- rows ------------------------------------------------------------------------------------------------------------


def test_rows_are_checked_as_ordinary_writes_are(quick: Client) -> None:
    long = "x" * 81
    text = f"{HEADER}Lee,Acme,lee@example.com\n,Acme,\n{long},Acme,\nRoy,Acme,bad\n"
    job = start(quick, "insert", text)
    rows = result(quick, job)
    (kept,) = quick.org.records("Leads")
    assert rows == [
        ["Last_Name", "Company", "Email", "STATUS", "RECORD_ID", "ERRORS"],
        ["Lee", "Acme", "lee@example.com", "added", kept["id"], ""],
        ["", "Acme", "", "skipped", "", "MANDATORY_NOT_FOUND-Last_Name"],
        [long, "Acme", "", "skipped", "", "INVALID_DATA-Last_Name"],
        ["Roy", "Acme", "bad", "skipped", "", "INVALID_DATA-Email"],
    ]


def test_several_faults_of_a_row_stand_side_by_side(emu: Emulator, quick: Client) -> None:
    emu.quirks(collect_faults="all")
    rows = run(quick, "insert", f"{HEADER},Acme,bad\n")
    assert rows == [["skipped", "MANDATORY_NOT_FOUND-Last_Name:INVALID_DATA-Email"]]


def test_no_automation_runs(emu: Emulator, quick: Client) -> None:
    run(quick, "insert", f"{HEADER}Lee,Acme,\n")
    assert [entry["automations"] for entry in emu.log(org="us") if entry["automations"]] == []


def test_values_by_type(quick: Client) -> None:
    account = quick.insert("Accounts", {"Account_Name": "Acme"})[0]
    owner = quick.get("users", type="ActiveUsers").json()["users"][1]
    header = "name,day,moment,langs,out,points,firm,owner"
    cells = ["Lee", "12/31/1999", "02/01/2026 03:04:05", "Hindi;English", "TRUE", "12", "acme", owner["email"].upper()]
    text = f"{header}\n{','.join(cells)}\n"
    mappings = [
        column("Last_Name", 0),
        column("Date_of_Birth", 1),
        column("Last_Meeting", 2),
        column("Languages", 3),
        column("Email_Opt_Out", 4),
        column("Loyalty_Points", 5),
        column("Account_Name", 6, find_by="Account_Name"),
        column("Owner", 7, find_by="email"),
    ]
    assert run(quick, "insert", text, module="Contacts", field_mappings=mappings) == [["added", ""]]
    (kept,) = quick.org.records("Contacts")
    assert (kept["Date_of_Birth"], kept["Last_Meeting"]) == ("1999-12-31", "2026-02-01T03:04:05-08:00")
    assert (kept["Languages"], kept["Email_Opt_Out"]) == (["Hindi", "English"], True)
    assert (kept["Loyalty_Points"], kept["Account_Name"]["id"]) == ("12", account)
    assert kept["Owner"]["id"] == owner["id"]


@pytest.mark.parametrize(
    ("field", "pattern", "text", "kept"),
    [
        ("Date_of_Birth", None, "1999-12-31", None),
        ("Date_of_Birth", None, "31/12/1999", None),
        ("Date_of_Birth", "yyyy-MM-dd", "1999-12-31", "1999-12-31"),
        ("Date_of_Birth", "dd.MM.yyyy", "31.12.1999", "1999-12-31"),
        ("Last_Meeting", "yyyy-MM-dd'T'HH:mm:ssXXX", "2026-02-01T03:04:05+00:00", "2026-01-31T19:04:05-08:00"),
        ("Last_Meeting", "dd-MMM-yyyy hh:mm a", "01-Feb-2026 03:04 PM", "2026-02-01T15:04:00-08:00"),
        ("Last_Meeting", None, "02/01/2026", None),
    ],
)
def test_dates_have_a_format(quick: Client, field: str, pattern: str | None, text: str, kept: str | None) -> None:
    mappings = [column("Last_Name", 0), column(field, 1, **({"format": pattern} if pattern else {}))]
    ((state, fault),) = run(quick, "insert", f"name,day\nLee,{text}\n", module="Contacts", field_mappings=mappings)
    if kept is None:
        assert (state, fault) == ("skipped", "INVALID_DATA-day")
    else:
        assert quick.org.records("Contacts")[0][field] == kept


def test_a_lookup_that_finds_nothing(quick: Client) -> None:
    mappings = [column("Last_Name", 0), column("Account_Name", 1, find_by="Account_Name")]
    rows = run(quick, "insert", "name,firm\nLee,Nowhere\n", module="Contacts", field_mappings=mappings)
    assert rows == [["skipped", "INVALID_DATA-firm"]]


def test_headers_stand_for_mappings_and_a_lookup_may_say_by_what(quick: Client) -> None:
    account = quick.insert("Accounts", {"Account_Name": "Acme"})[0]
    text = f"Last_Name;Account_Name.Account_Name\nLee;Acme\n\nRoy;{account}\n"
    assert run(quick, "insert", text, module="Contacts") == [
        ["added", ""],
        ["skipped", "INVALID_DATA-Account_Name.Account_Name"],
    ]


def test_constants_and_defaults(quick: Client) -> None:
    mappings = [
        column("Last_Name", 0),
        column("Company", 1, default_value={"value": "Acme"}),
        column("Lead_Source", default_value={"value": "Cold Call"}),
        column("Layout", default_value={"value": "5100131000000001015"}),
    ]
    run(quick, "insert", "name,firm\nLee,\nRoy,Globex\n", field_mappings=mappings)
    kept = [(row["Company"], row["Lead_Source"]) for row in quick.org.records("Leads")]
    assert kept == [("Acme", "Cold Call"), ("Globex", "Cold Call")]


def test_blanks_overwrite_unless_they_are_ignored(quick: Client) -> None:
    number = quick.lead(Phone="123", Fax="456")
    text = f"id,Phone\n{number},\n"
    run(quick, "update", text, find_by="id", ignore_empty=True)
    assert quick.org.records("Leads")[0]["Phone"] == "123"
    run(quick, "update", text, find_by="id")
    assert (quick.org.records("Leads")[0]["Phone"], quick.org.records("Leads")[0]["Fax"]) == (None, "456")


def test_update_finds_by_id_or_by_another_field_and_creates_nothing(quick: Client) -> None:
    number = quick.lead(Email="lee@example.com")
    assert run(quick, "update", f"id,Company\n{number},Globex\n7,x\n,x\n", find_by="id") == [
        ["updated", ""],
        ["skipped", "RESOURCE_NOT_FOUND-id"],
        ["skipped", "MANDATORY_NOT_FOUND-id"],
    ]
    rows = run(quick, "update", "Email,Company\nLEE@example.com,Initech\nx@example.com,x\n", find_by="Email")
    assert rows == [["updated", ""], ["skipped", "RESOURCE_NOT_FOUND-Email"]]
    assert [row["Company"] for row in quick.org.records("Leads")] == ["Initech"]


def test_upsert_updates_what_it_finds_and_adds_the_rest(quick: Client) -> None:
    quick.lead(Email="lee@example.com")
    text = f"{HEADER}Roy,Globex,lee@example.com\nNew,Initech,new@example.com\nNew,Umbrella,new@example.com\n"
    assert run(quick, "upsert", text, find_by="Email") == [["updated", ""], ["added", ""], ["updated", ""]]
    assert [row["Company"] for row in quick.org.records("Leads")] == ["Globex", "Umbrella"]


def test_insert_with_find_by_skips_what_is_there(quick: Client) -> None:
    number = quick.lead(Email="lee@example.com")
    rows = result(quick, start(quick, "insert", f"{HEADER}Roy,Globex,lee@example.com\n", find_by="Email"))
    assert rows[1][3:] == ["skipped", number, "DUPLICATE_DATA-Email"]
    assert quick.org.records("Leads")[0]["Last_Name"] == "Lee"


def test_a_unique_value_is_kept_unique(quick: Client) -> None:
    quick.org.add_field("Leads", field_label="Key", data_type="text", unique={"case_sensitive": False})
    quick.lead(Key="k")
    rows = run(quick, "insert", "Last_Name,Company,Key\nRoy,Acme,K\nRoy,Acme,l\nRoy,Acme,l\n")
    assert rows == [["skipped", "DUPLICATE_DATA-Key"], ["added", ""], ["skipped", "DUPLICATE_DATA-Key"]]


def test_a_locked_record_is_blocked(quick: Client) -> None:
    number = quick.lead()
    quick.org.edit("Leads", number, {"Locked__s": True})
    assert run(quick, "update", f"id,Company\n{number},x\n", find_by="id") == [["skipped", "BLOCKED_RECORD-id"]]


# --- files that cannot be processed ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "more", "ended"),
    [
        ("Last_Name,Horn\nLee,x\n", {}, ("FAILED", "INVALID_FIELD_NAME")),
        ("Last_Name\nLee\n", {}, ("FAILED", "MANDATORY_FIELDS_NOT_MAPPED")),
        (HEADER, {}, ("SKIPPED", "CANNOT_PROCESS")),
        ("", {}, ("FAILED", "MANDATORY_FIELDS_NOT_MAPPED")),
        (",".join(["Last_Name"] * 201) + "\n", {}, ("FAILED", "HEADER_LIMIT_EXCEEDED")),
        (f"{HEADER}Lee,Acme,\n", {"file_names": ["z.csv"]}, ("FAILED", "FILE_NOT_SUPPORTED")),
        (f"{HEADER}Lee,Acme,\n", {"find_by": "id"}, ("FAILED", "MANDATORY_FIELDS_NOT_MAPPED")),
        (b"Last_Name,Company\n\xff\xfe,x\n", {}, ("FAILED", "INVALID_FORMAT")),
        (f'{HEADER}"{"x" * 140_000}",Acme,\n', {}, ("FAILED", "INVALID_FORMAT")),
        (
            "a\nLee\n",
            {"field_mappings": [column("Last_Name", 0), column("Company", 5)]},
            ("FAILED", "COLUMN_INDEX_NOT_FOUND"),
        ),
    ],
)
def test_files_that_cannot_be_processed(quick: Client, text: str | bytes, more: Json, ended: tuple[str, str]) -> None:
    assert outcome(quick, "insert", text, **more) == ended
    assert quick.org.records("Leads") == []


def test_too_many_rows(quick: Client) -> None:
    text = "id,Company\n" + "7,x\n" * 25_001
    assert outcome(quick, "update", text, find_by="id") == ("FAILED", "LIMIT_EXCEEDED")


def test_a_zip_with_two_files_needs_a_name(quick: Client) -> None:
    number = file_id(quick, f"{HEADER}Lee,Acme,\n", "x\n")
    job = post(quick, "insert", number).json()["details"]["id"]
    assert status(quick, job)["resource"][0]["code"] == "FILE_NOT_SUPPORTED"
    job = post(quick, "insert", number, file_names=["a.csv"]).json()["details"]["id"]
    assert status(quick, job)["status"] == "COMPLETED"


def test_a_damaged_zip(quick: Client) -> None:
    content = bytearray(zipped(f"{HEADER}" + "Lee,Acme,\n" * 50))
    content[50:60] = b"\xff" * 10
    number = upload(quick, bytes(content)).json()["details"]["file_id"]
    job = post(quick, "insert", number).json()["details"]["id"]
    assert status(quick, job)["resource"][0]["code"] == "INVALID_FILE_FORMAT"


def test_other_encodings_and_delimiters(quick: Client) -> None:
    text = "Last_Name|Company\nMüller|Größe, GmbH\n".encode("latin-1")
    assert run(quick, "insert", text, character_encoding="ISO-8859-1") == [["added", ""]]
    assert quick.org.records("Leads")[0]["Company"] == "Größe, GmbH"
    assert run(quick, "insert", "\ufeffLast_Name,Company\nRoy,x\n") == [["added", ""]]


# --- jobs that are refused -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("operation", "more", "code"),
    [
        ("delete", {}, "INVALID_DATA"),
        ("update", {}, "MISSING_REQUIRED_KEY"),
        ("upsert", {"find_by": "Phone"}, "INVALID_FIELD"),
        ("insert", {"module": "Unicorns"}, "MODULE_NOT_AVAILABLE"),
        ("insert", {"file_id": "7"}, "INVALID_FILE_ID"),
        ("insert", {"file_names": ["a.csv", "b.csv"]}, "INVALID_DATA"),
        ("insert", {"field_mappings": [column("Horn", 0)]}, "INVALID_FIELD"),
        ("insert", {"field_mappings": [column("Company")]}, "COLUMN_INDEX_NOT_FOUND"),
        ("insert", {"field_mappings": [column("Company", 200)]}, "INVALID_DATA"),
        ("insert", {"field_mappings": [column("Company", 0)]}, "MANDATORY_FIELDS_NOT_MAPPED"),
        ("insert", {"field_mappings": [column("Company", 0)] * 201}, "HEADER_LIMIT_EXCEEDED"),
        ("insert", {"field_mappings": [column("Company", 0, format="yyyy")]}, "INVALID_FORMAT"),
        ("insert", {"field_mappings": [column("Owner", 0, find_by="Phone")]}, "INVALID_FIELD"),
        ("insert", {"callback": {"url": "https://x", "method": "put"}}, "INVALID_CALLBACK_METHOD"),
        ("insert", {"character_encoding": "klingon"}, "INVALID_DATA"),
        ("insert", {"character_encoding": "base64"}, "INVALID_DATA"),
        ("insert", {"ignore_empty": "yes"}, "INVALID_DATA"),
    ],
)
def test_jobs_that_are_refused(us: Client, operation: str, more: Json, code: str) -> None:
    answer = post(us, operation, more.pop("file_id", None) or file_id(us, HEADER), **more)
    assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_a_lookup_column_needs_its_find_by(us: Client) -> None:
    mappings = [column("Last_Name", 0), column("Account_Name", 1)]
    answer = post(us, "insert", file_id(us, HEADER), module="Contacts", field_mappings=mappings)
    assert answer.json()["message"] == "required key find_by for field Account_Name is not found in request body."


def test_bodies_without_their_keys(us: Client) -> None:
    for body, name in (({}, "operation"), ({"operation": "insert"}, "resource")):
        answer = us.http.post("/crm/bulk/v8/write", json=body)
        assert answer.json()["message"] == f"required key {name} is not found in request body."


def test_two_parents_are_one_too_many(us: Client) -> None:
    one = {"module": {"api_name": "Leads"}, "file_id": file_id(us, HEADER)}
    answer = us.http.post("/crm/bulk/v8/write", json={"operation": "insert", "resource": [one, one]})
    assert (answer.status_code, answer.json()["code"]) == (400, "COEXISTENCE_NOT_ALLOWED")
    assert answer.json()["details"]["json_path"] == "$.resource[1].module"


def test_scopes(us: Client) -> None:
    kept = us.org.refresh_token
    us.org.refresh_token = us.org.new_refresh_token(scopes=["ZohoCRM.org.READ", "ZohoCRM.bulk.READ"])
    us.log_in()
    assert upload(us, zipped("a\n")).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    assert us.http.post("/crm/bulk/v8/write", json={}).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    us.org.refresh_token = kept
