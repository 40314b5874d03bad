"""Misfortune on demand."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator
from daemon.emulator.faults import SINGLE_KINDS, parse_fault
from daemon.emulator.handlers import HANDLERS

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

RECORD = {"data": [{"Last_Name": "x", "Company": "y"}]}


def test_the_next_calls_of_a_kind_fail_and_then_no_more(us: Client) -> None:
    us.org.faults.next("insert", status=429, times=2)
    assert [us.post("Leads", RECORD).status_code for _ in range(3)] == [429, 429, 201]
    assert len(us.org.records("Leads")) == 1


def test_a_fault_selects_by_org_kind_and_module(us: Client, india: Client) -> None:
    us.org.faults.add(effect="status", status=503, kind="read", module="Leads")
    assert us.get("Leads", fields="City").status_code == 503
    assert us.get("Contacts", fields="Email").status_code == 204
    assert us.coql("select id from Leads where id is not null").status_code == 503
    assert us.post("Leads", RECORD).status_code == 201
    assert india.get("Leads", fields="City").status_code == 204


def test_a_fault_can_let_some_calls_pass_first(us: Client) -> None:
    us.org.faults.next("org", status=500, skip=1)
    assert [us.get("org").status_code for _ in range(3)] == [200, 500, 200]


def test_a_rate_is_the_same_for_the_same_seed(emu: Emulator, us: Client) -> None:
    def life() -> list[int]:
        emu.clear_faults()
        us.org.faults.add(effect="status", status=500, kind="org", rate=0.5, seed=3)
        return [us.get("org").status_code for _ in range(12)]

    first = life()
    assert set(first) == {200, 500}
    assert life() == first


@pytest.mark.parametrize(("when", "written"), [("before", 0), ("after", 1)])
def test_a_cut_connection_hides_whether_the_write_was_done(us: Client, when: str, written: int) -> None:
    us.org.faults.next("insert", effect="cut", when=when)
    with pytest.raises(httpx.TransportError):
        us.post("Leads", RECORD)
    assert len(us.org.records("Leads")) == written
    assert [entry["executed"] for entry in us.org.log(kind="insert")] == [bool(written)]


def test_an_error_answer_can_come_after_the_write_was_done(us: Client) -> None:
    us.org.faults.next("insert", status=502, when="after", body="html")
    answer = us.post("Leads", RECORD)
    assert (answer.status_code, answer.text.startswith("<!DOCTYPE html>")) == (502, True)
    assert len(us.org.records("Leads")) == 1


def test_half_a_body_breaks_off(us: Client) -> None:
    us.org.faults.next("insert", effect="half")
    with pytest.raises(httpx.RemoteProtocolError, match="message body"):
        us.post("Leads", RECORD)
    assert len(us.org.records("Leads")) == 1
    assert us.get("org").status_code == 200


def test_a_stalled_connection_gives_no_answer(us: Client) -> None:
    us.org.faults.next("org", effect="stall")
    with pytest.raises(httpx.ReadTimeout):
        us.http.get("/crm/v8/org", timeout=0.2)
    us.org.faults.next("org", effect="stall", seconds=0.1)
    with pytest.raises(httpx.TransportError):
        us.get("org")


@pytest.mark.parametrize("shape", ["text", "null", "number", "list", "string", "empty", "wrong_type", "truncated"])
def test_garbage_comes_as_200(us: Client, shape: str) -> None:
    us.org.faults.next("list", effect="garbage", shape=shape)
    answer = us.get("Leads", fields="City")
    assert answer.status_code == 200
    assert b'"info":{' not in answer.content


def test_latency_delays_the_answer(us: Client) -> None:
    us.org.faults.next("org", effect="latency", seconds=0.2)
    start = time.perf_counter()
    us.get("org")
    assert time.perf_counter() - start >= 0.2


def test_tokens_die_in_mid_flight(us: Client) -> None:
    us.org.faults.next("org", effect="token_expired")
    assert [us.get("org").status_code for _ in range(2)] == [401, 401]
    assert us.log_in().get("org").status_code == 200


def test_hidden_writes_appear_later_with_their_old_time(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    old = us.lead(City="Graz")
    us.org.faults.next("write", effect="visibility", seconds=10, times=2)
    new = us.lead()
    us.put(f"Leads/{old}", {"data": [{"City": "Wien"}]})
    at = us.org.records("Leads")[1]["Modified_Time"]
    query = "select City from Leads where id is not null"
    assert [row["City"] for row in us.coql(query).json()["data"]] == ["Graz"]
    assert us.get(f"Leads/{new}").status_code == 204
    emu.clock(advance=10)
    assert [row["City"] for row in us.coql(query).json()["data"]] == ["Wien", None]
    assert us.get(f"Leads/{new}").json()["data"][0]["Modified_Time"] == at


def test_a_later_write_never_overtakes_a_hidden_one(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    number = us.lead(City="Graz")
    us.org.faults.next("update", effect="visibility", seconds=10)
    for city in ("Wien", "Linz"):
        us.put(f"Leads/{number}", {"data": [{"City": city}]})
    emu.clock(advance=9)
    assert us.get(f"Leads/{number}").json()["data"][0]["City"] == "Graz"
    emu.clock(advance=1)
    assert us.get(f"Leads/{number}").json()["data"][0]["City"] == "Linz"


def test_hidden_deletions_stay_out_of_the_deleted_list(emu: Emulator, us: Client) -> None:
    emu.clock(freeze=True)
    number = us.lead()
    us.org.faults.next("delete", effect="visibility", seconds=5)
    us.delete(f"Leads/{number}")
    assert (us.get(f"Leads/{number}").status_code, us.get("Leads/deleted").status_code) == (200, 204)
    emu.clock(advance=5)
    assert (us.get(f"Leads/{number}").status_code, us.get("Leads/deleted").status_code) == (204, 200)


def test_the_date_header_can_lie_and_the_clock_can_step(emu: Emulator, us: Client) -> None:
    emu.clock(set="2030-01-01T00:00:00Z", freeze=True)
    us.log_in()
    us.org.faults.next("org", effect="date_skew", seconds=-3600)
    assert us.get("org").headers["date"] == "Mon, 31 Dec 2029 23:00:00 GMT"
    us.org.faults.next("org", effect="clock_step", seconds=-60)
    assert us.get("org").headers["date"] == "Mon, 31 Dec 2029 23:59:00 GMT"


@pytest.mark.parametrize(
    ("wrong", "told"),
    [
        (5, "a fault is a JSON object, not 5"),
        ({}, "effect is missing"),
        ({"effect": "magic"}, "effect is one of"),
        ({"effect": ["cut"]}, "effect is one of"),
        ({"effect": "cut", "status": 1}, 'unknown keys "status"'),
        ({"effect": "half", "when": "after"}, 'unknown keys "when"'),
        ({"effect": "cut", "kind": "no"}, "unknown kind of call"),
        ({"effect": "cut", "kind": [{}]}, "unknown kind of call"),
        ({"effect": "cut", "kind": []}, "on no call"),
        ({"effect": "cut", "when": "x"}, "when is one of before, after"),
        ({"effect": "cut", "rate": 9}, "rate is a number from 0 to 1, not 9"),
        ({"effect": "cut", "rate": True}, "rate is a number"),
        ({"effect": "cut", "times": 0}, "times is a whole number from 1"),
        ({"effect": "cut", "times": 1.5}, "times is a whole number"),
        ({"effect": "cut", "skip": -1}, "skip is a whole number from 0"),
        ({"effect": "cut", "seed": "x"}, "seed is a whole number"),
        ({"effect": "cut", "org": 5}, "org is a text"),
        ({"effect": "cut", "module": []}, "module is a text"),
        ({"effect": "latency", "seconds": -5}, "seconds is a number from 0"),
        ({"effect": "latency", "seconds": 1e9}, "seconds is a number from 0 to 86,400"),
        ({"effect": "latency", "min": 2, "max": 1}, "max is not below min"),
        ({"effect": "latency", "seconds": 1, "max": 1}, "not both"),
        ({"effect": "clock_step", "seconds": -1e12}, "seconds is a number from -316,224,000"),
        ({"effect": "status", "status": 100}, "status is a whole number from 200 to 599"),
        ({"effect": "status", "status": 500, "body": "xml"}, "body is one of json, html, empty"),
        ({"effect": "status", "code": 5}, "code is a text"),
        ({"effect": "garbage", "shape": []}, "shape is one of"),
        ({"effect": "visibility", "kind": "read"}, "shows on no call"),
        ({"effect": "token_expired", "kind": "auth"}, "shows on no call"),
    ],
)
def test_a_fault_that_makes_no_sense_is_refused_with_the_reason(wrong: Any, told: str) -> None:
    with pytest.raises(ValueError, match=re.escape(told)):
        parse_fault(wrong)


def test_every_kind_of_call_can_meet_a_fault() -> None:
    assert set(HANDLERS) <= SINGLE_KINDS


def test_an_org_goes_by_its_data_centre_too_and_one_that_is_not_there_is_refused(emu: Emulator, india: Client) -> None:
    emu.faults({"effect": "status", "status": 503, "org": "in", "kind": "org"})
    assert india.get("org").status_code == 503
    for wrong in ({"org": "mars"}, {"module": "Unicorns"}):
        with pytest.raises(LookupError):
            emu.faults([{"effect": "cut"}, {"effect": "cut", **wrong}])
    assert india.get("users").status_code == 200


def test_a_revoked_token_takes_its_refresh_token_and_its_sisters_along(emu: Emulator, us: Client) -> None:
    refresh = us.org.new_refresh_token()
    form = {"grant_type": "refresh_token", "refresh_token": refresh}
    form |= {"client_id": us.org.client_id, "client_secret": us.org.client_secret}
    first, second = (us.http.post("/oauth/v2/token", data=form).json()["access_token"] for _ in range(2))
    us.org.faults.next(effect="token_revoked")
    for token in (first, second):
        answer = us.get("org", headers={"Authorization": f"Bearer {token}"})
        assert (answer.status_code, answer.json()["code"]) == (401, "INVALID_TOKEN")
    assert us.http.post("/oauth/v2/token", data=form).json() == {"error": "invalid_code"}


def test_a_dead_token_is_not_spent_on_a_token_call_nor_a_late_write_on_a_read(emu: Emulator, us: Client) -> None:
    us.org.faults.next(effect="token_expired")
    us.org.faults.next(effect="visibility", seconds=60)
    us.http.post("/oauth/v2/token")
    assert us.get("org").status_code == 401
    us.log_in().get("users")
    number = us.lead()
    assert us.get(f"Leads/{number}").status_code == 204


@pytest.mark.parametrize(
    ("status", "code"), [(429, "TOO_MANY_REQUESTS"), (429, "RATE_LIMIT_EXCEEDED"), (400, "TOO_MANY_REQUESTS")]
)
def test_a_429_is_injected_in_its_three_spellings(us: Client, status: int, code: str) -> None:
    us.org.faults.next("org", status=status, code=code, message="slow down")
    answer = us.get("org")
    assert (answer.status_code, answer.json()["code"], answer.json()["message"]) == (status, code, "slow down")


@pytest.mark.parametrize("status", [204, 304])
def test_an_injected_empty_answer_is_empty(us: Client, status: int) -> None:
    us.org.faults.next("org", status=status)
    answer = us.get("org")
    assert (answer.status_code, answer.content) == (status, b"")
    assert us.get("org").status_code == 200


def test_an_html_page_comes_instead_of_the_call(us: Client) -> None:
    us.org.faults.next("insert", effect="html", status=503)
    answer = us.post("Leads", RECORD)
    assert (answer.status_code, answer.headers["content-type"]) == (503, "text/html;charset=UTF-8")
    assert us.org.records("Leads") == []


def test_a_stalled_answer_can_hide_a_write_that_was_done(us: Client) -> None:
    us.org.faults.next("insert", effect="stall", seconds=0.1, when="after")
    with pytest.raises(httpx.TransportError):
        us.post("Leads", RECORD)
    assert len(us.org.records("Leads")) == 1


def test_latency_is_drawn_between_two_bounds(us: Client) -> None:
    us.org.faults.next("org", effect="latency", min=0.1, max=0.2)
    start = time.perf_counter()
    us.get("org")
    assert 0.1 <= time.perf_counter() - start < 2


@pytest.mark.parametrize("moment", ["1970-01-01T00:00:05Z", "8999-12-31T00:00:00Z"])
def test_clocks_that_step_beyond_the_calendar_do_no_harm(emu: Emulator, us: Client, moment: str) -> None:
    emu.clock(freeze=True)
    for seconds in (-300_000_000, 300_000_000):
        emu.clock(set=moment)
        us.log_in()
        us.org.faults.next("org", effect="date_skew", seconds=seconds)
        us.org.faults.next("org", effect="clock_step", seconds=seconds)
        assert us.get("org").status_code in (200, 401)
        assert us.get("org").headers["date"]
