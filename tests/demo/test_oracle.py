"""The judge must find a true copy true, and every spoiled copy spoiled: a judge that never says no proves nothing."""

from __future__ import annotations

import ast
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest

from daemon.demo import caller, expected, oracle
from daemon.demo.caller import Refused
from daemon.demo.expected import KEY, MODULES, TABLES
from daemon.demo.oracle import WAITS, judge
from tests.demo.copying import DEFECTS, RECORDS, Copied


def test_a_true_copy_holds_and_every_missing_record_has_its_reason(orgs: Copied) -> None:
    verdicts = orgs.judge()
    assert all(one.holds for one in verdicts.values())
    assert sum(one.in_a for one in verdicts.values()) == RECORDS
    reasons = sum((one.reasons() for one in verdicts.values()), start=Counter())
    planted = Counter(one["kind"] for one in orgs.defects)
    assert {kind: count for kind, count in reasons.items() if kind != WAITS} == planted
    assert sum(planted.values()) == round(RECORDS * DEFECTS)
    assert reasons[WAITS] > 0


Spoil = Callable[[Copied], None]


def changed_field(orgs: Copied) -> None:
    orgs.b.edit("Leads", orgs.pair("Leads")[1], {"City": "Elsewhere"})


def emptied_field(orgs: Copied) -> None:
    orgs.b.edit("Contacts", orgs.pair("Contacts", Description=True)[1], {"Description": None})


def another_second(orgs: Copied) -> None:
    orgs.b.edit("Deals", orgs.pair("Deals", Demo_At=True)[1], {"Demo_At": "2001-01-01T00:00:00+00:00"})


def another_space(orgs: Copied) -> None:
    record, target = orgs.pair("Accounts")
    orgs.b.edit("Accounts", target, {"Account_Name": record["Account_Name"] + " "})


def swapped_lookup(orgs: Copied) -> None:
    record, target = orgs.pair("Contacts", Account_Name=True)
    mine = orgs.pairs["Accounts"][record["Account_Name"]["id"]]
    other = next(one for one in orgs.pairs["Accounts"].values() if one != mine)
    orgs.b.edit("Contacts", target, {"Account_Name": other})


def one_choice_less(orgs: Copied) -> None:
    record, target = orgs.pair("Contacts", Languages=True)
    orgs.b.edit("Contacts", target, {"Languages": record["Languages"][1:]})


def another_choice(orgs: Copied) -> None:
    record, target = orgs.pair("Accounts", Markets=True)
    orgs.b.edit("Accounts", target, {"Markets": [*record["Markets"][1:], "Antarctica"]})


def a_choice_twice(orgs: Copied) -> None:
    record, target = orgs.pair("Deals", Competitors=True)
    orgs.b.edit("Deals", target, {"Competitors": [*record["Competitors"], record["Competitors"][0]]})


def another_owner(orgs: Copied) -> None:
    _, target = orgs.pair("Deals")
    users = orgs.callers[1].get("users", type="ActiveConfirmedUsers")["users"]
    grace = next(one["id"] for one in users if one["email"] == "grace.kim@example.com")
    orgs.b.edit("Deals", target, {"Owner": grace})


def edited_in_a_only(orgs: Copied) -> None:
    orgs.a.edit("Accounts", orgs.pair("Accounts")[0]["id"], {"Employees": 123_456})


DIFFERENT = {
    changed_field: ("Leads", "City"),
    emptied_field: ("Contacts", "Description"),
    another_second: ("Deals", "Demo_At"),
    another_space: ("Accounts", "Account_Name"),
    swapped_lookup: ("Contacts", "Account_Name"),
    one_choice_less: ("Contacts", "Languages"),
    another_choice: ("Accounts", "Markets"),
    a_choice_twice: ("Deals", "Competitors"),
    another_owner: ("Deals", "Owner"),
    edited_in_a_only: ("Accounts", "Employees"),
}


@pytest.mark.parametrize("spoil", DIFFERENT, ids=lambda spoil: spoil.__name__)
def test_a_counterpart_that_is_not_equal_is_named_with_its_field(orgs: Copied, spoil: Spoil) -> None:
    spoil(orgs)
    verdicts = orgs.judge()
    module, field = DIFFERENT[spoil]
    assert [one.field for one in verdicts[module].differing] == [field]
    assert [name for name, one in verdicts.items() if not one.holds] == [module]


def test_a_record_that_is_gone_is_missing_without_a_reason(orgs: Copied) -> None:
    record, target = orgs.pair("Leads")
    orgs.b.delete("Leads", target)
    verdict = orgs.judge()["Leads"]
    assert verdict.unexplained == [record["id"]]
    assert not verdict.holds


def test_a_second_counterpart_is_a_duplicate(orgs: Copied) -> None:
    _, target = orgs.pair("Contacts")
    twin = next(one for one in orgs.b.records("Contacts") if one["id"] == target)
    second = orgs.b.insert_raw("Contacts", {"Last_Name": twin["Last_Name"], KEY: twin[KEY]})
    verdict = orgs.judge()["Contacts"]
    assert [sorted(ids) for ids in verdict.duplicates.values()] == [sorted([target, second])]
    assert not verdict.holds


@pytest.mark.parametrize("key", [None, "4711:1", "56000047:1"])
def test_a_record_that_nobody_asked_for_is_a_stranger(orgs: Copied, key: str | None) -> None:
    stranger = orgs.b.insert_raw("Deals", {"Deal_Name": "from nowhere", KEY: key})
    verdict = orgs.judge()["Deals"]
    assert verdict.strangers == [stranger]
    assert not verdict.holds


def test_counterparts_that_changed_places_both_differ(orgs: Copied) -> None:
    keys = {one["id"]: one[KEY] for one in orgs.b.records("Leads")}
    first, second = list(keys)[:2]
    orgs.b.edit("Leads", first, {KEY: keys[second]})
    orgs.b.edit("Leads", second, {KEY: keys[first]})
    assert orgs.judge()["Leads"].differing_records == 2


MENDED: dict[str, Callable[[Copied, dict[str, str]], None]] = {
    "bad_email": lambda orgs, one: orgs.a.edit(one["module"], one["id"], {"Email": "mended@example.com"}) and None,
    "too_long": lambda orgs, one: orgs.b.change_field(one["module"], one["field"], length=255),
    "unknown_picklist": lambda orgs, one: orgs.b.change_field(
        one["module"],
        one["field"],
        add_values=[r[one["field"]] for r in orgs.a.records(one["module"]) if r["id"] == one["id"]],
    ),
    "missing_parent": lambda orgs, one: orgs.a.edit(one["module"], one["id"], {one["field"]: None}) and None,
    "duplicate_unique": lambda orgs, one: orgs.a.edit(one["module"], one["id"], {"Customer_Number": "new"}) and None,
}


@pytest.mark.parametrize("kind", MENDED)
def test_a_defect_that_was_mended_excuses_no_longer(orgs: Copied, kind: str) -> None:
    defect = orgs.defect(kind)
    MENDED[kind](orgs, defect)
    assert defect["id"] in orgs.judge()[defect["module"]].unexplained


def test_waiting_for_a_parent_excuses_only_while_the_parent_is_missing(orgs: Copied) -> None:
    verdicts = orgs.judge()
    waits = next(i for i, reason in verdicts["Contacts"].missing.items() if reason == WAITS)
    orgs.a.edit("Contacts", waits, {"Account_Name": orgs.pair("Accounts")[0]["id"], "Reporting_To": None})
    assert orgs.judge()["Contacts"].unexplained == [waits]


def test_a_reading_that_is_not_whole_is_refused(orgs: Copied, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(caller.Caller, "count", lambda *_: 10_000)
    with pytest.raises(Refused, match="10000"):
        judge(*orgs.callers, orgs.defects)


def test_the_table_names_every_field_that_people_fill_in_a(orgs: Copied) -> None:
    for module in MODULES:
        filled = {name for one in orgs.a.records(module) for name, value in one.items() if value not in (None, [], "")}
        system = {"id", "Created_By", "Modified_By", "Created_Time", "Modified_Time", "Full_Name", "Expected_Revenue"}
        rest = filled - set(TABLES[module].names) - system
        assert {name for name in rest if not name.startswith("$") and not name.endswith("__s")} <= {"Layout"}


def test_the_judge_imports_nothing_of_the_accused() -> None:
    allowed = {"daemon.demo.caller", "daemon.demo.expected"}
    for module in (oracle, expected, caller):
        tree = ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))
        names = {a.name for node in ast.walk(tree) if isinstance(node, ast.Import) for a in node.names}
        names |= {str(node.module) for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
        mine = {name for name in names if name.partition(".")[0] not in sys.stdlib_module_names}
        assert mine <= allowed | {"httpx"}
