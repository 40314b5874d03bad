"""Daemons on one ledger share an org's ceiling: what they write stays under it together, and what waits is not lost."""

from __future__ import annotations

import signal
from pathlib import Path

from tests.postgres import Server
from tests.service.site import until
from tests.several.fleet import Several, several

CEILING = 100
CARRIED = ("Leads", "Accounts")
NEW = 800  # records of each module, so that either would use up the ceiling: 80 credits to write them
CREATED = "SELECT count(*), count(DISTINCT source_id) FROM changes WHERE action = 'create' AND answer_code = 'SUCCESS'"
SECONDS = 60


def spent(running: Several) -> int:
    """The credits of all calls that the target has in its log."""
    return sum(call["credits"] for call in running.targets[0].log())


def written(running: Several) -> int:
    return sum(len(running.targets[0].records(module)) for module in CARRIED)


def stopped_by_the_ceiling(running: Several) -> bool:
    said = running.sql("SELECT trouble FROM checkpoints")
    return all(f"orgsync's ceiling in us ({CEILING} credits in 24 hours) is reached" in str(one) for (one,) in said)


def raise_ceiling(running: Several) -> None:
    """The administrator writes another number on each machine, and reloads the services."""
    for number, daemon in running.daemons.items():
        settings = running.settings(number)
        settings.write_text(settings.read_text().replace(f"ceiling = {CEILING}\n", "ceiling = 1000000\n"))
        daemon.send_signal(signal.SIGHUP)


def test_daemons_together_write_no_more_than_a_ceiling_lets_and_the_rest_once_when_it_is_raised(
    tmp_path: Path, server: Server
) -> None:
    with several(
        tmp_path, server, sources=("in",), targets=("us",), modules=CARRIED, daemons=2, seed=1, ceilings={"us": CEILING}
    ) as running:
        until(lambda: not running.wrong(), SECONDS)
        for module in CARRIED * NEW:
            running.make(running.sources[0], module)
        until(lambda: stopped_by_the_ceiling(running), SECONDS)
        assert CEILING * 3 / 4 < spent(running) <= CEILING
        assert CEILING < written(running) < len(running.records)
        assert running.sql("SELECT count(*) FROM intents") == [(0,)]
        raise_ceiling(running)
        until(lambda: written(running) >= len(running.records), SECONDS)
        until(lambda: not running.wrong(), SECONDS)
        assert running.sql(CREATED) == [(len(running.records),) * 2]
