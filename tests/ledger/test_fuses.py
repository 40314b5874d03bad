"""The fuses table: what stops a stream until a person releases it, and what the release lets pass."""

import pytest

from daemon.core.fuse import Blown
from daemon.ledger.fuses import ALL, FuseState

NOTHING = FuseState(blown=None, accepted={})


def blown(kind="deletes", **more):
    return Blown(**({"kind": kind, "count": 50, "base": 200, "allowed": 20, "examples": ("7", "8")} | more))


@pytest.fixture
def state(ledger, contacts):
    return lambda stream=contacts: ledger.fuse_state(stream)


def test_a_fuse_stops_its_own_stream_and_says_what_it_saw(ledger, contacts, accounts, make, state, file):
    assert state() == NOTHING
    ledger.blow(contacts, blown(), make.later(3))
    assert state() == FuseState(blown=blown(), accepted={})
    assert state(accounts) == NOTHING
    ledger.blow(accounts, blown("refused", count=3, base=5, allowed=1, examples=()), make.later(4))
    assert state() == FuseState(blown=blown(), accepted={})
    assert state(accounts).blown == Blown(kind="refused", count=3, base=5, allowed=1)
    assert file.rows("SELECT * FROM fuses") == [
        (1, contacts.address, "deletes", 50, 200, 20, '["7", "8"]', "2026-05-04 12:00:03.000000", *(None,) * 5),
        (2, accounts.address, "refused", 3, 5, 1, "[]", "2026-05-04 12:00:04.000000", *(None,) * 5),
    ]


def test_a_release_says_which_fuse_it_was_and_touches_no_other_stream(ledger, contacts, accounts, make, state, file):
    ledger.blow(accounts, blown("empty"), make.now)
    assert ledger.release(contacts.address, 60, "nothing stands", make.now) is None
    assert ledger.release("india-to-us/Deals", 60, "never started", make.now) is None
    ledger.blow(contacts, blown(), make.now)
    assert ledger.release(contacts.address, 60, "meant \ud83d\0", make.later(5)) == "deletes"
    assert state() == FuseState(blown=None, accepted={"deletes": 60})
    assert state(accounts) == FuseState(blown=blown("empty"), accepted={})
    assert file.rows("SELECT stream, released_at, accepted, reason, spent_at FROM fuses ORDER BY id") == [
        (accounts.address, None, None, None, None),
        (contacts.address, "2026-05-04 12:00:05.000000", 60, "meant ?\ufffd", None),
    ]


def test_a_fuse_is_released_once_and_keeps_who_let_it_pass(ledger, contacts, make, file):
    ledger.blow(contacts, blown(), make.now)
    assert ledger.release(contacts.address, 60, "first", make.later(1)) == "deletes"
    assert ledger.release(contacts.address, 99, "nothing stands", make.later(2)) is None
    ledger.blow(contacts, blown("blanked"), make.later(3))
    assert ledger.release(contacts.address, 70, "second", make.later(4)) == "blanked"
    assert file.rows("SELECT kind, accepted, reason, substr(released_at, 18, 2) FROM fuses ORDER BY id") == [
        ("deletes", 60, "first", "01"),
        ("blanked", 70, "second", "04"),
    ]


def test_what_was_released_counts_by_kind_and_the_widest_release_of_a_kind_holds(ledger, contacts, make, state):
    for kind, accepted in (("deletes", 30), ("refused", 0), ("deletes", 80), ("deletes", 50), ("empty", ALL)):
        ledger.blow(contacts, blown(kind), make.now)
        ledger.release(contacts.address, accepted, "meant", make.now)
    assert state() == FuseState(blown=None, accepted={"deletes": 80, "refused": 0, "empty": ALL})
    assert ALL == 4_611_686_018_427_387_904
    ledger.blow(contacts, blown("deletes", count=81), make.now)
    assert state() == FuseState(blown=blown("deletes", count=81), accepted={"deletes": 80, "refused": 0, "empty": ALL})


def test_the_latest_of_two_that_stand_is_shown_and_one_release_lets_both_go(ledger, contacts, make, state, file):
    ledger.blow(contacts, blown("refused"), make.now)
    ledger.blow(contacts, blown("deletes"), make.later(-9))
    assert state().blown == blown("deletes")
    assert ledger.release(contacts.address, 50, "both", make.now) == "deletes"
    assert state() == FuseState(blown=None, accepted={"refused": 50, "deletes": 50})


def test_a_stream_that_has_caught_up_used_up_its_release_but_not_a_standing_fuse(
    ledger, contacts, accounts, make, state, file
):
    for stream, kind in ((contacts, "deletes"), (accounts, "deletes")):
        ledger.blow(stream, blown(kind), make.now)
        ledger.release(stream.address, 60, "meant", make.now)
    ledger.blow(contacts, blown("blanked"), make.now)
    ledger.spend_releases(contacts, make.later(6))
    assert state() == FuseState(blown=blown("blanked"), accepted={})
    assert state(accounts) == FuseState(blown=None, accepted={"deletes": 60})
    ledger.release(contacts.address, 70, "meant too", make.later(7))
    assert state() == FuseState(blown=None, accepted={"blanked": 70})
    ledger.spend_releases(contacts, make.later(8))
    assert state() == NOTHING
    assert file.rows("SELECT stream, kind, substr(spent_at, 18, 2) FROM fuses ORDER BY id") == [
        (contacts.address, "deletes", "06"),
        (accounts.address, "deletes", None),
        (contacts.address, "blanked", "08"),
    ]
