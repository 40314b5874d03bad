"""What was changed by hand in B stays, and stays reported, whatever becomes of our own writes; but for the key."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from daemon.core.fuse import Fuse, Limit
from tests.sync.around import BACK, THERE, lead, running
from tests.sync.pair import KEY, Pair, running_pair

LOOSE = Fuse(deletes=Limit(), blanked=Limit(), refused=Limit())


def settle(pair: Pair, rounds: int = 3) -> None:
    for _ in range(rounds):
        pair.pass_time(60)
        pair.once()


def compare(pair: Pair, module: str = "Leads") -> None:
    assert pair.ledger.start_comparison(f"india-to-us/{module}", "asked", pair.fleet.runners[0]._now())
    settle(pair, 2)
    assert pair.sql("select count(*) from comparisons where finished_at is null") == [(0,)]


def pune(pair: Pair) -> tuple[str, str]:
    """A lead of A and its counterpart in B."""
    lead = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Pune", "Phone": "1"})
    settle(pair, 1)
    return lead, pair.counterpart("Leads", lead)["id"]


def by_hand(pair: Pair, twin: str, **values: Any) -> None:
    pair.pass_time(60)
    pair.b.edit("Leads", twin, values)


def shows(pair: Pair, lead: str) -> tuple[Any, Any]:
    twin = pair.counterpart("Leads", lead)
    return twin["City"], twin["Phone"]


def told(pair: Pair) -> list[tuple[Any, ...]]:
    """(cause, field) of all that is held."""
    return pair.sql(
        "select c.code, c.field from retry_queue q join causes c on c.id = q.cause_id where state = 'held' order by 1"
    )


def test_a_lost_answer_overwrites_no_hand_edit_of_another_field(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="report") as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        pair.b.faults.next("update", effect="status", status=500, code="INTERNAL_ERROR")
        pair.a.edit("Leads", lead, {"Phone": "2"})
        settle(pair)
        assert (shows(pair, lead), pair.queue()) == (("HAND", "2"), [])


def test_where_hand_edits_are_overwritten_a_lost_answer_overwrites_them_too(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="overwrite") as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        pair.b.faults.next("update", effect="cut", when="after")
        pair.a.edit("Leads", lead, {"Phone": "2"})
        settle(pair)
        assert shows(pair, lead) == ("Pune", "2")


def test_a_hand_edit_of_the_very_field_that_a_lost_write_carried_gives_way(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="keep") as pair:
        lead, twin = pune(pair)
        pair.b.faults.next("update", effect="cut", when="before")
        pair.a.edit("Leads", lead, {"Phone": "2"})
        pair.cycle("Leads")
        by_hand(pair, twin, Phone="9")
        settle(pair)
        assert shows(pair, lead) == ("Pune", "2")


@pytest.mark.parametrize("second", ["lost", "busy", "refused", "killed"])
def test_nor_does_what_follows_a_lost_answer(tmp_path: Path, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="keep") as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        pair.b.faults.next("update", effect="status", status=500, code="INTERNAL_ERROR")
        pair.a.edit("Leads", lead, {"Phone": "2"})
        settle(pair, 1)
        _again(pair, lead, second, monkeypatch)
        settle(pair, 5)
        assert (shows(pair, lead), pair.queue()) == (("HAND", "2"), [])


def _again(pair: Pair, lead: str, second: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What befalls the record when it is sent once more."""
    if second == "lost":
        pair.b.faults.next("update", effect="status", status=500, code="INTERNAL_ERROR")
    if second == "busy":
        pair.b.faults.next("update", effect="status", status=400, code="RECORD_LOCKED")
    if second == "refused":
        pair.a.edit("Leads", lead, {"Email": "none"})
        settle(pair, 2)
        assert told(pair) == [("INVALID_DATA", "Email")]
        pair.a.edit("Leads", lead, {"Email": "a@b.co"})
    if second == "killed":

        def killed(*_: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(type(pair.ledger), "settle", killed)
            with pytest.raises(KeyboardInterrupt):
                settle(pair)


def test_a_lost_answer_and_the_filter_that_a_record_leaves_and_meets_again_overwrite_no_hand_edit(
    tmp_path: Path,
) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="keep", where="Last_Name = 'L'") as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        pair.b.faults.next("update", effect="cut", when="before")
        pair.a.edit("Leads", lead, {"Phone": "2"})
        pair.cycle("Leads")
        pair.a.edit("Leads", lead, {"Last_Name": "M"})
        settle(pair)
        pair.a.edit("Leads", lead, {"Last_Name": "L"})
        settle(pair)
        assert shows(pair, lead) == ("HAND", "2")


def refused(pair: Pair, lead: str, put_right: dict[str, Any]) -> None:
    pair.a.edit("Leads", lead, {"Email": "none"})
    settle(pair, 2)
    assert told(pair) == [("INVALID_DATA", "Email")]
    pair.a.edit("Leads", lead, put_right)


def lost(pair: Pair, lead: str) -> None:
    pair.b.faults.next("update", effect="cut", when="before")
    pair.a.edit("Leads", lead, {"Phone": "2"})


@pytest.mark.parametrize(
    "between",
    [
        lambda pair, lead: refused(pair, lead, {"Email": "a@b.co"}),
        lambda pair, lead: refused(pair, lead, {"Email": None}),
        lost,
    ],
    ids=["refused and corrected", "refused and taken back", "lost"],
)
def test_a_reported_hand_edit_is_reported_again_when_another_cause_is_solved(
    tmp_path: Path, between: Callable[[Pair, str], None]
) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        compare(pair)
        between(pair, lead)
        settle(pair)
        assert (told(pair), shows(pair, lead)[0]) == ([("DRIFT", "City")], "HAND")
        compare(pair)
        assert told(pair) == [("DRIFT", "City")]


def test_a_reported_hand_edit_is_reported_still_when_the_parent_is_made_again(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Accounts", "Contacts"), gone="recreate", fuse=LOOSE) as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "P"})
        mine = pair.a.insert_raw("Contacts", {"Last_Name": "K", "Account_Name": {"id": account}, "Phone": "1"})
        settle(pair, 2)
        pair.pass_time(60)
        pair.b.edit("Contacts", pair.counterpart("Contacts", mine)["id"], {"Phone": "HAND"})
        compare(pair, "Contacts")
        pair.b.delete("Accounts", pair.counterpart("Accounts", account)["id"])
        pair.a.edit("Accounts", account, {"Phone": "5"})
        settle(pair)
        twin = pair.counterpart("Contacts", mine)
        assert twin["Account_Name"]["id"] == pair.counterpart("Accounts", account)["id"]
        assert (twin["Phone"], told(pair)) == ("HAND", [("DRIFT", "Phone")])


def test_a_hand_edit_that_is_seen_while_something_else_holds_the_record_is_reported_after_that(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, twin = pune(pair)
        pair.a.edit("Leads", lead, {"Email": "none"})
        settle(pair, 2)
        by_hand(pair, twin, City="HAND")
        compare(pair)
        assert told(pair) == [("INVALID_DATA", "Email")]
        pair.a.edit("Leads", lead, {"Email": "a@b.co"})
        settle(pair)
        assert (told(pair), shows(pair, lead)[0]) == ([("DRIFT", "City")], "HAND")


def test_a_hand_edit_that_was_taken_back_is_not_reported_any_more(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        _, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        compare(pair)
        by_hand(pair, twin, City="Pune")
        compare(pair)
        assert (told(pair), pair.sql("select drifted from agreed")) == ([], [(None,)])


def test_a_second_field_that_is_edited_by_hand_later_is_added_to_the_report(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, twin = pune(pair)
        by_hand(pair, twin, City="HAND")
        compare(pair)
        by_hand(pair, twin, Phone="9")
        compare(pair)
        assert told(pair) == [("DRIFT", "City, Phone")]
        pair.a.edit("Leads", lead, {"Phone": "2"})
        settle(pair)
        assert (told(pair), shows(pair, lead)) == ([("DRIFT", "City")], ("HAND", "2"))
        pair.ledger.retry(pair.fleet.runners[0]._now(), source_id=lead)
        settle(pair)
        assert (told(pair), shows(pair, lead)) == ([], ("Pune", "2"))


@pytest.mark.parametrize("value", [None, "scribble", "100:1"])
def test_a_key_that_was_changed_by_hand_is_written_again_and_no_hand_edit_is(tmp_path: Path, value: str | None) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead, twin = pune(pair)
        key = pair.counterpart("Leads", lead)[KEY]
        by_hand(pair, twin, **{KEY: value, "City": "HAND"})
        compare(pair)
        assert (pair.counterpart("Leads", lead)[KEY], shows(pair, lead)) == (key, ("HAND", "1"))
        assert told(pair) == [("DRIFT", "City")]
        before = len(pair.writes())
        compare(pair)
        assert len(pair.writes()) == before


def test_a_key_that_names_a_record_of_another_known_org_is_left(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        _, twin = pune(pair)
        pair.ledger.register_org("third", "700", "eu", pair.fleet.runners[0]._now())
        by_hand(pair, twin, **{KEY: "700:5"})
        compare(pair)
        record = pair.b.record("Leads", twin)
        assert (record and record[KEY], pair.queue()) == ("700:5", [])


def test_keys_that_are_right_cost_a_comparison_nothing(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), drift="keep") as pair:
        pune(pair)
        settle(pair)
        pair.pass_time(60)
        before = len(pair.a.log(kind="get")), len(pair.writes())
        compare(pair)
        assert (len(pair.a.log(kind="get")), len(pair.writes())) == before


def test_a_second_record_with_our_key_is_counted_and_both_ids_are_named(tmp_path: Path) -> None:
    said: list[str] = []
    with running_pair(tmp_path, modules=("Leads",), gone="recreate") as pair:
        lead, first = pune(pair)
        pair.b.delete("Leads", first)
        pair.a.edit("Leads", lead, {"City": "Goa"})
        settle(pair)
        second = pair.counterpart("Leads", lead)["id"]
        pair.b.restore("Leads", first)
        sink = logger.add(said.append, level="WARNING", format="{message}")
        compare(pair)
        logger.remove(sink)
        assert pair.sql("select strangers from comparisons") == [(1,)]
        assert [f"{first} beside {second}" in text for text in said] == [True]
        assert len(pair.counterparts("Leads", lead)) == 2


def test_on_a_circle_only_the_key_that_this_way_has_given_is_written_again(tmp_path: Path) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number, theirs = lead(around, City="Graz"), lead(around, "us", City="Wien")
        around.settle()
        there = {record["City"]: record for record in around.orgs["us"].records("Leads")}
        twin = next(r["id"] for r in around.orgs["india"].records("Leads") if r["id"] != number)
        around.edit("india", twin, Phone="1")
        around.settle()
        around.edit("us", there["Graz"]["id"], **{KEY: None})
        around.settle()
        before = around.writes()
        for runner in around.fleet.runners:
            around.ledger.start_comparison(runner.stream.address, "asked", runner._now())
        around.settle()
        keys = {record["id"]: record[KEY] for record in around.orgs["us"].records("Leads")}
        assert keys == {there["Graz"]["id"]: there["Graz"][KEY], theirs: None}
        assert around.writes() == before + 1
