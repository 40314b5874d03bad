"""Parents before children, whatever the lookups look like."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.order import parents_first
from tests.core.make import often, stream

NAMES = "ABCDEF"
graphs = st.dictionaries(st.sampled_from(NAMES), st.frozensets(st.sampled_from(NAMES + "X"), max_size=4))


def order(listed: str, parents: dict[str, str | frozenset[str]]) -> str:
    streams = [stream(name) for name in listed]
    return "".join(s.source_module for s in parents_first(streams, {m: frozenset(p) for m, p in parents.items()}))


@pytest.mark.parametrize(
    ("listed", "parents", "expected"),
    [
        ("CBA", {}, "CBA"),  # nothing points anywhere: as the settings list them
        ("BA", {"B": "A"}, "AB"),
        ("CBA", {"C": "B", "B": "A"}, "ABC"),
        ("CBA", {"C": "AB"}, "BAC"),  # both parents as listed
        ("BA", {"B": "AX"}, "AB"),  # X is not carried
        ("BA", {"B": "B"}, "BA"),  # a module may point at itself
        ("AB", {"A": "B", "B": "A"}, "AB"),  # a circle: the first listed goes first
        ("BA", {"A": "B", "B": "A"}, "BA"),
        ("CAB", {"A": "C", "B": "A", "C": "B"}, "CAB"),
        ("ABC", {"A": "B", "B": "AC"}, "ACB"),  # B waits for C too
    ],
)
def test_parents_go_first(listed: str, parents: dict[str, str | frozenset[str]], expected: str) -> None:
    assert order(listed, parents) == expected


@often
@given(st.permutations(NAMES), graphs)
def test_without_a_circle_every_parent_comes_before_its_children(
    listed: list[str], graph: dict[str, frozenset[str]]
) -> None:
    # Only arrows to an earlier letter: no circle is possible.
    straight = {m: frozenset(p for p in above if p < m) for m, above in graph.items()}
    found = order("".join(listed), dict(straight))
    assert sorted(found) == sorted(listed)
    assert all(found.index(p) < found.index(m) for m, above in straight.items() for p in above if p in found)


@often
@given(st.permutations(NAMES), graphs)
def test_circles_end_and_lose_nobody(listed: list[str], graph: dict[str, frozenset[str]]) -> None:
    found = order("".join(listed), dict(graph))
    assert sorted(found) == sorted(listed)


def test_a_hundred_modules_that_all_point_at_each_other_end() -> None:
    names = [f"M{n}" for n in range(40)]
    everybody = dict.fromkeys(names, frozenset(names))
    found = parents_first([stream(name) for name in names], everybody)
    assert len(found) == 40
    assert found[0].source_module == "M0"
