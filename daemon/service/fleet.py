"""Everything that the settings' routes need in order to run: one connection an org, one runner a stream.

Of several daemons on one ledger each runs the streams that it has claimed, by a runner made for that claim: what a
runner remembers says nothing of what another daemon did meanwhile.
"""

from __future__ import annotations

import gc
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack, suppress
from datetime import datetime, timedelta
from functools import partial
from types import TracebackType
from typing import Final, Self

from loguru import logger

from daemon.core.budget import UNLIMITED
from daemon.core.pace import with_room
from daemon.ledger import Claim, Ledger, LedgerError, StreamChanged
from daemon.service.claims import Claims
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.cycle import StreamRunner
from daemon.sync.files import FileRunner
from daemon.sync.prepare import NEVER_RUN, FirstRun
from daemon.sync.purse import LedgerPurse
from daemon.sync.report import Report
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError

_ROUNDS = 2_000
_COLLECT: Final = (10_000, 20, 50)  # records hold no cycles: to look for some every 700 objects is a sixth of the CPU
_SWITCH_S: Final = 0.001  # threads that send and receive wait for the one that plans: a fifth of the usual
_STEP_S = 0.1
Runner = StreamRunner | FileRunner


class Fleet:
    """The runners of all streams, parents and children as the settings list them. Close it to close connections."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        *,
        now: Callable[[], datetime],
        stopping: Callable[[], bool],
        first_run: FirstRun = "refuse",
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] | None = None,
        claims: Claims | None = None,
        call_ended: Callable[[], None] = lambda: None,
    ) -> None:
        self._open = ExitStack()
        self._claims = claims
        self._first_run: FirstRun = first_run
        self._ledger = ledger
        self._now = now if claims is None else claims.now
        self._stopping = stopping
        self._sleep = sleep or self._rest
        gc.set_threshold(*_COLLECT)
        sys.setswitchinterval(_SWITCH_S)
        wanted = {name for route in settings.routes for name in (route.source, route.target)}
        purses = {
            name: LedgerPurse(name, settings.budgets.get(name, UNLIMITED), ledger, self._now) for name in sorted(wanted)
        }
        for purse in purses.values():
            self._open.callback(_given_back, purse)
        self.catalogs = {
            name: Catalog(
                self._open.enter_context(
                    Zoho(
                        settings.orgs[name],
                        now=now,
                        monotonic=monotonic,
                        sleep=self._sleep,
                        ended=call_ended,
                        allowance=ledger if ledger.shared else None,
                        at_once=None
                        if claims is None
                        else partial(claims.calls_at_once, settings.orgs[name].calls_at_once),
                        purse=purses[name],
                    )
                ),
                monotonic,
            )
            for name in sorted(wanted)
        }
        routes = with_room(settings.routes, settings.budgets)
        self.streams = {stream.address: stream for route in routes for stream in route.streams}
        self._routes = {stream.address: route for route in routes for stream in route.streams}
        self._made: dict[str, tuple[int, Runner]] = {}
        for stream in self.streams.values():
            with suppress(StreamChanged):  # that stream's own trouble: its cycles say so
                ledger.start_stream(stream, NEVER_RUN, first_run, self._now())
        self.clock_stepped(timedelta())
        if ledger.distrusted:
            what = "the ledger is older than what was written: {} records are looked up in the target before a write"
            logger.warning(what, ledger.distrusted)

    def runner(self, address: str) -> Runner | None:
        """Who runs a stream here; None while another daemon does."""
        epoch = 0 if self._claims is None else self._claims.epoch(address)
        if epoch is None:
            self._made.pop(address, None)
            return None
        known = self._made.get(address)
        if known is None or known[0] != epoch:
            known = self._made[address] = (epoch, self._new_runner(address, epoch))
        return known[1]

    @property
    def runners(self) -> list[Runner]:
        """Those of all streams that run here, in the order of the settings."""
        return [runner for address in self.streams if (runner := self.runner(address)) is not None]

    def _new_runner(self, address: str, epoch: int) -> Runner:
        stream, route, claims = self.streams[address], self._routes[address], self._claims
        source, target = self.catalogs[route.source], self.catalogs[route.target]
        ledger, stopping = self._ledger, self._stopping
        if claims is not None:
            ledger = ledger.claimed(Claim(stream=address, epoch=epoch))
            stopping = partial(self._over, claims, address, epoch)
        if stream.files_of is not None:
            return FileRunner(stream, route, source, target, ledger, now=self._now, stopping=stopping)
        return StreamRunner(
            stream,
            route,
            source,
            target,
            ledger,
            now=self._now,
            stopping=stopping,
            first_run=self._first_run,
        )

    def _rest(self, seconds: float) -> None:
        """Between two attempts; cut short when the daemon stops."""
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping():
            time.sleep(min(_STEP_S, seconds))

    def _over(self, claims: Claims, address: str, epoch: int) -> bool:
        """Whether nothing more may be begun: the daemon stops, or the stream is not ours any more."""
        return self._stopping() or claims.epoch(address) != epoch

    def clock_stepped(self, by: timedelta) -> None:
        """What waits in the queue waits as long as it would have; zero: the clock may have been wrong before.

        Where several daemons share the ledger it waits by its server's clock, which did not step with ours.
        """
        self._ledger.retime(self._now(), by if self._claims is None else timedelta())

    def certain_time(self) -> datetime | None:
        """The earliest of our clock and the orgs', as one of them may be wrong; None before each org has answered."""
        shown = [catalog.zoho.server_time for catalog in self.catalogs.values()]
        known = [time for time in shown if time is not None]
        return min(self._now(), *known) if len(known) == len(shown) else None

    def credits_short(self, address: str) -> bool:
        """Whether no credit is to be spent on a stream for speed. Raises LedgerError."""
        stream = self.streams[address]
        return any(self.catalogs[org].zoho.purse.leeway().short for org in (stream.source, stream.target))

    def trouble_of(self, org: str) -> str | None:
        """Why an org does not say who it is; None when it does."""
        try:
            self.catalogs[org].profile()
        except (ZohoError, LedgerError) as error:  # a token is not renewed where that cannot be counted
            return str(error)
        return None

    def once(self) -> dict[str, Report]:
        """Every stream until it has caught up and nothing of it is due; the last report of each, outcomes added up."""
        reports: dict[str, Report] = {}
        pending = list(self.runners)
        for _ in range(_ROUNDS):
            seen = 0
            for runner in pending:
                if self._stopping():
                    return reports
                report = runner.cycle()
                seen += report.seen
                if report.stream in reports:
                    report.outcomes.update(reports[report.stream].outcomes)
                reports[report.stream] = report
            pending = [r for r in self.runners if self._goes_on(r, reports[r.stream.address], seen)]
            if not pending:
                break
            waits = [one.wait for r in pending if not (one := reports[r.stream.address]).waits_for]
            if not seen and waits and all(waits):  # for jobs of Zoho's
                self._sleep(min(waits).total_seconds())
        return reports

    def _goes_on(self, runner: Runner, report: Report, seen: int) -> bool:
        """Whether another round may help: what is due may have been woken by any stream that saw something."""
        if report.trouble is not None:
            return False
        due = seen > 0 and self._ledger.due(runner.stream, self._now(), 1)
        return report.more or report.waits_for is not None or bool(report.wait) or bool(due)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()


def _given_back(purse: LedgerPurse) -> None:
    """At the end; without the ledger a few credits more are counted than were spent."""
    with suppress(LedgerError):
        purse.close()
