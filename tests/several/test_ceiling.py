"""Two daemons on one ledger spend what one may: together they stay under an org's ceiling, and lose nothing by it."""

from __future__ import annotations

import time
from pathlib import Path

from tests.postgres import Server
from tests.service.site import until
from tests.several.fleet import Several, several

CEILING = 40
CARRIED = ("Leads", "Accounts", "Products", "Vendors", "Campaigns", "Cases")


def spent(running: Several) -> dict[str, int]:
    """Credits that each org has billed."""
    sites = running.site.emu.world.sites
    return running.site.emu.do(lambda _: {name: site.meter.total for name, site in sites.items()})


def stopped_for_credits(running: Several) -> bool:
    said = [trouble or "" for (trouble,) in running.sql("SELECT trouble FROM checkpoints")]
    return all(f"({CEILING} credits in 24 hours) is reached" in one for one in said)


def raise_ceiling(running: Several) -> None:
    """The administrator writes another number, and starts the daemons anew."""
    for number, process in list(running.daemons.items()):
        settings = running.site.folder / f"host{number}" / "settings.toml"
        settings.write_text(settings.read_text().replace(f"ceiling = {CEILING}", "ceiling = 1000000"))
        process.terminate()
        process.wait()
        running.start(number)


def test_two_daemons_share_a_ceiling_and_carry_what_waited_when_it_is_raised(tmp_path: Path, server: Server) -> None:
    with several(
        tmp_path, server, sources=("in",), targets=("us",), modules=CARRIED, daemons=2, seed=1,
        more=f"ceiling = {CEILING}",
    ) as running:  # fmt: skip
        until(lambda: running.edit() or stopped_for_credits(running), 60)
        reached = spent(running)
        running.edit()
        time.sleep(2)
        assert spent(running) == reached
        assert CEILING * 3 / 4 < max(reached.values()) <= CEILING
        assert running.wrong()
        raise_ceiling(running)
        until(lambda: not running.wrong(), 30)
