"""What a Postgres server does to its users: away, refusing, read-only, restarted. Each is a message, and passes by."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.core.org import Secret
from daemon.ledger import Claim, Ledger, LedgerError, LedgerHeld, LedgerUnavailable, Reader, postgres
from daemon.ledger.database import locate
from tests.postgres import GUARDED, Server, running_server

ROOT = Path(__file__).parents[2]
ENDED = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'test' AND pid <> pg_backend_pid()"
HOLD = """
import sys, time
from daemon.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


@pytest.fixture
def place(server: Server) -> str:
    server.drop("test")
    return server.make("test", "fresh")


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that a test may stop."""
    with running_server() as running:
        yield running


def test_a_server_that_is_away_is_said_and_what_to_look_at(tmp_path):
    url = f"postgresql://orgsync@/x?host={tmp_path}"
    for opening in (Ledger, Reader):
        with pytest.raises(LedgerUnavailable, match="Look whether the Postgres server runs"):
            opening.open(url)


def test_a_server_that_restarts_costs_a_transaction_and_no_more(own, contacts, make):
    with Ledger.open(own.make("restarted")) as ledger, Reader.open(own.url("restarted")) as reader:
        ledger.start_stream(contacts, "v1", "create", make.now)
        own.stop()
        with pytest.raises(LedgerUnavailable, match="its server cannot be used"):
            ledger.settle(contacts, make.page(), None, make.now)
        own.start()
        ledger.settle(contacts, make.page(), None, make.now)
        assert [s.last_seen for s in reader.streams()] == [1]
        own.stop("fast")
        own.start()
        assert [s.last_seen for s in reader.streams()] == [1]
        ledger.settle(contacts, make.page(), None, make.now)


def test_a_server_that_hangs_is_waited_for_as_long_as_a_statement_may_take(own, monkeypatch):
    """It keeps its connections up: neither statement_timeout nor TCP ends the wait."""
    monkeypatch.setattr(postgres, "_MARGIN_S", 0.5)
    monkeypatch.setattr(postgres, "_SETTINGS", {**postgres._SETTINGS, "statement_timeout": 500})
    with Ledger.open(own.make("hanging")) as ledger, Reader.open(own.url("hanging")) as reader:
        with own.frozen():
            began = time.monotonic()
            with pytest.raises(LedgerUnavailable, match=r"has not answered for 1 s|timeout expired"):
                reader.comparing()
            assert time.monotonic() - began < 6
        assert ledger.take_renewal("a") == 0
        assert reader.comparing() == []


def test_the_server_that_the_url_names_is_asked_whatever_the_environment_says(place, tmp_path, monkeypatch):
    services = tmp_path / "services"
    services.write_text("[elsewhere]\nhost=127.0.0.9\nhostaddr=127.0.0.9\n")
    elsewhere = {"PGHOST": "127.0.0.9", "PGHOSTADDR": "127.0.0.9", "PGSERVICE": "elsewhere"}
    for name, value in {**elsewhere, "PGSERVICEFILE": str(services)}.items():
        monkeypatch.setenv(name, value)
    Ledger.open(place).close()
    with pytest.raises(LedgerUnavailable) as away:  # no host at all is this machine's socket, not PGHOST
        Ledger.open("postgresql://orgsync@/x")
    assert "127.0.0.9" not in str(away.value)


def test_a_wrong_password_is_said_without_showing_it(server, place):
    server.sql("test", f"DROP ROLE IF EXISTS {GUARDED}")
    server.sql("test", f"CREATE ROLE {GUARDED} LOGIN PASSWORD 'right-4711'")
    url = place.replace("orgsync@", f"{GUARDED}@")
    with pytest.raises(LedgerUnavailable, match=r"password authentication failed.*ledger.password is right") as refused:
        Ledger.open(url, Secret("wrong-0815"))
    assert "wrong-0815" not in str(refused.value)
    with pytest.raises(LedgerUnavailable, match="the user may not do that there"):
        Ledger.open(url, Secret("right-4711"))
    assert "right-4711" not in repr(Reader.open(place, Secret("right-4711")).__dict__)


def test_a_database_that_does_not_exist_or_takes_no_writes_is_said(server, place, contacts, make):
    with pytest.raises(LedgerUnavailable, match=r'database "nowhere" does not exist.*a database of it'):
        Ledger.open(server.url("nowhere"))
    server.sql("postgres", "ALTER DATABASE test SET default_transaction_read_only = on")
    with pytest.raises(LedgerUnavailable, match="takes no writes"):
        Ledger.open(place)
    server.sql("postgres", "ALTER DATABASE test RESET default_transaction_read_only")
    with Ledger.open(place) as ledger:
        server.sql("postgres", "ALTER DATABASE test SET default_transaction_read_only = on")
        server.sql("postgres", ENDED)
        with pytest.raises(LedgerUnavailable, match="takes no writes"):
            ledger.start_stream(contacts, "v1", "create", make.now)
        assert "takes no writes" in str(ledger.claimed(Claim(stream="a", epoch=1)).trouble)
        server.sql("postgres", "ALTER DATABASE test RESET default_transaction_read_only")
        server.sql("postgres", ENDED)
        ledger.start_stream(contacts, "v1", "create", make.now)
        assert ledger.trouble is None


def test_another_programs_database_is_refused_and_not_touched(server):
    server.drop("other")
    url = server.make("other")
    server.sql("other", "CREATE VIEW v_streams AS SELECT 1")
    with pytest.raises(LedgerError, match="some other program's tables"):
        Ledger.open(url)
    server.sql("other", "CREATE TABLE books (title text)")
    with pytest.raises(LedgerError, match="some other program's tables"):
        Ledger.open(url)
    assert server.sql("other", "SELECT count(*) FROM information_schema.tables WHERE table_schema = 'public'") == [(2,)]


def test_a_reader_never_writes(place):
    refused = pytest.raises(LedgerUnavailable, match="takes no writes")
    with Reader.open(place) as reader, refused, reader._reading() as connection:
        connection.exec_driver_sql("DELETE FROM meta")


def test_who_needs_the_ledger_alone_is_refused_until_all_others_are_dead(place):
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen([sys.executable, "-c", HOLD, place], stdout=subprocess.PIPE, env=environment) as first:
        assert first.stdout is not None
        assert first.stdout.readline() == b"open\n"
        Ledger.open(place).close()  # another daemon may come
        with pytest.raises(LedgerHeld, match="is held by another process"):
            locate(place).held_still().acquire()
        first.send_signal(signal.SIGKILL)
    alone = locate(place).held_still()
    alone.acquire()
    with pytest.raises(LedgerHeld):
        Ledger.open(place)
    alone.release()
    Ledger.open(place).close()


def test_who_lost_the_connection_while_another_needs_the_ledger_alone_writes_no_more(server, place, contacts, make):
    with Ledger.open(place) as ledger:
        ledger.start_stream(contacts, "v1", "create", make.now)
        server.sql("test", ENDED)
        alone = locate(place).held_still()
        alone.acquire()
        with pytest.raises(LedgerHeld):
            ledger.settle(contacts, make.page(), None, make.now)
        alone.release()
        ledger.settle(contacts, make.page(), None, make.now)


def test_a_list_of_ids_is_planned_anew_each_time(place):
    """A plan that is kept searches a list of 500 ids one by one: twenty times the time, and more with every link."""
    with Ledger.open(place) as ledger, ledger._writing() as connection:
        assert connection.exec_driver_sql("SHOW plan_cache_mode").scalar() == "force_custom_plan"
