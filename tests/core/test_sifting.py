"""What of a filter is asked of the source: never what could keep a matching record back."""

from __future__ import annotations

import pytest

from daemon.core.filter import parse_filter
from daemon.core.schema import Field
from daemon.core.sifting import MOST, sendable
from daemon.zoho import coql

TYPES = {
    "T": "text", "P": "picklist", "M": "multiselectpicklist", "N": "currency", "I": "integer", "B": "bigint",
    "C": "boolean", "D": "date", "S": "datetime", "L": "lookup", "O": "ownerlookup", "F": "formula", "A": "textarea",
    "Tag": "text",
}  # fmt: skip
FIELDS = {name: Field(api_name=name, label=name, data_type=kind) for name, kind in TYPES.items()}


def asked(where: str) -> str | None:
    criteria = sendable(parse_filter(where).criteria, FIELDS)
    return None if criteria is None else str(coql.matching(criteria))


@pytest.mark.parametrize(
    ("where", "there"),
    [
        ("T = 'it''s'", "(T = 'it''s')"),
        ("P in ('a', 'B', 5)", "(P in ('a', 'B', '5'))"),
        ("T like '%@%'", "(T like '%@%')"),
        ("T like '+49%'", "(T like '+49%')"),
        ("T is not null", "(T is not null)"),
        ("N >= -10.50", "(N >= -10.5)"),
        ("N = 5.0", "(N = 5)"),
        ("N < 0.0000001", "(N < 0.0000001)"),
        ("I not in (1, 2)", "(I not in (1, 2))"),
        ("B > 123456789012345678", "(B > 123456789012345678)"),
        ("C = true", "(C = 'true')"),
        ("C = 'TRUE'", "(C = 'true')"),
        ("D <= '2026-03-01'", "(D <= '2026-03-01')"),
        ("S > '2026-03-01T17:30:00+05:30'", "(S > '2026-03-01T12:00:00+00:00')"),
        ("L != '700000000000101'", "(L != '700000000000101')"),
        ("O in (700000000000101)", "(O in ('700000000000101'))"),
        ("T = 'a' and N > 1 and C = true", "(((T = 'a') and (N > 1)) and (C = 'true'))"),
        ("T = 'a' or (N > 1 and F = 2)", "((T = 'a') or (N > 1))"),
        ("F = 2 and N > 1", "(N > 1)"),
    ],
)
def test_what_means_the_same_is_sent(where: str, there: str) -> None:
    assert asked(where) == there


@pytest.mark.parametrize(
    "where",
    [
        "{T} != 'a'",  # where case does not count COQL drops 'A'
        "{T} like 'a%'",  # where it does COQL drops 'A'
        "{T} like '%1%2%'",
        "{T} like '1\\%'",
        "{T} like '1_%'",
        "{T} > 'a'",
        "{T} = 'a\\b'",
        "{T} = ' a'",
        "{T} = ''",
        "{T} = '2026-03-01T17:30:00+05:30'",
        "{T} in ('a', true)",
        "{M} = 'a;b'",
        "{N} = '5'",
        "{N} = 0.1234567890123456",
        "{N} = true",
        "{B} = 5.0",
        "{B} = '5'",
        "{D} > '2026-3-1'",
        "{D} > 'yesterday'",
        "{S} > '2026-03-01'",
        "{S} < '2026-03-01T12:00:00.5+00:00'",
        "{L} != '0123'",
        "{L} = 'x'",
        "{L} > 5",
        f"{{I}} in ({', '.join(map(str, range(51)))})",
    ],
)
def test_of_what_may_mean_something_else_only_that_it_is_not_blank(where: str) -> None:
    name = where[1]
    assert asked(where.replace("{", "").replace("}", "")) == f"({name} is not null)"


@pytest.mark.parametrize(
    "where",
    [
        "T is null",
        "L is null",
        "C = false",
        "C != false",
        "C is not null",
        "F > 1",
        "A = 'a'",
        "Tag is not null",
        "X = 1",
        "T = 'a' or F = 2",
        " and ".join(["T = 'a'"] * (MOST + 1)),
    ],
)
def test_what_nobody_can_be_sure_of_is_not_asked(where: str) -> None:
    assert asked(where) is None


def test_as_many_criteria_as_a_query_takes_beside_the_cursor_are_sent() -> None:
    there = asked(" and ".join(["T = 'a'"] * MOST))
    assert there is not None
    assert there.count("T = 'a'") == MOST
    assert sendable(None, FIELDS) is None
