"""Three daemons on one Postgres ledger: one is killed while one sleeps, that one wakes up, the server restarts."""

from __future__ import annotations

from functools import partial
from pathlib import Path

from tests.postgres import running_server
from tests.service.site import until
from tests.several.fleet import several


def test_whatever_happens_to_daemons_each_record_comes_once_and_all_of_them_come(tmp_path: Path) -> None:
    with (
        running_server() as server,
        several(
            tmp_path, server, sources=("in",), targets=("us", "eu"), modules=("Leads", "Accounts"), daemons=3, seed=1
        ) as running,
    ):
        running.wait(2)
        running.pause(1, 11, meanwhile=partial(running.kill, 0))
        running.restart_server()
        running.wait(2)
        until(lambda: not running.wrong(), 60)
        assert "Traceback" not in running.site.log()
