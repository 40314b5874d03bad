"""What a deletion in the source, and a counterpart that is not there any more, make of a record."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.record import Deletion
from daemon.core.steps import Create, Defer, Delete, Flag, Hold, Keep, LinkState, Step, Update, batches, body
from tests.core.make import T0, change, held_by, link, plan_one

GONE = Deletion(record_id="1", modified_time=T0)
ANN: dict[str, Any] = {"id": "901", "Last_Name": "Ann", "Age": None, "Stage": None, "Account_Name": None}
DELETE = Delete(change=GONE, target_id="901")
FLAG = Flag(change=GONE, target_id="901", field="Gone")
DOUBTED = replace(DELETE, doubted=True)
POLICIES: dict[str, dict[str, Any]] = {
    "ignore": {},
    "delete": {"deletes": "delete"},
    "flag": {"deletes": "flag", "flag": "Gone"},
}


def keep(outcome: str, target_id: str | None = None) -> Keep:
    return Keep(change=GONE, outcome=outcome, target_id=target_id)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("policy", "state", "step"),
    [
        ("ignore", "live", keep("filtered")),
        ("delete", "live", DELETE),
        ("flag", "live", FLAG),
        ("ignore", "flagged", keep("filtered")),
        ("delete", "flagged", DELETE),
        ("flag", "flagged", keep("unchanged")),
        ("delete", "deleted", keep("unchanged")),
        ("flag", "deleted", keep("unchanged")),
        ("delete", "gone", keep("unchanged")),
        ("flag", "gone", keep("unchanged")),
    ],
)
def test_a_deletion_does_what_the_policy_says_and_not_twice(policy: str, state: LinkState, step: Step) -> None:
    assert plan_one(GONE, links={"1": link({"Last_Name": "Ann"}, state=state)}, **POLICIES[policy]) == step


@pytest.mark.parametrize("policy", POLICIES)
def test_a_deletion_of_a_record_without_counterpart_is_filtered(policy: str) -> None:
    assert plan_one(GONE, **POLICIES[policy]) == keep("filtered")
    assert plan_one(GONE, found={"1": ()}, **POLICIES[policy]) == keep("filtered")


def test_a_deletion_that_the_ledger_does_not_know_reaches_the_record_that_b_names() -> None:
    assert plan_one(GONE, found={"1": (ANN,)}, **POLICIES["delete"]) == DOUBTED
    assert plan_one(GONE, found={"1": (ANN,)}, **POLICIES["flag"]) == replace(FLAG, doubted=True)


def test_an_uncertain_deletion_is_done_when_b_does_not_have_the_record_any_more() -> None:
    links = {"1": link({"Last_Name": "Ann"})}
    assert plan_one(GONE, links=links, found={"1": ()}, **POLICIES["delete"]) == keep("deleted", "901")
    assert plan_one(GONE, links=links, found={"1": (ANN,)}, **POLICIES["delete"]) == DOUBTED


def test_a_deletion_waits_while_an_earlier_write_may_still_arrive() -> None:
    assert plan_one(GONE, deferred={"1": T0}, **POLICIES["delete"]) == Defer(change=GONE, until=T0)


def test_a_deletion_that_several_records_could_be_meant_by_is_held() -> None:
    step = plan_one(GONE, found={"1": (ANN, {"id": "902"})}, **POLICIES["delete"])
    assert isinstance(step, Hold)
    assert step.cause.code == "AMBIGUOUS"


def test_a_record_that_came_back_gets_a_new_counterpart() -> None:
    step = plan_one(change(Last_Name="Ann"), links={"1": held_by(ANN, state="deleted")}, **POLICIES["delete"])
    assert isinstance(step, Create)


def test_a_record_that_came_back_after_our_own_uncertain_deletion_gets_a_new_counterpart() -> None:
    links = {"1": held_by(ANN)}
    step = plan_one(change(Last_Name="Ann"), links=links, found={"1": ()}, ended=frozenset("1"), **POLICIES["delete"])
    assert isinstance(step, Create)


def test_a_record_that_came_back_loses_its_flag_and_nothing_else_is_sent() -> None:
    step = plan_one(change(Last_Name="Ann"), links={"1": held_by(ANN, state="flagged")}, **POLICIES["flag"])
    assert isinstance(step, Update)
    assert step.values == {"Gone": False}


@pytest.mark.parametrize(("policy", "kind"), [("leave", Keep), ("hold", Keep), ("recreate", Create)])
def test_a_counterpart_that_was_left_alone_stays_so_until_the_policy_says_recreate(policy: str, kind: type) -> None:
    step = plan_one(change(Last_Name="Ann"), links={"1": held_by(ANN, state="gone")}, gone=policy)
    assert isinstance(step, kind)


def test_a_counterpart_that_is_there_again_is_adopted_again() -> None:
    links = {"1": held_by(ANN, state="gone")}
    step = plan_one(change(Last_Name="Ann"), links=links, found={"1": (ANN,)}, gone="leave")
    assert isinstance(step, Keep)
    assert (step.outcome, step.target_id) == ("adopted", "901")


@pytest.mark.parametrize(
    ("before", "after", "blanks"), [("Ann", None, True), ("Ann", "Bea", False), (None, "Ann", False)]
)
def test_an_update_says_whether_it_blanks_what_b_confirmed(before: str | None, after: str | None, blanks: bool) -> None:
    step = plan_one(change(Last_Name=after, Age=1), links={"1": held_by({**ANN, "Last_Name": before})})
    assert isinstance(step, Update)
    assert step.blanks is blanks


def test_a_field_that_nobody_confirmed_is_not_blanked() -> None:
    unknown = link({})
    step = plan_one(change(Last_Name=None), links={"1": unknown})
    assert isinstance(step, Update)
    assert not step.blanks


def test_flags_travel_with_updates_and_deletions_by_themselves() -> None:
    update = plan_one(change("2", Last_Name="Bea"), links={"2": held_by({**ANN, "id": "902"}, target_id="902")})
    calls = list(batches([DELETE, FLAG, update]))
    assert [(call.action, call.steps) for call in calls] == [("update", (FLAG, update)), ("delete", (DELETE,))]
    assert body(FLAG) == {"id": "901", "Gone": True}
