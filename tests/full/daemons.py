"""Several daemons on one Postgres ledger: `python -m tests.full daemons [--daemons N] [--accidents N] [--seed S]`.

Real processes; kills, pauses (SIGSTOP) and restarts of the server at random while people edit. Prints the failover
times; the exit code is 1 when a record is missing, there twice or not equal at the end.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path

from tests.postgres import running_server
from tests.several.fleet import Several, several

ORGS = ("in", "us", "eu", "au", "jp", "ca")
MODULES = ("Accounts", "Contacts", "Leads", "Deals")


def main(argv: list[str]) -> int:
    """Let it happen, then let it settle."""
    parser = argparse.ArgumentParser(prog="python -m tests.full daemons", description=__doc__)
    parser.add_argument("--daemons", type=int, default=4)
    parser.add_argument("--accidents", type=int, default=40)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        Path(folder).chmod(0o755)
        with several(
            Path(folder), server, data_centers=ORGS, modules=MODULES, daemons=given.daemons, seed=given.seed
        ) as running:
            for number in range(given.accidents):
                _say(f"{number + 1:3} {_accident(running, given.daemons)}")
            deadline = time.monotonic() + 120
            while (left := running.wrong()) and time.monotonic() < deadline:
                time.sleep(1)
            log = running.site.log()
            crossings = log.count("is run by another daemon now")
            _say(f"{len(running.records)} records, {len(ORGS) - 1} targets; stale claims refused: {crossings}")
            if running.failovers:
                times = sorted(running.failovers)
                middle = statistics.median(times)
                _say(f"failover after {len(times)} kills: median {middle:.1f} s, worst {times[-1]:.1f} s")
            _say(f"{len(left)} things wrong at the end" + "".join(f"\n  {one}" for one in left[:10]))
            if "Traceback" in log:
                _say(f"a traceback in the log: {log[log.index('Traceback') :][:2000]}")
            return 1 if left or "Traceback" in log else 0


def _accident(running: Several, daemons: int) -> str:
    number, kind = running.dice.randrange(daemons), running.dice.random()
    running.wait(running.dice.uniform(0.5, 3))
    if kind < 0.75:
        running.kill(number)
        return f"killed {number}; others went on after {running.failovers[-1] if running.failovers else 0:.1f} s"
    if kind < 0.9:
        running.pause(number, running.dice.uniform(9, 14))
        return f"{number} slept and woke up"
    running.restart_server()
    return "the server restarted"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
