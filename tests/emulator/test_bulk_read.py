"""Bulk read: jobs by clock, criteria, pages, the CSV, limits and refusals (facts 7.1)."""

from __future__ import annotations

import io
import zipfile
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator, OrgHandle
from tests.emulator.zips import tables

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.emulator.conftest import Client

Json = dict[str, Any]
LEADS = {"module": {"api_name": "Leads"}}


def post(client: Client, body: Any) -> httpx.Response:
    return client.http.post("/crm/bulk/v8/read", json=body)


def start(client: Client, **query: Any) -> str:
    answer = post(client, {"query": {**LEADS, **query}})
    assert answer.status_code == 201, answer.text
    return str(answer.json()["data"][0]["details"]["id"])


def status(client: Client, job: str) -> Json:
    answer = client.http.get(f"/crm/bulk/v8/read/{job}")
    assert answer.status_code == 200, answer.text
    (shown,) = answer.json()["data"]
    return dict(shown)


def rows(client: Client, job: str) -> list[list[str]]:
    answer = client.http.get(f"/crm/bulk/v8/read/{job}/result")
    assert answer.status_code == 200, answer.text
    assert answer.headers["content-disposition"] == f'attachment;filename="{job}.zip"'
    ((name, found),) = tables(answer.content).items()
    assert name == f"{job}.csv"
    return found


def names(client: Client, **query: Any) -> list[str]:
    """Last names that a finished job with this query holds."""
    return [row[1] for row in rows(client, start(client, fields=["Last_Name"], **query))[1:]]


def condition(field: str, comparator: str, value: Any) -> Json:
    return {"field": {"api_name": field}, "comparator": comparator, "value": value}


def refusal(client: Client, body: Any) -> tuple[int, str]:
    answer = post(client, body)
    return answer.status_code, answer.json()["code"]


def test_a_job_passes_its_states_by_the_clock(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    job, seen = start(us), []
    for _ in range(5):
        shown = status(us, job)
        seen.append((shown["state"], "result" in shown))
        emu.clock(advance=1.1)
    quiet = [("ADDED", False), ("QUEUED", False), ("IN PROGRESS", False), ("IN PROGRESS", False)]
    assert seen == [*quiet, ("COMPLETED", True)]


def test_the_result_says_what_it_holds(quick: Client) -> None:
    quick.lead()
    shown = status(quick, start(quick, fields=["Last_Name"]))
    assert shown["result"] == {
        "page": 1,
        "per_page": 200_000,
        "count": 1,
        "download_url": f"/crm/bulk/v8/read/{shown['id']}/result",
        "more_records": False,
    }
    assert shown["query"]["module"]["api_name"] == "Leads"
    assert (shown["operation"], shown["file_type"]) == ("read", "csv")


def test_a_result_is_not_there_before_the_end(us: Client) -> None:
    answer = us.http.get(f"/crm/bulk/v8/read/{start(us)}/result")
    assert (answer.status_code, answer.json()["code"]) == (400, "RESOURCE_NOT_FOUND")


def test_the_early_result_of_the_samples(emu: Emulator, us: Client) -> None:
    emu.quirks(bulk_result_early="yes")
    assert status(us, start(us))["result"]["count"] == 0


def test_a_job_may_fail(emu: Emulator, quick: Client) -> None:
    emu.quirks(bulk_read_outcome="failure")
    shown = status(quick, start(quick))
    assert (shown["state"], shown["result"]["error_message"]["code"]) == ("FAILURE", "INTERNAL_SERVER_ERROR")


def test_the_data_is_that_of_the_end_or_of_the_creation(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    late = start(us, fields=["Last_Name"])
    emu.quirks(bulk_read_data="created")
    early = start(us, fields=["Last_Name"])
    us.lead()
    emu.clock(advance=60)
    assert [len(rows(us, job)) - 1 for job in (late, early)] == [1, 0]


def test_cells(quick: Client) -> None:
    account = quick.insert("Accounts", {"Account_Name": 'Acme, "Inc"'})[0]
    contact = quick.insert(
        "Contacts",
        {
            "Last_Name": "Line\nbreak",
            "Account_Name": {"id": account},
            "Languages": ["Hindi", "English"],
            "Last_Meeting": "2026-01-02T03:04:05+00:00",
            "Date_of_Birth": "1980-02-29",
        },
    )[0]
    fields = ["Account_Name", "Account_Name.Account_Name", "Languages", "Last_Meeting", "Email_Opt_Out", "Last_Name"]
    found = rows(quick, start(quick, module={"api_name": "Contacts"}, fields=[*fields, "Phone"]))
    cells = [account, 'Acme, "Inc"', "Hindi;English", "2026-01-01T19:04:05-08:00", "false", "Line\nbreak", ""]
    assert found == [["Id", *fields, "Phone"], [contact, *cells]]


def test_no_fields_are_all_fields_and_the_id_is_spelled_as_the_quirk_says(emu: Emulator, quick: Client) -> None:
    emu.quirks(bulk_csv_id="id")
    number = quick.lead()
    header, row = rows(quick, start(quick))
    assert {"Last_Name", "Company", "Owner", "Modified_Time"} < set(header)
    assert row[header.index("id")] == number


def test_pages_by_number_and_by_token(emu: Emulator, quick: Client) -> None:
    emu.quirks(bulk_read_page="2")
    for name in "abcde":
        quick.lead(Last_Name=name)
    assert [names(quick, page=page) for page in (1, 2, 3, 4)] == [["a", "b"], ["c", "d"], ["e"], []]
    job = start(quick, fields=["Last_Name"], criteria=condition("Last_Name", "not_equal", "b"))
    assert status(quick, job)["result"]["more_records"] is True
    token = status(quick, job)["result"]["next_page_token"]
    answer = post(quick, {"query": {"page_token": token}})
    following = answer.json()["data"][0]["details"]["id"]
    shown = status(quick, following)
    assert (shown["result"]["page"], shown["result"]["more_records"]) == (2, False)
    assert [row[1] for row in rows(quick, following)[1:]] == ["d", "e"]


def test_a_page_token_ends_after_a_day_and_stands_alone(emu: Emulator, quick: Client) -> None:
    emu.quirks(bulk_read_page="2")
    for _ in range(3):
        quick.lead()
    token = status(quick, start(quick))["result"]["next_page_token"]
    assert refusal(quick, {"query": {"page_token": token, **LEADS}}) == (400, "QUERY_NOT_SUPPORTED")
    assert refusal(quick, {"query": {"page_token": "nonsense"}}) == (400, "INVALID_DATA")
    emu.clock(advance=24 * 3600 + 1)
    quick.log_in()
    assert refusal(quick, {"query": {"page_token": token}}) == (400, "EXPIRED_VALUE")


@pytest.mark.parametrize(
    ("field", "comparator", "value", "found"),
    [
        ("Last_Name", "equal", "ANN", ["Ann"]),
        ("Last_Name", "not_equal", "Ann", ["Bob", "Cid"]),
        ("Last_Name", "in", ["Ann", "Cid"], ["Ann", "Cid"]),
        ("Last_Name", "not_in", ["Ann", "Cid"], ["Bob"]),
        ("Last_Name", "contains", "i", ["Cid"]),
        ("Last_Name", "not_contains", "i", ["Ann", "Bob"]),
        ("Last_Name", "starts_with", "b", ["Bob"]),
        ("Last_Name", "ends_with", "d", ["Cid"]),
        ("Annual_Revenue", "less_than", 20, ["Ann"]),
        ("Annual_Revenue", "less_equal", "20", ["Ann", "Bob"]),
        ("Annual_Revenue", "greater_than", 10.5, ["Bob"]),
        ("Annual_Revenue", "greater_equal", 10, ["Ann", "Bob"]),
        ("Annual_Revenue", "between", [5, 15], ["Ann"]),
        ("Annual_Revenue", "between", [10, 20], ["Ann", "Bob"]),
        ("Annual_Revenue", "not_between", [5, 15], ["Bob"]),
        ("Annual_Revenue", "equal", "${EMPTY}", ["Cid"]),
        ("Annual_Revenue", "not_equal", "${EMPTY}", ["Ann", "Bob"]),
        ("Email_Opt_Out", "equal", True, ["Bob"]),
        ("Email_Opt_Out", "equal", "false", ["Ann", "Cid"]),
        ("Modified_Time", "greater_than", "2020-01-01T00:00:00+05:30", ["Ann", "Bob", "Cid"]),
        ("Owner", "equal", "7", []),
    ],
)
def test_comparators(quick: Client, field: str, comparator: str, value: Any, found: list[str]) -> None:
    quick.lead(Last_Name="Ann", Annual_Revenue=10)
    quick.lead(Last_Name="Bob", Annual_Revenue=20, Email_Opt_Out=True)
    quick.lead(Last_Name="Cid")
    assert names(quick, criteria=condition(field, comparator, value)) == found


def test_groups(quick: Client) -> None:
    for name in ("Ann", "Bob", "Cid"):
        quick.lead(Last_Name=name)
    starts = [condition("Last_Name", "starts_with", letter) for letter in "ac"]
    either = {"group_operator": "or", "group": starts}
    both = {"group_operator": "AND", "group": [either, condition("Last_Name", "ends_with", "n")]}
    assert names(quick, criteria=either) == ["Ann", "Cid"]
    assert names(quick, criteria=both) == ["Ann"]


MANY = {"group_operator": "or", "group": [condition("Last_Name", "equal", "x")] * 26}
NESTED: Json = condition("Last_Name", "equal", "x")
for _ in range(200):
    NESTED = {"group_operator": "or", "group": [NESTED]}


@pytest.mark.parametrize(
    ("criteria", "code"),
    [
        ({}, "INVALID_CRITERIA"),
        ({"field": {"api_name": "Last_Name"}}, "INVALID_CRITERIA"),
        (condition("Last_Name", "like", "x"), "INVALID_CRITERIA"),
        (condition("Horn", "equal", "x"), "FIELD_IN_CRITERIA_NOT_AVAILABLE"),
        (condition("Last_Name", "greater_than", "x"), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (condition("Email_Opt_Out", "not_equal", True), "FIELD_AND_COMPARATOR_IN_CRITERIA_NOT_COMPATIBLE"),
        (condition("Last_Name", "equal", ["x"]), "VALUE_TYPE_NOT_SUPPORTED"),
        (condition("Last_Name", "in", "x"), "VALUE_TYPE_NOT_SUPPORTED"),
        (condition("Last_Name", "in", ["x"] * 201), "VALUE_LIMIT_EXCEEDED_IN_CRITERIA"),
        (condition("Annual_Revenue", "between", [1]), "COMPARATOR_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (condition("Annual_Revenue", "equal", "ten"), "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (condition("Created_Time", "equal", "2026-01-01"), "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        (condition("Created_Time", "equal", "2026-01-01T00:00:00.5Z"), "FIELD_AND_VALUE_IN_CRITERIA_NOT_COMPATIBLE"),
        ({**MANY, **condition("Last_Name", "equal", "x")}, "CRITERIA_LIMIT_EXCEEDED"),
        ({"group": [NESTED], **condition("Last_Name", "equal", "x")}, "CRITERIA_LIMIT_EXCEEDED"),
        ({"group": [{}], **condition("Last_Name", "equal", "x")}, "AMBIGUOUS_CRITERIA"),
        ({"group_operator": "xor", "group": [{}]}, "GROUP_OPERATOR_NOT_SUPPORTED"),
        (MANY, "CRITERIA_LIMIT_EXCEEDED"),
        (NESTED, "CRITERIA_LIMIT_EXCEEDED"),
    ],
)
def test_criteria_that_are_refused(us: Client, criteria: Json, code: str) -> None:
    assert refusal(us, {"query": {**LEADS, "criteria": criteria}}) == (400, code)


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ([], "REQUEST_BODY_NOT_READABLE"),
        ({}, "QUERY_NOT_SUPPORTED"),
        ({"query": {"module": {"api_name": "Unicorns"}}}, "MODULE_NOT_AVAILABLE"),
        ({"query": {"module": {"api_name": "Notes"}}}, "MODULE_NOT_SUPPORTED"),
        ({"query": {**LEADS, "fields": ["Horn"]}}, "FIELD_NOT_AVAILABLE"),
        ({"query": {**LEADS, "fields": "Last_Name"}}, "QUERY_NOT_SUPPORTED"),
        ({"query": {**LEADS, "page": 51}}, "PAGE_RANGE_EXCEEDED"),
        ({"query": {**LEADS, "page": 0}}, "PAGE_NOT_SUPPORTED"),
        ({"query": {**LEADS, "cvid": "7"}}, "CVID_NOT_SUPPORTED"),
        ({"query": LEADS, "file_type": "ics"}, "JOB_NOT_SUPPORTED"),
        ({"query": LEADS, "callback": {"url": "ftp://x", "method": "post"}}, "INVALID_CALLBACK_URL"),
        ({"query": LEADS, "callback": {"url": "https://x", "method": "get"}}, "INVALID_CALLBACK_METHOD"),
    ],
)
def test_jobs_that_are_refused(us: Client, body: Any, code: str) -> None:
    assert refusal(us, body) == (400, code)


def test_a_body_needs_its_content_type_and_json(us: Client) -> None:
    bare = us.http.post("/crm/bulk/v8/read", content=b"{}")
    assert (bare.status_code, bare.json()["code"]) == (415, "MEDIA_TYPE_NOT_SUPPORTED")
    json_type = {"Content-Type": "application/json"}
    for content, code in ((b"", "REQUEST_BODY_IS_EMPTY"), (b"{", "REQUEST_BODY_NOT_READABLE")):
        answer = us.http.post("/crm/bulk/v8/read", content=content, headers=json_type)
        assert (answer.status_code, answer.json()["code"]) == (400, code)


def test_an_unknown_job(us: Client) -> None:
    for path in ("7", "x", "7/result"):
        answer = us.http.get(f"/crm/bulk/v8/read/{path}")
        assert (answer.status_code, answer.json()["details"]) == (404, {"resource": path.split("/", maxsplit=1)[0]})


def test_ten_downloads_a_minute(emu: Emulator, quick: Client) -> None:
    emu.clock(freeze=True)
    job = start(quick)
    answers = [quick.http.get(f"/crm/bulk/v8/read/{job}/result").status_code for _ in range(11)]
    assert answers == [200] * 10 + [429]
    emu.clock(advance=60)
    assert quick.http.get(f"/crm/bulk/v8/read/{job}/result").status_code == 200


def test_a_job_costs_fifty_credits_and_a_look_at_it_one(us: Client) -> None:
    before = us.org.credits()["used"]
    job = start(us)
    assert us.org.credits()["used"] - before == 50
    status(us, job)
    assert us.org.credits()["used"] - before == 51


def test_scopes(us: Client) -> None:
    both = us.org.new_refresh_token(scopes=["ZohoCRM.bulk.READ", "ZohoCRM.modules.Leads.READ"])
    one = us.org.new_refresh_token(scopes=["ZohoCRM.bulk.READ"])
    us.org.refresh_token, kept = both, us.org.refresh_token
    assert post(us.log_in(), {"query": LEADS}).status_code == 201
    assert post(us, {"query": {"module": {"api_name": "Contacts"}}}).status_code == 401
    us.org.refresh_token = one
    assert post(us.log_in(), {"query": LEADS}).json()["code"] == "OAUTH_SCOPE_MISMATCH"
    us.org.refresh_token = kept


def test_a_field_that_went_away_fails_the_job_or_leaves_its_column_empty(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    us.org.add_field("Leads", field_label="Horn", data_type="text")
    us.lead(Horn="long")
    plain = start(us, fields=["Horn"])
    chosen = start(us, criteria=condition("Horn", "equal", "long"))
    us.org.remove_field("Leads", "Horn")
    emu.clock(advance=60)
    assert [row[1] for row in rows(us, plain)] == ["Horn", ""]
    assert status(us, chosen)["state"] == "FAILURE"


def test_converted_leads(emu: Emulator, quick: Client) -> None:
    quick.org.insert_raw("Leads", {"Last_Name": "Gone", "Converted__s": True})
    assert names(quick) == ["Gone"]
    emu.quirks(bulk_read_converted="exclude")
    assert names(quick) == []


def test_a_reset_forgets_jobs(emu: Emulator, us: Client) -> None:
    job = start(us)
    emu.reset()
    assert us.http.get(f"/crm/bulk/v8/read/{job}").status_code == 404


def test_another_users_token(client_of: Callable[[OrgHandle], Client]) -> None:
    with Emulator(("us",), quirks={"bulk_job_seconds": "0", "bulk_read_page": "2"}) as emulator:
        org = emulator.orgs["us"]
        client = client_of(org)
        for _ in range(3):
            client.lead()
        token = status(client, start(client))["result"]["next_page_token"]
        site = emulator.world.sites["us"]
        site.accounts.refreshes[org.refresh_token].user = site.org.users[1].id
        assert refusal(client.log_in(), {"query": {"page_token": token}}) == (400, "INVALID_DATA")


def test_a_custom_view_narrows_a_bulk_read(quick: Client) -> None:
    quick.lead(Last_Name="Ann")
    other = quick.get("users", type="ActiveUsers").json()["users"][1]["id"]
    quick.lead(Last_Name="Bob", Owner={"id": other})
    views = {
        one["system_name"]: one["id"]
        for one in quick.get("settings/custom_views", module="Leads").json()["custom_views"]
    }
    assert names(quick, cvid=views["ALLVIEWS"]) == ["Ann", "Bob"]
    assert names(quick, cvid=views["MYVIEWS"]) == ["Ann"]
    assert names(quick, cvid=views["ALLVIEWS"], criteria=condition("Last_Name", "equal", "Bob")) == ["Bob"]
    assert status(quick, start(quick, cvid=views["MYVIEWS"]))["query"]["cvid"] == views["MYVIEWS"]


def test_a_result_is_kept_for_a_day(emu: Emulator, quick: Client) -> None:
    job = start(quick)
    emu.clock(advance=24 * 3600 + 1)
    assert quick.log_in().http.get(f"/crm/bulk/v8/read/{job}/result").json()["code"] == "RESOURCE_NOT_FOUND"
    emu.quirks(bulk_result_hours="none")
    assert quick.http.get(f"/crm/bulk/v8/read/{job}/result").status_code == 200


def test_a_cap_on_jobs_that_run_at_once(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    emu.quirks(bulk_jobs_at_once="2")
    start(us)
    start(us)
    assert refusal(us, {"query": LEADS}) == (400, "TOO_MANY_REQUESTS")
    emu.clock(advance=60)
    start(us)


def test_rows_of_a_subform_leave_with_their_parent(quick: Client) -> None:
    kept, gone = quick.insert(
        "Projects", {"Name": "a", "Milestones": [{"Title": "x"}]}, {"Name": "b", "Milestones": [{"Title": "y"}]}
    )
    quick.delete(f"Projects/{gone}")
    found = rows(quick, start(quick, module={"api_name": "Milestones"}, fields=["Title", "Parent_Id"]))
    assert [row[1:] for row in found] == [["Title", "Parent_Id"], ["x", kept]]


def test_events_as_a_calendar(quick: Client) -> None:
    quick.insert(
        "Events",
        {"Event_Title": "a, b", "Start_DateTime": "2026-01-02T03:04:05Z", "End_DateTime": "2026-01-02T04:04:05Z"},
    )
    body = {"query": {"module": {"api_name": "Events"}}, "file_type": "ics"}
    job = post(quick, body).json()["data"][0]["details"]["id"]
    answer = quick.http.get(f"/crm/bulk/v8/read/{job}/result")
    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        lines = archive.read(f"{job}.ics").decode().split("\r\n")
    assert {"SUMMARY:a\\, b", "DTSTART:20260102T030405Z", "DTEND:20260102T040405Z"} <= set(lines)
    assert status(quick, job)["file_type"] == "ics"
