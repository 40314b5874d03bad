"""Zoho counts the calls of an org that are on their way, from whatever machine they come."""

from __future__ import annotations

import threading
from pathlib import Path

from daemon.emulator import Emulator
from daemon.zoho import coql
from tests.postgres import running_server
from tests.several.hosts import Host, host, settings_on


def test_all_daemons_together_have_no_more_calls_on_their_way_than_an_org_takes(tmp_path: Path) -> None:
    with running_server() as server, Emulator(("in", "us")) as emu:
        settings = settings_on(server, emu, tmp_path, ("Leads",))
        with host(emu, settings, tmp_path / "1") as one, host(emu, settings, tmp_path / "2") as two:
            for daemon in (one, two, one):
                daemon.claims.beat()
                daemon.fleet.catalogs["us"].profile()
            emu.faults({"effect": "latency", "seconds": 0.2})
            threads = [threading.Thread(target=ask, args=(daemon,)) for daemon in (one, two) for _ in range(8)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            answers = [call["status"] for call in emu.orgs["us"].log(kind="coql")]
            assert (len(answers), set(answers)) == (16, {204}), "none is 429"


def ask(daemon: Host) -> None:
    where = coql.at_or_after("Modified_Time", daemon.fleet._now())
    daemon.fleet.catalogs["us"].zoho.coql("Leads", ["id"], where=where, order_by=("id",), limit=10)
