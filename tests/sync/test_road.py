"""The road of a record from A to B, over real HTTP and a real SQLite file."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened, running_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with running_pair(tmp_path) as pair:
        yield pair


def test_a_new_record_is_created_once_with_its_key(pair: Pair) -> None:
    lead = pair.a.insert_raw("Leads", {"Last_Name": "Łuczak 🦊", "Company": "Ä & Söhne", "Email": "l@example.com"})
    pair.once()
    twin = pair.counterpart("Leads", lead)
    assert (twin["Last_Name"], twin["Company"], twin["Email"]) == ("Łuczak 🦊", "Ä & Söhne", "l@example.com")
    assert twin[KEY] == f"{pair.fleet.catalogs['india'].profile().zgid}:{lead}"


def test_an_edit_is_written_as_the_one_field_that_changed(pair: Pair) -> None:
    lead = pair.a.insert_raw("Leads", {"Last_Name": "Roy", "Company": "Acme", "City": "Pune"})
    pair.once()
    pair.a.edit("Leads", lead, {"City": "Mumbai"})
    report = pair.cycle("Leads")
    assert report.outcomes == {"updated": 1}
    assert set(pair.b.log(kind="update")[-1]["body"]["data"][0]) == {"id", "City"}
    assert pair.counterpart("Leads", lead)["City"] == "Mumbai"


def test_an_unchanged_record_costs_no_write(pair: Pair) -> None:
    lead = pair.a.insert_raw("Leads", {"Last_Name": "Roy", "Company": "Acme"})
    pair.once()
    before = len(pair.writes())
    pair.pass_time(60)
    pair.a.edit("Leads", lead, {"Last_Name": "Roy"})  # touched, but equal
    report = pair.cycle("Leads")
    assert report.outcomes == {"unchanged": 1}
    assert len(pair.writes()) == before


def test_an_idle_poll_is_one_read_credit_and_leaves_no_cycle(pair: Pair) -> None:
    pair.once()
    cycles, spent = pair.sql("select count(*) from cycles"), pair.a.credits()["used"]
    pair.cycle("Leads")
    assert pair.sql("select count(*) from cycles") == cycles
    assert pair.a.credits()["used"] - spent == 1


def test_what_the_filter_leaves_out_is_not_written(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), where="Lead_Status = 'Qualified' and City != 'Pune'") as pair:
        wanted = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Status": "Qualified", "City": "X"})
        pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C", "Lead_Status": "Qualified", "City": "Pune"})
        pair.a.insert_raw("Leads", {"Last_Name": "D", "Company": "C", "City": "X"})
        assert pair.cycle("Leads").outcomes == {"created": 1, "filtered": 2}
        assert [r["id"] for r in pair.b.records("Leads")] == [pair.counterpart("Leads", wanted)["id"]]


def test_lookups_and_owners_are_translated(pair: Pair) -> None:
    account = pair.a.insert_raw("Accounts", {"Account_Name": "Parent"})
    contact = pair.a.insert_raw("Contacts", {"Last_Name": "Child", "Account_Name": {"id": account}})
    pair.once()
    twin = pair.counterpart("Contacts", contact)
    assert twin["Account_Name"]["id"] == pair.counterpart("Accounts", account)["id"]
    assert twin["Owner"]["email"] == pair.a.record("Contacts", contact)["Owner"]["email"]


def test_children_go_after_their_parents_and_none_is_held_on_a_first_pass(pair: Pair) -> None:
    for number in range(30):
        account = pair.a.insert_raw("Accounts", {"Account_Name": f"Parent {number}"})
        pair.a.insert_raw("Contacts", {"Last_Name": "Child", "Account_Name": {"id": account}})
    reports = pair.once()
    assert reports["india-to-us/Contacts"].outcomes == {"created": 30}


def test_a_child_whose_parent_arrives_later_wakes_by_itself(pair: Pair) -> None:
    pair.once()
    account = pair.a.insert_raw("Accounts", {"Account_Name": "Late"})
    contact = pair.a.insert_raw("Contacts", {"Last_Name": "Early", "Account_Name": {"id": account}})
    assert pair.cycle("Contacts").outcomes == {"held": 1}
    pair.cycle("Accounts")
    assert pair.cycle("Contacts").outcomes == {"created": 1}
    assert pair.counterpart("Contacts", contact)["Account_Name"]["name"] == "Late"
    assert pair.queue() == []


def test_a_refused_record_waits_with_its_cause_and_holds_no_other(pair: Pair) -> None:
    bad = pair.a.insert_raw("Leads", {"Last_Name": "Bad", "Company": "C", "Email": "no e-mail"})
    good = [pair.a.insert_raw("Leads", {"Last_Name": f"Good {n}", "Company": "C"}) for n in range(5)]
    assert pair.cycle("Leads").outcomes == {"created": 5, "held": 1}
    assert all(pair.counterpart("Leads", lead) for lead in good)
    assert pair.queue() == [(bad, "held", "INVALID_DATA")]
    assert pair.sql("select code, field, value, open_count from causes") == [("INVALID_DATA", "Email", "", 1)]


def test_an_edit_in_a_mends_a_refused_record(pair: Pair) -> None:
    lead = pair.a.insert_raw("Leads", {"Last_Name": "Bad", "Company": "C", "Email": "no e-mail"})
    pair.once()
    pair.pass_time(5)
    pair.a.edit("Leads", lead, {"Email": "an@example.com"})
    assert pair.cycle("Leads").outcomes == {"created": 1}
    assert pair.queue() == []


def test_a_refused_record_is_not_sent_again_by_the_polls_that_follow(pair: Pair) -> None:
    pair.a.insert_raw("Leads", {"Last_Name": "Bad", "Company": "C", "Email": "no e-mail"})
    pair.once()
    sent = len(pair.writes())
    for _ in range(3):
        pair.cycle("Leads")
    assert len(pair.writes()) == sent


def test_a_cause_that_was_mended_in_b_is_replayed_by_number(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), quirks={"unknown_picklist": "reject"}) as pair:
        lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Source": "Carrier Pigeon"})
        pair.once()
        [(cause, value)] = pair.sql("select id, value from causes")
        assert value == "Carrier Pigeon"
        pair.b.change_field("Leads", "Lead_Source", add_values=["Carrier Pigeon"])
        assert pair.ledger.retry(pair.fleet._now(), cause_id=cause) == 1
        pair.once()
        assert pair.counterpart("Leads", lead)["Lead_Source"] == "Carrier Pigeon"


def test_a_duplicate_of_a_strangers_value_names_both_records(pair: Pair) -> None:
    stranger = pair.b.insert_raw("Contacts", {"Last_Name": "Stranger", "Customer_Number": "C-1", KEY: "x:1"})
    pair.a.insert_raw("Contacts", {"Last_Name": "Mine", "Customer_Number": "C-1"})
    report = pair.once()["india-to-us/Contacts"]
    assert report.outcomes["held"] == 1
    [(detail,)] = pair.sql("select detail from retry_queue")
    assert stranger in detail
    assert pair.a.records("Contacts")[0]["id"] in detail
    assert pair.b.record("Contacts", stranger)["Last_Name"] == "Stranger"


def test_a_token_that_dies_in_mid_cycle_is_renewed_once(pair: Pair) -> None:
    pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    pair.once()
    before = len(pair.b.log(kind="token"))
    pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
    pair.b.faults.next("insert", effect="token_expired")
    assert pair.cycle("Leads").outcomes == {"created": 1}
    assert len(pair.b.log(kind="token")) == before + 1


def test_a_first_run_against_strangers_is_refused_and_writes_nothing(pair: Pair) -> None:
    pair.b.insert_raw("Leads", {"Last_Name": "Stranger", "Company": "C"})
    pair.a.insert_raw("Leads", {"Last_Name": "Mine", "Company": "C"})
    report = pair.cycle("Leads")
    assert report.trouble is not None
    assert "already holds 1 Leads" in report.trouble
    assert "--first-run create" in report.trouble
    assert pair.writes() == []
    assert pair.sql("select health from v_streams where stream = 'india-to-us/Leads'") == [("stopped",)]


def test_every_cycle_adds_up(pair: Pair) -> None:
    pair.emu.seed("india", records=400, seed=3, defects=0.1)
    pair.emu.quirks(unknown_picklist="reject")
    pair.once()
    assert pair.sql("select count(*) from v_balance where off_by <> 0") == [(0,)]
    seen, links = pair.sql("select sum(seen), (select count(*) from id_map where org = 'us') from cycles")[0]
    assert seen >= 400
    assert links == sum(len(pair.b.records(m)) for m in ("Accounts", "Contacts", "Leads", "Deals"))


def test_once_nothing_changes_no_write_is_made(pair: Pair) -> None:
    pair.emu.seed("india", records=300, seed=4, defects=0.05)
    pair.once()
    pair.pass_time(600)
    before = len(pair.writes())
    reports = pair.once()
    assert len(pair.writes()) == before
    assert {r.seen for r in reports.values()} <= {0} | {r.outcomes["unchanged"] for r in reports.values()}


def test_a_record_whose_owner_has_left_b_waits_for_somebody_who_stands_for_him(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), default_owner=None) as pair:
        theirs = {user.email: user for user in pair.fleet.catalogs["us"].users()}
        gone = [u for u in pair.fleet.catalogs["india"].users() if u.email in theirs and not theirs[u.email].active]
        assert gone, "the emulator has a user who left the target"
        lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Owner": {"id": gone[0].user_id}})
        other = pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
        pair.once()
        assert pair.counterpart("Leads", other)["Last_Name"] == "B"
        assert pair.queue() == [(lead, "held", "USER_UNKNOWN")]
        [(value, remedy)] = pair.sql("select value, remedy from causes where open_count > 0")
        assert value == gone[0].email
        assert remedy.startswith(f"give {gone[0].email} a line in the route's table owners")


def test_records_that_point_to_each_other_all_arrive_with_their_lookups(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts")) as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "A"})
        other = pair.a.insert_raw("Accounts", {"Account_Name": "B", "Parent_Account": {"id": account}})
        pair.a.edit("Accounts", account, {"Parent_Account": {"id": other}})
        boss = pair.a.insert_raw("Contacts", {"Last_Name": "Boss", "Account_Name": {"id": account}})
        aide = pair.a.insert_raw("Contacts", {"Last_Name": "Aide", "Reporting_To": {"id": boss}})
        pair.a.edit("Contacts", boss, {"Reporting_To": {"id": aide}})
        alone = pair.a.insert_raw("Contacts", {"Last_Name": "Alone"})
        pair.a.edit("Contacts", alone, {"Reporting_To": {"id": alone}})
        for _ in range(4):
            pair.pass_time(30)
            pair.once()
        assert pair.queue() == []
        for module, field, pairs in (
            ("Accounts", "Parent_Account", [(account, other), (other, account)]),
            ("Contacts", "Reporting_To", [(boss, aide), (aide, boss), (alone, alone)]),
        ):
            for child, parent in pairs:
                assert pair.counterpart(module, child)[field]["id"] == pair.counterpart(module, parent)["id"]
        assert len(pair.b.log(kind="insert") + pair.b.log(kind="upsert")) == 2


def test_what_b_refused_is_tried_again_when_its_fields_change(pair: Pair) -> None:
    pair.b.quirks(unknown_picklist="reject")
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Lead_Source": "Carrier Pigeon"})
    waiting = pair.a.insert_raw("Contacts", {"Last_Name": "B", "Account_Name": {"id": "1"}})
    pair.once()
    assert [(i, state) for i, state, _ in pair.queue()] == [(lead, "held"), (waiting, "held")]
    writes = len(pair.writes())
    pair.once()
    assert len(pair.writes()) == writes  # nothing has changed, so nothing is tried
    pair.b.change_field("Leads", "Lead_Source", add_values=["Carrier Pigeon"])
    for catalog in pair.fleet.catalogs.values():
        catalog.forget()  # an hour has passed
    pair.once()
    assert len(pair.counterparts("Leads", lead)) == 1
    assert [i for i, _, _ in pair.queue()] == [waiting]


def test_an_org_that_cannot_be_reached_is_told_from_other_troubles(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Leads")
        settings = make_settings(emu, tmp_path, modules=("Leads",))
        with opened(emu, settings, sleep=lambda _: None) as pair:
            stranger = pair.b.insert_raw("Leads", {"Last_Name": "S", "Company": "C"})
            refused = pair.cycle("Leads")
            assert ("--first-run create" in str(refused.trouble), refused.away) == (True, False)
            pair.b.delete("Leads", stranger)
            for org, status in ((pair.a, 503), (pair.b, 429)):
                pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C"})
                assert pair.cycle("Leads").trouble is None
                pair.a.insert_raw("Leads", {"Last_Name": "Late", "Company": "C"})
                org.faults.add(effect="status", status=status)
                report = pair.cycle("Leads")
                assert (str(status) in str(report.trouble), report.away) == (True, True)
                emu.clear_faults()
