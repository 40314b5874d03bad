"""What two schemas and a mapping say of a stream; what records are translated by is not decided twice."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import resolve
from daemon.core.remark import Remark
from daemon.core.rules import Copy, FieldChoice, Fill, Source, Stream
from daemon.core.schema import Field, ModuleInfo, Schema
from daemon.core.stream_report import currency_remarks, field_remarks, module_remarks, problem_remark
from daemon.core.translate import Known, translate
from tests.core.make import stream
from tests.core.test_mapping import KEY, field, schema

CARRIED = {"Contacts": "Contacts"}


def seen(mine: Field | Schema, yours: Field | Schema, source: Source | None = None, **fill: Any) -> list[Remark]:
    """What is said of one field A, which both orgs have; it is named in a table where a source or a fill is given."""
    here, there = (one if isinstance(one, Schema) else schema(one) for one in (mine, yours))
    there = schema(*there.fields.values(), KEY)
    table = {"A": source or Copy(field="A")} if source or fill else None
    one = stream(fields=FieldChoice(table=table, star=table is not None, fills={"A": Fill(**fill)} if fill else {}))
    found, problems = resolve(one, here, there, CARRIED)
    assert found is not None, problems
    return [r for r in field_remarks(one, here, there, found) if r.level in ("remark", "note")]


def abouts(*args: Any, **more: Any) -> list[tuple[str, str | None]]:
    return [(remark.about, remark.field) for remark in seen(*args, **more)]


@pytest.mark.parametrize(
    ("mine", "yours", "told"),
    [
        (field("A", length=80), field("A", length=40), True),
        (field("A", length=40), field("A", length=40), False),
        (field("A", length=None), field("A", length=40), False),
        (field("A", "textarea", length=2_000), field("A", length=255), True),
        (field("A", "integer", length=9), field("A", "integer", length=5), True),
        (field("A", "boolean", length=9), field("A", "boolean", length=5), False),
    ],
)
def test_a_longer_source_is_told(mine: Field, yours: Field, told: bool) -> None:
    assert abouts(mine, yours) == ([("length", "A")] if told else [])


def test_what_is_cut_is_not_too_long_and_the_line_that_cuts_it_is_told() -> None:
    mine, yours = field("A", length=80), field("A", length=40)
    [told] = seen(mine, yours)
    line = 'A = { source = "A", cut = true } in [routes.a-b.modules.Contacts.fields] beside "*" = "*"'
    assert told.do == f"lengthen it in b, or cut it: {line}"
    assert seen(mine, yours, cut=True) == []


LISTED = field("A", "picklist", picklist=frozenset({"x", "y", "-None-"}))


def test_a_value_that_the_target_does_not_know_is_told_and_one_that_is_mapped_is_not() -> None:
    yours = field("A", "picklist", picklist=frozenset({"x", "z"}))
    [told] = seen(LISTED, yours)
    assert (told.about, told.seen) == ("picklist", "A: b does not know 'y'")
    assert 'values = { "y" = "…" }' in told.do
    assert seen(LISTED, yours, Copy(field="A", values={"y": "z"})) == []
    assert seen(LISTED, yours, Copy(field="A", values={"x": "x"}, other="z")) == []
    assert "'y'" in seen(LISTED, yours, Copy(field="A", values={"x": "z"}))[0].seen


def test_a_map_of_values_that_nobody_has_is_told_with_the_nearest() -> None:
    [told] = seen(LISTED, field("A", "picklist", picklist=frozenset({"x", "y"})), Copy(field="A", values={"X": "x"}))
    assert (told.about, "there is x" in told.do) == ("picklist", True)


values = st.frozensets(st.sampled_from(["a", "b", "c", "Yes", "1", "2.5", "2026-01-01"]), min_size=1, max_size=5)


@given(values, values, st.dictionaries(values.map(min), st.sampled_from("abc"), max_size=2), st.booleans())
def test_check_and_a_cycle_never_disagree_about_a_value_of_a_list(
    mine: frozenset[str], yours: frozenset[str], table: dict[str, str], several: bool
) -> None:
    kind = "multiselectpicklist" if several else "picklist"
    source, target = field("A", kind, picklist=mine), field("A", kind, picklist=yours)
    origin = Copy(field="A", values=table or None)
    told = " ".join(r.seen for r in seen(source, target, origin) if "does not know" in r.seen)
    found, _ = resolve(stream(fields=FieldChoice(table={"A": origin})), schema(source), schema(target, KEY), CARRIED)
    assert found is not None
    for value in mine:
        sent = _sent(found, [value] if several else value)
        unknown = not {*(sent if isinstance(sent, list) else [sent])} <= yours
        assert (repr(value) in told) is unknown


@pytest.mark.parametrize("target", ["boolean", "integer", "date", "text"])
def test_a_value_of_a_list_that_does_not_convert_is_told_exactly_where_translation_refuses_it(target: str) -> None:
    mine = field("A", "picklist", picklist=frozenset({"Yes", "12", "2026-01-01", "heiß"}))
    origin = Copy(field="A")
    one = stream(fields=FieldChoice(table={"A": origin}))
    found, problems = resolve(one, schema(mine), schema(field("A", target), KEY), CARRIED)
    if found is None:
        assert [problem_remark(one, p).about for p in problems] == ["type"]
        return
    told = " ".join(r.seen for r in seen(mine, field("A", target), origin))
    for value in mine.picklist:
        faults = translate({"id": "1", "A": value}, found, _nobody()).faults
        assert (repr(value) in told) is bool(faults), value


def _nobody() -> Known:
    return Known(parents={}, owners={}, default_owner=None)


def _sent(found: FieldMap, value: object) -> Any:
    return translate({"id": "1", "A": value}, found, _nobody()).values["A"]


def test_a_text_that_goes_into_a_list_is_to_be_known() -> None:
    [told] = seen(field("A"), field("A", "picklist", picklist=frozenset({"x"})))
    assert (told.level, told.about) == ("note", "picklist")


def test_a_mandatory_field_whose_source_may_be_blank_is_told_unless_it_has_a_default() -> None:
    must = field("A", mandatory=True)
    assert abouts(field("A"), must) == [("mandatory", "A")]
    assert abouts(must, must) == abouts(field("A"), must, default="?") == []


def test_a_field_that_is_unique_in_the_target_alone_is_told() -> None:
    once = field("A", unique=True)
    assert (abouts(field("A"), once), abouts(once, once)) == ([("unique", "A")], [])


def test_what_only_one_org_has_is_to_be_known_beside_a_star_and_meant_without() -> None:
    here = schema(field("A"), field("B"), field("C"))
    there = schema(field("A"), field("C", read_only=True))
    assert [(r.level, r.about) for r in seen(here, there)] == [("note", "unmapped"), ("note", "read-only")]
    listed = stream(fields=FieldChoice(table={"A": Copy(field="A")}))
    found, _ = resolve(listed, here, schema(*there.fields.values(), KEY), CARRIED)
    assert found is not None
    assert list(field_remarks(listed, here, there, found)) == []


def test_amounts_of_two_currencies_are_told_unless_the_currency_goes_too() -> None:
    both = [field("A", "currency"), field("Currency", "picklist", picklist=frozenset({"INR"}))]

    def told(fields: list[Field], mine: str, yours: str) -> list[str]:
        here, there, one = schema(*fields), schema(*fields, KEY), stream()
        found, _ = resolve(one, here, there, CARRIED)
        assert found is not None
        return [r.about for r in currency_remarks(one, found, here, there, mine, yours)]

    assert told(both[:1], "INR", "USD") == ["currency"]
    assert told(both, "INR", "USD") == told(both[:1], "INR", "INR") == told(both[:1], "", "USD") == []


def module(**flags: bool) -> ModuleInfo:
    may = dict.fromkeys(("creatable", "editable", "deletable", "viewable"), True) | flags
    return ModuleInfo(api_name="Contacts", label="", api_supported=True, generated_type="default", **may)


@pytest.mark.parametrize(
    ("source", "target", "more", "told"),
    [
        ({}, {}, {}, []),
        ({"creatable": False, "editable": False, "deletable": False}, {}, {}, []),
        ({"viewable": False}, {}, {}, ["orgsync's user may not View Contacts in a"]),
        ({}, {"creatable": False, "editable": False}, {}, ["orgsync's user may not Create, Edit Contacts in b"]),
        ({}, {"deletable": False}, {}, []),
        ({}, {"deletable": False}, {"deletes": "delete"}, ["orgsync's user may not Delete Contacts in b"]),
    ],
)
def test_rights_that_the_user_lacks_and_the_stream_needs_are_wrong(
    source: dict[str, bool], target: dict[str, bool], more: dict[str, Any], told: list[str]
) -> None:
    found = list(module_remarks(stream(**more), module(**source), module(**target)))
    assert [(r.level, r.seen) for r in found] == [("wrong", one) for one in told]
    assert list(module_remarks(stream(**more), None, None)) == []


def test_every_problem_of_the_mapping_says_what_to_do() -> None:
    choice = FieldChoice(table={"B": Copy(field="B"), "R": Copy(field="A"), "T": Copy(field="A")})
    one: Stream = stream(fields=choice, where="Nope = 'x'", deletes="flag", flag="F", match=(("Q",),))
    there = schema(field("R", read_only=True), field("T", "subform"), field("M", mandatory=True))
    found, problems = resolve(one, schema(field("A")), there, CARRIED)
    remarks = [problem_remark(one, problem) for problem in problems]
    assert found is None
    assert {r.about for r in remarks} >= {"field", "read-only", "type", "mandatory", "key", "flag", "where", "match"}
    assert [r for r in remarks if not (r.means and r.do)] == []
    assert {r.level for r in remarks} == {"wrong", "remark"}
