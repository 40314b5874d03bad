"""What people see: the views, and the Reader that returns them."""

from datetime import UTC, datetime, timedelta

import pytest

from daemon.core.absent import Carried
from daemon.core.record import Position


def ago(seconds):
    return datetime.now(UTC) - timedelta(seconds=seconds)


def one(reader, stream):
    return next(row for row in reader.streams() if row.stream == stream.address)


def test_health_is_the_worst_that_is_true(ledger, reader, contacts, make, file):
    assert one(reader, contacts).health == "silent"
    ledger.polled(contacts, ago(1), None, False)
    assert one(reader, contacts).health == "behind"
    ledger.polled(contacts, ago(1), ago(130), True)
    assert one(reader, contacts).health == "ok"
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1")]), None, make.now)
    assert one(reader, contacts).health == "held"
    ledger.restart_stream(contacts, "v2", Carried(), make.now)
    assert one(reader, contacts).health == "behind"
    ledger.polled(contacts, ago(1), None, False, "the credential was refused")
    assert (one(reader, contacts).health, one(reader, contacts).trouble) == ("stopped", "the credential was refused")
    file.force("UPDATE cycles SET seen = 5")
    assert (one(reader, contacts).health, one(reader, contacts).last_balance) == ("unbalanced", "off")


@pytest.mark.parametrize(("seconds", "health"), [(230, "ok"), (250, "silent")])
def test_a_stream_is_silent_after_three_polls_and_a_minute(ledger, reader, contacts, seconds, health):
    ledger.polled(contacts, ago(seconds), ago(300), True)
    assert one(reader, contacts).health == health


def test_dead_rows_count_as_held_and_due_rows_do_not(ledger, reader, contacts, make):
    ledger.polled(contacts, ago(1), None, True)
    rows = [make.row("1", "BUSY", state="due", due_at=make.later(5))]
    ledger.settle(contacts, make.page({"retrying": 1}, queued=rows), None, make.now)
    assert one(reader, contacts).health == "ok"
    ledger.settle(contacts, make.page({"dead": 1}, queued=[make.row("2", "BUSY", state="dead")]), None, make.now)
    row = one(reader, contacts)
    assert (row.health, row.due, row.held, row.dead) == ("held", 1, 0, 1)


def test_status_shows_lag_checkpoint_and_the_last_cycle(ledger, reader, contacts, make):
    place = Position(modified_time=make.now, record_id="7")
    ledger.polled(contacts, ago(1), ago(130), True)
    ledger.settle(contacts, make.page({"created": 3}, checkpoint=place), None, make.now)
    cycle = ledger.settle(contacts, make.page({"created": 4}), None, make.now)
    ledger.finish_cycle(cycle, 3, 1, None, make.later(8))
    row = one(reader, contacts)
    assert row.lag_s in range(129, 136)
    assert (row.checkpoint_time, row.checkpoint_id) == (make.now, "7")
    assert (row.last_cycle_id, row.last_cycle_at, row.last_seen, row.last_balance) == (2, make.later(8), 4, "ok")


def test_a_first_pass_has_no_lag_to_show(ledger, reader, contacts):
    ledger.polled(contacts, ago(1), ago(10_000_000), False)
    assert one(reader, contacts).lag_s is None
    ledger.polled(contacts, ago(1), ago(130), True)
    assert one(reader, contacts).lag_s in range(129, 136)


def test_a_stream_without_cycles_shows_none(reader, contacts):
    row = one(reader, contacts)
    assert (row.lag_s, row.last_cycle_id, row.last_cycle_at, row.last_seen, row.last_balance) == (None,) * 5


def test_stuck_shows_each_cause_with_age_examples_and_remedy(ledger, reader, contacts, make):
    rows = [make.row(str(n), field="Stage", value="Won") for n in range(1, 6)]
    rows.append(make.row("9", "BUSY", state="due", due_at=make.later(60)))
    ledger.settle(contacts, make.page({"held": 5, "retrying": 1}, queued=rows), None, ago(600))
    first, second = reader.stuck()
    assert (first.code, first.field, first.value, first.records) == ("INVALID_DATA", "Stage", "Won", 5)
    assert first.example_ids == ("1", "2", "3")
    assert first.oldest_s in range(599, 606)
    assert first.remedy == "add the value 'Won' to the target's Stage, or map it to one that is there"
    assert (second.state, second.field, second.next_due_at) == ("due", None, make.later(60))
    assert reader.stuck("india-to-us/Accounts") == []


def test_one_cause_in_two_states_is_two_lines(ledger, reader, contacts, make):
    rows = [make.row("1", "BUSY", state="dead"), make.row("2", "BUSY", state="due", due_at=make.now)]
    ledger.settle(contacts, make.page({"dead": 1, "retrying": 1}, queued=rows), None, make.now)
    assert {(row.state, row.records, row.example_ids) for row in reader.stuck()} == {
        ("dead", 1, ("1",)),
        ("due", 1, ("2",)),
    }


def test_history_tells_every_write_newest_first_by_either_id(ledger, reader, accounts, contacts, make):
    ledger.settle(contacts, make.page(written=[make.written("1", "91", "Email")]), None, make.now)
    ledger.settle(accounts, make.page(written=[make.written("5", None)]), None, make.later(1))
    ledger.settle(contacts, make.page(written=[make.written("1", "91", "Phone", "Ünïcode")]), None, make.later(2))
    assert [row.change_id for row in reader.history()] == [3, 2, 1]
    assert [row.fields for row in reader.history("91")] == [("Phone", "Ünïcode"), ("Email",)]
    assert reader.history("1") == reader.history("91") == reader.history(stream=contacts.address)
    assert reader.history("1", limit=1)[0].at == make.later(2)
    assert (reader.history("5")[0].target_id, reader.history("5")[0].stream) == (None, accounts.address)


def test_balance_shows_by_how_much_an_edited_cycle_is_off(ledger, reader, contacts, make, file):
    for _ in range(2):
        ledger.settle(contacts, make.page({"created": 2, "held": 1}), None, make.now)
    file.force("UPDATE cycles SET seen = 5 WHERE id = 2")
    assert [(row.cycle_id, row.seen, row.outcomes, row.off_by) for row in reader.balance()] == [
        (2, 5, 3, 2),
        (1, 3, 3, 0),
    ]
    assert reader.balance("india-to-us/Accounts") == []


def test_the_lag_is_never_below_nothing_where_the_sources_clock_is_ahead(
    ledger, reader, contacts, accounts, make, file
):
    ledger.polled(contacts, ago(0), ago(-3600), True)
    ledger.start_stream(accounts, "v1", "create", make.now)
    assert (one(reader, contacts).lag_s, one(reader, accounts).lag_s) == (0, None)
    lags = {contacts.address: 0, accounts.address: None}
    assert dict(map(tuple, file.rows("SELECT stream, lag_s FROM v_lag"))) == lags


def test_lag_view_shows_since_when_nobody_asked(ledger, contacts, file):
    ledger.polled(contacts, ago(10), ago(130), True)
    (row,) = file.rows("SELECT lag_s, polled_s, poll_s FROM v_lag WHERE stream = ?", contacts.address)
    assert row[0] in range(129, 136)
    assert row[1] in range(9, 16)
    assert row[2] == 60


def test_while_a_first_pass_goes_on_no_view_tells_a_lag(ledger, reader, contacts, make, file):
    ledger.polled(contacts, ago(10), ago(130), False)
    assert one(reader, contacts).lag_s is None
    for view in ("v_streams", "v_lag"):
        assert file.rows(f"SELECT lag_s FROM {view} WHERE stream = ?", contacts.address) == [(None,)]  # noqa: S608
    ledger.polled(contacts, ago(10), ago(130), True)
    for view in ("v_streams", "v_lag"):
        [(lag,)] = file.rows(f"SELECT lag_s FROM {view} WHERE stream = ?", contacts.address)  # noqa: S608
        assert lag in range(129, 136)
