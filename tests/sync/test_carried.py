"""Subforms, multi-select lookups and tags: B has exactly A's rows, and nothing is sent twice."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice
from tests.sync.carrying import carrying
from tests.sync.pair import Pair
from tests.sync.test_compare import STREAM
from tests.sync.test_compare import settle as settle_for
from tests.sync.test_doubt import WAIT

Json = dict[str, Any]


def settle(pair: Pair) -> None:
    settle_for(pair, 2)


def compare(pair: Pair) -> tuple[int, int]:
    """Has everything compared; gives how many records differed, and how many had drifted."""
    assert pair.ledger.start_comparison(STREAM, "asked", pair.fleet.runners[0]._now())
    settle(pair)
    ((finished, differing, drifted),) = pair.sql(
        "select finished_at, differing, drifted from comparisons order by id desc limit 1"
    )
    assert finished is not None
    return differing, drifted


def account(pair: Pair, name: str) -> str:
    return pair.a.insert_raw("Accounts", {"Account_Name": name})


def visit(place: str, day: str | None = None, company: str | None = None) -> Json:
    return {"Ort": place, "Tag_der_Reise": day, "Firma": {"id": company} if company else None}


def lead(pair: Pair, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", **values})


def tags(*names: str) -> list[Json]:
    return [{"name": name, "id": str(7000 + place)} for place, name in enumerate(names)]


def name_in_b(pair: Pair, linked: Json | None) -> str | None:
    if linked is None:
        return None
    row = pair.b.record("Accounts", linked["id"])
    assert row is not None
    return str(row["Account_Name"])


def visits(pair: Pair, number: str) -> list[tuple[Any, ...]]:
    rows = pair.counterpart("Leads", number)["Visits"]
    return [(row["Place"], row["Day"], name_in_b(pair, row["Account"])) for row in rows]


def interests(pair: Pair, number: str) -> list[str | None]:
    return sorted(str(name_in_b(pair, row["Interests"])) for row in pair.counterpart("Leads", number)["Interests"])


def tagged(pair: Pair, number: str) -> list[str]:
    return sorted(tag["name"] for tag in pair.counterpart("Leads", number)["Tag"])


def edit(pair: Pair, number: str, **values: Any) -> None:
    pair.pass_time(30)
    pair.a.edit("Leads", number, values)
    pair.once()


def spends_nothing_more(pair: Pair) -> None:
    """Polls, records that overlap, and a full comparison: no write."""
    writes = len(pair.writes()) + len(pair.b.log(kind="remove_tags"))
    settle(pair)
    assert compare(pair) == (0, 0)
    assert len(pair.writes()) + len(pair.b.log(kind="remove_tags")) == writes
    assert pair.queue() == []


@pytest.mark.parametrize(
    "quirks",
    [{}, {"subform_unmentioned": "replace", "subform_in_list": "absent", "tags_in_update": "append"}],
    ids=["as recommended", "the other readings"],
)
def test_b_has_the_rows_of_a_whatever_is_done_to_them(tmp_path: Path, quirks: Json) -> None:
    with carrying(tmp_path, quirks=quirks) as pair:
        acme, bolt = account(pair, "Acme"), account(pair, "Bolt")
        first, second = visit("Wien", "2026-01-05", acme), visit("Graz", "2026-02-05", bolt)
        number = lead(
            pair, Besuche=[first, second], Interessen=[{"Interessen": {"id": acme}}], Tag=tags("a", "wichtig")
        )
        plain = lead(pair)
        settle(pair)
        assert visits(pair, number) == [("Wien", "2026-01-05", "Acme"), ("Graz", "2026-02-05", "Bolt")]
        assert (interests(pair, number), tagged(pair, number)) == (["Acme"], ["a", "vip"])
        assert (visits(pair, plain), interests(pair, plain), tagged(pair, plain)) == ([], [], [])
        ids = [row["id"] for row in pair.counterpart("Leads", number)["Visits"]]

        changed = visit("Linz", None, bolt)
        edit(pair, number, Besuche=[first, changed])  # one row changed, and of another a column blanked
        assert visits(pair, number) == [("Wien", "2026-01-05", "Acme"), ("Linz", None, "Bolt")]
        assert [row["id"] for row in pair.counterpart("Leads", number)["Visits"]] == ids
        edit(pair, number, Besuche=[changed, first, visit("Steyr")])  # reordered and one more
        assert [place for place, *_ in visits(pair, number)] == ["Linz", "Wien", "Steyr"]
        edit(pair, number, Besuche=[visit("Steyr")], Interessen=[{"Interessen": {"id": bolt}}], Tag=tags("b", "a"))
        assert visits(pair, number) == [("Steyr", None, None)]
        assert (interests(pair, number), tagged(pair, number)) == (["Bolt"], ["a", "b"])
        edit(pair, number, Interessen=[{"Interessen": {"id": one}} for one in (acme, bolt)])
        assert (interests(pair, number), visits(pair, number)) == (["Acme", "Bolt"], [("Steyr", None, None)])
        spends_nothing_more(pair)
        edit(pair, number, Besuche=[], Interessen=[], Tag=None)
        assert (visits(pair, number), interests(pair, number), tagged(pair, number)) == ([], [], [])
        assert len(pair.b.records("Visits")) == 0
        spends_nothing_more(pair)


def test_each_of_these_fields_is_sent_only_when_it_changed_itself(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        acme = account(pair, "Acme")
        number = lead(pair, Besuche=[visit("Wien")], Interessen=[{"Interessen": {"id": acme}}], Tag=tags("a", "b"))
        settle(pair)

        def sent_by(**values: Any) -> set[str]:
            before = len(pair.b.log(kind="update"))
            edit(pair, number, **values)
            calls = pair.b.log(kind="update")[before:]
            return {name for call in calls for record in call["body"]["data"] for name in record} - {"id"}

        assert sent_by(Last_Name="B") == {"Last_Name"}
        assert sent_by(Tag=tags("b", "a")) == set()  # tags have no order
        assert sent_by(Besuche=[visit("Wien")], Interessen=[{"Interessen": {"id": acme}}]) == set()  # new ids in A
        assert sent_by(Besuche=[visit("Graz")]) == {"Visits"}
        assert sent_by(Interessen=[]) == {"Interests"}
        assert sent_by(Tag=tags("c")) == {"Tag"}
        assert sent_by(Phone="1") == set()


def test_after_a_lost_answer_no_row_is_there_twice(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        acme, bolt = account(pair, "Acme"), account(pair, "Bolt")
        pair.cycle("Accounts")
        pair.b.faults.next(["insert"], effect="cut", when="after", module="Leads")
        number = lead(pair, Besuche=[visit("Wien"), visit("Graz")], Interessen=[{"Interessen": {"id": acme}}])
        pair.cycle("Leads")
        pair.pass_time(WAIT)
        settle(pair)
        assert [place for place, *_ in visits(pair, number)] == ["Wien", "Graz"]
        for when, places in (("after", ["Graz", "Linz", "Steyr"]), ("before", ["Wels", "Graz", "Linz", "Enns"])):
            pair.b.faults.next(["update"], effect="cut", when=when)
            links = [{"Interessen": {"id": one}} for one in (acme, bolt)]
            edit(pair, number, Besuche=[visit(place) for place in places], Interessen=links, Tag=tags("a", when))
            assert pair.queue() == [(number, "due", "UNCERTAIN")]
            pair.pass_time(WAIT)
            settle(pair)
            assert [place for place, *_ in visits(pair, number)] == places
            assert (interests(pair, number), tagged(pair, number)) == (["Acme", "Bolt"], sorted(["a", when]))
            assert len(pair.b.records("Visits")) == len(places)
        spends_nothing_more(pair)


def test_a_record_waits_for_the_parents_of_its_rows_and_links(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        acme = account(pair, "Acme")
        row, link = (
            lead(pair, Besuche=[visit("Wien", None, acme)]),
            lead(pair, Interessen=[{"Interessen": {"id": acme}}]),
        )
        pair.cycle("Leads")
        assert pair.queue() == []  # its parents' stream goes first
        pair.b.faults.next(["insert"], effect="status", status=500, module="Accounts", times=1)
        pair.cycle("Accounts")
        pair.cycle("Leads")
        assert {(i, code) for i, _, code in pair.queue() if i != acme} == {
            (row, "WAITS_FOR_PARENT"),
            (link, "WAITS_FOR_PARENT"),
        }
        pair.pass_time(WAIT)
        settle(pair)
        assert (visits(pair, row), interests(pair, link)) == ([("Wien", None, "Acme")], ["Acme"])
        assert pair.queue() == []


@pytest.mark.parametrize(("drift", "place"), [("report", "Hand"), ("overwrite", "Wien")])
def test_a_row_edited_by_hand_in_b_follows_the_policy(tmp_path: Path, drift: str, place: str) -> None:
    with carrying(tmp_path, drift=drift) as pair:
        number = lead(pair, Besuche=[visit("Wien"), visit("Graz")], Tag=tags("a"))
        named = lead(pair, Besuche=[visit("Wien")], Tag=tags("a"))
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", named)["id"], {"Last_Name": "Hand"})
        twin = pair.counterpart("Leads", number)["id"]
        pair.b.edit("Leads", twin, {"Visits": [{"Place": "Hand"}], "Tag": tags("a", "x")})
        compare(pair)
        assert visits(pair, number)[0][0] == place
        if drift == "report":
            details = dict(pair.sql("select source_id, detail from retry_queue"))
            assert details[number].startswith("Tag, Visits of")
            assert details[named].startswith("Last_Name of")
        if drift == "overwrite":
            assert (len(visits(pair, number)), tagged(pair, number)) == (2, ["a"])
            spends_nothing_more(pair)


def test_rows_edited_in_the_second_that_was_just_read_or_behind_no_modified_time_are_not_lost(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        pair.emu.clock(freeze=True)
        number = lead(pair, Besuche=[visit("Wien")])
        pair.once()
        pair.a.edit("Leads", number, {"Besuche": [visit("Graz")]})
        pair.once()
        assert visits(pair, number)[0][0] == "Graz"
        settle(pair)
        before = pair.a.record("Leads", number)
        assert before is not None
        pair.a.edit("Leads", number, {"Besuche": [visit("Linz")], "Modified_Time": before["Modified_Time"]})
        settle(pair)
        assert visits(pair, number)[0][0] == "Graz"
        assert compare(pair) == (1, 0)
        assert visits(pair, number)[0][0] == "Linz"


def test_more_rows_than_zoho_shows_hold_the_record_and_no_other(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        many = lead(pair, Besuche=[visit(str(place)) for place in range(201)])
        few = lead(pair, Besuche=[visit("Wien")])
        pair.once()
        pair.once()
        assert visits(pair, few) == [("Wien", None, None)]
        assert pair.queue() == [(many, "held", "TOO_MANY_ROWS")]
        edit(pair, many, Besuche=[visit("Graz")])
        assert visits(pair, many) == [("Graz", None, None)]
        pair.b.edit("Leads", pair.counterpart("Leads", few)["id"], {"Visits": [{"Place": "x"}] * 201})
        edit(pair, few, Besuche=[visit("Linz")])
        assert pair.queue() == [(few, "held", "TOO_MANY_ROWS")]


def test_rows_are_not_written_by_a_look_that_is_behind_our_own_write(tmp_path: Path) -> None:
    with carrying(tmp_path) as pair:
        number = lead(pair, Besuche=[visit("Wien")])
        settle(pair)
        pair.b.faults.next(["update"], effect="visibility", seconds=20)
        edit(pair, number, Besuche=[visit("Wien"), visit("Graz")])
        pair.a.edit("Leads", number, {"Besuche": [visit("Wien"), visit("Graz"), visit("Linz")]})
        pair.pass_time(2)
        pair.once()
        assert pair.queue() == [(number, "due", "UNREAD")]
        pair.pass_time(40)
        settle(pair)
        assert [place for place, *_ in visits(pair, number)] == ["Wien", "Graz", "Linz"]
        assert pair.queue() == []


def test_tags_alone_are_read_by_the_hundred_and_never_by_a_query(tmp_path: Path) -> None:
    table = {name: Copy(field=name) for name in ("Last_Name", "Company", "Tag")}
    with carrying(tmp_path, modules=("Leads",), choices={"Leads": FieldChoice(table=table)}) as pair:
        numbers = [lead(pair, Tag=tags(f"t{place}", "all")) for place in range(3)]
        settle(pair)
        edit(pair, numbers[1], Tag=tags("new"))
        assert [tagged(pair, number) for number in numbers] == [["all", "t0"], ["new"], ["all", "t2"]]
        calls = [*pair.a.log(), *pair.b.log()]
        assert not any("Tag" in str(call.get("body")) for call in calls if call["path"].endswith("coql"))
        assert not any(call["path"].rsplit("/", 1)[1].isdigit() for call in calls)
        spends_nothing_more(pair)


def test_line_items_are_carried_by_their_name_alone(tmp_path: Path) -> None:
    quotes = FieldChoice(table={"Subject": Copy(field="Subject"), "Quoted_Items": Copy(field="Quoted_Items")})
    with carrying(tmp_path, modules=("Products", "Quotes"), choices={"Quotes": quotes}) as pair:
        products = [pair.a.insert_raw("Products", {"Product_Name": name}) for name in ("Saw", "Axe")]

        def items(*quantities: int) -> list[Json]:
            return [
                {"Product_Name": {"id": product}, "Quantity": quantity, "List_Price": 10}
                for product, quantity in zip(products, quantities, strict=False)
            ]

        number = pair.a.insert_raw("Quotes", {"Subject": "Tools", "Quoted_Items": items(1, 2)})
        settle(pair)
        twin = pair.counterpart("Quotes", number)
        assert [(row["Product_Name"]["name"], row["Quantity"]) for row in twin["Quoted_Items"]] == [
            ("Saw", 1),
            ("Axe", 2),
        ]
        assert twin["Grand_Total"] == 30
        pair.a.edit("Quotes", number, {"Quoted_Items": items(3)})
        settle(pair)
        assert [row["Quantity"] for row in pair.counterpart("Quotes", number)["Quoted_Items"]] == [3]
        pair.b.delete("Products", pair.counterpart("Products", products[0])["id"])  # the row points nowhere now
        pair.a.edit("Quotes", number, {"Quoted_Items": []})
        settle(pair)
        assert pair.queue() == [(number, "held", "MANDATORY_NOT_FOUND")]
