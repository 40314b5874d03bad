"""Every single fault once: a call meets an accident, or a statement of the ledger fails, or the process ends there.

In this process and without a kill, so that the invariants can be looked at with every commit. A life goes on as the
daemon's would: after an accident with the same connections, after a crash with new ones.
"""

from __future__ import annotations

import shutil
import sqlite3
import time
from collections.abc import Callable, Collection, Iterator
from contextlib import ExitStack, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, Final

from daemon.ledger import Ledger
from daemon.ledger.errors import LedgerError
from daemon.service.fleet import Fleet
from daemon.settings import load
from tests.points.hooks import Point, watched
from tests.points.invariants import Invariants
from tests.points.judge import Judge, come_to_rest
from tests.points.kept import give_tokens_back
from tests.points.sizes import resized
from tests.points.stage import Stage

Json = dict[str, Any]
STALL_S: Final = 0.4  # the deadline of calls where one of them stalls: it costs as much
ACCIDENTS: Final[dict[str, list[Json]]] = {
    "reset before": [{"effect": "cut", "when": "before"}],
    "answer dropped": [{"effect": "cut", "when": "after"}],
    "timeout before": [{"effect": "stall", "when": "before"}],
    "timeout after": [{"effect": "stall", "when": "after"}],
    "arrives late": [{"effect": "latency", "seconds": 2 * STALL_S}],
    "half an answer": [{"effect": "half"}],
    "429": [{"effect": "status", "status": 429}],
    "500 before": [{"effect": "status", "status": 500}],
    "500 after": [{"effect": "status", "status": 500, "when": "after"}],
    "503 html": [{"effect": "html", "status": 503}],
    "html with 200": [{"effect": "html"}],
    **{
        f"{shape} with 200": [{"effect": "garbage", "shape": shape, "when": "after"}]
        for shape in ("text", "null", "number", "list", "string", "empty", "wrong_type", "truncated")
    },
    "204": [{"effect": "status", "status": 204, "body": "empty"}],
    "token expired": [{"effect": "token_expired"}],
    "token revoked": [{"effect": "token_revoked"}],
    "clock back 1 h": [{"effect": "clock_step", "seconds": -3600}],
    "clock on 1 h": [{"effect": "clock_step", "seconds": 3600}],
    "org away": [{"effect": "status", "status": 503, "times": 6}],
}
KINDS: Final = (*ACCIDENTS, "error", "crash", "restore")
_SLOW: Final = frozenset({"timeout before", "timeout after", "arrives late"})
EXCUSED: Final = {
    # an older ledger does not know what was created or deleted since, until it has asked
    "restore": frozenset({"I4", "I8"}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Fault:
    """What goes wrong, and at which call (of Zoho) or point (of the ledger), counted from 1."""

    kind: str
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """What one fault did; `where` is empty when it never struck."""

    fault: Fault
    where: str
    wrong: tuple[str, ...]


class Killed(BaseException):
    """The end of the process, from inside."""


class Life:
    """A daemon in this process, with at most one fault before it."""

    def __init__(self, stage: Stage, judge: Judge, fault: Fault | None) -> None:
        self._stage, self._fault = stage, fault
        self._settings = load(stage.settings, stage.env)
        if fault is not None and fault.kind in _SLOW:
            orgs = {name: replace(org, call_deadline=STALL_S) for name, org in self._settings.orgs.items()}
            self._settings = replace(self._settings, orgs=orgs)
        self._open = ExitStack()
        self._fleet: Fleet | None = None
        self._dead = False
        self.invariants = Invariants(judge, stage.excused | EXCUSED.get(fault.kind if fault else "", frozenset()))
        self.calls = self.points = 0
        self.where = ""
        self.wrong: list[str] = []

    def strike(self, point: Point) -> None:
        """Called at every point. A dead process does nothing more, not even on its way out."""
        if self._dead:
            raise Killed
        if point.room == "zoho":
            self.calls += point.when == "before"
            if point.when == "before" and self._meets("zoho", self.calls):
                self.where = str(point)
            return
        self.points += 1
        if point.when == "after" and point.writes:
            self._look(point)
        if self._meets("ledger", self.points):
            self.where = str(point)
            self._fall_ill(point)

    def _meets(self, room: str, number: int) -> bool:
        fault = self._fault
        return (
            fault is not None and number == fault.number and room == ("zoho" if fault.kind in ACCIDENTS else "ledger")
        )

    def _fall_ill(self, point: Point) -> None:
        assert self._fault is not None
        if self._fault.kind == "crash":
            self._dead = True
            raise Killed
        if self._fault.kind == "restore":
            _copy(self._stage)
        elif point.when == "before":
            raise sqlite3.OperationalError("disk I/O error")

    def _look(self, point: Point | None = None) -> None:
        found = self.invariants.check()
        self.wrong += [
            f"{one} ({point or 'at the fault'})" for one in found if not any(one in old for old in self.wrong)
        ]

    def once(self) -> list[str]:
        """One `orgsync once`, in a new process where the old one is dead. Gives nothing, as what is wrong is kept."""
        try:
            fleet = self._fleet or self._start()
            fleet.once()
        except LedgerError:
            pass
        except Killed:
            self.close()
        self._look()
        return []

    def _start(self) -> Fleet:
        """As the command does it; reads that are tried again at once do not wait."""
        opened = ExitStack()
        try:
            ledger = opened.enter_context(self._ledger())
            fleet = opened.enter_context(
                Fleet(self._settings, ledger, now=self._now, stopping=lambda: False, sleep=self._stage.pass_time)
            )
        except BaseException:
            opened.close()
            raise
        for catalog in fleet.catalogs.values():
            catalog.zoho._caller._sleep = lambda _: None
        self._open, self._fleet = opened, fleet
        return fleet

    def _ledger(self) -> Ledger:
        self._settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
        return Ledger.open(self._settings.ledger_url)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._stage.emu.world.clock.now(), UTC)

    def feel(self, seconds: float) -> None:
        """The monotonic clock went on too."""
        for catalog in self._fleet.catalogs.values() if self._fleet else ():
            catalog.zoho._caller._rest_until -= seconds
            catalog.zoho._caller._clock_read_at -= seconds

    def close(self) -> None:
        """The process is over; the next `once` starts a new one."""
        with suppress(Killed):  # a dead process gives no credits back
            self._open.close()
        self._fleet, self._dead = None, False


def measure(stage: Stage, judge: Judge) -> tuple[int, int, list[int], list[str]]:
    """An undisturbed run: number of calls, number of points of the ledger, those that are commits of writes, wrongs."""
    stage.restore()
    life, commits = Life(stage, judge, None), list[int]()

    def strike(point: Point) -> None:
        life.strike(point)
        if point.room == "ledger" and point.when == "after" and point.writes:
            commits.append(life.points)

    judge.start()
    with watched(strike), resized(stage.sizes):
        life.once()
    life.close()
    return life.calls, life.points, commits, life.wrong


def every_fault(stage: Stage, judge: Judge) -> list[Fault]:
    """All that can go wrong in one run of the scenario."""
    calls, points, commits, _ = measure(stage, judge)
    # a call may be carried out up to the lag after its deadline: without a lag there is no such time
    kinds = [kind for kind in ACCIDENTS if stage.lag or kind != "arrives late"]
    return [
        *(Fault(kind=kind, number=number) for kind in kinds for number in range(1, calls + 1)),
        *(Fault(kind=kind, number=number) for kind in ("error", "crash") for number in range(1, points + 1)),
        *(Fault(kind="restore", number=number) for number in commits),
    ]


def suffer(stage: Stage, judge: Judge, fault: Fault) -> Result:
    """One fault, what follows it, and the judgement. After every second one a record of A is edited once more."""
    stage.restore()
    judge.start()
    for one in ACCIDENTS.get(fault.kind, ()):
        stage.emu.faults({"times": 1, "skip": fault.number - 1, **one})
    life = Life(stage, judge, fault)
    with watched(life.strike), resized(stage.sizes):
        life.once()
        if fault.kind == "arrives late":  # an edit must not be sent while the lost call may still arrive
            edit_first(stage)
            life.once()
            time.sleep(2 * STALL_S)
        stage.emu.clear_faults()
        give_tokens_back(stage.emu, stage.kept)
        if fault.kind == "restore":
            life.close()
            _put_back(stage)
            life.invariants.forget()
        if fault.number % 2 and "clock back" not in fault.kind:  # see test_clock_back.py
            edit_first(stage)
        if fault.kind == "clock back 1 h" and "deletes" in stage.settings.read_text():
            stage.pass_time(3600)  # the emulator lists a deletion when its clock has reached it
        _, wrong = come_to_rest(stage, judge, _felt(stage, life), once=fault.kind != "restore")
    life.close()
    return Result(fault=fault, where=life.where, wrong=(*life.wrong, *wrong))


def _felt(stage: Stage, life: Life) -> Callable[[], list[str]]:
    before = stage.ahead

    def run() -> list[str]:
        nonlocal before
        life.feel(stage.ahead - before)
        before = stage.ahead
        return life.once()

    return run


def edit_first(stage: Stage) -> None:
    """By hand, after everything."""
    module = stage.modules[0]
    for record in stage.a.records(module)[:1]:
        stage.a.edit(module, record["id"], {"Description": "3"})


def _copy(stage: Stage) -> None:
    with sqlite3.connect(f"file:{stage.ledger}?mode=ro", uri=True) as now, sqlite3.connect(stage.backup) as then:
        now.backup(then)


def _put_back(stage: Stage) -> None:
    if not stage.backup.exists():  # it never struck, and its result says so
        return
    for end in ("", "-wal", "-shm"):
        stage.ledger.with_name(stage.ledger.name + end).unlink(missing_ok=True)
    shutil.move(stage.backup, stage.ledger)


def faults(stage: Stage, first: int = 0, every: int = 1, kinds: Collection[str] = KINDS) -> Iterator[Result]:
    """Every chosen fault of the scenario, one after the other."""
    judge = Judge(stage)
    try:
        for fault in [one for one in every_fault(stage, judge) if one.kind in kinds][first::every]:
            yield suffer(stage, judge, fault)
    finally:
        judge.close()
