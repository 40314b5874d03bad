"""The scheduled jobs in this process, where a clock can be turned and a bug be planted."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from daemon.service import daemon
from daemon.service.history import History
from daemon.service.pacing import Pacing
from daemon.sync.cycle import StreamRunner
from daemon.sync.report import Report
from tests.service.site import until
from tests.sync.pair import Pair, running_pair


@contextmanager
def at_work(pair: Pair, folder: Path) -> Iterator[None]:
    """The daemon's jobs and its watch, as `run` starts them, without its signals."""
    stop = threading.Event()
    work = daemon._Work(pair.fleet, stop)
    work.start()
    history = History(pair.ledger, pair.settings.retention, pair.fleet.certain_time)
    watch = threading.Thread(
        target=daemon._watch, args=(folder / "inbox", pair.ledger, work, history, stop, pair.fleet._now), daemon=True
    )
    watch.start()
    try:
        yield
    finally:
        stop.set()
        watch.join(5)
        assert work.finish(8)


def insert(pair: Pair, name: str) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})


@pytest.mark.parametrize("step", [-3_600, -86_400, 3_600])
def test_a_clock_that_steps_makes_every_stream_run_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, step: float
) -> None:
    wrong = [0.0]
    clock = SimpleNamespace(time=lambda: time.time() + wrong[0], monotonic=time.monotonic, sleep=time.sleep)
    monkeypatch.setattr(daemon, "time", clock)
    with running_pair(tmp_path, modules=("Leads",), poll=timedelta(hours=1)) as pair:
        first = insert(pair, "before")
        with at_work(pair, tmp_path):
            until(lambda: pair.counterparts("Leads", first))
            second = insert(pair, "after")
            time.sleep(1)
            assert pair.counterparts("Leads", second) == []
            wrong[0] = step
            until(lambda: pair.counterparts("Leads", second), 5)


def test_a_bug_in_one_stream_is_shown_and_stops_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    real = StreamRunner.cycle

    def broken(runner: StreamRunner) -> Report:
        if runner.stream.source_module == "Accounts":
            raise RuntimeError("a bug")
        return real(runner)

    with running_pair(tmp_path, modules=("Accounts", "Leads"), poll=timedelta(seconds=1)) as pair:
        monkeypatch.setattr(StreamRunner, "cycle", broken)
        lead = insert(pair, "A")
        with at_work(pair, tmp_path):
            until(lambda: pair.counterparts("Leads", lead))
            until(lambda: pair.sql("select trouble from v_streams where stream = 'india-to-us/Accounts'")[0][0])
        [(health, trouble)] = pair.sql("select health, trouble from v_streams where stream = 'india-to-us/Accounts'")
    assert health == "stopped"
    assert trouble.startswith("internal error (RuntimeError)")


def test_the_main_thread_never_waits_for_what_a_signal_handler_of_its_own_must_set(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An Event has a lock, and `wait` holds it for moments: a SIGTERM just then was a daemon that never ended."""

    class Waited(threading.Event):
        def wait(self, timeout: float | None = None) -> bool:
            del timeout
            raise AssertionError("a signal may come now")

    stop = Waited()
    monkeypatch.setattr(daemon, "_TICK_S", 0.0)
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        work = daemon._Work(pair.fleet, stop)
        history = SimpleNamespace(step=stop.set)  # what the watch does in its round
        daemon._watch(tmp_path / "inbox", pair.ledger, work, history, stop, pair.fleet._now)
    assert stop.is_set()


def test_after_news_the_next_look_comes_sooner(tmp_path: Path) -> None:
    limits = {"poll": timedelta(hours=1), "poll_fast": timedelta(seconds=1)}
    with running_pair(tmp_path, modules=("Leads",), **limits) as pair:
        first = insert(pair, "first")
        with at_work(pair, tmp_path):
            until(lambda: pair.counterparts("Leads", first))
            second = insert(pair, "second")
            until(lambda: pair.counterparts("Leads", second), 10)


def test_a_stream_is_read_no_sooner_where_credits_are_short_or_it_stands_still(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), poll_fast=timedelta(seconds=5)) as pair:
        [(address, stream)], pacing = pair.fleet.streams.items(), Pacing()
        news, calm, stopped = (
            Report(stream=address, news=1),
            Report(stream=address),
            Report(stream=address, trouble="no"),
        )
        assert not pair.fleet.credits_short(address)
        assert pacing.after(stream, news, short=False) == timedelta(seconds=5)
        assert pacing.after(stream, calm, short=False) == timedelta(seconds=10)
        assert pacing.after(stream, stopped, short=False) == stream.poll
        pair.fleet.catalogs["us"].zoho.purse.heard(30_000)  # half of the day's are used
        assert pair.fleet.credits_short(address)
        assert pacing.after(stream, news, short=True) == stream.poll
