"""A settlement is stored whole or not at all."""

import sqlite3
from dataclasses import replace

import psycopg
import pytest
from sqlalchemy import Engine, event

from daemon.core.record import Position
from daemon.ledger import LedgerError, StreamUnknown


@pytest.fixture
def rich(make):
    """A settlement with something in every part."""
    return make.page(
        {"created": 1, "adopted": 1, "held": 2, "retrying": 1},
        linked=[make.linked("1", "91"), make.linked("2", "92", None)],
        queued=[make.row("3"), make.child("4", "5"), make.row("6", "BUSY", state="due", due_at=make.now)],
        dequeued=["7"],
        closed_intents=["1", "2"],
        written=[make.written("1", "91", "Email", "Phone"), make.written("6")],
        checkpoint=Position(modified_time=make.later(60), record_id="7"),
    )


@pytest.fixture
def before(ledger, contacts, make, file):
    """The ledger before it: a row to leave the queue, intents to close."""
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("7", "OLD")]), None, make.now)
    ledger.begin(contacts, [make.intent("1"), make.intent("2"), make.intent("8", action="update", target_id="98")])
    return file.everything()


def test_every_part_of_a_settlement_is_in_the_tables(ledger, contacts, make, file, before, rich):
    cycle = ledger.settle(contacts, rich, None, make.later(1))
    assert file.rows("SELECT source_id, state FROM retry_queue ORDER BY 1") == [
        ("3", "held"),
        ("4", "held"),
        ("6", "due"),
    ]
    assert file.rows("SELECT source_id, record_id, fields, at FROM changes WHERE cycle_id = ?", cycle) == [
        ("1", "91", '["Email", "Phone"]', "2026-05-04 12:00:01.000000"),
        ("6", None, "[]", "2026-05-04 12:00:01.000000"),
    ]
    assert list(ledger.open_intents(contacts)) == ["8"]
    assert sorted(ledger.links(contacts, ["1", "2"])) == ["1", "2"]
    assert ledger.stream_state(contacts).position == rich.checkpoint


def test_a_failure_at_any_statement_or_at_the_commit_leaves_nothing(ledger, contacts, make, file, before, rich):
    statements = count_statements(lambda: settle_and_take_back(ledger, contacts, rich, make))
    assert statements > 15
    for number in range(1, statements + 1):
        with failing_at(number), pytest.raises(OSError, match="pulled the plug"):
            ledger.settle(contacts, rich, None, make.now)
        assert file.everything() == before, f"statement {number} of {statements}"
    assert ledger.settle(contacts, rich, None, make.now) > 1  # a sequence has gaps


def settle_and_take_back(ledger, stream, settlement, make):
    with failing_at(0), pytest.raises(OSError, match="pulled the plug"):
        ledger.settle(stream, settlement, None, make.now)


def count_statements(action):
    seen = []
    listener = lambda *_: seen.append(1)  # noqa: E731
    event.listen(Engine, "before_cursor_execute", listener)
    try:
        action()
    finally:
        event.remove(Engine, "before_cursor_execute", listener)
    return len(seen)


class failing_at:  # noqa: N801 - reads as a verb
    """Raise before the n-th statement that is sent; at the commit when n is 0."""

    def __init__(self, number):
        self.number, self.seen = number, 0

    def statement(self, *_):
        self.seen += 1
        if self.seen == self.number:
            raise OSError("pulled the plug")

    def commit(self, *_):
        if self.number == 0:
            raise OSError("pulled the plug")

    def __enter__(self):
        event.listen(Engine, "before_cursor_execute", self.statement)
        event.listen(Engine, "commit", self.commit)

    def __exit__(self, *_):
        event.remove(Engine, "before_cursor_execute", self.statement)
        event.remove(Engine, "commit", self.commit)


def test_later_pages_add_to_their_cycle(ledger, contacts, make, file):
    cycle = ledger.settle(contacts, make.page({"created": 2}), None, make.now)
    assert ledger.settle(contacts, make.page({"created": 1, "held": 3}), cycle, make.later(5)) == cycle
    ledger.finish_cycle(cycle, 30, 12, None, make.later(9))
    assert file.rows("SELECT seen, created, held, credits_source, credits_target, finished_at FROM cycles") == [
        (6, 3, 3, 30, 12, "2026-05-04 12:00:09.000000")
    ]


def test_a_cycle_of_another_stream_or_lane_is_refused(ledger, accounts, contacts, make):
    cycle = ledger.settle(contacts, make.page(), None, make.now)
    for stream, lane in ((accounts, "poll"), (contacts, "retry")):
        with pytest.raises(LedgerError, match="there is no cycle 1"):
            ledger.settle(stream, make.page(lane=lane), cycle, make.now)
    with pytest.raises(LedgerError, match="there is no cycle 99"):
        ledger.finish_cycle(99, 0, 0, None, make.now)


def test_outcomes_that_do_not_add_up_are_refused_and_nothing_is_stored(ledger, contacts, make, file):
    before = file.everything()
    with pytest.raises(LedgerError, match="ck_cycles_balance"):
        ledger.settle(contacts, make.page({"created": 1}, seen=2, linked=[make.linked("1", "91")]), None, make.now)
    assert file.everything() == before


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE cycles SET seen = seen + 1",
        "UPDATE cycles SET held = held + 1",
        "UPDATE cycles SET created = -1, unchanged = 2",
    ],
)
def test_the_database_itself_refuses_a_cycle_that_does_not_add_up(ledger, contacts, make, file, change):
    ledger.settle(contacts, make.page({"unchanged": 1}), None, make.now)
    with pytest.raises((sqlite3.IntegrityError, psycopg.errors.CheckViolation), match="ck_cycles"):
        file.run(change)


def test_a_stream_that_was_never_started_settles_nothing(ledger, make):
    with pytest.raises(StreamUnknown, match="india-to-us/Deals was never started"):
        ledger.settle(make.stream("Deals"), make.page(), None, make.now)


def test_an_intent_keeps_what_was_sent_until_it_is_closed(ledger, contacts, make):
    first = make.intent("1", match={"Key": "1:1", "Email": "ä@例え.jp"})
    ledger.begin(contacts, [first, make.intent("2", action="update", target_id="92")])
    assert ledger.open_intents(contacts, ["1"]) == {"1": first}
    ledger.begin(contacts, [make.intent("1", sent_at=make.later(5))])
    assert ledger.open_intents(contacts)["1"] == make.intent("1", sent_at=make.later(5))
    ledger.settle(contacts, make.page(closed_intents=["1"]), None, make.now)
    assert list(ledger.open_intents(contacts)) == ["2"]


@pytest.mark.parametrize(
    ("first", "second", "both"),
    [(["Email"], ["Phone"], ["Email", "Phone"]), (None, ["Phone"], None), (["Email"], None, None), ([], [], [])],
)
def test_an_intent_names_what_every_attempt_without_an_answer_carried(
    ledger, contacts, make, first, second, both
) -> None:
    for names in (first, second):
        fields = None if names is None else frozenset(names)
        ledger.begin(contacts, [make.intent("1", action="update", target_id="91", fields=fields)])
    assert ledger.open_intents(contacts)["1"].fields == (None if both is None else frozenset(both))
    ledger.settle(contacts, make.page(closed_intents=["1"]), None, make.now)
    ledger.begin(contacts, [make.intent("1", fields=frozenset({"City"}))])
    assert ledger.open_intents(contacts)["1"].fields == {"City"}


@pytest.mark.parametrize(
    ("intent", "left", "drifted"),
    [
        ({"fields": frozenset({"Email"})}, {"Phone": "p"}, {"Phone"}),
        ({"fields": None}, {}, set()),
        (None, {"Email": "e", "Phone": "p"}, {"Email", "Phone"}),
    ],
)
def test_of_a_counterpart_in_doubt_what_no_write_carried_stays_agreed(
    ledger, contacts, make, intent, left, drifted
) -> None:
    told = replace(make.linked("1", "91", Email="e", Phone="p"), drifted=frozenset({"Email", "Phone"}))
    ledger.settle(contacts, make.page(linked=[told]), None, make.now)
    if intent is not None:
        ledger.begin(contacts, [make.intent("1", action="update", target_id="91", **intent)])
    page = make.page(linked=[make.linked("1", "91", whole=None)], closed_intents=["1"])
    ledger.settle(contacts, page, None, make.now)
    link = ledger.links(contacts, ["1"])["1"]
    assert (link.unsure, link.by_field, link.drifted) == (True, left, drifted)


def test_hand_edits_are_known_until_another_page_says_otherwise(ledger, contacts, make, file) -> None:
    told = replace(make.linked("1", "91", Email="e"), drifted=frozenset({"Email", "A"}))
    ledger.settle(contacts, make.page(linked=[told]), None, make.now)
    assert file.one("SELECT drifted FROM agreed") == '["A", "Email"]'
    ledger.rename("us", "Contacts", {"Email": "Mail"})
    assert ledger.links(contacts, ["1"])["1"].drifted == {"A", "Mail"}
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91", Email="e")]), None, make.now)
    assert file.one("SELECT drifted FROM agreed") is None


def test_settling_nothing_at_all_is_a_cycle_of_zero(ledger, contacts, make, file):
    cycle = ledger.settle(contacts, make.page({}), None, make.now)
    assert ledger.settle(contacts, make.page({}), cycle, make.now) == cycle
    ledger.begin(contacts, [])
    assert file.rows("SELECT seen FROM cycles") == [(0,)]
