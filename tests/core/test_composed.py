"""Subforms, multi-select lookups and tags: their rules, their comparison, and the rows that an update names."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from daemon.core.composed import HAS_MORE, sendable, surplus_tags
from daemon.core.convert import Json
from daemon.core.digest import digest_values
from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import Problem, resolve
from daemon.core.rules import Copy, FieldChoice, Fill, Rows, Source
from daemon.core.schema import Field, Schema
from daemon.core.steps import Create, Hold, Update
from daemon.core.translate import Parent, observe, parents_of, translate
from tests.core.make import SECRET, change, fields, known, link, often, plan_one, rule, stream

VISITS = rule("Visits", "rows", rows=(rule("Account", "lookup", parent="Accounts"), rule("Place")))
LINKS = rule("Links", "links", parent="Accounts", links=("Here", "There"))
TAGS = rule("Tag", "tags")
MAP = fields(VISITS, LINKS, TAGS)
ACCOUNTS = {Parent(module="Accounts", record_id=str(n)): str(900 + n) for n in range(5)}
ID_FIELD = Field(api_name="id", label="Id", data_type="bigint", read_only=True)


def field(name: str, data_type: str = "text", **more: Any) -> Field:
    return Field(api_name=name, label=name, data_type=data_type, **more)


# --- what the target holds after an update, on both readings of facts 4.7 ---------------------------------------------

places = st.lists(st.sampled_from(["Wien", "Graz", "Linz", None]), max_size=5)
linked = st.lists(st.sampled_from(["901", "902", "903", "904"]), max_size=4, unique=True)


def applied(there: list[dict[str, Any]], sent: Any, *, replaces: bool) -> list[dict[str, Any]]:
    """Rows after a write, by the facts: an id changes its row, none adds one, `_delete` takes one away, `[]` all."""
    rows = {row["id"]: row for row in there}
    named = {row.get("id") for row in sent}
    kept = {i: row for i, row in rows.items() if sent and (i in named or not replaces)}
    for number, row in enumerate(sent):
        if "_delete" in row:
            del kept[row["id"]]
        else:
            row_id = row.get("id", f"new{number}")
            kept[row_id] = {**rows.get(row_id, {}), **row, "id": row_id}
    return list(kept.values())


@often
@given(before=places, wanted=places, replaces=st.booleans(), again=st.booleans())
def test_rows_are_as_wanted_whatever_becomes_of_those_that_are_not_named(
    before: list[str | None], wanted: list[str | None], replaces: bool, again: bool
) -> None:
    there = [{"id": str(n), "Place": place, "Account": None, "Own": n} for n, place in enumerate(before)]
    values: dict[str, Json] = {"Visits": [{"Place": place, "Account": None} for place in wanted] or None}
    for _ in range(2 if again else 1):
        there = applied(there, sendable(values, [VISITS], {"Visits": there})["Visits"], replaces=replaces)
    assert [row["Place"] for row in there] == wanted
    assert [row.get("Own") for row in there[: len(before)]] == list(range(min(len(before), len(wanted))))
    assert observe({"Visits": there}, fields(VISITS)) == values


@often
@given(before=st.lists(st.sampled_from(["901", "902", "903"]), max_size=4), wanted=linked, replaces=st.booleans())
def test_links_are_as_wanted_each_once(before: list[str], wanted: list[str], replaces: bool) -> None:
    there = [{"id": str(n), "There": {"id": one}} for n, one in enumerate(before)]
    sent = sendable({"Links": list(wanted) or None}, [LINKS], {"Links": there})["Links"]
    found = [row["There"]["id"] for row in applied(there, sent, replaces=replaces)]
    assert sorted(found) == sorted(wanted)


def test_a_new_record_has_rows_without_ids_and_tags_by_name() -> None:
    values: dict[str, Json] = {"Visits": [{"Place": "Wien"}], "Links": ["901"], "Tag": ["a"]}
    assert sendable(values, MAP.rules, None) == {
        "Visits": [{"Place": "Wien"}],
        "Links": [{"There": {"id": "901"}}],
        "Tag": [{"name": "a"}],
    }


# --- translate and compare --------------------------------------------------------------------------------------------


def test_rows_wait_for_their_parents_and_then_carry_their_counterparts() -> None:
    record = {
        "Visits": [{"id": "1", "Place": "Wien", "Account": {"id": "1"}}, {"id": "2", "Place": "", "Account": None}],
        "Links": [{"id": "3", "Here": {"id": "2"}}, {"id": "4", "Here": None}],
        "Tag": [{"name": "b"}, {"name": "a"}],
    }
    assert set(parents_of(record, MAP)) == {Parent(module="Accounts", record_id=i) for i in ("1", "2")}
    waiting = translate(record, MAP, known())
    assert [name for name, _ in waiting.waits] == ["Visits", "Links"]
    assert waiting.values == {"Tag": ["a", "b"]}
    found = translate(record, MAP, known(ACCOUNTS))
    rows = [{"Account": {"id": "901"}, "Place": "Wien"}, {"Account": None, "Place": None}]
    assert found.values == {"Visits": rows, "Links": ["902"], "Tag": ["a", "b"]}
    assert (found.waits, found.faults) == ((), ())


def test_order_counts_for_rows_and_for_nothing_else() -> None:
    def digest(values: Mapping[str, Json]) -> str:
        return digest_values(values, "v", SECRET).whole

    one, other = {"Place": "Wien"}, {"Place": "Graz"}
    assert digest({"V": [one, other]}) != digest({"V": [other, one]})
    assert digest({"T": ["a", "b"]}) == digest({"T": ["b", "a"]})


def test_what_is_no_list_of_rows_is_the_records_own_fault() -> None:
    for odd in ("x", ["x"], {"a": 1}, 3):
        found = translate({"Visits": odd, "Links": odd, "Tag": odd}, MAP, known())
        assert {fault.field for fault in found.faults} == {"Visits", "Links", "Tag"}
        assert isinstance(observe({"Visits": odd, "Links": odd, "Tag": odd}, MAP)["Visits"], str)


def test_rows_that_are_not_all_shown_hold_the_record_on_either_side() -> None:
    found = plan_one(change(Visits=[], **{HAS_MORE: {"Visits": True}}), field_map=fields(VISITS))
    assert isinstance(found, Hold)
    assert found.cause.code == "TOO_MANY_ROWS"
    there = {"id": "901", "Visits": [{"id": "1", "Place": "x"}], HAS_MORE: {"Visits": True}}
    step = plan_one(change(Visits=[]), field_map=fields(VISITS), found={"1": (there,)})
    assert isinstance(step, Hold)
    assert (step.cause.code, step.cause.field) == ("TOO_MANY_ROWS", "Visits")


def test_a_doubted_record_is_written_by_the_rows_that_were_found() -> None:
    there = {"id": "901", "Visits": [{"id": "7", "Place": "Wien", "Account": None}], "Tag": [{"name": "old"}]}
    wanted = [{"id": "1", "Place": "Wien"}, {"id": "2", "Place": "Graz"}]
    step = plan_one(change(Visits=wanted, Tag=[{"name": "new"}]), field_map=fields(VISITS, TAGS), found={"1": (there,)})
    assert isinstance(step, Update)
    assert step.values["Visits"] == [
        {"id": "7", "Account": None, "Place": "Wien"},
        {"Account": None, "Place": "Graz"},
    ]
    assert (step.values["Tag"], step.surplus) == ([{"name": "new"}], ("old",))
    same = plan_one(change(Visits=wanted[:1]), field_map=fields(VISITS), found={"1": (there,)})
    assert not isinstance(same, (Create, Update))


def test_emptied_rows_count_as_blanked() -> None:
    held = link({"Visits": [{"Account": None, "Place": "Wien"}]})
    step = plan_one(change(Visits=[]), field_map=fields(VISITS), links={"1": held})
    assert isinstance(step, Update)
    assert step.blanks


def test_tags_to_take_away_are_those_that_are_there_and_not_wanted() -> None:
    there = {"Tag": [{"name": "a"}, {"name": "b"}]}
    assert surplus_tags({"Tag": ["b"]}, [TAGS], there) == ("a",)
    assert surplus_tags({"Tag": None}, [TAGS], there) == ("a", "b")
    assert surplus_tags({"Name": "x"}, [TAGS], there) == ()


# --- rules ------------------------------------------------------------------------------------------------------------

ROW_FIELDS = (ID_FIELD, field("Parent_Id", "lookup", lookup_module="Contacts"), field("Sequence_Number", "integer"))
HERE = Schema(
    module="Contacts",
    fields={
        f.api_name: f
        for f in (
            field("Besuche", "subform", rows_module="Besuche"),
            field("Interessen", "multiselectlookup", linked_module="Accounts", link_field="Interessen"),
            field("Tag", read_only=True),
            field("Name"),
        )
    },
    rows={
        "Besuche": Schema(
            module="Besuche",
            fields={f.api_name: f for f in (*ROW_FIELDS, field("Ort"), field("Note"), field("Day", "date"))},
        )
    },
)
THERE = Schema(
    module="Contacts",
    fields={
        f.api_name: f
        for f in (
            field("Visits", "subform", rows_module="Visits"),
            field("Interests", "multiselectlookup", linked_module="Accounts", link_field="Interests"),
            field("Tag", read_only=True),
            field("Name"),
            field("Key", unique=True, length=60),
        )
    },
    rows={
        "Visits": Schema(
            module="Visits",
            fields={f.api_name: f for f in (*ROW_FIELDS, field("Place"), field("Note"), field("Day", "date"))},
        )
    },
)
CARRIED = {"Contacts": "Contacts", "Accounts": "Accounts"}


def resolved(
    table: dict[str, Source], carried: Mapping[str, str] = CARRIED, **fills: Fill
) -> tuple[FieldMap | None, list[Problem]]:
    one = stream(fields=FieldChoice(table=table, fills=fills))
    return resolve(one, HERE, THERE, carried)


def said(*args: Any, **more: Any) -> str:
    found, problems = resolved(*args, **more)
    assert found is None
    return "; ".join(problem.message for problem in problems)


def test_a_subform_takes_all_columns_that_both_sides_have_or_those_that_are_named() -> None:
    found, _ = resolved(
        {"Visits": Copy(field="Besuche"), "Interests": Copy(field="Interessen"), "Tag": Copy(field="Tag")}
    )
    assert found is not None
    assert [(r.target, r.kind) for r in found.rules] == [("Interests", "links"), ("Tag", "tags"), ("Visits", "rows")]
    assert [column.target for column in found.rules[2].rows] == ["Day", "Note"]
    assert (found.columns, found.beside, found.parents) == ((), ("Besuche", "Interessen", "Tag"), {"Accounts"})
    columns = FieldChoice(table={"Place": Copy(field="Ort")}, star=True, except_=frozenset({"Day"}))
    named, _ = resolved({"Visits": Rows(field="Besuche", columns=columns)})
    assert named is not None
    assert [column.target for column in named.rules[0].rows] == ["Note", "Place"]
    assert named.version != found.version


def test_the_rules_version_changes_with_the_columns() -> None:
    def version(**columns: str) -> str:
        chosen = FieldChoice(table={name: Copy(field=source) for name, source in columns.items()})
        found, _ = resolved({"Visits": Rows(field="Besuche", columns=chosen)})
        assert found is not None
        return found.version

    assert version(Place="Ort") == version(Place="Ort")
    assert (
        len({version(Place="Ort"), version(Place="Note"), version(Note="Ort"), version(Note="Ort", Place="Ort")}) == 4
    )


def test_a_star_leaves_them_out_and_says_so() -> None:
    one = stream(fields=FieldChoice())
    found, problems = resolve(one, THERE, THERE, CARRIED)
    assert found is not None
    assert found.targets == ("Name",)
    named = {p.field for p in problems if "only where the table of fields names it" in p.message and not p.fatal}
    assert named == {"Visits", "Interests"}


def test_what_cannot_be_carried_is_told_with_its_place() -> None:
    place = "routes.a-b.modules.Contacts.fields.Visits.fields.Place"
    wrong = FieldChoice(table={"Place": Copy(field="Orte")})
    assert f"into {place}" in said({"Visits": Rows(field="Besuche", columns=wrong)})
    assert "is filled from a subform" in said({"Visits": Copy(field="Name")})
    assert "is no subform" in said({"Name": Rows(field="Besuche", columns=FieldChoice())})
    assert "does not carry" in said({"Interests": Copy(field="Interessen")}, carried={"Contacts": "Contacts"})
    assert "default and cut are not for" in said({"Visits": Copy(field="Besuche")}, Visits=Fill(owner="fill-blank"))
    assert "values are not for" in said({"Visits": Copy(field="Besuche", values={"a": "b"})})
    one = stream(fields=FieldChoice(table={"Visits": Copy(field="Besuche")}))
    blind = Schema(module="Contacts", fields=HERE.fields)
    _, problems = resolve(one, blind, THERE, CARRIED)
    assert "a's module Besuche) cannot be read" in problems[0].message
    filtered = stream(fields=FieldChoice(table={"Name": Copy(field="Name")}), where="Besuche = 'x'")
    assert "where: Besuche is a subform" in resolve(filtered, HERE, THERE, CARRIED)[1][-1].message
