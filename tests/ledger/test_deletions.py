"""Deleted records of the source, and when it is looked whether they were restored."""

from datetime import timedelta

import pytest

from daemon.ledger import StreamUnknown

DAY = 86_400
KEPT = 61 * DAY


@pytest.fixture
def delete(ledger, contacts, make):
    """Records (id -> seconds since their deletion) are seen to be gone at a time, given in seconds from noon."""

    def seen(at=0, stream=contacts, **gone):
        deleted = {i[1:]: make.later(at - seconds) for i, seconds in gone.items()}
        ledger.enqueue(stream, [], make.later(at), deleted=deleted)

    return seen


@pytest.fixture
def looks(ledger, contacts, make):
    """The records to look at, at a time given in seconds from noon."""
    return lambda at, limit=9, stream=contacts: list(ledger.restored_by_now(stream, make.later(at), limit))


def test_a_record_is_looked_at_after_as_long_as_it_was_gone_and_at_least_a_minute(
    ledger, make, contacts, delete, looks
):
    delete(r1=3_600, r2=0, r3=59, r4=61, r5=-30)
    assert looks(59) == []
    assert sorted(looks(60)) == ["2", "3", "5"]
    assert [*looks(61)][3:] == ["4"]
    assert looks(3_599)[4:] == []
    assert looks(3_600)[4:] == ["1"]
    assert ledger.restored_by_now(contacts, make.later(3_600), 9) == {
        "1": make.later(-3_600),
        "2": make.now,
        "3": make.later(-59),
        "4": make.later(-61),
        "5": make.later(30),
    }


def test_the_most_overdue_come_first_and_no_more_than_asked_for(delete, looks):
    delete(r1=300, r2=100, r3=200)
    delete(at=1, r0=150)
    assert looks(400) == ["2", "0", "3", "1"]
    assert looks(400, limit=2) == ["2", "0"]
    assert looks(151, limit=1) == ["2"]


def test_a_record_that_is_still_gone_is_looked_at_when_it_was_gone_twice_as_long(delete, looks, file, contacts):
    delete(r1=100)
    delete(at=100, r1=200)
    assert looks(299) == []
    assert looks(300) == ["1"]
    assert file.rows("SELECT stream, source_id, deleted_at, look_at FROM deletions") == [
        (contacts.address, "1", "2026-05-04 11:58:20.000000", "2026-05-04 12:05:00.000000")
    ]


def test_a_record_that_is_deleted_anew_counts_from_then(ledger, contacts, make, delete, looks):
    delete(r1=1_000)
    delete(at=500, r1=60)
    assert looks(559) == []
    assert ledger.restored_by_now(contacts, make.later(560), 1) == {"1": make.later(440)}


def test_what_was_deleted_61_days_ago_is_looked_at_and_what_is_gone_for_longer_is_forgotten(delete, looks, accounts):
    delete(r1=100, r2=100, r3=100)
    delete(stream=accounts, r1=100, r2=100)
    delete(r1=KEPT, r2=KEPT + 1, r4=KEPT + 1, r5=KEPT)
    assert looks(100) == ["3"]
    assert looks(KEPT - 1) == ["3"]
    assert sorted(looks(KEPT)) == ["1", "3", "5"]
    assert sorted(looks(KEPT, stream=accounts)) == ["1", "2"]


def test_a_restored_record_is_looked_at_no_more_in_its_own_stream(ledger, contacts, accounts, make, delete, looks):
    delete(r1=60, r2=60, r3=60)
    delete(stream=accounts, r1=60, r4=60)
    ledger.enqueue(contacts, [], make.now, restored=["1", "3", "4"])
    assert looks(60) == ["2"]
    assert sorted(looks(60, stream=accounts)) == ["1", "4"]
    assert looks(60, stream=make.stream("Deals")) == []


def test_what_is_gone_and_restored_at_once_counts_as_restored(ledger, contacts, make, looks):
    ledger.enqueue(contacts, [], make.now, deleted={"1": make.now, "2": make.now}, restored=["1"])
    assert looks(60) == ["2"]


def test_the_deleted_list_is_read_up_to_a_time_of_this_stream(ledger, contacts, accounts, make):
    assert ledger.stream_state(contacts).deleted_until is None
    ledger.enqueue(contacts, [], make.now, deleted_until=make.later(-5))
    ledger.enqueue(contacts, [make.row("1")], make.now, deleted={"2": make.now})
    assert ledger.stream_state(contacts).deleted_until == make.later(-5)
    ledger.enqueue(contacts, [], make.now, deleted_until=make.later(-9))
    assert ledger.stream_state(contacts).deleted_until == make.later(-9)
    assert ledger.stream_state(accounts).deleted_until is None


def test_rows_deletions_and_how_far_they_were_read_are_stored_together_or_not_at_all(ledger, contacts, make, file):
    rows = [make.row("1", "DELETED_IN_SOURCE", state="due", due_at=make.later(3)), make.row("2", detail="there")]
    before = file.everything()
    with pytest.raises(StreamUnknown, match="india-to-us/Deals was never started"):
        ledger.enqueue(make.stream("Deals"), rows, make.now, deleted={"1": make.now}, deleted_until=make.now)
    assert file.everything() == before
    ledger.enqueue(contacts, rows, make.now, deleted={"1": make.now}, deleted_until=make.now)
    ledger.enqueue(contacts, [rows[0], make.row("3")], make.later(7))
    query = "SELECT stream, source_id, state, detail, substr(first_seen_at, 18, 2) FROM retry_queue ORDER BY source_id"
    assert file.rows(query) == [
        (contacts.address, "1", "due", "seen", "00"),
        (contacts.address, "2", "held", "there", "00"),
        (contacts.address, "3", "held", "seen", "07"),
    ]
    assert [row.due_at for row in ledger.due(contacts, make.later(3), 9)] == [make.later(3)]
    assert file.rows("SELECT code, open_count FROM causes ORDER BY code") == [
        ("DELETED_IN_SOURCE", 1),
        ("INVALID_DATA", 2),
    ]
    assert ledger.restored_by_now(contacts, make.now + timedelta(minutes=1), 9) == {"1": make.now}
