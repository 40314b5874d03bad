"""`orgsync run` as users run it: a process with signals, a lock, an inbox and other commands beside it."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site, until


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu, Site(emu, tmp_path) as site:
        yield site


def leads(site: Site, count: int) -> list[str]:
    return [site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(count)]


def queues(site: Site) -> list[list[dict[str, Any]]]:
    shown = site.call("status", "--json").stdout
    return [s["queue"] for s in json.loads(shown)["streams"] if s["queue"]] if shown else []


def in_b(site: Site) -> int:
    return len(site.emu.orgs["us"].records("Leads"))


def test_it_keeps_orgs_in_step_and_ends_with_zero_on_sigterm(site: Site) -> None:
    leads(site, 5)
    process = site.start("run")
    until(lambda: in_b(site) == 5)
    leads(site, 3)
    until(lambda: in_b(site) == 8)
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


def test_a_kill_in_mid_write_leaves_one_counterpart_each(site: Site) -> None:
    mine = leads(site, 60)
    us = site.emu.orgs["us"]
    us.faults.next(["upsert", "insert"], effect="stall", seconds=30, when="after")
    process = site.start("run")
    until(lambda: in_b(site) == 60)
    process.send_signal(signal.SIGKILL)
    process.wait()
    site.start("run")
    until(lambda: json.loads(site.call("status", "--json").stdout)["healthy"], 30)
    keys = [str(r["Source_Record_ID"]).split(":")[1] for r in us.records("Leads")]
    assert sorted(keys) == sorted(mine)


def test_a_second_daemon_on_the_ledger_is_refused(site: Site) -> None:
    process = site.start("run")
    until((site.folder / "state" / "orgsync.db").exists)
    until(lambda: site.call("status").returncode in (0, 1))
    second = site.call("run")
    assert second.returncode == 75
    assert str(process.pid) in second.stderr
    assert "Traceback" not in second.stderr


def test_retry_asks_the_running_daemon(site: Site) -> None:
    india, us = site.emu.orgs["india"], site.emu.orgs["us"]
    site.emu.quirks(unknown_picklist="reject")
    india.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Source": "Carrier Pigeon"})
    site.start("run")
    until(lambda: queues(site))
    us.change_field("Leads", "Lead_Source", add_values=["Carrier Pigeon"])
    [queue] = queues(site)
    assert queue[0]["remedy"].startswith("add the value 'Carrier Pigeon'")
    asked = site.call(*queue[0]["command"].split()[1:])
    assert asked.returncode == 0, asked.stderr
    assert "1 record" in asked.stdout
    until(lambda: in_b(site) == 1)


def test_a_blown_fuse_stops_the_stream_until_release_is_asked_of_the_running_daemon(site: Site) -> None:
    text = site.settings.read_text().replace(
        "modules.Leads]", 'modules.Leads]\ndeletes = "delete"\nfuse = { deletes = 0 }'
    )
    site.settings.write_text(text)
    kept = leads(site, 2)
    site.start("run")
    until(lambda: in_b(site) == 2)
    for lead in kept:
        site.emu.orgs["india"].delete("Leads", lead)
    until(lambda: "fuse (deletes)" in site.call("status").stdout)
    assert (site.call("status").returncode, in_b(site)) == (2, 2)
    said = site.call("release", "india-to-us/Leads", "--accept", "2", "--reason", "a clean-up")
    assert (said.returncode, said.stdout) == (0, "india-to-us/Leads goes on now; up to 2 records may pass\n")
    until(lambda: in_b(site) == 0)
    until(lambda: site.call("status").returncode == 0)
    assert "no fuse stops" in site.call("release", "india-to-us/Leads", "--accept", "2", "--reason", "again").stdout


def test_resync_compares_at_once_in_the_running_daemon(site: Site) -> None:
    leads(site, 1)
    site.start("run")
    until(lambda: in_b(site) == 1)
    us = site.emu.orgs["us"]
    us.delete("Leads", us.records("Leads")[0]["id"])
    said = site.call("resync", "india-to-us/Leads")
    assert (said.returncode, said.stdout) == (0, "india-to-us/Leads is compared now; see `orgsync status`\n")
    until(lambda: any(one["code"] == "TARGET_GONE" for queue in queues(site) for one in queue))


def test_the_log_is_json_on_request_and_holds_no_secret(site: Site) -> None:
    leads(site, 2)
    site.emu.orgs["us"].faults.next("insert", effect="html", times=1)
    process = site.start("run", "--log-json")
    until(lambda: in_b(site) == 2)
    process.send_signal(signal.SIGTERM)
    process.wait(10)
    lines = [json.loads(line) for line in site.log().splitlines()]
    assert any("started with" in line["record"]["message"] for line in lines)
    everything = site.log() + "".join(
        p.read_text(errors="replace") for p in (site.folder / "state").glob("orgsync.db*")
    )
    for org in site.emu.orgs.values():
        assert org.client_secret not in everything
        assert org.refresh_token not in everything


def test_an_org_that_is_away_is_a_message_and_the_daemon_goes_on(site: Site) -> None:
    site.emu.orgs["us"].faults.add(effect="status", status=503, kind=["read", "write", "metadata"])
    leads(site, 3)
    site.start("run")
    until(lambda: (site.folder / "log.txt").exists() and "503" in site.log())
    assert site.call("status").returncode == 2
    site.emu.clear_faults()
    until(lambda: in_b(site) == 3)
    assert "Traceback" not in site.log()


def test_status_and_once_work_without_a_daemon(site: Site) -> None:
    nothing = site.call("status")
    assert nothing.returncode == 69
    assert "Traceback" not in nothing.stderr
    leads(site, 4)
    assert site.call("once").returncode == 0
    document = json.loads(site.call("status", "--json").stdout)
    assert document["schema"] == 1
    assert document["healthy"] is True
    assert {s["stream"] for s in document["streams"]} == {f"india-to-us/{m}" for m in site.modules}
    assert (site.folder / "state" / "orgsync.db").stat().st_mode & 0o077 == 0
