"""A command that writes to an org as a daemon would: it holds the ledger, or the claim on its stream, for that long."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime

from daemon.cli.context import locked_ledger, utc_now
from daemon.core.rules import Route, Stream
from daemon.ledger import Ledger, LedgerError, LedgerHeld
from daemon.service.claims import shared
from daemon.service.fleet import Fleet
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.cycle import StreamRunner
from daemon.sync.prepare import FirstRun


@dataclass(frozen=True, slots=True, kw_only=True)
class Holder:
    """One stream, with all that it is run by."""

    stream: Stream
    route: Route
    source: Catalog
    target: Catalog
    ledger: Ledger
    runner: StreamRunner
    now: Callable[[], datetime]


@contextmanager
def holding(settings: Settings, address: str, first_run: FirstRun = "refuse") -> Iterator[Holder]:
    """The stream, as ours alone. Raises LedgerHeld while somebody else runs it, LedgerError where it was lost since."""
    stream = settings.stream(address)
    route = next(route for route in settings.routes if route.name == stream.route)
    with (
        locked_ledger(settings) as ledger,
        shared(settings, ledger, fair=False) as claims,
        Fleet(settings, ledger, now=utc_now, stopping=lambda: False, first_run=first_run, claims=claims) as fleet,
    ):
        if claims is not None:
            claims.keep()
        runner = fleet.runner(address)
        if not isinstance(runner, StreamRunner):
            raise LedgerHeld(f"(stream {address})", None)
        yield Holder(
            stream=stream,
            route=route,
            source=fleet.catalogs[stream.source],
            target=fleet.catalogs[stream.target],
            ledger=ledger,
            runner=runner,
            now=utc_now if claims is None else claims.now,
        )
        if claims is not None and claims.trouble is not None:
            raise LedgerError(claims.trouble)
