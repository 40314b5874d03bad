"""The retry queue: due times, causes, waking."""

import pytest

from daemon.core.ends import Waiting
from daemon.core.translate import Parent
from daemon.ledger import DueRow


def counts(file):
    return dict(file.rows("SELECT code, open_count FROM causes"))


def test_due_rows_come_oldest_first_and_not_before_their_time(ledger, contacts, make):
    due = [make.row(i, "BUSY", state="due", due_at=make.later(s)) for i, s in (("1", 30), ("2", 10), ("3", 90))]
    ledger.settle(contacts, make.page({"retrying": 3, "held": 1}, queued=[*due, make.row("4")]), None, make.now)
    assert ledger.due(contacts, make.later(9), 10) == []
    assert [row.source_id for row in ledger.due(contacts, make.later(30), 10)] == ["2", "1"]
    assert ledger.due(contacts, make.later(99), 1) == [
        DueRow(source_id="2", attempts=1, cause_code="BUSY", due_at=make.later(10), modified_time=make.now)
    ]


def test_a_row_that_comes_back_keeps_when_it_was_first_seen(ledger, contacts, make, file):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1", "OLD")]), None, make.now)
    again = make.row("1", "NEW", attempts=2, modified_time=make.later(5))
    ledger.settle(contacts, make.page({"held": 1}, queued=[again]), None, make.later(60))
    assert ledger.waiting(contacts, ["1", "2"]) == {
        "1": Waiting(source_id="1", attempts=2, modified_time=make.later(5), state="held", code="NEW")
    }
    assert file.one("SELECT first_seen_at FROM retry_queue") == "2026-05-04 12:00:00.000000"
    assert counts(file) == {"OLD": 0, "NEW": 1}


def test_one_reason_is_one_cause_with_or_without_a_field(ledger, contacts, make, file):
    rows = [make.row("1"), make.row("2"), make.row("3", field="Stage"), make.row("4", field="Stage", value="Won")]
    ledger.settle(contacts, make.page({"held": 4}, queued=rows), None, make.now)
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("5")]), None, make.now)
    assert file.rows("SELECT field, value, open_count FROM causes ORDER BY field, value") == [
        ("", "", 3),
        ("Stage", "", 1),
        ("Stage", "Won", 1),
    ]


def test_a_cause_without_rows_stays_as_history(ledger, contacts, make, file, reader):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1")]), None, make.now)
    ledger.settle(contacts, make.page(lane="retry", dequeued=["1"]), None, make.now)
    assert counts(file) == {"INVALID_DATA": 0}
    assert reader.stuck() == []


def test_a_parent_that_is_linked_wakes_its_children_of_the_route(ledger, accounts, contacts, make):
    rows = [make.child("1", "5"), make.child("2", "6"), make.child("3", "5", module="Vendors")]
    ledger.settle(contacts, make.page({"held": 3}, queued=rows), None, make.now)
    ledger.settle(accounts, make.page(linked=[make.linked("5", "95")]), None, make.later(7))
    assert ledger.due(contacts, make.later(7), 9) == [
        DueRow(source_id="1", attempts=1, cause_code="WAITS_FOR_PARENT", due_at=make.later(7), modified_time=make.now)
    ]


def test_a_child_that_is_awake_keeps_its_due_time(ledger, accounts, contacts, make):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.child("1", "5")]), None, make.now)
    for seconds in (7, 60):
        ledger.settle(accounts, make.page(linked=[make.linked("5", "95")]), None, make.later(seconds))
    assert ledger.due(contacts, make.later(60), 9)[0].due_at == make.later(7)


def test_a_parent_linked_in_another_route_wakes_nobody(ledger, contacts, make):
    elsewhere = make.stream("Accounts", "india", "eu")
    ledger.start_stream(elsewhere, "v1", "create", make.now)
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.child("1", "5")]), None, make.now)
    ledger.settle(elsewhere, make.page(linked=[make.linked("5", "75")]), None, make.now)
    assert ledger.due(contacts, make.now, 9) == []


def test_the_way_back_of_a_two_way_pair_wakes_children_too(ledger, contacts, make):
    back = make.stream("Accounts", "us", "india")
    ledger.start_stream(back, "v1", "create", make.now)
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.child("1", "5")]), None, make.now)
    ledger.settle(back, make.page(linked=[make.linked("95", "5")]), None, make.now)
    assert [row.source_id for row in ledger.due(contacts, make.now, 9)] == ["1"]


def test_a_child_queued_after_its_parent_was_linked_is_due_at_once(ledger, accounts, contacts, make):
    ledger.settle(accounts, make.page(linked=[make.linked("5", "95")]), None, make.now)
    rows = [make.child("1", "5"), make.child("2", "6")]
    ledger.settle(contacts, make.page({"held": 2}, queued=rows), None, make.now)
    assert [row.source_id for row in ledger.due(contacts, make.now, 9)] == ["1"]


def test_a_parent_in_the_same_page_wakes_its_child(ledger, accounts, make):
    page = make.page(
        {"created": 1, "held": 1},
        linked=[make.linked("5", "95")],
        queued=[make.row("6", waits_for=Parent(module="Accounts", record_id="5"))],
    )
    ledger.settle(accounts, page, None, make.now)
    assert [row.source_id for row in ledger.due(accounts, make.now, 9)] == ["6"]


def test_a_row_that_waits_for_a_person_is_not_woken_by_links(ledger, contacts, make):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1")]), None, make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    assert ledger.due(contacts, make.now, 9) == []


def test_retry_makes_the_chosen_rows_due_and_counts_the_dead_anew(ledger, contacts, make, file):
    rows = [
        make.row("1", "A", state="dead", attempts=12),
        make.row("2", "A", state="held", attempts=3),
        make.row("3", "B", state="due", due_at=make.later(3600)),
    ]
    ledger.settle(contacts, make.page({"dead": 1, "held": 1, "retrying": 1}, queued=rows), None, make.now)
    cause = file.one("SELECT id FROM causes WHERE code = 'A'")
    assert ledger.retry(make.now, cause_id=cause) == 2
    assert [(row.source_id, row.attempts) for row in ledger.due(contacts, make.now, 9)] == [("1", 0), ("2", 3)]
    assert ledger.retry(make.now, stream=contacts.address, source_id="3") == 1
    assert ledger.retry(make.now, stream="india-to-us/Deals") == 0
    assert counts(file) == {"A": 2, "B": 1}


def test_retry_or_drop_of_everything_by_mistake_is_refused(ledger, make):
    with pytest.raises(ValueError, match="choose a cause"):
        ledger.retry(make.now)
    with pytest.raises(ValueError, match="choose a cause"):
        ledger.drop(make.now, who="ann@desk", reason="all of it")


def test_a_text_that_no_database_takes_is_made_readable(ledger, reader, contacts, make):
    rows = [make.row("1", "ODD\0", detail="half \ud83d", value="\ud83d"), make.row("2", "ODD\0", value="?")]
    ledger.settle(contacts, make.page({"held": 2}, queued=rows), None, make.now)
    ledger.polled(contacts, make.now, None, False, "why \udc00")
    assert [(row.code, row.value, row.records) for row in reader.stuck()] == [("ODD\ufffd", "?", 2)]


def test_a_state_that_is_none_is_refused_by_the_database(ledger, contacts, make, file):
    before = file.everything()
    with pytest.raises(Exception, match="ck_retry_queue_state"):
        ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1", state="lost")]), None, make.now)
    assert file.everything() == before
