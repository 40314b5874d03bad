"""The ladder from "not ours" to "write it", rung by rung."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.causes import AMBIGUOUS, WAITS_FOR_PARENT, Cause
from daemon.core.content import key_value
from daemon.core.digest import digest_values
from daemon.core.knowledge import Knowledge
from daemon.core.plan import plan
from daemon.core.record import Change, WireRecord
from daemon.core.steps import Batch, Create, Defer, Hold, Keep, Link, Step, Update, batches, body
from daemon.core.translate import Parent, observe
from tests.core.make import (
    RULES,
    SECRET,
    T0,
    ZGID,
    at,
    change,
    fields,
    held_by,
    known,
    link,
    often,
    plan_one,
    rule,
    stream,
)

ANN = change(Last_Name="Ann", Age=40)
VALUES = {"Account_Name": None, "Age": 40, "Last_Name": "Ann", "Stage": None}
LINKED = {"1": link(VALUES)}
IN_B = {"id": "901", "Last_Name": "Ann", "Age": 40}


def digests(values: dict[str, object], version: str = "v1"):
    return digest_values(values, version, SECRET)  # type: ignore[arg-type]


def test_a_record_that_is_not_known_is_created_with_all_its_values_and_its_key() -> None:
    step = plan_one(ANN)
    assert step == Create(
        change=ANN, values={**VALUES, "Key": "600:1"}, digests=digests(VALUES), match={"Key": "600:1"}
    )
    assert body(step) == {**VALUES, "Key": "600:1"}
    assert key_value(ZGID, "1") == "600:1"


def test_without_a_key_a_create_keeps_digests_of_all_that_is_sent_by_which_it_is_found_again() -> None:
    step = plan_one(ANN, field_map=fields(key=None))
    assert isinstance(step, Create)
    assert step.match == digests(VALUES).by_field
    assert (step.values, step.digests) == (VALUES, digests(VALUES))


def test_a_known_record_that_is_equal_is_left_alone() -> None:
    assert plan_one(ANN, links=LINKED) == Keep(change=ANN, outcome="unchanged")


def test_of_a_known_record_only_the_changed_fields_are_sent() -> None:
    edited = change(Last_Name="Ann", Age=41)
    step = plan_one(edited, links=LINKED)
    assert step == Update(
        change=edited, target_id="901", values={"Age": 41}, digests=digests({**VALUES, "Age": 41}), adopts=False
    )
    assert body(step) == {"id": "901", "Age": 41}


def test_a_blanked_field_is_sent_as_a_blank() -> None:
    step = plan_one(change(Last_Name="Ann", Age=None), links=LINKED)
    assert isinstance(step, Update)
    assert step.values == {"Age": None}


def test_a_link_whose_contents_were_never_confirmed_gets_every_field() -> None:
    step = plan_one(ANN, links={"1": Link(entity_id="e1", target_id="901")})
    assert isinstance(step, Update)
    assert step.values == VALUES
    assert not step.adopts
    assert not step.doubted


def test_when_only_the_version_of_the_rules_changed_the_new_digests_are_kept_and_nothing_is_sent() -> None:
    step = plan_one(ANN, links=LINKED, field_map=fields(version="v2"))
    assert step == Keep(change=ANN, outcome="unchanged", target_id="901", digests=digests(VALUES, "v2"))


def test_a_new_rule_sends_its_field_alone() -> None:
    field_map = fields(*RULES, rule("City"), version="v2")
    step = plan_one(change(Last_Name="Ann", Age=40, City="Pune"), links=LINKED, field_map=field_map)
    assert isinstance(step, Update)
    assert step.values == {"City": "Pune"}


def test_nothing_is_sent_while_an_earlier_write_may_arrive_whatever_else_is_known() -> None:
    until = T0 + timedelta(seconds=60)
    for one in (ANN, change(Last_Name={}), change(Last_Name="Bob")):
        step = plan_one(one, deferred={"1": until}, links=LINKED, field_map=fields(where="Last_Name = 'Ann'"))
        assert step == Defer(change=one, until=until)


def test_what_does_not_match_the_filter_is_filtered_before_it_is_translated() -> None:
    poisoned = change(Last_Name="Bob", Age="many")
    assert plan_one(poisoned, field_map=fields(where="Last_Name = 'Ann'")) == Keep(change=poisoned, outcome="filtered")
    assert isinstance(plan_one(ANN, field_map=fields(where="Last_Name = 'Ann'")), Create)


def test_a_fault_holds_the_record_with_its_cause_before_any_parent_is_waited_for() -> None:
    step = plan_one(change(Last_Name={}, Account_Name={"id": "5"}))
    assert isinstance(step, Hold)
    assert step.cause == Cause(code="MALFORMED_VALUE", module="Contacts", field="Last_Name")
    assert "an object" in step.detail
    assert step.waits_for is None


def test_a_missing_parent_holds_the_record_and_is_named() -> None:
    acme = Parent(module="Accounts", record_id="5")
    child = change(Last_Name="Ann", Account_Name={"id": "5"})
    step = plan_one(child, links=LINKED)
    assert isinstance(step, Hold)
    assert step.cause == Cause(code=WAITS_FOR_PARENT, module="Accounts", field="Account_Name")
    assert step.waits_for == acme
    assert "Accounts 5" in step.detail
    ready = plan_one(child, parents={acme: "905"})
    assert isinstance(ready, Create)
    assert ready.values["Account_Name"] == {"id": "905"}


def test_a_parent_that_moved_in_b_is_an_update() -> None:
    acme = Parent(module="Accounts", record_id="5")
    child = change(Last_Name="Ann", Age=40, Account_Name={"id": "5"})
    before = {"1": link({**VALUES, "Account_Name": {"id": "905"}})}
    assert plan_one(child, links=before, parents={acme: "905"}) == Keep(change=child, outcome="unchanged")
    step = plan_one(child, links=before, parents={acme: "906"})
    assert isinstance(step, Update)
    assert step.values == {"Account_Name": {"id": "906"}}


# After an uncertain write the target was asked: `found` holds what could be the record.


def test_found_none_is_created_again() -> None:
    step = plan_one(ANN, found={"1": ()})
    assert isinstance(step, Create)


def test_found_one_that_is_equal_is_adopted_without_a_write() -> None:
    step = plan_one(ANN, found={"1": (IN_B,)})
    assert step == Keep(change=ANN, outcome="adopted", target_id="901", digests=digests(VALUES))


def test_found_one_that_differs_is_adopted_and_only_the_difference_is_sent() -> None:
    step = plan_one(ANN, found={"1": ({**IN_B, "Age": 39},)})
    assert step == Update(
        change=ANN, target_id="901", values={"Age": 40}, digests=digests(VALUES), adopts=True, doubted=True
    )


def test_found_one_that_only_may_be_it_is_for_a_person() -> None:
    step = plan_one(ANN, found={"1": (IN_B,)}, unsure=frozenset({"1"}))
    assert isinstance(step, Hold)
    assert step.detail == "any of 901 in b could be the counterpart of 1"
    assert isinstance(plan_one(ANN, found={"1": ()}, unsure=frozenset({"1"})), Create)
    assert isinstance(plan_one(ANN, found={"1": (IN_B,)}, unsure=frozenset({"2"})), Update | Keep)


def test_found_many_is_for_a_person_with_all_ids_named() -> None:
    step = plan_one(ANN, found={"1": ({**IN_B, "id": "902"}, IN_B)})
    assert isinstance(step, Hold)
    assert step.cause == Cause(code=AMBIGUOUS, module="Contacts", field="Key")
    assert step.detail == "any of 901, 902 in b could be the counterpart of 1"
    assert step.waits_for is None


def test_after_an_uncertain_update_what_b_holds_counts_and_not_what_the_ledger_remembers() -> None:
    # The ledger knows 40, the uncertain update may have brought 41, and A says 40 again.
    step = plan_one(ANN, links=LINKED, found={"1": ({**IN_B, "Age": 41},)})
    assert step == Update(change=ANN, target_id="901", values={"Age": 40}, digests=digests(VALUES), doubted=True)
    same = plan_one(ANN, links=LINKED, found={"1": (IN_B,)})
    assert same == Keep(change=ANN, outcome="unchanged", target_id="901", digests=digests(VALUES))


def test_a_linked_record_that_was_not_found_is_written_whole_to_its_link() -> None:
    step = plan_one(ANN, links=LINKED, found={"1": ()})
    assert isinstance(step, Update)
    assert (step.target_id, step.values, step.adopts, step.doubted) == ("901", VALUES, False, True)


def test_a_filtered_record_keeps_the_counterpart_that_its_uncertain_create_left_behind() -> None:
    in_b = {**IN_B, "Age": 39}
    step = plan_one(ANN, found={"1": (in_b,)}, field_map=fields(where="Last_Name = 'Bob'"))
    assert step == Keep(change=ANN, outcome="filtered", target_id="901", digests=digests({**VALUES, "Age": 39}))
    assert plan_one(ANN, found={"1": ()}, field_map=fields(where="Last_Name = 'Bob'")) == Keep(
        change=ANN, outcome="filtered"
    )


def test_several_candidates_are_for_a_person_even_when_the_record_is_filtered_or_faulty() -> None:
    found = {"1": (IN_B, {**IN_B, "id": "902"})}
    for one in (ANN, change(Last_Name={})):
        step = plan_one(one, found=found, field_map=fields(where="Last_Name = 'Bob'"))
        assert isinstance(step, Hold)
        assert step.cause.code == AMBIGUOUS


def test_two_records_that_look_alike_never_take_the_same_counterpart() -> None:
    # Both creates were uncertain, only one arrived, and without a key nobody can say which.
    changes = [change("1", Last_Name="Ann"), change("2", Last_Name="Ann"), change("3", Last_Name="Ann")]
    both = (IN_B, {**IN_B, "id": "902"})
    knowledge = Knowledge(
        known=known(),
        links={},
        found={"1": (IN_B,), "2": both, "3": both},
        deferred={},
        source_zgid=ZGID,
        digest_key=SECRET,
    )
    first, second, third = plan(iter(changes), stream(), fields(key=None), knowledge)
    assert isinstance(first, Update)
    assert isinstance(second, Update)
    assert (first.target_id, second.target_id) == ("901", "902")
    assert isinstance(third, Create)
    other_way = plan(changes[::-1], stream(), fields(key=None), knowledge)
    assert [type(step) for step in other_way] == [Hold, Hold, Update]


def test_an_owner_that_a_does_not_tell_is_no_difference() -> None:
    field_map = fields(rule("Last_Name"), rule("Owner", "owner"))
    step = plan_one(change(Last_Name="Ann"), field_map=field_map, found={"1": ({**IN_B, "Owner": {"id": "7"}},)})
    assert isinstance(step, Keep)
    assert step.outcome == "adopted"


# Whole pages.

texts = st.sampled_from([None, "", "Ann", "Bob", {}, 5])
lookups = st.sampled_from([None, {"id": "5"}, {"id": "6"}, "bad"])
records = st.fixed_dictionaries(
    {"Last_Name": texts, "Age": st.sampled_from([None, 1, 2, "x"]), "Account_Name": lookups}
)
in_b = st.builds(lambda i, r: {**r, "id": i}, st.sampled_from(["901", "902"]), records)
PARENTS = {Parent(module="Accounts", record_id="5"): "905"}


@st.composite
def pages(draw: st.DrawFn) -> tuple[list[Change], Knowledge]:
    changes = [change(str(n + 1), n, **draw(records)) for n in range(draw(st.integers(0, 6)))]
    mine = st.sampled_from([c.record_id for c in changes] or ["0"])
    knowledge = Knowledge(
        known=known(PARENTS),
        links=draw(st.dictionaries(mine, st.one_of(records.map(held_by), st.just(Link(entity_id="e", target_id="9"))))),
        found=draw(st.dictionaries(mine, st.lists(in_b, max_size=2).map(tuple))),
        deferred=draw(st.dictionaries(mine, st.just(T0))),
        source_zgid=ZGID,
        digest_key=SECRET,
    )
    return changes, knowledge


@often
@given(pages(), st.sampled_from([None, "Last_Name = 'Ann'"]))
def test_a_page_gives_one_step_a_change_in_order_and_never_creates_what_is_linked(
    page: tuple[list[Change], Knowledge], where: str | None
) -> None:
    changes, knowledge = page
    steps = plan(changes, stream(), fields(where=where), knowledge)
    assert [step.change for step in steps] == changes
    taken = [s.target_id for s in steps if isinstance(s, (Update, Keep)) and s.change.record_id not in knowledge.links]
    assert len(set(taken) - {None}) == len([t for t in taken if t])
    for step in steps:
        source_id = step.change.record_id
        if isinstance(step, Create):
            assert source_id not in knowledge.links
            earlier = changes[: changes.index(step.change)]
            theirs = {c["id"] for other in earlier for c in knowledge.found.get(other.record_id, ())}
            assert {c["id"] for c in knowledge.found.get(source_id, ())} <= theirs
        if isinstance(step, Update):
            assert step.values
            assert source_id in knowledge.links or knowledge.found[source_id]
            assert step.adopts == (source_id not in knowledge.links)
            assert step.doubted == (source_id in knowledge.found)
        assert (source_id in knowledge.deferred) == isinstance(step, Defer)


@often
@given(records, records)
def test_an_update_makes_b_equal_and_the_next_plan_has_nothing_to_do(old: WireRecord, new: WireRecord) -> None:
    one = change(**new)
    step = plan_one(one, links={"1": held_by(old)}, parents=PARENTS)
    if isinstance(step, Update):
        # B takes exactly what was sent, and the ledger stores what was confirmed.
        in_b_now = {**observe(old, fields()), **step.values}
        assert digests(in_b_now) == step.digests
        confirmed = Link(
            entity_id="e", target_id=step.target_id, whole=step.digests.whole, by_field=step.digests.by_field
        )
        assert plan_one(one, links={"1": confirmed}, parents=PARENTS) == Keep(change=one, outcome="unchanged")


def _writes(creates: int, updates: int) -> list[Step]:
    empty = digests({})
    made: list[Step] = [
        Create(change=Change(position=at(n, str(n + 1)), values={}), values={}, digests=empty, match={})
        for n in range(creates)
    ]
    made += [
        Update(change=Change(position=at(n, str(5000 + n)), values={}), target_id="9", values={}, digests=empty)
        for n in range(updates)
    ]
    return made


@pytest.mark.parametrize(
    ("creates", "updates", "sizes"),
    [(0, 0, []), (1, 0, [1]), (100, 0, [100]), (101, 0, [100, 1]), (1, 1, [1, 1]), (250, 100, [100, 100, 50, 100])],
)
def test_calls_hold_at_most_a_hundred_records_of_one_action(creates: int, updates: int, sizes: list[int]) -> None:
    assert [len(batch.steps) for batch in batches(_writes(creates, updates))] == sizes


@often
@given(st.integers(0, 230), st.integers(0, 230), st.frozensets(st.integers(1, 5200).map(str), max_size=30))
def test_every_write_travels_exactly_once_and_the_chosen_ones_alone(
    creates: int, updates: int, alone: frozenset[str]
) -> None:
    steps = _writes(creates, updates)
    found = list(batches([Keep(change=change("7777"), outcome="unchanged"), *steps], alone))
    ids = [step.change.record_id for batch in found for step in batch.steps]
    assert Counter(ids) == Counter(step.change.record_id for step in steps)
    assert all(len(batch.steps) <= 100 for batch in found)
    assert all(len(batch.steps) == 1 for batch in found if alone & {s.change.record_id for s in batch.steps})
    kinds = {"create": Create, "update": Update}
    assert all(isinstance(step, kinds[batch.action]) for batch in found for step in batch.steps)


def test_creates_go_before_updates_and_in_the_order_of_change() -> None:
    steps = _writes(2, 2)
    assert list(batches(reversed(steps))) == [
        Batch(action="create", steps=(steps[1], steps[0])),  # type: ignore[arg-type]
        Batch(action="update", steps=(steps[3], steps[2])),  # type: ignore[arg-type]
    ]


@pytest.mark.parametrize(("key", "sent"), [(None, f"{ZGID}:1"), ("", f"{ZGID}:1"), ("999:1", None), ("absent", None)])
def test_a_counterpart_that_was_looked_at_gets_the_key_that_it_lacks_and_no_other(
    key: str | None, sent: str | None
) -> None:
    seen = IN_B if key == "absent" else {**IN_B, "Key": key}
    doubted = replace(LINKED["1"], whole=None, by_field={})
    step = plan_one(ANN, links={"1": doubted}, found={"1": (seen,)})
    if sent is None:
        assert isinstance(step, Keep)
    else:
        assert isinstance(step, Update)
        assert step.values == {"Key": sent}
    assert isinstance(plan_one(ANN, links={"1": doubted}, found={"1": (seen,)}, field_map=fields(key=None)), Keep)
