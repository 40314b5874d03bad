"""Fields that are written only into a new record, or only where the target's is blank: what plan makes of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from daemon.core.answer import Done
from daemon.core.digest import digest_values
from daemon.core.filter import parse_filter
from daemon.core.knowledge import Knowledge
from daemon.core.plan import plan, to_look_at
from daemon.core.record import Change, WireRecord
from daemon.core.steps import Create, Keep, Link, Step, Update
from tests.core.make import SECRET, T0, ZGID, change, fields, known, rule, settled, stream

MAP = fields(rule("Name"), rule("Once", owner="target"), rule("Site", owner="fill-blank"), rule("Text", cut=3))
FULL = {"Name": "n", "Once": "o", "Site": "s", "Text": None}


def knowledge(link: Link | None = None, **more: Any) -> Knowledge:
    given = {"links": {"1": link} if link else {}, "found": {}, "deferred": {}, **more}
    return Knowledge(known=known(), source_zgid=ZGID, digest_key=SECRET, **given)


def planned(values: WireRecord, link: Link | None = None, **more: Any) -> Step:
    (step,) = plan([change(**values)], stream(), MAP, knowledge(link, **more))
    return step


def looked_at(values: WireRecord, link: Link, seen: WireRecord | None) -> tuple[Step, bool]:
    """The step after the target was looked at where that is needed, and whether it was."""
    told = knowledge(link)
    wanted = to_look_at([change(**values)], stream(), MAP, told)
    if wanted:
        told = replace(told, present={"1": seen})
    (step,) = plan([change(**values)], stream(), MAP, told)
    return step, bool(wanted)


def after(step: Step) -> Link:
    """What the ledger knows once the step was done."""
    assert isinstance(step, (Create, Update, Keep))
    assert step.digests is not None
    return Link(entity_id="e", target_id="901", whole=step.digests.whole, by_field=step.digests.by_field)


def created() -> Link:
    return after(planned(FULL))


def test_a_new_record_gets_all_its_fields() -> None:
    step = planned({**FULL, "Text": "abcd"})
    assert isinstance(step, Create)
    assert step.values == {"Name": "n", "Once": "o", "Site": "s", "Text": "abc", "Key": f"{ZGID}:1"}
    assert step.cut == ("Text",)


def test_a_field_for_new_records_makes_no_update_and_is_in_none() -> None:
    step = planned({**FULL, "Once": "other"}, created())
    assert isinstance(step, Keep)
    assert step.digests is None
    update = planned({**FULL, "Once": "other", "Name": "m"}, created())
    assert isinstance(update, Update)
    assert update.values == {"Name": "m"}
    assert "Once" not in update.digests.by_field


def test_a_value_for_a_blank_is_written_after_a_look_and_only_then_and_only_once() -> None:
    step, looked = looked_at({**FULL, "Site": "new"}, created(), {"id": "901", "Site": None})
    assert looked
    assert isinstance(step, Update)
    assert step.values == {"Site": "new"}
    unchanged = Keep(change=step.change, outcome="unchanged")
    assert looked_at({**FULL, "Site": "new"}, after(step), {"Site": None}) == (unchanged, False)


@pytest.mark.parametrize("theirs", ["mine", 0, False, ["x"]])
def test_what_the_target_holds_is_spared_and_not_asked_for_at_every_edit(theirs: object) -> None:
    step, looked = looked_at({**FULL, "Site": "new"}, created(), {"id": "901", "Site": theirs})
    assert looked
    assert isinstance(step, Keep)
    link = after(step)
    edit, looked = looked_at({**FULL, "Site": "new", "Name": "m"}, link, {"Site": None})
    assert not looked
    assert isinstance(edit, Update)
    assert edit.values == {"Name": "m"}
    again, looked = looked_at({**FULL, "Site": "newer", "Name": "m"}, after(edit), {"Site": ""})
    assert looked  # blanked there meanwhile, and changed here
    assert isinstance(again, Update)
    assert again.values == {"Site": "newer"}


def test_other_fields_are_written_without_the_one_that_is_spared() -> None:
    step, _ = looked_at({**FULL, "Site": "new", "Name": "m"}, created(), {"Site": "theirs"})
    assert isinstance(step, Update)
    assert step.values == {"Name": "m"}
    unchanged = Keep(change=step.change, outcome="unchanged")
    assert looked_at({**FULL, "Site": "new", "Name": "m"}, after(step), None)[0] == unchanged


def test_a_blank_is_never_written_over_anything_and_needs_no_look() -> None:
    step, looked = looked_at({**FULL, "Site": None}, created(), {"Site": "theirs"})
    assert not looked
    assert isinstance(step, Keep)
    update, _ = looked_at({**FULL, "Site": None, "Name": None}, created(), None)
    assert isinstance(update, Update)
    assert update.values == {"Name": None}
    assert update.blanks
    assert not planned({**FULL, "Name": "m"}, created()).blanks  # type: ignore[union-attr]


def test_a_blank_that_is_not_written_does_not_count_for_the_fuse() -> None:
    step = planned({**FULL, "Site": None, "Name": "m"}, created())
    assert isinstance(step, Update)
    assert not step.blanks


def test_a_record_that_was_looked_up_is_not_looked_at_again() -> None:
    told = knowledge(created(), found={"1": ({"id": "901", "Name": "x", "Site": None},)})
    assert to_look_at([change(**FULL)], stream(), MAP, told) == {}
    lost = planned(FULL, created(), found={"1": ()})
    assert isinstance(lost, Update)
    assert lost.values == {"Name": "n", "Text": None}


def test_of_a_record_that_cannot_be_seen_the_field_is_spared_and_asked_for_again() -> None:
    step, looked = looked_at({**FULL, "Site": "new", "Name": "m"}, created(), None)
    assert looked
    assert isinstance(step, Update)
    assert step.values == {"Name": "m"}
    again, looked = looked_at({**FULL, "Site": "new", "Name": "m"}, after(step), {"Site": None})
    assert looked
    assert isinstance(again, Update)
    assert again.values == {"Site": "new"}


@pytest.mark.parametrize(("theirs", "sent"), [(None, {"Site": "s"}), ("theirs", None), ("s", None)])
def test_after_an_uncertain_write_the_record_that_was_found_decides(theirs: object, sent: object) -> None:
    twin = {"id": "901", "Name": "n", "Once": "hand", "Site": theirs, "Text": None}
    step = planned(FULL, found={"1": (twin,)})
    if sent is None:
        assert isinstance(step, Keep)
    else:
        assert isinstance(step, Update)
        assert step.values == sent
    assert "Once" not in after(step).by_field
    assert planned(FULL, after(step)) == Keep(change=change(**FULL), outcome="unchanged")


def test_a_counterpart_that_is_only_noted_is_known_by_its_lasting_fields() -> None:
    twin = {"id": "901", "Name": "n", "Once": "o", "Site": "s"}
    step = plan(
        [change(**FULL)],
        stream(),
        replace(MAP, keep=parse_filter("Name is null")),
        knowledge(found={"1": (twin,)}),
    )[0]
    assert isinstance(step, Keep)
    assert step.digests is not None
    assert step.digests.by_field.keys() == {"Name", "Text"}


def test_nothing_is_looked_at_where_no_field_is_for_blanks() -> None:
    told = knowledge(created())
    assert to_look_at([change(Name="x", Site="y")], stream(), fields(), told) == {}
    assert to_look_at([change(**{**FULL, "Site": "new"})], stream(), MAP, told) == {"1": "901"}


def test_the_names_of_cut_fields_travel_to_the_history() -> None:
    step = planned({**FULL, "Text": "abcdef"}, created())
    assert isinstance(step, Update)
    (written,) = settled(step, {"1": Done(record_id="901", modified_time=T0)}).written
    assert (written.fields, written.cut) == (("Text",), ("Text",))
    untouched = planned({**FULL, "Text": "abcdef", "Name": "m"}, after(step))
    assert isinstance(untouched, Update)
    assert untouched.cut == ()


def test_equal_rules_without_new_ways_have_the_digests_that_they_had() -> None:
    record: Change = change(Name="n")
    plain = fields(rule("Name"))
    (step,) = plan([record], stream(), plain, knowledge())
    assert isinstance(step, Create)
    assert step.digests == digest_values({"Name": "n"}, "v1", SECRET)
