"""What `why` asks the ledger: the story of a record, and what its counterpart confirmed."""

from dataclasses import replace

from daemon.ledger import GONE


def test_a_story_has_what_was_confirmed_what_drifted_and_the_key_of_the_digests(
    ledger, contacts, accounts, make, reader
):
    told = replace(make.linked("1", "91", Email="e", Phone="p"), drifted=frozenset({"Email"}))
    ledger.settle(contacts, make.page(linked=[told]), None, make.now)
    ledger.settle(accounts, make.page(linked=[make.linked("1", "81", Email="other")]), None, make.now)
    ledger.polled(contacts, make.later(5), None, caught_up=True)
    [story] = [one for one in reader.stories("91") if one.stream == contacts.address]
    assert (story.source_id, story.polled_at, story.poll_s) == ("1", make.later(5), contacts.poll.total_seconds())
    agreed = ledger.agreed(story)
    assert (agreed.by_field, agreed.drifted) == ({"Email": "e", "Phone": "p"}, {"Email"})
    assert agreed.key == ledger.digest_key
    assert agreed.key.hex() not in repr(agreed)


def test_nothing_is_confirmed_of_a_record_that_only_waits(ledger, contacts, make, reader):
    ledger.settle(contacts, make.page({"held": 1}, queued=[make.row("1")]), None, make.now)
    [story] = reader.stories("1")
    assert ledger.agreed(story).by_field == {}


def test_a_parent_is_found_where_it_is_there_or_only_where_it_is_gone(ledger, contacts, make):
    gone = replace(make.linked("2", "92", None), state="gone")
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91"), make.linked("2", "92")]), None, make.now)
    ledger.settle(contacts, make.page(linked=[gone]), None, make.later(1))
    parents = {make.child("9", i, module="Contacts").waits_for for i in ("1", "2")}
    carried = {"Contacts": "Contacts"}
    assert list(ledger.counterparts(contacts, parents, carried).values()) == ["91"]
    assert list(ledger.counterparts(contacts, parents, carried, GONE).values()) == ["92"]
