"""What ten times the records need: `python -m tests.bench.memory [--records N] [--runs N]`.

The peak of memory, and the CPU, of a process of its own that backfills N records, and of one that backfills ten times
as many; the orgs are other processes, and answer at once. And the peak of one that lets bulk write make them (three
jobs): its pages wait for the job.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Final, get_args

from loguru import logger

from daemon.core.rules import Bulk
from tests.bench._figures import Figure, end, parser, say
from tests.bench._stand import daemon, standing
from tests.bench.road import cost_of

TIMES: Final = 10
MOST: Final = 1.1
MOST_MB: Final = 200.0
MOST_CPU: Final = 11.0
BY_JOBS: Final = 75_000


@dataclass(frozen=True, slots=True)
class Need:
    """Megabytes at most, and seconds of CPU."""

    peak: float
    cpu: float


def need(records: int, bulk: Bulk = "auto") -> Need:
    """Of a process that backfills so many records."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "tests.bench.memory", "--alone", str(records), "--bulk", bulk]
    told = subprocess.run(words, stdout=subprocess.PIPE, text=True, check=True).stdout.split()
    found, took = Need(*map(float, told)), time.perf_counter() - began
    say(f'{records:,} records, bulk = "{bulk}": {found.peak:.0f} MB, {found.cpu:.1f} s of CPU ({took:.0f} s)')
    return found


def backfill(records: int, bulk: Bulk) -> Need:
    """Here."""
    logger.remove()
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(records) as stand,
        daemon(stand.settings(Path(folder), bulk=bulk)) as fleet,
    ):
        for catalog in fleet.catalogs.values():
            catalog.profile()
        cost = cost_of(stand, fleet.once)
        if stand.held() != records:
            raise SystemExit(f"{stand.held()} of {records} records are in the target")
    return Need(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, cost.cpu)


def compared(few: int, many: int) -> tuple[Need, Need]:
    """What few records need, and many: the few before and after the many, because the machine may be slower by then."""
    before, big, after = need(few), need(many), need(few)
    return Need(max(before.peak, after.peak), (before.cpu + after.cpu) / 2), big


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=10_000)
    options.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    options.add_argument("--bulk", default="auto", choices=get_args(Bulk), help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.alone:
        found = backfill(given.alone, given.bulk)
        say(f"{found.peak} {found.cpu}")
        return 0
    few, many = given.records, TIMES * given.records
    pairs = [compared(few, many) for _ in range(given.runs)]
    jobs = need(BY_JOBS, "write")
    figures = [
        Figure(
            name=f"backfill of {many:,}: peak of memory ÷ that of {few:,}",
            values=[big.peak / small.peak for small, big in pairs],
            most=MOST,
        ),
        Figure(
            name=f"backfill of {many:,}: peak of memory",
            values=[big.peak for _, big in pairs],
            unit=" MB",
            digits=0,
            most=MOST_MB,
        ),
        Figure(
            name=f"backfill of {BY_JOBS:,} by bulk write: peak of memory",
            values=[jobs.peak],
            unit=" MB",
            digits=0,
            most=MOST_MB,
        ),
        Figure(
            name=f"backfill of {many:,}: CPU ÷ that of {few:,}",
            values=[big.cpu / small.cpu for small, big in pairs],
            most=MOST_CPU,
        ),
    ]
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
