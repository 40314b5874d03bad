"""Lookups over two orgs: chains and circles, into several modules, and to records that no stream carries."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice, Fill, Rows, Source
from daemon.emulator import Emulator
from daemon.sync.check import Finding, check_all
from tests.sync.pair import Pair, add_key, make_settings, opened

HOUR = 3_601
TASK = {"Status": "Not Started"}
CASE = {"Status": "New", "Case_Origin": "Email"}
DEAL = {"Stage": "Qualification", "Closing_Date": "2026-12-31"}


def matched(field: str, match: str | dict[str, str]) -> FieldChoice:
    """Everything, and one lookup by a match field."""
    return FieldChoice(table={field: Copy(field=field)}, star=True, fills={field: Fill(match=match)})


@contextmanager
def orgs(
    folder: Path,
    *modules: str,
    quirks: dict[str, Any] | None = None,
    given: dict[str, Any] | None = None,
    **fields: FieldChoice,
) -> Iterator[Pair]:
    """A pair whose streams carry everything, or what `fields` says by module; `given` is what else they are."""
    with Emulator(("in", "us"), quirks=quirks) as emu:
        for module in modules:
            add_key(emu.orgs["us"], module)
        settings = make_settings(emu, folder, modules=modules)
        route = settings.routes[0]
        streams = tuple(
            replace(s, fields=fields.get(s.source_module, s.fields), **(given or {})) for s in route.streams
        )
        with opened(emu, replace(settings, routes=(replace(route, streams=streams),))) as pair:
            yield pair


def twin_of(pair: Pair, module: str, number: str) -> str:
    return str(pair.counterpart(module, number)["id"])


def causes(pair: Pair) -> list[tuple[Any, ...]]:
    return pair.sql(
        "select q.source_id, c.code, c.module, c.field, c.value, c.remedy "
        "from retry_queue q join causes c on c.id = q.cause_id order by q.source_id"
    )


def looks(pair: Pair, org: str, module: str) -> int:
    """How often an org was asked for records of a module: by id, or by a query."""
    log = (pair.a if org == "india" else pair.b).log()
    return len([c for c in log if c["kind"] in ("coql", "list", "get") and c.get("module") == module])


def test_a_chain_of_six_records_arrives_from_either_end(tmp_path: Path) -> None:
    modules = ("Tasks", "Cases", "Deals", "Contacts", "Accounts")
    with orgs(tmp_path, *modules, quirks={"what_id_needs_se_module": "yes"}) as pair:
        pair.once()

        first = chain(pair)
        for module in modules:  # the children first; of two accounts of a page the lower one waits for a moment
            assert pair.cycle(module).outcomes["held"] == 1
        pair.once()
        arrived(pair, first)
        pair.a.quirks(lookup_names_module="no")  # then the modules are asked whose record Who_Id means
        second = chain(pair)
        for module in reversed(modules):
            assert pair.cycle(module).outcomes["held"] == (module == "Accounts")
        arrived(pair, second)
        sent = next(c["body"]["data"][0] for c in pair.writes() if c["module"] == "Tasks")
        assert (sent["$se_module"], list(sent["What_Id"])) == ("Cases", ["id"])
        assert sent["Who_Id"]["module"] == {"api_name": "Contacts"}
        writes = len(pair.writes())
        compared(pair, "Tasks")
        assert (len(pair.writes()), pair.queue()) == (writes, [])


def chain(pair: Pair) -> dict[str, str]:
    """Six records of A, each pointing to the next."""
    top = pair.a.insert_raw("Accounts", {"Account_Name": "Top"})
    below = pair.a.insert_raw("Accounts", {"Account_Name": "Below", "Parent_Account": {"id": top}})
    contact = pair.a.insert_raw("Contacts", {"Last_Name": "C", "Account_Name": {"id": below}})
    deal = pair.a.insert_raw("Deals", {"Deal_Name": "D", "Contact_Name": {"id": contact}, **DEAL})
    case = pair.a.insert_raw("Cases", {"Subject": "S", "Deal_Name": {"id": deal}, **CASE})
    links = {"What_Id": {"id": case}, "Who_Id": {"id": contact}}
    task = pair.a.insert_raw("Tasks", {"Subject": "T", **links, **TASK})
    return {"Top": top, "Accounts": below, "Contacts": contact, "Deals": deal, "Cases": case, "Tasks": task}


def arrived(pair: Pair, records: dict[str, str]) -> None:
    """Every link of a chain is there in B."""
    twins = {m: twin_of(pair, "Accounts" if m == "Top" else m, number) for m, number in records.items()}
    for module, field, parent in (
        ("Accounts", "Parent_Account", "Top"),
        ("Contacts", "Account_Name", "Accounts"),
        ("Deals", "Contact_Name", "Contacts"),
        ("Cases", "Deal_Name", "Deals"),
        ("Tasks", "What_Id", "Cases"),
        ("Tasks", "Who_Id", "Contacts"),
    ):
        assert pair.counterpart(module, records[module])[field]["id"] == twins[parent], field
    assert pair.queue() == []


def compared(pair: Pair, module: str) -> None:
    """Has a whole module compared."""
    pair.pass_time(60)
    pair.cycle(module)
    assert pair.ledger.start_comparison(f"india-to-us/{module}", "asked", pair.fleet.runners[0]._now())
    pair.cycle(module)
    pair.cycle(module)
    assert pair.sql("select count(*) from comparisons where finished_at is null") == [(0,)]


@contextmanager
def products(folder: Path, *codes: str, **more: Any) -> Iterator[tuple[Pair, dict[str, str]]]:
    """Cases that point to products of both orgs by Product_Code; with A's by code."""
    with orgs(folder, "Cases", Cases=matched("Product_Name", "Product_Code"), **more) as pair:
        mine = {c: pair.a.insert_raw("Products", {"Product_Name": f"A {c}", "Product_Code": c}) for c in codes}
        yield pair, mine


def in_b(pair: Pair, code: str) -> str:
    return pair.b.insert_raw("Products", {"Product_Name": f"B {code}", "Product_Code": code})


def case(pair: Pair, product: str | None, subject: str = "S") -> str:
    link = {"id": product} if product else None
    return pair.a.insert_raw("Cases", {"Subject": subject, "Product_Name": link, **CASE})


def test_a_parent_that_no_stream_carries_is_found_by_its_field_in_few_calls_and_never_made(tmp_path: Path) -> None:
    codes = [f"P{n:03}'s" for n in range(120)]
    with products(tmp_path, *codes) as (pair, mine):
        yours = {code: in_b(pair, code) for code in codes}
        cases = {code: case(pair, mine[code]) for code in codes}
        blank = case(pair, None)
        pair.once()
        for code in codes:
            assert pair.counterpart("Cases", cases[code])["Product_Name"]["id"] == yours[code]
        assert pair.counterpart("Cases", blank)["Product_Name"] is None
        assert pair.queue() == []
        assert looks(pair, "india", "Products") == 2  # 100 ids a call
        assert looks(pair, "us", "Products") == 3  # 50 values a call
        assert len(pair.b.records("Products")) == len(codes)
        asked = looks(pair, "us", "Products")
        pair.a.edit("Cases", cases[codes[0]], {"Subject": "Other"})
        pair.cycle("Cases")
        assert looks(pair, "us", "Products") == asked  # remembered
        pair.pass_time(600)
        pair.b.edit("Products", yours[codes[0]], {"Product_Code": "renamed"})
        pair.a.edit("Cases", cases[codes[0]], {"Subject": "Third"})
        pair.cycle("Cases")
        assert [row[:2] for row in causes(pair)] == [(cases[codes[0]], "PARENT_UNMATCHED")]


def left(pair: Pair) -> set[str]:
    """The fields of which the ledger says that they left the source."""
    return {name for (name,) in pair.sql("select field from exports")}


@pytest.mark.parametrize("unmatched", ["stop", "follow", "delete"])
def test_a_record_that_the_filter_leaves_out_asks_the_target_for_nothing(tmp_path: Path, unmatched: str) -> None:
    given = {"where": "Subject like 'S%'", "unmatched": unmatched}
    with products(tmp_path, "one", "two", given=given) as (pair, mine):
        yours = [in_b(pair, code) for code in ("one", "two")]
        pair.once()
        number = case(pair, mine["one"], "Kept at home")
        pair.pass_time(60)
        assert pair.cycle("Cases").outcomes["filtered"] == 1
        assert (looks(pair, "us", "Products"), left(pair)) == (0, set())
        pair.a.edit("Cases", number, {"Subject": "S"})
        pair.pass_time(60)
        pair.cycle("Cases")
        assert pair.counterpart("Cases", number)["Product_Name"]["id"] == yours[0]
        assert "Product_Name" in left(pair)
        asked = looks(pair, "us", "Products")
        pair.a.edit("Cases", number, {"Subject": "Kept at home", "Product_Name": {"id": mine["two"]}})
        pair.pass_time(60)
        pair.cycle("Cases")
        followed = unmatched == "follow"
        assert looks(pair, "us", "Products") - asked == followed
        if unmatched != "delete":
            assert pair.counterpart("Cases", number)["Product_Name"]["id"] == yours[followed]


def quoted(match: str) -> FieldChoice:
    """Quotes with their items, whose products are found by a match field."""
    columns: dict[str, Source] = {name: Copy(field=name) for name in ("Product_Name", "Quantity")}
    row = FieldChoice(table=columns, fills={"Product_Name": Fill(match=match)})
    return FieldChoice(
        table={"Subject": Copy(field="Subject"), "Quoted_Items": Rows(field="Quoted_Items", columns=row)}
    )


def test_what_the_rows_of_a_subform_ask_for_has_left_and_is_looked_for_again(tmp_path: Path) -> None:
    with orgs(tmp_path, "Quotes", Quotes=quoted("Product_Code")) as pair:
        product = pair.a.insert_raw("Products", {"Product_Name": "A", "Product_Code": "one"})
        item = {"Product_Name": {"id": product}, "Quantity": 1, "List_Price": 10}
        number = pair.a.insert_raw("Quotes", {"Subject": "S", "Quoted_Items": [item]})
        pair.cycle("Quotes")
        assert [row[1] for row in causes(pair)] == ["PARENT_UNMATCHED"]
        assert (looks(pair, "us", "Products"), left(pair)) == (1, {"Quoted_Items"})
        yours = in_b(pair, "one")
        pair.pass_time(HOUR)
        pair.once()
        (row,) = pair.counterpart("Quotes", number)["Quoted_Items"]
        assert (row["Product_Name"]["id"], pair.queue()) == (yours, [])


def test_a_match_field_of_rows_that_is_not_there_stops_the_stream(tmp_path: Path) -> None:
    with orgs(tmp_path, "Quotes", Quotes=quoted("Product_Cod")) as pair:
        trouble = str(pair.cycle("Quotes").trouble)
        assert "Quoted_Items: match: Products has no field Product_Cod in the source" in trouble


def test_no_match_several_matches_and_a_blank_hold_the_child_alone_until_it_is_mended(tmp_path: Path) -> None:
    with products(tmp_path, "one", "none", "two", "", "ONE") as (pair, mine):
        one, twice = in_b(pair, "one"), [in_b(pair, "two"), in_b(pair, "two")]
        cases = {code: case(pair, product) for code, product in mine.items()}
        gone = case(pair, pair.a.insert_raw("Products", {"Product_Name": "X", "Product_Code": "one"}))
        pair.a.delete("Products", pair.a.record("Cases", gone)["Product_Name"]["id"], permanent=True)  # type: ignore[index]
        pair.once()
        assert pair.counterpart("Cases", cases["one"])["Product_Name"]["id"] == one
        found = {row[0]: row[1:5] for row in causes(pair)}
        field = ("Products", "Product_Name")
        assert found == {
            cases["none"]: ("PARENT_UNMATCHED", *field, "none"),
            cases["ONE"]: ("PARENT_UNMATCHED", *field, "ONE"),  # to the letter
            cases["two"]: ("PARENT_AMBIGUOUS", *field, "two"),
            cases[""]: ("PARENT_UNMATCHED", *field, ""),
            gone: ("PARENT_UNMATCHED", *field, ""),
        }
        remedies = {row[4]: row[5] for row in causes(pair)}
        assert "make the Products record with 'none' in the target" in remedies["none"]
        assert "let only one Products record of the target hold 'two'" in remedies["two"]
        made = in_b(pair, "none")
        pair.b.delete("Products", twice[0])
        pair.a.edit("Products", mine[""], {"Product_Code": "one"})
        pair.pass_time(60)
        pair.once()
        assert len(pair.queue()) == 5  # not asked for at every poll
        pair.pass_time(HOUR)
        pair.once()
        for code, twin in (("none", made), ("two", twice[1]), ("", one)):
            assert pair.counterpart("Cases", cases[code])["Product_Name"]["id"] == twin
        assert [row[0] for row in pair.queue()] == sorted([cases["ONE"], gone])
        assert all(state == "held" for _, state, _ in pair.queue())


def test_a_value_that_hundreds_hold_hides_no_other(tmp_path: Path) -> None:
    with products(tmp_path, "a", "b", "c") as (pair, mine):
        for code in ["b"] * 201:
            in_b(pair, code)
        cases = {code: case(pair, mine[code]) for code in mine}
        yours = in_b(pair, "c")
        control = case(pair, pair.a.insert_raw("Products", {"Product_Name": "X", "Product_Code": "a\x07b"}))
        pair.once()
        assert pair.counterpart("Cases", cases["c"])["Product_Name"]["id"] == yours
        held = {row[0]: (row[1], row[4]) for row in causes(pair)}
        assert held == {
            cases["a"]: ("PARENT_UNMATCHED", "a"),
            cases["b"]: ("PARENT_AMBIGUOUS", "b"),
            control: ("PARENT_UNMATCHED", "a\x07b"),
        }


def test_a_match_that_vanished_since_it_was_found_is_looked_for_again(tmp_path: Path) -> None:
    with products(tmp_path, "one") as (pair, mine):
        first = in_b(pair, "one")
        case(pair, mine["one"])
        pair.once()
        pair.b.delete("Products", first)
        second = in_b(pair, "one")
        late = case(pair, mine["one"])
        pair.once()
        assert [row[:3] for row in causes(pair)] == [(late, "PARENT_UNMATCHED", "Products")]
        pair.pass_time(HOUR)
        pair.once()
        assert pair.counterpart("Cases", late)["Product_Name"]["id"] == second


def test_a_lookup_into_several_modules_goes_by_the_module_of_its_value(tmp_path: Path) -> None:
    fields = matched("What_Id", {"Products": "Product_Code"})
    with orgs(tmp_path, "Accounts", "Tasks", Tasks=fields) as pair:
        account = pair.a.insert_raw("Accounts", {"Account_Name": "A"})
        product = pair.a.insert_raw("Products", {"Product_Name": "P", "Product_Code": "p"})
        vendor = pair.a.insert_raw("Vendors", {"Vendor_Name": "V"})
        twin = in_b(pair, "p")

        def task(number: str | None) -> str:
            return pair.a.insert_raw("Tasks", {"Subject": "T", "What_Id": {"id": number} if number else None, **TASK})

        carried, found, strange, blank = task(account), task(product), task(vendor), task(None)
        pair.once()
        assert pair.counterpart("Tasks", carried)["What_Id"]["id"] == twin_of(pair, "Accounts", account)
        assert pair.counterpart("Tasks", found)["What_Id"] == {
            "module": pair.counterpart("Tasks", found)["What_Id"]["module"],
            "name": "B p",
            "id": twin,
        }
        assert pair.counterpart("Tasks", blank)["What_Id"] is None
        ((record, code, module, field, _, remedy),) = causes(pair)
        assert (record, code, module, field) == (strange, "PARENT_NOT_CARRIED", "Vendors", "What_Id")
        assert "let the route carry that module too, name a field" in remedy
        accounts = next(r for r in pair.fleet.runners if r.stream.source_module == "Accounts")
        accounts._hands.children.of({account: twin_of(pair, "Accounts", account)})
        assert (carried, "due", "DIFFERS") in pair.queue()
        pair.pass_time(60)
        pair.a.edit("Tasks", strange, {"What_Id": {"id": account}})
        pair.a.edit("Tasks", carried, {"What_Id": {"id": product}})
        pair.a.edit("Tasks", found, {"What_Id": None})
        pair.once()
        assert pair.counterpart("Tasks", strange)["What_Id"]["module"]["api_name"] == "Accounts"
        assert pair.counterpart("Tasks", carried)["What_Id"]["id"] == twin
        assert pair.counterpart("Tasks", found)["What_Id"] is None
        assert pair.queue() == []


def check(pair: Pair) -> dict[bool | None, list[str]]:
    """What `orgsync check` says of the streams, by how bad it is."""
    found: list[Finding] = []
    check_all(pair.settings.routes, pair.fleet.catalogs, create_keys=False, show=found.append)
    said: dict[bool | None, list[str]] = {}
    for finding in found:
        said.setdefault(finding.ok, []).append(finding.message)
    return said


def test_check_tells_what_lookups_a_route_leaves_out_and_what_cannot_be_matched(tmp_path: Path) -> None:
    with orgs(tmp_path, "Accounts", "Tasks", "Cases") as pair:
        said = check(pair)
        assert False not in said
        told = "\n".join(said[None])
        assert "Product_Name: it points to Products, which this route does not carry: carry Products too" in told
        assert "What_Id: records that point into Campaigns, Cases" not in told
        assert "What_Id: records that point into Campaigns, Deals, Products, Projects, Quotes, Vendors are held" in told
        assert "Who_Id: it points into Contacts, Leads, none of which this route carries" in told


def test_a_match_field_that_cannot_tell_records_apart_stops_its_stream_with_the_reason(tmp_path: Path) -> None:
    cases, tasks = matched("Product_Name", "Product_Cod"), matched("What_Id", {"Products": "Product_Active"})
    with orgs(tmp_path, "Accounts", "Cases", "Tasks", Cases=cases, Tasks=tasks) as pair:
        assert "match: Products has no field Product_Cod in the source" in str(pair.cycle("Cases").trouble)
        assert "Product_Active is a boolean; records are matched by text" in str(pair.cycle("Tasks").trouble)
        assert pair.cycle("Accounts").trouble is None
