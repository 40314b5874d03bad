"""The clock of one machine is off by an hour: due times go from daemon to daemon, and all go by the server's clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from daemon.cli import request
from daemon.emulator import Emulator
from daemon.service.inbox import Request
from daemon.settings import Settings
from tests.postgres import Server
from tests.several.hosts import Host, host, settings_on

MODULES = ("Accounts", "Leads")
HOUR = timedelta(hours=1)
DUE = "SELECT EXTRACT(EPOCH FROM due_at - clock_timestamp())::float FROM retry_queue WHERE state = 'due'"


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us")) as running:
        yield running


@pytest.fixture
def settings(server: Server, emu: Emulator, tmp_path: Path) -> Settings:
    return settings_on(server, emu, tmp_path, MODULES)


def fail_once(daemon: Host) -> str:
    """A record that the target refuses for now: it is tried again in five seconds at most."""
    lead = daemon.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    daemon.b.faults.next(["upsert", "insert"], effect="status", status=500, when="before", times=1)
    daemon.claims.beat()
    daemon.once()
    return lead


def waits(server: Server) -> float:
    [[seconds]] = server.sql("several", DUE)
    return float(seconds)


@pytest.mark.parametrize("off", [-HOUR, HOUR])
@pytest.mark.parametrize("wrong_first", [True, False])
def test_what_one_daemon_defers_the_next_one_tries_in_time(emu, server, settings, tmp_path, off, wrong_first):
    offs = (off, timedelta()) if wrong_first else (timedelta(), off)
    with host(emu, settings, tmp_path / "1", off=offs[0]) as first:
        lead = fail_once(first)
        assert -1 < waits(server) < 15
    with host(emu, settings, tmp_path / "2", off=offs[1]) as second:
        assert -1 < waits(server) < 15, "a start moves nothing"
        server.sql("several", "UPDATE retry_queue SET due_at = due_at - interval '20 s'")
        emu.clock(advance=20)
        assert second.owned() == {f"india-to-us/{module}" for module in MODULES}
        second.once()
        second.counterpart("Leads", lead)
        assert server.sql("several", "SELECT * FROM retry_queue") == []


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_clock_that_steps_moves_nothing_that_waits_by_the_clock_of_the_server(emu, server, settings, tmp_path, step):
    with host(emu, settings, tmp_path / "1") as daemon:
        fail_once(daemon)
        before = waits(server)
        daemon.fleet.clock_stepped(step)
        assert waits(server) == pytest.approx(before, abs=1)


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_what_somebody_wants_tried_on_a_machine_whose_clock_is_off_is_due_now(
    emu, server, settings, tmp_path, off, monkeypatch
):
    with host(emu, settings, tmp_path / "1") as daemon:
        fail_once(daemon)
        monkeypatch.setattr(request, "utc_now", lambda: daemon.fleet._now() + off)
        assert request.demand(settings, Request(kind="retry", stream="india-to-us/Leads"))[0] == 1
        assert waits(server) == pytest.approx(0, abs=1)


@pytest.mark.parametrize("off", [-HOUR, HOUR])
def test_no_stream_is_run_by_two_and_none_by_nobody(emu, server, settings, tmp_path, off):
    with host(emu, settings, tmp_path / "1") as right, host(emu, settings, tmp_path / "2", off=off) as wrong:
        right.owned()
        for _ in range(3):
            mine, others = right.owned(), wrong.owned()
            assert not mine & others
        assert (len(mine), len(others)) == (1, 1)
        account = right.a.insert_raw("Accounts", {"Account_Name": "A"})
        lead = right.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
        for daemon in (right, wrong, right):  # leads wait for the accounts' first pass
            daemon.once()
        right.counterpart("Accounts", account)
        right.counterpart("Leads", lead)
        assert len(right.writes()) == 2
