"""A counterpart that was looked at after an uncertain write: which of its values are ours, and which somebody's."""

from __future__ import annotations

from dataclasses import replace

import pytest

from daemon.core.causes import DRIFT, Cause
from daemon.core.steps import Keep, Update
from tests.core.make import ZGID, change, fields, link, plan_one, settled

ANN = change(Last_Name="Ann", Age=40)
AGREED = link({"Account_Name": None, "Age": 40, "Last_Name": "Ann", "Stage": "Hot"})
COLD = {"id": "901", "Last_Name": "Ann", "Age": 39, "Stage": "Cold", "Key": f"{ZGID}:1"}
HOT_41 = change(Last_Name="Ann", Age=41, Stage="Hot")


@pytest.mark.parametrize(
    ("drift", "carried", "sent"),
    [
        ("keep", {"1": frozenset({"Age"})}, {"Age": 41}),
        ("report", {"1": frozenset({"Age"})}, {"Age": 41}),
        ("keep", {"1": frozenset()}, {"Age": 41}),  # the source has changed it since
        ("keep", {"1": frozenset({"Stage"})}, {"Age": 41, "Stage": "Hot"}),
        ("keep", {}, {"Age": 41, "Stage": "Hot"}),  # nobody knows what was sent
        ("overwrite", {"1": frozenset({"Age"})}, {"Age": 41, "Stage": "Hot"}),
    ],
)
def test_what_no_uncertain_write_carried_and_the_source_says_as_before_is_a_hand_edit(
    drift: str, carried: dict[str, frozenset[str]], sent: dict[str, object]
) -> None:
    step = plan_one(HOT_41, links={"1": AGREED}, found={"1": (COLD,)}, carried=carried, drift=drift)
    assert isinstance(step, Update)
    assert step.values == sent
    assert step.digests.by_field["Stage"] == AGREED.by_field["Stage"]


def test_of_another_record_than_the_linked_one_nothing_was_agreed() -> None:
    other = {**COLD, "id": "902"}
    step = plan_one(HOT_41, links={"1": AGREED}, found={"1": (other,)}, carried={"1": frozenset()}, drift="keep")
    assert isinstance(step, Update)
    assert (step.target_id, step.values) == ("902", {"Age": 41, "Stage": "Hot"})


def test_what_is_filtered_keeps_what_was_agreed_beside_a_hand_edit() -> None:
    step = plan_one(
        HOT_41,
        links={"1": AGREED},
        found={"1": (COLD,)},
        carried={"1": frozenset({"Age"})},
        field_map=fields(where="Last_Name = 'Bob'"),
    )
    assert isinstance(step, Keep)
    assert step.digests is not None
    assert step.digests.by_field["Stage"] == AGREED.by_field["Stage"]
    assert step.digests.by_field["Age"] != AGREED.by_field["Age"]


def test_a_reported_hand_edit_is_reported_after_every_step_but_the_one_that_sends_its_field() -> None:
    told = {"1": replace(AGREED, drifted=frozenset({"Stage"}))}
    cause = Cause(code=DRIFT, module="Contacts", field="Stage")
    for one in (change(Last_Name="Ann", Age=40, Stage="Hot"), HOT_41):
        step = plan_one(one, links=told)
        assert isinstance(step, Keep | Update)
        assert step.later is not None
        assert (step.later.cause, step.later.detail) == (cause, "Stage of 901 was changed in b")
        silent = plan_one(one, links=told, drift="keep")
        assert isinstance(silent, Keep | Update)
        assert silent.later is None
    (row,) = settled(plan_one(change(Last_Name="Ann", Age=40, Stage="Hot"), links=told)).queued
    assert (row.state, row.due_at, row.cause) == ("held", None, cause)
    sends = plan_one(change(Last_Name="Ann", Age=40, Stage="Warm"), links=told)
    assert isinstance(sends, Update)
    assert (sends.later, sends.drifted) == (None, frozenset())


def test_a_look_sees_that_a_hand_edit_was_taken_back() -> None:
    told = {"1": replace(AGREED, drifted=frozenset({"Stage"}))}
    found = {"1": ({**COLD, "Stage": "Hot"},)}
    step = plan_one(HOT_41, links=told, found=found, carried={"1": frozenset({"Age"})})
    assert isinstance(step, Update)
    assert (step.later, step.drifted) == (None, frozenset())


@pytest.mark.parametrize(("keyless", "sent"), [(frozenset[str](), False), (frozenset({"1"}), True)])
def test_a_scribble_in_the_key_field_gives_way_where_a_comparison_has_found_it(
    keyless: frozenset[str], *, sent: bool
) -> None:
    found = {"1": ({**COLD, "Key": "scribble"},)}
    same = change(Last_Name="Ann", Age=40, Stage="Hot")
    step = plan_one(same, links={"1": AGREED}, found=found, carried={"1": frozenset()}, keyless=keyless)
    assert isinstance(step, Update) is sent
    assert not isinstance(step, Update) or step.values == {"Key": f"{ZGID}:1"}
