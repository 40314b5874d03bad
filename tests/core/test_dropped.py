"""What a person has dropped is one version of a record: it is not written, and any other is."""

import pytest

from daemon.core.answer import Done
from daemon.core.record import Deletion
from daemon.core.steps import Create, Delete, Hold, Keep
from tests.core import make


@pytest.mark.parametrize(("seconds", "kind"), [(0, Keep), (1, Create)])
def test_the_dropped_version_is_left_and_an_edit_is_written(seconds, kind):
    step = make.plan_one(make.change(seconds=seconds, Last_Name="A"), dropped={"1": make.T0})
    assert isinstance(step, kind)
    if isinstance(step, Keep):
        assert (step.outcome, step.target_id) == ("filtered", None)


@pytest.mark.parametrize(("version", "kind"), [(None, Keep), (make.T0, Delete)])
def test_a_dropped_deletion_is_no_edit_and_a_dropped_edit_no_deletion(version, kind):
    gone = Deletion(record_id="1", modified_time=make.T0)
    known = {"links": {"1": make.link({"Last_Name": "A"})}, "deletes": "delete"}
    assert isinstance(make.plan_one(gone, dropped={"1": version}, **known), kind)


def test_a_counterpart_that_an_uncertain_write_of_a_dropped_record_left_is_noted_and_a_choice_of_several_held():
    one, two = ({"id": i, "Last_Name": "A", "Key": "600:1"} for i in ("901", "902"))
    found = make.plan_one(make.change(Last_Name="A"), dropped={"1": make.T0}, found={"1": (one,)})
    assert (found.outcome, found.target_id) == ("filtered", "901")
    several = make.plan_one(make.change(Last_Name="A"), dropped={"1": make.T0}, found={"1": (one, two)})
    assert isinstance(several, Hold)


def test_only_what_was_seen_in_another_version_and_settled_begins_anew():
    steps = [make.plan_one(make.change(i, Last_Name="A")) for i in ("1", "2", "3", "4")]
    done = Done(record_id="901", modified_time=make.T0)
    dropped = {"1": make.T0, "2": make.at(-9).modified_time, "3": None}
    settlement = make.settled(steps, {"1": done, "2": done, "4": done}, dropped=dropped)
    assert settlement.anew == ["2"]
