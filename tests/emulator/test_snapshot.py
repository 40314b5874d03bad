"""An org's metadata travels: `orgsync snapshot` writes it, `orgsync emulator --snapshot` starts from it."""

from __future__ import annotations

import json
import signal
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from daemon.emulator import Emulator, OrgHandle
from daemon.emulator.snapshot import check_snapshot
from tests.service.site import Site

if TYPE_CHECKING:
    from tests.emulator.conftest import Client

Json = dict[str, Any]


@pytest.fixture(scope="module")
def taken(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Json, Json]:
    """A snapshot of an org with fields of its own; its content; and the metadata that the org shows."""
    with Emulator(edition="professional") as emulator:
        org = emulator.orgs["us"]
        org.add_field("Leads", field_label="Horn", data_type="text", length=40, unique={"case_sensitive": True})
        values = [{"actual_value": "Long"}, {"actual_value": "Short"}]
        org.add_field("Leads", field_label="Mane", data_type="picklist", pick_list_values=values)
        rows = {"field_label": "Visits", "data_type": "subform"}
        org.add_field("Accounts", **rows)
        emulator.do(lambda hands: hands.profile("us", {"name": "Sync", "denied": ["Crm_Implied_Delete_Leads"]}))
        org.insert_raw("Leads", {"Last_Name": "Secret", "Company": "Hidden"})
        site = Site(emulator, tmp_path_factory.mktemp("site"), keys=False)
        path = site.folder / "us.snapshot.json"
        done = site.call("snapshot", "us", "--output", str(path))
        assert done.returncode == 0, done.stderr
        assert str(path) in done.stdout
        again = site.call("snapshot", "us", "--output", str(path))
        assert (again.returncode, "exists" in again.stderr) == (64, True)
        shown = metadata(org)
    return path, json.loads(path.read_text()), shown


def metadata(org: OrgHandle) -> Json:
    """Everything the org's settings calls show."""
    with httpx.Client(base_url=f"{org.base_url}/crm/v8", headers=org.headers()) as http:
        modules = http.get("settings/modules").json()["modules"]
        names = [one["api_name"] for one in modules]
        return {
            "org": http.get("org").json()["org"],
            "currencies": http.get("org/currencies").json()["currencies"],
            "roles": http.get("settings/roles").json(),
            "profiles": [
                http.get(f"settings/profiles/{one['id']}").json()
                for one in http.get("settings/profiles").json()["profiles"]
            ],
            "users": http.get("users").json()["users"],
            "modules": modules,
            "fields": {name: http.get("settings/fields", params={"module": name}).json() for name in names},
            "layouts": {name: http.get("settings/layouts", params={"module": name}).json() for name in names},
        }


@pytest.fixture
def rehearsal(taken: tuple[Path, Json, Json], client_of: Callable[[OrgHandle], Client]) -> Any:
    with Emulator(("eu",), snapshots={"eu": taken[1]}) as emulator:
        yield client_of(emulator.orgs["europe"])


def test_a_snapshot_holds_no_records_and_no_secrets_and_is_its_owners(taken: tuple[Path, Json, Json]) -> None:
    path, content, _ = taken
    text = path.read_text()
    assert "Hidden" not in text
    assert "1000." not in text
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    parts = {"schema", "org", "users", "modules", "fields", "layouts", "profiles", "roles", "currencies"}
    assert set(content) == parts


def test_an_emulator_that_starts_from_a_snapshot_shows_the_same_metadata(
    taken: tuple[Path, Json, Json], rehearsal: Client
) -> None:
    known, shown = taken[2], metadata(rehearsal.org)
    for part in ("org", "users", "modules", "currencies", "roles", "profiles"):
        assert shown[part] == known[part], part
    for part in ("fields", "layouts"):
        for name in known[part]:
            assert shown[part][name] == known[part][name], (part, name)


def test_its_own_fields_are_checked_there(rehearsal: Client) -> None:
    rehearsal.lead(Horn="h", Mane="Long")
    assert rehearsal.refusal("Leads", {"Last_Name": "x", "Company": "y", "Horn": "h"})["code"] == "DUPLICATE_DATA"
    long = rehearsal.refusal("Leads", {"Last_Name": "x", "Company": "y", "Horn": "h" * 41})
    assert long["details"]["maximum_length"] == 40
    found = rehearsal.coql("select Horn, Mane from Leads where Horn = 'h'").json()["data"]
    assert [(row["Horn"], row["Mane"]) for row in found] == [("h", "Long")]


def test_a_reset_goes_back_to_the_snapshot(
    taken: tuple[Path, Json, Json], client_of: Callable[[OrgHandle], Client]
) -> None:
    with Emulator(("us",), snapshots={"us": taken[1]}) as emulator:
        org = emulator.orgs["us"]
        org.remove_field("Leads", "Horn")
        emulator.seed("us", records=40)
        emulator.reset()
        assert client_of(org).get("settings/fields/Horn", module="Leads").status_code == 200
        assert org.records("Leads") == []


def test_it_can_be_filled(taken: tuple[Path, Json, Json]) -> None:
    with Emulator(("us",), snapshots={"us": taken[1]}, records=100) as emulator:
        assert len(emulator.orgs["us"].records("Contacts")) >= 40


def test_a_real_orgs_oddities(taken: tuple[Path, Json, Json], client_of: Callable[[OrgHandle], Client]) -> None:
    content = json.loads(json.dumps(taken[1]))
    leads = content["fields"]["Leads"]
    leads[3] |= {"tooltip": {"name": "info_icon", "value": "as on the passport"}, "quick_sequence_number": 7}
    strange = {"id": "777", "api_name": "Strange", "data_type": "from_the_future", "length": None, "unique": None}
    lost = {"id": "778", "api_name": "Lost", "data_type": "lookup", "lookup": {"module": {"api_name": "Unicorns"}}}
    leads += [strange, lost]
    content["modules"] += [{"id": "900", "api_name": "Bare"}, {"id": "901", "api_name": "Off", "api_supported": False}]
    content["users"][0]["time_zone"] = "Mars/Olympus"
    content["org"]["license_details"]["paid_type"] = "crmplus"
    with Emulator(("us",), snapshots={"us": content}) as emulator:
        client = client_of(emulator.orgs["us"])
        shown = {one["api_name"]: one for one in client.get("settings/fields", module="Leads").json()["fields"]}
        assert shown[leads[3]["api_name"]]["tooltip"]["value"] == "as on the passport"
        assert "Strange" in shown
        assert shown["Lost"]["lookup"] == {"module": {"api_name": "Unicorns"}}
        names = [one["api_name"] for one in client.get("settings/modules").json()["modules"]]
        assert names[-2:] == ["Bare", "Off"]
        assert client.get("settings/fields", module="Bare").json()["code"] == "INVALID_MODULE"
        client.lead(Strange="x", Lost="5")
        assert client.get("Leads", fields="Strange,Lost").json()["data"][0]["Lost"] is None


def test_what_the_snapshots_org_lacks_or_calls_otherwise(
    taken: tuple[Path, Json, Json], client_of: Callable[[OrgHandle], Client]
) -> None:
    content = json.loads(json.dumps(taken[1]))
    content["modules"] = [one for one in content["modules"] if one["api_name"] != "Vendors"]
    sources = next(one for one in content["fields"]["Leads"] if one["api_name"] == "Lead_Source")
    sources["pick_list_values"][1] |= {"display_value": "Werbung", "colour_code": "#fff", "id": "55"}
    layout = content["layouts"]["Leads"][0]
    layout["sections"].append({**layout["sections"][0], "id": "77", "name": "Anschrift", "fields": []})
    content["users"].append({**content["users"][0], "id": "78", "email": "b@c.d", "alias": "bee"})
    content["users"].insert(0, content["users"].pop(1))
    with Emulator(("us",), snapshots={"us": content}) as emulator:
        client = client_of(emulator.orgs["us"])
        assert client.get("settings/fields", module="Vendors").json()["code"] == "INVALID_MODULE"
        assert client.get("Vendors", fields="Vendor_Name").json()["code"] == "INVALID_MODULE"
        lists = client.get("settings/related_lists", module="Leads").json()["related_lists"]
        assert "Vendors" not in [one["module"]["api_name"] for one in lists]
        assert "Vendors" not in [one["api_name"] for one in client.get("settings/modules").json()["modules"]]
        shown = client.get("settings/fields/Lead_Source", module="Leads").json()["fields"][0]
        assert shown["pick_list_values"][1] == sources["pick_list_values"][1]
        assert client.get("settings/layouts", module="Leads").json()["layouts"] == content["layouts"]["Leads"]
        assert client.get("users").json()["users"] == content["users"]
        emulator.orgs["us"].add_field("Leads", field_label="Fresh", data_type="text")
        sections = client.get("settings/layouts", module="Leads").json()["layouts"][0]["sections"]
        assert [[one["api_name"] for one in part["fields"]][-1:] for part in sections] == [["Fresh"], []]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema": 2}, "schema"),
        ({"org": []}, "org: a snapshot has an object here"),
        ({"modules": None}, "modules: a snapshot has a list here"),
        ({"profiles": {"a": 1}}, "profiles: a list"),
        ({"users": []}, "users: a snapshot needs at least one"),
        ({"modules": [{"id": "x"}]}, "modules[0]: not an object with an id"),
        ({"modules": [{"id": "7"}]}, "modules[0].api_name"),
        ({"fields": {"Leads": [{"id": "7"}]}}, "fields.Leads[0]: api_name"),
        ({"layouts": {"Leads": 7}}, "layouts.Leads: a list"),
    ],
)
def test_a_file_that_is_no_snapshot(taken: tuple[Path, Json, Json], change: Json, said: str) -> None:
    with pytest.raises(ValueError, match=r"snapshot|expected|object|texts") as refused:
        check_snapshot({**taken[1], **change})
    assert said in str(refused.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 2**40) | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=6), inner, max_size=2),
    max_leaves=4,
)
KEYS = st.sampled_from(
    """length unique lookup pick_list_values external textarea multiselectlookup multi_module_lookup associated_module
    subform operation_type auto_number decimal_place data_type field_label created_time json_type visible""".split()  # noqa: SIM905
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(KEYS, JSON, max_size=3), JSON, JSON)
def test_no_snapshot_that_passes_the_check_breaks_the_org(
    taken: tuple[Path, Json, Json], field: Json, user: Any, org: Any
) -> None:
    content = json.loads(json.dumps(taken[1]))
    content["fields"]["Leads"][5] |= field
    content["users"][0] |= {"profile": user, "zuid": user, "time_zone": user, "email": user}
    content["org"] |= {"license_details": org, "currency": org, "time_zone": org}
    try:
        check_snapshot(content)
    except ValueError:
        return
    emulator = Emulator(("us",), snapshots={"us": content})
    assert emulator.world.sites["us"].org.administrator.status == "active"


def test_the_command_starts_from_a_file(taken: tuple[Path, Json, Json], tmp_path: Path) -> None:
    command = [sys.executable, "-m", "daemon.emulator", "--orgs", "in,us", "--snapshot", f"us={taken[0]}"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    document = json.loads(process.stdout.readline())
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert [one["name"] for one in document["orgs"]] == ["india", "us"]
    broken = tmp_path / "broken.json"
    broken.write_text("{}")
    refused = subprocess.run([*command[:-1], str(broken)], capture_output=True, text=True, check=False, timeout=20)
    assert (refused.returncode, str(broken) in refused.stderr) == (64, True)
