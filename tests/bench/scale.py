"""Whether a big ledger makes a cycle slower: `python -m tests.bench.scale [--links N] [--only sqlite|postgres]`.

What a cycle of 2,000 updates asks of the ledger and leaves in it (links, intents in twenty batches, outcomes), by a
ledger of 10,000 links and by one of N, on both databases; the medians and their ratio. And what `status` costs there.
"""

from __future__ import annotations

import argparse
import random
import resource
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path
from statistics import median
from typing import Final

from sqlalchemy import text

from daemon.ledger import Leaving, Ledger
from tests.bench.ledger import CONTACTS, make, record_id
from tests.bench.startup import SETTINGS
from tests.blank import put_blank
from tests.ledger.conftest import NOON
from tests.postgres import running_server

SMALL: Final = 10_000
CHANGES: Final = 2_000
BATCH: Final = 100
FIELDS: Final = (
    '{"City": "0123456789ab", "Email": "0123456789ab", "Last_Name": "0123456789ab", "Phone": "0123456789ab"}'
)
MOST: Final = 1.5
STATUS_S: Final = 0.3
_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT :first UNION ALL SELECT n + 1 FROM n WHERE n < :last)",
    "postgresql": "WITH n(n) AS (SELECT generate_series(CAST(:first AS bigint), CAST(:last AS bigint)))",
}
_AT: Final = "'2026-01-01 00:00:00.000000'"
_PART: Final = 500_000
_FIRST_ID: Final = 10**17


def fill(ledger: Ledger, count: int) -> None:
    """So many linked records, as a backfill leaves them."""
    numbers, module = _NUMBERS[ledger._writer.dialect.name], CONTACTS.source_module
    entity = f"'{CONTACTS.source}/{module}/5' || n"
    columns = "id_map (entity_id, org, module, record_id, state, linked_at)"
    places = ((CONTACTS.source, "5"), (CONTACTS.target, "6"))
    links = [
        f"INSERT INTO {columns} {numbers} SELECT {entity}, '{org}', '{module}', '{digit}' || n, 'live', {_AT} FROM n"  # noqa: S608
        for org, digit in places
    ]
    agreed = "agreed (entity_id, stream, source_digest, field_digests, target_modified_time, agreed_at)"
    stored = f"SELECT {entity}, '{CONTACTS.address}', '{'0' * 32}', '{FIELDS}', {_AT}, {_AT} FROM n"  # noqa: S608
    for first in range(_FIRST_ID, _FIRST_ID + count, _PART):
        span = {"first": first, "last": min(_FIRST_ID + count, first + _PART) - 1}
        with ledger._writer.begin() as connection:
            for statement in (*links, f"INSERT INTO {agreed} {numbers} {stored}"):
                connection.execute(text(statement), span)


def cycle(ledger: Ledger, count: int, dice: random.Random) -> float:
    """Seconds of CPU and waiting of what a cycle of updates does with the ledger."""
    chosen = dice.sample(range(count), CHANGES)
    ids = [record_id(n, 5) for n in chosen]
    began = time.perf_counter()
    links = ledger.links(CONTACTS, ids)
    ledger.waiting(CONTACTS, ids)
    ledger.open_intents(CONTACTS, ids)
    for start in range(0, CHANGES, BATCH):
        part = ids[start : start + BATCH]
        intents = [make.intent(i, action="update", target_id=links[i].target_id, match={}) for i in part]
        ledger.begin(CONTACTS, intents, Leaving(fields={"City": BATCH}, data_center="in", at=NOON))
    page = make.page(
        {"updated": CHANGES},
        linked=[make.linked(i, links[i].target_id, "w2", City="0123456789ac") for i in ids],
        written=[make.written(i, links[i].target_id, "City") for i in ids],
        closed_intents=ids,
    )
    ledger.settle(CONTACTS, page, None, NOON)
    return time.perf_counter() - began


def measure(url: str, count: int, runs: int) -> float:
    """The median of some cycles by a ledger of so many links."""
    with Ledger.open(url) as ledger:
        ledger.start_stream(CONTACTS, "v1", "create", NOON)
        began = time.perf_counter()
        fill(ledger, count)
        if ledger._writer.dialect.name == "postgresql":
            with ledger._writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
                connection.execute(text("VACUUM ANALYZE"))
        filled, dice = time.perf_counter() - began, random.Random(1)
        took = [cycle(ledger, count, dice) for _ in range(runs)]
    say(f"  {count:>12,} links: {1000 * median(took):.0f} ms ({1000 * min(took):.0f} to {1000 * max(took):.0f}); "
        f"filled in {filled:.0f} s")  # fmt: skip
    return median(took)


def status_cpu(folder: Path) -> float:
    """Seconds of CPU of `orgsync status` on the SQLite ledger in a folder."""
    settings = folder / "settings.toml"
    settings.write_text(SETTINGS.format(folder=folder), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [str(Path(sys.executable).parent / "orgsync"), "--settings", str(settings), "status"]
    subprocess.run(words, stdout=subprocess.DEVNULL, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--links", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=7)
    parser.add_argument("--only", choices=("sqlite", "postgres"))
    given = parser.parse_args()
    missed = 0
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        if given.only != "postgres":
            say("SQLite")
            small, big = (folder / str(count) for count in (SMALL, given.links))
            took = []
            for place, count in ((small, SMALL), (big, given.links)):
                place.mkdir()
                put_blank(f"sqlite:///{place}/orgsync.db")
                took.append(measure(f"sqlite:///{place}/orgsync.db", count, given.runs))
            missed += told(*took)
            cpu = [median(status_cpu(place) for _ in range(given.runs)) for place in (small, big)]
            say(f"  status: {cpu[0]:.2f} s of CPU, with the big ledger {cpu[1]:.2f} s (target {STATUS_S} s)")
            missed += cpu[1] > STATUS_S
        if given.only != "sqlite":
            say("Postgres")
            server = opened.enter_context(running_server(fsync="on"))
            took = [measure(server.make(f"of{count}"), count, given.runs) for count in (SMALL, given.links)]
            missed += told(*took)
    return 1 if missed else 0


def told(small: float, big: float) -> bool:
    """Says how they compare; whether the target is missed."""
    say(f"  the big one takes {big / small:.2f} times as long (target {MOST})")
    return big / small > MOST


def say(words: str) -> None:
    """This program's only voice."""
    sys.stdout.write(words + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
