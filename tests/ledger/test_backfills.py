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


def ledger_seen(reader):
    return reader.balance()[0].seen
