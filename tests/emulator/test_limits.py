"""Tokens bound to their org, and the limits of facts 9: pools, spellings of 429, the rolling day."""

from __future__ import annotations

import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator
from daemon.emulator.quirks import QUIRKS, listing

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

TOO_MANY = {"data": [{"Company": "c"}] * 101}
REFUSED: list[tuple[str, str, Any, int]] = [
    ("PUT", "/crm/v8/Leads", TOO_MANY, 10),
    ("POST", "/crm/v8/coql", {"select_query": "select id from Leads where id is not null limit 2001"}, 3),
    ("GET", "/crm/v8/Leads", None, 1),
]


@pytest.mark.parametrize(("method", "path", "body", "price"), REFUSED)
def test_what_a_refused_call_costs_is_switchable(
    emu: Emulator, us: Client, method: str, path: str, body: Any, price: int
) -> None:
    used = []
    for quirk in ("yes", "no"):
        emu.quirks(refused_calls_cost=quirk)
        assert us.http.request(method, path, json=body).status_code == 400
        used.append((us.org.credits()["used"], us.org.log()[-1]["credits"]))
    assert used == [(price, price), (price, 0)]
    assert us.get("org").status_code == 200
    assert us.org.credits()["used"] == price + 1


def test_only_who_is_known_learns_how_many_credits_remain(us: Client) -> None:
    meter = us.org._site.meter
    us.org._emulator.do(lambda _: meter.spend("org", meter.allowance - 5, us.org._site.org.clock.now()))
    stranger = us.http.get("/crm/v8/org", headers={"Authorization": "Zoho-oauthtoken 1000.x.y"})
    assert stranger.json()["code"] == "INVALID_TOKEN"
    assert "x-api-credits-remaining" not in stranger.headers
    assert us.get("org").headers["x-api-credits-remaining"] == "4"


ROWS = [{"Title": str(n)} for n in range(30)]


def test_a_token_of_one_org_opens_no_other(us: Client, india: Client) -> None:
    answer = us.http.get("/crm/v8/org", headers=india.org.headers())
    assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    form = {"grant_type": "refresh_token", "refresh_token": india.org.refresh_token}
    ours = {"client_id": us.org.client_id, "client_secret": us.org.client_secret}
    assert us.http.post("/oauth/v2/token", data={**form, **ours}).json() == {"error": "invalid_code"}


@pytest.mark.parametrize(("quirk", "status"), [("failure", 200), ("error", 200), ("bad_request", 400)])
def test_a_failed_revocation_never_says_success(emu: Emulator, us: Client, quirk: str, status: int) -> None:
    emu.quirks(revoke_failure=quirk)
    answer = us.http.post("/oauth/v2/token/revoke", params={"token": "1000.x.y"})
    assert answer.status_code == status
    assert answer.json().get("status") != "success"


@pytest.mark.parametrize(
    ("records", "path", "least"),
    [
        ([{"Name": "p"}] * 11, "Projects", 10),
        ([{"Name": "p"}] * 10, "Projects", 15),
        ([{"Name": "p", "Milestones": ROWS}], "Projects", 15),
    ],
)
def test_the_small_pool_counts_records_not_braces(
    emu: Emulator, us: Client, records: list[dict[str, Any]], path: str, least: int
) -> None:
    us.org.faults.add(effect="latency", kind="insert", seconds=1.5)
    with ThreadPoolExecutor(15) as pool:
        statuses = list(pool.map(lambda _: us.post(path, {"data": records}).status_code, range(15)))
    assert statuses.count(201) == least
    assert set(statuses) <= {201, 429}


@pytest.mark.parametrize(
    ("code", "status"), [("TOO_MANY_REQUESTS", 429), ("RATE_LIMIT_EXCEEDED", 429), ("TOO_MANY_REQUESTS", 400)]
)
def test_an_exceeded_allowance_is_spelt_in_three_ways_and_comes_back_after_a_day(
    emu: Emulator, us: Client, code: str, status: int
) -> None:
    emu.quirks(over_limit_code=code, over_limit_status=str(status))
    meter = us.org._site.meter
    meter.spend("insert", meter.allowance - 1, emu.world.clock.now())
    last = us.get("org")
    assert (last.status_code, last.headers["x-api-credits-remaining"]) == (200, "0")
    refused = us.get("org")
    assert (refused.status_code, refused.json()["code"]) == (status, code)
    emu.clock(advance=86_401)
    us.log_in()
    assert us.get("org").status_code == 200
    assert "x-api-credits-remaining" not in us.get("org").headers


def test_every_quirk_is_listed_with_its_choices(us: Client) -> None:
    lines = listing().splitlines()
    assert len(lines) == len(QUIRKS)
    assert all(choice in line for line, quirk in zip(lines, QUIRKS.values(), strict=True) for choice in quirk.choices)


def test_under_first_only_ties_come_youngest_first(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    ids = [us.lead() for _ in range(4)]
    query = "select Last_Name from Leads where id is not null order by Modified_Time asc, id asc"
    assert [row["id"] for row in us.coql(query).json()["data"]] == ids
    emu.quirks(coql_order="first_only")
    assert [row["id"] for row in us.coql(query).json()["data"]] == ids[::-1]


@pytest.mark.parametrize(
    ("method", "path", "body", "passed"),
    [
        ("GET", "Leads?fields=City&sort_by=Modified_Time", None, 10),
        ("GET", "Leads?fields=City", None, 15),
        ("POST", "coql", {"select_query": "select City from Leads where id is not null"}, 10),
        ("GET", "Leads/search?word=abc", None, 10),
        ("POST", "Leads/upsert", {"data": [{"Last_Name": str(n), "Company": "c"} for n in range(11)]}, 10),
    ],
)
def test_complex_calls_share_a_pool_of_ten(us: Client, method: str, path: str, body: Any, passed: int) -> None:
    us.org.faults.add(effect="latency", seconds=1)
    with ThreadPoolExecutor(15) as pool:
        answers = pool.map(lambda _: us.http.request(method, f"/crm/v8/{path}", json=body), range(15))
        statuses = [answer.status_code for answer in answers]
    assert statuses.count(429) == 15 - passed


def test_the_free_edition_has_five_calls_in_flight_and_five_thousand_credits(client_of: Any) -> None:
    with Emulator(data_centers=("us",), edition="free") as emulator:
        free = client_of(emulator.orgs["us"])
        assert emulator.orgs["us"].credits()["allowance"] == 5_000
        emulator.faults({"effect": "latency", "seconds": 1})
        with ThreadPoolExecutor(8) as pool:
            answers = list(pool.map(lambda _: free.get("org"), range(8)))
    assert sorted(answer.status_code for answer in answers) == [200] * 5 + [429] * 3
    refused = next(answer for answer in answers if answer.status_code == 429)
    assert refused.json() == {
        "code": "TOO_MANY_REQUESTS", "details": {}, "message": "too many requests", "status": "error",
    }  # fmt: skip
    assert refused.headers["content-type"] == "application/json;charset=UTF-8"


def test_token_calls_take_no_place_and_tell_no_credits(emu: Emulator, us: Client) -> None:
    emu.quirks(token_throttle="off")
    meter = us.org._site.meter
    meter.spend("insert", meter.allowance // 2 + 1, emu.world.clock.now())
    us.org.faults.add(effect="latency", kind="token", seconds=1)
    form = {"grant_type": "refresh_token", "refresh_token": us.org.refresh_token}
    credential = {"client_id": us.org.client_id, "client_secret": us.org.client_secret}
    with ThreadPoolExecutor(25) as pool:
        running = [pool.submit(us.http.post, "/oauth/v2/token", data={**form, **credential}) for _ in range(25)]
        time.sleep(0.4)
        api = us.get("org")
        tokens = [one.result() for one in running]
    assert api.status_code == 200
    assert "x-api-credits-remaining" in api.headers
    assert all("access_token" in one.json() and "x-api-credits-remaining" not in one.headers for one in tokens)
