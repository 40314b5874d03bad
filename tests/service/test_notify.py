"""What systemd hears of the real process: readiness, progress, the status line, the end. The socket is our own."""

from __future__ import annotations

import re
import signal
import time

import pytest

from tests.service.site import Site, until
from tests.service.systemd import Heard


def lead(site: Site) -> str:
    return site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "L", "Company": "C"})


def in_b(site: Site) -> int:
    return len(site.emu.orgs["us"].records("Leads"))


def test_ready_is_said_once_and_the_end_is_announced(site: Site, heard: Heard) -> None:
    process = site.start("run")
    heard.wait("READY")
    assert {site.emu.log(org=org, kind="org")[0]["status"] for org in ("india", "us")} == {200}
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert (len(heard.all("READY")), len(heard.all("STOPPING"))) == (1, 1)
    assert heard.status().startswith("stopping")


@pytest.mark.parametrize("org", ["india", "us"])
def test_it_is_not_ready_before_both_orgs_have_answered(site: Site, heard: Heard, org: str) -> None:
    site.emu.orgs[org].faults.add(effect="status", status=503, kind=["read", "metadata"])
    site.start("run")
    until(lambda: f"waiting for {org} to answer: {org}: GET org was answered 503" in heard.status())
    until(lambda: "india-to-us/Leads is stopped" in heard.status())
    assert heard.all("READY") == []
    assert heard.all("EXTEND_TIMEOUT_USEC") == ["120000000"]  # the start may take longer, for it moves on
    site.emu.clear_faults()
    heard.wait("READY")
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")


def test_a_refused_credential_is_waited_for_with_the_command_that_mends_it(site: Site, heard: Heard) -> None:
    site.env["US_TOKEN"] = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef"
    process = site.start("run")
    until(lambda: "waiting for us to answer" in heard.status() and "orgsync auth us" in heard.status())
    assert heard.all("READY") == []
    assert process.poll() is None  # a restart would mend nothing, and ask the token endpoint again
    assert "1000.01234" not in site.log() + "".join(heard.all("STATUS"))


def test_bad_settings_end_it_before_anything_is_said(site: Site, heard: Heard) -> None:
    site.settings.write_text(site.settings.read_text().replace('source = "india"', 'source = "pune"'))
    assert site.start("run").wait(20) == 78
    assert heard.messages == []


def test_the_status_line_follows_a_stream_that_is_stopped_and_goes_on(site: Site, heard: Heard) -> None:
    site.start("run")
    heard.wait("READY")
    site.emu.orgs["india"].faults.add(effect="status", status=503, kind=["read"])
    lead(site)
    until(lambda: "keeping 0 of 1 streams in step; india-to-us/Leads is stopped: india: " in heard.status())
    site.emu.clear_faults()
    until(lambda: in_b(site) == 1)
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")


def test_the_watchdog_is_fed_within_the_span_that_systemd_gives(site: Site, heard: Heard) -> None:
    site.env["WATCHDOG_USEC"] = "600000"
    process = site.start("run")
    heard.wait("WATCHDOG", 10)
    process.send_signal(signal.SIGSTOP)
    time.sleep(0.3)  # what was sent before has arrived
    before = len(heard.all("WATCHDOG"))
    time.sleep(1)
    assert len(heard.all("WATCHDOG")) == before
    process.send_signal(signal.SIGCONT)
    heard.wait("WATCHDOG", before + 1)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("kind", ["org", "insert"])
def test_it_ends_within_ten_seconds_while_a_call_hangs(
    site: Site, heard: Heard, number: signal.Signals, kind: str
) -> None:
    site.settings.write_text(site.settings.read_text().replace('call_deadline = "3s"', 'call_deadline = "60s"'))
    site.emu.orgs["us"].faults.next(kind, effect="stall", seconds=60)
    lead(site)
    process = site.start("run")
    until(lambda: site.emu.log(org="us", kind=kind))
    began = time.monotonic()
    process.send_signal(number)
    assert process.wait(12) == 0
    assert time.monotonic() - began < 10
    assert heard.all("STOPPING") == ["1"]


def test_it_ends_at_once_while_an_org_refuses_connections(site: Site, heard: Heard) -> None:
    """It waited for all pauses between attempts to pass, and then spoke of a call and of an intent."""
    text = re.sub(r'(accounts_url|api_url) = "[^"]*"', r'\1 = "http://127.0.0.1:9"', site.settings.read_text())
    modules = "".join(f'[routes.india-to-us.modules.{one}]\nkey = "Key"\n' for one in ("Accounts", "Contacts", "Deals"))
    site.settings.write_text(text + modules)
    process = site.start("run")
    until(lambda: "no connection" in heard.status())
    assert "keeping 0 of 4 streams in step" in heard.status()
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(12) == 0
    assert time.monotonic() - began < 3
    assert "still on its way" not in site.log()


def test_an_aborted_daemon_shows_where_its_threads_stood(site: Site, heard: Heard) -> None:
    process = site.start("run")
    heard.wait("READY")
    process.send_signal(signal.SIGABRT)  # what systemd sends when its watchdog is not fed
    assert process.wait(10) == -signal.SIGABRT
    assert "in _watch" in site.log()
    assert all(org.client_secret not in site.log() for org in site.emu.orgs.values())
