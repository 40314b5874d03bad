"""Both orgs of a stream and the ledger, to be asked and not written, beside a daemon or without."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

from daemon.cli.allowance import shared_allowance
from daemon.cli.context import asked_ledger, empty_ledger, utc_now
from daemon.core.rules import Route, Stream
from daemon.ledger import ReadLedger
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.ceiling import Ceiling
from daemon.sync.planning import Planner
from daemon.zoho.client import Zoho


@dataclass(slots=True, kw_only=True)
class Pace:
    """How long a call takes, in seconds, of those that were made one after the other since `began`."""

    began: float
    calls: int = 0

    def ended(self) -> None:
        self.calls += 1

    @property
    def latency(self) -> float:
        return (time.monotonic() - self.began) / max(1, self.calls)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asking:
    """What a stream's two orgs and the ledger are asked through. `has_ledger`: else it is an empty one. `ceiling` is
    of the credits of both orgs together.
    """

    stream: Stream
    route: Route
    source: Catalog
    target: Catalog
    ledger: ReadLedger
    has_ledger: bool
    ceiling: Ceiling
    pace: Pace

    def planner(self) -> Planner:
        """Who plans the stream; the pace is of the calls from here on."""
        pace = self.pace
        pace.began, pace.calls = time.monotonic(), 0
        source, target = self.source, self.target
        return Planner(self.stream, self.route, source, target, self.ledger, now=utc_now, calls=lambda: pace.calls)


@contextmanager
def asking(settings: Settings, stream: Stream, most: int | None = None) -> Iterator[Asking]:
    """Connections to both orgs, which together spend at most so many credits (None: any)."""
    pace, ceiling = Pace(began=time.monotonic()), Ceiling(most=most)
    with ExitStack() as stack:
        allowance = stack.enter_context(shared_allowance(settings))
        source, target = (
            Catalog(
                stack.enter_context(
                    Zoho(
                        settings.orgs[name],
                        now=utc_now,
                        allowance=allowance,
                        purse=ceiling.purse(name),
                        ended=pace.ended,
                    )
                ),
                time.monotonic,
            )
            for name in (stream.source, stream.target)
        )
        ledger = stack.enter_context(asked_ledger(settings))
        yield Asking(
            stream=stream,
            route=next(route for route in settings.routes if route.name == stream.route),
            source=source,
            target=target,
            ledger=ledger or stack.enter_context(empty_ledger()),
            has_ledger=ledger is not None,
            ceiling=ceiling,
            pace=pace,
        )
