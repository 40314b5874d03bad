"""How much more several daemons carry than one: `python -m tests.bench.several [--latency S] [--waves N] [--each N]`.

Real daemons on one Postgres ledger that writes through to the disk, 104 routes, and orgs that answer every call late,
as Zoho does: one daemon then waits more than it works. In each wave people make records in every module of every
source, and the time counts until all of them are in every target. Prints the records a second, the share of the time
in which some writer had its turn at the ledger, and how many waited for theirs: daemons write one after the other.
"""

from __future__ import annotations

import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean
from typing import Final

import psycopg

from daemon.emulator import OrgHandle
from tests.bench._figures import Figure, end, parser, say
from tests.postgres import Server, running_server
from tests.several.fleet import DATABASE, Several, several
from tests.several.modules import MODULES

SOURCES: Final = ("in", "us")
TARGETS: Final = ("au", "cn", "ca", "sa")
COUNTS: Final = (1, 2, 4)
SAMPLE_S: Final = 0.01
TURN: Final = """
SELECT count(*) FILTER (WHERE granted), count(*) FILTER (WHERE NOT granted) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ExclusiveLock'
"""


@dataclass(kw_only=True)
class Turns:
    """What was seen each hundredth of a second: whether a writer had its turn, and how many waited."""

    held: list[int] = field(default_factory=list)
    waiting: list[int] = field(default_factory=list)


@contextmanager
def watched(server: Server) -> Iterator[Turns]:
    seen, over = Turns(), threading.Event()

    def look() -> None:
        with psycopg.connect(server.url(DATABASE), autocommit=True) as connection:
            while not over.wait(SAMPLE_S):
                for held, waiting in connection.execute(TURN.encode()):
                    seen.held.append(held)
                    seen.waiting.append(waiting)

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield seen
    finally:
        over.set()
        thread.join()


def held(running: Several, orgs: Sequence[OrgHandle]) -> int:
    """How many records the orgs hold, without asking for what is in them."""
    sites = [running.site.emu.world.sites[org.name] for org in orgs]
    return running.site.emu.do(lambda _: sum(len(site.org.tables[m].records) for site in sites for m in MODULES))


def carry(running: Several, each: int) -> None:
    """So many new records in every module of every source, until all are in every target."""
    for org in running.sources:
        for name, module in MODULES.items():
            for number in range(each):
                org.insert_raw(name, {module.name: f"N{number}", **module.more})
    while held(running, running.targets) < held(running, running.sources) * len(TARGETS):
        time.sleep(0.05)


def measure(folder: Path, daemons: int, *, latency: float, waves: int, each: int) -> float:
    """Records a second."""
    with (
        running_server(fsync="on") as server,
        several(
            folder,
            server,
            sources=SOURCES,
            targets=TARGETS,
            modules=tuple(MODULES),
            daemons=daemons,
            seed=1,
            latency=latency,
        ) as running,
    ):
        _shared_out(running, daemons)
        carry(running, 1)  # the first records of a stream take more calls than those that follow
        begun, before = time.monotonic(), held(running, running.targets)
        with watched(server) as turns:
            for _ in range(waves):
                carry(running, each)
        spent, records = time.monotonic() - begun, held(running, running.targets) - before
        if found := [one for one in running.wrong() if not one.startswith("intent")]:
            raise SystemExit(f"{len(found)} things are wrong: {found[:3]}")
        rate = records / spent
        told = f"{records} records in {spent:.1f} s, {rate:.0f} a second"
        share = f"a turn was held {fmean(turns.held):.0%} of the time, {fmean(turns.waiting):.2f} writers waited"
        say(f"{daemons} daemons: {told}; {share}")
        return rate


def _shared_out(running: Several, daemons: int) -> None:
    """Each daemon has its share, so that none begins with nothing."""
    most = -(-len(SOURCES) * len(TARGETS) * len(MODULES) // daemons)
    while any(not 0 < len(running.owned(number)) <= most for number in range(daemons)):
        time.sleep(0.2)


def main() -> int:
    """Print the figures of one, two and four daemons."""
    options = parser(__doc__)
    options.add_argument("--latency", type=float, default=0.3, help="seconds a call")
    options.add_argument("--waves", type=int, default=3)
    options.add_argument("--each", type=int, default=20, help="new records a module and wave")
    given = options.parse_args()
    rates = {}
    for daemons in COUNTS:
        with tempfile.TemporaryDirectory() as folder:
            rates[daemons] = measure(Path(folder), daemons, latency=given.latency, waves=given.waves, each=given.each)
    figures = [
        Figure(name=f"{daemons} daemons: records a second ÷ those of one", values=[rate / rates[1]])
        for daemons, rate in rates.items()
    ]
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
