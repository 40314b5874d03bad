"""Several daemons on one ledger: who runs what, and what a stale one may still do. Postgres only."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import psycopg
import pytest
from sqlalchemy import event

from daemon.core.renewals import MOST_RENEWALS
from daemon.ledger import Claim, ClaimLost, Ledger, LedgerTooNew, LedgerUnavailable, Member, Membership, postgres
from tests.ledger.conftest import Make
from tests.postgres import Server
from tests.service.site import until

MODULES = ("Accounts", "Contacts", "Deals", "Leads")
STREAMS = [f"india-to-us/{module}" for module in MODULES]


@pytest.fixture
def place(server: Server) -> str:
    server.drop("test")
    return server.make("test", "fresh")


@pytest.fixture
def ledger(place: str, make: Make) -> Iterator[Ledger]:
    with Ledger.open(place) as opened:
        for module in MODULES:
            opened.start_stream(make.stream(module), "v1", "create", make.now)
        yield opened


def member(ledger: Ledger, name: str) -> Membership:
    return ledger.join(Member(name=name, host="here", pid=1, version="1"))


def die(server: Server, name: str) -> None:
    """As after eight seconds without a word."""
    server.sql("test", "UPDATE daemons SET expires_at = now() - interval '1 s' WHERE name = %s", name)


def test_a_stream_has_one_owner_and_each_daemon_its_share(ledger):
    one, two = member(ledger, "one"), member(ledger, "two")
    assert sorted(one.beat(STREAMS, [])) == STREAMS
    assert two.beat(STREAMS, []) == {}, "nobody gives away what it is at"
    assert len(one.beat(STREAMS, STREAMS)) == 2
    assert sorted({**one.beat(STREAMS, STREAMS), **two.beat(STREAMS, STREAMS)}) == STREAMS
    assert len(two.beat(STREAMS, STREAMS)) == 2


def test_what_a_dead_daemon_ran_goes_to_the_living_under_another_epoch(ledger, server):
    one, two = member(ledger, "one"), member(ledger, "two")
    before = one.beat(STREAMS, [])
    two.beat(STREAMS, [])
    die(server, "one")
    after = two.beat(STREAMS, [])
    assert sorted(after) == STREAMS
    assert all(after[stream] == before[stream] + 1 for stream in STREAMS)
    assert one.beat(STREAMS, []) == {}, "who comes back to life finds its streams gone"


def test_who_died_before_the_clock_of_the_server_went_back_stays_dead(ledger, server):
    """It would be given its share for as long as the clock went back, and nobody would run that."""
    one, two = member(ledger, "one"), member(ledger, "two")
    one.beat(STREAMS, [])
    two.beat(STREAMS, [])
    server.sql("test", "UPDATE daemons SET expires_at = now() + interval '50 minutes' WHERE name = 'one'")
    assert sorted(two.beat(STREAMS, [])) == STREAMS


def test_a_daemon_that_nobody_replaced_goes_on_with_its_claims(ledger, server):
    one = member(ledger, "one")
    before = one.beat(STREAMS, [])
    die(server, "one")
    assert one.beat(STREAMS, []) == before


HALF_A_BATCH = """
import signal, sys, os, psycopg
with psycopg.connect(sys.argv[1]) as connection:
    connection.execute("SELECT pg_advisory_xact_lock(%s)", (int(sys.argv[2]),))
    connection.execute("SELECT 1 FROM checkpoints FOR SHARE")
    with connection.pipeline():
        connection.execute("SELECT 1")
        connection.pgconn.send_flush_request()
        connection.pgconn.flush()
        os.write(1, b"sent")
        os.kill(os.getpid(), signal.SIGSTOP)
"""


def test_who_sleeps_in_the_middle_of_a_batch_holds_up_nobody(ledger, place, server, contacts, make, monkeypatch):
    """`idle_in_transaction_session_timeout` does not count there: all others stood still until it woke up."""
    monkeypatch.setattr(postgres, "_SILENT_MS", 300)
    with subprocess.Popen(
        [sys.executable, "-c", HALF_A_BATCH, place, str(postgres._TURN)], stdout=subprocess.PIPE
    ) as sleeper:
        try:
            assert sleeper.stdout is not None
            assert sleeper.stdout.read(4) == b"sent"
            states = "SELECT state FROM pg_stat_activity WHERE wait_event = 'ClientRead' AND xact_start IS NOT NULL"
            assert server.sql("test", states) == [("active",)]
            one = member(ledger, "one")
            assert one.beat(STREAMS, []) == {}, "it may just be slow"
            time.sleep(0.5)
            until(lambda: sorted(one.beat(STREAMS, [])) == STREAMS, 5)
            ledger.settle(contacts, make.page(), None, make.now)
        finally:
            sleeper.kill()


def test_a_writer_at_work_and_a_reader_that_takes_its_time_are_left_alone(ledger, place, monkeypatch):
    monkeypatch.setattr(postgres, "_SILENT_MS", 300)
    with psycopg.connect(place) as writer, psycopg.connect(place) as reader:
        reader.execute("SELECT 1")
        time.sleep(0.5)
        writer.execute("SELECT pg_advisory_xact_lock(%s)", (postgres._TURN,))
        working = threading.Thread(target=writer.execute, args=("SELECT pg_sleep(1)",))
        working.start()
        time.sleep(0.5)
        member(ledger, "one").beat(STREAMS, [])
        working.join()
        writer.execute("SELECT 1")
        reader.execute("SELECT 1")


def test_who_leaves_gives_everything_to_the_others_at_once(ledger, server):
    one, two = member(ledger, "one"), member(ledger, "two")
    one.beat(STREAMS, [])
    one.leave()
    assert sorted(two.beat(STREAMS, [])) == STREAMS
    assert server.sql("test", "SELECT name FROM daemons") == [("two",)]


def test_who_asks_for_all_takes_all_that_is_free(ledger):
    one, two = member(ledger, "one"), member(ledger, "two")
    one.beat(STREAMS[:1], [])
    assert sorted(two.beat(STREAMS, [], fair=False)) == STREAMS[1:]


def test_a_stream_that_the_settings_do_not_name_any_more_is_given_away(ledger):
    one, two = member(ledger, "one"), member(ledger, "two")
    one.beat(STREAMS, [])
    assert list(one.beat(STREAMS[:1], [])) == STREAMS[:1]
    assert sorted(two.beat(STREAMS, [], fair=False)) == STREAMS[1:]


def test_many_that_come_at_once_get_each_stream_once(ledger):
    members = [member(ledger, str(number)) for number in range(8)]
    got: list[str] = []
    start = threading.Barrier(len(members))

    def grasp(one: Membership) -> None:
        start.wait()
        got.extend(one.beat(STREAMS, [], fair=False))

    threads = [threading.Thread(target=grasp, args=(one,)) for one in members]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(got) == STREAMS


def test_who_came_to_life_while_another_was_asking_keeps_what_it_took(ledger):
    """The other's question shows the daemons of when it began: the new owner must not look dead to it."""
    slow, quick = member(ledger, "slow"), member(ledger, "quick")
    asking = threading.Event()

    def slowly(_c, _cursor, statement, parameters, _context, _many):
        if "SKIP LOCKED" in statement:
            asking.set()
            statement = statement.replace("WHERE", "WHERE pg_sleep(0.3) IS NOT NULL AND", 1)
        return statement, parameters

    event.listen(slow._engine, "before_cursor_execute", slowly, retval=True)
    got: dict[str, int] = {}
    thread = threading.Thread(target=lambda: got.update(slow.beat(STREAMS, [], fair=False)))
    thread.start()
    asking.wait()
    time.sleep(0.1)  # the question is at the server
    assert sorted(quick.beat(STREAMS, [], fair=False)) == STREAMS
    thread.join()
    assert got == {}
    assert sorted(quick.beat(STREAMS, [], fair=False)) == STREAMS


def test_a_stale_claim_writes_nothing(ledger, server, make, contacts):
    epoch = member(ledger, "one").beat(STREAMS, [])[contacts.address]
    mine = ledger.claimed(Claim(stream=contacts.address, epoch=epoch))
    mine.settle(contacts, make.page(), None, make.now)
    die(server, "one")
    member(ledger, "two").beat(STREAMS, [])
    for write in (
        lambda: mine.settle(contacts, make.page(), None, make.now),
        lambda: mine.begin(contacts, [make.intent("1")]),
        lambda: mine.polled(contacts, make.now, make.now, caught_up=True),
        lambda: mine.enqueue(contacts, [make.row("1")], make.now),
    ):
        with pytest.raises(ClaimLost, match="is run by another daemon now"):
            write()
    assert server.sql("test", "SELECT count(*) FROM cycles") == [(1,)]
    assert server.sql("test", "SELECT count(*) FROM intents") == [(0,)]


def test_who_cannot_run_on_what_a_newer_orgsync_made_of_the_ledger_writes_nothing_and_takes_nothing(
    ledger, server, make, contacts
):
    one = member(ledger, "one")
    mine = ledger.claimed(Claim(stream=contacts.address, epoch=one.beat(STREAMS, [])[contacts.address]))
    server.sql("test", "UPDATE alembic_version SET version_num = '9999'")
    mine.settle(contacts, make.page(), None, make.now)
    assert sorted(one.beat(STREAMS, [])) == STREAMS, "it says that this code can run on it"
    server.sql("test", "UPDATE meta SET value = '9999' WHERE name = 'oldest_code'")
    for refused in (
        lambda: mine.settle(contacts, make.page(), None, make.now),
        lambda: mine.begin(contacts, [make.intent("1")]),
        lambda: one.beat(STREAMS, []),
    ):
        with pytest.raises(LedgerTooNew, match="Install the newer orgsync"):
            refused()
    one.leave()
    assert server.sql("test", "SELECT count(*) FROM cycles") == [(1,)]
    assert server.sql("test", "SELECT count(*) FROM checkpoints WHERE owner IS NOT NULL") == [(0,)]


def test_nobody_takes_a_stream_over_while_its_owner_commits(ledger, server, make, contacts):
    epoch = member(ledger, "one").beat(STREAMS, [])[contacts.address]
    mine = ledger.claimed(Claim(stream=contacts.address, epoch=epoch))
    die(server, "one")
    taken: list[str] = []
    event.listen(ledger._writer, "commit", lambda _: taken.extend(member(ledger, "two").beat(STREAMS, [])))
    mine.settle(contacts, make.page(), None, make.now)
    assert taken == [stream for stream in STREAMS if stream != contacts.address]
    assert server.sql("test", "SELECT count(*) FROM cycles") == [(1,)]


def test_writers_take_turns_so_that_what_one_reads_is_what_it_writes_over(place, make, contacts):
    with Ledger.open(place) as one, Ledger.open(place) as two:
        one.start_stream(contacts, "v1", "create", make.now)
        order: list[str] = []
        with one._writing():
            thread = threading.Thread(
                target=lambda: (two.polled(contacts, make.now, None, caught_up=False), order.append("two"))
            )
            thread.start()
            thread.join(0.3)
            order.append("one")
        thread.join()
        assert order == ["one", "two"]


def test_a_writer_that_stands_still_in_mid_transaction_does_not_stop_the_others(place, make, contacts):
    with Ledger.open(place) as one, Ledger.open(place) as two:
        with pytest.raises(LedgerUnavailable), one._writing() as connection:  # noqa: PT012 - the end of the block raises
            two.start_stream(contacts, "v1", "create", make.now)
            connection.exec_driver_sql("SELECT 1")
        one.start_stream(contacts, "v1", "create", make.now)


def test_all_daemons_together_renew_a_token_eight_times_in_ten_minutes(place, server):
    with Ledger.open(place) as one, Ledger.open(place) as two:
        assert [(one, two)[n % 2].take_renewal("a") for n in range(MOST_RENEWALS)] == [0.0] * MOST_RENEWALS
        assert 590 < one.take_renewal("a") <= 600
        assert two.take_renewal("b") == 0, "another credential is another allowance"
        two.put_back_renewal("a")
        assert one.take_renewal("a") == 0
        server.sql("test", "UPDATE renewals SET at = at - interval '10 minutes'")
        assert two.take_renewal("a") == 0


def test_streams_are_shared_out_as_evenly_as_can_be(ledger):
    members = [member(ledger, str(number)) for number in range(3)]
    for _ in range(3):
        owned = [one.beat(STREAMS, STREAMS) for one in members]
    assert sorted(map(len, owned)) == [1, 1, 2]
