"""What changes cost in credits: `python -m tests.bench.credits [--records N]`.

N records are all edited within a minute, 30 % of them without another value, and carried: by the daemon as it ships,
polls and all that it reads again for its `lag` included, and on orgs of the same content by what people write by hand.
Each beside the least that Zoho's price list allows. Counted; but how a burst falls to the polls varies a little.
"""

from __future__ import annotations

import sys
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from loguru import logger

from daemon.service.fleet import Fleet, Runner
from daemon.service.pacing import Pacing
from tests.bench._figures import Figure, end, parser, say
from tests.bench._floor import Floor, script, sdk_loop
from tests.bench._stand import LAG, Stand, daemon, standing
from tests.bench.road import AT_ONCE, EQUAL

MOST: Final = 1.05
BURST_S: Final = 60
LOTS: Final = 4  # a poll after each
POSTED: Final = 100  # records of the script, whose price goes by the record


def least(reads: int, writes: int) -> int:
    """Credits by the price list (facts 9.2): 2,000 rows for 3, ten records for 1."""
    return -(-reads // 2_000) * 3 + -(-writes // 10)


class Clock:
    """Ours, that is moved on with that of the orgs."""

    def __init__(self, stand: Stand) -> None:
        self._stand, self._ahead = stand, 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self._ahead

    def now(self) -> datetime:
        return datetime.now(UTC) + timedelta(seconds=self._ahead)

    def has_passed(self, seconds: float) -> None:
        """For the orgs it has already."""
        self._ahead += seconds

    def elapse(self, seconds: float) -> None:
        self._stand.elapse(seconds)
        self.has_passed(seconds)


def ours(records: int) -> int:
    """Credits of the daemon, as long as it runs behind a burst."""
    with tempfile.TemporaryDirectory() as folder, standing(records) as stand:
        clock, settings = Clock(stand), stand.settings(Path(folder), AT_ONCE)
        with daemon(settings, now=clock.now, monotonic=clock.monotonic) as fleet:
            fleet.once()
            clock.elapse(3 * LAG.total_seconds())
            return _spent(stand, lambda: _followed(stand, clock, fleet, records))


def _followed(stand: Stand, clock: Clock, fleet: Fleet, records: int) -> None:
    """Polls as the scheduler would: while the burst comes, and until all of it lies behind the horizon."""
    [runner], pacing = fleet.runners, Pacing()
    lot, each_s = records // LOTS, BURST_S // LOTS
    for first in range(0, records, lot):
        stand.edit(lot, EQUAL, first, a_second=lot // each_s)
        clock.has_passed(each_s)
        _poll(runner, pacing)
    left = LAG.total_seconds() + 3 * runner.stream.poll.total_seconds()  # a horizon stands a poll behind
    while left > 0:
        wait = _poll(runner, pacing)
        clock.elapse(wait)
        left -= wait


def _poll(runner: Runner, pacing: Pacing) -> float:
    """Seconds until the next."""
    report = runner.cycle()
    while report.more:
        report = runner.cycle()
    if report.trouble is not None:
        raise SystemExit(report.trouble)
    return pacing.after(runner.stream, report, short=False).total_seconds()


def theirs(records: int) -> dict[str, float]:
    """Credits of what people write by hand; a copy is made first, which is not counted."""
    with standing(records) as stand:
        floor = Floor(stand, AT_ONCE)
        floor.backfill()
        since = stand.edit(records, EQUAL)
        return {
            "a copy page by page, without a digest": _spent(stand, lambda: floor.copy(since)),
            "a loop over the SDK: list pages, upsert 100": _spent(stand, lambda: sdk_loop(stand)),
            "a script: a token and a POST a record": _spent(stand, lambda: script(stand, POSTED)) * records / POSTED,
        }


def _spent(stand: Stand, work: Callable[[], object]) -> int:
    before = sum(stand.spent().values())
    work()
    return sum(stand.spent().values()) - before


def main() -> int:
    """Print the figures; 1 when the target is missed."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=100_000)
    given = options.parse_args()
    logger.remove()
    cheapest = least(given.records, round(given.records * (1 - EQUAL)))
    own = [ours(given.records) for _ in range(given.runs)]
    say(f"{given.records:,} records changed: {own[0]:,} credits, at least {cheapest:,}")
    figure = Figure(
        name=f"{given.records:,} records changed: credits ÷ the least that there can be",
        values=[one / cheapest for one in own],
        digits=3,
        most=MOST,
    )
    rivals = [
        Figure(name=f"  the same by {name}", values=[price / cheapest], digits=3)
        for name, price in theirs(given.records).items()
    ]
    return end([figure, *rivals], given)


if __name__ == "__main__":
    sys.exit(main())
