"""`orgsync run`: a job a stream, no overlap, none dropped, and an orderly end.

APScheduler's defaults drop late jobs and go deaf when the clock steps back; both are mended here (reliability 0.2).
"""

from __future__ import annotations

import os
import threading
import time
import zlib
from collections.abc import Callable, Sequence
from contextlib import ExitStack, nullcontext, suppress
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from apscheduler.executors.pool import ThreadPoolExecutor
from apscheduler.schedulers.background import BackgroundScheduler
from apscheduler.triggers.interval import IntervalTrigger
from loguru import logger

from daemon.core.rules import Stream
from daemon.ledger import Ledger
from daemon.ledger.errors import ClaimLost, LedgerError, LedgerTooNew
from daemon.service import inbox
from daemon.service.claims import Claims, shared
from daemon.service.endpoint import Endpoint
from daemon.service.fleet import Fleet, Runner
from daemon.service.history import History
from daemon.service.notify import Teller
from daemon.service.pacing import Pacing
from daemon.service.progress import BEAT_S, Progress, patience
from daemon.service.readiness import Readiness
from daemon.service.reload import ReloadRefusedError, take_up
from daemon.service.signals import Ending, Sign, Signals
from daemon.service.standing import Standing
from daemon.service.watching import watched
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun
from daemon.sync.report import Report

_GRACE_S: Final = 7.0  # for the batch in hand, of the 10 that systemd's users expect
_LAST_S: Final = 8.5  # for everything, the ledger included
_STEP_S: Final = 2.0  # a wall clock that moved by more than this against the monotonic one has stepped
_THREADS: Final = 8
_WAITING_S: Final = 1.0
_TICK_S: Final = 0.2
_BEAT: Final = "the scheduler's own job"


def run(
    settings: Settings,
    ledger: Ledger,
    *,
    first_run: FirstRun,
    now: Callable[[], datetime],
    reread: Callable[[], Settings],
    endpoint: Endpoint | None = None,
) -> None:
    """Keeps every stream in step until SIGTERM or SIGINT, and lets the endpoint show it; SIGHUP takes up what `reread`
    gives. The caller holds the ledger's lock.

    Raises LedgerTooNew when a newer orgsync brings a shared ledger to a revision that this one cannot run on.
    """
    signals, teller = Signals(), Teller()
    signals.listen()
    threading.Thread(target=_leave_at_last, args=(signals.stop,), name="end", daemon=True).start()
    open_with = partial(_Shift, ledger=ledger, first_run=first_run, now=now, stop=signals.stop, endpoint=endpoint)
    shift: _Shift | None = open_with(settings)
    while shift is not None:
        with shift:
            shift = shift.run(signals, teller, lambda old: take_up(old, reread, open_with))
    logger.info("stopped")


def _leave_at_last(stop: Sign) -> None:
    """Not even the main thread may hang longer, in a ledger whose server stands still for example."""
    while not stop.is_set():
        time.sleep(_TICK_S)
    time.sleep(_LAST_S)
    logger.warning("something hangs, the ledger's server perhaps, and is left behind: the ledger is ready for a kill")
    os._exit(0)


class _Shift:
    """One fleet at work, by settings as they were read once."""

    def __init__(
        self,
        settings: Settings,
        *,
        ledger: Ledger,
        first_run: FirstRun,
        now: Callable[[], datetime],
        stop: threading.Event,
        endpoint: Endpoint | None,
    ) -> None:
        self._endpoint = endpoint
        self._settings, self._ledger = settings, ledger
        self._ending = over = Ending(stop)
        self._progress = moves = Progress(patience(max(o.call_deadline for o in settings.orgs.values()), _THREADS))
        with ExitStack() as opened:
            self._claims = claims = opened.enter_context(shared(settings, ledger, stop=stop.set))
            self._now = now if claims is None else claims.now
            fleet = Fleet(
                settings,
                ledger,
                now=now,
                stopping=over.is_set,
                first_run=first_run,
                call_ended=moves.note,
                claims=claims,
            )
            self.fleet = opened.enter_context(fleet)
            self._open = opened.pop_all()
        self._work = _Work(self.fleet, over, moves, claims)
        self._readiness = Readiness(self.fleet, over.is_set)
        self._refused: str | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._open.close()

    def run(self, signals: Signals, teller: Teller, reload: Callable[[Settings], _Shift]) -> _Shift | None:
        """Works until the process is to stop (None) or another shift stands ready to take over."""
        over, alive = threading.Event(), self._progress.proven
        self._open.enter_context(
            watched(
                self._settings,
                self._ledger,
                self.fleet.catalogs,
                over,
                alive=alive,
                now=self._now,
                endpoint=self._endpoint,
                ledger_trouble=self._ledger_trouble,
            )
        )
        self._work.start()
        self._readiness.start()
        logger.info("started with {} streams", len(self.fleet.streams))
        undo = {stream.address: stream.undo for stream in self._settings.streams() if stream.undo is not None}
        history = History(self._ledger, self._settings.retention, self.fleet.certain_time, undo)
        box, tell = self._settings.state_dir / "inbox", partial(self._tell, teller)
        following = None
        while following is None:
            _watch(box, self._ledger, self._work, history, signals, self._now, tell)
            if signals.stop.is_set():
                break
            signals.take()
            teller.reloading()
            try:
                following = reload(self._settings)
            except ReloadRefusedError as error:
                self._refused = str(error)
                logger.error("reload refused, nothing was changed and the settings before go on: {}", error)
                teller.reloaded()
        self._end(signals, teller, following)
        if self.refused is not None:
            raise self.refused
        return following if not signals.stop.is_set() else None

    def _end(self, signals: Signals, teller: Teller, following: _Shift | None) -> None:
        """Waits for the calls in hand: for a while when the process is to stop, else until they are over."""
        self._ending.over = True
        if following is not None:
            logger.info("new settings are taken up as soon as the calls in hand are over")
            while not self._finish(_TICK_S) and not signals.stop.is_set():
                self._progress.beat()  # the scheduler is at rest on purpose
                self._tell(teller)
            if not signals.stop.is_set():
                teller.reloaded()
                return
        teller.stopping()
        logger.info("stopping: waiting up to {:.0f} s for the calls in hand", _GRACE_S)
        if not self._finish(_GRACE_S):
            what = "a call to an org or to the ledger is still on its way and is left behind"
            logger.warning("{}: if it was to write to the org, the next start looks into it", what)
            if self._claims is not None:
                self._claims.leave()
            if self.refused is None:
                os._exit(0)  # a thread in a call cannot be interrupted, and the ledger is ready for a kill at any time

    @property
    def refused(self) -> LedgerTooNew | None:
        """Why this daemon may not run on the ledger any more."""
        return None if self._claims is None else self._claims.refused

    def _finish(self, grace: float) -> bool:
        end = time.monotonic() + grace
        return self._work.finish(grace) and self._readiness.finish(max(0.0, end - time.monotonic()))

    def _ledger_trouble(self) -> str | None:
        """Why the ledger takes no writes, as far as is known: by the last one, or by that which says that we live."""
        if self._claims is None:
            return self._ledger.trouble
        runs = any(self._claims.epoch(stream) is not None for stream in self.fleet.streams)
        return self._claims.trouble or (self._ledger.trouble if runs else None)

    def _tell(self, teller: Teller) -> None:
        standing = Standing(
            streams=len(self.fleet.streams),
            waiting=self._readiness.waiting(),
            stopped=dict(self._work.stopped),
            unread=len(self._work.unread),
            ledger=self._ledger_trouble(),
            refused=self._refused,
        )
        teller.tell(standing, progress=self._progress.proven())


def _watch(
    box: Path,
    ledger: Ledger,
    work: _Work,
    history: History,
    stop: Sign,
    now: Callable[[], datetime],
    tell: Callable[[], None] = lambda: None,
) -> None:
    """The main thread: answers other commands, tells systemd, forgets old history, and sees the clock step."""
    said = None
    while not stop.is_set():
        done, trouble = inbox.serve(box, lambda request: inbox.carry_out(request, ledger, now()))
        if trouble and trouble != said:
            logger.error("a request of another command waits: {}", trouble)
        said = trouble
        if done:
            logger.info("done by request of another command: {}; all streams run now", done)
            work.all_now()
        work.mind_clock()
        history.step()
        tell()
        time.sleep(
            _TICK_S
        )  # not stop.wait(): a signal that finds this thread in it cannot set it, and all stands still


class _Every(IntervalTrigger):  # type: ignore[misc]  # APScheduler has no types
    """An interval that begins anew after a gap: APScheduler would go through every missed run, 31 million in a year."""

    def get_next_fire_time(self, previous: datetime | None, now: datetime) -> datetime:
        following: datetime = super().get_next_fire_time(previous, now)
        return following if following > now else now + self.interval


class _Work:
    """The scheduled jobs and the threads that run them. `stopped` are streams that cannot run, with the reason,
    `unread` those of which no cycle has ended yet.
    """

    def __init__(
        self, fleet: Fleet, stop: Sign, progress: Progress | None = None, claims: Claims | None = None
    ) -> None:
        self._claims = claims
        self._progress = progress if progress is not None else Progress(float("inf"))
        self.stopped: dict[str, str] = {}
        self.unread = set(fleet.streams)
        self._fleet = fleet
        self._stop = stop
        self._pacing = Pacing()
        self._idle = threading.Condition()
        self._running: set[str] = set()
        self._minding = threading.Lock()
        self._offset = time.time() - time.monotonic()
        self._scheduler = BackgroundScheduler(
            executors={
                "default": ThreadPoolExecutor(min(_THREADS, max(1, len(fleet.streams)))),
                "beat": ThreadPoolExecutor(1),
            },
            job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1},
            timezone=UTC,
        )

    def start(self) -> None:
        for address, stream in self._fleet.streams.items():
            poll = stream.poll.total_seconds()
            # Spread by name, not by chance: jitter would lengthen the period, and a restart should not bunch them.
            spread = zlib.crc32(address.encode()) % 1000 / 1000 * min(poll, 5.0)
            self._scheduler.add_job(
                self._job,
                _Every(seconds=poll, timezone=UTC),
                args=[address],
                id=address,
                next_run_time=datetime.now(UTC) + timedelta(seconds=spread),
            )
        self._scheduler.add_job(self._progress.beat, _Every(seconds=BEAT_S, timezone=UTC), id=_BEAT, executor="beat")
        if self._claims is not None:
            self._claims.keep(self._now)
        self._scheduler.start()

    def all_now(self) -> None:
        self._now(list(self._fleet.streams))

    def _now(self, addresses: Sequence[str]) -> None:
        for address in addresses:
            self._soon(address, 0.0)

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
        if not self._stop.is_set():
            self._scheduler.modify_job(_BEAT, next_run_time=datetime.now(UTC))

    def finish(self, grace: float) -> bool:
        """Starts nothing more and waits for what runs; False when something still does."""
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
        with self._idle:
            return self._idle.wait_for(lambda: not self._running, timeout=grace)

    def _job(self, address: str) -> None:
        self._running.add(address)  # first of all, so that `finish` waits for it
        try:
            with self._progress.working(), self._claims.using(address) if self._claims is not None else nullcontext():
                runner = self._fleet.runner(address)
                if runner is not None:
                    self._cycles(runner)
                else:  # another daemon's
                    self._note(address, None)
        finally:
            with self._idle:
                self._running.remove(address)
                self._idle.notify_all()

    def _cycles(self, runner: Runner) -> None:
        address = runner.stream.address
        try:
            if not self._stop.is_set():
                self.mind_clock()
            while not self._stop.is_set() and self._fleet.runner(address) is runner:
                report = runner.cycle()
                _log(report)
                self._note(address, report.trouble)
                if not report.more or report.trouble:
                    self._pace(runner.stream, report)
                    break
        except ClaimLost as error:
            logger.info("{}", error)
            self._note(address, None)
        except LedgerError as error:
            logger.error("{}: {}", address, error)
            self._note(address, str(error))
        except Exception as error:  # noqa: BLE001  a bug in one stream must not stop the others, nor go unseen
            what = f"internal error ({type(error).__name__}); its page was not settled and is tried again"
            logger.opt(exception=error).error("{}: {}", address, what)
            self._note(address, what)
            with suppress(ClaimLost):
                runner.broken(what)

    def _pace(self, stream: Stream, report: Report) -> None:
        """When the stream runs next, where that is before its interval is over."""
        wait = self._pacing.after(stream, report, short=self._fleet.credits_short(stream.address))
        if report.waits_for:
            self._soon(stream.address, _WAITING_S)
        elif report.wait:
            self._soon(stream.address, report.wait.total_seconds())
        elif wait < stream.poll:
            self._soon(stream.address, wait.total_seconds())

    def _note(self, address: str, trouble: str | None) -> None:
        """A cycle came to its end."""
        self._progress.note()
        self.unread.discard(address)
        if trouble is None:
            self.stopped.pop(address, None)
        else:
            self.stopped[address] = trouble

    def _soon(self, address: str, seconds: float) -> None:
        if not self._stop.is_set():
            due = datetime.now(UTC) + timedelta(seconds=seconds)
            self._scheduler.modify_job(address, next_run_time=due)


def _log(report: Report) -> None:
    if report.seen:
        parts = ", ".join(f"{count} {outcome}" for outcome, count in sorted(report.outcomes.items()) if count)
        logger.info("{}: {}", report.stream, parts)
    if report.trouble:
        logger.warning("{} is stopped: {}", report.stream, report.trouble)
