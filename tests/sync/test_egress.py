"""What a route lets out of its source: nothing else is in any request to B, and what left stands in the ledger."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Constant, Copy, Expression, FieldChoice, Fill, Source, Template
from daemon.ledger import Ledger
from tests.sync.pair import KEY, Pair, make_settings, opened, running_pair
from tests.sync.test_compare import resync, settle
from tests.sync.test_doubt import WAIT, Killed

TABLE: dict[str, Source] = {
    "Last_Name": Copy(field="Last_Name"),
    "Company": Constant(value="C"),
    "Description": Template(text="{Last_Name}, {City}"),
    "Website": Expression(text="'https://' + Website if Website else None"),
    "Rating": Copy(field="Rating"),
    "Owner": Copy(field="Owner"),
}
LISTED = frozenset({"Last_Name", "City", "Website", "Rating", "Owner"})
SECRET = "kept-at-home"
KEPT = {
    "First_Name": SECRET,
    "Email": f"{SECRET}@example.com",
    "Phone": SECRET,
    "Skype_ID": SECRET,
    "Lead_Status": "Contacted",
}


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    fields = FieldChoice(table=TABLE, fills={"Rating": Fill(owner="fill-blank")})
    more: dict[str, Any] = {"egress": LISTED, "where": "Lead_Status = 'Contacted'"}
    with running_pair(tmp_path, modules=("Leads",), fields=fields, **more) as pair:
        yield pair


def lead(pair: Pair, **values: Any) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "A", "Company": "At home", "City": "Pune", **KEPT, **values})


def exported(pair: Pair) -> dict[str, int]:
    """Field -> writes."""
    return dict(pair.sql("select field, records from exports order by field"))


def test_whatever_happens_no_request_to_b_holds_what_is_not_listed(pair: Pair) -> None:
    numbers = [lead(pair, Last_Name=f"L{n}", Website="w.example") for n in range(3)]
    pair.b.faults.next("insert", effect="cut", when="after")
    pair.cycle("Leads")
    pair.pass_time(WAIT)
    pair.a.edit("Leads", numbers[0], {"City": "Goa", "Phone": f"{SECRET} 2", "Rating": "Acquired"})
    pair.a.edit("Leads", numbers[1], {"Lead_Status": "Lost Lead"})
    pair.once()
    pair.b.edit("Leads", pair.counterpart("Leads", numbers[0])["id"], {"City": "by hand"})
    resync(pair)
    settle(pair)
    assert pair.counterpart("Leads", numbers[0])["Description"] == "L0, Goa"
    bodies = [record for call in pair.writes() for record in call["body"]["data"]]
    assert {name for record in bodies for name in record} <= {*TABLE, KEY, "id"}
    everything = json.dumps(pair.b.log())
    assert "L0, Goa" in everything
    assert [word for word in (SECRET, "At home", "Contacted") if word in everything] == []


def test_the_ledger_shows_what_left_for_which_data_centre_and_how_often(pair: Pair) -> None:
    number = lead(pair, Rating="Active")
    pair.once()
    first = pair.sql(
        "select distinct route, source, source_module, target, data_center, first_at, last_at from exports"
    )
    [(*about, began, ended)] = first
    assert about == ["india-to-us", "india", "Leads", "us", "us"]
    assert began == ended
    created = {"City": 1, "Last_Name": 1, "Owner": 1, "Rating": 1, "Website": 1, "id": 1}
    assert exported(pair) == created
    pair.pass_time(30)
    pair.a.edit("Leads", number, {"City": "Goa"})
    pair.once()
    assert exported(pair) == {**created, "City": 2, "Last_Name": 2}
    later = dict(pair.sql("select field, last_at > first_at from exports"))
    assert {name for name, is_later in later.items() if is_later} == {"City", "Last_Name"}
    pair.once()
    assert exported(pair)["City"] == 2


@pytest.mark.parametrize("effect", ["cut", "status"])
def test_what_was_sent_counts_whatever_b_says(pair: Pair, effect: str) -> None:
    lead(pair)
    pair.b.faults.next("insert", effect=effect, **({"when": "after"} if effect == "cut" else {}))
    pair.cycle("Leads")
    assert exported(pair)["City"] == 1


def test_what_b_refused_has_left_too(pair: Pair) -> None:
    pair.b.change_field("Leads", "Last_Name", length=5)
    lead(pair, Last_Name="Longer than five")
    pair.once()
    assert [code for _, _, code in pair.queue()] == ["INVALID_DATA"]
    assert exported(pair)["Last_Name"] == 1


def test_a_kill_while_a_call_is_on_its_way_loses_nothing(pair: Pair, monkeypatch: pytest.MonkeyPatch) -> None:
    lead(pair)

    def killed(*_: object) -> None:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "settle", killed)
        with pytest.raises(Killed):
            pair.cycle("Leads")
    assert exported(pair)["City"] == 1
    pair.fleet.runners[0]._poller.start_over()
    pair.pass_time(WAIT)
    pair.once()
    assert (exported(pair)["City"], len(pair.writes())) == (1, 1)


def test_a_deletion_takes_no_field_out(tmp_path: Path) -> None:
    fields = FieldChoice(table=TABLE)
    more: dict[str, Any] = {"egress": LISTED, "deletes": "flag", "flag": "Deleted_In_Source"}
    with running_pair(tmp_path, modules=("Leads",), fields=fields, **more) as pair:
        pair.b.add_field("Leads", field_label="Deleted In Source", data_type="boolean")
        number = lead(pair)
        pair.once()
        before = exported(pair)
        pair.a.delete("Leads", number)
        pair.pass_time(30)
        pair.once()
        assert pair.counterpart("Leads", number)["Deleted_In_Source"] is True
        pair.a.restore("Leads", number)
        pair.pass_time(120)
        pair.once()
        assert pair.counterpart("Leads", number)["Deleted_In_Source"] is False
        assert exported(pair) == before


def test_a_star_that_would_carry_more_is_refused_until_it_is_listed_or_excepted(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), egress=LISTED) as pair:
        lead(pair)
        trouble = pair.once()["india-to-us/Leads"].trouble or ""
        assert "routes.india-to-us.egress.Leads does not list Annual_Revenue, " in trouble
        assert "Email" in trouble
        assert "may not leave india, and no Leads are sent to us" in trouble
        assert "City" not in trouble
        assert "`orgsync check`" in trouble
        assert (pair.writes(), pair.sql("select * from exports")) == ([], [])
        with_table = FieldChoice(table={"Last_Name": Copy(field="Last_Name"), "Company": Copy(field="Phone")})
        settings = make_settings(pair.emu, tmp_path, modules=("Leads",), egress=LISTED, fields=with_table)
        pair.ledger.close()
        with opened(pair.emu, settings) as anew:
            assert "does not list Phone (for Company): it may" in (anew.once()["india-to-us/Leads"].trouble or "")


def test_the_list_changes_no_rules_and_nothing_is_read_again(pair: Pair, tmp_path: Path) -> None:
    lead(pair)
    pair.once()
    version = pair.sql("select rules_version from checkpoints")
    fields = FieldChoice(table=TABLE, fills={"Rating": Fill(owner="fill-blank")})
    settings = make_settings(pair.emu, tmp_path, modules=("Leads",), fields=fields, where="Lead_Status = 'Contacted'")
    pair.ledger.close()
    with opened(pair.emu, settings) as anew:
        anew.once()
        assert anew.sql("select rules_version from checkpoints") == version
