"""`orgsync run`: a job a stream, no overlap, none dropped, and an orderly end.

APScheduler's defaults drop late jobs and go deaf when the clock steps back; both are mended here (reliability 0.2).
"""

from __future__ import annotations

import os
import signal
import threading
import time
import zlib
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import Final

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from loguru import logger

from daemon.ledger import Ledger
from daemon.ledger.errors import LedgerError
from daemon.service import inbox
from daemon.service.endpoint import Endpoint
from daemon.service.fleet import Fleet, Runner
from daemon.service.history import History
from daemon.service.notify import notify
from daemon.service.watching import watched
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun
from daemon.sync.report import Report

_GRACE_S: Final = 8.0  # for the batch in hand, of the 10 that systemd's users expect
_STEP_S: Final = 2.0  # a wall clock that moved by more than this against the monotonic one has stepped
_THREADS: Final = 8
_WAITING_S: Final = 1.0
_TICK_S: Final = 0.2
_FEEDING_S: Final = 10.0
_ROUND_S: Final = 60.0  # the longest that one round of the main thread may take


def run(
    settings: Settings,
    ledger: Ledger,
    *,
    first_run: FirstRun,
    now: Callable[[], datetime],
    endpoint: Endpoint | None = None,
) -> None:
    """Keeps every stream in step until SIGTERM or SIGINT, and lets the endpoint show it. The caller holds the ledger's
    lock.
    """
    stop = threading.Event()
    _on_signals(stop)
    with (
        Fleet(settings, ledger, now=now, stopping=stop.is_set, first_run=first_run) as fleet,
        ExitStack() as beside,
    ):
        work = _Work(fleet, stop)
        beside.enter_context(
            watched(settings, ledger, fleet.catalogs, stop, alive=work.progresses, now=now, endpoint=endpoint)
        )
        work.start()
        notify("READY=1", f"STATUS=keeping {len(fleet.runners)} streams in step")
        logger.info("keeping {} streams in step", len(fleet.runners))
        history = History(ledger, settings.retention, fleet.certain_time)
        _watch(settings.state_dir / "inbox", ledger, work, history, stop, now)
        notify("STOPPING=1")
        logger.info("stopping: waiting up to {:.0f} s for the calls in hand", _GRACE_S)
        if not work.finish(_GRACE_S):
            logger.warning("a call is still on its way: its intent stays open and is looked into at the next start")
            os._exit(0)  # a thread in a call cannot be interrupted, and the ledger is ready for a kill at any time
    logger.info("stopped")


def _on_signals(stop: threading.Event) -> None:
    def handle(_number: int, _frame: FrameType | None) -> None:
        if stop.is_set():
            os._exit(0)
        stop.set()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, handle)


def _watch(
    box: Path, ledger: Ledger, work: _Work, history: History, stop: threading.Event, now: Callable[[], datetime]
) -> None:
    """The main thread: answers other commands, feeds the watchdog, forgets old history, and sees the clock step."""
    fed, said = 0.0, None
    while not stop.is_set():
        done, trouble = inbox.serve(box, lambda request: inbox.carry_out(request, ledger, now()))
        if trouble and trouble != said:
            logger.error("a request of another command waits: {}", trouble)
        said = trouble
        if done:
            logger.info("done by request of another command: {}; all streams run now", done)
            work.all_now()
        work.beat = time.monotonic()
        work.mind_clock()
        history.step()
        if time.monotonic() >= fed + _FEEDING_S and work.alive():
            notify("WATCHDOG=1")
            fed = time.monotonic()
        time.sleep(
            _TICK_S
        )  # not stop.wait(): a signal that finds this thread in it cannot set it, and all stands still


class _Every(IntervalTrigger):  # type: ignore[misc]  # APScheduler has no types
    """An interval that begins anew after a gap: APScheduler would go through every missed run, 31 million in a year."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        following: datetime = super().get_next_fire_time(previous, now)
        return following if following > now else now + self.interval


class _Work:
    """The scheduled jobs and the threads that run them."""

    def __init__(self, fleet: Fleet, stop: threading.Event) -> None:
        self._fleet = fleet
        self._stop = stop
        self._idle = threading.Condition()
        self._running: dict[str, float] = {}
        self._minding = threading.Lock()
        self._offset = time.time() - time.monotonic()
        self.beat = time.monotonic()  # when the main thread last came round
        self._scheduler = BackgroundScheduler(
            executors={"default": ThreadPoolExecutor(min(_THREADS, max(1, len(fleet.runners))))},
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def start(self) -> None:
        for runner in self._fleet.runners:
            poll = runner.stream.poll.total_seconds()
            # Spread by name, not by chance: jitter would lengthen the period, and a restart should not bunch them.
            spread = zlib.crc32(runner.stream.address.encode()) % 1000 / 1000 * min(poll, 5.0)
            self._scheduler.add_job(
                self._job,
                _Every(seconds=poll, timezone=UTC),
                args=[runner],
                id=runner.stream.address,
                next_run_time=datetime.now(UTC) + timedelta(seconds=spread),
            )
        self._scheduler.start()

    def all_now(self) -> None:
        for runner in self._fleet.runners:
            self._soon(runner, 0.0)

    def mind_clock(self) -> None:
        """Sees whether the clock stepped; before each run too, or the queue would be due by a wrong time."""
        with self._minding:
            drift = time.time() - time.monotonic() - self._offset
            if abs(drift) <= _STEP_S:
                return
            logger.warning("the clock stepped by {:+.0f} s: all streams run now and are scheduled anew", drift)
            self._offset += drift
            try:
                self._fleet.clock_stepped(timedelta(seconds=drift))
            except LedgerError as error:
                logger.error("what waits in the queue may wait too long: {}", error)
        self.all_now()

    def alive(self) -> bool:
        """Whether no job has been at one thing for longer than calls may take: life without progress is none."""
        longest = max(c.zoho.org.call_deadline for c in self._fleet.catalogs.values()) * 30
        return all(time.monotonic() - since < longest for since in list(self._running.values()))

    def progresses(self) -> bool:
        """As `alive`, and the main thread comes round too."""
        return self.alive() and time.monotonic() - self.beat < _ROUND_S

    def finish(self, grace: float) -> bool:
        """Starts nothing more and waits for what runs; False when something still does."""
        self._scheduler.shutdown(wait=False)
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, timeout=grace)

    def _job(self, runner: Runner) -> None:
        address = runner.stream.address
        self._running[address] = time.monotonic()  # first of all, so that `finish` waits for it
        try:
            if not self._stop.is_set():
                self.mind_clock()
            while not self._stop.is_set():
                report = runner.cycle()
                _log(report)
                self._running[address] = time.monotonic()
                if report.waits_for:
                    self._soon(runner, _WAITING_S)
                if not report.more or report.trouble:
                    break
        except LedgerError as error:
            logger.error("{}: {}", address, error)
        except Exception as error:  # noqa: BLE001  a bug in one stream must not stop the others, nor go unseen
            what = f"internal error ({type(error).__name__}); its page was not settled and is tried again"
            logger.opt(exception=error).error("{}: {}", address, what)
            runner.broken(what)
        finally:
            with self._idle:
                del self._running[address]
                self._idle.notify_all()

    def _soon(self, runner: Runner, seconds: float) -> None:
        if not self._stop.is_set():
            due = datetime.now(UTC) + timedelta(seconds=seconds)
            self._scheduler.modify_job(runner.stream.address, next_run_time=due)


def _log(report: Report) -> None:
    if report.seen:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items()) if count)
        logger.info("{}: {}", report.stream, parts)
    if report.trouble:
        logger.warning("{} is stopped: {}", report.stream, report.trouble)
