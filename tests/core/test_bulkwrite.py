"""Records as rows of a bulk write's CSV: what a cell says, what keeps a record out, and which streams are not fit."""

import csv
import io
from collections.abc import Iterable
from dataclasses import replace

import pytest

from daemon.core.backfill import WRITE_ROWS
from daemon.core.bulkwrite import MOST_BYTES, Column, Sheet, columns_of, promise_of, read_as, unfit_to_write
from daemon.core.convert import Json
from daemon.core.digest import digest_values
from daemon.core.fieldmap import FieldMap
from daemon.core.fitting import FieldRule
from daemon.core.record import Change
from daemon.core.schema import Field, Schema
from daemon.core.steps import Create
from tests.core.make import SECRET, at, fields, rule, stream

KEY = "600:1"


def create(number: int = 1, **values: Json) -> Create:
    change = Change(position=at(record_id=str(number)), values={"id": str(number)})
    digests = digest_values(values, "v1", SECRET)
    return Create(change=change, values={**values, "Key": KEY}, digests=digests, match={"Key": KEY})


def of(kind: str) -> list[Column]:
    return columns_of(fields(rule("F", kind)))


def sheet_of(steps: Iterable[Create], columns: list[Column], most: int, most_bytes: int = MOST_BYTES) -> Sheet:
    sheet = Sheet(columns, most, most_bytes)
    for step in steps:
        sheet.add([step])
    return sheet


def cells(sheet: Sheet) -> list[list[str]]:
    return list(csv.reader(io.StringIO(sheet.content.decode(), newline="")))


@pytest.mark.parametrize(
    ("kind", "value", "cell"),
    [
        ("text", 'a "b",\nc;', 'a "b",\nc;'),
        ("text", None, ""),
        ("number", 1.0, "1"),
        ("number", 1e-7, "0.0000001"),
        ("number", -5, "-5"),
        ("bigint", "12345678901234567890", "12345678901234567890"),
        ("boolean", True, "true"),
        ("boolean", False, "false"),
        ("date", "2026-01-31", "2026-01-31"),
        ("datetime", "2026-01-31T10:00:00+00:00", "2026-01-31T10:00:00+00:00"),
        ("multiselect", ["a", "b"], "a;b"),
        ("lookup", {"id": "7000001"}, "7000001"),
        ("owner", {"id": "7000001"}, "7000001"),
    ],
)
def test_a_cell_says_what_a_value_is(kind: str, value: Json, cell: str) -> None:
    assert cells(sheet_of([create(F=value)], of(kind), WRITE_ROWS)) == [["Key", "F"], [KEY, cell]]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("text", " a"),
        ("text", "a\n"),
        ("text", "a\rb"),
        ("text", "a\0b"),
        ("text", " "),
        ("multiselect", ["a;b"]),
        ("lookup", {"id": "7000001", "module": "Leads"}),
    ],
)
def test_a_record_with_a_value_that_a_cell_may_not_say_exactly_is_left_out(kind: str, value: Json) -> None:
    good = create(2, F=None)
    assert sheet_of([create(F=value), good], of(kind), WRITE_ROWS).carried == {"2"}


def test_a_record_that_lacks_something_yet_is_left_out() -> None:
    both = fields(rule("F"), rule("G"))
    assert sheet_of([create(F="a")], columns_of(both), WRITE_ROWS).carried == set()


def test_a_file_has_no_more_rows_and_bytes_than_it_may() -> None:
    steps = [create(number, F="ü" * 100) for number in range(9)]
    assert sheet_of(steps, of("text"), 4).carried == {"0", "1", "2", "3"}
    sheet = sheet_of(steps, of("text"), 9, most_bytes=1_000)
    assert 1 < len(sheet.carried) < 9
    assert len(sheet.content) <= 1_000
    assert len(cells(sheet)) == len(sheet.carried) + 1


def test_the_columns_that_a_result_shows_are_not_called_as_its_own() -> None:
    names = [column.api_name for column in columns_of(fields(rule("Status"), rule("A"), rule("Errors"), rule("B")))]
    assert names == ["Key", "A", "B", "Status", "Errors"]


def test_what_was_made_is_compared_with_what_was_sent() -> None:
    known = fields(rule("F"), rule("G", "number"))
    columns, there = columns_of(known), {"id": "9", "Key": KEY, "F": "a", "G": 1, "H": "x"}
    promise = promise_of(create(F="a", G=1), columns)

    def reads(**shown: object) -> str:
        return read_as(promise, {**there, **shown}, known, columns, SECRET)

    assert reads() == "promised"
    for odd in ({"G": 2}, {"F": None}, {"F": "1", "G": "a"}):
        assert reads(**odd) == "otherwise"
        for key in ("600:2", "700:2", "eu:7", None):
            assert reads(**odd, Key=key) == "another"
    assert [reads(Key=key) for key in ("600:2", "700:1", "600:1.0", None, 6)] == ["another"] * 2 + ["otherwise"] * 3


FIT = fields(rule("F"), rule("L", "lookup", parent="Accounts"))


def schema(**more: object) -> Schema:
    made = [Field(api_name=name, label=name, data_type="text", **more) for name in ("F", "L")]  # type: ignore[arg-type]
    return Schema(module="Contacts", fields={one.api_name: one for one in made})


def test_plain_fields_with_a_key_are_fit() -> None:
    assert unfit_to_write(stream(), FIT, schema()) is None


@pytest.mark.parametrize(
    ("more", "known", "why"),
    [
        ({}, replace(FIT, key=None), "no key"),
        ({"triggers": ("workflow",)}, FIT, "automations"),
        ({"circle": ("b-a/Contacts",)}, FIT, "not made from files"),
        ({"module": "Notes"}, FIT, "not made from files"),
        ({}, fields(*(rule(f"F{n}") for n in range(200))), "more than 200"),
        ({}, fields(rule("F", "rows")), "F holds rows"),
        ({}, fields(rule("F", "tags")), "F holds tags"),
        ({}, fields(rule("F", "links", links=("a", "b"))), "F holds links"),
        ({}, fields(rule("F", "multilookup")), "F holds multilookup"),
        ({}, fields(rule("Gone")), "Gone is rich text"),
    ],
)
def test_a_stream_that_is_not_fit_says_why(more: dict[str, str], known: FieldMap, why: str) -> None:
    assert why in str(unfit_to_write(stream(**more), known, schema()))


def test_rich_text_is_not_fit() -> None:
    assert "F is rich text" in str(unfit_to_write(stream(), FIT, schema(rich_text=True)))


def test_a_rule_is_one_column() -> None:
    rules: tuple[FieldRule, ...] = FIT.rules
    assert [c.kind for c in columns_of(FIT)] == ["text", *(one.kind for one in rules)]
