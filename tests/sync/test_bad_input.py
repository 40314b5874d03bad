"""What nobody should send: each ends as an outcome or a message, never as a traceback, and stops no other stream."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.sync import catalog
from daemon.sync.check import Finding, check_all
from tests.sync.pair import Pair, make_settings, opened, running_pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with running_pair(tmp_path) as pair:
        yield pair


def test_every_mistake_is_a_cause_with_its_remedy_and_holds_only_what_depends_on_it(pair: Pair) -> None:
    currencies = ("INR", "EUR", "USD")
    for org, known in ((pair.a, currencies), (pair.b, currencies[1:])):
        values = [{"display_value": code, "actual_value": code} for code in known]
        org.add_field("Deals", field_label="Currency", data_type="picklist", pick_list_values=values)
    pair.b.change_field("Accounts", "Billing_City", length=10)
    pair.b.quirks(unknown_picklist="reject")
    pair.once()
    here = {user.email: user for user in pair.fleet.catalogs["us"].users() if user.active}
    leaver = next(u for u in pair.fleet.catalogs["india"].users() if u.email == "olena.koval@example.com")

    def employ(status: str) -> None:
        number = int(here[leaver.email].user_id)
        pair.emu.do(lambda hands: setattr(hands._site("us").org.user(number), "status", status))

    def insert(module: str, **values: Any) -> str:
        return pair.a.insert_raw(module, values)

    def deal(name: str, **values: Any) -> str:
        return insert("Deals", Deal_Name=name, Stage="Qualification", Closing_Date="2026-12-31", **values)

    employ("disabled")
    long = insert("Accounts", Account_Name="Long", Billing_City="x" * 11)
    odd = insert("Accounts", Account_Name="Odd", Industry="Alchemy")
    fine = insert("Accounts", Account_Name="Fine")
    orphan, child = (insert("Contacts", Last_Name=n, Account_Name={"id": p}) for n, p in (("O", long), ("C", fine)))
    twins = [insert("Contacts", Last_Name=name, Customer_Number="C-1") for name in ("First", "Second")]
    foreign, local = deal("Foreign", Currency="INR", Account_Name={"id": fine}), deal("Local", Currency="EUR")
    left = insert("Leads", Last_Name="Left", Company="C", Owner={"id": leaver.user_id})
    lead = insert("Leads", Last_Name="Fine", Company="C")
    reports = pair.once()
    assert [report.trouble for report in reports.values()] == [None] * 4
    pair.pass_time(60)
    pair.once()  # the users of the target are read once more, to see who has left
    good = (("Accounts", fine), ("Contacts", child), ("Contacts", twins[0]), ("Deals", local), ("Leads", lead))
    assert all(pair.counterpart(module, number) for module, number in good)
    rows = pair.sql(
        "select q.source_id, c.code, c.field, c.value, c.remedy from retry_queue q join causes c on c.id = q.cause_id"
    )
    expected = {
        long: ("INVALID_DATA", "Billing_City", "", "cut = true"),
        odd: ("INVALID_DATA", "Industry", "Alchemy", "add the value 'Alchemy' to the target's Industry, or map it"),
        orphan: ("WAITS_FOR_PARENT", "Account_Name", "", "mend the parent's own cause"),
        twins[1]: ("DUPLICATE_DATA", "Customer_Number", "", "merge the two, or make the values differ"),
        foreign: ("INVALID_DATA", "Currency", "INR", "activate the currency INR in the target"),
        left: ("USER_UNKNOWN", "Owner", leaver.email, f"give {leaver.email} a line in the route's table owners"),
    }
    found = {row[0]: row[1:] for row in rows}
    assert found.keys() == expected.keys()
    for record, (code, field, value, remedy) in expected.items():
        assert found[record][:3] == (code, field, value)
        assert remedy in found[record][3]
    employ("active")
    pair.pass_time(30)
    pair.a.edit("Accounts", long, {"Billing_City": "Short"})
    pair.b.change_field("Accounts", "Industry", add_values=["Alchemy"])
    pair.a.edit("Contacts", twins[1], {"Customer_Number": "C-2"})
    pair.b.change_field("Deals", "Currency", add_values=["INR"])
    for stream in reports:
        pair.ledger.retry(pair.fleet._now(), stream=stream)
    pair.once()
    pair.once()  # who was not found before is found by the users as they are now
    assert pair.queue() == []
    assert pair.counterpart("Contacts", orphan)["Account_Name"]["name"] == "Long"
    assert pair.counterpart("Leads", left)["Owner"]["email"] == leaver.email


def test_check_says_that_amounts_are_copied_between_orgs_that_count_in_different_currencies(pair: Pair) -> None:
    found: list[Finding] = []
    check_all(pair.settings.routes, pair.fleet.catalogs, create_keys=False, show=found.append)
    said = [f.message for f in found if f.ok is None and f.subject == "india-to-us/Deals"]
    assert any("Amount" in text and "india counts in INR and us in USD" in text for text in said)


def test_a_text_of_32000_characters_travels_whole(pair: Pair) -> None:
    text = "ß🦊" * 16_000
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "Description": text})
    pair.once()
    assert pair.counterpart("Leads", lead)["Description"] == text


def test_a_text_longer_than_b_takes_is_a_cause_with_the_field(pair: Pair) -> None:
    pair.b.change_field("Leads", "City", length=10)
    pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "x" * 11})
    pair.once()
    assert pair.sql("select code, field from causes") == [("INVALID_DATA", "City")]


@pytest.mark.parametrize(
    ("module", "values"),
    [
        ("Contacts", {"Account_Name": "a text where a record is due"}),
        ("Contacts", {"Account_Name": {"name": "x", "id": "not an id"}}),
        ("Contacts", {"Account_Name": {"name": "x", "id": 12}}),
        ("Contacts", {"Date_of_Birth": "the day before"}),
        ("Contacts", {"Reporting_To": ["a", "list"]}),
        ("Contacts", {"Title": {"an": "object"}}),
    ],
)
def test_a_value_of_the_wrong_type_is_one_records_cause(pair: Pair, module: str, values: dict[str, Any]) -> None:
    good = pair.a.insert_raw(module, {"Last_Name": "Good"})
    bad = pair.a.insert_raw(module, {"Last_Name": "Bad"})
    pair.emu.do(lambda hands: _twist(hands, module, bad, values))
    report = pair.once()[f"india-to-us/{module}"]
    assert report.trouble is None
    assert pair.counterpart(module, good)
    assert [(row[0], row[2]) for row in pair.queue()] == [(bad, "MALFORMED_VALUE")]


def _twist(hands: Any, module: str, number: str, values: dict[str, Any]) -> None:
    """Puts a value into A's answers that no Zoho of ours would store."""
    org, _ = hands._module("india", module)
    org.tables[module].records[int(number)].values.update(values)


@pytest.mark.parametrize("shape", ["null", "list", "number", "text", "wrong_type", "truncated"])
def test_an_answer_of_the_wrong_shape_is_that_streams_trouble_only(pair: Pair, shape: str) -> None:
    pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    account = pair.a.insert_raw("Accounts", {"Account_Name": "A"})
    pair.a.faults.add(effect="garbage", shape=shape, kind="coql", module="Leads")
    reports = pair.once()
    assert reports["india-to-us/Leads"].trouble is not None
    assert reports["india-to-us/Accounts"].trouble is None
    assert pair.counterpart("Accounts", account)
    pair.emu.clear_faults()
    assert pair.once()["india-to-us/Leads"].outcomes["created"] == 1


def test_a_module_that_does_not_exist_stops_only_its_own_stream(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as outer:
        emu = outer.emu
        outer.ledger.close()
        with opened(emu, make_settings(emu, tmp_path, modules=("Nonsense", "Leads"))) as pair:
            lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
            reports = pair.once()
            assert "Nonsense" in str(reports["india-to-us/Nonsense"].trouble)
            assert pair.counterpart("Leads", lead)


@pytest.mark.parametrize("seconds", [-86_400, -3_600, 3_600, 366 * 86_400])
def test_our_own_clock_may_jump(pair: Pair, seconds: float) -> None:
    first = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    pair.once()
    real = pair.fleet._now
    for runner in pair.fleet.runners:
        runner._now = lambda: real().fromtimestamp(real().timestamp() + seconds, real().tzinfo)
    second = pair.a.insert_raw("Leads", {"Last_Name": "B", "Company": "C"})
    pair.a.edit("Leads", first, {"City": "Pune"})
    assert pair.cycle("Leads").outcomes == {"created": 1, "updated": 1}
    assert pair.counterpart("Leads", second)


def test_an_org_behind_the_same_name_that_is_another_one_is_refused(pair: Pair, tmp_path: Path) -> None:
    pair.once()
    with pytest.raises(Exception, match="opens Zoho org"):
        pair.ledger.register_org("us", "999", "us", pair.fleet._now())


def test_a_429_rests_the_org_and_loses_nothing(pair: Pair) -> None:
    leads = [pair.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C"}) for n in range(120)]
    pair.b.faults.next(["upsert", "insert"], effect="status", status=429, code="TOO_MANY_REQUESTS", skip=1)
    report = pair.cycle("Leads")
    assert report.trouble is not None
    assert report.outcomes == {"created": 100}
    sent = len(pair.writes())
    assert "rests" in str(pair.cycle("Leads").trouble)
    assert len(pair.writes()) == sent
    time.sleep(2.1)
    assert pair.cycle("Leads").outcomes == {"created": 20}
    assert [len(pair.counterparts("Leads", i)) for i in leads] == [1] * 120


def test_a_field_renamed_overnight_is_never_blanked_in_b(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "DOUBTED_S", 0.0)
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Pune"})
    pair.once()
    pair.pass_time(60)
    pair.a.change_field("Leads", "City", api_name="Town")
    pair.a.edit("Leads", lead, {"Last_Name": "B"})
    pair.once()
    twin = pair.counterpart("Leads", lead)
    assert (twin["Last_Name"], twin["City"]) == ("B", "Pune")


def test_a_field_hidden_from_the_api_user_is_a_message_and_blanks_nothing(pair: Pair) -> None:
    pair.a.quirks(coql_id_compare="reject")  # so that the list call is read, which leaves unknown fields out
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C", "City": "Pune"})
    pair.once()
    pair.once()
    assert pair.counterpart("Leads", lead)["City"] == "Pune"
    pair.pass_time(60)
    pair.a.remove_field("Leads", "City")
    pair.a.edit("Leads", lead, {"Last_Name": "B"})
    assert "City" in str(pair.cycle("Leads").trouble)  # until the metadata is read anew
    assert pair.counterpart("Leads", lead)["City"] == "Pune"


def test_an_edit_after_the_sources_clock_went_back_is_not_lost(pair: Pair) -> None:
    lead = pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    pair.once()
    pair.pass_time(600)
    pair.once()
    pair.pass_time(-3_600)
    pair.a.edit("Leads", lead, {"City": "Pune"})
    pair.once()
    assert pair.counterpart("Leads", lead)["City"] == "Pune"
