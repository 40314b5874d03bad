"""Credits, throughput and CPU of the road: `python -m tests.bench.road [--records N] [--changes N] [--latency S]`.

A backfill of N records and a catch-up of changes (30 % of them touched but equal), at Zoho's caps: every answer comes
late, ten calls at a time. Each figure stands beside that of a bare client which makes the same calls (_floor.py), run
before and after on orgs of the same content, and beside the least that Zoho's price list allows.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Final

from loguru import logger

from tests.bench._floor import Floor, script, sdk_loop
from tests.bench._stand import Stand, daemon, standing

AT_ONCE: Final = 10
EQUAL: Final = 0.3
SAMPLE: Final = 2_000  # records of the rivals, whose price goes by the record


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
        daemon(stand.settings(Path(folder), AT_ONCE)) as fleet,
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


def rivals() -> dict[str, float]:
    """Credits a record of what people write by hand, where each of SAMPLE records has changed."""
    with standing(SAMPLE) as stand:
        loop = cost_of(stand, lambda: sdk_loop(stand)).credits / SAMPLE
        posted = cost_of(stand, lambda: script(stand, 100)).credits / 100
    return {"a loop over the SDK: list pages, upsert 100": loop, "a script: a token and a POST a record": posted}


def least(reads: int, writes: int) -> int:
    """Credits by the price list (facts 9.2): 2,000 rows for 3, ten records for 1."""
    return -(-reads // 2_000) * 3 + -(-writes // 10)


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--changes", type=int, default=20_000)
    parser.add_argument("--latency", type=float, default=0.3, help="seconds an answer")
    parser.add_argument("--runs", type=int, default=1)
    given = parser.parse_args()
    logger.remove()
    sizes = (given.records, given.changes, given.latency)
    floor, mine = [floors(*sizes)], []
    for _ in range(given.runs):
        mine.append(ours(*sizes))
        floor.append(floors(*sizes))
    writes = (given.records, round(given.changes * (1 - EQUAL)))
    missed = 0
    for place, (name, count) in enumerate((("backfill", given.records), ("catch-up", given.changes))):
        base, own = [run[place] for run in floor], [run[place] for run in mine]
        rate = median(c.wall for c in base) / median(c.wall for c in own)
        cpu = median(c.cpu for c in own) / median(c.cpu for c in base)
        price = median(c.credits for c in own) / least(count, writes[place])
        say(f"{name} of {count:,}: {count / median(c.wall for c in own):,.0f} records/s, {rate:.0%} of the floor")
        say(f"  its runs: {spread([c.wall for c in own])} s; the floor's: {spread([c.wall for c in base])} s")
        say(f"  CPU {1e6 * median(c.cpu for c in own) / count:.0f} us a record, {cpu:.1f} times the floor's")
        say(f"  {median(c.credits for c in own):,.0f} credits, {price:.3f} times the least")
        missed += (rate < 0.9) + (price > 1.05) + (cpu > 2.0)
    for name, price in rivals().items():
        say(
            f"{name}: {price:.3f} credits a record, {price * given.changes / least(given.changes, writes[1]):.2f} times"
        )
    say(f"targets (90 % of the floor, 1.05 times the least, twice the floor's CPU): {missed} missed")
    return 1 if missed else 0


def spread(seconds: list[float]) -> str:
    """From the fastest to the slowest run."""
    return f"{min(seconds):.1f} to {max(seconds):.1f}"


def say(text: str) -> None:
    """This program's only voice."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
