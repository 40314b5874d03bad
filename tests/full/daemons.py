"""Several daemons on one Postgres ledger: `python -m tests.full daemons [--daemons N] [--kills N] [--seed S]`.

Real processes, 208 routes between eight orgs; kills, pauses (SIGSTOP) and restarts of the server in random order while
people edit. Prints the failover times: from a kill until all that the daemon ran was polled by others. The exit code is
1 when a record is missing, there twice or not equal at the end, when a stale claim has written, or when a failover took
longer than one poll and ten seconds.
"""

from __future__ import annotations

import argparse
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from tests.postgres import running_server
from tests.several.fleet import Several, several
from tests.several.modules import MODULES

SOURCES: Final = ("in", "us", "eu", "jp")
TARGETS: Final = ("au", "cn", "ca", "sa")
POLL_S: Final = 20
"""The default is a minute; with less than this, two processors that also emulate eight orgs cannot poll all routes in
time, and a failover waits for the processor.
"""
LIMIT_S: Final = POLL_S + 10


def main(argv: list[str]) -> int:
    """Let it happen, then let it settle."""
    parser = argparse.ArgumentParser(prog="python -m tests.full daemons", description=__doc__)
    parser.add_argument("--daemons", type=int, default=4)
    parser.add_argument("--kills", type=int, default=30)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--log", type=argparse.FileType("w"), help="where the daemons' log is kept")
    given = parser.parse_args(argv)
    with tempfile.TemporaryDirectory() as folder, running_server() as server:
        Path(folder).chmod(0o755)
        with several(
            Path(folder),
            server,
            sources=SOURCES,
            targets=TARGETS,
            modules=tuple(MODULES),
            daemons=given.daemons,
            seed=given.seed,
            poll=f"{POLL_S}s",
        ) as running:
            routes = running.sql("SELECT count(*) FROM checkpoints")[0][0]
            _say(f"{given.daemons} daemons, {routes} routes, a poll each {POLL_S} s")
            kinds = ["kill"] * given.kills + ["pause"] * (given.kills // 5) + ["restart"] * (given.kills // 8 + 1)
            running.dice.shuffle(kinds)
            try:
                for number, kind in enumerate(kinds):
                    running.wait(running.dice.uniform(0.5, 3))
                    _say(f"{number + 1:3} {_accident(running, kind, running.dice.randrange(given.daemons))}")
                return _judge(running, kinds, _settle(running))
            finally:
                if given.log is not None:
                    given.log.write(running.site.log())


def _accident(running: Several, kind: str, number: int) -> str:
    if kind == "kill":
        running.kill(number)
        return f"killed {number}; the others went on after {running.failovers[-1]:.1f} s"
    if kind == "pause":
        running.pause(number, running.dice.uniform(9, 14))
        return f"{number} slept and woke up"
    running.restart_server()
    return "the server restarted"


def _settle(running: Several) -> list[str]:
    deadline = time.monotonic() + 180
    while (left := running.wrong()) and time.monotonic() < deadline:
        time.sleep(1)
    return left


def _judge(running: Several, kinds: list[str], left: list[str]) -> int:
    log, times = running.site.log(), sorted(running.failovers)
    late = [seconds for seconds in times if seconds > LIMIT_S]
    happened = ", ".join(f"{kinds.count(kind)} {kind}s" for kind in ("kill", "pause", "restart"))
    _say(f"{happened}; {len(running.records)} records in {len(TARGETS)} targets each")
    _say(f"{running.judged()} writes judged; stale claims refused: {log.count('is run by another daemon now')}")
    _say(f"failover: median {statistics.median(times):.1f} s, worst {times[-1]:.1f} s, {len(late)} over {LIMIT_S} s")
    _say(f"daemons that ended while the server was away, and were started again: {len(running.ended)}")
    _say(f"{len(left)} things wrong at the end" + "".join(f"\n  {one}" for one in left[:10]))
    crashed = "Traceback" in log
    if crashed:
        _say(f"a traceback in the log: {log[log.index('Traceback') :][:2000]}")
    return 1 if left or late or crashed else 0


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
