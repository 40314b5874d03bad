"""`python -m tests.full lives --count N --seed S [--jobs 2]`: random lives, one a seed from S on (tests/lives/)."""

from __future__ import annotations

import argparse
import sys
import time
from concurrent.futures import ProcessPoolExecutor

from tests.lives.life import Failure, live
from tests.lives.shrink import shrink


def main(argv: list[str]) -> int:
    """Lives; prints every failure with the command that replays it. 1 when one failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.full lives", description=__doc__)
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--jobs", type=int, default=1)
    parser.add_argument("--keep", default=None, help="numbers of the steps to take, joined by commas: a shrunken life")
    parser.add_argument("--shrink", action="store_true", help="leave out steps of a failing life while it still fails")
    parser.add_argument("--stop", type=int, default=0, help="stop after so many failures; 0: never")
    given = parser.parse_args(argv)
    started, failures, lived = time.monotonic(), [], 0
    keep = None if given.keep is None else [int(number) for number in given.keep.split(",") if number]
    for failure in _lives(range(given.seed, given.seed + given.count), given.jobs, keep):
        lived += 1
        if failure is not None:
            failures.append(failure.seed)
            _say(str(shrink(failure) if given.shrink else failure))
            if len(failures) == given.stop:
                break
    spent = time.monotonic() - started
    _say(
        f"{lived} lives from seed {given.seed} in {spent:.0f} s ({spent / lived:.2f} s each); "
        f"failed: {failures or 'none'}"
    )
    return 1 if failures else 0


def _lives(seeds: range, jobs: int, keep: list[int] | None):  # type: ignore[no-untyped-def]
    if jobs == 1 or keep is not None:
        yield from (live(seed, keep) for seed in seeds)
        return
    with ProcessPoolExecutor(jobs) as pool:
        yield from pool.map(live, seeds, chunksize=5)


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


__all__ = ["Failure", "main"]
