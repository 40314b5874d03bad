"""Tokens bound to their org, and the limits of facts 9: pools, spellings of 429, the rolling day."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from daemon.emulator import Emulator
from daemon.emulator.quirks import QUIRKS, listing

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

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
