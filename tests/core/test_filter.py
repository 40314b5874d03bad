"""`where`: what it accepts, what it means, and that it never surprises."""

from __future__ import annotations

import re
import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from daemon.core.filter import Filter, FilterError, parse_filter
from tests.core.make import json_values, often


def keeps(where: str, **record: object) -> bool:
    return parse_filter(where).test(record)


def test_no_text_keeps_every_record_and_reads_no_field() -> None:
    assert parse_filter(None) == Filter()
    assert parse_filter(None).test({})
    assert parse_filter(None).fields == frozenset()


@pytest.mark.parametrize(
    ("where", "yes", "no"),
    [
        ("A = 'x'", "x", "X"),
        ("A != 'x'", "y", "x"),
        ("A = 5", 5, 6),
        ("A = 5", 5.0, "6"),
        ("A = 5.5", 5.5, 5),
        ("A = -5", -5, 5),
        ("A < 5", 4, 5),
        ("A <= 5", 5, 6),
        ("A > 5", 6, 5),
        ("A >= 5", 5, 4),
        ("A > 5", "42", "5"),  # big integers arrive as texts
        ("A < 5", "-42", "42"),
        ("A >= 9007199254740993", "9007199254740993", "9007199254740992"),
        ("A > 1.5", "1.75", "1.25"),
        ("A > 5", 6, "6 apples"),
        ("A = 5", "5", "5.0"),
        ("A = true", True, False),
        ("A = TRUE", True, False),
        ("A = 'false'", False, True),
        ("A != true", False, True),
        ("A in ('x', 'y')", "y", "z"),
        ("A in (1, 2)", 2, 3),
        ("A in ('x')", "x", "y"),
        ("A not in ('x', 'y')", "z", "x"),
        ("A like 'ab%'", "ABc", "cab"),
        ("A like '%ab'", "cAB", "abc"),
        ("A like '%b%'", "abc", "acd"),
        ("A like 'a%c%e'", "abcde", "abde"),
        ("A like '%a%a%'", "aa", "a"),
        ("A like 'ab%bc'", "abbc", "abc"),
        ("A like 'a%b%'", "a\nb", "b\na"),
        ("A like 'abc'", "abc", "abcd"),
        ("A like '%'", "anything", None),
        ("A like 'a.c'", "a.c", "abc"),
        ("A like '%b%bc'", "bbc", "abc"),
        ("A like 'a%b%b'", "abb", "ab"),
        ("A like '12%'", 123, 312),
        ("A like 'x;%'", ["x", "y"], ["y", "x"]),
        ("A is null", None, "x"),
        ("A is null", "", 0),
        ("A is null", [], False),
        ("A is not null", 0, None),
        ("A is not null", "x", ""),
        ("A = '5'", {"id": "5", "name": "x"}, {"id": "6"}),
        ("A is null", {"name": "x"}, {"id": "6"}),
        ("A = 'x;y'", ["y", "x"], ["x"]),
        ("A = 'y;x'", ["y", "x"], ["x", "y", "z"]),
        ("A != 'x;y'", ["x"], ["y", "x"]),
        ("A in ('x', 'y;x')", ["x", "y"], ["y"]),
        ("A = 'it''s'", "it's", "its"),
        ("A = ''''", "'", "''"),
        ("A = 'a and b'", "a and b", "a"),
        ("A > 'a'", "b", "a"),
        ("A < 'b'", "a", "b"),
        ("A < 5", 4, {"id": "6"}),
        ("A < 5", 4, [4]),
        ("A < 'x'", "a", 5),
        ("A <= 5", 5, [4]),
        ("A >= 5", 5, "six"),
        ("A <= 'x'", "x", 5),
        ("A > '2026-03-01T12:00:00+00:00'", "x", ""),
    ],
)
def test_a_comparison_means_what_it_says(where: str, yes: object, no: object) -> None:
    assert keeps(where, A=yes)
    assert not keeps(where, A=no)


@pytest.mark.parametrize("blank", [None, "", [], {}, {"id": None}, {"id": ""}])
@pytest.mark.parametrize("test", ["= ''", "!= 'x'", "< 5", "<= 5", "> 'a'", "in ('x')", "not in ('x')", "like '%'"])
def test_a_blank_field_matches_nothing_but_is_null(blank: object, test: str) -> None:
    assert not keeps(f"A {test}", A=blank)
    assert not keeps(f"A {test}")
    assert keeps("A is null", A=blank)


@pytest.mark.parametrize(
    ("op", "result"), [("=", True), ("!=", False), ("<", False), ("<=", True), (">", False), (">=", True)]
)
def test_times_compare_as_instants_and_not_as_texts(op: str, result: bool) -> None:
    # 12:00 in UTC is 17:30 in India, which as a text would come later.
    assert keeps(f"T {op} '2026-03-01T12:00:00+00:00'", T="2026-03-01T17:30:00+05:30") is result
    assert keeps("T in ('2026-03-01T12:00:00Z')", T="2026-03-01T17:30:00+05:30")
    later = keeps(f"T {op} '2026-03-01T12:00:00+00:00'", T="2026-03-01T10:00:01-02:00")  # 12:00:01 in UTC
    assert later is (op in ("!=", ">", ">="))
    earlier = keeps(f"T {op} '2026-03-01T12:00:00+00:00'", T="2026-03-01T17:29:59+05:30")
    assert earlier is (op in ("!=", "<", "<="))


@pytest.mark.parametrize(
    "text", ["2026-03-01T12:00:00", "2026-03-01T12:00:00.000", "2026-03-01 is a day to remember", "2026-03-01"]
)
def test_what_is_no_instant_compares_as_text(text: str) -> None:
    assert keeps(f"T = '{text}'", T=text)
    assert not keeps(f"T = '{text}'", T=text.replace("0", "1"))
    assert keeps("T < '2026-03-02'", T=text)
    assert not keeps("T = '2026-03-01T12:00:00+00:00'", T=text)


@pytest.mark.parametrize(
    ("where", "kept"),
    [  # of the eight combinations of A, B and C
        ("A = 1 or B = 1 and C = 1", "A B+C"),
        ("B = 1 and C = 1 or A = 1", "A B+C"),
        ("(A = 1 or B = 1) and C = 1", "A+C B+C"),
        ("A = 1 and (B = 1 or C = 1)", "A+B A+C"),
        ("A = 1 and B = 1 and C = 1", "A+B+C"),
        ("((A = 1)) or ((B = 1 or C = 1))", "A B C"),
        ("A=1 AND(B=1 Or C=1)", "A+B A+C"),
    ],
)
def test_and_binds_tighter_than_or_and_brackets_tightest(where: str, kept: str) -> None:
    found = parse_filter(where)
    assert found.fields == {"A", "B", "C"}
    for bits in range(8):
        true = {name for place, name in enumerate("ABC") if bits >> place & 1}
        expected = any(set(term.split("+")) <= true for term in kept.split())
        assert found.test({name: int(name in true) for name in "ABC"}) is expected


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("", "a field name was expected at the end"),
        ("   ", "a field name was expected at the end"),
        ("A", "a comparison was expected at the end"),
        ("A =", "a value was expected at the end"),
        ("A = x", "true or false was expected at 'x'"),
        ("A = null", "expected at 'null'"),
        ("A = 'x", 'cannot read "\'x"'),
        ("A = 'x' B = 'y'", "and, or, or the end was expected at \"B = 'y'\""),
        ("A = 'x' and", "a field name was expected at the end"),
        ("A = 'x' and and B = 1", "a field name was expected at 'and B = 1'"),
        ("= 5", "a field name was expected at '= 5'"),
        ("5 = A", "a field name was expected at '5 = A'"),
        ("'A' = 5", "a field name was expected"),
        ("A ( 5", "one of = != < <= > >= in, not in, like, is was expected at '( 5'"),
        ("A not = 5", "was expected at '= 5'"),
        ("A not like 'x%'", 'was expected at "like'),
        ("A , 5", "was expected at ', 5'"),
        ("(A = 5", ") was expected at the end"),
        ("(A = 5 B", ") was expected at 'B'"),
        ("A = 5)", "and, or, or the end was expected at ')'"),
        ("A in 5", "( was expected at '5'"),
        ("A in ()", "a 'text', a number, true or false was expected at ')'"),
        ("A in (5", ") was expected at the end"),
        ("A in (5,)", "expected at ')'"),
        ("A is 5", "null was expected at '5'"),
        ("A is not 5", "null was expected at '5'"),
        ("A like 5", "a text after like was expected at '5'"),
        ("A ; drop", "cannot read '; drop'"),
        ("A = 5;", "cannot read ';'"),
        ("A.B = 5", "cannot read '.B = 5'"),
        ("A = 1e5", "expected at 'e5'"),
        ("(" * 26 + "A = 5" + ")" * 26, "at most 25 brackets within each other"),
        ("(" * 9999, "at most 25 brackets within each other"),
        ("A = " + "1" * 41, "the end was expected at '1'"),
    ],
)
def test_an_error_names_the_place_and_what_was_expected(where: str, said: str) -> None:
    with pytest.raises(FilterError, match=re.escape(said)) as caught:
        parse_filter(where)
    assert str(caught.value).startswith("where: ")
    assert str(caught.value).endswith((f" in {where!r}", f" at the end of {where!r}"))


def test_brackets_side_by_side_are_not_nested() -> None:
    assert keeps(" and ".join(["(A = 5)"] * 40), A=5)
    assert keeps("(" * 25 + "A = 5" + ")" * 25, A=5)


@pytest.mark.parametrize("word", ["and", "or", "not", "in", "like", "is", "null", "true", "FALSE"])
def test_a_keyword_is_no_field(word: str) -> None:
    with pytest.raises(FilterError, match="a field name was expected"):
        parse_filter(f"{word} = 5")


def test_a_like_over_a_very_long_text_is_quick() -> None:
    began = time.perf_counter()
    assert not keeps("A like '%a%a%a%a%a%a%b'", A="a" * 32_000)
    assert not keeps("A like '%a%a%a%a%a%a%b%'", A="a" * 32_000)
    assert time.perf_counter() - began < 1


names = st.sampled_from(["A", "B", "Last_Name"])
literals = st.sampled_from(["'x'", "''", "'it''s'", "5", "-1.5", "true", "'2026-03-01T12:00:00+05:30'"])
comparisons = st.one_of(
    st.builds("{} {} {}".format, names, st.sampled_from(["=", "!=", "<", "<=", ">", ">="]), literals),
    st.builds("{} {} ({}, {})".format, names, st.sampled_from(["in", "not in"]), literals, literals),
    st.builds("{} like 'x%'".format, names),
    st.builds("{} is {}null".format, names, st.sampled_from(["", "not "])),
)
conditions = st.recursive(
    comparisons, lambda c: st.builds("({} {} {})".format, c, st.sampled_from(["and", "or"]), c), max_leaves=6
)
pieces = st.lists(
    st.sampled_from(
        [
            "A",
            "=",
            "'",
            "''",
            "'x'",
            "(",
            ")",
            ",",
            "and",
            "or",
            "not",
            "in",
            "like",
            "is",
            "null",
            "5",
            "-",
            ".",
            "<>",
            "!",
            "\n",
            "é",
            "٣",
            "%",
        ]
    ),
    max_size=12,
).map(" ".join)
records = st.dictionaries(names, json_values, max_size=3)


@often
@given(conditions, records)
def test_every_condition_of_the_grammar_can_be_asked_of_every_record(where: str, record: dict[str, object]) -> None:
    found = parse_filter(where)
    assert found.test(record) in (True, False)
    assert found.fields <= {"A", "B", "Last_Name"}


@often
@given(conditions, conditions, records)
def test_and_or_and_brackets_are_those_of_logic(one: str, other: str, record: dict[str, object]) -> None:
    mine, theirs = parse_filter(one).test(record), parse_filter(other).test(record)
    assert parse_filter(f"({one}) and ({other})").test(record) == (mine and theirs)
    assert parse_filter(f"({one}) or ({other})").test(record) == (mine or theirs)


@often
@given(st.one_of(pieces, st.text(max_size=30)), records)
@example("A = 5 \x1f", {"A": 5})
def test_any_text_is_a_filter_or_a_filter_error(text: str, record: dict[str, object]) -> None:
    try:
        found = parse_filter(text)
    except FilterError:
        return
    assert found.test(record) in (True, False)
