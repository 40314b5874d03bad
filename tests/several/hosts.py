"""Daemons on machines of their own, in this process: each has its own connections, token files, claims and clock."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path

from daemon.core.rules import Route
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from daemon.service.claims import Claims, shared
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from tests.postgres import Server
from tests.sync.pair import Pair, add_key, make_settings


@dataclass
class Host(Pair):
    """One daemon; `claims` are its own."""

    claims: Claims

    def owned(self) -> set[str]:
        self.claims.beat()
        return {runner.stream.address for runner in self.fleet.runners}


def settings_on(server: Server, emu: Emulator, folder: Path, modules: tuple[str, ...]) -> Settings:
    """India into every other org, with a new ledger on the server."""
    targets = [name for name in emu.orgs if name != "india"]
    for target, module in product(targets, modules):
        add_key(emu.orgs[target], module)
    server.drop("several")
    pair = make_settings(emu, folder, modules=modules)
    routes = tuple(_into(target, pair.routes[0]) for target in targets)
    return replace(pair, ledger_url=server.make("several"), routes=routes)


def _into(target: str, route: Route) -> Route:
    name = f"india-to-{target}"
    streams = [
        replace(stream, route=name, target=target, address=f"{name}/{stream.source_module}") for stream in route.streams
    ]
    return replace(route, name=name, target=target, streams=tuple(streams))


@contextmanager
def host(emu: Emulator, settings: Settings, folder: Path, *, off: timedelta = timedelta()) -> Iterator[Host]:
    """A daemon whose machine's clock is off by so much."""
    orgs = {name: replace(org, token_file=folder / f"{name}.json") for name, org in settings.orgs.items()}
    mine = replace(settings, orgs=orgs)
    with (
        Ledger.open(mine.ledger_url) as ledger,
        shared(mine, ledger) as claims,
        Fleet(
            mine,
            ledger,
            now=lambda: datetime.now(UTC) + off,
            stopping=lambda: False,
            first_run="create",
            claims=claims,
        ) as fleet,
    ):
        assert claims is not None
        yield Host(emu, emu.orgs["india"], emu.orgs["us"], mine, ledger, fleet, claims)
