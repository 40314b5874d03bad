"""How soon a change is seen in the target, for how many credits: `python -m tests.bench.lag [--runs N] [--all]`.

Two emulated orgs whose every call takes 300 ms, a stream, and the daemon's own rule of when to read next (core/pace).
Changes come in bursts: for ten to twenty-five minutes somebody works on a list, a record every four seconds or so, then
nothing for an hour or two; and after some hours of that a night. Time is the emulator's, so that hours take seconds;
each way of polling lives through the same changes, each run through others. Lag is from a change in A to the moment
when B shows it; credits are what both orgs billed.
"""

from __future__ import annotations

import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

from loguru import logger

from daemon.emulator import Emulator
from daemon.service.pacing import Pacing
from daemon.sync.report import Report
from tests.bench._figures import Figure, end, parser, say
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened

LATENCY_S: Final = 0.3
BORN: Final = 1_750_000_000
EACH_S: Final = 4.0
SLOW, FAST = timedelta(seconds=60), timedelta(seconds=5)
MIDDLE: Final = timedelta(seconds=20)
BEYOND_S: Final = 2.0  # the interval
WAYS: Final = (
    ("adaptive, 15 s to 60 s (default)", SLOW, SLOW / 4),
    ("fixed, 20 s", MIDDLE, MIDDLE),
    ("fixed, 60 s", SLOW, SLOW),
)
MORE: Final = (("adaptive, 5 s to 60 s", SLOW, FAST), ("fixed, 5 s", FAST, FAST))


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What one way of polling came to; lags in seconds."""

    lags: Sequence[float]
    credits_spent: int

    @property
    def half(self) -> float:
        return quantiles(self.lags, n=100)[49]

    @property
    def most(self) -> float:
        return quantiles(self.lags, n=100)[94]


def bursts(hours: float, seed: int) -> Iterator[float]:
    """Seconds after the start at which records change."""
    dice, at = random.Random(seed), 600.0
    while at < hours * 3_600:
        end = at + dice.uniform(600, 1_500)
        while at < end:
            yield at
            at += dice.expovariate(1 / EACH_S)
        at += dice.uniform(3_600, 7_200)


def live(name: str, poll: timedelta, fast: timedelta, changes: Sequence[float], quiet: float) -> Lived:
    """Polls through all changes and some quiet hours after them."""
    with tempfile.TemporaryDirectory() as folder, Emulator(("in", "us")) as emu:
        clock = emu.world.clock
        clock.freeze()
        clock.set(BORN)
        add_key(emu.orgs["us"], "Leads")
        given = {"poll": poll, "poll_fast": fast, "lag": timedelta(seconds=120)}
        settings = make_settings(emu, Path(folder), modules=("Leads",), **given)
        with opened(emu, settings, monotonic=lambda: clock.now() - BORN, sleep=clock.advance) as pair:
            pair.once()
            before = _credits(pair)
            made = _follow(pair, changes, quiet)
            spent = _credits(pair) - before
            lived = Lived(lags=_lags(pair, made), credits_spent=spent)
            say(f"{name:34}{lived.half:8.1f}{lived.most:8.1f}{lived.credits_spent:9,}")
            return lived


def _follow(pair: Pair, changes: Sequence[float], quiet: float) -> dict[str, float]:
    """Runs the stream as the scheduler would; source id -> when it was made, in seconds after the start."""
    clock, pacing, [runner] = pair.emu.world.clock, Pacing(), pair.fleet.runners
    start, waiting, made = clock.now(), list(reversed(changes)), dict[str, float]()

    def pass_until(moment: float) -> None:
        """People change what they change in between."""
        while waiting and start + waiting[-1] <= moment:
            at = waiting.pop()
            clock.set(max(clock.now(), start + at))
            made[pair.a.insert_raw("Leads", {"Last_Name": f"L{len(made)}", "Company": "C"})] = clock.now()
        clock.set(max(clock.now(), moment))

    for catalog in pair.fleet.catalogs.values():
        hooks = {"request": [lambda _: pass_until(clock.now() + LATENCY_S)]}
        catalog.zoho._caller.transport._client.event_hooks = hooks
    end, due = start + changes[-1] + quiet * 3_600, start
    while due < end:
        pass_until(due)
        report: Report = runner.cycle()
        while report.more:
            report = runner.cycle()
        if report.trouble is not None:
            raise SystemExit(report.trouble)
        short = pair.fleet.credits_short(runner.stream.address)
        wait = pacing.after(runner.stream, report, short=short)
        due = due + wait.total_seconds() if wait == runner.stream.poll else clock.now() + wait.total_seconds()
    return made


def _lags(pair: Pair, made: dict[str, float]) -> list[float]:
    """By the target's log: the moment at which the call that made each record was answered."""
    seen: dict[str, float] = {}
    for call in pair.b.log(kind="insert"):
        for record in call["body"]["data"]:
            seen.setdefault(str(record[KEY]).partition(":")[2], call["at"])
    if seen.keys() != made.keys():
        raise SystemExit(f"{len(made)} records were made in A, {len(seen)} in B")
    return [seen[i] - at for i, at in made.items()]


def _credits(pair: Pair) -> int:
    return sum(call["credits"] for org in (pair.a, pair.b) for call in org.log())


def figures_of(lives: Sequence[Sequence[Lived]]) -> list[Figure]:
    """Of each run, the ways of WAYS in their order."""
    adaptive, middle, slow = zip(*lives, strict=True)
    fixed = [
        Figure(
            name=f"a change is seen, polling each {poll.seconds} s: 95 of 100 within",
            values=[run.most for run in runs],
            unit=" s",
            digits=1,
            most=poll.seconds + BEYOND_S,
        )
        for poll, runs in ((SLOW, slow), (MIDDLE, middle))
    ]
    against = f"adaptive ({SLOW.seconds // 4} s to {SLOW.seconds} s) ÷ always after {MIDDLE.seconds} s"
    both = list(zip(adaptive, middle, strict=True))
    return [
        *fixed,
        Figure(name=f"{against}: 95 of 100 within", values=[one.most / other.most for one, other in both], most=1.0),
        Figure(
            name=f"{against}: credits",
            values=[one.credits_spent / other.credits_spent for one, other in both],
            most=1.0,
        ),
    ]


def main() -> int:
    """Print lag and credits of each way of polling; 1 when a target is missed."""
    options = parser(__doc__)
    options.add_argument("--hours", type=float, default=4.0, help="in which people work")
    options.add_argument("--quiet", type=float, default=8.0, help="hours after them in which nobody does")
    options.add_argument("--seed", type=int, default=1, help="of the first run")
    options.add_argument("--all", action="store_true", help="more ways of polling, in a table")
    given = options.parse_args()
    logger.disable("daemon")
    lives = []
    for seed in range(given.seed, given.seed + given.runs):
        changes = list(bursts(given.hours, seed))
        say(f"{len(changes)} changes in {given.hours:g} hours, then {given.quiet:g} quiet ones; seed {seed}")
        say(f"{'polling':34}{'p50 s':>8}{'p95 s':>8}{'credits':>9}")
        lives.append([live(*way, changes, given.quiet) for way in (*WAYS, *(MORE if given.all else ()))])
    return end(figures_of([run[: len(WAYS)] for run in lives]), given)


if __name__ == "__main__":
    sys.exit(main())
