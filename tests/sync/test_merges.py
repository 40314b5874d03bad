"""Merges in the source, and what points to a record that is gone, merged or made again."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from daemon.ledger import witness
from tests.sync.pair import Pair, running_pair
from tests.sync.test_deletes import LOOSE, deleting, leads, settle


def test_a_merged_record_follows_the_policy_and_the_survivor_keeps_its_counterpart(tmp_path: Path) -> None:
    with deleting(tmp_path) as pair:
        master, loser = leads(pair, 2)
        pair.once()
        answer = httpx.post(
            f"{pair.a.base_url}/crm/v8/Leads/{master}/actions/merge",
            json={"merge": [{"data": [{"id": loser, "_fields": [{"api_name": "City"}]}]}]},
            headers=pair.a.headers(),
        )
        assert answer.status_code in (200, 201), answer.text
        settle(pair)
        assert len(pair.counterparts("Leads", master)) == 1
        assert pair.counterparts("Leads", loser) == []


def merge(pair: Pair, master: str, loser: str) -> None:
    """Somebody merges two accounts of A."""
    answer = httpx.post(
        f"{pair.a.base_url}/crm/v8/Accounts/{master}/actions/merge",
        json={"merge": [{"data": [{"id": loser, "_fields": [{"api_name": "Phone"}]}]}]},
        headers=pair.a.headers(),
    )
    assert answer.status_code in (200, 201), answer.text


@pytest.mark.parametrize("policy", ["delete", "ignore"])
def test_the_children_of_a_merged_parent_follow_it_to_the_survivor(tmp_path: Path, policy: str) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), deletes=policy, fuse=LOOSE) as pair:
        master, loser = (pair.a.insert_raw("Accounts", {"Account_Name": name}) for name in ("M", "L"))
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": loser}})
        settle(pair)
        merge(pair, master, loser)
        if policy == "ignore":  # no deletion is read: the full comparison finds the child
            pair.ledger.start_comparison("india-to-us/Contacts", "asked", pair.fleet.runners[0]._now())
            settle(pair)
        else:
            pair.once()  # as soon as the deletion is carried out
        survivor = pair.counterpart("Accounts", master)
        assert pair.counterpart("Contacts", child)["Account_Name"]["id"] == survivor["id"]
        assert pair.queue() == []


def test_the_children_of_a_counterpart_that_is_made_again_point_to_the_new_one(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), gone="recreate") as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "A"})
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": account}})
        settle(pair)
        pair.b.delete("Accounts", pair.counterpart("Accounts", account)["id"])
        late = pair.a.insert_raw("Contacts", {"Last_Name": "Late", "Account_Name": {"id": account}})
        settle(pair)
        assert pair.queue() == [(late, "held", "INVALID_DATA")]  # B has no such parent any more
        pair.a.edit("Accounts", account, {"Phone": "1"})
        settle(pair)
        parent = pair.counterpart("Accounts", account)["id"]
        for contact in (child, late):
            assert pair.counterpart("Contacts", contact)["Account_Name"]["id"] == parent
        assert pair.queue() == []


def test_the_children_of_many_merges_in_a_busy_org_all_follow_and_those_of_deletions_are_left_alone(
    tmp_path: Path,
) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), deletes="delete", fuse=LOOSE) as pair:
        accounts = [pair.a.insert_raw("Accounts", {"Account_Name": f"A{n}"}) for n in range(60)]
        masters, losers, others = accounts[:25], accounts[25:50], accounts[50:]
        children = [
            pair.a.insert_raw("Contacts", {"Last_Name": f"C{n}", "Account_Name": {"id": parent}})
            for n, parent in enumerate([*losers, others[0]])
        ]
        settle(pair, 2)
        for master, loser in zip(masters, losers, strict=True):
            merge(pair, master, loser)
            pair.emu.clock(advance=3)
            for other in others[1:]:
                pair.a.edit("Accounts", other, {"Phone": master})
        pair.a.delete("Accounts", others[0])
        writes = len(pair.b.log(kind="update"))
        settle(pair)
        survivors = [pair.counterpart("Accounts", master)["id"] for master in masters]
        parents = [pair.counterpart("Contacts", child)["Account_Name"] for child in children]
        assert [parent["id"] for parent in parents[:-1]] == survivors
        assert pair.queue() == []
        sent = [r["id"] for call in pair.b.log(kind="update")[writes:] for r in call["body"]["data"]]
        assert pair.counterpart("Contacts", children[-1])["id"] not in sent


def test_where_the_ledger_has_forgotten_who_the_children_are_all_of_them_are_compared(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), deletes="delete", fuse=LOOSE, compare=None) as pair:
        master, loser = (pair.a.insert_raw("Accounts", {"Account_Name": name}) for name in ("M", "L"))
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": loser}})
        settle(pair)
        with pair.ledger._writing() as connection:
            witness.distrust(connection)  # as an older copy of the ledger does
        merge(pair, master, loser)
        settle(pair)
        assert pair.counterpart("Contacts", child)["Account_Name"]["id"] == pair.counterpart("Accounts", master)["id"]
        assert ("india-to-us/Contacts", "pointed") in pair.sql("select stream, reason from comparisons")


def test_what_points_to_a_counterpart_that_is_left_deleted_is_carried_without_that_lookup(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), gone="leave") as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "A"})
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": account}})
        settle(pair, 2)
        there = pair.counterpart("Accounts", account)["id"]
        pair.b.delete("Accounts", there)
        refused = pair.a.insert_raw("Contacts", {"Last_Name": "Refused", "Account_Name": {"id": account}})
        settle(pair, 1)
        assert pair.queue() == [(refused, "held", "INVALID_DATA")]  # B has no such account; the ledger knows of one
        pair.a.edit("Accounts", account, {"Phone": "1"})
        settle(pair, 2)
        pair.a.edit("Contacts", child, {"Phone": "77"})
        late = pair.a.insert_raw("Contacts", {"Last_Name": "Late", "Account_Name": {"id": account}})
        settle(pair, 2)
        assert (pair.counterpart("Contacts", child)["Phone"], pair.queue()) == ("77", [])
        assert pair.counterpart("Contacts", late)["Account_Name"] is None
        pair.b.restore("Accounts", there)
        pair.ledger.start_comparison("india-to-us/Accounts", "asked", pair.fleet.runners[0]._now())
        settle(pair, 3)
        parents = [pair.counterpart("Contacts", one)["Account_Name"] for one in (child, refused, late)]
        assert [parent and parent["id"] for parent in parents] == [there] * 3
        assert pair.queue() == []


@pytest.mark.parametrize("policy", ["delete", "ignore"])
def test_a_record_that_waits_for_a_parent_which_is_deleted_does_not_wait_for_ever(tmp_path: Path, policy: str) -> None:
    quirks = {"lookup_to_deleted": "null", "unknown_picklist": "reject"}
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), deletes=policy, fuse=LOOSE, quirks=quirks) as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "A", "Industry": "No such industry"})
        child = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": account}})
        settle(pair)
        assert [row[1] for row in pair.queue()] == ["held", "held"]
        pair.a.delete("Accounts", account)
        if policy == "ignore":  # no deletion is read: the full comparison finds that nothing is waited for
            pair.ledger.start_comparison("india-to-us/Contacts", "asked", pair.fleet.runners[0]._now())
        settle(pair)
        assert pair.counterpart("Contacts", child)["Account_Name"] is None
