"""The wall clock steps while the daemon runs; the monotonic one and the orgs' clocks stay right."""

from __future__ import annotations

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from functools import partial
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import apscheduler.executors.base
import apscheduler.schedulers.base
import pytest
from apscheduler.triggers.interval import IntervalTrigger

from daemon.core.causes import Cause
from daemon.core.settle import QueueRow, Settlement
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from daemon.service import daemon
from daemon.service.fleet import Fleet
from daemon.service.history import History
from daemon.sync.cycle import StreamRunner
from daemon.sync.report import Report
from tests.service.site import until
from tests.service.test_schedule import at_work, insert
from tests.sync.pair import Pair, add_key, make_settings

DAY, YEAR = 86_400, 31_536_000


@dataclass
class Wall:
    """The wall clock of this process's daemon; `runs` are the monotonic times of every cycle, by module."""

    wrong: float = 0.0
    runs: defaultdict[str, list[float]] = field(default_factory=lambda: defaultdict(list))

    def now(self, zone: tzinfo | None = UTC) -> datetime:
        return datetime.now(zone) + timedelta(seconds=self.wrong)

    def time(self) -> float:
        return time.time() + self.wrong


@pytest.fixture
def wall(monkeypatch: pytest.MonkeyPatch) -> Wall:
    """What the scheduler and the daemon take for the time."""
    wall = Wall()
    real = StreamRunner.cycle

    def counted(runner: StreamRunner) -> Report:
        wall.runs[runner.stream.source_module].append(time.monotonic())
        return real(runner)

    monkeypatch.setattr(StreamRunner, "cycle", counted)
    monkeypatch.setattr(daemon, "time", SimpleNamespace(time=wall.time, monotonic=time.monotonic, sleep=time.sleep))
    for module in (daemon, apscheduler.schedulers.base, apscheduler.executors.base):
        monkeypatch.setattr(module, "datetime", SimpleNamespace(now=wall.now))
    return wall


@contextmanager
def pair_by(wall: Wall, folder: Path, *modules: str, poll: float = 1.0) -> Iterator[Pair]:
    """Orgs whose clock is right, and a daemon that believes the wall."""
    with Emulator(("in", "us")) as emu:
        for module in modules:
            add_key(emu.orgs["us"], module)
        with opened(wall, emu, folder, *modules, poll=poll) as pair:
            yield pair


@contextmanager
def opened(wall: Wall, emu: Emulator, folder: Path, *modules: str, poll: float = 1.0) -> Iterator[Pair]:
    settings = make_settings(emu, folder, modules=modules, poll=timedelta(seconds=poll))
    with (
        Ledger.open(settings.ledger_url) as ledger,
        Fleet(settings, ledger, now=wall.now, stopping=lambda: False) as fleet,
    ):
        yield Pair(emu, emu.orgs["india"], emu.orgs["us"], settings, ledger, fleet)


def put_in_queue(pair: Pair, wall: Wall, **minutes: float) -> None:
    """Records that are due in so many minutes of the wall clock, and that no poll has a reason to look at."""
    [runner] = pair.fleet.runners
    ids = {name: insert(pair, name) for name in minutes}
    pair.once()
    rows = [
        QueueRow(
            source_id=ids[name],
            state="due",
            attempts=3,
            due_at=wall.now() + timedelta(minutes=ahead),
            cause=Cause(code="RECORD_LOCKED", module="Leads", field=None, value=None),
            detail="it was locked",
            modified_time=wall.now(),
        )
        for name, ahead in minutes.items()
    ]
    page = Settlement(lane="retry", seen=len(rows), outcomes={"retrying": len(rows)}, queued=rows)
    pair.ledger.settle(runner.stream, page, None, wall.now())


def move(pair: Pair, wall: Wall, seconds: float) -> None:
    """Everybody's clock goes on."""
    pair.pass_time(seconds)
    wall.wrong += seconds


def waits(pair: Pair, wall: Wall) -> list[float]:
    """How many minutes each row of the queue still waits, by the wall clock."""
    rows = pair.sql("select due_at from retry_queue where state = 'due' order by due_at")
    return [(datetime.fromisoformat(at).replace(tzinfo=UTC) - wall.now()).total_seconds() / 60 for [at] in rows]


def test_polls_go_on_in_time_and_without_a_burst(tmp_path: Path, wall: Wall) -> None:
    with pair_by(wall, tmp_path, "Accounts", "Leads") as pair, at_work(pair, tmp_path):
        until(lambda: len(wall.runs) == 2)
        for step in (-DAY, -3_600, 3_600, YEAR, -YEAR):
            wall.wrong += step
            began = time.monotonic()
            lead = insert(pair, f"after {step}")
            until(partial(pair.counterparts, "Leads", lead), 6)
            time.sleep(max(0.0, began + 3 - time.monotonic()))
            for module, moments in wall.runs.items():
                since = [moment for moment in moments if moment >= began]
                assert len(since) <= 3 + 3, (module, step)
                assert max(b - a for a, b in pairwise([began, *since, time.monotonic()])) < 1 + 5, (module, step)


def test_a_late_run_is_not_dropped(tmp_path: Path, wall: Wall) -> None:
    """APScheduler's own rule is to skip what is a second late: the next run would be an hour away."""
    with pair_by(wall, tmp_path, "Leads", poll=3_600) as pair:
        work = daemon._Work(pair.fleet, threading.Event())
        work.start()
        until(lambda: len(wall.runs["Leads"]) == 1 and not work._running)
        wall.wrong += 3_600 + 120
        work._scheduler.wakeup()
        until(lambda: len(wall.runs["Leads"]) == 2)
        assert work.finish(8)


def test_a_year_is_not_walked_through_run_by_run() -> None:
    """31 million lost runs took minutes and gigabytes while nothing else could be scheduled."""
    start = datetime(2026, 1, 1, tzinfo=UTC)
    trigger = daemon._Every(seconds=1, timezone=UTC)
    assert trigger.get_next_fire_time(start, start) == start + timedelta(seconds=1)
    year_later = start + timedelta(days=365)
    assert trigger.get_next_fire_time(start, year_later) == year_later + timedelta(seconds=1)
    assert IntervalTrigger(seconds=1, timezone=UTC).get_next_fire_time(start, year_later) < year_later


@pytest.mark.parametrize("step", [-DAY, -3_600, 3_600, YEAR])
def test_the_queue_is_neither_stuck_nor_fired_at_once(tmp_path: Path, wall: Wall, step: float) -> None:
    with pair_by(wall, tmp_path, "Leads") as pair:
        put_in_queue(pair, wall, A=10, B=30, C=50)
        with at_work(pair, tmp_path):
            until(lambda: len(wall.runs["Leads"]) > 1)
            time.sleep(0.4)  # a cycle that has begun asks the time as it goes
            runs = len(wall.runs["Leads"])
            wall.wrong += step
            until(lambda: len(wall.runs["Leads"]) > runs + 1)
            assert waits(pair, wall) == pytest.approx([10, 30, 50], abs=0.5)


def test_due_times_of_a_wrong_clock_are_mended_at_the_next_start(tmp_path: Path, wall: Wall) -> None:
    with pair_by(wall, tmp_path, "Leads") as pair:
        wall.wrong = YEAR
        put_in_queue(pair, wall, A=1, B=2, C=3, D=4)
        pair.fleet.__exit__(None, None, None)
        pair.ledger.close()
        wall.wrong = 0
        with opened(wall, pair.emu, tmp_path, "Leads") as again:
            assert waits(again, wall) == pytest.approx([15, 30, 45, 60], abs=0.5)


@pytest.mark.parametrize("step", [-DAY, YEAR])
def test_a_lost_answer_is_looked_into_by_the_targets_clock_alone(tmp_path: Path, wall: Wall, step: float) -> None:
    """The record waits for the call's deadline and the lag: 15 s here, however wrong our clock is."""
    with pair_by(wall, tmp_path, "Leads") as pair:
        lead = insert(pair, "once")
        pair.b.faults.next(["upsert", "insert"], effect="cut", when="after", times=1)
        pair.once()
        wall.wrong = step
        pair.fleet.clock_stepped(timedelta(seconds=step))
        move(pair, wall, 6)  # past the longest first backoff: tried, and found too early to ask
        pair.once()
        assert len(pair.ledger.open_intents(pair.fleet.runners[0].stream)) == 1
        [wait] = waits(pair, wall)
        assert 0 < wait * 60 < 10
        move(pair, wall, 12)
        pair.once()
        assert pair.queue() == []
        pair.counterpart("Leads", lead)
        assert len(pair.writes()) == 1


def test_the_history_survives_a_clock_that_is_ahead(tmp_path: Path, wall: Wall) -> None:
    with pair_by(wall, tmp_path, "Leads") as pair:
        insert(pair, "kept")
        pair.once()
        history = History(pair.ledger, timedelta(days=90), pair.fleet.certain_time)
        wall.wrong = YEAR
        assert history.step() == 0
        assert pair.sql("select count(*) from changes") == [(1,)]


def test_the_history_is_forgotten_about_once_an_hour(tmp_path: Path, wall: Wall) -> None:
    with pair_by(wall, tmp_path, "Leads") as pair:
        history = History(pair.ledger, timedelta(days=90), pair.fleet.certain_time)
        move(pair, wall, -200 * DAY)
        for name in ("old", "older"):
            insert(pair, name)
            pair.once()
        move(pair, wall, 100 * DAY)
        assert history.step() == 2  # a change and a cycle: the newest of each stay
        assert history.step() == 0
        insert(pair, "young")
        pair.once()
        assert history.step() == 0  # what became old since waits for the next hour
        move(pair, wall, 3_700)
        assert history.step() == 2
        assert len(pair.sql("select id from changes")) == 1
