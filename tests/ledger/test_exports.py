"""What has left an org is counted before it leaves, added up, and never forgotten."""

import pytest

from daemon.ledger import Leaving, LedgerError


@pytest.fixture
def leave(make):
    def leaving(seconds=0, data_center="us", **fields):
        return Leaving(fields=fields, data_center=data_center, at=make.later(seconds))

    return leaving


def test_writes_add_up_and_the_first_time_stays(ledger, reader, contacts, make, leave):
    ledger.begin(contacts, [make.intent("1")], leave(Email=100, Phone=1))
    ledger.begin(contacts, [make.intent("2")], leave(60, Email=2))
    first, second = reader.exports()
    assert (first.field, first.records, first.first_at, first.last_at) == ("Email", 102, make.now, make.later(60))
    assert (second.field, second.records, second.first_at, second.last_at) == ("Phone", 1, make.now, make.now)
    assert (first.route, first.source, first.source_module) == ("india-to-us", "india", "Contacts")
    assert (first.target, first.data_center) == ("us", "us")


def test_each_route_module_and_data_centre_has_its_own_rows(ledger, reader, contacts, accounts, make, leave):
    ledger.begin(contacts, [], leave(Email=1))
    ledger.begin(accounts, [], leave(Email=2))
    ledger.begin(contacts, [], leave(data_center="eu", Email=3))
    ledger.begin(make.stream("Contacts", target="eu"), [], leave(data_center="eu", Email=4))
    assert [(e.route, e.source_module, e.data_center, e.records) for e in reader.exports()] == [
        ("india-to-eu", "Contacts", "eu", 4),
        ("india-to-us", "Accounts", "us", 2),
        ("india-to-us", "Contacts", "eu", 3),
        ("india-to-us", "Contacts", "us", 1),
    ]


def test_it_is_stored_with_the_intents_or_not_at_all(ledger, reader, contacts, make, leave):
    naive = make.now.replace(tzinfo=None)
    with pytest.raises(LedgerError):
        ledger.begin(contacts, [make.intent("1")], Leaving(fields={"Email": 1}, data_center="us", at=naive))
    assert (ledger.open_intents(contacts), reader.exports()) == ({}, [])


def test_the_retention_does_not_touch_it(ledger, reader, contacts, make, leave):
    ledger.begin(contacts, [make.intent("1")], leave(Email=1))
    before = reader.exports()
    while ledger.forget(make.later(9_999 * 86_400)):
        pass
    assert reader.exports() == before
