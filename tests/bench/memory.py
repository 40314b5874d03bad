"""How much memory a backfill needs: `python -m tests.bench.memory [--records N] [--times K]`.

The peak of a process of its own that backfills N records, and of one that backfills K times as many.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Final

from loguru import logger

from tests.bench._stand import daemon, standing

MOST: Final = 1.1
MOST_MB: Final = 200.0


def peak(records: int) -> float:
    """Megabytes at most of a process that backfills so many records."""
    began = time.perf_counter()
    words = [sys.executable, "-m", "tests.bench.memory", "--alone", str(records)]
    told = float(subprocess.run(words, capture_output=True, text=True, check=True).stdout)
    say(f"{records:,} records: {told:.0f} MB at most ({time.perf_counter() - began:.0f} s)")
    return told


def backfill(records: int) -> float:
    """Here: megabytes at most."""
    logger.remove()
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(records) as stand,
        daemon(stand.settings(Path(folder))) as fleet,
    ):
        fleet.once()
        if stand.held() != records:
            raise SystemExit(f"{stand.held()} of {records} records are in the target")
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--records", type=int, default=100_000)
    parser.add_argument("--times", type=int, default=10)
    parser.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.alone:
        say(f"{backfill(given.alone)}")
        return 0
    small, big = peak(given.records), peak(given.records * given.times)
    reached = big <= MOST * small and big < MOST_MB
    say(f"{big / small:.2f} times (targets: {MOST} times, {MOST_MB:.0f} MB): " + ("reached" if reached else "missed"))
    return 0 if reached else 1


def say(text: str) -> None:
    """This program's only voice."""
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
