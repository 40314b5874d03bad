"""What verifying reads of a ledger, on both databases: the links with their times, and what is known beside them."""

from __future__ import annotations

from daemon.core.causes import DELETED_IN_SOURCE, DRIFT
from daemon.ledger.verifying import Pair


def test_every_link_is_told_with_the_time_of_its_last_write_where_that_is_known(ledger, contacts, make, reader):
    pairs = [make.linked("1", "91"), make.linked("2", "92"), make.linked("3", "93")]
    ledger.settle(contacts, make.page(linked=pairs), None, make.now)
    ledger.begin(contacts, [make.intent("2")])
    ledger.settle(contacts, make.page(linked=[make.linked("2", "92", None)]), None, make.now)
    gone = type(pairs[2])(source_id="3", target_id="93", digests=None, target_modified_time=None, state="gone")
    ledger.settle(contacts, make.page(linked=[gone]), None, make.now)
    asked = reader.for_syncing()
    assert sorted(asked.pairs(contacts), key=lambda pair: pair.source_id) == [
        Pair(source_id="1", target_id="91", state="live", written_at=make.now),
        Pair(source_id="2", target_id="92", state="live", written_at=None),
        Pair(source_id="3", target_id="93", state="gone", written_at=None),
    ]
    assert asked.digest_key == ledger.digest_key
    assert asked.links(contacts, ["1"]) == ledger.links(contacts, ["1"])
    assert asked.source_records(contacts, ["91"]) == ledger.source_records(contacts, ["91"])
    assert asked.stand_for(contacts, ["91", "99"]) == {"91": {"1"}}


def test_what_waits_was_dropped_or_has_no_answer_is_told_of_the_stream_alone(ledger, contacts, make, reader):
    rows = [make.row("1", state="due"), make.row("2"), make.row("3", deletion=True), make.row("4")]
    ledger.settle(contacts, make.page(queued=rows), None, make.now)
    ledger.drop(make.now, source_id="4", who="ann", reason="never")
    ledger.begin(contacts, [make.intent("5")])
    other = make.stream("Leads")
    ledger.start_stream(other, "v1", "create", make.now)
    ledger.settle(other, make.page(queued=[make.row("6")]), None, make.now)
    asked = reader.for_syncing()
    found = {i: (row.state, row.code, row.modified_time) for i, row in asked.all_waiting(contacts).items()}
    assert found == {
        "1": ("due", "INVALID_DATA", make.now),
        "2": ("held", "INVALID_DATA", make.now),
        "3": ("held", "INVALID_DATA", None),
    }
    assert (set(asked.open_intents(contacts)), asked.all_dropped(contacts)) == ({"5"}, {"4": make.now})


def test_what_was_found_to_differ_is_due_but_for_what_waits_already(ledger, contacts, make, reader):
    ledger.settle(contacts, make.page(queued=[make.row("2")]), None, make.now)
    rows = [("1", DRIFT, make.now), ("2", DRIFT, make.now), ("3", DELETED_IN_SOURCE, make.now)]
    assert ledger.look_again(contacts.address, rows, make.later(5)) == 2
    due = {row.source_id: (row.cause_code, row.due_at) for row in ledger.due(contacts, make.later(9), 9)}
    assert due == {"1": (DRIFT, make.later(5)), "3": (DELETED_IN_SOURCE, make.later(5))}
    asked = reader.for_syncing()
    assert [asked.all_waiting(contacts)[i].state for i in "123"] == ["due", "held", "due"]
    assert asked.all_waiting(contacts)["3"].modified_time is None
