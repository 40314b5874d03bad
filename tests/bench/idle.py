"""What it costs to ask ten modules once a minute for a day, while nothing changes: `python -m tests.bench.idle`.

Time is the emulator's; the streams run as the scheduler runs them (service/pacing.py), deletions are not carried.
Credits are what both orgs billed from then on when everything was carried: of polls (a query each, to the source) and
of metadata (everything else). Counted, not timed: every run is equal.
"""

from __future__ import annotations

import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Final

from loguru import logger

from daemon.emulator import Emulator
from daemon.service.pacing import Pacing
from tests.bench._figures import Figure, end, parser, say
from tests.several.modules import MODULES
from tests.sync.pair import Pair, add_key, make_settings, opened

BORN: Final = 1_750_000_000
POLL: Final = timedelta(seconds=60)
COUNT: Final = 10
RECORDS: Final = 3  # of each module, carried before the day begins
POLLS: Final = "coql"


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """Polls that were made, and the credits by kind of call."""

    polls: int
    credits: Counter[str]

    @property
    def metadata(self) -> int:
        return self.credits.total() - self.credits[POLLS]


def day(hours: float) -> Day:
    """So many hours of polling, after everything was carried."""
    modules = tuple(MODULES)[:COUNT]
    with tempfile.TemporaryDirectory() as folder, Emulator(("in", "us")) as emu:
        clock = emu.world.clock
        clock.freeze()
        clock.set(BORN)
        for module in modules:
            add_key(emu.orgs["us"], module)
        settings = make_settings(emu, Path(folder), modules=modules, poll=POLL, lag=timedelta(seconds=120))
        with opened(emu, settings, monotonic=lambda: clock.now() - BORN, sleep=clock.advance) as pair:
            for module, number in ((module, number) for module in modules for number in range(RECORDS)):
                pair.a.insert_raw(module, {MODULES[module].name: f"N{number}", **MODULES[module].more})
            pair.once()
            clock.advance(600)  # past the lag
            before = _credits(pair)
            return Day(polls=_polled(pair, hours), credits=_credits(pair) - before)


def _polled(pair: Pair, hours: float) -> int:
    clock, pacing, runners = pair.emu.world.clock, Pacing(), pair.fleet.runners
    end_at, polls = clock.now() + hours * 3_600, 0
    due = dict.fromkeys(range(len(runners)), clock.now())
    while (moment := min(due.values())) < end_at:
        clock.set(max(moment, clock.now()))
        for number in [one for one, at in due.items() if at == moment]:
            report = runners[number].cycle()
            if report.trouble is not None or report.seen:
                raise SystemExit(f"this is no idle day: {report}")
            short = pair.fleet.credits_short(report.stream)
            due[number] = moment + pacing.after(runners[number].stream, report, short=short).total_seconds()
            polls += 1
    return polls


def _credits(pair: Pair) -> Counter[str]:
    return sum((Counter(site.meter.by_kind) for site in pair.emu.world.sites.values()), Counter[str]())


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    options = parser(__doc__)
    options.add_argument("--hours", type=float, default=24.0)
    given = options.parse_args()
    logger.remove()
    days = [day(given.hours) for _ in range(given.runs)]
    for one in days:
        kinds = ", ".join(f"{kind} {count:,}" for kind, count in one.credits.most_common())
        say(f"{one.polls:,} polls in {given.hours:g} hours; credits: {kinds}")
    figures = [
        Figure(
            name=f"credits of polling {COUNT} idle modules a minute ÷ polls",
            values=[one.credits[POLLS] / one.polls for one in days],
            most=1.0,
        ),
        Figure(
            name="metadata beside it, of both orgs, ÷ polls",
            values=[100 * one.metadata / one.polls for one in days],
            unit=" %",
            most=1.0,
        ),
    ]
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
