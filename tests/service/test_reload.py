"""SIGHUP: good settings are taken up, bad ones leave everything as it was, and neither costs a token refresh."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.service.site import Site, until
from tests.service.systemd import Heard
from tests.sync.pair import add_key


def started(site: Site, heard: Heard) -> subprocess.Popen[str]:
    process = site.start("run")
    heard.wait("READY")
    return process


def insert(site: Site, module: str, **values: str) -> None:
    site.emu.orgs["india"].insert_raw(module, values)


def in_b(site: Site, module: str) -> int:
    return len(site.emu.orgs["us"].records(module))


def test_good_settings_are_taken_up_and_the_old_streams_go_on(site: Site, heard: Heard) -> None:
    process = started(site, heard)
    insert(site, "Leads", Last_Name="L", Company="C")
    until(lambda: in_b(site, "Leads") == 1)
    add_key(site.emu.orgs["us"], "Accounts")
    with site.settings.open("a") as file:
        file.write('[routes.india-to-us.modules.Accounts]\nkey = "Source_Record_ID"\n')
    process.send_signal(signal.SIGHUP)
    heard.wait("READY", 2)
    [stamp] = heard.all("MONOTONIC_USEC")
    assert 0 <= time.monotonic_ns() // 1000 - int(stamp) < 60_000_000
    insert(site, "Accounts", Account_Name="A")
    insert(site, "Leads", Last_Name="M", Company="C")
    until(lambda: in_b(site, "Accounts") == 1 and in_b(site, "Leads") == 2)
    until(lambda: heard.status() == "keeping 2 of 2 streams in step")
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ('target = "us"', 'target = "mars"', "mars"),
        ("[orgs.india]", "[orgs.india", "not TOML"),
        ('poll = "1s"', 'poll = "1s"\npol = "2s"', "pol"),
        ("[orgs.india]", '[ledger]\nurl = "sqlite:///other.db"\n[orgs.india]', "ledger.url changed, which only a rest"),
        ("[orgs.india]", 'state_dir = "elsewhere"\n[orgs.india]', "ledger.url and state_dir changed, which only a"),
    ],
)
def test_broken_settings_leave_everything_as_it_was_and_say_why(
    site: Site, heard: Heard, old: str, new: str, why: str
) -> None:
    process = started(site, heard)
    good = site.settings.read_text()
    before = {path.name for path in site.folder.iterdir()}
    site.settings.write_text(good.replace(old, new, 1))
    process.send_signal(signal.SIGHUP)
    heard.wait("READY", 2)
    assert len(heard.all("RELOADING")) == 1
    until(lambda: heard.status().startswith("reload refused, the settings before go on: "))
    assert "reload refused, nothing was changed" in site.log()
    assert why in site.log()
    insert(site, "Leads", Last_Name="L", Company="C")
    until(lambda: in_b(site, "Leads") == 1)
    assert {path.name for path in site.folder.iterdir()} == before
    site.settings.write_text(good)
    process.send_signal(signal.SIGHUP)
    heard.wait("READY", 3)
    until(lambda: heard.status() == "keeping 1 of 1 streams in step")


def test_reloads_and_kills_cost_no_token_refresh(site: Site, heard: Heard) -> None:
    process = started(site, heard)
    refreshes = len(site.emu.log(kind="token"))
    assert refreshes == 2
    for count in range(2, 8):
        process.send_signal(signal.SIGHUP)
        heard.wait("READY", count)
    for _ in range(3):
        process.kill()
        process.wait()
        seen = len(heard.all("READY"))
        process = site.start("run")
        heard.wait("READY", seen + 1)
    assert len(site.emu.log(kind="token")) == refreshes


def test_a_secret_in_a_file_is_read_again_and_shown_nowhere(site: Site, heard: Heard) -> None:
    secret = site.folder / "us_token"
    secret.touch(mode=0o600)
    secret.write_text(site.emu.orgs["us"].refresh_token)
    site.settings.write_text(site.settings.read_text().replace('{ env = "US_TOKEN" }', '{ file = "us_token" }'))
    process = started(site, heard)
    wrong = "1000.0123456789abcdef0123456789abcdef.0123456789abcdef0123456789abcdef"
    secret.write_text(wrong)
    process.send_signal(signal.SIGHUP)
    until(lambda: "waiting for us to answer" in heard.status())
    secret.write_text(site.emu.orgs["us"].refresh_token)
    process.send_signal(signal.SIGHUP)
    heard.wait("READY", 3)
    everything = site.log() + str(heard.messages)
    assert wrong not in everything
    assert site.emu.orgs["us"].refresh_token not in everything


def test_secrets_come_from_the_credentials_folder_and_the_check_of_a_reload_reads_them(
    site: Site, heard: Heard
) -> None:
    folder = site.folder / "credentials"
    folder.mkdir(mode=0o700)
    for name in ("INDIA_SECRET", "INDIA_TOKEN", "US_SECRET", "US_TOKEN"):
        file = folder / name
        file.write_text(site.env.pop(name))
        file.chmod(0o440)  # as systemd's files look with an ACL
    site.settings.write_text(site.settings.read_text().replace("{ env =", "{ credential ="))
    assert site.start("run").wait(20) == 78
    assert "no $CREDENTIALS_DIRECTORY" in site.log()
    site.env["CREDENTIALS_DIRECTORY"] = str(folder)
    started(site, heard)
    asked = len(site.emu.log())
    assert site.call("check", "--settings-only").stdout.endswith("2 orgs, 1 streams\n")
    (folder / "US_TOKEN").unlink()
    refused = site.call("check", "--settings-only")
    assert (refused.returncode, "US_TOKEN" in refused.stderr) == (78, True)
    assert len([call for call in site.emu.log()[asked:] if call["kind"] in ("token", "org")]) == 0


def test_a_reload_waits_for_the_call_in_hand_and_gives_way_to_sigterm(site: Site, heard: Heard) -> None:
    site.settings.write_text(site.settings.read_text().replace('call_deadline = "3s"', 'call_deadline = "60s"'))
    process = started(site, heard)
    site.emu.orgs["us"].faults.next("insert", effect="stall", seconds=60)
    insert(site, "Leads", Last_Name="L", Company="C")
    until(lambda: site.emu.log(org="us", kind="insert"))
    process.send_signal(signal.SIGHUP)
    until(lambda: "as soon as the calls in hand are over" in site.log())
    assert len(heard.all("READY")) == 1
    began = time.monotonic()
    process.send_signal(signal.SIGTERM)
    assert process.wait(12) == 0
    assert time.monotonic() - began < 10


def test_a_hangup_while_starting_does_not_make_it_ready(site: Site, heard: Heard) -> None:
    site.emu.orgs["us"].faults.add(effect="status", status=503, kind=["read", "metadata"])
    process = site.start("run")
    until(lambda: "waiting for us to answer: us: " in heard.status())
    process.send_signal(signal.SIGHUP)
    until(lambda: "new settings are taken up" in site.log())
    until(lambda: site.log().count("started with 1 streams") == 2)
    assert heard.all("READY") + heard.all("RELOADING") == []
    site.emu.clear_faults()
    heard.wait("READY")
