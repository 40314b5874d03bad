"""More switches, each reading seen from outside: tokens, gateway, pages, COQL, deleted list, Modified_Time, bulk."""

from __future__ import annotations

import csv
import io
import zipfile
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator
from tests.emulator.test_bulk_read import start as start_read
from tests.emulator.test_bulk_write import HEADER
from tests.emulator.test_bulk_write import start as start_write
from tests.emulator.test_switches import GONE, LEAD, code_of, lookup_path

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

Probe = Callable[["Client"], Any]


def token(client: Client, **more: Any) -> httpx.Response:
    org = client.org
    form = {"grant_type": "refresh_token", "client_id": org.client_id, "client_secret": org.client_secret}
    return httpx.post(f"{org.base_url}/oauth/v2/token", data={**form, "refresh_token": org.refresh_token, **more})


def redirected(us: Client) -> str | None:
    code = {"grant_type": "authorization_code", "code": us.org.new_grant()}
    answer = token(us, **code, redirect_uri="https://x.example.com").json().get("error")
    assert "access_token" in token(us, **code).json() or answer is None
    return None if answer is None else str(answer)


def scope_text(us: Client) -> str:
    renewed = us.org.new_refresh_token(scopes=["ZohoCRM.org.ALL", "ZohoCRM.users.ALL"])
    return str(token(us, refresh_token=renewed).json()["scope"])


def eleventh(us: Client) -> int:
    renewed = us.org.new_refresh_token()
    return [token(us, refresh_token=renewed).status_code for _ in range(11)][-1]


def sixteenth(us: Client) -> int:
    us.org.quirks(token_throttle="off")
    renewed = us.org.new_refresh_token()
    made = [token(us, refresh_token=renewed).json()["access_token"] for _ in range(16)]
    return us.get("org", headers={"Authorization": f"Zoho-oauthtoken {made[0]}"}).status_code


def no_grant_type(us: Client) -> str:
    return str(token(us, grant_type="nonsense").json()["error"])


def as_bearer(us: Client) -> int:
    return us.get("org", headers={"Authorization": f"Bearer {us.org.access_token()}"}).status_code


def crowd(us: Client) -> int:
    us.org._site.meter.in_flight = 20
    try:
        return us.get("org").status_code
    finally:
        us.org._site.meter.in_flight = 0


def price(*call: Any) -> Probe:
    def probe(us: Client) -> int:
        us.get(*call)
        return int(us.org.log()[-1]["credits"])

    return probe


def search_price(us: Client) -> int:
    us.get("Leads/search", word="x")
    return int(us.org.log()[-1]["credits"])


def over_limit(us: Client) -> tuple[str, ...]:
    us.org._site.meter.allowance = 0
    body = us.get("org").json()
    assert body["code"] == "TOO_MANY_REQUESTS"
    return (*sorted(body), body.get("message", ""))


def limit_headers(us: Client) -> list[str]:
    us.lead()
    headers = us.get("org").headers
    return [headers[name] for name in ("X-RATELIMIT-LIMIT", "X-RATELIMIT-REMAINING") if name in headers]


def walk(us: Client) -> list[str]:
    """Three records by pages of two; between the pages the one of the second page changes, and a new one comes."""
    first = us.insert("Leads", *({**LEAD, "Last_Name": name} for name in "abc"))
    asked: dict[str, Any] = {"fields": "Last_Name", "per_page": 2, "sort_by": "id", "sort_order": "asc"}
    page = us.get("Leads", **asked).json()
    us.put(f"Leads/{first[2]}", {"data": [{"Last_Name": "C"}]})
    us.delete(f"Leads/{first[0]}")
    us.lead(Last_Name="d")
    token = page["info"]["next_page_token"]
    second = us.get("Leads", **asked, page_token=token).json()
    assert us.get("Leads", **asked).json()["data"][0]["Last_Name"] == "b"
    return [row["Last_Name"] for row in [*page["data"], *second["data"]]]


def deleted_walk(us: Client) -> Any:
    for _ in range(3):
        us.delete(f"Leads/{us.lead()}")
    first = us.get("Leads/deleted", per_page=2).json()
    token = first["info"].get("next_page_token")
    if token is None:
        return None
    second = us.get("Leads/deleted", per_page=2, page_token=token).json()
    assert second["info"]["next_page_token"] is None
    altered = us.get("Leads/deleted", per_page=2, page_token=token, type="recycle")
    assert altered.json()["code"] == "TOKEN_BOUND_DATA_MISMATCH"
    return len({row["id"] for row in first["data"] + second["data"]})


def fresh(us: Client) -> list[str]:
    """What COQL, also through a lookup, and a list know of a record just written, and COQL half a minute later."""
    account = us.insert("Accounts", {"Account_Name": "old"})[0]
    contact = us.insert("Contacts", {"Last_Name": "x", "Account_Name": {"id": account}})[0]
    us.org._emulator.clock(advance=60)
    us.put(f"Accounts/{account}", {"data": [{"Account_Name": "new"}]})
    us.put(f"Contacts/{contact}", {"data": [{"Last_Name": "y"}]})

    def queried() -> str:
        query = "select Last_Name, Account_Name.Account_Name from Contacts where id is not null"
        row = us.coql(query).json()["data"][0]
        return f"{row['Last_Name']} {row['Account_Name.Account_Name']}"

    listed = us.get("Contacts", fields="Last_Name").json()["data"][0]["Last_Name"]
    now = queried()
    us.org._emulator.clock(advance=31)
    return [listed, now, queried()]


def relative(us: Client) -> Any:
    emulator = us.org._emulator
    for name in ("old", "week", "today"):
        us.log_in().lead(Last_Name=name)
        emulator.clock(advance=4 * 86_400)
    emulator.clock(advance=-4 * 86_400)
    found = []
    for where in ("= 'today'", "= 'last 7 days'", "< 'today'", "> 'today'", "!= 'Last 7 days'", ">= 'last 7 days'"):
        answer = us.coql(f"select Last_Name from Leads where Created_Time {where}")  # noqa: S608
        if answer.status_code == 400:
            return answer.json()["code"]
        found.append([row["Last_Name"] for row in answer.json()["data"]] if answer.content else [])
    return found


def dated(us: Client) -> Any:
    """A date column compared with today's date; a word beside `in` is no date at all."""
    day = us.coql("select Created_Time from Leads where id is not null")
    assert day.status_code == 204
    now = us.get("Leads/" + us.lead()).json()["data"][0]["Created_Time"][:10]
    us.insert("Contacts", {"Last_Name": "x", "Date_of_Birth": now})
    answer = us.coql("select Last_Name from Contacts where Date_of_Birth <= 'today'")
    assert us.coql("select id from Contacts where Date_of_Birth in ('today')").status_code == 400
    return answer.status_code


def moves(us: Client, module: str, number: str, act: Callable[[], Any]) -> bool:
    def seen() -> str:
        return str(us.get(f"{module}/{number}").json()["data"][0]["Modified_Time"])

    before = seen()
    us.org._emulator.clock(advance=10)
    act()
    return seen() != before


def note_moves(us: Client) -> bool:
    lead = us.lead()
    note: list[str] = []

    def add() -> None:
        body = {"data": [{"Note_Title": "t", "Note_Content": "c"}]}
        note.append(us.post(f"Leads/{lead}/Notes", body).json()["data"][0]["details"]["id"])

    added = moves(us, "Leads", lead, add)
    assert moves(us, "Leads", lead, lambda: us.delete(f"Notes/{note[0]}")) is added
    by_hand = {"Note_Title": "h", "Parent_Id": {"id": lead}}
    assert moves(us, "Leads", lead, lambda: us.org.insert_raw("Notes", by_hand)) is added
    return added


def attachment_moves(us: Client) -> bool:
    lead = us.lead()
    made: list[str] = []

    def attach() -> None:
        answer = us.http.post(f"/crm/v8/Leads/{lead}/Attachments", files={"file": ("a.txt", b"a")})
        made.append(answer.json()["data"][0]["details"]["id"])

    added = moves(us, "Leads", lead, attach)
    assert moves(us, "Leads", lead, lambda: us.delete(f"Leads/{lead}/Attachments/{made[0]}")) is added
    return added


def computed_moves(us: Client) -> bool:
    project = us.insert("Projects", {"Name": "p", "Milestones": [{"Title": "a"}]})[0]
    row = us.get(f"Projects/{project}").json()["data"][0]["Milestones"][0]["id"]
    return moves(us, "Projects", project, lambda: us.delete(f"Milestones/{row}"))


def fifty_one(us: Client) -> list[str]:
    refused = us.get("Leads", fields=",".join(f"f{n}" for n in range(51))).json()
    assert refused["code"] == "LIMIT_EXCEEDED"
    return sorted(refused["details"])


def two_ways(us: Client) -> Any:
    return us.get("Leads", fields="City", page=1, page_token="x").json()["details"]


def hundred_and_one(us: Client) -> tuple[str, int]:
    element = us.post("Leads", {"data": [LEAD] * 101}).json()["data"][0]
    return element["code"], element["details"]["maximum_length"]


def lookup_to_nothing(us: Client) -> Any:
    if us.org._site.quirks["missing_lookup"] == "reject":
        return lookup_path(us)
    number = us.insert("Contacts", {"Last_Name": "x", "Account_Name": {"id": GONE}})[0]
    links = {"Name": "p", "Consultants": [{"Consultants": {"id": GONE}}]}
    project = us.insert("Projects", links)[0]
    assert us.get(f"Projects/{project}").json()["data"][0]["Consultants"] in (None, [])
    return us.get(f"Contacts/{number}").json()["data"][0]["Account_Name"]


def http_date(us: Client) -> int:
    us.lead()
    since = {"If-Modified-Since": "Thu, 01 Jan 2026 00:00:00 GMT"}
    return us.get("Leads", fields="City", headers=since).status_code


def blueprint(us: Client) -> list[str]:
    number = us.lead()
    us.org.edit("Leads", number, {"$process_flow": True})
    element = us.put(f"Leads/{number}", {"data": [{"City": "x"}]}).json()["data"][0]
    assert element["code"] == "RECORD_IN_BLUEPRINT"
    return sorted(element["details"])


def tagged(us: Client) -> list[str]:
    answer = us.post(f"Leads/{us.lead()}/actions/add_tags", {"tags": [{"name": "x"}]}).json()
    return [answer["data"][0]["message"], answer.get("wf_scheduler", "absent")]


def sheet(client: Client, *fields: str) -> str:
    """The second line of the CSV of a bulk read."""
    client.org.quirks(bulk_job_seconds="0")
    client.lead(Last_Name="a,b", Email_Opt_Out=True)
    job = start_read(client, fields=list(fields))
    client.http.get(f"/crm/bulk/v8/read/{job}")
    content = client.http.get(f"/crm/bulk/v8/read/{job}/result").content
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return archive.read(f"{job}.csv").decode().splitlines()[1]


def moment_cell(us: Client) -> str:
    text = next(csv.reader([sheet(us, "Created_Time")]))[1]
    return "".join("9" if one.isdigit() else one for one in text)


def quoted(us: Client) -> str:
    return sheet(us, "Last_Name").split(",", 1)[1] + str(sheet(us, "Last_Name").startswith('"'))


def bulk_automations(us: Client) -> list[str]:
    us.org.quirks(bulk_job_seconds="0")
    start_write(us, "insert", f"{HEADER}Lee,Acme,\n")
    us.get("org")
    return [one["action"] for entry in us.org.log() for one in entry["automations"]]


SCOPES = ["ZohoCRM.org.ALL", "ZohoCRM.users.ALL"]
TEXTS = ["tags updated successfully", "true"]
REMAINING = ["60000", "59998"]
FOUND = [["today"], ["week", "today"], ["old", "week"], [], ["old"], ["week", "today"]]
FULL = ("code", "details", "message", "status")
BOTH = {"ambiguity_due_to": [{"param_name": "page"}, {"param_name": "page_token"}]}
MISSING = "$.data[0].Account_Name"

CASES: list[tuple[str, dict[str, Any], Probe]] = [
    ("redirect_uri", {"ignore": None, "reject": "invalid_redirect_uri"}, redirected),
    ("token_scope_separator", {"space": " ".join(SCOPES), "comma": ",".join(SCOPES)}, scope_text),
    ("throttle_status", {"400": 400, "200": 200}, eleventh),
    ("token_caps", {"on": 401, "off": 200}, sixteenth),
    ("bad_grant_type_error", {"invalid_request": "invalid_request", "invalid_grant_type": "invalid_grant_type"},
     no_grant_type),
    ("bearer_prefix", {"accept": 200, "reject": 401}, as_bearer),
    ("concurrency_caps", {"on": 429, "off": 200}, crowd),
    ("deleted_credits", {"1": 1, "2": 2}, price("Leads/deleted")),
    ("search_credits", {"1": 1, "3": 3}, search_price),
    ("over_limit_body", {"full": (*FULL, "too many requests"), "bare": ("code", "status", ""),
                         "reworded": (*FULL, "You have exceeded the number of calls that your edition allows.")},
     over_limit),
    ("ratelimit_headers", {"off": [], "on": REMAINING}, limit_headers),
    ("page_token_walk", {"live": ["a", "b", "d"], "cursor": ["a", "b", "C", "d"], "snapshot": ["a", "b", "c"]}, walk),
    ("deleted_pages", {"number": None, "token": 3}, deleted_walk),
    ("coql_lag", {"0": ["y", "y new", "y new"], "30": ["y", "x old", "y new"]}, fresh),
    ("coql_relative_dates", {"reject": "INVALID_QUERY", "accept": FOUND}, relative),
    ("coql_relative_dates", {"reject": 400, "accept": 200}, dated),
    ("note_moves_modified_time", {"no": False, "yes": True}, note_moves),
    ("attachment_moves_modified_time", {"no": False, "yes": True}, attachment_moves),
    ("computed_moves_modified_time", {"no": False, "yes": True}, computed_moves),
    ("fields_limit_details", {"limit": ["limit", "param_name"], "maximum_length": ["maximum_length", "param_name"]},
     fifty_one),
    ("guessed_details", {"full": BOTH, "empty": {}}, two_ways),
    ("over_100_error", {"LIMIT_EXCEEDED": ("LIMIT_EXCEEDED", 100), "INVALID_DATA": ("INVALID_DATA", 100)},
     hundred_and_one),
    ("missing_lookup", {"reject": MISSING, "null": None}, lookup_to_nothing),
    ("email_pattern", {"on": "INVALID_DATA", "off": "SUCCESS"},
     lambda us: code_of(us, "Leads", {**LEAD, "Email": "x"})),
    ("website_pattern", {"on": "INVALID_DATA", "off": "SUCCESS"},
     lambda us: code_of(us, "Leads", {**LEAD, "Website": "a b"})),
    ("header_rfc1123", {"accept": 200, "reject": 400}, http_date),
    ("blueprint_details", {"path": ["api_name", "json_path"], "id": ["id"], "empty": []}, blueprint),
    ("tags_answer", {"full": TEXTS, "bare": ["tags changed", "absent"]}, tagged),
    ("bulk_csv_boolean", {"lower": "true", "upper": "TRUE", "number": "1"},
     lambda us: sheet(us, "Email_Opt_Out").split(",")[1]),
    ("bulk_csv_datetime", {"offset": "9999-99-99T99:99:99-99:99", "utc": "9999-99-99T99:99:99Z",
                           "plain": "9999-99-99 99:99:99"}, moment_cell),
    ("bulk_csv_quoting", {"minimal": '"a,b"False', "all": '"a,b"True'}, quoted),
    ("bulk_write_workflows", {"no": [], "yes": ["insert"]}, bulk_automations),
]  # fmt: skip
READINGS = [
    pytest.param(quirk, setting, wanted, probe, id=f"{quirk}={setting}")
    for quirk, readings, probe in CASES
    for setting, wanted in readings.items()
]


@pytest.mark.parametrize(("quirk", "setting", "expected", "probe"), READINGS)
def test_a_switch_plays_the_reading_that_it_names(
    emu: Emulator, us: Client, quirk: str, setting: str, expected: Any, probe: Probe
) -> None:
    emu.clock(set="2026-06-10T20:00:00Z", freeze=True)
    us.log_in()
    us.org.quirks(**{quirk: setting})
    assert probe(us) == expected
