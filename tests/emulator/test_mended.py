"""Mandatory subforms, callbacks of bulk jobs, what a reset undoes, and other small promises."""

from __future__ import annotations

import http.server
import json
import logging
import threading
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator, OrgHandle
from tests.emulator.test_bulk_read import post as post_read
from tests.emulator.test_bulk_write import HEADER
from tests.emulator.test_bulk_write import start as start_write
from tests.emulator.test_oauth import token

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


@pytest.fixture
def quote(us: Client) -> tuple[str, list[str]]:
    """A quote with two rows."""
    product = us.insert("Products", {"Product_Name": "p"})[0]
    row = {"Product_Name": {"id": product}, "Quantity": 1}
    number = us.insert("Quotes", {"Subject": "q", "Quoted_Items": [row, row]})[0]
    shown = us.get(f"Quotes/{number}").json()["data"][0]["Quoted_Items"]
    return number, [one["id"] for one in shown]


def gone(*rows: str) -> list[dict[str, Any]]:
    return [{"id": row, "_delete": None} for row in rows]


def test_an_update_empties_no_mandatory_subform(us: Client, quote: tuple[str, list[str]]) -> None:
    number, rows = quote
    for items in ([], gone(*rows)):
        answer = us.put(f"Quotes/{number}", {"data": [{"Quoted_Items": items}]})
        element = answer.json()["data"][0]
        assert (answer.status_code, element["code"]) == (400, "MANDATORY_NOT_FOUND")
        where = {"api_name": "Quoted_Items", "json_path": "$.data[0].Quoted_Items"}
        assert element["details"] == {**where, "id": number}
    assert len(us.get(f"Quotes/{number}").json()["data"][0]["Quoted_Items"]) == 2


def test_rows_may_go_while_one_stays_or_another_comes(us: Client, quote: tuple[str, list[str]]) -> None:
    number, rows = quote
    assert us.put(f"Quotes/{number}", {"data": [{"Quoted_Items": gone(rows[0])}]}).status_code == 200
    new = {"Product_Name": {"id": us.insert("Products", {"Product_Name": "o"})[0]}, "Quantity": 2}
    assert us.put(f"Quotes/{number}", {"data": [{"Quoted_Items": [*gone(rows[1]), new]}]}).status_code == 200
    assert us.put(f"Quotes/{number}", {"data": [{"Team": "x"}]}).status_code == 200


def test_no_row_of_a_subform_is_made_without_its_parent(us: Client) -> None:
    element = us.refusal("Milestones", {"Title": "x"})
    assert (element["code"], element["details"]["api_name"]) == ("MANDATORY_NOT_FOUND", "Parent_Id")
    assert us.org.records("Milestones") == []


# --- callbacks


class Listener(http.server.ThreadingHTTPServer):
    """Keeps what is POSTed to it."""

    def __init__(self) -> None:
        self.heard: list[tuple[str, dict[str, Any]]] = []
        super().__init__(("127.0.0.1", 0), _Ear)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def wait(self, seconds: float = 5) -> tuple[str, dict[str, Any]]:
        until = time.monotonic() + seconds
        while not self.heard and time.monotonic() < until:
            time.sleep(0.02)
        return self.heard[0]


class _Ear(http.server.BaseHTTPRequestHandler):
    server: Listener

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.server.heard.append((self.path, body))
        self.send_response(302)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    def log_message(self, *_: Any) -> None:
        """Say nothing."""


@pytest.fixture
def listener() -> Iterator[Listener]:
    with Listener() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def callback(url: str) -> dict[str, str]:
    return {"url": url, "method": "post"}


def test_a_bulk_read_tells_its_callback_when_it_ends(emu: Emulator, us: Client, listener: Listener) -> None:
    us.lead()
    body = {"callback": callback(f"{listener.url}/read?x=1"), "query": {"module": {"api_name": "Leads"}}}
    assert post_read(us, body).status_code == 201
    time.sleep(0.3)
    assert listener.heard == []
    emu.clock(advance=5)
    path, told = listener.wait()
    assert path == "/read?x=1"
    assert told["data"][0]["state"] == "COMPLETED"
    assert told["data"][0]["result"]["count"] == 1
    time.sleep(0.3)
    assert len(listener.heard) == 1


def test_a_bulk_write_tells_its_callback_when_it_ends(emu: Emulator, us: Client, listener: Listener) -> None:
    job = start_write(us, "insert", f"{HEADER}Lee,Acme,\n", callback=callback(f"{listener.url}/write"))
    emu.clock(advance=5)
    path, told = listener.wait()
    assert (path, told["id"], told["status"]) == ("/write", job, "COMPLETED")
    assert told["resource"][0]["file"]["added_count"] == 1
    assert len(us.org.records("Leads")) == 1


@pytest.mark.parametrize(
    "url",
    ["https://cb.example.com/x", "http://127.0.0.1.example.com/", "http://127.0.0.1@example.com/", "http://192.0.2.1/",
     "http://[", "http://127.0.0.1:x/"],
)  # fmt: skip
def test_nobody_but_this_machine_is_called(
    emu: Emulator, us: Client, caplog: pytest.LogCaptureFixture, url: str
) -> None:
    with caplog.at_level(logging.INFO, "emulator"):
        assert post_read(us, {"callback": callback(url), "query": {"module": {"api_name": "Leads"}}}).status_code == 201
        emu.clock(advance=5)
        until = time.monotonic() + 5
        while "callback not called" not in caplog.text and time.monotonic() < until:
            time.sleep(0.02)
    assert f"callback not called, it is no loopback address: {url}" in caplog.text


def test_a_callback_that_nobody_answers_does_no_harm(emu: Emulator, us: Client, listener: Listener) -> None:
    query = {"module": {"api_name": "Leads"}}
    for url in ("http://127.0.0.1:9/", f"{listener.url}/second"):
        assert post_read(us, {"callback": callback(url), "query": query}).status_code == 201
    emu.clock(advance=5)
    assert listener.wait()[0] == "/second"
    assert us.get("org").status_code == 200


# --- a reset


@pytest.fixture
def own() -> Iterator[Emulator]:
    with Emulator(access_lifetime=900) as emulator:
        yield emulator


def test_a_reset_undoes_a_revocation_of_the_announced_tokens(own: Emulator) -> None:
    org = own.orgs["us"]
    org.tokens(revoke=True)
    assert token(org).json() == {"error": "invalid_code"}
    own.reset()
    made = token(org).json()
    header = {"Authorization": f"Zoho-oauthtoken {made['access_token']}"}
    assert httpx.get(f"{org.base_url}/crm/v8/org", headers=header).status_code == 200
    httpx.post(f"{org.base_url}/oauth/v2/token/revoke", data={"token": org.refresh_token})
    own.reset()
    assert "access_token" in token(org).json()


def test_a_reset_undoes_lifetimes_and_keeps_those_of_the_start(own: Emulator) -> None:
    org = own.orgs["us"]
    org.tokens(access_lifetime=5, grant_lifetime=6)
    org.tokens(access_lifetime=7)
    assert token(org).json()["expires_in"] == 7
    assert lives(org) == (7, 6)
    own.reset()
    assert lives(org) == (900, 180)
    assert token(org).json()["expires_in"] == 900


def lives(org: OrgHandle) -> tuple[int, int]:
    accounts = org._site.accounts
    return accounts.access_lifetime, accounts.grant_lifetime


# --- writes


@pytest.mark.parametrize(
    ("body", "features"),
    [
        ({"wf_trigger": False}, ["approval", "blueprint", "pathfinder", "orchestration"]),
        ({"wf_trigger": "false", "trigger": ["workflow", "approval"]}, ["approval"]),
        ({"wf_trigger": True, "trigger": ["workflow"]}, ["workflow"]),
    ],
)
def test_wf_trigger_false_starts_no_workflow(us: Client, body: dict[str, Any], features: list[str]) -> None:
    us.post("Leads", {"data": [{"Last_Name": "x", "Company": "y"}], **body})
    assert us.org.log()[-1]["automations"][0]["features"] == features


@pytest.mark.parametrize(
    ("duration", "code"),
    [("0:0", "DEPENDENT_MISMATCH"), ("000:00", "DEPENDENT_MISMATCH"), ("00:00", "DEPENDENT_MISMATCH"),
     ("00:01", "SUCCESS"), ("10:00", "SUCCESS")],
)  # fmt: skip
def test_a_call_that_took_place_lasts_longer_than_nothing(us: Client, duration: str, code: str) -> None:
    started = {"Subject": "c", "Call_Type": "Inbound", "Call_Start_Time": "2026-01-02T03:04:05Z"}
    element = us.post("Calls", {"data": [{**started, "Call_Duration": duration}]}).json()["data"][0]
    assert element["code"] == code


def test_an_inserting_upsert_names_its_field_without_being_told_by_which(us: Client) -> None:
    us.org.quirks(insert_duplicate_field="named")
    element = us.post("Contacts/upsert", {"data": [{"Last_Name": "x", "Email": "a@x.com"}]}).json()["data"][0]
    assert (element["action"], element["duplicate_field"]) == ("insert", "Email")


def test_an_empty_update_by_path_names_a_field_that_can_be_written(us: Client) -> None:
    us.org.quirks(empty_update="reject")
    element = us.put(f"Leads/{us.lead()}", {"data": [{}]}).json()["data"][0]
    assert (element["code"], element["message"]) == ("EXPECTED_FIELD_MISSING", "Specify Atleast one field")
    (named,) = element["details"]["expected_fields"]
    assert named["json_path"] == f"$.data[0].{named['api_name']}"
    assert us.put(f"Leads/{us.lead()}", {"data": [{named["api_name"]: None}]}).json()["data"][0]["code"] != (
        "EXPECTED_FIELD_MISSING"
    )


def test_an_approval_state_is_one_that_the_emulator_plays(us: Client) -> None:
    number = us.lead()
    with pytest.raises(ValueError, match="approval_process_pending"):
        us.org.edit("Leads", number, {"$approval_state": "pending?"})
    us.org.edit("Leads", number, {"$approval_state": "delegated"})
    assert us.put(f"Leads/{number}", {"data": [{"City": "x"}]}).json()["data"][0]["code"] == "NOT_APPROVED"


@pytest.mark.parametrize("show", [True, False])
def test_an_external_field_is_shown_as_it_was_made(us: Client, show: bool) -> None:
    given = {"field_label": "Ext", "data_type": "text", "external": {"type": "org", "show": show}}
    name = us.org.add_field("Leads", **given)
    fields = us.get("settings/fields", module="Leads").json()["fields"]
    assert next(one for one in fields if one["api_name"] == name)["external"] == {"show": show, "type": "org"}
