"""From settings and metadata to field rules, or to a problem with its name."""

from __future__ import annotations

from typing import Any

import pytest

from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import Problem, resolve
from daemon.core.rules import Constant, Copy, FieldChoice, Route, Source, Template
from daemon.core.schema import Field, Schema
from tests.core.make import stream

KEY = Field(api_name="Key", label="Key", data_type="text", length=255, unique=True, custom=True)


def field(name: str, data_type: str = "text", **more: Any) -> Field:
    return Field(api_name=name, label=name, data_type=data_type, **more)


def schema(*found: Field, module: str = "Contacts") -> Schema:
    return Schema(module=module, fields={f.api_name: f for f in found})


def resolved(
    source: Schema,
    target: Schema,
    *,
    table: dict[str, Source] | None = None,
    except_: frozenset[str] = frozenset(),
    module: str = "Contacts",
    **more: Any,
) -> tuple[FieldMap | None, list[Problem]]:
    one = stream(module, fields=FieldChoice(table=table, except_=except_), **more)
    return resolve(one, source, target, {"Contacts": "Contacts", "Accounts": "Accounts"})


def good(*args: Any, **more: Any) -> FieldMap:
    found, problems = resolved(*args, **more)
    assert found is not None, problems
    return found


def messages(*args: Any, **more: Any) -> str:
    found, problems = resolved(*args, **more)
    assert found is None
    return "; ".join(p.message for p in problems)


def test_a_star_carries_what_both_sides_have_and_can_take() -> None:
    names = ["A", "B", "Only_A", "Full_Name", "Tag", "Modified_Time", "Fixed", "Auto", "Key"]
    source = schema(*(field(n) for n in names))
    target = schema(field("A"), field("B"), field("Full_Name"), field("Tag"), field("Modified_Time"), field("Only_B"))
    target = schema(
        *target.fields.values(), KEY, field("Fixed", read_only=True), field("Auto", "autonumber"), field("C")
    )
    found = good(source, target, except_=frozenset({"B"}))
    assert found.targets == ("A",)
    assert (found.columns, found.key) == (("A",), "Key")


@pytest.mark.parametrize("flag", ["creatable", "updatable"])
def test_a_field_that_cannot_be_created_and_updated_is_not_carried(flag: str) -> None:
    assert good(schema(field("A")), schema(field("A", **{flag: False}), KEY)).targets == ()


@pytest.mark.parametrize(
    ("mine", "yours", "said"),
    [
        (field("A"), field("A", "date"), "a text cannot be written to a date"),
        (field("A", "fileupload"), field("A", "event_reminder"), "fields of type event_reminder are not carried"),
        (field("A", "textarea", rich_text=True), field("A", "textarea"), "rich text"),
        (field("A", "lookup", lookup_module="Leads"), field("A", "lookup", lookup_module="Leads"), "does not carry"),
        (field("A", "lookup"), field("A", "lookup", lookup_module="Accounts"), "points to None"),
        (
            field("A", "lookup", lookup_module="Accounts"),
            field("A", "lookup", lookup_module="Leads"),
            "points to Leads",
        ),
    ],
)
def test_what_a_star_cannot_carry_is_told_but_stops_nothing_and_by_name_it_is_fatal(
    mine: Field, yours: Field, said: str
) -> None:
    found, problems = resolved(schema(mine), schema(yours, KEY))
    assert found is not None and found.rules == ()  # noqa: PT018
    assert [(p.field, p.fatal) for p in problems] == [("A", False)]
    assert said in problems[0].message
    assert said in messages(schema(mine), schema(yours, KEY), table={"A": Copy(field="A")})


@pytest.mark.parametrize(
    ("mine", "yours", "kind"),
    [
        ("email", "text", "text"),
        ("picklist", "text", "text"),
        ("text", "picklist", "text"),
        ("autonumber", "text", "text"),
        ("bigint", "bigint", "bigint"),
        ("integer", "bigint", "bigint"),
        ("bigint", "integer", "number"),
        ("integer", "currency", "number"),
        ("formula", "double", "number"),
        ("boolean", "boolean", "boolean"),
        ("date", "date", "date"),
        ("datetime", "datetime", "datetime"),
        ("multiselectpicklist", "multiselectpicklist", "multiselect"),
        ("ownerlookup", "ownerlookup", "owner"),
    ],
)
def test_types_of_one_kind_can_be_written_to_each_other(mine: str, yours: str, kind: str) -> None:
    found = good(schema(field("A", mine)), schema(field("B", yours), KEY), table={"B": Copy(field="A")})
    assert [(r.target, r.kind) for r in found.rules] == [("B", kind)]
    assert found.columns == ("A",)


def test_a_lookup_remembers_the_module_of_its_parent() -> None:
    to_account = field("Account_Name", "lookup", lookup_module="Accounts")
    found = good(schema(to_account, field("A")), schema(to_account, field("A"), KEY))
    assert found.parents == {"Accounts"}
    assert [r.parent for r in found.rules] == [None, "Accounts"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ({"X": Copy(field="A")}, "b's Contacts has no field X"),
        ({"Key": Copy(field="A")}, "Key is the key field"),
        ({"Fixed": Copy(field="A")}, "b's Contacts.Fixed is read-only"),
        ({"A": Copy(field="X")}, "a's Contacts has no field X"),
        ({"A": Template(text="{A} {X}")}, "a's Contacts has no field X"),
        ({"Account": Constant(value="5")}, "a lookup field needs a source field"),
        ({"List": Template(text="{A}")}, "a multiselectpicklist field needs a source field"),
        ({"A": Constant(value=True)}, "the constant True is no text"),
        ({"N": Constant(value="5")}, "the constant '5' is no integer"),
        ({"N": Constant(value=True)}, "the constant True is no integer"),
        ({"B": Constant(value=1)}, "the constant 1 is no boolean"),
        ({"D": Constant(value=20260301)}, "the constant 20260301 is no date"),
        ({"Stage": Constant(value="Lost")}, "not in the picklist: Won"),
        ({"A": Constant(value="x" * 11)}, "the constant has 11 characters, the field takes 10"),
    ],
)
def test_a_named_field_that_cannot_be_carried_is_a_fatal_problem(table: dict[str, Source], said: str) -> None:
    target = schema(
        field("A", length=10),
        field("Fixed", read_only=True),
        field("Account", "lookup", lookup_module="Accounts"),
        field("List", "multiselectpicklist"),
        field("N", "integer"),
        field("B", "boolean"),
        field("D", "date"),
        field("Stage", "picklist", picklist=frozenset({"Won"})),
        KEY,
    )
    found, problems = resolved(schema(field("A")), target, table=table)
    assert found is None
    assert [p.field for p in problems] == [*table]
    assert said in problems[0].message


@pytest.mark.parametrize(
    ("target", "value"),
    [
        (field("T", length=10), "x" * 10),
        (field("T"), 5),
        (field("T", "integer"), 5),
        (field("T", "double"), 5.5),
        (field("T", "boolean"), False),
        (field("T", "date"), "2026-03-01"),
        (field("T", "picklist", picklist=frozenset({"Won"})), "Won"),
    ],
)
def test_a_constant_that_fits_is_a_rule_without_a_column(target: Field, value: Any) -> None:
    found = good(schema(), schema(target, KEY), table={"T": Constant(value=value)})
    assert [r.source for r in found.rules] == [Constant(value=value)]
    assert found.columns == ()
    assert found.rules[0].names_cause is bool(target.picklist)


def test_the_columns_are_all_fields_that_rules_and_filter_read_beside_id_and_time() -> None:
    source = schema(*(field(n) for n in ("id", "Modified_Time", "A", "B", "C", "D")))
    found = good(
        source,
        schema(field("X"), field("Y"), field("Z"), KEY),
        table={"X": Template(text="{B} {A}"), "Y": Copy(field="A"), "Z": Copy(field="id")},
        where="C = 'x' and Modified_Time is not null",
    )
    assert found.columns == ("A", "B", "C")


@pytest.mark.parametrize(
    ("where", "said"),
    [
        ("Rating = 'hot'", ["Rating does not have 'hot' (there is Hot)"]),
        ("Rating != 'Hott' and (A = 'x' or Rating in ('Cold', 'Zzz'))", ["'Hott' (there is Hot)", "'Zzz'"]),
        ("Areas = 'North;Soth'", ["Areas does not have 'Soth' (there is South)"]),
        ("Level = 3 or Level = 1", ["Level does not have '3'"]),
        ("Rating = 'Hot' and Areas not in ('South;North', 'North')", []),
        ("Rating like 'h%' or Rating > 'Z' or Rating is null or Free = 'x' or A = 'x'", []),
    ],
)
def test_a_value_in_a_filter_that_the_picklist_lacks_is_said_with_the_nearest_and_stops_nothing(
    where: str, said: list[str]
) -> None:
    mine = schema(
        field("A"),
        field("Rating", "picklist", picklist=frozenset({"Hot", "Cold"})),
        field("Level", "picklist", picklist=frozenset({"1", "2"})),
        field("Areas", "multiselectpicklist", picklist=frozenset({"North", "South"})),
        field("Free", "picklist"),
    )
    found, problems = resolved(mine, schema(field("A"), KEY), where=where)
    assert found is not None
    assert [p.fatal for p in problems] == [False] * len(said)
    assert all(p.message.startswith("where: the list of a's Contacts.") for p in problems)
    assert all(p.message.endswith(one) for p, one in zip(problems, said, strict=True))


@pytest.mark.parametrize(("where", "said"), [("X = 5", "where: a has no field X"), ("A =", "a value was expected")])
def test_a_filter_that_cannot_be_asked_is_fatal(where: str, said: str) -> None:
    assert said in messages(schema(field("A")), schema(field("A"), KEY), where=where)


def test_an_exception_that_names_nothing_is_fatal() -> None:
    assert "except names X" in messages(schema(field("A")), schema(field("A"), KEY), except_=frozenset({"X"}))


@pytest.mark.parametrize(
    ("mandatory", "fatal"),
    [
        (field("M", mandatory=True), True),
        (field("M", mandatory=True, read_only=True), False),
        (field("Owner", "ownerlookup", mandatory=True), False),
        (field("M"), False),
    ],
)
def test_a_mandatory_field_that_nothing_fills_is_fatal(mandatory: Field, fatal: bool) -> None:
    found, _ = resolved(schema(field("A")), schema(field("A"), mandatory, KEY))
    assert (found is None) is fatal
    assert resolved(schema(field("A"), field("M")), schema(field("A"), mandatory, KEY))[0] is not None


def test_a_mandatory_key_is_filled_by_orgsync_itself() -> None:
    key = field("Key", length=40, unique=True, mandatory=True)
    assert good(schema(field("A")), schema(field("A"), key)).key == "Key"


@pytest.mark.parametrize(
    ("key", "said"),
    [
        (None, "has no field Key: create it with"),
        (field("Key", length=255), "is not unique"),
        (field("Key", "integer", unique=True), "must be a writable text of 40"),
        (field("Key", unique=True, read_only=True), "must be a writable text of 40"),
        (field("Key", unique=True, length=39), "must be a writable text of 40"),
    ],
)
def test_a_key_that_cannot_hold_our_value_is_fatal(key: Field | None, said: str) -> None:
    assert said in messages(schema(field("A")), schema(field("A"), *([key] if key else [])))
    mandatory = field("A", mandatory=True)
    assert good(schema(field("A")), schema(mandatory, *([key] if key else [])), key=None).key is None


def test_a_stream_without_a_key_needs_a_mandatory_text_to_find_its_lost_creates_by() -> None:
    assert "no mandatory text" in messages(schema(field("A")), schema(field("A")), key=None)


def test_without_a_key_records_are_recognised_by_e_mail_phone_and_mandatory_texts() -> None:
    both = [field("A"), field("E", "email"), field("L", mandatory=True), field("N", "integer", mandatory=True)]
    found = good(schema(*both, field("P", "phone")), schema(*both, field("P", "phone")), key=None)
    assert found.match == ("E", "L", "P")


def test_equal_rules_have_equal_versions_and_any_change_of_a_rule_another_one() -> None:
    both = schema(field("A"), field("B"), KEY)

    def version(**more: Any) -> str:
        return good(both, both, **more).version

    a = {"A": Copy(field="A")}
    versions = [
        version(table=a),
        version(table={"A": Copy(field="B")}),
        version(table={"B": Copy(field="A")}),
        version(table={"A": Copy(field="A", values={"x": "y"})}),
        version(table={"A": Constant(value="A")}),
        version(table={"A": Template(text="A")}),
        version(table=a, where="A = 'x'"),
        version(table=a, default_owner="x@y"),
    ]
    assert len(set(versions)) == len(versions)
    mapped = {"A": Copy(field="A", values={"x": "1", "y": "2"})}
    turned = {"A": Copy(field="A", values={"y": "2", "x": "1"})}
    assert version(table=mapped) == version(table=turned)
    assert version(table={"A": Copy(field="A"), "B": Copy(field="B")}) == version()


def test_the_versions_of_rules_that_existed_before_are_what_they_were() -> None:
    """Another version would have every record read again: these three were taken before there was anything new."""
    both = [
        field("A"),
        field("B", "integer"),
        field("C", "picklist", picklist=frozenset({"x"})),
        field("D", "lookup", lookup_module="Accounts"),
        field("Owner", "ownerlookup"),
        field("E", "double"),
        field("G", "bigint"),
    ]
    source, target = schema(*both), schema(*both, KEY)
    table = {
        "A": Template(text="{A} {B}"),
        "C": Copy(field="C", values={"b": "x", "a": "y"}),
        "B": Constant(value=3),
    }
    assert good(source, target).version == "43fd5a8ba3ff3403"
    more = {"where": "A = 'x'", "default_owner": "x@y.z"}
    assert good(source, target, table=table, **more).version == "04bcda07829558ce"
    assert good(source, target, table={"B": Copy(field="E"), "G": Copy(field="B")}).version == "395e626c40548abc"


def test_a_route_knows_which_module_goes_where() -> None:
    route = Route(name="r", source="a", target="b", streams=(stream("Leads"), stream("Deals")))
    assert route.carried() == {"Leads": "Leads", "Deals": "Deals"}


FLAG = field("Gone", "boolean")


def test_the_flag_of_deleted_records_is_not_carried_by_a_star() -> None:
    found = good(schema(field("A"), FLAG), schema(field("A"), FLAG, KEY), deletes="flag", flag="Gone")
    assert found.targets == ("A",)


@pytest.mark.parametrize(
    ("target", "said"),
    [
        ((), "has no field Gone"),
        ((field("Gone"),), "must be a checkbox"),
        ((field("Gone", "boolean", read_only=True),), "must be a checkbox that can be written"),
        ((FLAG,), "is filled from the source already"),
    ],
)
def test_a_flag_that_cannot_be_set_is_fatal(target: tuple[Field, ...], said: str) -> None:
    table: dict[str, Source] = {"A": Copy(field="A")}
    if said.startswith("is filled"):
        table["Gone"] = Constant(value=True)
    found = messages(schema(field("A")), schema(field("A"), KEY, *target), table=table, deletes="flag", flag="Gone")
    assert said in found
