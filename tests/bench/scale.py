"""Whether a big ledger makes a cycle slower: `python -m tests.bench.scale [--links N] [--only sqlite|postgres]`.

Two daemons of equal orgs, one with a ledger of 10,000 links, one of N: those of its own 10,000 records, and between
each and the next as many as it takes. In turn each carries 2,000 edits, of other records each run; orgs answer at once.
`status` is asked of both ledgers, too. All of it on both databases.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from loguru import logger
from sqlalchemy import text

from daemon.core.rules import Copy, FieldChoice
from daemon.ledger import Ledger
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from tests.bench._figures import Figure, end, parser, say
from tests.bench._orgs import FIELDS, MODULE
from tests.bench._stand import Stand, daemon, standing
from tests.bench.road import Cost, cost_of
from tests.bench.startup import SETTINGS, compiled
from tests.blank import put_blank
from tests.postgres import running_server

SMALL: Final = 10_000
CHANGES: Final = 2_000
BATCH: Final = 100
MOST: Final = 1.5
STATUS_S: Final = 0.3
CARRIED: Final = tuple(name for name in FIELDS if name in {"Last_Name", "Company", "Email", "City"})
_PART: Final = 500_000  # links in one transaction
_NUMBERS: Final = {
    "sqlite": "WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < :each)",
    "postgresql": "WITH n(n) AS (SELECT generate_series(1, CAST(:each AS int)))",
}
_MORE: Final = "|| '.' || CAST(1000000 + n AS text)"  # such an id comes after the one that it is made from


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """A daemon, its orgs and its ledger."""

    stand: Stand
    fleet: Fleet
    ledger: Ledger
    settings: Settings


@contextmanager
def running(url: str, folder: Path, links: int) -> Iterator[Running]:
    """One that has carried its records, and whose ledger holds so many links."""
    with standing(SMALL) as stand:
        settings = replace(stand.settings(folder), ledger_url=url)
        [route] = settings.routes
        streams = tuple(
            replace(s, fields=FieldChoice(table={f: Copy(field=f) for f in CARRIED})) for s in route.streams
        )
        settings = replace(settings, routes=(replace(route, streams=streams),))
        with daemon(settings) as fleet:
            fleet.once()
            made = Running(stand=stand, fleet=fleet, ledger=fleet._ledger, settings=settings)
            began = time.perf_counter()
            fill(made.ledger, links // SMALL - 1)
            settle(made.ledger)
            stand.edit(BATCH)  # the first time costs more
            fleet.once()
            say(f"  a ledger of {links:,} links: filled in {time.perf_counter() - began:.0f} s")
            yield made


def fill(ledger: Ledger, each: int) -> None:
    """Beside every link so many that are like it, with ids that come next to its own."""
    if not each:
        return
    numbers = _NUMBERS[ledger._writer.dialect.name].replace(":each", str(each))
    own = "entity_id > :after AND entity_id <= :until AND entity_id NOT LIKE '%.%'"
    links = f"""INSERT INTO id_map (entity_id, org, module, record_id, state, linked_at)
        {numbers} SELECT entity_id {_MORE}, org, module, record_id {_MORE}, state, linked_at
        FROM id_map CROSS JOIN n WHERE org = :org AND {own}
        ORDER BY record_id, n"""  # noqa: S608
    agreed = f"""INSERT INTO agreed (entity_id, stream, source_digest, field_digests, target_modified_time, agreed_at)
        {numbers} SELECT entity_id {_MORE}, stream, source_digest, field_digests, target_modified_time, agreed_at
        FROM agreed CROSS JOIN n WHERE {own} ORDER BY entity_id, n"""  # noqa: S608
    with ledger._writer.begin() as connection:
        orgs = list(connection.scalars(text("SELECT DISTINCT org FROM id_map")))
        entities = list(connection.scalars(text("SELECT entity_id FROM agreed ORDER BY entity_id")))
    ends = entities[:: max(1, _PART // each)]
    for after, until in zip(("", *ends), (*ends, entities[-1]), strict=True):
        with ledger._writer.begin() as connection:
            for org in orgs:
                connection.execute(text(links), {"org": org, "after": after, "until": until})
            connection.execute(text(agreed), {"after": after, "until": until})


def settle(ledger: Ledger) -> None:
    """What was filled in is on the disk, and the database knows how much it is."""
    if ledger._writer.dialect.name == "sqlite":
        with closing(ledger._writer.raw_connection()) as connection:
            connection.cursor().execute("PRAGMA wal_checkpoint(TRUNCATE)")
    else:
        with ledger._writer.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            for statement in ("VACUUM ANALYZE", "CHECKPOINT"):
                connection.execute(text(statement))
    os.sync()


def cycle(one: Running, run: int) -> Cost:
    """What it costs to carry edits of records that no run before has touched, while there are any."""
    one.stand.edit(CHANGES, first=run * CHANGES % SMALL)
    cost = cost_of(one.stand, one.fleet.once)
    if cost.credits < CHANGES // 10:
        raise SystemExit(f"{cost.credits} credits: the edits were not carried")
    return cost


def status_cpu(one: Running, folder: Path) -> float:
    """Seconds of CPU of `orgsync status`."""
    settings = folder / "settings.toml"
    toml = SETTINGS.format(folder=folder).replace("india-to-us", one.settings.routes[0].name)
    settings.write_text(toml.replace(f"sqlite:///{folder}/orgsync.db", one.settings.ledger_url), encoding="utf-8")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    words = [str(Path(sys.executable).parent / "orgsync"), "--settings", str(settings), "status"]
    told = subprocess.run(words, capture_output=True, check=False, text=True, env=compiled())
    if MODULE not in told.stdout:
        raise SystemExit(f"status said: {told.stdout}{told.stderr}")
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def measure(name: str, urls: tuple[str, str], folder: Path, links: int, runs: int) -> list[Figure]:
    """The figures of one database."""
    say(name)
    with ExitStack() as opened:
        places = [folder / f"{name}{place}" for place in range(2)]
        both = []
        for place, url, count in zip(places, urls, (SMALL, links), strict=True):
            place.mkdir()
            both.append(opened.enter_context(running(url, place, count)))
        pairs = [[cycle(one, run) for one in both] for run in range(runs)]
        for before, after in pairs:
            say(f"  {before.wall:.2f} s and {after.wall:.2f} s; CPU {before.cpu:.2f} s and {after.cpu:.2f} s")
        status = [[status_cpu(one, place) for one, place in zip(both, places, strict=True)] for _ in range(runs)]
    what = f"{name}, {links:,} links"
    return [
        Figure(
            name=f"{what}: time of a cycle of {CHANGES:,} ÷ with {SMALL:,} links",
            values=[after.wall / before.wall for before, after in pairs],
            most=MOST,
        ),
        Figure(
            name=f"{what}: CPU of a cycle of {CHANGES:,} ÷ with {SMALL:,} links",
            values=[after.cpu / before.cpu for before, after in pairs],
            most=MOST,
        ),
        Figure(name=f"{what}: CPU of status", values=[after for _, after in status], unit=" s", most=STATUS_S),
        Figure(name=f"{what}: CPU of status ÷ with {SMALL:,} links", values=[b / a for a, b in status]),
    ]


def main() -> int:
    """Print the figures; 1 when a target is missed."""
    options = parser(__doc__, runs=5)
    options.add_argument("--links", type=int, default=1_000_000)
    options.add_argument("--only", choices=("sqlite", "postgres"))
    given = options.parse_args()
    logger.remove()
    figures = []
    with ExitStack() as opened:
        folder = Path(opened.enter_context(tempfile.TemporaryDirectory()))
        if given.only != "postgres":
            urls = (f"sqlite:///{folder}/small.db", f"sqlite:///{folder}/big.db")
            for url in urls:
                put_blank(url)
            figures += measure("SQLite", urls, folder, given.links, given.runs)
        if given.only != "sqlite":
            server = opened.enter_context(running_server(fsync="on", shared_buffers="128MB"))
            urls = (server.make("small"), server.make("big"))
            figures += measure("Postgres", urls, folder, given.links, given.runs)
    return end(figures, given)


if __name__ == "__main__":
    sys.exit(main())
