"""Misfortune on demand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator
from daemon.emulator.faults import parse_fault

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
    "wrong",
    [
        5,
        {"effect": "magic"},
        {"effect": "cut", "status": 1},
        {"effect": "cut", "kind": "no"},
        {"effect": "cut", "when": "x"},
    ],
)
def test_a_fault_that_makes_no_sense_is_refused(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r"\w"):
        parse_fault(wrong)
