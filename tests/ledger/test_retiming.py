"""The queue after the clock was wrong: nothing is stuck for a year, and not everything is tried at once."""

from datetime import datetime, timedelta

import pytest

DAY = 86_400


@pytest.fixture
def queue(ledger, contacts, make, file):
    """Rows that are due in so many seconds; and what the table says then, in seconds from noon."""

    def put(**seconds):
        rows = [make.row(i[1:], state="due", due_at=make.later(s)) for i, s in seconds.items()]
        ledger.settle(contacts, make.page({"retrying": len(rows)}, queued=rows), None, make.now)

    def due():
        rows = file.rows("SELECT source_id, due_at FROM retry_queue WHERE state = 'due' ORDER BY source_id")
        return {f"r{i}": (datetime.fromisoformat(at) - make.now.replace(tzinfo=None)).total_seconds() for i, at in rows}

    return put, due


@pytest.mark.parametrize("step", [-DAY, -3_600, 3_600, 365 * DAY])
def test_what_waits_goes_on_waiting_as_long(ledger, make, queue, step):
    put, due = queue
    put(r1=-5, r2=30, r3=3_600)
    assert ledger.retime(make.later(step), timedelta(seconds=step)) == 3
    assert {i: at - step for i, at in due().items()} == {"r1": -5, "r2": 30, "r3": 3_600}


def test_times_of_a_wrong_clock_are_spread_over_an_hour(ledger, make, queue):
    put, due = queue
    put(r1=30, r2=365 * DAY, r3=365 * DAY + 1, r4=365 * DAY + 2)
    assert ledger.retime(make.now) == 3
    assert due() == {"r1": 30, "r2": 1_200, "r3": 2_400, "r4": 3_600}
    assert ledger.retime(make.now) == 0


def test_what_waits_for_an_event_stays_so(ledger, contacts, make, file):
    rows = [make.row("1"), make.row("2", state="dead"), make.child("3", "9")]
    ledger.settle(contacts, make.page({"held": 3}, queued=rows), None, make.now)
    before = file.everything()
    assert ledger.retime(make.later(DAY), timedelta(days=1)) == 0
    assert file.everything() == before
