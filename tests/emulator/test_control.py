"""The control endpoint, seeding and the command line."""

from __future__ import annotations

import json
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daemon.emulator import Emulator
from daemon.emulator.cli import run
from daemon.emulator.faults import EFFECTS
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


@pytest.mark.parametrize("moment", [{"advance": 1e12}, {"advance": -1e12}, {"set": 1e300}, {"advance": float("1e300")}])
def test_a_moment_outside_the_calendar_is_refused(emu: Emulator, moment: Any) -> None:
    assert httpx.post(f"{emu.control_url}/clock", json=moment).status_code == 400
    assert httpx.get(f"{emu.control_url}/credits").status_code == 200


def test_a_body_nested_too_deeply_does_not_spoil_the_log(emu: Emulator) -> None:
    org = emu.orgs["us"]
    body = '{"data":[{"Last_Name":"x","Nope":' + "[" * 300 + "]" * 300 + "}]}"
    httpx.post(f"{org.base_url}/crm/v8/Contacts", headers=org.headers(), content=body)
    assert httpx.get(f"{emu.control_url}/log").status_code == 200


@pytest.mark.parametrize("values", [5, True, "x", {}, [5], None])
def test_a_picklist_without_a_list_of_values_is_refused(emu: Emulator, values: Any) -> None:
    org = emu.orgs["us"]
    field = {"field_label": "Pk", "data_type": "picklist", "pick_list_values": values}
    url = f"{org.base_url}/crm/v8/settings/fields?module=Contacts"
    assert httpx.post(url, headers=org.headers(), json={"fields": [field]}).status_code == 400


RECORD_PATH, FIELDS = "/orgs/us/Leads", "/orgs/us/schema/Leads/fields"


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "told"),
    [
        ("POST", "/reset", [], 400, "reset is a JSON object, not []"),
        ("POST", "/reset", {"org": "mars"}, 404, "no org 'mars'"),
        ("POST", "/seed", {"recrods": 1}, 400, 'unknown keys "recrods"'),
        ("POST", "/seed", {"records": 1.5}, 400, "records is a whole number"),
        ("POST", "/seed", {"records": 10**12}, 400, "records is a whole number from 0 to 10,000,000"),
        ("POST", "/seed", {"records": 1, "seed": "x"}, 400, "seed: seed is a whole number"),
        ("POST", "/seed", {"records": 1, "defects": 2}, 400, "defects is a number from 0 to 1"),
        ("POST", "/faults", None, 400, "a fault is a JSON object, not null"),
        ("POST", "/faults", {"faults": [], "x": 1}, 400, 'unknown keys "x"'),
        ("POST", "/quirks", [], 400, "quirks is a JSON object"),
        ("POST", "/quirks", {"orgs": {"us": 5}}, 400, "quirks of us is a JSON object, not 5"),
        ("POST", "/quirks", {"coql_order": {}}, 400, "coql_order takes total or first_only, not {}"),
        ("POST", "/clock", {"set": "tomorrow"}, 400, 'seconds since 1970 or ISO 8601 with offset, not "tomorrow"'),
        ("POST", "/clock", {"set": True}, 400, "seconds since 1970"),
        ("POST", "/clock", {"advance": "5"}, 400, "advance is a number"),
        ("POST", "/clock", {"freeze": "no"}, 400, "freeze is true or false"),
        ("POST", "/orgs/mars/tokens", {}, 404, "no org 'mars'"),
        ("POST", "/orgs/us/tokens", {"access_lifetime": 0}, 400, "access_lifetime is a whole number from 1"),
        ("POST", "/orgs/us/tokens", {"expire": "no"}, 400, "expire is true or false"),
        ("POST", "/orgs/us/grants", {"scopes": "ZohoCRM.org.READ"}, 400, "scopes is a list of texts"),
        ("POST", "/orgs/us/grants", {"lifetime": "long"}, 400, "lifetime is a whole number"),
        ("POST", "/orgs/us/refresh_tokens", {"scopes": [5]}, 400, "scopes is a list of texts"),
        ("POST", RECORD_PATH, 5, 400, "a record is a JSON object"),
        ("POST", RECORD_PATH, {"Owner": None}, 400, "Owner: the id of a user, not null"),
        ("POST", RECORD_PATH, {"Created_Time": 1e300}, 400, "1970 to 9000"),
        ("POST", "/orgs/us/Projects", {"Milestones": [5]}, 400, "Milestones is a list of objects"),
        ("PATCH", f"{RECORD_PATH}/abc", {}, 400, 'an id is digits, not "abc"'),
        ("DELETE", f"{RECORD_PATH}/5?permanent=maybe", {}, 400, "permanent is one of true, false"),
        ("GET", "/orgs/us/Unicorns", {}, 404, "no module 'Unicorns'"),
        ("PATCH", f"{FIELDS}/City", {"length": "x"}, 400, "length is a whole number"),
        ("PATCH", f"{FIELDS}/City", {"mandatory": 5}, 400, "mandatory is true or false"),
        ("PATCH", f"{FIELDS}/City", {"add_values": 5}, 400, "add_values is a list of texts"),
        ("PATCH", f"{FIELDS}/Nope", {"length": 5}, 404, "no field 'Nope'"),
        ("GET", "/log?since=x", {}, 400, "since is a whole number"),
        ("GET", "/log?limit=0", {}, 400, "limit is a whole number from 1"),
        ("GET", "/log?knid=list", {}, 400, 'unknown keys "knid"'),
        ("GET", "/nowhere", {}, 404, "no GET /nowhere"),
        ("PUT", "/seed", {}, 405, "no PUT /seed"),
    ],
)
def test_what_a_hand_cannot_have_meant_is_told_in_plain_words(
    emu: Emulator, method: str, path: str, body: Any, status: int, told: str
) -> None:
    answer = httpx.request(method, emu.control_url + path, content=json.dumps(body))
    assert answer.status_code == status
    assert told in answer.json()["error"]


@pytest.mark.parametrize("body", [b"x", b"\xff", b"NaN", b"[" * 3_000, b'{"a":' * 300 + b"1" + b"}" * 300])
def test_a_body_that_is_no_json_is_refused(emu: Emulator, body: bytes) -> None:
    answer = httpx.post(f"{emu.control_url}{RECORD_PATH}", content=body)
    assert (answer.status_code, answer.json()) == (400, {"error": "the body is not JSON, or nested too deeply"})
    assert control(emu, "GET", RECORD_PATH).json() == {"data": []}


def test_a_refused_change_of_switches_or_clock_changes_nothing(emu: Emulator) -> None:
    emu.clock(set=1_900_000_000, freeze=True)
    assert control(emu, "POST", "/clock", {"set": 5, "advance": -10}).status_code == 400
    wrong = {"orgs": {"us": {"coql_order": "first_only"}}, "coql_order": "no"}
    assert control(emu, "POST", "/quirks", wrong).status_code == 400
    assert emu.clock() == pytest.approx(1_900_000_000, abs=1)
    assert emu.orgs["us"]._site.quirks["coql_order"] == "total"


PYTHON = re.compile(r"NoneType|object is|object has|argument|literal|unhashable|Error|Traceback|not subscriptable")
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=6,
)
KEYS = {
    "/reset": ["org"],
    "/faults": [
        "effect",
        "org",
        "kind",
        "module",
        "times",
        "skip",
        "rate",
        "seed",
        "when",
        "seconds",
        "status",
        "body",
    ],
    "/quirks": ["orgs", "coql_order"],
    "/clock": ["set", "advance", "freeze", "resume"],
    "/orgs/us/tokens": ["access_lifetime", "grant_lifetime", "expire", "revoke"],
    "/orgs/us/grants": ["scopes", "lifetime"],
    "/orgs/us/refresh_tokens": ["scopes"],
    RECORD_PATH: ["id", "Created_Time", "Owner", "Tag", "Email", "Layout", "Annual_Revenue"],
    FIELDS: ["field_label", "data_type", "length", "pick_list_values", "unique", "lookup"],
}


def test_no_body_brings_python_to_light(emu: Emulator) -> None:
    with httpx.Client(base_url=emu.control_url) as client:

        @settings(max_examples=100, deadline=None)
        @given(data=st.data())
        def try_bodies(data: st.DataObject) -> None:
            path = data.draw(st.sampled_from(sorted(KEYS)))
            body = data.draw(st.dictionaries(st.sampled_from(KEYS[path]), JSON, max_size=4) | JSON)
            if path == "/faults" and isinstance(body, dict):
                body["effect"] = data.draw(st.sampled_from(EFFECTS))
            answer = client.post(path, content=json.dumps(body))
            assert answer.status_code in (200, 400, 404)
            assert not PYTHON.search(answer.text)
            assert "does not fit this path" not in answer.text

        try_bodies()


@pytest.mark.parametrize(
    ("arguments", "content", "told"),
    [
        (("--faults", "{file}"), "{", "not JSON"),
        (("--faults", "{file}"), "[" * 5_000, "not JSON"),
        (("--faults", "{file}"), '{"effect": "cut", "rate": 9}', "rate is a number from 0 to 1"),
        (("--faults", "{file}"), '{"effect": "cut", "org": "mars"}', "no org 'mars'"),
        (("--quirks", "{file}"), "[]", "quirks is a JSON object"),
        (("--quirks", "{file}"), '{"no_such": 1}', 'unknown quirk "no_such"'),
        (("--snapshot", "{file}"), "5", "snapshot"),
        (("--snapshot", "{file}", "--snapshot", "in={file}"), "{}", "snapshot"),
        (("--fault", "{"), "", "--fault: not JSON"),
        (("--fault", '{"effect": "magic"}'), "", "effect is one of"),
        (("--records", "100000000"), "", "--records"),
        (("--defects", "7"), "", "--defects"),
        (("--access-lifetime", "0"), "", "--access-lifetime"),
        (("--seed", "x"), "", "--seed"),
    ],
)
def test_a_wrong_file_or_option_is_one_sentence_and_exit_64(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], arguments: tuple[str, ...], content: str, told: str
) -> None:
    file = tmp_path / "given.json"
    file.write_text(content)
    assert run([argument.replace("{file}", str(file)) for argument in arguments]) == 64
    err = capsys.readouterr().err
    assert told in err
    assert "{file}" not in arguments or str(file) in err
    assert not PYTHON.search(err.replace("Error: Invalid value", ""))


def test_faults_come_by_option_and_by_file_alike(tmp_path: Path) -> None:
    file = tmp_path / "faults.json"
    file.write_text(json.dumps({"faults": [{"effect": "status", "status": 503, "kind": "users", "times": 1}]}))
    process = launch("--orgs", "us", "--faults", str(file), "--fault", '{"effect": "latency", "min": 0, "max": 0.1}')
    assert process.stdout is not None
    url = json.loads(process.stdout.readline())["control_url"]
    shown = httpx.get(f"{url}/faults").json()["faults"]
    process.send_signal(signal.SIGTERM)
    process.communicate(timeout=10)
    assert [(fault["effect"], fault["times"], fault["kind"]) for fault in shown] == [
        ("status", 1, ["users"]), ("latency", None, None),
    ]  # fmt: skip
