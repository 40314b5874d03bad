"""Records of B that are not ours, however much they look like it: they are never overwritten, linked or deleted."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from daemon.core.record import is_record_id
from daemon.core.rules import Copy, FieldChoice, Stream
from daemon.emulator import Emulator
from daemon.settings import Settings
from tests.sync.pair import KEY, Pair, add_key, make_settings, opened, running_pair


def lead(pair: Pair, **values: object) -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "City": "Pune", **values})


def passes(pair: Pair, count: int = 3) -> list[str | None]:
    troubles = []
    for _ in range(count):
        pair.pass_time(30)
        troubles.append(pair.once()["india-to-us/Leads"].trouble)
    return troubles


def test_a_stranger_that_holds_a_value_made_unique_meanwhile_is_not_overwritten(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        lead(pair)
        passes(pair)
        stranger = pair.b.insert_raw("Leads", {"Last_Name": "Stranger", "Company": "Theirs", "Mobile": "555"})
        pair.b.change_field("Leads", "Mobile", unique=True)
        mine = lead(pair, Mobile="555")
        passes(pair)
        assert pair.b.record("Leads", stranger)["Last_Name"] == "Stranger"
        assert pair.b.record("Leads", stranger)[KEY] is None
        assert pair.queue() == [(mine, "held", "DUPLICATE_DATA")]
        [(detail,)] = pair.sql("select detail from retry_queue")
        assert f"source {mine}, held by {stranger} in us" in detail


def test_a_counterpart_whose_key_was_edited_to_name_another_record_stops_only_that_record(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",)) as pair:
        first = lead(pair, Last_Name="First")
        passes(pair)
        theirs = pair.counterpart("Leads", first)
        second = lead(pair, Last_Name="Second")
        pair.b.edit("Leads", theirs["id"], {KEY: theirs[KEY].replace(first, second)})
        others = [lead(pair, Last_Name="Other") for _ in range(3)]
        assert passes(pair) == [None] * 3
        assert pair.b.record("Leads", theirs["id"])["Last_Name"] == "First"
        assert pair.queue() == [(second, "held", "DUPLICATE_DATA")]
        [(detail,)] = pair.sql("select detail from retry_queue")
        assert f"held by {theirs['id']} in us, which stands for source {first}" in detail
        assert [len(pair.counterparts("Leads", other)) for other in others] == [1, 1, 1]
        pair.a.edit("Leads", first, {"City": "Goa"})
        passes(pair)
        assert pair.b.record("Leads", theirs["id"])["City"] == "Goa"
        assert pair.sql("select count(*) from v_balance where off_by <> 0") == [(0,)]


def test_a_deletion_does_not_reach_a_record_whose_key_was_edited_to_name_the_deleted_one(tmp_path: Path) -> None:
    with running_pair(tmp_path, modules=("Leads",), deletes="delete") as pair:
        first, more = lead(pair, Last_Name="First"), lead(pair)
        passes(pair)
        theirs = pair.counterpart("Leads", first)
        unknown = lead(pair, Last_Name="Unknown")
        pair.b.edit("Leads", theirs["id"], {KEY: theirs[KEY].replace(first, unknown)})
        pair.a.delete("Leads", unknown)
        passes(pair)
        assert pair.b.record("Leads", theirs["id"])["Last_Name"] == "First"
        assert is_record_id(more)
        assert len(pair.b.records("Leads")) == 2


TWO = ("Contacts", "Leads")
NAME = FieldChoice(table={"Last_Name": Copy(field="Last_Name")})


def into_contacts(emu: Emulator, folder: Path, modules: tuple[str, ...] = TWO) -> Settings:
    """Contacts and Leads of the source both become Contacts of the target."""
    settings = make_settings(emu, folder, modules=modules, deletes="delete", fields=NAME)
    (route,) = settings.routes
    streams: tuple[Stream, ...] = tuple(replace(stream, target_module="Contacts") for stream in route.streams)
    return replace(settings, routes=(replace(route, streams=streams),))


@pytest.mark.parametrize("then", ["both", "one taken out of the settings", "one taken out and the ledger lost"])
def test_a_comparison_deletes_nothing_of_another_module_that_goes_into_the_same_one(tmp_path: Path, then: str) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Contacts")
        with opened(emu, into_contacts(emu, tmp_path)) as pair:
            for module in (*TWO, *TWO):
                pair.a.insert_raw(module, {"Last_Name": module, "Company": "C"})
            pair.pass_time(30)
            pair.once()
        if "lost" in then:
            (tmp_path := tmp_path / "new").mkdir()
        with opened(emu, into_contacts(emu, tmp_path, TWO if then == "both" else TWO[:1])) as pair:
            pair.pass_time(30)
            pair.once()
            for runner in pair.fleet.runners:
                pair.ledger.start_comparison(runner.stream.address, "asked", runner._now())
            for _ in range(3):
                pair.pass_time(30)
                pair.once()
            assert pair.sql("select count(*) from comparisons where finished_at is null") == [(0,)]
            assert sorted(r["Last_Name"] for r in pair.b.records("Contacts")) == sorted((*TWO, *TWO))
            assert (pair.queue(), pair.b.log(kind="delete")) == ([], [])


def test_a_deletion_does_not_reach_a_record_of_another_module_whose_key_was_edited(tmp_path: Path) -> None:
    with Emulator(("in", "us")) as emu:
        add_key(emu.orgs["us"], "Contacts")
        with opened(emu, into_contacts(emu, tmp_path)) as pair:
            mine = lead(pair, Last_Name="Lead")
            new, _ = (pair.a.insert_raw("Contacts", {"Last_Name": name}) for name in ("New", "Stays"))
            pair.a.delete("Contacts", new)
            pair.cycle("Leads")
            theirs = pair.counterpart("Contacts", mine)
            pair.b.edit("Contacts", theirs["id"], {KEY: theirs[KEY].replace(mine, new)})
            for _ in range(3):
                pair.pass_time(30)
                pair.once()
            assert pair.b.record("Contacts", theirs["id"])["Last_Name"] == "Lead"
            another = pair.a.insert_raw("Contacts", {"Last_Name": "Another"})
            pair.b.edit("Contacts", theirs["id"], {KEY: theirs[KEY].replace(mine, another)})
            pair.once()  # its create is refused, because that record holds its key
            assert pair.queue() == [(another, "held", "DUPLICATE_DATA")]
            assert pair.b.record("Contacts", theirs["id"])["Last_Name"] == "Lead"
