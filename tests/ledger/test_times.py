"""Times are UTC, and a time without an offset never gets in."""

from datetime import UTC, datetime, timedelta, timezone

import pytest

from daemon.core.record import Position
from daemon.ledger import NaiveTime

KOLKATA = timezone(timedelta(hours=5, minutes=30))


def test_a_time_of_any_zone_comes_back_as_the_same_instant_in_utc(ledger, contacts, make, file):
    moment = datetime(2026, 5, 4, 18, 30, 0, 123456, tzinfo=KOLKATA)
    ledger.polled(contacts, moment, moment, True, None, Position(modified_time=moment, record_id="7"))
    state = ledger.stream_state(contacts)
    assert state.position.modified_time == moment
    assert state.polled_at.tzinfo is UTC
    assert file.one("SELECT polled_at FROM checkpoints WHERE polled_at IS NOT NULL") == "2026-05-04 13:00:00.123456"


@pytest.mark.parametrize("moment", [datetime(1970, 1, 1, tzinfo=UTC), datetime(9999, 12, 31, 23, 59, 59, tzinfo=UTC)])
def test_the_ends_of_time_are_stored_as_they_are(ledger, contacts, make, moment):
    ledger.settle(
        contacts, make.page({"retrying": 1}, queued=[make.row("1", state="due", due_at=moment)]), None, moment
    )
    assert ledger.due(contacts, datetime.max.replace(tzinfo=UTC), 1)[0].due_at == moment


def test_a_naive_time_is_refused_and_nothing_is_stored(ledger, contacts, make, file):
    before = file.everything()
    naive = make.now.replace(tzinfo=None)
    for use in (
        lambda: ledger.settle(contacts, make.page(written=[make.written("1")]), None, naive),
        lambda: ledger.polled(contacts, naive, None, True),
        lambda: ledger.due(contacts, naive, 1),
        lambda: ledger.begin(contacts, [make.intent("1", sent_at=naive)]),
    ):
        with pytest.raises(NaiveTime, match="with an offset only"):
            use()
    assert file.everything() == before
