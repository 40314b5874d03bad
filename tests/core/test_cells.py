"""Cells of a CSV: what they say, what cannot be told, and which streams are not read from them."""

from dataclasses import replace

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.cells import READERS, same, unfit, value_of
from daemon.core.fieldmap import FieldMap
from daemon.core.filter import Filter
from daemon.core.fitting import FieldRule
from daemon.core.rules import Copy, Expression, Stream, Template
from daemon.core.schema import Field, Schema

STREAM = Stream(
    address="r/Leads", route="r", source="a", target="b", source_module="Leads", target_module="Leads", key="K"
)


def field(kind: str, name: str = "F", **more: object) -> Field:
    return Field(api_name=name, label=name, data_type=kind, **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        ("text", ' a, "b"\r\nc ', ' a, "b"\r\nc '),
        ("picklist", "0", "0"),
        ("integer", "5", 5),
        ("double", "5.50", 5.5),
        ("currency", "-1e3", -1000.0),
        ("bigint", "12345678901234567890", "12345678901234567890"),
        ("boolean", "TRUE", True),
        ("boolean", "0", False),
        ("date", "2026-01-31", "2026-01-31"),
        ("datetime", "2026-01-31T10:00:00Z", "2026-01-31T10:00:00Z"),
        ("lookup", "7000001", {"id": "7000001"}),
        ("ownerlookup", "7000001", {"id": "7000001"}),
    ],
)
def test_a_cell_says_what_its_field_can_hold(kind: str, text: str, value: object) -> None:
    assert value_of(field(kind), text) == value
    assert type(value_of(field(kind), text)) is type(value)


@pytest.mark.parametrize("kind", READERS)
def test_an_empty_cell_is_null(kind: str) -> None:
    assert value_of(field(kind), "") is None


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("integer", "1,234"),
        ("integer", "true"),
        ("double", "1.234,5"),
        ("currency", "$ 5"),
        ("percent", "NaN"),
        ("bigint", "1_000"),
        ("bigint", "1.0"),
        ("boolean", "yes"),
        ("date", "31.01.2026"),
        ("date", "2026-01-31T10:00:00Z"),
        ("datetime", "2026-01-31 10:00:00"),  # on whose clock?
        ("datetime", "2026-01-31"),
        ("lookup", "Acme Ltd"),
        ("multiselectpicklist", "English;Klingon"),
        ("multiselectpicklist", "English,German"),
    ],
)
def test_what_cannot_be_told_is_never_guessed(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match=r"\S"):
        value_of(field(kind, picklist=frozenset({"English", "German"})), text)


def test_a_multi_select_is_its_known_values() -> None:
    languages = field("multiselectpicklist", picklist=frozenset({"English", "German"}))
    assert value_of(languages, "German;English") == ["German", "English"]


@given(st.integers() | st.floats(allow_nan=False, allow_infinity=False))
def test_digits_are_the_number_that_json_says(number: float) -> None:
    text = orjson.dumps(number).decode() if abs(number) < 2**53 else repr(float(number))
    assert value_of(field("double"), text) == orjson.loads(text)


@given(st.sampled_from(sorted(READERS)), st.text(min_size=1, max_size=40))
def test_any_text_is_a_value_or_a_value_error(kind: str, text: str) -> None:
    try:
        value_of(field(kind), text)
    except ValueError:
        assert kind not in ("text", "picklist")


@pytest.mark.parametrize(
    ("kind", "cell", "listed", "is_same"),
    [
        ("datetime", "2026-01-31T10:00:00Z", "2026-01-31T15:30:00+05:30", True),
        ("datetime", "2026-01-31T10:00:00Z", "2026-01-31T10:00:01Z", False),
        ("lookup", {"id": "7"}, {"id": "7", "name": "Acme"}, True),
        ("lookup", {"id": "7"}, {"id": "8", "name": "Acme"}, False),
        ("double", 5, 5.0, True),
        ("text", "Wert", "wert", False),  # the label of a picklist is not its value
        ("text", None, "", True),
        ("boolean", False, None, False),
    ],
)
def test_a_cell_is_compared_by_what_it_means(kind: str, cell: object, listed: object, is_same: bool) -> None:
    assert same(field(kind), cell, listed) is is_same


# --- which streams ----------------------------------------------------------------------------------------------------


def given_fields(*fields: Field, rule: FieldRule | None = None) -> tuple[FieldMap, Schema]:
    times = (field("datetime", "Modified_Time"), field("datetime", "Created_Time"))
    rules = (
        (rule,) if rule else tuple(FieldRule(target="T", source=Copy(field=f.api_name), kind="text") for f in fields)
    )
    columns = tuple(f.api_name for f in fields)
    made = FieldMap(rules=rules, version="1", key="K", columns=columns, match=(), keep=Filter())
    return made, Schema(module="Leads", fields={f.api_name: f for f in (*times, *fields)})


@pytest.mark.parametrize(
    ("one", "why"),
    [
        (field("text"), None),
        (field("lookup"), None),
        (field("multiselectpicklist", picklist=frozenset({"a"})), None),
        (field("textarea", rich_text=True), "F is a rich text"),
        (field("formula"), "F is a formula"),
        (field("multi_module_lookup"), "F is a multi_module_lookup"),
        (field("subform"), "F is a subform"),
        (field("multiselectpicklist", picklist=frozenset({"a;b"})), "F has a value with a semicolon"),
    ],
)
def test_fields_that_a_csv_does_not_show_whole_are_read_by_queries(one: Field, why: str | None) -> None:
    found = unfit(STREAM, *given_fields(one))
    assert found is None if why is None else str(found).startswith(why)


@pytest.mark.parametrize("source", [Template(text="x {F}"), Expression(text="F")])
@pytest.mark.parametrize(("kind", "fits"), [("text", True), ("boolean", True), ("lookup", False), ("datetime", False)])
def test_what_a_text_is_made_of_must_be_spelt_alike(source: Template | Expression, kind: str, fits: bool) -> None:
    made, schema = given_fields(field(kind), rule=FieldRule(target="T", source=source, kind="text"))
    assert (unfit(STREAM, made, schema) is None) is fits


def test_streams_that_are_read_by_queries() -> None:
    made, schema = given_fields(field("text"))
    assert unfit(replace(STREAM, circle=("back/Leads",)), made, schema)
    assert unfit(replace(STREAM, source_module="Notes"), made, schema)
    bare = replace(schema, fields={n: f for n, f in schema.fields.items() if n != "Created_Time"})
    assert unfit(STREAM, made, bare) == "Leads shows no Created_Time"
    assert unfit(STREAM, replace(made, columns=("G",)), schema) == "G is not in the metadata"
