"""Star and table together, defaults, conversions, ways of writing: from settings and metadata to rules."""

from __future__ import annotations

from datetime import UTC
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from daemon.core.convert import CONVERSIONS
from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import Problem, resolve
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Source, Template
from daemon.core.schema import Field, Schema
from tests.core.make import stream
from tests.core.test_mapping import KEY, field, schema

CARRIED = {"Contacts": "Contacts", "Accounts": "Accounts"}


def resolved(
    source: Schema, target: Schema, choice: FieldChoice, zone: str = "Asia/Kolkata", **more: Any
) -> tuple[FieldMap | None, list[Problem]]:
    return resolve(stream(fields=choice, **more), source, target, CARRIED, zone)


def one(mine: Field, yours: Field, fill: Fill | None = None, zone: str = "Asia/Kolkata", **more: Any) -> FieldMap | str:
    """The rules of one field that is named in a table, or what is wrong with it."""
    source: Source = more.pop("source", Copy(field="A"))
    choice = FieldChoice(table={"A": source}, fills={"A": fill} if fill else {})
    found, problems = resolved(schema(mine), schema(yours, KEY), choice, zone, **more)
    return problems[0].message if found is None else found


def versions(*choices: FieldChoice, zone: str = "UTC", **more: Any) -> set[str]:
    both = schema(field("A", length=20), field("B", "datetime"), KEY)
    target = schema(field("A", length=20), field("B", "datetime"), field("D", "date"), KEY)
    found = [resolved(both, target, choice, zone, **more)[0] for choice in choices]
    return {fields.version for fields in found if fields}


def test_beside_a_table_a_star_carries_all_that_the_table_does_not_name() -> None:
    names = ("A", "B", "C", "D")
    choice = FieldChoice(table={"A": Copy(field="D")}, star=True, except_=frozenset({"C"}))
    found, problems = resolved(schema(*map(field, names)), schema(*map(field, names), KEY), choice)
    assert problems == []
    assert found is not None
    assert {r.target: r.source for r in found.rules} == {
        "A": Copy(field="D"),
        "B": Copy(field="B"),
        "D": Copy(field="D"),
    }


def test_a_star_reports_what_only_a_table_converts_and_carries_the_rest() -> None:
    choice = FieldChoice(table={"B": Copy(field="B")}, star=True)
    source = schema(field("A"), field("B"), field("C", "integer"))
    found, (problem,) = resolved(source, schema(field("A", "integer"), field("B"), field("C", "bigint"), KEY), choice)
    assert found is not None
    assert found.targets == ("B", "C")
    assert (problem.field, problem.fatal) == ("A", False)
    assert 'a text cannot be written to a integer by "*" alone: name it in the table' in problem.message


TYPES = {
    "number": ("integer", "double", "currency", "percent"),
    "text": ("text", "textarea", "email", "phone", "website", "picklist"),
    "bigint": ("bigint",),
    "boolean": ("boolean",),
    "date": ("date",),
    "datetime": ("datetime",),
    "multiselect": ("multiselectpicklist",),
    "picklist": ("picklist",),
    "formula": ("formula",),
}


@pytest.mark.parametrize("origin", TYPES)
@pytest.mark.parametrize("kind", [k for k in TYPES if k not in ("picklist", "formula")])
def test_two_kinds_are_joined_exactly_where_the_table_of_conversions_joins_them(origin: str, kind: str) -> None:
    for mine in TYPES[origin]:
        for yours in TYPES[kind]:
            found = one(field("A", mine), field("A", yours))
            listed = (origin, kind) in CONVERSIONS or (mine == "picklist" and ("picklist", kind) in CONVERSIONS)
            alike = origin == kind or (origin, kind) in (("picklist", "text"), ("formula", "number"))
            known = listed or alike or (mine == "picklist" and ("text", kind) in CONVERSIONS)
            if origin == "formula" and kind == "bigint":
                known = True  # a formula is a number
            assert isinstance(found, FieldMap) is known, (mine, yours, found)
            if not known:
                assert found == f"A: a {mine} cannot be written to a {yours}"


def test_a_conversion_of_days_is_bound_to_the_source_orgs_time_zone() -> None:
    found = one(field("A", "date"), field("A", "datetime"))
    assert isinstance(found, FieldMap)
    assert found.rules[0].zone == ZoneInfo("Asia/Kolkata")
    for zone in ("Mars/Olympus", "", "../etc", "America"):
        said = one(field("A", "date"), field("A", "datetime"), zone=zone)
        assert f"{zone!r} is none that this machine knows" in str(said)
    plain = one(field("A"), field("A"), zone="Mars/Olympus")
    assert isinstance(plain, FieldMap)
    assert plain.rules[0].zone == UTC


def test_an_expression_reads_its_fields_and_names_those_that_are_not_there() -> None:
    found = one(field("A", "currency"), field("A", "currency"), source=Expression(text="round(A * 2, 2)"))
    assert isinstance(found, FieldMap)
    assert found.columns == ("A",)
    said = one(field("Amount"), field("A"), source=Expression(text="Amounts + 1"))
    assert said == (
        "a's Contacts has no field Amounts (there is Amount): if it was renamed, write its API name of today into "
        "routes.a-b.modules.Contacts.fields.A"
    )
    dated = one(field("A"), field("A"), source=Expression(text="date(A)"), zone="Nowhere")
    assert "'Nowhere' is none" in str(dated)


@pytest.mark.parametrize(
    ("yours", "fill", "said"),
    [
        (field("A", "integer"), Fill(default="x"), "the default 'x' is no integer"),
        (field("A", "integer"), Fill(default=1.5), "the default 1.5 is no integer"),
        (field("A", "bigint"), Fill(default=1.5), "the default 1.5 is no bigint"),
        (field("A", length=3), Fill(default="xxxx"), "the default has 4 characters"),
        (field("A", "picklist", picklist=frozenset({"Won"})), Fill(default="Lost"), "the default 'Lost' is not in"),
        (
            field("A", "multiselectpicklist", picklist=frozenset({"a"})),
            Fill(default="a;b"),
            "the default 'b' is not in the picklist",
        ),
        (field("A", "lookup", lookup_module="Accounts"), Fill(default="x"), "a lookup has no default"),
        (field("A", "userlookup"), Fill(default="x"), "a userlookup has no default"),
        (field("A", "email", length=10), Fill(cut=True), "only a text that says how long"),
        (field("A"), Fill(cut=True), "only a text that says how long"),
        (field("A", "lookup", lookup_module="Accounts"), Fill(owner="target"), "a lookup is not left to the target"),
    ],
)
def test_what_cannot_be_filled_in_that_way_is_fatal(yours: Field, fill: Fill, said: str) -> None:
    mine = Field(**{**{n: getattr(yours, n) for n in Field.__slots__}, "picklist": frozenset()})
    assert said in str(one(mine, yours, fill))


def test_a_default_for_choices_is_a_list_and_a_cut_is_the_fields_length() -> None:
    choices = field("A", "multiselectpicklist", picklist=frozenset({"a", "b"}))
    found = one(choices, choices, Fill(default="a; b"))
    assert isinstance(found, FieldMap)
    assert found.rules[0].default == ["a", "b"]
    text = one(field("A"), field("A", length=10), Fill(cut=True))
    assert isinstance(text, FieldMap)
    assert text.rules[0].cut == 10


@pytest.mark.parametrize("mine", ["ownerlookup", "userlookup"])
@pytest.mark.parametrize(("yours", "kind"), [("ownerlookup", "owner"), ("userlookup", "user")])
def test_owners_and_other_users_fill_each_other_by_name(mine: str, yours: str, kind: str) -> None:
    found = one(field("A", mine), field("A", yours))
    assert isinstance(found, FieldMap)
    assert found.rules[0].kind == kind
    several = one(field("A", "multiuserlookup"), field("A", "multiuserlookup"))
    assert several == "A: fields of type multiuserlookup are not carried"


def test_each_owner_has_its_set_of_fields() -> None:
    for owner in ("source", "fill-blank", "target", "newest"):
        found = one(field("A", mandatory=True), field("A", mandatory=True), Fill(owner=owner))  # type: ignore[arg-type]
        assert isinstance(found, FieldMap)
        sets = (found.lasting, found.into_blank, found.made_once, found.newest)
        assert [bool(names) for names in sets] == [owner == o for o in ("source", "fill-blank", "target", "newest")]


def test_every_new_way_of_filling_is_another_version_of_the_rules() -> None:
    a = Copy(field="A")
    ways = [Fill(), Fill(default="x"), Fill(owner="fill-blank"), Fill(owner="target"), Fill(cut=True)]
    choices = [FieldChoice(table={"A": a}, fills={"A": fill}) for fill in ways]
    sources: list[Source] = [
        Copy(field="A", values={"a": "b"}),
        Copy(field="A", values={"a": "b"}, other="c"),
        Expression(text="A"),
        Template(text="A"),
        Constant(value="A"),
    ]
    choices += [FieldChoice(table={"A": source}) for source in sources]
    assert len(versions(*choices)) == len(choices)
    days = FieldChoice(table={"D": Copy(field="B")})
    assert versions(days, zone="Asia/Kolkata") != versions(days, zone="Europe/Vienna")
    plain = FieldChoice(table={"A": a})
    assert versions(plain, zone="Asia/Kolkata") == versions(plain, zone="Europe/Vienna")
    assert versions(plain, owners={"a@x.yz": "b@x.yz"}) != versions(plain)
    unmatched = [versions(plain, where="A = 1", unmatched=way).pop() for way in ("stop", "follow", "delete")]
    assert len(set(unmatched)) == 3
    assert unmatched[0] == versions(plain, where="A = 1").pop()


def test_a_field_renamed_in_the_target_is_named_with_the_nearest_and_the_place_to_mend() -> None:
    said = one(field("A"), field("Aa"))
    assert (
        "b's Contacts has no field A (there is Aa): if it was renamed, write its API name of today into routes.a-b"
        in str(said)
    )
