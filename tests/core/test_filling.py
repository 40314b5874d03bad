"""Records through the new rules: conversion, defaults, other, expressions, cutting, users."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.causes import Cause
from daemon.core.convert import CONVERSIONS
from daemon.core.digest import digest_values
from daemon.core.rules import Constant, Copy, Expression, Template
from daemon.core.translate import Translation, observe, translate
from tests.core.make import awkward, fields, json_values, known, often, rule

VIENNA = ZoneInfo("Europe/Vienna")


def filled(record: dict[str, object], kind: str = "text", people: Any = None, **more: Any) -> Translation:
    return translate(record, fields(rule("T", kind, **{"source": Copy(field="A"), **more})), people or known())


@pytest.mark.parametrize(
    ("record", "kind", "more", "value"),
    [
        ({"A": None}, "text", {"default": "d"}, "d"),
        ({"A": ""}, "text", {"default": "d"}, "d"),
        ({"A": "x"}, "text", {"default": "d"}, "x"),
        ({"A": 0}, "number", {"default": 7}, 0),
        ({"A": None}, "number", {"default": 7}, 7),
        ({"A": False}, "boolean", {"default": True}, False),
        ({"A": None}, "boolean", {"default": True}, True),
        ({"A": []}, "multiselect", {"default": ["a"]}, ["a"]),
        ({"A": None}, "number", {"default": 7, "origin": "text"}, 7),
        ({}, "text", {"default": "d", "source": Template(text="{A}")}, "d"),
        ({}, "text", {"default": "d", "source": Expression(text="lower(A)")}, "d"),
        ({"A": ""}, "text", {"default": "d", "source": Copy(field="A", values={"x": "y"}, other="o")}, "d"),
        ({"A": "x"}, "text", {"source": Copy(field="A", values={"x": "y"}, other="o")}, "y"),
        ({"A": "z"}, "text", {"source": Copy(field="A", values={"x": "y"}, other="o")}, "o"),
        ({"A": None}, "text", {"source": Copy(field="A", values={"x": "y"}, other="o")}, None),
        ({"A": ["x", "z"]}, "multiselect", {"source": Copy(field="A", values={"x": "y"}, other="o")}, ["y", "o"]),
        ({"A": "x; z"}, "multiselect", {"source": Copy(field="A", values={"x": "y"}), "origin": "text"}, ["y", "z"]),
        ({"A": True}, "text", {"source": Copy(field="A", values={"true": "Yes"}), "origin": "boolean"}, "Yes"),
        ({"A": 1.0}, "text", {"source": Copy(field="A", values={"1": "Low"}), "origin": "number"}, "Low"),
        ({"A": "zehn"}, "number", {"source": Copy(field="A", values={"zehn": "10"}), "origin": "text"}, 10),
        ({"A": "2026-07-01"}, "datetime", {"origin": "date", "zone": VIENNA}, "2026-06-30T22:00:00+00:00"),
        ({"A": "2026-06-30T22:00:00Z"}, "date", {"origin": "datetime", "zone": VIENNA}, "2026-07-01"),
        ({"A": 2}, "text", {"source": Expression(text="A / 4")}, "0.5"),
        ({"A": 2}, "text", {"source": Expression(text="A > 1")}, "true"),
        ({"A": "2.5"}, "number", {"source": Expression(text="A")}, 2.5),
        ({"A": "7"}, "bigint", {"source": Expression(text="A")}, "7"),
        ({"A": 5.0}, "number", {"whole": True}, 5),
    ],
)
def test_a_field_is_filled(record: dict[str, object], kind: str, more: dict[str, Any], value: object) -> None:
    found = filled(record, kind, **more)
    assert found.faults == ()
    assert found.values == {"T": value}
    assert type(found.values["T"]) is type(value)


@pytest.mark.parametrize(
    ("record", "kind", "more", "code", "said", "remedy"),
    [
        ({"A": "1,5"}, "number", {"origin": "text"}, "NOT_CONVERTIBLE", "T: '1,5' is no number", "map it by values"),
        ({"A": 1.5}, "number", {"whole": True}, "NOT_CONVERTIBLE", "takes whole numbers, 1.5", "map it by values"),
        ({}, "number", {"source": Expression(text="A * 2")}, "EXPRESSION_FAILED", "(blank: A)", "coalesce"),
        ({"A": 0}, "number", {"source": Expression(text="1 / A")}, "EXPRESSION_FAILED", "division by zero", "coalesce"),
        ({"A": "soon"}, "datetime", {"origin": "date"}, "MALFORMED_VALUE", "soon", "wrong type"),
        ({"A": 5}, "date", {"source": Expression(text="A")}, "MALFORMED_VALUE", "a date was expected", "wrong type"),
    ],
)
def test_what_has_no_value_is_a_cause_with_its_field_and_a_remedy(
    record: dict[str, object], kind: str, more: dict[str, Any], code: str, said: str, remedy: str
) -> None:
    found = filled(record, kind, **more)
    (fault,) = found.faults
    assert (fault.code, fault.field, fault.value) == (code, "T", None)
    assert said in fault.message
    assert remedy in Cause(code=fault.code, module="M", field=fault.field).remedy


def test_a_text_that_is_too_long_is_cut_and_told_only_where_that_was_asked() -> None:
    assert filled({"A": "abcdef"}, cut=3) == Translation(values={"T": "abc"}, cut=("T",))
    assert filled({"A": "abc"}, cut=3) == Translation(values={"T": "abc"})
    assert filled({"A": "abcdef"}) == Translation(values={"T": "abcdef"})


USERS = known(owners={"1": "91"}, emails={"1": "ann@x.yz", "2": "bob@x.yz"})


@pytest.mark.parametrize(
    ("value", "default", "expected"),
    [
        ({"id": "1"}, None, {"T": {"id": "91"}}),
        (None, None, {"T": None}),
        ({"id": None}, "99", {"T": None}),
        ({"id": "2"}, "99", {"T": {"id": "99"}}),
    ],
)
def test_a_user_becomes_the_same_person_the_default_or_a_blank(value: Any, default: str | None, expected: Any) -> None:
    people = known(owners=USERS.owners, emails=USERS.emails, default_owner=default)
    assert filled({"A": value}, "user", people).values == expected


@pytest.mark.parametrize(("user_id", "who"), [("2", "bob@x.yz"), ("3", "3")])
def test_a_user_whom_nobody_stands_for_is_a_cause_that_names_the_table_of_owners(user_id: str, who: str) -> None:
    (fault,) = filled({"A": {"id": user_id}}, "user", USERS).faults
    assert (fault.code, fault.field, fault.value) == ("USER_UNKNOWN", "T", who)
    remedy = Cause(code=fault.code, module="M", field="T", value=who).remedy
    assert f"give {who} a line in the route's table owners" in remedy


def test_a_user_field_of_the_target_is_seen_as_its_id() -> None:
    assert observe({"T": {"id": "91", "name": "Ann"}}, fields(rule("T", "user"))) == {"T": {"id": "91"}}


RULES = (
    *(rule(f"{o}_{k}", k, origin=o, zone=VIENNA, source=Copy(field="A"), cut=5, whole=True) for o, k in CONVERSIONS),
    rule("Computed", source=Expression(text="upper(A) if B else concat(A, B)")),
    rule("Sum", "number", source=Expression(text="coalesce(A, 0) + B"), default=1, owner="fill-blank"),
    rule("Day", "date", source=Expression(text="date(A)"), owner="target"),
    rule("Chosen", source=Copy(field="A", values={"a": "b"}, other="c"), default="d"),
    rule("Fixed", source=Constant(value="x")),
    rule("User", "user", source=Copy(field="A")),
)


@often
@given(st.dictionaries(st.sampled_from(["A", "B"]), json_values))
def test_translating_never_raises_settles_every_field_and_gives_the_same_digest_again(record: dict[str, Any]) -> None:
    field_map = fields(*RULES)
    found = translate(record, field_map, known())
    settled = found.values.keys() | {f.field for f in found.faults}
    assert settled == {*field_map.targets}
    again = translate(dict(reversed(record.items())), field_map, known())
    assert digest_values(again.values, "v", b"k") == digest_values(found.values, "v", b"k")


@often
@given(st.none() | awkward)
def test_a_value_map_with_other_and_default_always_ends_in_a_value_that_the_settings_name(value: str | None) -> None:
    source = Copy(field="A", values={"a": "b"}, other="c")
    assert filled({"A": value}, source=source, default="d").values["T"] in ("b", "c", "d")
