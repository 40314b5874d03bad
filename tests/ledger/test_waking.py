"""What the queue says of a stream's records, and what wakes those that are held."""

from dataclasses import replace

import pytest

from daemon.core.translate import Parent
from daemon.ledger import StreamUnknown

CODES = ("INVALID_DATA", "DRIFT", "TARGET_GONE", "MANDATORY_NOT_FOUND")


@pytest.fixture
def held(ledger, contacts, accounts, make):
    """In both streams: a held row of each code (1 to 4), a child (5), a dead one (6), a due one (7)."""
    rows = [make.row(str(n), code) for n, code in enumerate(CODES, 1)]
    rows += [make.child("5", "9"), make.row("6", state="dead", attempts=12)]
    rows += [make.row("7", state="due", due_at=make.later(600), attempts=3)]
    for stream in (contacts, accounts):
        ledger.enqueue(stream, rows, make.now)
    return rows


@pytest.fixture
def due(ledger, contacts, make):
    """Record -> in how many seconds from noon it is due."""
    at = make.later(3_600)
    return lambda stream=contacts: {
        row.source_id: (row.due_at - make.now).total_seconds() for row in ledger.due(stream, at, 99)
    }


def test_other_fields_of_the_target_wake_what_it_refused_and_nothing_else(
    ledger, contacts, accounts, make, held, due, file
):
    others = "SELECT * FROM retry_queue WHERE stream <> ? OR source_id NOT IN ('1', '4')"
    before = file.rows(others, contacts.address)
    assert ledger.wake_held(contacts, "schema 2", make.later(5)) == 2
    assert due() == {"1": 5, "4": 5, "7": 600}
    assert due(accounts) == {"7": 600}
    assert file.rows(others, contacts.address) == before
    assert len(before) == 12
    assert [row.attempts for row in ledger.due(contacts, make.later(5), 9)] == [1, 1]
    assert ledger.stream_state(contacts).target_schema == "schema 2"
    assert ledger.stream_state(accounts).target_schema is None
    assert ledger.wake_held(contacts, "schema 3", make.later(6)) == 0
    assert due()["1"] == 5


def test_fields_of_a_stream_that_was_never_started_are_refused(ledger, make, held, file):
    before = file.everything()
    with pytest.raises(StreamUnknown, match="india-to-us/Deals"):
        ledger.wake_held(make.stream("Deals"), "schema 2", make.now)
    assert file.everything() == before


def test_a_cause_that_is_over_wakes_what_is_held_for_it_in_its_stream(
    ledger, contacts, accounts, make, held, due, file
):
    others = "SELECT * FROM retry_queue WHERE stream <> ? OR source_id NOT IN ('2', '1', '5')"
    before = file.rows(others, contacts.address)
    ledger.wake_causes(contacts, ["DRIFT"], make.later(4))
    assert due() == {"2": 4, "7": 600}
    ledger.wake_causes(contacts, ["DRIFT", "INVALID_DATA", "WAITS_FOR_PARENT"], make.later(5))
    assert due() == {"2": 4, "1": 5, "5": 5, "7": 600}
    assert due(accounts) == {"7": 600}
    assert file.rows(others, contacts.address) == before
    ledger.wake_causes(contacts, [], make.later(6))
    assert due() == {"2": 4, "1": 5, "5": 5, "7": 600}


def test_the_stuck_are_held_or_dead_and_a_due_one_is_untried_until_it_was_tried(ledger, contacts, accounts, make, held):
    assert sorted(ledger.stuck(contacts)) == ["1", "2", "3", "4", "5", "6"]
    assert ledger.stuck(make.stream("Deals")) == []
    assert not ledger.has_untried(contacts)
    ledger.enqueue(accounts, [make.row("9", state="due", due_at=make.later(600), attempts=0)], make.now)
    assert (ledger.has_untried(contacts), ledger.has_untried(accounts)) == (False, True)
    ledger.settle(contacts, make.page({}, dequeued=["7", "1"]), None, make.now)
    assert sorted(ledger.stuck(contacts)) == ["2", "3", "4", "5", "6"]


def test_a_queued_deletion_counts_as_sent_when_it_was_the_last_that_was_tried(ledger, make):
    contacts = replace(make.stream("Contacts"), deletes="flag", flag="Gone")
    ledger.start_stream(contacts, "v1", "create", make.now)

    def tried(source_id, action, *fields, answer="UNCERTAIN"):
        return replace(make.written(source_id, f"9{source_id}", *fields), action=action, answer_code=answer)

    rows = [make.row(i) for i in ("1", "2", "3", "5", "6", "7")]
    written = [tried("1", "update", "City"), tried("1", "delete"), tried("2", "delete"), tried("2", "update", "City")]
    written += [tried("3", "update", "Gone"), tried("4", "delete"), tried("5", "update", "City", "Gone")]
    written += [tried("7", "delete", answer="SUCCESS")]  # what is there again is another one
    ledger.settle(contacts, make.page({}, queued=rows, written=written), None, make.now)
    assert ledger.deletions_sent(contacts, [str(n) for n in range(9)]) == {"1", "3"}  # 4 is done: not in the queue
    assert ledger.deletions_sent(make.stream("Deals"), ["1"]) == set()
    assert ledger.deletions_sent(contacts, []) == set()


def test_waits_tells_the_parents_of_the_asked_records_of_that_route(ledger, contacts, accounts, make):
    elsewhere = make.stream("Contacts", "india", "eu")
    ledger.start_stream(elsewhere, "v1", "create", make.now)
    ledger.enqueue(contacts, [make.child("1", "5"), make.child("2", "6", "Vendors"), make.row("3")], make.now)
    ledger.enqueue(accounts, [make.child("1", "7", "Users"), make.child("4", "8")], make.now)
    ledger.enqueue(elsewhere, [make.child("1", "55"), make.child("3", "56")], make.now)
    asked = [Parent(module=m, record_id=i) for m in ("Contacts", "Accounts", "Deals") for i in ("1", "3", "9")]
    assert ledger.waits("india-to-us", asked) == {
        Parent(module="Contacts", record_id="1"): Parent(module="Accounts", record_id="5"),
        Parent(module="Accounts", record_id="1"): Parent(module="Users", record_id="7"),
    }
    only = [Parent(module="Contacts", record_id="2"), Parent(module="Accounts", record_id="9")]
    assert ledger.waits("india-to-us", only) == {only[0]: Parent(module="Vendors", record_id="6")}
    assert ledger.waits("india-to-us", []) == {}
    assert ledger.waits("us-to-india", asked) == {}


def test_the_source_counts_as_read_when_it_was_read_to_some_time(ledger, contacts, accounts, make):
    ledger.polled(contacts, make.later(1), make.now, caught_up=False)
    ledger.polled(contacts, make.later(2), None, caught_up=True, trouble="no answer")
    state = ledger.stream_state(contacts)
    assert (state.read_at, state.polled_at, state.trouble) == (make.later(1), make.later(2), "no answer")
    assert ledger.stream_state(accounts).read_at is None
