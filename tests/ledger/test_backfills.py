"""First loads in the ledger: where they stand, and what is told of them."""

from dataclasses import replace
from datetime import timedelta

import pytest

from daemon.core.record import Position
from daemon.ledger import Backfill, LedgerError


@pytest.fixture
def load(make):
    return Backfill(
        way="bulk",
        why="cheaper",
        rules_version="1",
        total=100,
        counted=90,
        horizon=make.now,
        started_at=make.now,
        job_id="700000000001001",
        job_at=make.now,
    )


def test_a_load_stands_where_it_was_left_until_another_begins(ledger, contacts, load, make):
    assert ledger.backfill(contacts) is None
    ledger.begin_backfill(contacts, load)
    ledger.note_backfill(contacts, done=20, older=5)
    assert ledger.backfill(contacts) == replace(load, done=20, older=5)
    ledger.begin_backfill(contacts, replace(load, way="query", job_id=None, job_at=None))
    assert ledger.backfill(contacts).done == 0


def test_its_end_and_the_checkpoint_are_one_transaction(ledger, contacts, load, make):
    horizon = Position(modified_time=make.now, record_id="0")
    with pytest.raises(LedgerError):
        ledger.end_backfill(contacts, make.now, "read", horizon)
    assert ledger.stream_state(contacts).position < horizon
    ledger.begin_backfill(contacts, load)
    ledger.end_backfill(contacts, make.now, "given up", None)
    assert ledger.stream_state(contacts).position < horizon
    ledger.end_backfill(contacts, make.now, "read", horizon)
    assert ledger.stream_state(contacts).position == horizon
    assert (ledger.backfill(contacts).why, ledger.backfill(contacts).ended_at) == ("read", make.now)


def test_progress_is_what_the_poll_lane_has_dealt_with_since_it_began(ledger, reader, contacts, load, make):
    ledger.settle(contacts, make.page(), None, make.now - timedelta(hours=1))  # before
    ledger.begin_backfill(contacts, load)
    (told,) = reader.loading(make.now)
    assert (told.done, told.total, told.waits, told.left) == (0, 100, True, None)
    cycle = ledger.settle(contacts, make.page(), None, make.now + timedelta(seconds=1))
    (told,) = reader.loading(make.now + timedelta(seconds=11))
    seen = ledger_seen(reader)
    assert (told.done, told.waits) == (seen, False)
    assert told.left == timedelta(seconds=11) * ((100 - seen) / seen)
    assert told.needs is None
    ledger.finish_cycle(cycle, 2 * seen, 3 * seen, None, make.now + timedelta(seconds=6))
    (told,) = reader.loading(make.now + timedelta(hours=1))
    assert told.left == timedelta(seconds=6) * ((100 - seen) / seen)
    assert told.needs == (2 * (100 - seen), 3 * (100 - seen))
    ledger.polled(contacts, make.now, None, caught_up=True)
    assert reader.loading(make.now) == []


def test_where_files_are_given_up_progress_begins_anew(ledger, reader, contacts, load, make):
    ledger.begin_backfill(contacts, load)
    ledger.settle(contacts, make.page({"created": 90}), None, make.now + timedelta(seconds=1))
    assert reader.loading(make.now + timedelta(seconds=2))[0].done == 90
    ledger.end_backfill(contacts, make.now + timedelta(seconds=3), "given up", None)
    (told,) = reader.loading(make.now + timedelta(seconds=4))
    assert (told.way, told.done, told.left, told.waits) == ("query", 0, None, False)
    ledger.settle(contacts, make.page({"unchanged": 20}), None, make.now + timedelta(seconds=5))
    (told,) = reader.loading(make.now + timedelta(seconds=7))
    assert (told.done, told.left) == (20, timedelta(seconds=4) * 4)


@pytest.mark.parametrize(("way", "done"), [("query", 30), ("bulk", 0)])
def test_the_page_behind_which_queries_were_chosen_counts_and_files_hold_it_once_more(
    ledger, reader, contacts, load, make, way, done
):
    long_ago = ledger.settle(contacts, make.page({"created": 9}), None, make.now - timedelta(hours=1))
    ledger.finish_cycle(long_ago, 1, 1, None, make.now - timedelta(minutes=59))
    cycle = ledger.settle(contacts, make.page({"created": 30}), None, make.now - timedelta(seconds=2))
    ledger.begin_backfill(contacts, replace(load, way=way))
    ledger.finish_cycle(cycle, 3, 3, None, make.now + timedelta(seconds=1))
    (told,) = reader.loading(make.now + timedelta(seconds=2))
    assert told.done == done


@pytest.mark.parametrize(
    ("done", "at_work", "needs"),
    [
        (100, False, (4_999 + 2 * 58, 20 * 546 + 540)),  # two files more; of 499,900 left 19,900 are a job more
        (498_000, False, (20, 200)),  # too few for a job
        (480_000, True, (200, 0)),  # the job that carries the rest is paid
    ],
)
def test_a_load_by_bulk_write_needs_what_its_jobs_cost(ledger, reader, contacts, load, make, done, at_work, needs):
    ledger.begin_backfill(contacts, replace(load, total=500_000, writes="bulk"))
    cycle = ledger.settle(contacts, make.page({"created": done}), None, make.now)
    ledger.finish_cycle(cycle, done // 100, done // 10, None, make.now + timedelta(seconds=1))
    if at_work:
        ledger.note_backfill(contacts, write_sent_at=make.now, write_until=make.now + timedelta(hours=1))
    assert reader.loading(make.now + timedelta(seconds=2))[0].needs == needs


def ledger_seen(reader):
    return reader.balance()[0].seen
