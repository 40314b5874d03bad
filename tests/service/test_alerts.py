"""Alerts end to end: an emulated Zoho in trouble, a real ledger, a webhook over HTTP."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from daemon.core.alerts import Alerting
from daemon.core.fuse import Fuse, Limit
from daemon.core.org import Secret
from daemon.ledger import Reader
from daemon.ledger.alerts import LEASE
from daemon.service import alerts as service
from daemon.service.alerts import Alerts
from tests.service.receiver import Receiver, receiving
from tests.service.site import until
from tests.sync.pair import Pair, opened, running_pair

LEADS = "india-to-us/Leads"


@pytest.fixture
def hook() -> Iterator[Receiver]:
    with receiving() as receiver:
        yield receiver


@contextmanager
def watching(pair: Pair, hook: Receiver) -> Iterator[Alerts]:
    settings = replace(pair.settings, alerts=Alerting(webhook=Secret(hook.url)))
    with Reader.open(settings.ledger_url) as reader:
        yield Alerts(settings, pair.ledger, reader, pair.fleet.catalogs, pair.fleet._now)


def rounds(alerts: Alerts, count: int = 3) -> None:
    for _ in range(count):
        alerts.look()
        alerts.tell()


def leads(pair: Pair, count: int) -> list[str]:
    return [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(count)]


def blow(pair: Pair) -> None:
    """Two linked records, both deleted in the source."""
    mine = leads(pair, 2)
    pair.once()
    for lead in mine:
        pair.a.delete("Leads", lead)
    pair.pass_time(120)
    pair.cycle("Leads")


BRITTLE: dict[str, Any] = {"deletes": "delete", "fuse": Fuse(deletes=Limit(count=0))}


def test_in_health_nothing_is_told(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair, watching(pair, hook) as alerts:
        leads(pair, 3)
        pair.once()
        rounds(alerts)
    assert (hook.got, hook.refused) == ([], 0)


def test_a_blown_fuse_is_told_once_and_again_when_it_is_over(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",), **BRITTLE) as pair, watching(pair, hook) as alerts:
        blow(pair)
        rounds(alerts)
        [told] = hook.got
        assert told["subject"] == LEADS
        assert told["command"] == f'orgsync release {LEADS} --accept 2 --reason "…"'
        assert "2 of 2 linked records would be deleted" in told["what"]
        pair.ledger.release(LEADS, 2, "meant", pair.fleet._now())
        rounds(alerts)
        assert hook.events() == [("opened", "fuse"), ("resolved", "fuse")]
        assert hook.got[1]["resolved_at"] is not None


def test_a_restart_tells_nothing_again_and_forgets_nothing(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",), **BRITTLE) as pair:
        blow(pair)
        with watching(pair, hook) as alerts:
            rounds(alerts)
        emu, settings = pair.emu, pair.settings
        pair.fleet._open.close()
        pair.ledger.close()
        with opened(emu, settings) as again, watching(again, hook) as alerts:
            rounds(alerts)
            assert hook.events() == [("opened", "fuse")]
            again.ledger.release(LEADS, 2, "meant", again.fleet._now())
            rounds(alerts)
            assert hook.events() == [("opened", "fuse"), ("resolved", "fuse")]


def test_two_daemons_that_see_the_same_tell_it_once(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",), **BRITTLE) as pair:
        blow(pair)
        with watching(pair, hook) as one, watching(pair, hook) as other:
            start = threading.Barrier(2)

            def work(alerts: Alerts) -> None:
                start.wait()
                rounds(alerts, 5)

            threads = [threading.Thread(target=work, args=(alerts,)) for alerts in (one, other)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
    assert hook.events() == [("opened", "fuse")]


def test_a_webhook_that_is_away_is_tried_again_and_then_told_once(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",), **BRITTLE) as pair, watching(pair, hook) as alerts:
        blow(pair)
        hook.status = 503
        rounds(alerts)
        assert hook.refused == 1, "it waits before it is tried again"
        pair.pass_time(6)
        rounds(alerts)
        assert hook.refused == 2
        hook.status = 200
        pair.pass_time(11)
        rounds(alerts)
        assert hook.events() == [("opened", "fuse")]
        pair.pass_time(2 * LEASE.total_seconds())
        rounds(alerts)
        assert len(hook.got) == 1


def test_records_given_up_are_told_with_the_retry_to_type(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",), max_attempts=1) as pair, watching(pair, hook) as alerts:
        pair.b.faults.next("insert", effect="cut", times=1)
        leads(pair, 2)
        pair.cycle("Leads")
        assert {state for _, state, _ in pair.queue()} == {"dead"}, pair.queue()
        rounds(alerts)
        [told] = hook.got
        [(cause,)] = pair.sql("select id from causes")
        assert told["command"] == f"orgsync retry --cause {cause}"
        assert told["what"].startswith(f"2 records of {LEADS} given up: UNCERTAIN")
        pair.pass_time(120)
        pair.ledger.retry(pair.fleet._now(), stream=LEADS)
        pair.once()
        rounds(alerts)
        assert hook.events() == [("opened", "dead"), ("resolved", "dead")]
        assert len(pair.b.records("Leads")) == 2


def test_a_refresh_token_that_zoho_refuses_is_told_and_over_with_a_new_one(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        pair.once()
        pair.b.tokens(revoke=True)
        leads(pair, 1)
        pair.cycle("Leads")
        with watching(pair, hook) as alerts:
            rounds(alerts)
            [told] = hook.got
            assert (told["kind"], told["subject"], told["command"]) == ("token", "us", "orgsync auth us")
        emu, settings, token = pair.emu, pair.settings, Secret(pair.b.new_refresh_token())
        pair.fleet._open.close()
        pair.ledger.close()
        renewed = replace(settings, orgs={**settings.orgs, "us": replace(settings.orgs["us"], refresh_token=token)})
        emu.clock(advance=60)
        with opened(emu, renewed) as again, watching(again, hook) as alerts:
            rounds(alerts)
            assert hook.events() == [("opened", "token")], "it was not tried yet"
            again.once()
            rounds(alerts)
        assert hook.events() == [("opened", "token"), ("resolved", "token")]
        secrets = [pair.b.refresh_token, pair.b.client_secret, token.reveal()]
        assert [secret for secret in secrets if secret in str(hook.got)] == []


def busy_until(pair: Pair, hours: int) -> None:
    """A history of four weeks with 40 changes in every hour but the last `hours`."""
    now = pair.fleet._now()
    times = [(now - timedelta(hours=h)).strftime("%Y-%m-%d %H:%M:%S.000000") for h in range(hours, 29 * 24)]
    rows = ", ".join(f"('{LEADS}', 'poll', '{at}', 40, 40)" for at in times)
    with pair.ledger._writing() as connection:
        connection.exec_driver_sql("DELETE FROM changes")
        connection.exec_driver_sql("DELETE FROM cycles")
        columns = "stream, lane, started_at, seen, unchanged"
        connection.exec_driver_sql(f"INSERT INTO cycles ({columns}) VALUES {rows}")  # noqa: S608  names from here


def test_silence_is_told_by_the_history_of_the_ledger(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair, watching(pair, hook) as alerts:
        leads(pair, 1)
        pair.once()
        busy_until(pair, 4)
        rounds(alerts)
        [told] = hook.got
        assert told["what"].startswith(f"{LEADS}: usually 40 changes an hour at this time, none for 3 hours")
        assert told["command"] == "orgsync check"
        leads(pair, 1)
        pair.pass_time(60)
        pair.once()
        rounds(alerts)
        assert hook.events() == [("opened", "silence"), ("resolved", "silence")]


def test_a_daemon_that_was_off_calls_nothing_silent_before_it_has_asked(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair, watching(pair, hook) as alerts:
        leads(pair, 1)
        pair.once()
        busy_until(pair, 4)
        with pair.ledger._writing() as connection:
            connection.exec_driver_sql("UPDATE checkpoints SET polled_at = '2020-01-01 00:00:00.000000'")
        rounds(alerts)
        assert hook.got == []


def test_credits_that_run_out_are_told_and_over_when_the_org_has_new_ones(tmp_path: Path, hook: Receiver) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair, watching(pair, hook) as alerts:
        pair.once()
        rounds(alerts)
        assert hook.got == []
        meter = pair.emu.world.sites["us"].meter
        meter.spend("read", meter.allowance - 500, pair.emu.world.clock.now())
        pair.pass_time(1)
        rounds(alerts)
        [told] = hook.got
        assert (told["kind"], told["subject"]) == ("credits", "us")
        assert "API credits left of its day" in told["what"]
        pair.pass_time(25 * 3600)
        rounds(alerts)
        assert hook.events() == [("opened", "credits"), ("resolved", "credits")]


def test_a_webhook_that_hangs_delays_no_stream(tmp_path: Path, hook: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    hanging, release = threading.Event(), threading.Event()

    def tell(*_: object) -> None:
        hanging.set()
        release.wait(30)

    monkeypatch.setattr(service, "tell", tell)
    monkeypatch.setattr(service, "EVERY_S", 0.05)
    with running_pair(tmp_path, modules=("Leads",), **BRITTLE) as pair, watching(pair, hook) as alerts:
        blow(pair)
        stop = threading.Event()
        thread = threading.Thread(target=alerts.run, args=(stop,), daemon=True)
        thread.start()
        assert hanging.wait(10)
        pair.ledger.release(LEADS, 2, "meant", pair.fleet._now())
        began = time.monotonic()
        pair.once()
        until(lambda: not pair.b.records("Leads"))
        assert time.monotonic() - began < 10
        stop.set()
        release.set()
        thread.join(5)
        assert not thread.is_alive()
