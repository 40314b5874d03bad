"""The ladder: nobody twice, nothing by order, nothing by side, and what counts as equal."""

from __future__ import annotations

import random
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.fitting import FieldRule
from daemon.core.keys import ladder_problems
from daemon.core.match import Entry, Matching, comparable, keys_of, ladder_fields, match
from daemon.core.rules import Constant
from tests.core import make

keys = st.tuples(*[st.none() | st.sampled_from(["a", "b", "c"]).map(lambda v: (v,))] * 3)
sides = st.lists(keys, max_size=8).map(lambda found: [entry(str(n), *k) for n, k in enumerate(found, 1)])


def entry(record_id: str, *of: tuple[str, ...] | None) -> Entry:
    return Entry(record_id=record_id, name="", keys=of)


def ids(found: Matching) -> tuple[list[str], list[str]]:
    groups = [*found.certain, *found.ambiguous]
    ours = [e.record_id for g in groups for e in g.sources] + [e.record_id for e in found.unmatched_sources]
    theirs = [e.record_id for g in groups for e in g.targets] + [e.record_id for e in found.unmatched_targets]
    return sorted(ours, key=int), sorted(theirs, key=int)


@given(sides, sides, st.randoms(use_true_random=False))
@make.often
def test_every_record_is_in_one_list_whatever_the_order_and_the_side(
    ours: list[Entry], theirs: list[Entry], chance: random.Random
) -> None:
    found = match(ours, theirs)
    assert ids(found) == ([e.record_id for e in ours], [e.record_id for e in theirs])
    assert all((len(g.sources), len(g.targets)) == (1, 1) for g in found.certain)
    assert all(len(g.sources) * len(g.targets) > 1 for g in found.ambiguous)
    assert match(chance.sample(ours, len(ours)), chance.sample(theirs, len(theirs))) == found
    turned = match(theirs, ours)
    assert {(g.rung, g.sources, g.targets) for g in found.certain} == {
        (g.rung, g.targets, g.sources) for g in turned.certain
    }
    assert {(g.rung, g.sources, g.targets) for g in found.ambiguous} == {
        (g.rung, g.targets, g.sources) for g in turned.ambiguous
    }
    assert (found.unmatched_sources, found.unmatched_targets) == (turned.unmatched_targets, turned.unmatched_sources)


@given(sides, sides)
@make.often
def test_who_is_unmatched_shares_no_key_with_another_who_is(ours: list[Entry], theirs: list[Entry]) -> None:
    found = match(ours, theirs)
    for mine in found.unmatched_sources:
        for yours in found.unmatched_targets:
            assert not any(k is not None and k == t for k, t in zip(mine.keys, yours.keys, strict=True))
    for group in (*found.certain, *found.ambiguous):
        assert {e.keys[group.rung] for e in (*group.sources, *group.targets)} == {group.key}


def test_a_pair_that_is_taken_is_not_offered_on_the_rung_below() -> None:
    taken, late = entry("1", ("mail",), ("phone",)), entry("2", None, ("phone",))
    found = match([taken, late], [entry("7", ("mail",), ("phone",))])
    assert [(g.sources[0].record_id, g.rung) for g in found.certain] == [("1", 0)]
    assert found.unmatched_sources == (late,)


def test_two_that_could_be_one_are_for_a_person_and_the_rung_below_is_not_asked() -> None:
    found = match(
        [entry("1", ("mail",), ("x",)), entry("2", ("mail",), ("y",))],
        [entry("7", ("mail",), ("x",)), entry("8", None, ("y",))],
    )
    assert not found.certain
    [group] = found.ambiguous
    assert ([e.record_id for e in group.sources], [e.record_id for e in group.targets]) == (["1", "2"], ["7"])
    assert [e.record_id for e in found.unmatched_targets] == ["8"]


@pytest.mark.parametrize(
    ("mine", "yours", "data_type", "equal"),
    [
        (" Pat@Example.COM ", "pat@example.com", "email", True),
        ("Stra\u00dfe  1", "STRASSE 1", "text", True),
        ("e\u0301", "\u00c9", "text", True),
        ("+49 (30) 12-34", "0049301234"[2:], "phone", True),
        ("\u0663\u0664", "34", "phone", True),
        ("030 1234", "030 1235", "phone", False),
        (["b", "a"], ["a", "b"], "multiselectpicklist", True),
        (1, "1", "integer", False),
        ({"id": "5"}, {"id": "5"}, "lookup", True),
        (False, False, "boolean", True),
    ],
)
def test_what_is_equal(mine: object, yours: object, data_type: str, equal: bool) -> None:
    assert (comparable(mine, data_type) == comparable(yours, data_type)) is equal  # type: ignore[arg-type]


@pytest.mark.parametrize("value", [None, "", " \t", "ext."])
def test_blank_never_matches(value: str | None) -> None:
    assert comparable(value, "phone") is None
    types = {"Email": "email", "Phone": "phone"}
    assert keys_of({"Email": "a@b.c", "Phone": value}, (("Email",), ("Email", "Phone")), types) == (("a@b.c",), None)


def test_a_default_is_no_value_and_only_what_the_ladder_needs_is_read() -> None:
    fields = make.fields(make.rule("Phone", default="+49"), make.rule("Fax"), where="City = 'Goa'")
    found = ladder_fields(fields, (("Phone",),))
    assert ([r.target for r in found.rules], found.rules[0].default) == (["Phone"], None)
    assert found.columns == ("City", "Phone")


def test_a_ladder_of_fields_that_nothing_fills_or_that_are_all_alike_is_a_problem() -> None:
    stream = replace(make.stream(), match=(("Email", "Fax"), ("Rating", "Email")))
    rules = [make.rule("Email"), FieldRule(target="Rating", source=Constant(value="Hot"), kind="text")]
    assert [problem.field for problem in ladder_problems(stream, rules)] == ["Fax", "Rating"]
