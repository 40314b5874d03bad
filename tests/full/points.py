"""Every crash point: `python -m tests.full points [--every N] [--seed S] [--scenario NAME]`.

The real process is killed at each place where it calls Zoho or writes the ledger, started again until it is quiet, and
judged. The exit code is 1 when anything was wrong.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.points.crash import Crash, crashes
from tests.points.scenarios import SCENARIOS
from tests.points.warm import Warm


def main(argv: list[str]) -> int:
    """Kill at every place; the seed shifts which places are chosen when not all are."""
    parser = argparse.ArgumentParser(prog="python -m tests.full points", description=__doc__)
    parser.add_argument("--every", type=int, default=1)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--scenario", action="append", choices=SCENARIOS)
    given = parser.parse_args(argv)
    dice, wrong, kills, began = random.Random(given.seed), 0, 0, time.monotonic()
    _say(f"{'scenario':22} {'kills':>6}  {'before':>6} {'on way':>6} {'after':>6}  {'restarts':>8}  outcome")
    with Warm() as warm, tempfile.TemporaryDirectory() as folder:
        for name in given.scenario or SCENARIOS:
            with SCENARIOS[name].staged(Path(folder), warm) as stage:
                done = list(crashes(stage, dice.randint(1, given.every), given.every))
            _tell(name, done)
            kills += len(done)
            wrong += sum(bool(crash.wrong) for crash in done)
    _say(f"\n{kills} kills, {wrong} of them ended wrong, {time.monotonic() - began:.0f} s")
    return 1 if wrong else 0


def _tell(name: str, done: list[Crash]) -> None:
    when = Counter(crash.point.partition(" ")[0] for crash in done)
    counts = f"{when['before']:6} {when['on']:6} {when['after']:6}"
    bad = [crash for crash in done if crash.wrong]
    outcome = f"{len(bad)} WRONG" if bad else "all well"
    _say(f"{name:22} {len(done):6}  {counts}  {max(c.restarts for c in done):8}  {outcome}")
    for crash in bad:
        _say("\n   ".join([f"   point {crash.number}, killed {crash.point}:", *crash.wrong]))


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()
