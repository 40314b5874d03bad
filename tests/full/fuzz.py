"""The fuzz of the suite, for minutes: `python -m tests.full fuzz --minutes 15 --seed 1`.

First every wrong shape goes into every place of every sample. Then random rounds run in batches; batch n has the seed
S + n, so that `--seed <that> --minutes 0` runs a failing batch again. A fault is told once, with the smallest round of
requests that shows it. The exit code is 1 when there was any.
"""

from __future__ import annotations

import argparse
import sys
import time

from hypothesis import HealthCheck, Phase, given, seed, settings

from daemon.emulator import Emulator
from tests.emulator.havoc import ROUNDS, odd_parameters, wrong_shapes
from tests.emulator.rounds import Rounds, UnsoundError
from tests.emulator.shots import SAMPLES, Range, Shot

BATCH = 500


def main(argv: list[str]) -> int:
    """Shoot until the time is over."""
    parser = argparse.ArgumentParser(prog="python -m tests.full fuzz", description=__doc__)
    parser.add_argument("--minutes", type=float, default=15, help="0: one batch")
    parser.add_argument("--seed", type=int, default=1)
    given_words = parser.parse_args(argv)
    end, found, batch = time.monotonic() + 60 * given_words.minutes, dict[str, str](), 0
    with Emulator(("us",)) as emulator:
        rounds = Rounds(Range(emulator))
        _systematic(rounds, found)
        while batch == 0 or time.monotonic() < end:
            number = given_words.seed + batch
            _batch(rounds, number, found)
            batch += 1
            _say(f"batch {number}: {rounds.statuses.total()} requests so far, {len(found)} faults")
    _say(f"\nrequests {rounds.statuses.total()}, batches {batch}, kinds of call {len(rounds.kinds)}")
    _say("statuses " + ", ".join(f"{status}: {count}" for status, count in sorted(rounds.statuses.items())))
    _say("calls " + ", ".join(f"{kind}: {count}" for kind, count in rounds.kinds.most_common()))
    _say(f"faults {len(found)}")
    return 1 if found else 0


def _systematic(rounds: Rounds, found: dict[str, str]) -> None:
    """All the harm that can be listed; the rest of a sample's is done also after a fault."""
    for sample in SAMPLES:
        waiting = [*wrong_shapes(sample), *odd_parameters(sample)]
        while waiting:
            shots, place = waiting, rounds.statuses.total()
            try:
                rounds.each(shots)
                break
            except UnsoundError as unsound:
                waiting = shots[rounds.statuses.total() - place :]
                if unsound.key not in found:
                    found[unsound.key] = str(unsound)
                    _say(f"FAULT {unsound}\n")
    _say(f"every place: {rounds.statuses.total()} requests, {len(found)} faults")


def _batch(rounds: Rounds, number: int, found: dict[str, str]) -> None:
    """Some hundred rounds; each new fault is made small and told."""
    while True:
        known = len(found)

        @seed(number + 1_000_000 * known)
        @settings(
            max_examples=BATCH, deadline=None, database=None, phases=(Phase.generate, Phase.shrink), print_blob=False,
            suppress_health_check=list(HealthCheck), report_multiple_bugs=False,
        )  # fmt: skip
        @given(ROUNDS)
        def play(shots: list[Shot]) -> None:
            try:
                rounds.play(shots)
            except UnsoundError as unsound:
                if unsound.key not in found:
                    raise

        try:
            play()
        except UnsoundError as unsound:
            found[unsound.key] = str(unsound)
            _say(f"FAULT seed {number}: {unsound}\n")
        if len(found) == known:
            return


def _say(text: str) -> None:
    sys.stdout.write(text.encode("utf-8", "backslashreplace").decode() + "\n")
    sys.stdout.flush()
