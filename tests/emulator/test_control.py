"""The control endpoint, seeding and the command line."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from daemon.emulator import Emulator
from daemon.emulator.quirks import QUIRKS

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

ROOT = Path(__file__).parents[2]


def control(emu: Emulator, method: str, path: str, body: Any = None) -> httpx.Response:
    return httpx.request(method, emu.control_url + path, json=body)


def test_a_record_is_made_edited_deleted_and_restored_by_hand(emu: Emulator, us: Client) -> None:
    number = control(emu, "POST", "/orgs/us/Leads", {"Last_Name": "x", "Email": "not an address"}).json()["id"]
    control(emu, "PATCH", f"/orgs/us/Leads/{number}", {"City": "Graz"})
    dump = control(emu, "GET", "/orgs/us/Leads").json()["data"]
    assert [(row["id"], row["City"], row["Email"]) for row in dump] == [(number, "Graz", "not an address")]
    control(emu, "DELETE", f"/orgs/us/Leads/{number}")
    assert us.get("Leads/deleted").json()["data"][0]["id"] == number
    assert control(emu, "POST", f"/orgs/us/restore/Leads/{number}").status_code == 200
    assert us.get(f"Leads/{number}").status_code == 200


def test_what_is_not_there_is_404_and_nonsense_is_400(emu: Emulator) -> None:
    assert control(emu, "GET", "/orgs/mars/Leads").status_code == 404
    assert control(emu, "PATCH", "/orgs/us/Leads/5", {"City": "x"}).status_code == 404
    assert control(emu, "POST", "/quirks", {"no_such": "x"}).status_code == 400
    assert control(emu, "POST", "/faults", {"effect": "magic"}).status_code == 400
    assert control(emu, "POST", "/clock", {"sideways": 1}).status_code == 400
    assert control(emu, "POST", "/seed", {"records": "many"}).status_code == 400


def test_the_log_holds_bodies_credits_and_answers(emu: Emulator, us: Client) -> None:
    us.lead(City="Graz")
    entry = control(emu, "GET", "/log?org=us&kind=insert").json()["log"][-1]
    assert entry["body"]["data"][0]["City"] == "Graz"
    assert (entry["status"], entry["credits"], entry["codes"]) == (201, 1, {"SUCCESS": 1})
    later = control(emu, "GET", f"/log?since={entry['number']}").json()["log"]
    assert later == []


def test_schema_and_tokens_bend_to_the_control_endpoint(emu: Emulator, us: Client) -> None:
    fields = "/orgs/us/schema/Leads/fields"
    assert control(emu, "POST", fields, {"field_label": "Colour", "data_type": "text"}).json()["api_name"] == "Colour"
    assert control(emu, "PATCH", f"{fields}/Colour", {"length": 7}).status_code == 200
    shown = {item["api_name"]: item for item in control(emu, "GET", fields).json()["fields"]}
    assert shown["Colour"]["length"] == 7
    assert control(emu, "DELETE", f"{fields}/Colour").status_code == 200
    control(emu, "POST", "/orgs/us/tokens", {"expire": True})
    assert us.get("org").status_code == 401


def test_every_quirk_can_be_set_to_each_of_its_values(emu: Emulator) -> None:
    with httpx.Client(base_url=emu.control_url) as client:
        for quirk in QUIRKS.values():
            for choice in quirk.choices:
                assert client.post("/quirks", json={quirk.name: choice}).json()[quirk.name] == choice
    assert all(quirk.note and len(quirk.choices) > 1 for quirk in QUIRKS.values())


def test_seeding_is_the_same_for_the_same_seed_and_quick(emu: Emulator, india: Client) -> None:
    emu.clock(freeze=True)
    start = time.perf_counter()
    planted = emu.seed("india", 10_000, seed=3, defects=0.03)
    assert time.perf_counter() - start < 3
    first = {module: india.org.records(module) for module in ("Leads", "Contacts", "Accounts", "Deals")}
    assert {module: len(rows) for module, rows in first.items()} == {
        "Leads": 2_500, "Contacts": 4_000, "Accounts": 2_000, "Deals": 1_500,
    }  # fmt: skip
    emu.clock(freeze=True)
    emu.do(lambda hands: hands.reset("india"))
    assert emu.seed("india", 10_000, seed=3, defects=0.03) == planted
    assert india.org.records("Contacts") == first["Contacts"]


def test_the_target_refuses_exactly_the_planted_records(emu: Emulator, us: Client, india: Client) -> None:
    planted = emu.seed("india", 1_500, seed=5, defects=0.06)
    us.org.quirks(unknown_picklist="reject")
    assert {defect["kind"] for defect in planted} == {
        "bad_email", "too_long", "missing_parent", "unknown_picklist", "duplicate_unique",
    }  # fmt: skip
    refused = copy_everything(india, us)
    assert refused == {(defect["module"], defect["id"]) for defect in planted}


def copy_everything(source: Client, target: Client) -> set[tuple[str, str]]:
    """A naive copy: parents first, lookups translated; the source records that the target refused."""
    refused: set[tuple[str, str]] = set()
    ids: dict[str, str] = {}
    lookups = {"Account_Name": "Contacts Deals", "Parent_Account": "Accounts", "Contact_Name": "Deals"}
    for module in ("Accounts", "Contacts", "Leads", "Deals"):
        described = target.get("settings/fields", module=module).json()["fields"]
        writable = [item["api_name"] for item in described if item["operation_type"]["api_create"]]
        rows = sorted(source.org.records(module), key=lambda row: (row["Modified_Time"], row["id"]))
        for start in range(0, len(rows), 100):
            batch = rows[start : start + 100]
            body = []
            for row in batch:
                record = {name: row[name] for name in writable if name not in ("Owner", "Reporting_To")}
                for name in [one for one in lookups if module in lookups[one] and record.get(one)]:
                    wanted = record[name]["id"]
                    known = ids.get(wanted) or (None if source.org.record_exists(wanted) else wanted)
                    record[name] = {"id": known} if known else None
                body.append(record)
            results = target.post(module, {"data": body}).json()["data"]
            for row, element in zip(batch, results, strict=True):
                if element["status"] == "success":
                    ids[row["id"]] = element["details"]["id"]
                else:
                    refused.add((module, row["id"]))
    return refused


def launch(*arguments: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "daemon.emulator", *arguments]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def test_the_process_announces_itself_in_one_line_and_stops_on_sigterm(tmp_path: Path) -> None:
    faults = tmp_path / "faults.json"
    faults.write_text(json.dumps({"effect": "status", "status": 503, "kind": "org"}))
    process = launch("--port", "0", "--json", "--orgs", "in,us", "--records", "20", "--faults", str(faults))
    assert process.stdout is not None
    document = json.loads(process.stdout.readline())
    org = document["orgs"][0]
    assert set(org) == {
        "name", "data_center", "base_url", "accounts_url",
        "client_id", "client_secret", "refresh_token", "grant_tokens",
    }  # fmt: skip
    credential = {key: org[key] for key in ("client_id", "client_secret", "refresh_token")}
    form = {"grant_type": "refresh_token", **credential}
    token = httpx.post(f"{org['accounts_url']}/oauth/v2/token", data=form).json()["access_token"]
    headers = {"Authorization": f"Zoho-oauthtoken {token}"}
    assert httpx.get(f"{org['base_url']}/crm/v8/org", headers=headers).status_code == 503
    process.send_signal(signal.SIGTERM)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 0


def test_a_busy_port_is_one_clear_line_and_exit_69() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        process = launch("--port", str(port))
        out, err = process.communicate(timeout=10)
    assert (process.returncode, out) == (69, "")
    assert str(port) in err
    assert len(err.strip().splitlines()) == 1


@pytest.mark.parametrize("arguments", [("--orgs", "mars"), ("--latency", "soon"), ("--nonsense",)])
def test_wrong_options_exit_64(arguments: tuple[str, ...]) -> None:
    process = launch(*arguments)
    assert process.communicate(timeout=10)[0] == ""
    assert process.returncode == 64


@pytest.mark.parametrize("given", [{"advance": 1e12}, {"advance": -1e12}, {"set": 1e300}, {"advance": float("1e300")}])
def test_a_moment_outside_the_calendar_is_refused(emu, given):
    assert httpx.post(f"{emu.control_url}/clock", json=given).status_code == 400
    assert httpx.get(f"{emu.control_url}/credits").status_code == 200


def test_a_body_nested_too_deeply_does_not_spoil_the_log(emu):
    org = emu.orgs["us"]
    body = '{"data":[{"Last_Name":"x","Nope":' + "[" * 300 + "]" * 300 + "}]}"
    httpx.post(f"{org.base_url}/crm/v8/Contacts", headers=org.headers(), content=body)
    assert httpx.get(f"{emu.control_url}/log").status_code == 200


@pytest.mark.parametrize("values", [5, True, "x", {}, [5], None])
def test_a_picklist_without_a_list_of_values_is_refused(emu, values):
    org = emu.orgs["us"]
    field = {"field_label": "Pk", "data_type": "picklist", "pick_list_values": values}
    url = f"{org.base_url}/crm/v8/settings/fields?module=Contacts"
    assert httpx.post(url, headers=org.headers(), json={"fields": [field]}).status_code == 400
