"""A's record in B's terms, and B's record in the same form."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.fitting import FieldRule
from daemon.core.rules import Constant, Copy, Template
from daemon.core.translate import Parent, observe, parents_of, translate
from tests.core.make import KINDS, awkward, fields, instants, json_values, known, numbers, often, rule

ONE_OF_EACH = tuple(rule(kind.title(), kind, parent="Accounts" if kind == "lookup" else None) for kind in KINDS)
ids = st.integers(1, 10**19 - 1).map(str)
good_records = st.fixed_dictionaries(
    {
        "Text": st.none() | awkward,
        "Number": st.none() | numbers,
        "Boolean": st.none() | st.booleans(),
        "Date": st.none() | instants.map(lambda t: t.date().isoformat()),
        "Datetime": st.none() | instants.map(lambda t: t.replace(microsecond=0).isoformat()),
        "Multiselect": st.none() | st.lists(awkward, max_size=4),
        "Lookup": st.none() | ids.map(lambda i: {"id": i, "name": "n"}),
        "Owner": st.none() | ids.map(lambda i: {"id": i, "name": "n", "email": "e"}),
    }
)


class Anybody(dict[Any, str]):
    """Every parent and every owner has a counterpart."""

    def get(self, _name: Any, _default: Any = None) -> Any:
        return "77"


@often
@given(good_records)
def test_a_record_that_holds_exactly_what_was_sent_observes_equal(record: dict[str, object]) -> None:
    field_map = fields(*ONE_OF_EACH)
    translation = translate(record, field_map, known(Anybody({1: "77"}), owners=Anybody()))
    assert translation.faults == ()
    assert translation.waits == ()
    over_the_wire = orjson.loads(orjson.dumps(translation.values))
    seen = observe({**over_the_wire, "id": "1"}, field_map)
    assert {name: seen[name] for name in translation.values} == translation.values


@often
@given(st.dictionaries(st.sampled_from([k.title() for k in KINDS]), json_values))
def test_no_json_value_in_any_field_makes_translating_raise(record: dict[str, object]) -> None:
    template = rule("Both", source=Template(text="{Text} {Lookup} {Multiselect} {Number}"))
    mapped = rule("Mapped", source=Copy(field="Text", values={"a": "b"}))
    field_map = fields(*ONE_OF_EACH, template, mapped)
    translation = translate(record, field_map, known())
    settled = translation.values.keys() | {n for n, _ in translation.waits} | {f.field for f in translation.faults}
    assert settled | {"Owner"} == {*field_map.targets}
    orjson.dumps([translation.values, observe(record, field_map)])
    parents_of(record, field_map)


@pytest.mark.parametrize(
    ("kind", "value", "canonical"),
    [
        ("text", "", None),
        ("text", " a ", " a "),
        ("text", 5, "5"),
        ("number", 1.0, 1),
        ("number", -0.0, 0),
        ("number", 1.5, 1.5),
        ("number", "", None),
        ("number", "9223372036854775807", "9223372036854775807"),
        ("number", 2.0**53, 2.0**53),
        ("number", 2.0**53 - 1, 2**53 - 1),
        ("number", 2**64 - 1, 2**64 - 1),
        ("boolean", False, False),
        ("boolean", None, None),
        ("date", "", None),
        ("date", "2026-03-01", "2026-03-01"),
        ("date", "2026-03-01T23:00:00+05:30", "2026-03-01"),
        ("datetime", "", None),
        ("datetime", "2026-03-01T17:30:00+05:30", "2026-03-01T12:00:00+00:00"),
        ("multiselect", [], None),
        ("multiselect", ["b", "a"], ["b", "a"]),
        ("lookup", None, None),
        ("lookup", {"name": "no id"}, None),
    ],
)
def test_values_become_canonical(kind: str, value: object, canonical: object) -> None:
    field_map = fields(rule("F", kind, parent="Accounts"))
    (found,) = translate({"F": value}, field_map, known()).values.values()
    assert found == canonical
    assert type(found) is type(canonical)
    assert observe({"F": value}, field_map) == {"F": canonical}


@pytest.mark.parametrize(
    ("kind", "value", "said"),
    [
        ("text", {}, "an object"),
        ("text", True, "true/false"),
        ("text", [], "a list"),
        ("number", True, "true/false"),
        ("number", "twelve", "twelve"),
        ("number", "nan", "nan"),
        ("number", "1e999", "1e999"),
        ("number", [1], "a list"),
        ("boolean", 1, "a number"),
        ("boolean", 1.5, "a number"),
        ("boolean", "true", "a text"),
        ("date", "yesterday", "yesterday"),
        ("date", 20260301, "a number"),
        ("datetime", "2026-03-01", "no offset"),
        ("datetime", "0001-01-01T00:00:00+10:00", "years"),
        ("multiselect", "a;b", "a text"),
        ("multiselect", [1], "a list"),
        ("lookup", "123", "a text"),
        ("lookup", {"id": "abc"}, "'abc' is not a record id"),
        ("lookup", {"id": 5}, "not a record id"),
        ("owner", [], "a list"),
    ],
)
def test_a_value_of_the_wrong_shape_is_a_fault_with_its_field_and_never_a_blank(
    kind: str, value: object, said: str
) -> None:
    field_map = fields(rule("F", kind, parent="Accounts"), rule("G"))
    translation = translate({"F": value, "G": "good"}, field_map, known())
    (fault,) = translation.faults
    assert (fault.code, fault.field) == ("MALFORMED_VALUE", "F")
    assert said in fault.message
    assert fault.message.startswith("F: ")
    assert translation.values == {"G": "good"}
    assert observe({"F": value, "G": "good"}, field_map) == {"F": repr(value), "G": "good"}


@pytest.mark.parametrize(
    ("source", "record", "expected"),
    [
        (Copy(field="A"), {"A": "x"}, "x"),
        (Copy(field="A", values={"x": "y"}), {"A": "x"}, "y"),
        (Copy(field="A", values={"x": "y"}), {"A": "z"}, "z"),
        (Copy(field="A", values={"x": "y"}), {"A": None}, None),
        (Constant(value="c"), {"A": "x"}, "c"),
        (Template(text="{A} and {B}"), {"A": "x", "B": 5}, "x and 5"),
        (Template(text="{A}{B}"), {"A": None}, None),
        (Template(text="{A} {B}"), {"A": "x"}, "x"),
        (Template(text="{A}"), {"A": {"id": "1", "name": "Acme"}}, "Acme"),
        (Template(text="{A}"), {"A": {"id": "1", "name": None}}, None),
        (Template(text="{A}/{B}"), {"A": True, "B": False}, "true/false"),
        (Template(text="{A}"), {"A": ["p", "q"]}, "p;q"),
        (Template(text="{not a place}"), {}, "{not a place}"),
        (Template(text="{A}"), {"A": "{B}", "B": "no"}, "{B}"),
    ],
)
def test_a_field_is_filled_from_its_source(source: Any, record: dict[str, object], expected: object) -> None:
    assert translate(record, fields(rule("T", source=source)), known()).values == {"T": expected}


def test_a_value_map_reaches_into_lists() -> None:
    mapped = rule("T", "multiselect", source=Copy(field="A", values={"x": "y"}))
    assert translate({"A": ["x", "z"]}, fields(mapped), known()).values == {"T": ["y", "z"]}


ACME = Parent(module="Accounts", record_id="5")
TO_ACCOUNT = rule("Account_Name", "lookup", parent="Accounts")


def test_a_known_parent_becomes_its_counterpart_and_an_unknown_one_is_waited_for() -> None:
    record = {"Account_Name": {"id": "5", "name": "Acme"}}
    assert translate(record, fields(TO_ACCOUNT), known({ACME: "905"})).values == {"Account_Name": {"id": "905"}}
    waiting = translate(record, fields(TO_ACCOUNT), known())
    assert waiting.waits == (("Account_Name", ACME),)
    assert waiting.values == {}
    assert waiting.faults == ()


@pytest.mark.parametrize("value", [None, {}, {"id": None}, {"id": "x"}, "5", 5, []])
def test_only_a_lookup_with_a_record_id_has_a_parent(value: object) -> None:
    field_map = fields(TO_ACCOUNT, rule("Made_Up", "lookup", parent="Accounts", source=Constant(value="5")))
    assert parents_of({"Account_Name": value}, field_map) == ()
    assert parents_of({"Account_Name": {"id": "5"}}, field_map) == (ACME,)


def test_only_lookups_point_to_parents() -> None:
    assert parents_of({"Owner": {"id": "5"}}, fields(rule("Owner", "owner"))) == ()


@pytest.mark.parametrize(
    ("owners", "default", "expected"),
    [
        ({"1": "91"}, None, {"Owner": {"id": "91"}}),
        ({"1": "91"}, "99", {"Owner": {"id": "91"}}),
        ({}, "99", {"Owner": {"id": "99"}}),
        ({}, None, {}),  # left to the target
    ],
)
def test_an_owner_becomes_the_same_person_or_the_default(
    owners: dict[str, str], default: str | None, expected: dict[str, object]
) -> None:
    people = known(owners=owners, default_owner=default)
    assert translate({"Owner": {"id": "1"}}, fields(rule("Owner", "owner")), people).values == expected
    assert translate({"Owner": None}, fields(rule("Owner", "owner")), people).values == {}


def test_a_made_up_value_goes_through_the_same_conversion() -> None:
    rules: tuple[FieldRule, ...] = (
        rule("D", "datetime", source=Constant(value="2026-03-01T17:30:00+05:30")),
        rule("N", "number", source=Constant(value=2.0)),
    )
    assert translate({}, fields(*rules), known()).values == {"D": "2026-03-01T12:00:00+00:00", "N": 2}
