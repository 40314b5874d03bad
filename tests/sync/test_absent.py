"""A field that is renamed, hidden or locked overnight: it waits with its cause, and nothing else does."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice, Fill, Rows
from daemon.sync import catalog
from tests.sync.around import BACK, THERE, conflicts, running, settings_of, stream, table
from tests.sync.around import lead as new_lead
from tests.sync.around import opened as opened_around
from tests.sync.carrying import equip
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened, running_pair
from tests.sync.test_compare import settle
from tests.sync.test_mapping import choice

CITY = choice({"City": Copy(field="City")})
STAR = FieldChoice()


@pytest.fixture(autouse=True)
def _metadata_is_read_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "DOUBTED_S", 0.0)


def lead(pair: Pair, name: str = "A", **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def sent(pair: Pair) -> int:
    return sum(len(call["body"]["data"]) for call in pair.writes())


def waiting(pair: Pair) -> list[tuple[Any, ...]]:
    """(source id, state, cause code, module, field, remedy) of all that is in the queue."""
    return pair.sql(
        "select q.source_id, q.state, c.code, c.module, c.field, c.remedy from retry_queue q "
        "join causes c on c.id = q.cause_id order by q.source_id"
    )


@contextmanager
def restarted(pair: Pair, folder: Path, **given: Any) -> Iterator[Pair]:
    """The daemon once more, with these settings."""
    with opened(pair.emu, make_settings(pair.emu, folder, modules=("Leads",), **given)) as anew:
        yield anew


@pytest.mark.parametrize("fields", [CITY, STAR], ids=["named", "star"])
@pytest.mark.parametrize("org", ["a", "b"])
def test_a_renamed_field_waits_and_the_others_go_on(tmp_path: Path, fields: FieldChoice, org: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=fields) as pair:
        first, second = lead(pair, City="Pune"), lead(pair, "Still", City="Goa")
        settle(pair)
        pair.pass_time(8 * 3600)  # what was written within six hours might have been ignored
        settle(pair)
        (pair.a if org == "a" else pair.b).change_field("Leads", "City", api_name="Town")
        for catalog_ in pair.fleet.catalogs.values():
            catalog_.forget()
        pair.a.edit("Leads", first, {"Last_Name": "B"})
        third = lead(pair, "New")
        for _ in range(2):
            assert pair.once()["india-to-us/Leads"].trouble is None
        assert [pair.counterpart("Leads", i)["Last_Name"] for i in (first, second, third)] == ["B", "Still", "New"]
        assert [row[:5] for row in waiting(pair)] == [
            (i, "held", "FIELD_ABSENT", "Leads", "City") for i in sorted([first, third])
        ]
        assert "API name of today" in waiting(pair)[0][-1]
        detail, name = pair.sql("select detail from retry_queue")[0][0], "india" if org == "a" else "us"
        assert f"{name}'s Leads calls its field City Town now: write that into routes." in detail
        before = sent(pair)
        with restarted(pair, tmp_path, fields=fields) as again:
            assert again.once()["india-to-us/Leads"].trouble is None
            assert (len(waiting(again)), sent(again)) == (2, before)


@pytest.mark.parametrize("org", ["a", "b"])
def test_when_the_settings_say_the_new_name_all_of_it_arrives(tmp_path: Path, org: str) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        first, second = lead(pair, City="Pune"), lead(pair, "Still", City="Goa")
        settle(pair)
        (pair.a if org == "a" else pair.b).change_field("Leads", "City", api_name="Town")
        if org == "a":
            pair.a.edit("Leads", first, {"Last_Name": "B", "Town": "Agra"})
        else:
            pair.a.edit("Leads", first, {"Last_Name": "B", "City": "Agra"})
        pair.once()
        table = {"City": Copy(field="Town")} if org == "a" else {"Town": Copy(field="City")}
        with restarted(pair, tmp_path, fields=choice({**table})) as mended:
            mended.once()
            name = "City" if org == "a" else "Town"
            assert [mended.counterpart("Leads", i)[name] for i in (first, second)] == ["Agra", "Goa"]
            assert waiting(mended) == []
            before = sent(mended)
            mended.once()
            assert sent(mended) == before


def test_a_field_that_is_back_brings_what_waited_and_reads_nothing_else_again(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        leads = [lead(pair, f"L{n}", City="Pune") for n in range(5)]
        settle(pair)
        pair.a.change_field("Leads", "City", api_name="Town")
        pair.a.edit("Leads", leads[0], {"Town": "Agra"})
        settle(pair)
        pair.a.change_field("Leads", "Town", api_name="City")
        pair.fleet.catalogs["india"].forget()
        before = sent(pair)
        report = pair.cycle("Leads")
        assert (report.seen, sent(pair)) == (1, before + 1)
        assert (pair.counterpart("Leads", leads[0])["City"], waiting(pair)) == ("Agra", [])


def test_a_star_is_content_when_the_missing_field_is_excepted_or_gone_from_both(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=STAR) as pair:
        number = lead(pair, City="Pune")
        settle(pair)
        pair.a.change_field("Leads", "City", api_name="Town")
        pair.a.edit("Leads", number, {"Last_Name": "B"})
        pair.once()
        assert [row[2] for row in waiting(pair)] == ["FIELD_ABSENT"]
        with restarted(pair, tmp_path, fields=FieldChoice(except_=frozenset({"City"}))) as excepted:
            excepted.once()
            assert waiting(excepted) == []
        with restarted(pair, tmp_path, fields=STAR) as again:
            again.once()
            again.b.change_field("Leads", "City", api_name="Town")
            again.fleet.catalogs["us"].forget()
            again.once()
            assert (waiting(again), again.counterpart("Leads", number)["Town"]) == ([], "Pune")


def test_a_field_that_was_never_there_still_stops_its_stream(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=choice({"City": Copy(field="Citi")})) as pair:
        lead(pair, City="Pune")
        trouble = str(pair.cycle("Leads").trouble)
        assert "india's Leads has no field Citi (there is City)" in trouble
        assert "write its API name of today into routes.india-to-us.modules.Leads.fields.City" in trouble
        assert pair.writes() == []


def test_a_new_entry_that_is_wrong_stops_a_stream_that_has_run(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        lead(pair, City="Pune")
        pair.once()
        wrong = choice({"City": Copy(field="City"), "Fax": Copy(field="Faks")})
        with restarted(pair, tmp_path, fields=wrong) as anew:
            assert "has no field Faks" in str(anew.cycle("Leads").trouble)


def test_without_a_field_that_b_demands_nothing_new_is_made_and_updates_go_on(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        pair.b.change_field("Leads", "City", mandatory=True)
        old = lead(pair, City="Pune")
        settle(pair)
        pair.a.change_field("Leads", "City", api_name="Town")
        pair.a.edit("Leads", old, {"Last_Name": "B"})
        new = lead(pair, "New", Town="Goa")
        before = sent(pair)
        pair.once()
        assert (pair.counterpart("Leads", old)["Last_Name"], sent(pair)) == ("B", before + 1)
        assert pair.counterparts("Leads", new) == []
        assert [row[:3] for row in waiting(pair)] == [(i, "held", "FIELD_ABSENT") for i in sorted([old, new])]


def test_a_field_that_becomes_read_only_waits_alone(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        number = lead(pair, City="Pune")
        settle(pair)
        pair.b.change_field("Leads", "City", read_only=True)
        pair.fleet.catalogs["us"].forget()
        pair.a.edit("Leads", number, {"Last_Name": "B", "City": "Goa"})
        assert pair.cycle("Leads").trouble is None
        assert pair.counterpart("Leads", number)["Last_Name"] == "B"
        assert [row[2] for row in waiting(pair)] == ["FIELD_ABSENT"]


@pytest.mark.parametrize("org", ["india", "us"])
def test_both_ways_a_renamed_field_waits_and_no_edit_of_it_is_lost_or_undone(tmp_path: Path, org: str) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = around.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Wien"})
        around.settle()
        around.orgs[org].change_field("Leads", "City", api_name="Town")
        for one in around.fleet.catalogs.values():
            one.forget()
        twin = around.only("us")["id"]
        around.edit("india", number, Phone="1")
        around.edit("us", twin, Company="D")
        around.settle()
        assert around.shown("india", "Company", "Phone") == around.shown("us", "Company", "Phone") == [("D", "1")]
        names = {name: "Town" if name == org else "City" for name in around.orgs}
        around.edit("us", twin, **{names["us"]: "Graz"})
        around.settle()
        assert around.only("india")[names["india"]] == "Wien"
        ways = []
        for source, target in (("india", "us"), ("us", "india")):
            fields = table("Last_Name", "Company", "Phone", **{names[target]: Copy(field=names[source])})
            ways.append(stream(source, target, fields=fields))
        with opened_around(around.emu, settings_of(around.emu, tmp_path, ways)) as mended:
            before = mended.writes()
            mended.settle()
            assert (mended.only("india")[names["india"]], mended.only("us")[names["us"]]) == ("Graz", "Graz")
            assert mended.writes() == before + 1
            assert mended.sql("select count(*) from retry_queue") == [(0,)]


@pytest.mark.parametrize("mend", ["back", "new name"])
@pytest.mark.parametrize("owner", ["source", "fill-blank"])
def test_what_the_target_ignored_before_the_metadata_was_read_anew_is_written_later(
    tmp_path: Path, mend: str, owner: str
) -> None:
    fields = choice({"City": Copy(field="City")}, City=Fill(owner=owner))  # type: ignore[arg-type]
    with running_pair(tmp_path, modules=("Leads",), fields=fields) as pair:
        old = lead(pair, City=None if owner == "fill-blank" else "Pune")
        settle(pair)
        pair.b.change_field("Leads", "City", api_name="Town")
        pair.a.edit("Leads", old, {"City": "Agra"})
        new = lead(pair, "New", City="Goa")
        settle(pair)
        pair.fleet.catalogs["us"].forget()
        settle(pair)
        assert [row[:3] for row in waiting(pair)] == [(i, "held", "FIELD_ABSENT") for i in sorted([old, new])]
        if mend == "back":
            pair.b.change_field("Leads", "Town", api_name="City")
            pair.fleet.catalogs["us"].forget()
            settle(pair)
            found = [pair.counterpart("Leads", i)["City"] for i in (old, new)]
        else:
            named = choice({"Town": Copy(field="City")}, Town=Fill(owner=owner))  # type: ignore[arg-type]
            with restarted(pair, tmp_path, fields=named) as mended:
                settle(mended)
                found = [mended.counterpart("Leads", i)["Town"] for i in (old, new)]
        assert (found, waiting(pair)) == (["Agra", "Goa"], [])


@pytest.mark.parametrize("org", ["a", "b"])
@pytest.mark.parametrize("known", [True, False], ids=["known", "not known yet"])
def test_a_column_of_a_subform_that_was_renamed_blanks_nothing(tmp_path: Path, org: str, known: bool) -> None:
    rows = Rows(
        field="Besuche", columns=FieldChoice(table={"Place": Copy(field="Ort"), "Day": Copy(field="Tag_der_Reise")})
    )
    with running_pair(tmp_path, modules=("Leads",)) as outer:
        equip(outer.a, "Besuche", ("Ort", "Tag der Reise", "Firma"), "Interessen")
        equip(outer.b, "Visits", ("Place", "Day", "Account"), "Interests")
        outer.ledger.close()
        with restarted(outer, tmp_path, fields=choice({"Visits": rows})) as pair:
            number = lead(pair, Besuche=[{"Ort": "Wien", "Tag_der_Reise": "2026-01-05"}, {"Ort": "Graz"}])
            settle(pair)

            def places() -> list[Any]:
                return [row.get("Place") or row.get("Spot") for row in pair.counterpart("Leads", number)["Visits"]]

            if org == "a":
                pair.a.change_field("Besuche", "Ort", api_name="Stadt")
            else:
                pair.b.change_field("Visits", "Place", api_name="Spot")
            if known:
                pair.fleet.catalogs["india"].forget()
                pair.fleet.catalogs["us"].forget()
            pair.a.edit("Leads", number, {"Last_Name": "B"})
            settle(pair)
            settle(pair)
            twin = pair.counterpart("Leads", number)
            assert (twin["Last_Name"], places()) == ("B", ["Wien", "Graz"])
            if known or org == "a":  # else nothing has told of it yet
                assert [row[2] for row in waiting(pair)] == ["FIELD_ABSENT"]
            if org == "a":
                pair.a.change_field("Besuche", "Stadt", api_name="Ort")
            else:
                pair.b.change_field("Visits", "Spot", api_name="Place")
            pair.a.edit("Leads", number, {"Besuche": [{"Ort": "Linz"}]})
            for name in ("india", "us"):
                pair.fleet.catalogs[name].forget()
            settle(pair)
            assert (places(), waiting(pair)) == (["Linz"], [])


def test_the_field_that_a_lookup_matches_by_waits_alone_when_it_is_renamed(tmp_path: Path) -> None:
    table = {"Last_Name": Copy(field="Last_Name"), "Account_Name": Copy(field="Account_Name")}
    by = FieldChoice(table={**table}, fills={"Account_Name": Fill(match="Number")})
    with running_pair(tmp_path, modules=("Contacts",), fields=by) as pair:
        for org in (pair.a, pair.b):
            org.add_field("Accounts", field_label="Number", data_type="text", length=20)
            org.insert_raw("Accounts", {"Account_Name": "Acme", "Number": "7"})
        account = pair.a.records("Accounts")[0]["id"]
        contact = pair.a.insert_raw("Contacts", {"Last_Name": "A", "Account_Name": {"id": account}})
        settle(pair)
        assert pair.counterpart("Contacts", contact)["Account_Name"]["name"] == "Acme"
        pair.pass_time(600)  # what was found is not remembered so long
        pair.a.change_field("Accounts", "Number", api_name="Nr")
        pair.a.edit("Contacts", contact, {"Last_Name": "B"})
        settle(pair)
        assert pair.counterpart("Contacts", contact)["Last_Name"] == "B"
        assert [row[2] for row in waiting(pair)] == ["FIELD_ABSENT"]
        pair.a.change_field("Accounts", "Nr", api_name="Number")
        pair.fleet.catalogs["india"].forget()
        settle(pair)
        assert waiting(pair) == []


@pytest.mark.parametrize("org", ["india", "us"])
def test_both_ways_the_settings_new_name_undoes_no_edit_that_was_made_meanwhile(tmp_path: Path, org: str) -> None:
    """The record of the renamed org was touched later than the edit of the other, and its old value is no edit."""
    other = "us" if org == "india" else "india"
    with running(tmp_path, THERE, BACK) as around:
        numbers = {"india": new_lead(around, City="Wien")}
        around.settle()
        numbers["us"] = around.only("us")["id"]
        around.pass_time(8 * 3600)
        around.settle()
        around.orgs[org].change_field("Leads", "City", api_name="Town")
        around.fleet.catalogs[org].forget()
        around.settle()
        around.edit(other, numbers[other], City="Graz")
        around.settle()
        around.edit(org, numbers[org], Description="only here")
        around.settle()
        names = {name: "Town" if name == org else "City" for name in around.orgs}
        ways = []
        for source, target in (("india", "us"), ("us", "india")):
            fields = table("Last_Name", "Company", "Phone", **{names[target]: Copy(field=names[source])})
            ways.append(stream(source, target, fields=fields))
        with opened_around(around.emu, settings_of(around.emu, tmp_path, ways)) as mended:
            mended.settle()
            mended.settle()
            assert [mended.only(one)[names[one]] for one in ("india", "us")] == ["Graz", "Graz"]
            assert conflicts(mended) == []


@pytest.mark.parametrize("renamed", ["before", "after"])
@pytest.mark.parametrize("mend", ["the key's new name", "a new key field"])
def test_a_create_without_an_answer_is_never_made_twice_though_the_key_field_was_renamed(
    tmp_path: Path, renamed: str, mend: str
) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        lead(pair, "Old")
        settle(pair)
        if renamed == "before":
            pair.b.change_field("Leads", KEY, api_name="Src", label="Src")
        pair.b.faults.next("insert", effect="cut", when="after")
        number = lead(pair, "New")
        pair.once()
        if renamed == "after":
            pair.b.change_field("Leads", KEY, api_name="Src", label="Src")
        pair.fleet.catalogs["us"].forget()
        settle(pair)
        assert f'calls its key field {KEY} Src now: write key = "Src" into routes' in str(pair.cycle("Leads").trouble)
        if mend == "a new key field":
            add_key(pair.b, "Leads")
        with restarted(pair, tmp_path, fields=CITY, key=KEY if mend == "a new key field" else "Src") as mended:
            settle(mended)
            settle(mended)
            other = lead(mended, "Other")
            settle(mended)
            assert [r["Last_Name"] for r in mended.b.records("Leads")].count("New") == 1
            assert [r["Last_Name"] for r in mended.b.records("Leads")].count("Other") == 1
            found = renamed == "after" and mend == "the key's new name"
            assert [row[:3] for row in waiting(mended)] == ([] if found else [(number, "held", "AMBIGUOUS")])
            assert other


def test_the_columns_of_a_subform_leave_only_when_each_is_listed(tmp_path: Path) -> None:
    columns = FieldChoice(table={"Place": Copy(field="Ort"), "Day": Copy(field="Tag_der_Reise")})
    fields = choice({"Visits": Rows(field="Besuche", columns=columns)})
    listed = frozenset({"Last_Name", "Company", "Besuche", "Besuche.Ort"})
    with running_pair(tmp_path, modules=("Leads",)) as outer:
        equip(outer.a, "Besuche", ("Ort", "Tag der Reise", "Firma"), "Interessen")
        equip(outer.b, "Visits", ("Place", "Day", "Account"), "Interests")
        outer.ledger.close()
        with restarted(outer, tmp_path, fields=fields, egress=listed) as pair:
            number = lead(pair, Besuche=[{"Ort": "Wien", "Tag_der_Reise": "2026-01-05"}])
            assert "does not list Besuche.Tag_der_Reise (for Visits)" in str(pair.cycle("Leads").trouble)
            assert pair.writes() == []
        with restarted(outer, tmp_path, fields=fields, egress=listed | {"Besuche.Tag_der_Reise"}) as pair:
            settle(pair)
            assert pair.counterpart("Leads", number)["Visits"][0]["Place"] == "Wien"
            assert {row[0] for row in pair.sql("select field from exports")} == {
                *("Last_Name", "Company", "id", "Besuche.Ort", "Besuche.Tag_der_Reise")
            }


def test_a_default_owner_who_leaves_holds_only_what_nobody_else_stands_for(tmp_path: Path) -> None:
    grace = "grace.kim@example.com"
    fields = choice({"Owner": Copy(field="Owner")})
    with running_pair(tmp_path, modules=("Leads",), fields=fields, default_owner=grace) as pair:
        users = {user.email: user.user_id for user in pair.fleet.catalogs["india"].users()}
        there = {user.email: user for user in pair.fleet.catalogs["us"].users() if user.active}
        assert grace in there
        stranger = next(email for email in users if email not in there)
        known = next(email for email in users if email in there and email != grace)
        settle(pair)
        number = int(there[grace].user_id)
        pair.emu.do(lambda hands: setattr(hands._site("us").org.user(number), "status", "disabled"))
        pair.fleet.catalogs["us"].forget()
        held = lead(pair, "Held", Owner={"id": users[stranger]})
        fine = lead(pair, "Fine", Owner={"id": users[known]})
        settle(pair)
        assert pair.counterpart("Leads", fine)
        assert [row[:3] for row in waiting(pair)] == [(held, "held", "USER_UNKNOWN")]
        pair.emu.do(lambda hands: setattr(hands._site("us").org.user(number), "status", "active"))
        pair.fleet.catalogs["us"].forget()
        settle(pair)
        assert pair.counterpart("Leads", held)["Owner"]["email"] == grace


def test_another_field_under_the_old_name_gets_all_values(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        leads = [lead(pair, f"L{n}", City="Pune") for n in range(3)]
        settle(pair)
        pair.pass_time(8 * 3600)
        settle(pair)
        pair.b.change_field("Leads", "City", api_name="Town", label="Town")
        name = pair.b.add_field("Leads", field_label="City", data_type="text")
        if name != "City":
            pair.b.change_field("Leads", name, api_name="City")
        pair.fleet.catalogs["us"].forget()
        settle(pair)
        assert [pair.counterpart("Leads", i)["City"] for i in leads] == ["Pune"] * 3
        assert waiting(pair) == []
