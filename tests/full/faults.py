"""Every single fault once: `python -m tests.full faults [--every N] [--seed S] [--scenario NAME] [--lag S]
[--kind KIND]`.

Each call of a scenario meets each accident, each statement and commit of the ledger fails or is where the process ends,
and after each commit the ledger is once replaced by what it was then. The exit code is 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from loguru import logger

from tests.points.scenarios import SCENARIOS
from tests.points.single import ACCIDENTS, KINDS, Result, faults
from tests.points.warm import Warm

LAGS = (0, 2)


def main(argv: list[str]) -> int:
    """Let everything go wrong once; the seed shifts which faults are chosen when not all are."""
    parser = argparse.ArgumentParser(prog="python -m tests.full faults", description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    parser.add_argument("--lag", type=int, action="append")
    parser.add_argument("--kind", action="append", choices=KINDS)
    given = parser.parse_args(argv)
    logger.remove()
    dice, wrong, count, began = random.Random(given.seed), 0, 0, time.monotonic()
    _say(f"{'scenario':22} {'lag':>3}  {'calls':>6} {'errors':>6} {'crashes':>7} {'restores':>8}  outcome")
    with Warm() as warm, tempfile.TemporaryDirectory() as folder:
        for name in given.scenario or SCENARIOS:
            for lag in given.lag or LAGS:
                with SCENARIOS[name].staged(Path(folder), warm, lag) as stage:
                    done = list(faults(stage, dice.randrange(given.every), given.every, given.kind or KINDS))
                _tell(name, lag, done)
                count += len(done)
                wrong += sum(bool(result.wrong) for result in done)
    _say(f"\n{count} faults, {wrong} of them ended wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _tell(name: str, lag: int, done: list[Result]) -> None:
    kinds = Counter("call" if result.fault.kind in ACCIDENTS else result.fault.kind for result in done)
    counts = f"{kinds['call']:6} {kinds['error']:6} {kinds['crash']:7} {kinds['restore']:8}"
    bad = [result for result in done if result.wrong]
    _say(f"{name:22} {lag:3}  {counts}  {f'{len(bad)} WRONG' if bad else 'all well'}")
    for result in bad:
        _say("\n      ".join([f"   {result.fault.kind} at {result.fault.number}, {result.where}:", *result.wrong]))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
