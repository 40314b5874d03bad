"""Which parents need not be waited for, because they wait for the record in their turn."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.circles import circular
from daemon.core.translate import Parent
from tests.core.make import often


def one(name: str, module: str = "Contacts") -> Parent:
    return Parent(module=module, record_id=name)


def nobody(_: Collection[Parent]) -> Mapping[Parent, Parent]:
    return {}


def test_two_records_of_a_page_that_point_to_each_other_wait_for_neither() -> None:
    needs = {one("1"): [one("2")], one("2"): [one("1")]}
    assert circular(needs, nobody) == {one("1"): {one("2")}, one("2"): {one("1")}}


def test_a_record_that_points_to_itself_does_not_wait() -> None:
    assert circular({one("1"): [one("1")]}, nobody) == {one("1"): {one("1")}}


def test_a_chain_is_no_circle() -> None:
    assert circular({one("1"): [one("2")], one("2"): [one("3")]}, nobody) == {}


def test_a_circle_is_seen_through_what_the_queue_holds() -> None:
    account = one("9", "Accounts")
    held = {account: one("5"), one("5"): one("1")}
    assert circular({one("1"): [account]}, lambda wanted: {p: held[p] for p in wanted if p in held}) == {
        one("1"): {account}
    }


def test_only_the_parent_in_the_circle_is_passed_over() -> None:
    assert circular({one("1"): [one("2"), one("3")], one("2"): [one("1")]}, nobody)[one("1")] == {one("2")}


@often
@given(st.dictionaries(st.integers(0, 6), st.integers(0, 6), max_size=7), st.integers(0, 6))
def test_whoever_is_in_a_circle_and_nobody_else_is_let_through(points_to: dict[int, int], page: int) -> None:
    edges = {one(str(child)): one(str(parent)) for child, parent in points_to.items()}
    mine = {child: [parent] for child, parent in edges.items() if int(child.record_id) <= page}
    found = circular(mine, lambda wanted: {p: edges[p] for p in wanted if p in edges and p not in mine})
    for child in mine:
        at, steps = edges.get(child), 0
        while at is not None and at != child and steps < 10:
            at, steps = edges.get(at), steps + 1
        assert (child in found) is (at == child)
