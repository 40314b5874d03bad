"""The watchdog is fed by progress: planted hangs, and a clock of the test's own."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from daemon.service import daemon
from daemon.service.notify import Teller, feeding_s
from daemon.service.progress import BEAT_S, Progress, patience
from daemon.service.standing import Standing, line
from daemon.sync.cycle import StreamRunner
from daemon.sync.report import Report
from tests.service.site import until
from tests.sync.pair import add_key, make_settings, opened, running_pair


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def clock() -> Clock:
    return Clock()


def test_the_watchdog_starves_while_one_stream_hangs_and_the_others_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    real, hang, cycles = StreamRunner.cycle, threading.Event(), []

    def hanging(runner: StreamRunner) -> Report:
        if runner.stream.source_module == "Accounts":
            hang.wait()
        cycles.append(runner.stream.address)
        return real(runner)

    said: list[str] = []
    with running_pair(tmp_path, modules=("Accounts", "Leads")) as pair:
        monkeypatch.setattr(StreamRunner, "cycle", hanging)
        progress = Progress(60.0, clock)
        work = daemon._Work(pair.fleet, threading.Event(), progress)
        teller = Teller(lambda *lines: said.extend(lines), clock)

        def fed() -> int:
            teller.tell(Standing(streams=2), progress=progress.proven())
            return said.count("WATCHDOG=1")

        work.start()
        try:
            until(lambda: work._running == {"india-to-us/Accounts"} and cycles)
            assert fed() == 1
            clock.at += 59
            progress.beat()
            assert fed() == 2
            clock.at += 20
            progress.beat()
            cycles.clear()
            work.all_now()
            until(lambda: "india-to-us/Leads" in cycles)  # it lives
            assert fed() == 2  # and does not move on
            hang.set()
            until(lambda: not work._running)
            assert fed() == 3
        finally:
            hang.set()
            assert work.finish(8)


def test_every_call_that_ends_well_or_badly_is_progress_of_its_own_thread_only(tmp_path: Path, clock: Clock) -> None:
    progress = Progress(60.0, clock)
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        with opened(emu, settings, call_ended=progress.note) as pair, progress.working():
            for effect in ("latency", "status", "cut"):
                emu.orgs["us"].faults.next("org", effect=effect, **({"status": 503} if effect == "status" else {}))
                clock.at += 59
                progress.beat()
                assert progress.proven()
                pair.fleet.catalogs["us"].forget()
                pair.fleet.trouble_of("us")
            clock.at += 59
            progress.beat()
            assert progress.proven()
            other = threading.Thread(target=lambda: (pair.fleet.catalogs["us"].forget(), pair.fleet.trouble_of("us")))
            other.start()
            other.join()
            clock.at += 2
            assert not progress.proven()


def test_a_scheduler_that_starts_nothing_is_no_progress(tmp_path: Path, clock: Clock) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        progress = Progress(60.0, clock)
        work = daemon._Work(pair.fleet, threading.Event(), progress)
        clock.at += 7 * BEAT_S
        assert not progress.proven()
        work.start()
        work._scheduler.modify_job(daemon._BEAT, next_run_time=daemon.datetime.now(daemon.UTC))
        until(progress.proven)
        assert work.finish(8)


def test_an_idle_daemon_whose_scheduler_beats_moves_on(clock: Clock) -> None:
    progress = Progress(60.0, clock)
    for _ in range(1000):
        clock.at += BEAT_S
        progress.beat()
        assert progress.proven()


def test_patience_outlasts_a_call_of_each_other_thread() -> None:
    assert patience(60.0, 8) > 9 * 60
    assert patience(3.0, 8) < patience(60.0, 8) < 1800


@pytest.mark.parametrize(
    ("span", "every"), [(None, 10.0), ("120000000", 10.0), ("6000000", 2.0), ("0", 10.0), ("x", 10.0)]
)
def test_it_is_fed_three_times_in_the_span_that_systemd_gives(span: str | None, every: float) -> None:
    assert feeding_s({} if span is None else {"WATCHDOG_USEC": span}) == every


def test_the_start_is_extended_only_while_it_lasts_and_moves_on(monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
    monkeypatch.delitem(os.environ, "WATCHDOG_USEC", raising=False)
    said: list[str] = []
    teller = Teller(lambda *lines: said.extend(lines), clock)
    starting = Standing(streams=1, waiting={"us": ""})
    teller.tell(starting, progress=True)
    assert said == ["WATCHDOG=1", "EXTEND_TIMEOUT_USEC=120000000", f"STATUS={line(starting)}"]
    said.clear()
    clock.at += 60
    teller.tell(starting, progress=False)
    assert said == []
    teller.tell(Standing(streams=1), progress=True)
    assert said == ["READY=1", "WATCHDOG=1", "STATUS=keeping 1 of 1 streams in step"]


def test_the_status_is_one_line_of_bounded_length() -> None:
    shown = line(Standing(streams=3, stopped={"a/B": "one\ntwo " + "x" * 900, "a/A": "first"}, refused="r\ns"))
    assert shown.startswith("reload refused, the settings before go on: r s; keeping 1 of 3 streams in step; a/A is")
    assert len(line(Standing(streams=3, stopped={"a/B": "x\n" * 900}))) == 400
    assert "\n" not in line(Standing(streams=3, waiting={"us": "a\nb", "eu": ""}))
