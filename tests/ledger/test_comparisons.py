"""Full comparisons: how far each is, what it has seen, and what it misses."""

import dataclasses

import pytest

from daemon.core.record import START, Position
from daemon.core.steps import Link
from daemon.ledger import Compared, Comparing, Comparison, Counterpart

DAY = 86_400
COUNTS = "source_seen, target_seen, differing, missing, drifted, gone, strangers"


@pytest.fixture
def running(ledger, contacts, accounts, make):
    """A comparison of Contacts, begun a day after noon, and one of Accounts."""
    assert ledger.start_comparison(accounts.address, "slept", make.later(DAY - 1))
    assert ledger.start_comparison(contacts.address, "asked", make.later(DAY))
    return ledger.comparison(contacts)[0]


@pytest.fixture
def back(ledger, make):
    """The way back of Contacts: the same things, agreed in another stream."""
    stream = make.stream("Contacts", "us", "india")
    ledger.start_stream(stream, "v1", "match", make.now)
    return stream


@pytest.fixture
def pairs(ledger, contacts, back, make):
    """The things 1, 2 and 3, whose contacts in the target are called 2, 3 and 1; and each of them stands for leads too,
    called as another's contact is.
    """
    contacts_, leads, leads_back = {"1": "2", "2": "3", "3": "1"}, {"1": "3", "2": "1"}, {"2": "3", "3": "1"}
    to_leads = make.stream("Leads", source_module="Contacts")
    back_to_leads = make.stream("Leads", "us", "india", source_module="Contacts")
    for stream in (to_leads, back_to_leads):
        ledger.start_stream(stream, "v1", "create", make.now)
    there_and_back = (contacts, contacts_), (back, {there: here for here, there in contacts_.items()})
    for stream, linked in (*there_and_back, (to_leads, leads), (back_to_leads, leads_back)):
        page = make.page({}, linked=[make.linked(*pair, f"{stream.address} {pair[0]}") for pair in linked.items()])
        ledger.settle(stream, page, None, make.now)


@pytest.fixture
def see(ledger, contacts, running, make):
    """These records were seen on a side."""

    def mark(side, *ids, comparison=running, stream=contacts):
        ledger.enqueue(stream, [], make.now, comparison=comparison, side=side, position=START, seen=ids)

    return mark


def test_a_comparison_begins_in_the_source_before_every_record(ledger, contacts, accounts, make, file):
    assert ledger.comparison(contacts) == (None, None)
    assert ledger.start_comparison(contacts.address, "cut", make.later(5)) is True
    begun = Comparison(
        id=1, started_at=make.later(5), side="source", position=START, credits_today=0, day_began_at=make.later(5)
    )
    assert ledger.comparison(contacts) == (begun, make.later(5))
    assert ledger.comparison(accounts) == (None, None)
    columns = "stream, reason, started_at, finished_at, credits, " + COUNTS
    assert file.rows(f"SELECT {columns} FROM comparisons") == [  # noqa: S608
        (contacts.address, "cut", "2026-05-04 12:00:05.000000", None, *(0,) * 8)
    ]


def test_one_comparison_of_a_stream_goes_on_at_a_time(ledger, contacts, accounts, make):
    assert ledger.start_comparison(contacts.address, "asked", make.later(1)) is True
    assert ledger.start_comparison(contacts.address, "scheduled", make.later(2)) is False
    assert ledger.start_comparison(accounts.address, "scheduled", make.later(3)) is True
    first, began = ledger.comparison(contacts)
    assert (first.id, first.started_at, began) == (1, make.later(1), make.later(1))
    ledger.compared(first, 0, first.day_began_at, make.later(4), finished=True)
    assert ledger.comparison(contacts) == (None, make.later(1))
    assert ledger.comparison(accounts)[0].id == 2
    assert ledger.start_comparison(contacts.address, "scheduled", make.later(-9)) is True
    second, began = ledger.comparison(contacts)
    assert (second.id, began) == (3, make.later(-9))


def test_what_was_found_is_added_up_and_the_place_follows(ledger, contacts, accounts, running, make, file):
    place = Position(modified_time=make.later(60), record_id="77")
    names = COUNTS.split(", ")
    more = dict(zip(names, range(1, 8), strict=True))
    at = {"comparison": running, "position": place}
    ledger.enqueue(contacts, [], make.now, **at, side="target", found=more)
    ledger.enqueue(contacts, [], make.now, **at, side="target", found={"source_seen": 10, "strangers": 20})
    assert ledger.comparison(contacts)[0] == dataclasses.replace(running, side="target", position=place)
    assert ledger.comparison(accounts)[0].position == START
    query = f"SELECT side, record_id, {COUNTS} FROM comparisons ORDER BY id"  # noqa: S608
    assert file.rows(query) == [("source", "0", *(0,) * 7), ("target", "77", 11, 2, 3, 4, 5, 6, 27)]
    ledger.enqueue(contacts, [], make.now, **at, found=more)
    assert file.rows(query)[1] == ("source", "77", 12, 4, 6, 8, 10, 12, 34)


def test_rows_without_a_comparison_or_a_place_move_none(ledger, contacts, pairs, running, make, file):
    place = Position(modified_time=make.later(60), record_id="77")
    found = {"seen": ["1", "2"], "found": {"source_seen": 2}, "shown": {"india/Contacts/1": "other"}}
    before = file.rows("SELECT * FROM comparisons"), file.rows("SELECT * FROM agreed")
    ledger.enqueue(contacts, [make.row("1")], make.now, comparison=running, **found)
    ledger.enqueue(contacts, [make.row("2")], make.now, position=place, **found)
    assert (file.rows("SELECT * FROM comparisons"), file.rows("SELECT * FROM agreed")) == before
    assert sorted(ledger.stuck(contacts)) == ["1", "2"]


def test_costs_add_up_and_those_of_the_day_begin_anew_with_it(ledger, contacts, running, make, file):
    noon, next_day = running.day_began_at, make.later(2 * DAY)
    spent = "SELECT credits, credits_today, day_began_at FROM comparisons ORDER BY id"
    seen = []
    for cost, day in ((3, noon), (4, noon), (5, next_day), (6, next_day)):
        ledger.compared(ledger.comparison(contacts)[0], cost, day, make.now, finished=False)
        seen.append(ledger.comparison(contacts)[0])
    assert [(one.credits_today, one.day_began_at) for one in seen] == [
        (3, noon),
        (7, noon),
        (5, next_day),
        (11, next_day),
    ]
    assert file.rows(spent) == [
        (0, 0, "2026-05-05 11:59:59.000000"),
        (18, 11, "2026-05-06 12:00:00.000000"),
    ]


def test_only_the_comparison_that_is_over_ends(ledger, reader, contacts, accounts, running, make, file):
    ledger.compared(running, 9, running.day_began_at, make.later(7), finished=True)
    assert file.rows("SELECT stream, finished_at, credits FROM comparisons ORDER BY id") == [
        (accounts.address, None, 0),
        (contacts.address, "2026-05-04 12:00:07.000000", 9),
    ]
    assert ledger.comparison(contacts) == (None, make.later(DAY))
    assert ledger.comparison(accounts)[1] == make.later(DAY - 1)
    assert [one.stream for one in reader.comparing()] == [accounts.address]


def test_people_see_what_the_latest_finished_comparison_of_each_stream_has_found(ledger, reader, contacts, make):
    assert reader.compared() == []
    for day, differing in ((1, 7), (2, 3)):
        ledger.start_comparison(contacts.address, "scheduled", make.later(day * DAY))
        comparison, _ = ledger.comparison(contacts)
        found = {"source_seen": 100, "differing": differing, "drifted": 1}
        ledger.enqueue(contacts, [], make.now, comparison=comparison, position=START, found=found)
        ledger.compared(comparison, 1, make.now, make.later(day * DAY + 5), finished=True)
    ledger.start_comparison(contacts.address, "asked", make.later(3 * DAY))
    assert reader.compared() == [
        Compared(stream=contacts.address, finished_at=make.later(2 * DAY + 5), source_seen=100, found=4)
    ]


def test_people_see_the_comparisons_that_go_on_by_stream(ledger, reader, contacts, accounts, make):
    assert reader.comparing() == []
    for stream in (contacts, accounts):
        ledger.start_comparison(stream.address, "asked", make.later(2))
    found = dict(zip(COUNTS.split(", "), (1, 2, 10, 200, 3_000, 40_000, 500_000), strict=True))
    comparison, _ = ledger.comparison(contacts)
    ledger.enqueue(contacts, [], make.now, comparison=comparison, position=START, found=found)
    assert reader.comparing() == [
        Comparing(stream=accounts.address, started_at=make.later(2), source_seen=0, target_seen=0, found=0),
        Comparing(stream=contacts.address, started_at=make.later(2), source_seen=1, target_seen=2, found=543_210),
    ]


def test_unseen_are_the_agreed_records_of_the_stream_and_side_that_were_not_met(
    ledger, contacts, back, pairs, running, see, file
):
    unseen = lambda side, stream=contacts: sorted(ledger.unseen(stream, running, side))  # noqa: E731
    assert unseen("source") == [("1", "1"), ("2", "2"), ("3", "3")]
    assert unseen("target") == [("1", "3"), ("2", "1"), ("3", "2")]
    see("source", "3", "1")
    assert unseen("source") == [("2", "2")]
    assert unseen("target") == [("1", "3"), ("2", "1"), ("3", "2")]
    see("target", "3")
    assert unseen("target") == [("1", "3"), ("2", "1")]
    assert unseen("source") == [("2", "2")]
    assert unseen("source", back) == [("1", "1"), ("2", "2"), ("3", "3")]
    assert unseen("target", back) == [("1", "2"), ("2", "3"), ("3", "1")]
    see("target", "2", "9")
    assert unseen("target") == [("1", "3")]
    marks = "SELECT entity_id, source_comparison, target_comparison FROM agreed WHERE stream = ? ORDER BY entity_id"
    assert file.rows(marks, contacts.address) == [
        ("india/Contacts/1", running.id, running.id),
        ("india/Contacts/2", None, running.id),
        ("india/Contacts/3", running.id, None),
    ]


def test_what_an_earlier_comparison_saw_is_unseen_again(ledger, contacts, pairs, running, see, make):
    see("source", "1", "2", "3")
    ledger.compared(running, 1, running.day_began_at, make.now, finished=True)
    ledger.start_comparison(contacts.address, "asked", make.later(DAY))
    second, _ = ledger.comparison(contacts)
    see("source", "2", comparison=second)
    assert sorted(ledger.unseen(contacts, second, "source")) == [("1", "1"), ("3", "3")]
    assert sorted(ledger.unseen(contacts, running, "source")) == [("2", "2")]


@pytest.mark.parametrize("by_our_clock", [-400 * DAY, 0, 400 * DAY])
def test_what_is_agreed_while_a_comparison_goes_on_is_not_missed_whatever_our_clock_says(
    ledger, contacts, make, by_our_clock
):
    ledger.settle(contacts, make.page(linked=[make.linked("2", "92")]), None, make.later(by_our_clock))
    assert ledger.start_comparison(contacts.address, "asked", make.now)
    going_on, _ = ledger.comparison(contacts)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.later(by_our_clock))
    assert ledger.unseen(contacts, going_on, "target") == [("92", "2")]
    assert ledger.unseen(contacts, going_on, "source") == [("2", "2")]


def test_what_a_drifted_counterpart_shows_is_kept_for_its_stream(ledger, contacts, pairs, running, make, file):
    shown = {"india/Contacts/1": "one", "india/Contacts/3": "three", "india/Contacts/9": "none"}
    at = {"comparison": running, "side": "target", "position": START}
    ledger.enqueue(contacts, [], make.now, **at, shown=shown)
    ledger.enqueue(contacts, [], make.now, **at)
    found = ledger.source_records(contacts, ["1", "2", "3"])
    assert {i: one.target_digest for i, one in found.items()} == {"2": "one", "3": None, "1": "three"}
    assert file.rows("SELECT DISTINCT stream FROM agreed WHERE target_digest IS NOT NULL") == [(contacts.address,)]
    ledger.enqueue(contacts, [], make.now, **at, shown={"india/Contacts/1": "new"})
    assert ledger.source_records(contacts, ["2"])["2"].target_digest == "new"


def test_target_records_stand_for_their_source_records_in_this_stream(ledger, contacts, back, pairs, make):
    flagged = dataclasses.replace(make.linked("3", "1", "w3", Email="e", Phone="p"), state="flagged")
    page = make.page({}, linked=[flagged, make.linked("1", "2", None), make.linked("2", "3", "")])
    ledger.settle(contacts, page, None, make.now)
    found = ledger.source_records(contacts, ["1", "2", "3", "4"])
    link = Link(entity_id="india/Contacts/3", target_id="1", whole="w3", by_field={"Email": "e", "Phone": "p"})
    assert found == {
        "1": Counterpart(
            source_id="3",
            link=dataclasses.replace(link, state="flagged"),
            target_modified_time=make.now,
            target_digest=None,
        ),
        "2": Counterpart(
            source_id="1",
            link=Link(entity_id="india/Contacts/1", target_id="2"),
            target_modified_time=make.now,
            target_digest=None,
        ),
        "3": Counterpart(
            source_id="2",
            link=Link(entity_id="india/Contacts/2", target_id="3"),
            target_modified_time=make.now,
            target_digest=None,
        ),
    }
    assert ledger.source_records(contacts, ["3"]) == {"3": found["3"]}
    assert ledger.source_records(contacts, []) == {}
    assert ledger.source_records(back, ["3"])["3"].source_id == "1"
    assert (ledger.count_links(contacts), ledger.count_links(back)) == (3, 3)
    assert ledger.count_links(make.stream("Accounts")) == 0
