"""Where the CPU of a backfill goes: `python -m tests.bench.profile [--records N] [--top N]`.

By place in the code, in percent of the CPU of all threads; orgs answer at once. What C does (databases, JSON, digests)
counts for itself where it is named below, else for whoever called it. The profiler makes calls dearer: what calls much
looks dearer than it is, and a run under it is not one that is timed (see road).
"""

from __future__ import annotations

import cProfile
import pstats
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from pathlib import Path
from statistics import median
from typing import Any, Final

from loguru import logger

from tests.bench._figures import Figure, end, parser, say
from tests.bench._stand import daemon, standing

Place = tuple[str, int, str]
"""File, line and name of a function; of one in C only the name."""
REST: Final = "rest"
TRANSLATES: Final = ("translate", "digest", "content", "convert", "composing", "cells", "fitting")
STAGES: Final[Mapping[str, tuple[str, ...]]] = {
    "HTTP: httpx, httpcore, sockets": ("/httpx/", "/httpcore/", "/h11/", "socket", "_ssl", "ssl.py", "/anyio/"),
    "JSON": ("orjson", "/json/", "_json"),
    "the database itself": ("sqlite3", "/psycopg/"),
    "SQLAlchemy": ("/sqlalchemy/",),
    "daemon/ledger": ("/daemon/ledger/",),
    "daemon/zoho": ("/daemon/zoho/",),
    "daemon/core, translation and digests": (*(f"/daemon/core/{one}.py" for one in TRANSLATES), "blake2", "hmac"),
    "daemon/core, the rest": ("/daemon/core/",),
    "daemon/sync": ("/daemon/sync/", "/daemon/service/"),
}  # fmt: skip


def profiled(work: Callable[[], object]) -> pstats.Stats:
    """The profile of all threads, by the CPU that each had."""
    made: list[cProfile.Profile] = []

    def begin(*_: Any) -> None:
        made.append(cProfile.Profile(time.thread_time))
        made[-1].enable()

    threading.setprofile(begin)
    begin()
    try:
        work()
    finally:
        made[0].disable()
        threading.setprofile(None)
    found = pstats.Stats(made[0])
    for one in made[1:]:
        found.add(one)
    return found


def stage(place: Place) -> str | None:
    """What a function belongs to; None for one in C that has no stage of its own."""
    file, _, name = place
    text = name if file == "~" else file
    return next(
        (one for one, parts in STAGES.items() if any(part in text for part in parts)), None if file == "~" else REST
    )


def shares(found: pstats.Stats) -> Counter[str]:
    """Seconds by stage."""
    seconds = Counter[str]()
    table: dict[Place, Any] = found.stats  # type: ignore[attr-defined]
    for place, (_, _, own, _, callers) in table.items():
        if (known := stage(place)) is not None:
            seconds[known] += own
        else:
            for caller, (_, _, part, _) in callers.items():
                seconds[stage(caller) or REST] += part
    return seconds


def backfill(records: int, top: int) -> Counter[str]:
    """Percent by stage of a backfill of so many records."""
    with (
        tempfile.TemporaryDirectory() as folder,
        standing(records) as stand,
        daemon(stand.settings(Path(folder))) as fleet,
    ):
        for catalog in fleet.catalogs.values():
            catalog.profile()
        found = profiled(fleet.once)
        if stand.held() != records:
            raise SystemExit(f"{stand.held()} of {records} records are in the target")
    if top:
        found.sort_stats("tottime").print_stats(top)
    seconds = shares(found)
    return Counter({name: 100 * one / seconds.total() for name, one in seconds.items()})


def main() -> int:
    """Print the shares, the largest first."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=20_000)
    options.add_argument("--top", type=int, default=0, help="so many functions besides")
    given = options.parse_args()
    logger.remove()
    runs = [backfill(given.records, given.top) for _ in range(given.runs)]
    say(f"a backfill of {given.records:,} records of 20 fields under the profiler")
    names = sorted((*STAGES, REST), key=lambda name: -median(run[name] for run in runs))
    figures = [
        Figure(name=f"share of the CPU: {name}", values=[run[name] for run in runs], unit=" %", digits=0)
        for name in names
    ]
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
