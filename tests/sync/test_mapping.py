"""The mapping's new ways, from settings to what B holds: over real HTTP, with a real ledger."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from daemon.core.record import format_instant, parse_instant
from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Source, Template
from daemon.sync.check import Finding, check_all
from tests.sync.pair import KEY, Pair, make_settings, opened, running_pair
from tests.sync.test_compare import resync, settle
from tests.sync.test_doubt import WAIT

BASE: dict[str, Source] = {"Last_Name": Copy(field="Last_Name"), "Company": Copy(field="Company")}


def choice(table: dict[str, Source], *, star: bool = False, **fills: Fill) -> FieldChoice:
    return FieldChoice(table={**BASE, **table}, fills=fills, star=star)


def website(write: str) -> FieldChoice:
    return choice({"Website": Copy(field="Website")}, Website=Fill(owner=write))  # type: ignore[arg-type]


def lead(pair: Pair, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", **values})


def edit(pair: Pair, number: str, **values: Any) -> None:
    pair.pass_time(30)
    pair.a.edit("Leads", number, values)
    pair.once()


def by_hand(pair: Pair, number: str, **values: Any) -> None:
    pair.b.edit("Leads", pair.counterpart("Leads", number)["id"], values)


def looks(pair: Pair) -> int:
    """How often B was read for single records."""
    return len([call for call in pair.b.log() if "ids" in (call.get("query") or {})])


def add_fields(pair: Pair, *kinds: str) -> None:
    for org in (pair.a, pair.b):
        for kind in kinds:
            org.add_field("Leads", field_label=f"My {kind}", data_type=kind)


def test_a_field_for_blanks_spares_what_b_holds_and_is_looked_at_only_when_its_value_changes(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=website("fill-blank")) as pair:
        number = lead(pair, Website="a.example")
        pair.once()
        assert pair.counterpart("Leads", number)["Website"] == "a.example"
        by_hand(pair, number, Website="hand.example")
        edit(pair, number, Website="b.example", Last_Name="B")
        twin = pair.counterpart("Leads", number)
        assert (twin["Last_Name"], twin["Website"]) == ("B", "hand.example")
        asked = looks(pair)
        assert asked == 1
        by_hand(pair, number, Website=None)
        edit(pair, number, Last_Name="C")
        assert (pair.counterpart("Leads", number)["Website"], looks(pair)) == (None, asked)
        edit(pair, number, Website="c.example")
        assert pair.counterpart("Leads", number)["Website"] == "c.example"
        edit(pair, number, Website=None)
        assert pair.counterpart("Leads", number)["Website"] == "c.example"
        writes = len(pair.writes())
        pair.pass_time(60)
        pair.once()
        assert len(pair.writes()) == writes


@pytest.mark.parametrize("write", ["fill-blank", "target"])
@pytest.mark.parametrize("drift", ["report", "overwrite"])
def test_what_people_do_to_a_spared_field_is_no_drift(tmp_path: Path, write: str, drift: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=website(write), drift=drift) as pair:
        number, other = lead(pair, Website="a.example"), lead(pair, Website="b.example")
        settle(pair)
        by_hand(pair, number, Website="hand.example")
        by_hand(pair, other, Website=None)
        writes = len(pair.writes())
        assert resync(pair) == {"source_seen": 2, "target_seen": 2}
        assert (len(pair.writes()), pair.queue()) == (writes, [])
        assert pair.counterpart("Leads", number)["Website"] == "hand.example"


def test_a_field_for_new_records_is_written_once(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=website("target")) as pair:
        number = lead(pair, Website="a.example")
        pair.once()
        assert pair.counterpart("Leads", number)["Website"] == "a.example"
        writes = len(pair.writes())
        edit(pair, number, Website="b.example")
        assert len(pair.writes()) == writes
        edit(pair, number, Last_Name="B")
        twin = pair.counterpart("Leads", number)
        assert (twin["Last_Name"], twin["Website"]) == ("B", "a.example")


@pytest.mark.parametrize("write", ["fill-blank", "target"])
def test_after_a_lost_answer_and_after_a_lost_ledger_a_spared_field_is_spared(tmp_path: Path, write: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=website(write)) as pair:
        number = lead(pair, Website="a.example")
        pair.b.faults.next(["insert", "upsert"], effect="cut", when="after")
        pair.cycle("Leads")
        by_hand(pair, number, Website="hand.example")
        pair.pass_time(WAIT)
        settle(pair)
        assert pair.counterpart("Leads", number)["Website"] == "hand.example"
        (tmp_path / "other").mkdir()
        settings = make_settings(pair.emu, tmp_path / "other", modules=("Leads",), fields=website(write))
        with opened(pair.emu, settings, first_run="create") as anew:
            settle(anew)
            assert anew.counterpart("Leads", number)["Website"] == "hand.example"
            assert anew.queue() == []


def test_a_long_text_is_cut_where_that_was_asked_and_refused_with_the_remedy_where_not(tmp_path: Path) -> None:
    table: dict[str, Source] = {"City": Copy(field="City"), "State": Copy(field="State")}
    with running_pair(tmp_path, modules=("Leads",), fields=choice(table, City=Fill(cut=True))) as pair:
        for name in ("City", "State"):
            pair.b.change_field("Leads", name, length=10)
        number = lead(pair, City="Sankt Pölten an der Traisen")
        long = lead(pair, State="Niederösterreich")
        pair.once()
        assert pair.counterpart("Leads", number)["City"] == "Sankt Pölt"
        ((source_id, field, remedy),) = pair.sql(
            "select q.source_id, c.field, c.remedy from retry_queue q join causes c on c.id = q.cause_id"
        )
        assert (source_id, field) == (long, "State")
        assert "cut = true" in remedy
        writes = len(pair.writes())
        edit(pair, number, City="Sankt Pölten an der Donau")
        assert len(pair.writes()) == writes


def test_an_expression_that_fails_holds_its_record_and_no_other(tmp_path: Path) -> None:
    table: dict[str, Source] = {"Annual_Revenue": Expression(text="round(Annual_Revenue / No_of_Employees, 2)")}
    with running_pair(tmp_path, modules=("Leads",), fields=choice(table)) as pair:
        good = lead(pair, Annual_Revenue=100, No_of_Employees=3)
        zero = lead(pair, Annual_Revenue=100, No_of_Employees=0)
        blank = lead(pair, No_of_Employees=3)
        pair.once()
        assert pair.counterpart("Leads", good)["Annual_Revenue"] == 33.33
        details = dict(pair.sql("select source_id, detail from retry_queue"))
        assert details[zero] == "Annual_Revenue: division by zero"
        assert details[blank] == "Annual_Revenue: / needs a number, a blank was given (blank: Annual_Revenue)"
        ((code, field, remedy),) = pair.sql("select code, field, remedy from causes")
        assert (code, field) == ("EXPRESSION_FAILED", "Annual_Revenue")
        assert "coalesce" in remedy
        edit(pair, zero, No_of_Employees=4)
        assert pair.counterpart("Leads", zero)["Annual_Revenue"] == 25


def test_fields_of_other_kinds_arrive_converted_and_are_then_left_alone(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=choice({})) as bare:
        add_fields(bare, "date", "datetime", "bigint", "integer")
        for org in (bare.a, bare.b):
            values = [{"display_value": v, "actual_value": v} for v in ("a", "b")]
            org.add_field("Leads", field_label="My choices", data_type="multiselectpicklist", pick_list_values=values)
        bare.ledger.close()
        table: dict[str, Source] = {
            "My_datetime": Copy(field="My_date"),
            "My_date": Copy(field="My_datetime"),
            "My_integer": Copy(field="Zip_Code"),
            "Zip_Code": Copy(field="My_integer"),
            "City": Copy(field="My_choices"),
            "State": Copy(field="Email_Opt_Out", values={"true": "no mail"}, other="mail"),
            "My_bigint": Copy(field="Annual_Revenue"),
            "My_choices": Copy(field="City"),
            "Lead_Source": Constant(value="Advertisement"),
            "Description": Template(text="{City}"),
        }
        settings = make_settings(bare.emu, tmp_path / "b", modules=("Leads",), fields=choice(table))
        (tmp_path / "b").mkdir()
        with opened(bare.emu, settings) as pair:
            number = lead(
                pair,
                My_date="2026-07-01",
                My_datetime="2026-06-30T20:00:00+00:00",
                Zip_Code=" 3100 ",
                My_integer=7,
                My_choices=["b", "a"],
                Email_Opt_Out=True,
                Annual_Revenue=5,
                City="a;b",
            )
            broken = lead(pair, Zip_Code="A-3100")
            settle(pair)
            twin = pair.counterpart("Leads", number)
            assert pair.fleet.catalogs["india"].profile().time_zone == "Asia/Kolkata"
            moment = format_instant(parse_instant(twin["My_datetime"]))
            assert (moment, twin["My_date"]) == ("2026-06-30T18:30:00+00:00", "2026-07-01")
            assert (twin["My_integer"], twin["Zip_Code"], twin["My_bigint"]) == (3100, "7", "5")
            assert (twin["City"], twin["State"], twin["My_choices"]) == ("b;a", "no mail", ["a", "b"])
            assert pair.queue() == [(broken, "held", "NOT_CONVERTIBLE")]
            writes = len(pair.writes())
            assert "drifted" not in resync(pair)
            assert len(pair.writes()) == writes


def user_of(pair: Pair, org: str, email: str) -> str:
    return next(u.user_id for u in pair.fleet.catalogs[org].users() if u.email == email)


RAVI, GRACE, PAT = "ravi.menon@example.com", "grace.kim@example.com", "pat.doe@example.com"


@pytest.mark.parametrize(
    ("more", "owner"),
    [({"owners": {"Ravi.Menon@example.com": GRACE}}, GRACE), ({"default_owner": PAT}, PAT), ({}, None)],
)
def test_owners_and_users_go_by_the_table_then_by_e_mail_then_to_the_default(
    tmp_path: Path, more: dict[str, Any], owner: str | None
) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as bare:
        add_fields(bare, "userlookup")
        bare.ledger.close()
        (tmp_path / "b").mkdir()
        table: dict[str, Source] = {"Owner": Copy(field="Owner"), "My_userlookup": Copy(field="My_userlookup")}
        settings = make_settings(bare.emu, tmp_path / "b", modules=("Leads",), fields=choice(table), **more)
        with opened(bare.emu, settings) as pair:
            ravi, pat = ({"id": user_of(pair, "india", email)} for email in (RAVI, PAT))
            known, blank = lead(pair, My_userlookup=pat), lead(pair)
            stranger = lead(pair, My_userlookup=ravi, Owner=ravi)
            pair.once()
            assert pair.counterpart("Leads", known)["My_userlookup"]["email"] == PAT
            assert pair.counterpart("Leads", blank)["My_userlookup"] is None
            if owner is not None:
                twin = pair.counterpart("Leads", stranger)
                assert (twin["Owner"]["email"], twin["My_userlookup"]["email"]) == (owner, owner)
                return
            assert pair.queue() == [(stranger, "held", "USER_UNKNOWN")]
            ((field, value, remedy),) = pair.sql("select field, value, remedy from causes")
            assert (field, value) == ("My_userlookup", RAVI)
            assert f"give {RAVI} a line in the route's table owners" in remedy


def test_the_table_of_owners_comes_before_an_equal_address(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), owners={PAT: GRACE}) as pair:
        number = lead(pair, Owner={"id": user_of(pair, "india", PAT)})
        pair.once()
        assert pair.counterpart("Leads", number)["Owner"]["email"] == GRACE


def check(pair: Pair) -> list[Finding]:
    found: list[Finding] = []
    check_all(pair.settings.routes, pair.fleet.catalogs, create_keys=False, show=found.append)
    return found


def test_check_names_lines_of_the_table_of_owners_that_find_nobody_and_people_without_a_counterpart(
    tmp_path: Path,
) -> None:
    owners = {"nobody@example.com": PAT, RAVI: "old.hand@example.com"}
    with running_pair(tmp_path, modules=("Leads",), owners=owners) as pair:
        said = [(f.ok, f.message) for f in check(pair) if f.subject == "india-to-us"]
        line = "; the line does nothing: correct the line in routes.india-to-us.owners"
        assert said[:2] == [
            (None, f"owners: nobody@example.com is no user of india{line}"),
            (None, f"owners: old.hand@example.com is no active user of us{line}"),
        ]
        assert f"nobody in us stands for {RAVI}" in said[2][1]
        assert len(said) == 3
    with running_pair(tmp_path, modules=("Leads",), owners={RAVI: GRACE}) as pair:
        assert [f for f in check(pair) if f.subject == "india-to-us"] == []


def test_a_picklist_value_that_b_lacks_is_a_cause_with_the_remedy_or_takes_other(tmp_path: Path) -> None:
    source = Copy(field="Lead_Source", values={"Pigeon": "Trade Show"})
    with running_pair(tmp_path, modules=("Leads",), fields=choice({"Lead_Source": source})) as pair:
        pair.b.quirks(unknown_picklist="reject")
        lead(pair, Lead_Source="Carrier Pigeon")
        pair.once()
        assert pair.sql("select value, remedy from causes") == [
            (
                "Carrier Pigeon",
                "add the value 'Carrier Pigeon' to the target's Lead_Source, or map it to one that is there",
            )
        ]
    (tmp_path / "b").mkdir()
    other = Copy(field="Lead_Source", values={"Pigeon": "Trade Show"}, other="Advertisement")
    with running_pair(tmp_path / "b", modules=("Leads",), fields=choice({"Lead_Source": other})) as pair:
        pair.b.quirks(unknown_picklist="reject")
        unknown, mapped, blank = lead(pair, Lead_Source="Fax"), lead(pair, Lead_Source="Pigeon"), lead(pair)
        pair.once()
        assert [pair.counterpart("Leads", i)["Lead_Source"] for i in (unknown, mapped, blank)] == [
            "Advertisement",
            "Trade Show",
            None,
        ]


def test_beside_a_star_only_what_the_table_names_is_different(tmp_path: Path) -> None:
    fields = FieldChoice(
        table={"City": Template(text="{City}, {State}")}, star=True, except_=frozenset({"Fax", "State"})
    )
    with running_pair(tmp_path, modules=("Leads",), fields=fields) as pair:
        number = lead(pair, City="Pune", State="MH", Fax="1", Phone="2")
        pair.once()
        twin = pair.counterpart("Leads", number)
        assert (twin["City"], twin["State"], twin["Fax"], twin["Phone"]) == ("Pune, MH", None, None, "2")
        assert str(twin[KEY]).endswith(number)


def test_time_zones_are_there_on_a_machine_that_has_none() -> None:
    program = "from daemon.core.fitting import zone_of; import sys; sys.exit(zone_of('Asia/Kolkata') is None)"
    subprocess.run([sys.executable, "-c", program], env={**os.environ, "PYTHONTZPATH": ""}, check=True)
