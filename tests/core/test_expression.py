"""Expressions: what they compute, what is refused when they are read, and what holds a record."""

from __future__ import annotations

from contextlib import suppress
from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.expression import DEPTH, LENGTH, ExpressionError, evaluate, parse_expression
from daemon.core.functions import FUNCTIONS, LONGEST, NoValueError
from tests.core.make import json_values, often


@pytest.mark.parametrize(
    ("text", "record", "value"),
    [
        ("round(Amount * 1.19, 2)", {"Amount": 100}, 119.0),
        ("round(Amount * 1.19, 2)", {"Amount": 2.25}, 2.68),
        ("round(2.675, 2)", {}, 2.68),
        ("round(-0.5)", {}, -1),
        ("round(7, 2)", {}, 7),
        ("1 + 2 * 3 - 4 / 2", {}, 5.0),
        ("7 // 2 + 7 % 2", {}, 4),
        ("-A + +B", {"A": 1, "B": 3}, 2),
        ("First + ' ' + Last", {"First": "Ann", "Last": "Lee"}, "Ann Lee"),
        ("concat(First, ' ', Age, Member)", {"First": None, "Age": 5.0, "Member": True}, " 5true"),
        ("'big' if Amount > 10 and not Lost else 'small'", {"Amount": 11, "Lost": False}, "big"),
        ("Stage in ('Won', 'Lost')", {"Stage": "Won"}, True),
        ("'x' not in Name", {"Name": "abc"}, True),
        ("Name is None", {"Name": ""}, True),
        ("Name == None or Name != 'a'", {}, True),
        ("0 < A <= 5", {"A": 5}, True),
        ("min(A, 3) + max(A, 3) + abs(-1)", {"A": 1}, 5),
        ("max('a', 'b')", {}, "b"),
        ("len(A) + len(B)", {"A": None, "B": "äöü"}, 3),
        ("upper(strip(A))", {"A": " ß "}, "SS"),
        ("lower(A)", {}, None),
        ("replace(A, '-', '')", {"A": "1-2-3"}, "123"),
        ("replace(A, '-', '')", {}, None),
        ("str(A)", {"A": 1e22}, "10000000000000000000000"),
        ("int(A) + float(B)", {"A": "12", "B": " 0.5 "}, 12.5),
        ("int(2.9)", {}, 2),
        ("coalesce(A, B, 'c')", {"A": "", "B": None}, "c"),
        ("coalesce(A)", {}, None),
        ("Account", {"Account": {"id": "1", "name": "Acme"}}, "Acme"),
        ("Languages", {"Languages": ["de", "en"]}, "de;en"),
        ("''", {}, None),
        ("'a\\nb'", {}, "a\nb"),
    ],
)
def test_an_expression_gives_its_value(text: str, record: dict[str, object], value: object) -> None:
    found = evaluate(text, record, UTC)
    assert (found, type(found)) == (value, type(value))


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("date(T)", "2026-03-02"),
        ("day(T)", 2),
        ("month(T)", 3),
        ("year(T)", 2026),
        ("date('2026-03-01')", "2026-03-01"),
    ],
)
def test_the_day_of_a_time_is_that_of_the_source_orgs_clock(text: str, value: object) -> None:
    assert evaluate(text, {"T": "2026-03-01T23:30:00+00:00"}, ZoneInfo("Asia/Kolkata")) == value
    assert evaluate("date(T)", {}, UTC) is None
    assert parse_expression(text).dated
    assert not parse_expression("Amount + 1").dated


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "invalid syntax"),
        ("1 +", "invalid syntax at character"),
        ("A = 1", "invalid syntax"),
        ("nope(A)", "there is no function 'nope'; there are round, abs"),
        ("Nope.x", "Attribute is not part"),
        ("A.__class__", "Attribute"),
        ("''.join(A)", "only the functions of orgsync"),
        ("A[0]", "Subscript"),
        ("2 ** 9", "Pow is not part"),
        ("1 << 9", "LShift"),
        ("lambda: 1", "Lambda"),
        ("[x for x in A]", "ListComp"),
        ("f'{A}'", "JoinedStr"),
        ("__import__('os')", "there is no function '__import__'"),
        ("_a", "'_a' is not the API name"),
        ("naïve", "is not the API name"),
        ("round()", "round does not take 0 values"),
        ("lower('a', 'b')", "lower does not take 2 values"),
        ("round(A, digits=1)", "plain values"),
        ("max(*A)", "plain values"),
        ("{'a': 1}", "Dict"),
        ("A is B", '"is" is for None'),
        ("1j", "a value in it"),
        ("b'x'", "a value in it"),
        ("...", "a value in it"),
        ("1e999", "a value in it"),
        (str(2**63), "a value in it"),
        ("(A := 1)", "NamedExpr"),
        ("'\\x41'", "after a backslash"),
        ("1" + " + 1" * DEPTH, "more than 100 levels"),
        ("(" * 400 + "1" + ")" * 400, ""),
        ("-" * 900 + "1", ""),
        ("1" * (LENGTH + 1), "1000 are allowed"),
        ("A\0", ""),
    ],
)
def test_what_is_no_expression_is_said_when_it_is_read(text: str, said: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        parse_expression(text)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "record", "said"),
    [
        ("Amount * 2", {}, "* needs a number, a blank was given (blank: Amount)"),
        ("Amount + Name", {"Amount": 1, "Name": "x"}, "+ needs a number, a text was given"),
        ("A / B", {"A": 1, "B": 0}, "division by zero"),
        ("A % 0", {"A": 1}, "division by zero"),
        ("A > 1", {"A": "x"}, "> needs a number"),
        ("A + 1", {"A": True}, "true/false was given"),
        ("A * 10", {"A": 1e308}, "too large"),
        ("upper(A)", {"A": 5}, "upper needs a text, a number"),
        ("int(A)", {"A": "1,5"}, "'1,5' is no number"),
        ("round(A, 99)", {"A": 1}, "0 to 15 digits"),
        ("date(A)", {"A": "soon"}, "soon"),
        ("year(A)", {}, "year needs a text, a blank"),
        ("A in B", {"A": 1, "B": "x"}, "in needs a text"),
        ("('a', 'b')", {}, "it gives a list"),
        ("A + A", {"A": "x" * (LONGEST - 1)}, f"more than {LONGEST} characters"),
        ("concat(A, A)", {"A": "x" * LONGEST}, f"more than {LONGEST} characters"),
        ("replace(A, 'x', A)", {"A": "x" * 1000}, f"more than {LONGEST} characters"),
        ("replace(A, '', A)", {"A": "x" * 1000}, f"more than {LONGEST} characters"),
        ("A * 3", {"A": "abc"}, "* needs a number, a text"),
    ],
)
def test_what_has_no_value_for_a_record_says_why(text: str, record: dict[str, object], said: str) -> None:
    with pytest.raises(NoValueError) as caught:
        evaluate(text, record, UTC)
    assert said in str(caught.value)


def test_only_the_fields_that_an_expression_names_are_read() -> None:
    assert parse_expression("round(Amount) + coalesce(Tax, round(Amount))").fields == ("Amount", "Tax")
    assert parse_expression("1 + 1").fields == ()


_leaf = st.sampled_from(["A", "B", "None", "True", "0", "1.5", "''", "'x'", "99999999999999999"])
_texts = st.recursive(
    _leaf,
    lambda inner: st.one_of(
        st.tuples(inner, st.sampled_from(["+", "-", "*", "/", "//", "%", "==", "<", "in", "and", "or"]), inner).map(
            lambda t: f"({t[0]} {t[1]} {t[2]})"
        ),
        st.tuples(st.sampled_from(sorted(FUNCTIONS)), st.lists(inner, min_size=1, max_size=3)).map(
            lambda t: f"{t[0]}({', '.join(t[1])})"
        ),
        st.tuples(inner, inner, inner).map(lambda t: f"({t[0]} if {t[1]} else {t[2]})"),
    ),
    max_leaves=12,
)


@often
@given(_texts, st.dictionaries(st.sampled_from(["A", "B"]), json_values))
def test_any_expression_over_any_json_gives_a_value_or_a_reason(text: str, record: dict[str, Any]) -> None:
    try:
        value = evaluate(text, record, UTC)
    except (ExpressionError, NoValueError):
        return
    assert value is None or isinstance(value, (str, int, float, bool))
    assert value != ""
    assert not isinstance(value, str) or len(value) <= 2 * LONGEST


@often
@given(st.text(max_size=60))
def test_any_text_is_an_expression_or_none(text: str) -> None:
    with suppress(ExpressionError):
        parse_expression(text)
