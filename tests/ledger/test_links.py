"""The id map: which record stands for which."""

import pytest

from daemon.core.steps import Link
from daemon.core.translate import Parent
from daemon.ledger import LedgerError, LinkConflict, witness


def test_a_linked_record_comes_back_with_what_the_target_confirmed(ledger, contacts, make):
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91", "whole", Email="e1")]), None, make.now)
    assert ledger.links(contacts, ["1", "2"]) == {
        "1": Link(
            entity_id="india/Contacts/1",
            target_id="91",
            whole="whole",
            by_field={"Email": "e1"},
            modified_time=make.linked("1", "91").target_modified_time,
        )
    }


def test_of_a_pair_without_digests_only_that_it_is_the_streams_is_known(ledger, contacts, make):
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91", "w", Email="e")]), None, make.now)
    ledger.begin(contacts, [make.intent("1")])
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91", None)]), None, make.now)
    link = Link(entity_id="india/Contacts/1", target_id="91", modified_time=make.now)
    assert ledger.links(contacts, ["1"])["1"] == link


def test_the_target_modified_time_of_a_write_outlives_a_page_that_brought_none(ledger, contacts, make, file):
    seen = make.linked("1", "91", "w1")
    ledger.settle(contacts, make.page(linked=[seen]), None, make.now)
    again = type(seen)(source_id="1", target_id="91", digests=seen.digests, target_modified_time=None)
    ledger.settle(contacts, make.page(linked=[again]), None, make.later(9))
    assert file.rows("SELECT target_modified_time, agreed_at FROM agreed") == [
        ("2026-05-04 12:00:00.000000", "2026-05-04 12:00:09.000000")
    ]


def test_what_one_stream_agreed_is_nothing_to_another(ledger, contacts, make):
    back = make.stream("Contacts", "us", "india")
    ledger.start_stream(back, "v1", "create", make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91", "w")]), None, make.now)
    assert ledger.links(back, ["91"]) == {"91": Link(entity_id="india/Contacts/1", target_id="1", agreed=False)}
    ledger.settle(back, make.page(linked=[make.linked("91", "1", None)]), None, make.now)
    assert ledger.links(contacts, ["1"])["1"].whole == "w"


def test_a_ring_of_orgs_is_one_entity(ledger, contacts, make, file):
    to_eu, home = make.stream("Contacts", "us", "eu"), make.stream("Contacts", "eu", "india")
    for stream in (to_eu, home):
        ledger.start_stream(stream, "v1", "create", make.now)
    for stream, source, target in ((contacts, "1", "91"), (to_eu, "91", "71"), (home, "71", "1")):
        ledger.settle(stream, make.page(linked=[make.linked(source, target)]), None, make.now)
    assert file.rows("SELECT entity_id, count(*) FROM id_map GROUP BY 1") == [("india/Contacts/1", 3)]


def test_a_new_counterpart_replaces_the_old_one_and_what_others_agreed_on_it(ledger, contacts, make, file):
    other = make.stream("Contacts", "eu", "us")
    ledger.start_stream(other, "v1", "create", make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    ledger.settle(other, make.page(linked=[make.linked("71", "91")]), None, make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "92", "w2")]), None, make.now)
    assert ledger.links(contacts, ["1"])["1"].target_id == "92"
    assert ledger.links(other, ["71"])["71"] == Link(entity_id="india/Contacts/1", target_id="92", agreed=False)
    assert file.one("SELECT count(*) FROM id_map WHERE record_id = '91'") == 0


def test_a_record_whose_old_entity_went_on_without_it_becomes_a_new_one(ledger, contacts, make):
    back = make.stream("Contacts", "us", "india")
    ledger.start_stream(back, "v1", "create", make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    ledger.settle(back, make.page(linked=[make.linked("91", "2")]), None, make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "92")]), None, make.now)
    found = ledger.links(contacts, ["1", "2"])
    assert {i: (link.entity_id, link.target_id) for i, link in found.items()} == {
        "1": ("india/Contacts/1#2", "92"),
        "2": ("india/Contacts/1", "91"),
    }


def test_two_things_that_turn_out_to_be_one_are_joined(ledger, contacts, make, file):
    to_eu = make.stream("Contacts", "us", "eu")
    from_sa = make.stream("Contacts", "sa", "india")
    for stream in (to_eu, from_sa):
        ledger.start_stream(stream, "v1", "create", make.now)
    ledger.settle(to_eu, make.page(linked=[make.linked("91", "71", "w7")]), None, make.now)
    ledger.settle(from_sa, make.page(linked=[make.linked("61", "1")]), None, make.now)
    ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    assert file.rows("SELECT entity_id, count(*) FROM id_map GROUP BY 1") == [("sa/Contacts/61", 4)]
    assert ledger.links(to_eu, ["91"])["91"].whole == "w7"


@pytest.mark.parametrize("first", ["one page", "two pages"])
def test_a_target_record_never_stands_for_two_source_records(ledger, contacts, make, file, first):
    pairs = [make.linked("1", "91"), make.linked("2", "91")]
    if first == "two pages":
        ledger.settle(contacts, make.page(linked=[pairs.pop(0)]), None, make.now)
    before = file.everything()
    with pytest.raises(LinkConflict, match=r"us Contacts 91 stands for india Contacts 1 .* india Contacts 2"):
        ledger.settle(contacts, make.page(linked=pairs), None, make.now)
    assert file.everything() == before


def test_joining_never_gives_a_thing_two_records_in_a_third_org(ledger, contacts, make, file):
    to_eu, from_eu = make.stream("Contacts", "us", "eu"), make.stream("Contacts", "eu", "india")
    for stream in (to_eu, from_eu):
        ledger.start_stream(stream, "v1", "create", make.now)
    ledger.settle(to_eu, make.page(linked=[make.linked("91", "71")]), None, make.now)
    ledger.settle(from_eu, make.page(linked=[make.linked("72", "1")]), None, make.now)
    before = file.everything()
    with pytest.raises(LedgerError, match=r"eu Contacts 71 .* eu Contacts 72"):
        ledger.settle(contacts, make.page(linked=[make.linked("1", "91")]), None, make.now)
    assert file.everything() == before


def test_parents_are_found_in_the_module_that_carries_them(ledger, accounts, contacts, make):
    ledger.settle(accounts, make.page(linked=[make.linked("5", "95")]), None, make.now)
    here, other = Parent(module="Accounts", record_id="5"), Parent(module="Leads", record_id="5")
    assert ledger.counterparts(contacts, [here, other], {"Accounts": "Accounts"}) == {here: "95"}
    assert ledger.counterparts(contacts, [here], {"Accounts": "Vendors"}) == {}


def test_linked_targets_are_those_of_that_org_and_module(ledger, accounts, make):
    ledger.settle(accounts, make.page(linked=[make.linked("5", "95")]), None, make.now)
    assert ledger.linked_targets("us", "Accounts", ["95", "96"]) == {"95"}
    assert ledger.linked_targets("us", "Contacts", ["95"]) == set()
    assert ledger.linked_targets("india", "Accounts", ["95"]) == set()


def test_more_ids_than_fit_one_statement_are_asked_in_pieces(ledger, contacts, make):
    ledger.settle(contacts, make.page(linked=[make.linked("40001", "91")]), None, make.now)
    assert list(ledger.links(contacts, [str(n) for n in range(40_002)])) == ["40001"]


def test_all_records_that_confirmed_a_value_are_found_by_its_digest_however_many_they_are(ledger, contacts, make):
    children = [make.linked(str(n), str(90_000 + n), Account_Name="d1" if n % 3 else "d2") for n in range(9_000)]
    others = [make.linked("9001", "1", Account_Name="d3", Other="d1"), make.linked("9002", "2")]
    ledger.settle(contacts, make.page(linked=[*children, *others]), None, make.now)
    assert len(ledger.holding(contacts, "Account_Name", ["d1"])) == 6_000
    wanted = [f"e{n}" for n in range(10_000)] + ["d1", "d2"]
    assert ledger.holding(contacts, "Account_Name", wanted) == {str(n) for n in range(9_000)}
    assert ledger.holding(contacts, "Account_Name", []) == set()
    assert not ledger.has_unknown(contacts)


def test_an_empty_ledger_has_no_record_to_look_at(ledger):
    with ledger._writing() as connection:
        assert witness.distrust(connection) == 0
