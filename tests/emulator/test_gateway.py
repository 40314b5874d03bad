"""Paths, verbs, bodies and headers, whatever the call (facts 1.8, 2.5, 9)."""

from __future__ import annotations

import asyncio
import json
import socket
import time
from collections.abc import Callable, MutableMapping
from concurrent.futures import ThreadPoolExecutor
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

import httpx
import pytest

from daemon.emulator import Emulator, OrgHandle
from daemon.emulator.gateway import Gateway
from tests.emulator.test_metadata import planted

if TYPE_CHECKING:
    from tests.emulator.conftest import Client


@pytest.mark.parametrize(
    ("method", "path", "status", "code"),
    [
        ("GET", "/crm/v8/Leads/1/2/3", 404, "INVALID_URL_PATTERN"),
        ("GET", "/somewhere", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v9/Leads", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/v8.0/Leads", 404, "INVALID_URL_PATTERN"),
        ("GET", "/crm/bulk/v8.0/read/1", 404, "INVALID_URL_PATTERN"),
        ("OPTIONS", "/crm/v8/Leads", 400, "INVALID_REQUEST_METHOD"),
        ("PATCH", "/crm/v8/Leads", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v8/coql", 400, "INVALID_REQUEST_METHOD"),
        ("GET", "/crm/v8/Unicorns?fields=Name", 400, "INVALID_MODULE"),
        ("GET", "/crm/v8/Leads/abc", 400, "INVALID_DATA"),
        ("POST", "/crm/v8/Leads", 400, "INVALID_DATA"),
    ],
)
def test_what_does_not_exist_is_refused_by_name(us: Client, method: str, path: str, status: int, code: str) -> None:
    answer = us.http.request(method, path)
    assert (answer.status_code, answer.json()["code"]) == (status, code)


def test_an_empty_answer_has_neither_body_nor_type(us: Client) -> None:
    answer = us.get("Leads", fields="Last_Name")
    assert (answer.status_code, answer.content) == (204, b"")
    assert "content-type" not in answer.headers
    assert "content-length" not in answer.headers
    unchanged = us.get("Leads", fields="Last_Name", headers={"If-Modified-Since": "2020-01-01T00:00:00+00:00"})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert "content-type" not in unchanged.headers


MANY = ",".join(f"Field_{n}" for n in range(51))


@pytest.mark.parametrize(
    ("query", "code", "message", "details"),
    [
        ("", "REQUIRED_PARAM_MISSING", "One of the expected parameter is missing", {"param_name": "fields"}),
        (f"fields={MANY}", "LIMIT_EXCEEDED", "Fields limit exceeded", {"limit": 50, "param_name": "fields"}),
        (
            "fields=City&page=11",
            "DISCRETE_PAGINATION_LIMIT_EXCEEDED",
            "You can only get the first 2000 records without using page_token param",
            {"limit": 2000},
        ),
        (
            "fields=City&page_token=abc",
            "TOKEN_BOUND_DATA_MISMATCH",
            "The page_token given seems to be invalid or input param is added or altered or deleted",
            {"param_name": "page_token"},
        ),
    ],
)
def test_a_refused_list_says_what_the_facts_say(
    us: Client, query: str, code: str, message: str, details: dict[str, object]
) -> None:
    answer = us.http.get(f"/crm/v8/Leads?{query}")
    assert (answer.status_code, answer.headers["content-type"]) == (400, "application/json;charset=UTF-8")
    assert answer.json() == {"code": code, "details": details, "message": message, "status": "error"}


@pytest.mark.parametrize(
    ("header", "method", "path", "status", "body"),
    [
        ("Bearer 1000.x.y", "GET", "org", 401, {"code": "INVALID_TOKEN", "message": "invalid oauth token"}),
        ("x", "GET", "org", 401, {"code": "AUTHENTICATION_FAILURE", "message": "Authentication failed"}),
        (
            None,
            "GET",
            "a/b/c/d/e",
            404,
            {
                "code": "INVALID_URL_PATTERN",
                "message": "Please check if the URL trying to access is a correct one",
            },
        ),
        (
            None,
            "PATCH",
            "Leads",
            400,
            {"code": "INVALID_REQUEST_METHOD", "message": "The http request method type is not a valid one"},
        ),
        (
            None,
            "GET",
            "Unicorns?fields=a",
            400,
            {
                "code": "INVALID_MODULE",
                "message": "the module name given seems to be invalid",
                "details": {"resource_path_index": 0},
            },
        ),
    ],
)
def test_the_gateway_refuses_in_the_words_of_the_facts(
    us: Client, header: str | None, method: str, path: str, status: int, body: dict[str, object]
) -> None:
    headers = {} if header is None else {"Authorization": header}
    answer = us.http.request(method, f"/crm/v8/{path}", headers=headers)
    assert (answer.status_code, answer.headers["content-type"]) == (status, "application/json;charset=UTF-8")
    assert answer.json() == {"details": {}, "status": "error", **body}


def test_a_token_in_the_query_string_is_no_token(us: Client) -> None:
    token = us.http.headers["authorization"].split()[1]
    answer = httpx.get(f"{us.org.base_url}/crm/v8/org", params={"access_token": token, "auth": token})
    assert answer.json()["code"] == "AUTHENTICATION_FAILURE"


@pytest.mark.parametrize("version", ["v2", "v3", "v4", "v5", "v6", "v7", "v8"])
def test_every_version_answers(us: Client, version: str) -> None:
    us.lead()
    assert us.http.get(f"/crm/{version}/Leads?fields=Last_Name").json()["data"][0]["Last_Name"] == "Lee"


def test_version_two_lists_without_fields(us: Client) -> None:
    us.lead()
    assert us.http.get("/crm/v2/Leads").json()["data"][0]["Company"] == "Acme"
    assert us.http.get("/crm/v8/Leads").json()["code"] == "REQUIRED_PARAM_MISSING"


def test_a_json_body_needs_no_content_type(us: Client) -> None:
    answer = us.http.post("/crm/v8/Leads", content=b'{"data":[{"Last_Name":"x","Company":"y"}]}')
    assert answer.status_code == 201


def test_unknown_parameters_and_a_trailing_ampersand_do_no_harm(us: Client) -> None:
    us.lead()
    assert us.http.get("/crm/v8/Leads?fields=Last_Name&whatever=1&").status_code == 200


def test_the_date_header_follows_the_emulated_clock(emu: Emulator, us: Client) -> None:
    emu.clock(set="2030-01-01T00:00:00+00:00", freeze=True)
    date = parsedate_to_datetime(us.get("org").headers["date"])
    assert date.isoformat() == "2030-01-01T00:00:00+00:00"


def test_request_errors_come_wrapped_when_the_quirk_says_so(emu: Emulator, us: Client) -> None:
    emu.quirks(error_envelope="data")
    assert us.get("Leads").json()["data"][0]["code"] == "REQUIRED_PARAM_MISSING"


def test_credits_are_charged_by_call(us: Client) -> None:
    us.insert("Leads", *({"Last_Name": str(n), "Company": "c"} for n in range(11)))
    us.coql("select id from Leads where id is not null limit 2000")
    us.get("org")
    assert us.org.credits()["by_kind"] == {"insert": 2, "coql": 3, "org": 1}


def test_the_remaining_credits_are_told_from_half_use_on(client_of: Callable[[OrgHandle], Client]) -> None:
    with Emulator(data_centers=("us",), edition="free") as emulator:
        org = emulator.orgs["us"]
        client = client_of(org)
        assert "x-api-credits-remaining" not in client.get("org").headers
        for _ in range(834):
            client.coql("select id from Leads where id is not null limit 2000")
        assert int(client.get("org").headers["x-api-credits-remaining"]) == 5000 - org.credits()["used"]
        emulator.do(lambda hands: hands._site("us").meter.spend("org", 2496, emulator.world.clock.now()))
        refused = client.get("org")
        assert (refused.status_code, refused.json()["code"]) == (429, "TOO_MANY_REQUESTS")
        emulator.clock(advance=86_401)
        client.log_in()
        assert client.get("org").status_code == 200


def test_more_calls_in_flight_than_the_edition_allows_are_refused(emu: Emulator, us: Client) -> None:
    us.org.faults.add(effect="latency", kind="org", seconds=1.5)
    with ThreadPoolExecutor(30) as pool:
        statuses = list(pool.map(lambda _: us.get("org").status_code, range(30)))
    assert sorted(set(statuses)) == [200, 429]
    assert statuses.count(200) == 20


def raw(us: Client, request: bytes) -> bytes:
    """Everything that comes back for these bytes."""
    host, port = us.org.base_url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(request)
        return b"".join(iter(lambda: wire.recv(4_096), b""))


@pytest.mark.parametrize(
    ("request_", "kind", "text"),
    [
        (b"GET /crm/v8/org HTTP/1.1\r\nno colon\r\n\r\n", b"text/html", b"<h1>400</h1>"),
        (b"\x00\xff nonsense\r\n\r\n", b"text/html", b"<h1>400</h1>"),
    ],
)
def test_what_is_no_http_is_refused_and_does_not_stop_the_server(
    us: Client, request_: bytes, kind: bytes, text: bytes
) -> None:
    answer = raw(us, request_)
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert kind in answer
    assert text in answer
    assert b"\r\ndate: " in answer.lower()
    assert us.get("org").status_code == 200
    assert httpx.get(us.org.base_url).status_code == 401


def spoken(us: Client, line: bytes, *, token: bool = True, more: bytes = b"") -> tuple[int, bytes, bytes]:
    """Status, head and body that come back for a request line as it stands."""
    auth = us.http.headers["Authorization"] if token else "Zoho-oauthtoken 1000.x.y"
    head = f"Host: x\r\nAuthorization: {auth}\r\nConnection: close\r\n".encode()
    said, _, body = raw(us, line + b" HTTP/1.1\r\n" + head + b"\r\n" + more).partition(b"\r\n\r\n")
    return int(said.split()[1]), said.lower(), body


@pytest.mark.parametrize("verb", ["FOO", "get", "PROPFIND", "CONNECT", "TRACE", "M-SEARCH"])
def test_a_verb_that_nobody_knows_is_a_call_like_any_other(us: Client, verb: str) -> None:
    status, head, body = spoken(us, f"{verb} /crm/v8/Leads".encode())
    assert (status, json.loads(body)["code"]) == (400, "INVALID_REQUEST_METHOD")
    assert b"\r\ndate: " in head
    assert (us.org.log()[-1]["method"], us.org.log()[-1]["path"]) == (verb, "/crm/v8/Leads")
    status, _, body = spoken(us, f"{verb} /crm/v8/Leads".encode(), token=False)
    assert (status, json.loads(body)["code"]) == (401, "INVALID_TOKEN")


def test_after_an_odd_verb_the_connection_goes_on(us: Client) -> None:
    auth = us.http.headers["Authorization"].encode()
    first = b"FOO /crm/v8/org HTTP/1.1\r\nHost: x\r\nAuthorization: " + auth + b"\r\n\r\n"
    status, _, rest = spoken(us, b"GET /crm/v8/org", more=b"")
    assert status == 200
    answer = raw(
        us, first + b"GET /crm/v8/org HTTP/1.1\r\nHost: x\r\nConnection: close\r\nAuthorization: " + auth + b"\r\n\r\n"
    )
    assert (answer.count(b"HTTP/1.1 400"), answer.count(b"HTTP/1.1 200"), rest in answer) == (1, 1, True)


def test_a_body_that_looks_like_a_request_stays_as_it_is(us: Client) -> None:
    host, port = us.org.base_url.removeprefix("http://").split(":")
    body = b"FOO /\xc3\xa9 HTTP/1.1\r\n\r\n"
    head = f"POST /crm/v8/coql HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {len(body)}\r\n"
    head += f"Authorization: {us.http.headers['Authorization']}\r\n\r\n"
    with socket.create_connection((host, int(port)), timeout=5) as wire:
        wire.sendall(head.encode())
        time.sleep(0.05)
        wire.sendall(body)
        assert b"expected_data_type" in b"".join(iter(lambda: wire.recv(4_096), b""))
    assert us.org.log()[-1]["body"] == body.decode()


@pytest.mark.parametrize("name", ["José".encode(), b"Jos%C3%A9", b"Jos%c3\xa9"])
def test_a_letter_beyond_ascii_in_the_address_is_read_as_utf_8(us: Client, name: bytes) -> None:
    us.lead(Last_Name="José")
    us.lead()
    status, head, body = spoken(us, b"GET /crm/v8/Leads/search?criteria=(Last_Name:equals:" + name + b")")
    assert (status, b"\r\ndate: " in head) == (200, True)
    assert [row["Last_Name"] for row in json.loads(body)["data"]] == ["José"]
    status, _, body = spoken(us, b"GET /crm/v8/" + name)
    assert (status, json.loads(body)["code"]) == (400, "INVALID_MODULE")
    status, _, body = spoken(us, b"GET /crm/v8/Leads/search?word=\xff\xfe")
    assert status == 204


@pytest.mark.parametrize(
    ("denied", "method", "path", "code"),
    [
        ("Edit_Leads", "PUT", "Leads", "AUTHORIZATION_FAILED"),
        ("Customize_Zoho_CRM", "POST", "settings/fields?module=Leads", "AUTHORIZATION_FAILED"),
        ("Manage_Profiles", "GET", "settings/profiles", "AUTHORIZATION_FAILED"),
        ("View_Leads", "GET", "Leads?fields=Last_Name", "NO_PERMISSION"),
        ("Create_Leads", "POST", "Leads", "NO_PERMISSION"),
    ],
)
def test_a_lacking_privilege_is_not_a_lacking_permission(
    emu: Emulator, us: Client, denied: str, method: str, path: str, code: str
) -> None:
    emu.quirks(lacking_privilege="AUTHORIZATION_FAILED")
    with planted(us, f"Crm_Implied_{denied}") as caller:
        refused = caller.request(method, f"/{path}", json={"data": [{"Last_Name": "x", "Company": "y"}]})
    assert (refused.json()["code"], refused.status_code) == (code, 400 if code == "AUTHORIZATION_FAILED" else 403)


def test_between_late_answers_that_are_due_at_once_the_emulator_reads_what_comes_in() -> None:
    """Else calls that began together would stay together, and each would wait for all of them."""
    with Emulator(("us",), latency=0.01) as emu:
        gateway = Gateway(emu.world, emu.world.sites["us"])
        turns: list[int] = []
        asyncio.run(_rounds_of_answers(gateway, turns))
    assert len(set(turns)) == 5


async def _rounds_of_answers(gateway: Gateway, turns: list[int]) -> None:
    """Five calls at once; notes in which round of the event loop each is answered."""
    rounds = 0

    async def received() -> dict[str, object]:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def sent(message: MutableMapping[str, object]) -> None:
        if message["type"] == "http.response.start":
            turns.append(rounds)

    async def call() -> None:
        scope = {"type": "http", "method": "GET", "path": "/somewhere", "headers": [], "query_string": b""}
        await gateway({**scope, "state": {"transport": None}}, received, sent)

    calls = [asyncio.create_task(call()) for _ in range(5)]
    await asyncio.sleep(0.005)
    time.sleep(0.02)  # all of them are due by then
    while len(turns) < len(calls):
        rounds += 1
        await asyncio.sleep(0)
    await asyncio.gather(*calls)
