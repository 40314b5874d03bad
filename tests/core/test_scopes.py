"""Least rights: which scopes an org needs for its routes, and whether what was granted is enough."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from daemon.core.rules import Route
from daemon.core.scopes import Scope, could_write, covers, lacking, scopes_for
from tests.core.make import stream

ROOT = ["ZohoCRM.settings.fields.READ", "ZohoCRM.users.READ", "ZohoCRM.org.READ", "ZohoCRM.coql.READ"]


def route(*modules: str, **more: Any) -> Route:
    return Route(name="a-b", source="a", target="b", streams=tuple(stream(module, **more) for module in modules))


def names(org: str, *routes: Route, needed: bool | None = None) -> list[str]:
    return [one.name for one in scopes_for(org, routes) if needed in (None, one.needed)]


def test_of_an_org_that_is_only_read_every_scope_of_records_is_read() -> None:
    found = names("a", route("Leads", "Contacts"))
    assert [one for one in found if ".modules." in one and "settings" not in one] == [
        "ZohoCRM.modules.leads.READ",
        "ZohoCRM.modules.contacts.READ",
    ]
    assert could_write(found) == []


def test_an_org_that_is_written_is_looked_at_made_and_changed_and_deleted_only_where_that_is_asked_for() -> None:
    kept = names("b", route("Leads"), needed=True)
    assert kept == [*(f"ZohoCRM.modules.leads.{verb}" for verb in ("READ", "CREATE", "UPDATE")), *ROOT]
    for more in ({"deletes": "delete"}, {"unmatched": "delete"}):
        assert "ZohoCRM.modules.leads.DELETE" in names("b", route("Leads", **more))
    assert "ZohoCRM.modules.leads.DELETE" not in names("b", route("Leads", deletes="flag"))


@pytest.mark.parametrize(
    ("module", "word"),
    [("Sales_Orders", "salesorders"), ("Price_Books", "pricebooks"), ("Visits", "custom"), ("Notes", "notes")],
)
def test_modules_go_by_zohos_words(module: str, word: str) -> None:
    assert names("a", route(module))[0] == f"ZohoCRM.modules.{word}.READ"


def test_what_can_be_done_without_is_told_apart() -> None:
    assert names("a", route("Leads"), needed=False) == ["ZohoCRM.settings.modules.READ", "ZohoCRM.bulk.READ"]
    assert "ZohoCRM.bulk.READ" not in names("a", route("Leads", bulk="never"))
    assert {"ZohoCRM.bulk.ALL", "ZohoFiles.files.ALL"} <= set(names("b", route("Leads", bulk="write"), needed=False))
    assert "ZohoFiles.files.ALL" not in names("b", route("Leads"))
    assert "ZohoCRM.settings.fields.CREATE" in names("b", route("Leads"), needed=False)
    assert "ZohoCRM.settings.fields.CREATE" not in names("b", route("Leads", key=None))


def test_an_org_needs_nothing_for_a_module_of_the_other_one() -> None:
    one = replace(stream("Leads"), target_module="Accounts")
    both = [Route(name="a-b", source="a", target="b", streams=(one,))]
    assert [s.name for s in scopes_for("a", both) if "accounts" in s.name] == []
    assert [s.name for s in scopes_for("b", both) if "leads" in s.name] == []


def test_two_ways_need_both_and_each_scope_once() -> None:
    there = route("Leads")
    back = Route(name="b-a", source="b", target="a", streams=(replace(there.streams[0], source="b", target="a"),))
    found = names("b", there, back)
    assert len(found) == len(set(found))
    assert {"ZohoCRM.modules.leads.CREATE", "ZohoCRM.bulk.READ"} <= set(found)


@pytest.mark.parametrize(
    ("held", "enough"),
    [
        ("ZohoCRM.modules.leads.CREATE", True),
        ("zohocrm.MODULES.Leads.create", True),
        ("ZohoCRM.modules.leads.WRITE", True),
        ("ZohoCRM.modules.leads.ALL", True),
        ("ZohoCRM.modules.ALL", True),
        ("ZohoCRM.modules.CREATE", True),
        ("ZohoCRM.modules.leads.READ", False),
        ("ZohoCRM.modules.contacts.ALL", False),
        ("ZohoCRM.settings.ALL", False),
        ("ZohoCRM.ALL", False),
    ],
)
def test_a_scope_is_covered_by_itself_and_by_what_is_wider(held: str, enough: bool) -> None:
    assert covers([held], "ZohoCRM.modules.leads.CREATE") is enough


def test_a_group_is_one_of_modules_or_settings_only() -> None:
    assert covers(["ZohoCRM.settings.READ"], "ZohoCRM.settings.fields.READ")
    assert covers(["ZohoCRM.coql.READ"], "ZohoCRM.coql.READ")
    assert not covers(["ZohoCRM.READ"], "ZohoCRM.coql.READ")


@given(st.sets(st.sampled_from(names("b", route("Leads", "Sales_Orders", "Visits", deletes="delete")))))
def test_what_is_lacking_is_exactly_what_was_not_granted(held: set[str]) -> None:
    wanted = scopes_for("b", [route("Leads", "Sales_Orders", "Visits", deletes="delete")])
    assert {one.name for one in lacking(held, wanted)} == {one.name for one in wanted} - held
    assert lacking([one.name for one in wanted], wanted) == list[Scope]()
