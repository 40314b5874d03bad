"""What changes cost in credits: `python -m tests.bench.credits [--records N]`.

N records are all edited, 30 % of them without another value, and carried: by the daemon, and on orgs of the same
content by what people write by hand. Each beside the least that Zoho's price list allows. Counted, not timed: every run
is equal.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Final

from loguru import logger

from tests.bench._figures import Figure, end, parser, say
from tests.bench._floor import Floor, script, sdk_loop
from tests.bench._stand import Stand, daemon, standing
from tests.bench.road import AT_ONCE, EQUAL

MOST: Final = 1.05
POSTED: Final = 100  # records of the script, whose price goes by the record


def least(reads: int, writes: int) -> int:
    """Credits by the price list (facts 9.2): 2,000 rows for 3, ten records for 1."""
    return -(-reads // 2_000) * 3 + -(-writes // 10)


def ours(records: int) -> int:
    """Credits of the daemon."""
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(records) as stand,
        daemon(stand.settings(Path(folder), AT_ONCE)) as fleet,
    ):
        fleet.once()
        stand.edit(records, EQUAL)
        return _spent(stand, fleet.once)


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
    options.add_argument("--records", type=int, default=20_000)
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
