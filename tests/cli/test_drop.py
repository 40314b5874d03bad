"""`orgsync drop`: what leaves the queue by a person's word, what is left of it, and that it stays away."""

from __future__ import annotations

import getpass
import json
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        emu.quirks(unknown_picklist="reject")
        yield Site(emu, tmp_path, modules=("Accounts",))


def test_what_was_dropped_is_told_with_who_when_and_why_until_it_is_asked_for_again(site: Site) -> None:
    india = site.emu.orgs["india"]
    kept, mine = (india.insert_raw("Accounts", {"Account_Name": name, "Industry": "Alchemy"}) for name in "AB")
    assert site.call("once").returncode == 1
    assert 'or, if they shall never go: orgsync drop --cause 1 --reason "…"' in site.call("queue").stdout
    assert f'orgsync drop --record {mine} --reason "…"' in site.call("why", mine).stdout
    [cause] = json.loads(site.call("queue", "--json").stdout)["causes"]
    assert cause["drop"] == 'orgsync drop --cause 1 --reason "…"'

    dropped = site.call("drop", "--record", mine, "--reason", "not a customer")
    assert (dropped.returncode, dropped.stdout.split(":")[0]) == (0, "1 record was dropped")
    assert site.call("once").returncode == 1, "the other one is still held"
    told = site.call("why", mine)
    assert told.returncode == 0
    assert f"india Accounts {mine} -> not in us\n" in told.stdout
    assert f"by {getpass.getuser()}@{socket.gethostname()}: not a customer (INVALID_DATA: " in told.stdout
    assert "next: nothing, this version was dropped; an edit in india begins anew" in told.stdout
    [stream] = json.loads(site.call("why", mine, "--json").stdout)["streams"]
    assert (stream["dropped"]["reason"], stream["dropped"]["ended_at"]) == ("not a customer", None)
    assert site.call("drop", "--record", mine, "--reason", "x").stdout.startswith("no record in the queue is meant")

    assert site.call("retry", "--record", mine).stdout.startswith("1 record is tried again")
    assert site.call("once").returncode == 1
    assert "it began anew" in site.call("why", mine).stdout
    assert [cause["records"] for cause in json.loads(site.call("queue", "--json").stdout)["causes"]] == [2]
    assert kept in site.call("queue", "--cause", "1").stdout


def test_a_running_daemon_drops_what_it_is_asked_to(site: Site) -> None:
    india = site.emu.orgs["india"]
    for name in "AB":
        india.insert_raw("Accounts", {"Account_Name": name, "Industry": "Alchemy"})
    assert site.call("once").returncode == 1
    site.start("run")
    try:
        asked = site.call("drop", "--stream", "india-to-us/Accounts", "--reason", "test data")
        assert asked.stdout.startswith("2 records were dropped"), asked.stderr
        assert site.call("queue").stdout == "nothing waits\n"
    finally:
        site.close()
