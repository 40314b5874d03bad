"""Pairs that a person decided: all or none, never over a link, and how far a first run is decided."""

import pytest

from daemon.ledger import LedgerError, StreamUnknown

ADDRESS = "india-to-us/Leads"


@pytest.fixture
def leads(ledger, make):
    """A stream that has never run."""
    stream = make.stream("Leads")
    ledger.start_stream(stream, "", "refuse", make.now)
    return stream


def test_pairs_are_linked_without_digests_and_their_children_wake(ledger, contacts, leads, make, file):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.child("5", "1", "Leads")]), None, make.now)
    assert ledger.match(ADDRESS, [("1", "91"), ("2", "92")], "", make.now) == 2
    assert {i: (link.target_id, link.whole) for i, link in ledger.links(leads, ["1", "2"]).items()} == {
        "1": ("91", None),
        "2": ("92", None),
    }
    assert [row.source_id for row in ledger.due(contacts, make.now, 9)] == ["5"]
    assert ledger.due(leads, make.now, 9) == []
    assert file.one("SELECT count(*) FROM agreed") == 0


@pytest.mark.parametrize(
    ("pairs", "said"),
    [
        ([("3", "93"), ("1", "94")], "1 is linked already in india"),
        ([("3", "93"), ("4", "91")], "91 is linked already in us"),
        ([("3", "93"), ("3", "94")], "3 is named twice"),
        ([("3", "93"), ("4", "93")], "93 is named twice"),
        ([("3", "93"), ("7", "97")], "7 is being written from india"),
    ],
)
def test_one_pair_that_cannot_be_keeps_all_of_them_out(ledger, leads, make, file, pairs, said):
    ledger.match(ADDRESS, [("1", "91")], "", make.now)
    ledger.begin(leads, [make.intent("7")])
    with pytest.raises(LedgerError, match=said):
        ledger.match(ADDRESS, pairs, "match", make.now)
    assert file.one("SELECT count(*) FROM id_map") == 2
    assert file.one("SELECT first_run FROM checkpoints WHERE stream = ?", ADDRESS) == "refuse"


def test_a_decision_to_create_the_rest_is_kept_when_the_lists_are_made_again(ledger, leads, make):
    seen = []
    for shown in ("seen", "", "match", "seen", ""):
        ledger.match(ADDRESS, [], shown, make.now)
        seen.append(ledger.stream_state(leads).first_run)
    assert seen == ["seen", "seen", "match", "match", "match"]


def test_a_stream_that_was_never_started_has_no_pairs(ledger, make):
    with pytest.raises(StreamUnknown):
        ledger.match("no/Such", [("1", "2")], "", make.now)
