"""What random lives found of deletions, hands in B and comparisons, each as the shortest story that shows it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from tests.sync.pair import Pair, running_pair


def settle(pair: Pair, rounds: int = 3) -> None:
    for _ in range(rounds):
        pair.pass_time(30)
        pair.once()


def compare(pair: Pair) -> None:
    """A full comparison of everything, and what follows from it."""
    for runner in pair.fleet.runners:
        assert pair.ledger.start_comparison(runner.stream.address, "asked", runner._now())
    settle(pair)


def contact(pair: Pair, name: str, **values: Any) -> str:
    return pair.a.insert_raw("Contacts", {"Last_Name": name, **values})


def twin_id(pair: Pair, source_id: str) -> str:
    return str(pair.counterpart("Contacts", source_id)["id"])


def test_a_held_loss_in_b_costs_no_write_at_the_next_comparison(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",)) as pair:
        lost, _ = contact(pair, "Lost"), contact(pair, "Stays")
        settle(pair)
        pair.b.delete("Contacts", twin_id(pair, lost))
        compare(pair)
        assert [row[1:] for row in pair.queue()] == [("held", "TARGET_GONE")]
        writes = len(pair.writes())
        compare(pair)
        assert len(pair.writes()) == writes


def test_a_hand_in_b_is_seen_though_our_own_write_came_after_it(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",), drift="overwrite") as pair:
        mine, _ = contact(pair, "A", Mailing_City="Pune"), contact(pair, "B")
        settle(pair)
        pair.b.edit("Contacts", twin_id(pair, mine), {"Mailing_City": "Hand"})
        pair.pass_time(30)
        pair.a.edit("Contacts", mine, {"Last_Name": "A2"})
        settle(pair)
        compare(pair)
        assert pair.counterpart("Contacts", mine)["Mailing_City"] == "Pune"


def test_a_hand_in_b_that_is_kept_outlives_a_lost_answer_about_another_field(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",), drift="keep") as pair:  # life 74792
        mine = contact(pair, "A", Mailing_City="Pune")
        settle(pair)
        pair.b.edit("Contacts", twin_id(pair, mine), {"Mailing_City": "Hand"})
        pair.b.faults.next("update", effect="cut", when="after")
        pair.a.edit("Contacts", mine, {"Last_Name": "A2"})
        settle(pair)
        twin = pair.counterpart("Contacts", mine)
        assert (twin["Mailing_City"], twin["Last_Name"]) == ("Hand", "A2")


def test_a_child_refused_for_a_dead_parent_arrives_when_the_parent_is_made_again(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",), gone="recreate") as pair:
        boss, _ = contact(pair, "Boss"), contact(pair, "Other")
        settle(pair)
        pair.b.delete("Contacts", twin_id(pair, boss))
        child = contact(pair, "Child", Reporting_To={"id": boss})
        settle(pair)
        pair.a.edit("Contacts", boss, {"Mailing_City": "Pune"})
        settle(pair)
        assert pair.counterpart("Contacts", child)["Reporting_To"]["id"] == twin_id(pair, boss)
        assert pair.queue() == []


def test_children_follow_a_parent_that_was_made_again(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",), gone="recreate") as pair:
        boss = contact(pair, "Boss")
        child = contact(pair, "Child", Reporting_To={"id": boss})
        settle(pair)
        pair.b.delete("Contacts", twin_id(pair, boss))
        compare(pair)
        assert pair.counterpart("Contacts", child)["Reporting_To"]["id"] == twin_id(pair, boss)


def test_what_waits_for_a_parent_arrives_when_the_parent_was_deleted_and_is_not_shown_any_more(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Contacts",), quirks={"lookup_to_deleted": "null"}) as pair:
        boss = contact(pair, "Boss", Email="no e-mail")
        child = contact(pair, "Child", Reporting_To={"id": boss})
        settle(pair)
        pair.a.delete("Contacts", boss)
        settle(pair)
        compare(pair)
        assert pair.counterpart("Contacts", child)["Last_Name"] == "Child"
