"""Throughput and CPU of the road: `python -m tests.bench.road [--records N] [--changes N] [--latency S] [--runs N]`.

A backfill of N records and a catch-up of changes (30 % of them touched but equal), at Zoho's caps: every answer comes
late, ten calls at a time. All goes by calls, for how long Zoho lets a bulk job wait is not a cap. Each figure stands
beside that of a bare client which makes the same calls (_floor.py), run before and after on orgs of the same content:
the mean of both. How far these two differ is the machine's noise.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from statistics import fmean
from typing import Final

from loguru import logger

from tests.bench._figures import Figure, end, parser, say
from tests.bench._floor import Floor
from tests.bench._stand import Stand, daemon, standing

AT_ONCE: Final = 10
EQUAL: Final = 0.3
LEAST: Final = 0.9  # of the floor's records a second
MOST_CPU: Final = 2.0  # times the floor's


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Seconds by the clock and of this process's CPU, and credits of both orgs."""

    wall: float
    cpu: float
    credits: int


def cost_of(stand: Stand, work: Callable[[], object]) -> Cost:
    """What some work costs."""
    credits_before, wall, cpu = sum(stand.spent().values()), time.perf_counter(), time.process_time()
    work()
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    return Cost(wall=wall, cpu=cpu, credits=sum(stand.spent().values()) - credits_before)


def ours(records: int, changes: int, latency: float) -> tuple[Cost, Cost]:
    """Backfill and catch-up by the daemon's fleet."""
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(records, latency) as stand,
        daemon(stand.settings(Path(folder), AT_ONCE, bulk="never")) as fleet,
    ):
        for catalog in fleet.catalogs.values():
            catalog.profile()
        filled = cost_of(stand, fleet.once)
        if stand.held() != records:
            raise SystemExit(f"{stand.held()} of {records} records are in the target")
        stand.edit(changes, EQUAL)
        return filled, cost_of(stand, fleet.once)


def floors(records: int, changes: int, latency: float) -> tuple[Cost, Cost]:
    """The same by a bare client."""
    with standing(records, latency) as stand:
        floor = Floor(stand, AT_ONCE)
        filled = cost_of(stand, floor.backfill)
        since = stand.edit(changes, EQUAL)
        return filled, cost_of(stand, lambda: floor.catch_up(since))


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=100_000)
    options.add_argument("--changes", type=int, default=20_000)
    options.add_argument("--latency", type=float, default=0.3, help="seconds an answer")
    given = options.parse_args()
    logger.remove()
    sizes = (given.records, given.changes, given.latency)
    floor, mine = [floors(*sizes)], []
    for _ in range(given.runs):
        mine.append(ours(*sizes))
        floor.append(floors(*sizes))
    figures = []
    for place, (name, count) in enumerate((("backfill", given.records), ("catch-up", given.changes))):
        base, own = [run[place] for run in floor], [run[place] for run in mine]
        beside = list(zip(own, pairwise(base), strict=True))
        for one, (before, after) in beside:
            say(
                f"{name} of {count:,}: {one.wall:.1f} s, {1e6 * one.cpu / count:.0f} us of CPU a record; "
                f"the floor's before and after: {before.wall:.1f} and {after.wall:.1f} s, "
                f"{1e6 * after.cpu / count:.0f} us"
            )
        figures += [
            Figure(
                name=f"{name} of {count:,}: records a second ÷ those of the floor",
                values=[fmean((before.wall, after.wall)) / one.wall for one, (before, after) in beside],
                least=LEAST,
            ),
            Figure(
                name=f"{name} of {count:,}: CPU ÷ that of the floor",
                values=[one.cpu / fmean((before.cpu, after.cpu)) for one, (before, after) in beside],
                most=MOST_CPU,
            ),
            Figure(
                name=f"noise: the floor of the {name} ÷ itself a run before",
                values=[after.wall / before.wall for _, (before, after) in beside],
            ),
        ]
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
