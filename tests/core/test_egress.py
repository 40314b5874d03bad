"""What leaves with a write, and what a route's list refuses."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.egress import egress_problem, leaving
from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import Problem, resolve
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Source, Template
from tests.core.make import often, stream
from tests.core.test_mapping import KEY, field, schema

NAMES = ("A", "B", "C", "D")
SIDE = schema(*(field(name) for name in NAMES), KEY)
sources = st.one_of(
    st.sampled_from(NAMES).map(lambda name: Copy(field=name)),
    st.lists(st.sampled_from(NAMES), min_size=1).map(lambda names: Template(text="".join(f"{{{n}}}" for n in names))),
    st.lists(st.sampled_from(NAMES), min_size=1).map(lambda names: Expression(text=f"concat({', '.join(names)})")),
    st.just(Constant(value="x")),
)


def resolved(fields: FieldChoice, egress: frozenset[str] | None, **more: Any) -> tuple[FieldMap | None, list[Problem]]:
    return resolve(stream(fields=fields, egress=egress, **more), SIDE, SIDE, {})


@often
@given(
    table=st.dictionaries(st.sampled_from(NAMES), sources),
    star=st.booleans(),
    egress=st.frozensets(st.sampled_from(NAMES)),
)
def test_a_stream_runs_if_and_only_if_all_that_it_reads_into_a_value_is_listed(
    table: dict[str, Source], star: bool, egress: frozenset[str]
) -> None:
    fields = FieldChoice(table=table, star=star)
    free, _ = resolved(fields, None)
    assert free is not None
    bound, problems = resolved(fields, egress)
    read = {column for name, columns in free.made_of.items() if name != "Key" for column in columns}
    assert (bound is not None) == (read <= egress)
    assert bound is None or bound == free
    assert [p.fatal for p in problems] == [True] * (bound is None)


def test_the_message_names_every_field_and_where_it_would_go() -> None:
    table = {"A": Copy(field="A"), "B": Template(text="{A} {C} {D}"), "C": Copy(field="C")}
    _, (problem,) = resolved(FieldChoice(table=table), frozenset({"A"}))
    assert problem.message == (
        "routes.a-b.egress.Contacts does not list C (for B, C), D (for B): they may not leave a, and no Contacts are "
        "sent to b; list what may leave, and take the rest out of routes.a-b.modules.Contacts.fields "
        '("*" is all that both sides have; except takes some away)'
    )


def test_a_listed_name_that_the_source_lacks_is_said_with_the_nearest_and_stops_nothing() -> None:
    side = schema(field("Last_Name"), field("B"), KEY)
    listed = frozenset({"Last_Nmae", "last_name", "Last_Name", "id", "Attachments", "Zzz"})
    one = stream(fields=FieldChoice(table={"B": Constant(value="x")}), egress=listed)
    found, problems = resolve(one, side, side, {})
    assert found is not None
    lists = "routes.a-b.egress.Contacts lists"
    assert [(p.field, p.message, p.fatal) for p in problems] == [
        ("egress", f"{lists} Last_Nmae, which a's Contacts does not have (there is Last_Name)", False),
        ("egress", f"{lists} Zzz, which a's Contacts does not have", False),
        ("egress", f"{lists} last_name, which a's Contacts does not have (there is Last_Name)", False),
    ]


@pytest.mark.parametrize("owner", ["source", "fill-blank", "target"])
def test_a_default_and_the_filter_let_nothing_out_but_a_field_that_is_seldom_written_does(owner: Any) -> None:
    fields = FieldChoice(table={"A": Copy(field="A")}, fills={"A": Fill(default="B", owner=owner)})
    assert resolved(fields, frozenset({"A"}), where="C = 'x'")[0] is not None
    assert resolved(fields, frozenset({"C"}), where="C = 'x'")[0] is None


def test_the_key_lets_the_id_out_and_needs_no_list() -> None:
    found, problems = resolved(FieldChoice(table={"A": Constant(value="x")}), frozenset())
    assert problems == []
    assert found is not None
    assert found.made_of == {"A": (), "Key": ("id",)}


def test_without_a_list_nothing_is_refused() -> None:
    assert egress_problem(stream(), {"A": ("B",)}) is None


def test_each_write_counts_once_for_each_field_in_it() -> None:
    made_of = {"A": ("A",), "B": ("A", "C"), "D": (), "Key": ("id",)}
    bodies = [("A", "B", "Key"), ("B",), ("D", "Deleted"), ()]
    assert leaving(bodies, stream(flag="Deleted"), made_of) == {"A": 2, "C": 2, "id": 1}


def test_what_no_rule_fills_counts_under_its_own_name() -> None:
    assert leaving([("Tag", "Deleted")], stream(), {"A": ("B",)}) == {"Tag": 1, "Deleted": 1}
