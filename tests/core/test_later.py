"""A record whose parent waits for it in its turn: it goes ahead without that lookup, and stays in the queue for it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.answer import Done
from daemon.core.causes import WAITS_FOR_PARENT
from daemon.core.knowledge import Knowledge
from daemon.core.plan import plan
from daemon.core.record import Deletion
from daemon.core.steps import Create, Hold, Keep, Link, Step, Update
from daemon.core.translate import Parent
from tests.core.make import SECRET, T0, ZGID, change, fields, held_by, known, plan_one, settled, stream

ACME = Parent(module="Accounts", record_id="77")
LATER_PARENT = Parent(module="Accounts", record_id="78")
ANN = change(Last_Name="Ann", Account_Name={"id": "77"})


def in_a_circle(
    links: dict[str, Link] | None = None, found: Any = None, mandatory: frozenset[str] = frozenset()
) -> Step:
    knowledge = Knowledge(
        known=known(),
        links=links or {},
        found=found or {},
        deferred={},
        circular={"1": frozenset({ACME})},
        source_zgid=ZGID,
        digest_key=SECRET,
    )
    (step,) = plan([ANN], stream(), replace(fields(), mandatory=mandatory), knowledge)
    return step


def test_it_is_created_without_the_lookup_that_would_wait_for_it() -> None:
    step = in_a_circle()
    assert isinstance(step, Create)
    assert "Account_Name" not in step.values
    assert step.later is not None
    assert (step.later.change, step.later.waits_for) == (ANN, ACME)


def test_a_lookup_that_b_demands_is_waited_for_all_the_same() -> None:
    step = in_a_circle(mandatory=frozenset({"Account_Name"}))
    assert isinstance(step, Hold)
    assert step.waits_for == ACME


def test_a_known_record_is_updated_without_it_or_left_alone_without_it() -> None:
    bob, same = {"Last_Name": "Bob"}, {"Last_Name": "Ann"}
    update = in_a_circle(links={"1": held_by(bob)})
    assert isinstance(update, Update)
    assert (update.values, update.later is not None and update.later.waits_for) == ({"Last_Name": "Ann"}, ACME)
    equal = in_a_circle(links={"1": held_by(same)})
    assert isinstance(equal, Keep)
    assert equal.later is not None


def test_a_found_record_that_needs_nothing_else_is_adopted_and_waits() -> None:
    step = in_a_circle(found={"1": ({"id": "901", "Last_Name": "Ann"},)})
    assert isinstance(step, Keep)
    assert (step.outcome, step.target_id, step.later is not None) == ("adopted", "901", True)


@pytest.mark.parametrize("links", [{}, {"1": held_by({"Last_Name": "Bob"})}, {"1": held_by({"Last_Name": "Ann"})}])
def test_it_stays_in_the_queue_until_the_parent_has_its_counterpart(links: dict[str, Link]) -> None:
    done = settled(in_a_circle(links), {"1": Done(record_id="901", modified_time=T0)})
    (row,) = done.queued
    assert (row.source_id, row.state, row.due_at, row.waits_for) == ("1", "held", None, ACME)
    assert (row.cause.code, row.cause.field) == (WAITS_FOR_PARENT, "Account_Name")
    assert row.detail.startswith("Account_Name points to Accounts 77")
    assert done.outcomes.get("held", 0) == 0


def test_the_first_missing_parent_is_the_one_that_is_waited_for() -> None:
    step = plan_one(change(Last_Name="Ann", Account_Name={"id": "78"}))
    assert isinstance(step, Hold)
    assert step.waits_for == LATER_PARENT


def test_a_flag_outlives_an_uncertain_write() -> None:
    """What B is found to hold says nothing of the flag: the link does, and the flag is taken away again."""
    back = change(Last_Name="Ann")
    links = {"1": held_by({"Last_Name": "Ann"}, state="flagged")}
    step = plan_one(back, links=links, found={"1": ({"id": "901", "Last_Name": "Ann"},)}, deletes="flag", flag="Gone")
    assert isinstance(step, Update)
    assert step.values == {"Gone": False}
    assert not step.adopts


def test_a_stream_that_flags_takes_no_flag_from_what_was_never_flagged() -> None:
    links = {"1": held_by({"Last_Name": "Ann"})}
    step = plan_one(change(Last_Name="Ann"), links=links, deletes="flag", flag="Gone")
    assert step == Keep(change=change(Last_Name="Ann"), outcome="unchanged")


def test_only_deletions_with_an_outcome_are_told_to_those_who_wait_for_the_record() -> None:
    gone = Deletion(record_id="2", modified_time=T0)
    known_record = plan_one(ANN, parents={ACME: "902"}, links={"1": held_by({"Last_Name": "Ann"})})
    steps = [known_record, plan_one(gone, deletes="delete", links={"2": held_by({"Last_Name": "Bob"})})]
    assert settled(steps, {"1": Done(record_id="901", modified_time=T0)}).gone == []
    both = {i: Done(record_id="901", modified_time=T0) for i in ("1", "2")}
    assert settled(steps, both).gone == ["2"]
