"""Where lookups lead: through the id map, by a match field, into several modules; and what is sent of them."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.answer import Refused
from daemon.core.digest import digest_values
from daemon.core.ends import Context, end_of
from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import Problem, resolve
from daemon.core.reach import Match, Matched, match_problem
from daemon.core.rules import Copy, FieldChoice, Fill
from daemon.core.steps import Hold, Update, body
from daemon.core.translate import Parent, observe, parents_of, strangers_of, translate
from tests.core.make import SECRET, T0, change, fields, json_values, known, often, plan_one, rule, settled
from tests.core.test_fitting import one, versions
from tests.core.test_mapping import KEY, field, schema, stream

CODE = Match(module="Goods", field="Code")
PLAIN = rule("Product", "lookup", parent="Products", matches={"Products": CODE})
SEVERAL = rule(
    "What_Id", "multilookup", several={"Accounts": "Accounts", "Deals": "Orders"}, matches={"Products": CODE}
)
WHO = rule("Who_Id", "multilookup", several={"Contacts": "Contacts"})
PRODUCT = Parent(module="Products", record_id="7")


def single(name: str = "A", to: str = "Products", **more: Any) -> Any:
    return field(name, "lookup", lookup_module=to, **more)


def multi(*modules: str, name: str = "A") -> Any:
    return field(name, "multi_module_lookup", lookup_modules=modules)


def star(mine: Any, yours: Any) -> tuple[FieldMap | None, list[Problem]]:
    carried = {"Accounts": "Accounts"}
    return resolve(stream(fields=FieldChoice()), schema(mine), schema(yours, KEY), carried)


@pytest.mark.parametrize(
    ("mine", "yours", "match", "said"),
    [
        (single(), single(), None, "points to Products, which this route does not carry: carry Products too, or name"),
        (single(), single(), {"Products": "Code"}, 'it points to Products only: write match = "Field"'),
        (single(to="Accounts"), single(to="Accounts"), "Code", "it carries Accounts: leave match out"),
        (single(to="Accounts"), single(to="Leads"), None, "but this route carries Accounts to Accounts"),
        (field("A"), field("A"), "Code", "only a lookup has a match, and this is a text"),
        (field("A"), single(), "Code", "a text cannot be written to a lookup"),
        (single(), multi("Products"), "Code", "a lookup cannot be written to a multi_module_lookup"),
        (multi("Products"), single(), None, "a multi_module_lookup cannot be written to a lookup"),
        (multi("Products"), multi("Products"), None, "it points into Products, none of which this route carries"),
        (multi("Products"), multi("Products"), "Code", "several modules: write match = { Module"),
        (multi("Accounts"), multi("Accounts"), {"Accounts": "Code"}, "it carries Accounts: leave Accounts out"),
        (
            multi("Accounts"),
            multi("Accounts"),
            {"Cases": "Code"},
            "match names Cases, and it points into Accounts only",
        ),
    ],
)
def test_a_lookup_that_cannot_be_carried_says_why_and_what_to_write(
    mine: Any, yours: Any, match: Any, said: str
) -> None:
    assert said in str(one(mine, yours, Fill(match=match)))


def test_a_lookup_is_not_written_into_new_records_only() -> None:
    assert "its record may have to be made" in str(one(single(), single(), Fill(match="Code", owner="target")))


def test_a_matched_lookup_knows_the_module_of_the_target_and_is_another_version() -> None:
    found = one(single(), single(to="Goods"), Fill(match="Code"))
    assert isinstance(found, FieldMap)
    assert (found.rules[0].matches, found.parents) == ({"Products": CODE}, {"Products"})
    other = one(single(), single(to="Goods"), Fill(match="Name"))
    assert isinstance(other, FieldMap)
    assert other.version != found.version
    assert len(versions(FieldChoice(table={"A": Copy(field="A")}))) == 1


def test_a_lookup_into_several_modules_is_carried_by_a_star_as_far_as_the_route_goes() -> None:
    found, (problem,) = star(multi("Accounts", "Deals", "Products"), multi("Accounts"))
    assert found is not None
    assert (found.rules[0].several, found.parents, found.into_several) == (
        {"Accounts": "Accounts"},
        {"Accounts"},
        {"A"},
    )
    assert not problem.fatal
    assert "A: records that point into Deals, Products are held" in problem.message
    unsaid, problems = star(multi(), multi())
    assert unsaid is not None
    assert (unsaid.rules[0].several, problems) == ({"Accounts": "Accounts"}, [])


@pytest.mark.parametrize(
    ("mine", "yours", "said"),
    [
        (field("X"), field("Code"), "Products has no field Code in the source"),
        (field("Code"), field("X"), "Goods has no field Code in the target"),
        (field("Code", "textarea"), field("Code"), "Products.Code is a textarea; records are matched by text"),
        (field("Code"), field("Code", "integer"), "Goods.Code is a integer; records are matched by text"),
        (field("Code"), field("Code", "email"), None),
    ],
)
def test_a_match_field_is_a_text_of_both_orgs(mine: Any, yours: Any, said: str | None) -> None:
    found = match_problem(CODE, "Products", schema(mine), schema(yours))
    assert (found is None) if said is None else said in str(found)


@pytest.mark.parametrize(
    ("matched", "code", "value", "said"),
    [
        (Matched(), "PARENT_UNMATCHED", None, "points to Products 7, which has no Code in the source"),
        (Matched(value="x" * 200), "PARENT_UNMATCHED", "x" * 120, "which no Goods record of the target holds"),
        (
            Matched(value="x", target_ids=("2", "1")),
            "PARENT_AMBIGUOUS",
            "x",
            "with Code = 'x', which 1, 2 of the target",
        ),
    ],
)
def test_without_exactly_one_match_the_child_is_held_with_the_value(
    matched: Matched, code: str, value: str | None, said: str
) -> None:
    found = translate({"Product": {"id": "7"}}, fields(PLAIN), known(matched={PRODUCT: matched}))
    (fault,) = found.faults
    assert (fault.code, fault.value, fault.module) == (code, value, "Goods")
    assert said in fault.message
    held = plan_one(change(Product={"id": "7"}), field_map=fields(PLAIN))
    assert isinstance(held, Hold)
    assert (held.cause.code, held.cause.module, held.waits_for) == ("PARENT_UNMATCHED", "Goods", None)
    assert settled(held).queued[0].state == "held"


def test_a_module_that_nobody_carries_and_one_that_is_not_said_are_faults() -> None:
    other = {"What_Id": {"id": "5", "module": {"api_name": "Cases"}}, "Who_Id": {"id": "6"}}
    first, second = translate(other, fields(SEVERAL, WHO), known()).faults
    assert (first.code, first.module) == ("PARENT_NOT_CARRIED", "Cases")
    assert (second.code, second.message) == (
        "MALFORMED_VALUE",
        "Who_Id: the source does not say of which module the record 6 is",
    )


def test_what_is_sent_names_the_module_as_zoho_wants_it_and_its_digest_does_not() -> None:
    record = {"What_Id": {"id": "5", "module": {"api_name": "Deals"}}, "Who_Id": {"id": "6", "module": "Contacts"}}
    parents = {Parent(module="Deals", record_id="5"): "95", Parent(module="Contacts", record_id="6"): "96"}
    map_ = fields(SEVERAL, WHO)
    values = translate(record, map_, known(parents)).values
    step = Update(change=change(), target_id="9", values=values, digests=digest_values(values, "", SECRET))
    assert body(step) == {
        "id": "9",
        "What_Id": {"id": "95"},
        "$se_module": "Orders",
        "Who_Id": {"id": "96", "module": {"api_name": "Contacts"}},
    }
    seen = observe({"What_Id": {"id": "95"}, "Who_Id": {"id": "96", "name": "x"}}, map_)
    assert digest_values(seen, "", SECRET) == digest_values(values, "", SECRET)


modules = st.sampled_from(["Accounts", "Deals", "Products", "Cases", "", None])


@often
@given(
    module=modules,
    linked=st.sampled_from([None, "5", "7", "x", 5]),
    has=st.booleans(),
    holders=st.integers(0, 2),
    odd=json_values,
)
def test_a_lookup_is_translated_or_waited_for_or_a_fault_and_nothing_else(
    module: str | None, linked: object, *, has: bool, holders: int, odd: object
) -> None:
    record = {"What_Id": {"id": linked, "module": {"api_name": module}}, "Product": odd}
    map_ = fields(SEVERAL, PLAIN)
    pointed, matched = parents_of(record, map_), strangers_of(record, map_)
    ids = tuple(str(90 + n) for n in range(holders))
    found = translate(
        record,
        map_,
        known(
            dict.fromkeys(pointed, "99") if has else {},
            matched=dict.fromkeys(matched, Matched(value="v", target_ids=ids)),
        ),
    )
    ends = [*found.values, *(name for name, _ in found.waits), *(fault.field for fault in found.faults)]
    assert sorted(ends) == ["Product", "What_Id"]
    if isinstance(linked, str) and linked != "x" and module == "Products":
        assert found.values.get("What_Id") == ({"id": "90", "module": "Goods"} if holders == 1 else None)
    if isinstance(linked, str) and linked != "x" and module == "Deals":
        assert found.values.get("What_Id") == ({"id": "99", "module": "Orders"} if has else None)
        assert [name for name, _ in found.waits] == ([] if has else ["What_Id"])


def test_a_match_that_b_refuses_is_looked_for_again() -> None:
    values = {"Product": {"id": "90"}}
    step = Update(change=change(), target_id="9", values=values, digests=digest_values(values, "", SECRET))
    refused = Refused(code="INVALID_DATA", message="the id given seems to be invalid", field="Product")
    row = end_of(step, refused, Context(stream(), fields(PLAIN), None, T0, 0.5)).queued
    assert row is not None
    assert (row.cause.code, row.cause.module, row.cause.field) == ("PARENT_UNMATCHED", "Goods", "Product")
