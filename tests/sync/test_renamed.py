"""A field that is renamed before the metadata is read anew: the target ignores what is written into it, without a word.
What it ignored is written later, and what is blank there because of it comes back over nothing.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import Copy, FieldChoice, Fill, Stream
from daemon.sync import catalog
from tests.sync.around import BACK, THERE, Around, conflicts, running, settings_of, stream, table
from tests.sync.around import lead as new_lead
from tests.sync.around import opened as opened_around
from tests.sync.pair import KEY, running_pair
from tests.sync.test_absent import CITY, lead, restarted, sent, waiting
from tests.sync.test_compare import settle
from tests.sync.test_mapping import choice

HOURS = 8 * 3600


@pytest.fixture(autouse=True)
def _metadata_is_read_anew_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalog, "DOUBTED_S", 0.0)


def owned(owner: str, target: str, source: str) -> FieldChoice:
    """City by this owner, the rest by the newest edit."""
    fields = table("Last_Name", "Company", "Phone", **{target: Copy(field=source)})
    return FieldChoice(table=fields.table, fills={target: Fill(owner=owner)})  # type: ignore[arg-type]


def ways(there: str = "City", back: str = "City", owners: tuple[str, str] = ("newest", "newest")) -> list[Stream]:
    """india -> us and back; `there` is the name of City in us, `back` in india."""
    return [
        stream("india", "us", fields=owned(owners[0], there, back)),
        stream("us", "india", fields=owned(owners[1], back, there)),
    ]


def forget(around: Around) -> None:
    for one in around.fleet.catalogs.values():
        one.forget()


@pytest.mark.parametrize("mend", ["new name", "back"])
@pytest.mark.parametrize("first", ["there", "back"])
def test_what_was_ignored_when_a_record_was_made_never_comes_back_as_a_blank(
    tmp_path: Path, mend: str, first: str
) -> None:
    owners, order = ("target", "source"), 1 if first == "there" else -1
    with running(tmp_path, *ways(owners=owners)[::order]) as around:
        around.settle()
        around.orgs["us"].change_field("Leads", "City", api_name="Town")
        new_lead(around, City="Linz")
        around.settle()
        forget(around)
        around.settle()
        assert (around.only("india")["City"], around.only("us").get("Town")) == ("Linz", None)
        if mend == "back":
            around.orgs["us"].change_field("Leads", "Town", api_name="City")
        name = "City" if mend == "back" else "Town"
        mended = ways(name, owners=owners)[::order]
        with opened_around(around.emu, settings_of(around.emu, tmp_path, mended)) as again:
            again.settle()
            again.settle()
            assert (again.only("india")["City"], again.only("us")[name]) == ("Linz", "Linz")
            assert again.sql("select count(*) from retry_queue") == [(0,)]


@pytest.mark.parametrize("org", ["a", "b"])
@pytest.mark.parametrize("mend", ["new name", "back"])
def test_a_field_of_new_records_only_is_filled_later(tmp_path: Path, org: str, mend: str) -> None:
    fields = choice({"City": Copy(field="City")}, City=Fill(owner="target"))
    with running_pair(tmp_path, modules=("Leads",), fields=fields) as pair:
        old = lead(pair, "Old", City="Goa")
        settle(pair)
        pair.pass_time(HOURS)
        settle(pair)
        side = pair.a if org == "a" else pair.b
        side.change_field("Leads", "City", api_name="Town")
        for one in pair.fleet.catalogs.values():
            one.forget()
        number = lead(pair, "New", **{"Town" if org == "a" else "City": "Linz"})
        settle(pair)
        pair.b.edit("Leads", pair.counterpart("Leads", old)["id"], {"City" if org == "a" else "Town": "theirs"})
        if mend == "back":
            side.change_field("Leads", "Town", api_name="City")
        elif org == "a":
            fields = choice({"City": Copy(field="Town")}, City=Fill(owner="target"))
        else:
            fields = choice({"Town": Copy(field="City")}, Town=Fill(owner="target"))
        name = "Town" if org == "b" and mend == "new name" else "City"
        with restarted(pair, tmp_path, fields=fields) as mended:
            settle(mended)
            assert (mended.counterpart("Leads", number)[name], waiting(mended)) == ("Linz", [])
            assert mended.counterpart("Leads", old)[name] == "theirs"


@pytest.mark.parametrize("mend", ["new name", "back"])
def test_a_mark_of_a_deletion_that_was_ignored_is_set_later(tmp_path: Path, mend: str) -> None:
    given: dict[str, Any] = {"fields": CITY, "deletes": "flag", "flag": "Gone"}
    with running_pair(tmp_path, modules=("Leads",)) as outer:
        outer.b.add_field("Leads", field_label="Gone", data_type="boolean")
        outer.ledger.close()
        with restarted(outer, tmp_path, **given) as pair:
            numbers = [lead(pair, name) for name in ("L", "M")]
            settle(pair)
            pair.b.change_field("Leads", "Gone", api_name="Weg")
            pair.a.delete("Leads", numbers[0])
            settle(pair)
            pair.fleet.catalogs["us"].forget()
            trouble = str(pair.cycle("Leads").trouble)
            assert 'calls Gone Weg now: write flag = "Weg" into routes.india-to-us.modules.Leads' in trouble
            if mend == "back":
                pair.b.change_field("Leads", "Weg", api_name="Gone")
            else:
                given["flag"] = "Weg"
            with restarted(pair, tmp_path, **given) as mended:
                settle(mended)
                found = {r["Last_Name"]: r[given["flag"]] for r in mended.b.records("Leads")}
                assert (found, waiting(mended)) == ({"L": True, "M": False}, [])


def test_a_record_that_was_made_while_the_key_was_ignored_gets_it_later(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        lead(pair, "Old")
        settle(pair)
        pair.b.change_field("Leads", KEY, api_name="Src", label="Src")
        number = lead(pair, "New")
        settle(pair)
        pair.fleet.catalogs["us"].forget()
        settle(pair)
        with restarted(pair, tmp_path, fields=CITY, key="Src") as mended:
            settle(mended)
            keys = {r["Last_Name"]: str(r["Src"]).partition(":")[2] for r in mended.b.records("Leads")}
            assert (keys["New"], waiting(mended)) == (number, [])


def test_the_new_name_costs_no_write_of_what_is_equal_and_spares_what_a_person_wrote_there(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), fields=CITY) as pair:
        leads = [lead(pair, f"L{n}", City="Pune") for n in range(5)]
        settle(pair)
        pair.pass_time(HOURS)
        settle(pair)
        pair.b.change_field("Leads", "City", api_name="Town")
        pair.b.edit("Leads", pair.counterpart("Leads", leads[0])["id"], {"Town": "a person's"})
        before = sent(pair)
        with restarted(pair, tmp_path, fields=choice({"Town": Copy(field="City")})) as mended:
            settle(mended)
            assert sent(mended) == before
            assert mended.counterpart("Leads", leads[0])["Town"] == "a person's"


@pytest.mark.parametrize("value", ["Graz", None])
def test_both_ways_an_edit_of_a_record_that_was_just_made_goes_over_under_the_new_name(
    tmp_path: Path, value: str | None
) -> None:
    with running(tmp_path, THERE, BACK) as around:
        number = new_lead(around, City="Wien")
        around.settle()
        around.orgs["us"].change_field("Leads", "City", api_name="Town")
        forget(around)
        around.settle()
        around.edit("india", number, City=value)
        around.settle()
        with opened_around(around.emu, settings_of(around.emu, tmp_path, ways("Town"))) as mended:
            mended.settle()
            mended.settle()
            assert (mended.only("india")["City"], mended.only("us")["Town"]) == (value, value)
            assert conflicts(mended) == []


@pytest.mark.parametrize("noticed", [True, False])
def test_both_ways_a_new_field_under_an_old_name_is_no_edit_to_blank(tmp_path: Path, noticed: bool) -> None:
    with running(tmp_path, THERE, BACK) as around:
        new_lead(around, City="Wien")
        around.settle()
        around.pass_time(HOURS)
        around.settle()
        us = around.orgs["us"]
        us.remove_field("Leads", "City")
        if noticed:
            forget(around)
            around.settle()
        name = us.add_field("Leads", field_label="City", data_type="text")
        if name != "City":
            us.change_field("Leads", name, api_name="City")
        forget(around)
        around.edit("us", around.only("us")["id"], Phone="2")
        around.settle()
        around.settle()
        assert (around.only("india")["City"], around.only("us")["City"]) == ("Wien", "Wien")
        assert (around.only("india")["Phone"], conflicts(around)) == ("2", [])
