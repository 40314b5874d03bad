"""How soon a change is seen in the target, for how many credits: `python -m tests.bench.lag [--hours H] [--seed S]`.

Two emulated orgs whose every call takes 300 ms, a stream, and the daemon's own rule of when to read next (core/pace).
Changes come in bursts: for ten to twenty-five minutes somebody works on a list, a record every four seconds or so, then
nothing for an hour or two. Time is the emulator's, so that hours take seconds; each way of polling lives through the
same changes. Lag is from a change in A to the moment when B shows it; credits are what both orgs billed.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from statistics import quantiles
from typing import Final

from loguru import logger

from daemon.emulator import Emulator
from daemon.service.pacing import Pacing
from daemon.sync.report import Report
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened

LATENCY_S: Final = 0.3
BORN: Final = 1_750_000_000
EACH_S: Final = 4.0
SLOW, FAST = timedelta(seconds=60), timedelta(seconds=5)
MIDDLE: Final = timedelta(seconds=20)


@dataclass(frozen=True, kw_only=True)
class Lived:
    """What one way of polling came to; lags in seconds."""

    name: str
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


def live(name: str, poll: timedelta, fast: timedelta, changes: Sequence[float]) -> Lived:
    """Polls through all changes and an idle hour after them."""
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
            made = _follow(pair, changes)
            spent = _credits(pair) - before
            return Lived(name=name, lags=_lags(pair, made), credits_spent=spent)


def _follow(pair: Pair, changes: Sequence[float]) -> dict[str, float]:
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
    end, due = start + changes[-1] + 3_600, start
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


def main() -> int:
    """Print lag and credits of fixed and adaptive polling, and their ratios."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--hours", type=float, default=4.0)
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    logger.disable("daemon")
    changes = list(bursts(asked.hours, asked.seed))
    print(f"{len(changes)} changes in {asked.hours:g} hours, seed {asked.seed}; {datetime.now(UTC):%Y-%m-%d}")  # noqa: T201
    ways = [
        live("adaptive, 5 s to 60 s", SLOW, FAST, changes),
        live("adaptive, 15 s to 60 s (default)", SLOW, SLOW / 4, changes),
        live("fixed, 60 s", SLOW, SLOW, changes),
        live("fixed, 20 s", MIDDLE, MIDDLE, changes),
        live("fixed, 5 s", FAST, FAST, changes),
    ]
    print(f"{'polling':34}{'p50 s':>8}{'p95 s':>8}{'credits':>9}   adaptive (5 s to 60 s) ÷ this: p50, p95, credits")  # noqa: T201
    best = ways[0]
    for way in ways:
        ratios = f"{best.half / way.half:.2f}, {best.most / way.most:.2f}, {best.credits_spent / way.credits_spent:.2f}"
        print(f"{way.name:34}{way.half:8.1f}{way.most:8.1f}{way.credits_spent:9,}   {ratios}")  # noqa: T201
    return 0


if __name__ == "__main__":
    sys.exit(main())
