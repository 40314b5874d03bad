"""Notes of two modules go with their records: once each, again when they change, never twice, whatever is lost."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from daemon.core.rules import FieldChoice
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from daemon.settings import Settings
from tests.sync.pair import DEADLINE, LAG, Pair, add_key, make_settings, opened

WAIT = DEADLINE + LAG.total_seconds() + 1
OF = ("Accounts", "Leads")


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


def with_notes(settings: Settings, **more: Any) -> Settings:
    """Settings of a route as `notes = true` in two of its modules makes them."""
    (route,) = settings.routes
    mine = replace(route.streams[0], address="india-to-us/Notes", source_module="Notes", target_module="Notes")
    notes = replace(mine, key=None, fields=FieldChoice(), notes_of=OF, **more)
    return replace(settings, routes=(replace(route, streams=(*route.streams, notes)),))


@contextmanager
def noted(folder: Path, *, moves: bool = False, records: dict[str, Any] | None = None, **more: Any) -> Iterator[Pair]:
    """`moves`: notes move their record's Modified_Time (facts 11.3)."""
    with Emulator(("in", "us"), quirks={"note_moves_modified_time": "yes" if moves else "no"}) as emu:
        for module in (*OF, "Deals"):
            add_key(emu.orgs["us"], module)
        with opened(
            emu, with_notes(make_settings(emu, folder, modules=(*OF, "Deals"), **(records or {})), **more)
        ) as pair:
            yield pair


@pytest.fixture
def pair(tmp_path: Path) -> Iterator[Pair]:
    with noted(tmp_path) as pair:
        yield pair


def lead(pair: Pair, name: str = "Lee") -> str:
    return pair.a.insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def note(pair: Pair, parent: str, says: str = "a note", title: str | None = "T") -> str:
    return pair.a.insert_raw("Notes", {"Note_Title": title, "Note_Content": says, "Parent_Id": int(parent)})


def there(pair: Pair) -> list[tuple[str, str]]:
    """(what it says, the source record that its parent stands for) of every note of B."""
    keys = {r["id"]: r["Source_Record_ID"] for m in (*OF, "Deals") for r in pair.b.records(m)}
    found = [(n["Note_Content"], str(keys[n["Parent_Id"]["id"]]).partition(":")[2]) for n in pair.b.records("Notes")]
    return sorted(found)


def test_notes_go_with_the_records_of_the_modules_that_say_so(pair: Pair) -> None:
    mine, account = lead(pair), pair.a.insert_raw("Accounts", {"Account_Name": "Acme"})
    deal = pair.a.insert_raw("Deals", {"Deal_Name": "D", "Stage": "Qualification", "Closing_Date": "2026-12-01"})
    note(pair, mine, "line one\nand two")
    note(pair, account, "x" * 1000, title=None)
    note(pair, deal, "a deal's")
    report = pair.once()["india-to-us/Notes"]
    assert there(pair) == sorted([("line one\nand two", mine), ("x" * 1000, account)])
    assert report.outcomes == {"created": 2, "filtered": 1}
    assert pair.queue() == []


def test_a_note_is_carried_again_when_it_changes_and_costs_nothing_when_it_does_not(pair: Pair) -> None:
    mine = note(pair, lead(pair))
    pair.once()
    lead_before = pair.b.records("Leads")
    pair.pass_time(60)
    pair.a.edit("Notes", mine, {"Note_Content": "changed"})
    pair.once()
    assert [says for says, _ in there(pair)] == ["changed"]
    assert pair.b.records("Leads") == lead_before
    pair.pass_time(60)
    pair.once()
    sent, spent = len(pair.writes()), {name: c.zoho.credits_spent for name, c in pair.fleet.catalogs.items()}
    reports = pair.once()
    assert len(pair.writes()) == sent
    assert sum(report.seen for report in reports.values()) == 0
    now = {name: c.zoho.credits_spent for name, c in pair.fleet.catalogs.items()}
    assert (now["india"] - spent["india"], now["us"] - spent["us"]) == (len(reports), 0)


def test_a_note_that_says_the_same_as_an_earlier_one_is_a_note_of_its_own(pair: Pair) -> None:
    mine = lead(pair)
    for _ in range(2):
        note(pair, mine, "no answer")
        pair.once()
    assert there(pair) == [("no answer", mine)] * 2


def test_a_note_waits_for_its_record_and_follows_it(pair: Pair) -> None:
    bad = pair.a.insert_raw("Leads", {"Last_Name": "L", "Company": "C", "Email": "none"})
    mine = note(pair, bad)
    pair.once()
    assert (mine, "held", "WAITS_FOR_PARENT") in pair.queue()
    pair.a.edit("Leads", bad, {"Email": "l@example.com"})
    pair.once()
    assert there(pair) == [("a note", bad)]
    other = lead(pair, "Other")
    pair.a.edit("Notes", mine, {"Parent_Id": int(other)})
    pair.once()
    assert there(pair) == [("a note", other)]


def test_notes_are_made_again_at_the_new_counterpart_when_the_old_one_took_them_away(tmp_path: Path) -> None:
    with noted(tmp_path, records={"deletes": "delete"}, deletes="ignore") as pair:
        mine = lead(pair)
        note(pair, mine)
        pair.once()
        pair.a.delete("Leads", mine)
        pair.pass_time(60)
        pair.once()
        assert (pair.b.records("Leads"), pair.b.records("Notes")) == ([], [])
        pair.a.restore("Leads", mine)
        pair.pass_time(3600)
        pair.once()
        assert there(pair) == [("a note", mine)]
        assert pair.queue() == []


def test_a_note_that_is_deleted_goes_by_the_policy_of_notes(tmp_path: Path) -> None:
    with noted(tmp_path, deletes="delete") as pair:
        mine = lead(pair)
        goes, stays = note(pair, mine, "goes"), note(pair, mine, "stays")
        pair.once()
        pair.pass_time(60)
        pair.a.delete("Notes", goes)
        pair.b.faults.next("delete", effect="cut", when="after")
        pair.once()
        pair.pass_time(WAIT)
        pair.once()
        assert there(pair) == [("stays", mine)]
        assert pair.queue() == []
        assert stays


def test_notes_whose_answer_was_lost_are_there_once_also_when_edited_meanwhile(pair: Pair) -> None:
    mine = lead(pair)
    pair.once()
    edited, _, _ = note(pair, mine, "first"), note(pair, mine, "same"), note(pair, mine, "same")
    pair.b.faults.next("insert", effect="cut", when="after")
    pair.cycle("Notes")
    assert {state for _, state, _ in pair.queue()} == {"due"}
    assert len(pair.b.records("Notes")) == 3
    pair.a.edit("Notes", edited, {"Note_Content": "second"})
    pair.pass_time(WAIT)
    pair.once()
    assert [says for says, _ in there(pair)] == ["same", "same", "second"]
    assert pair.queue() == []
    assert pair.sql("select count(*) from intents") == [(0,)]


def test_a_note_that_never_arrived_is_sent_again(pair: Pair) -> None:
    mine = lead(pair)
    pair.once()
    note(pair, mine)
    pair.b.faults.next("insert", effect="cut", when="before")
    pair.cycle("Notes")
    sent = len(pair.b.log(kind="insert"))
    pair.once()
    assert len(pair.b.log(kind="insert")) == sent  # the call may still be on its way
    pair.pass_time(WAIT)
    pair.once()
    assert len(pair.b.records("Notes")) == 1


def test_a_lost_edit_of_a_note_that_was_taken_back_is_taken_back(pair: Pair) -> None:
    mine = note(pair, lead(pair), "as it was")
    pair.once()
    pair.a.edit("Notes", mine, {"Note_Content": "otherwise"})
    pair.b.faults.next("update", effect="cut", when="after")
    pair.cycle("Notes")
    pair.a.edit("Notes", mine, {"Note_Content": "as it was"})
    pair.pass_time(WAIT)
    pair.once()
    assert [says for says, _ in there(pair)] == ["as it was"]


def test_a_kill_between_the_notes_and_the_ledgers_commit_leaves_one_each(
    pair: Pair, monkeypatch: pytest.MonkeyPatch
) -> None:
    parents = [lead(pair, f"L{n}") for n in range(60)]
    pair.once()
    for number, parent in enumerate(parents):
        note(pair, parent, f"says {number}")
        note(pair, parent, f"says {number}")
    with monkeypatch.context() as patch:
        patch.setattr(Ledger, "settle", _killed)
        with pytest.raises(Killed):
            pair.cycle("Notes")
    assert len(pair.b.records("Notes")) == 120
    pair.fleet.runners[-1]._poller.start_over()
    pair.pass_time(WAIT)
    pair.once()
    assert there(pair) == sorted((f"says {n}", p) for n, p in enumerate(parents) for _ in range(2))
    assert pair.sql("select count(*) from intents") == [(0,)]


def _killed(*_: object) -> int:
    raise Killed


@pytest.mark.parametrize("coql", ["answers", "refuses"])
def test_an_older_and_an_empty_ledger_find_the_notes_again(tmp_path: Path, coql: str) -> None:
    with Emulator(("in", "us")) as emu:
        for module in OF:
            add_key(emu.orgs["us"], module)
        settings = with_notes(make_settings(emu, tmp_path, modules=OF))
        with opened(emu, settings) as pair:
            mine = lead(pair)
            note(pair, mine, "known  to\nthe backup")
            pair.once()
        backup = tmp_path / "backup"
        shutil.copy(tmp_path / "orgsync.db", backup)
        with opened(emu, settings) as pair:
            note(pair, mine, "later", title="x" * 120)
            pair.b.insert_raw(
                "Notes", {"Note_Title": "T", "Note_Content": "a person's", "Parent_Id": int(_one_lead(pair))}
            )
            pair.once()
        said = [("a person's", mine), ("known  to\nthe backup", mine), ("later", mine)]
        for ledger in (backup, None):
            for file in tmp_path.glob("orgsync.db*"):
                if not file.name.endswith(".witness"):
                    file.unlink()
            if ledger is not None:
                shutil.copy(ledger, tmp_path / "orgsync.db")
            with opened(emu, settings, first_run="create") as pair:
                if coql == "refuses":
                    refusal = {"status": 400, "code": "INVALID_QUERY"}
                    pair.b.faults.add(kind="coql", module="Notes", effect="status", **refusal)
                pair.once()
                pair.emu.clear_faults()
                assert there(pair) == said
                assert pair.queue() == []
                inserted = pair.b.log(kind="insert", module="Notes")
                assert len(inserted) == 2


def _one_lead(pair: Pair) -> str:
    return str(pair.b.records("Leads")[0]["id"])


def test_a_comparison_finds_notes_that_were_changed_or_deleted_in_b_and_leaves_a_persons_alone(tmp_path: Path) -> None:
    with noted(tmp_path, moves=True, drift="overwrite", gone="recreate") as pair:
        mine = lead(pair)
        note(pair, mine, "changed")
        note(pair, mine, "deleted", title="x" * 50)
        pair.a.edit("Notes", note(pair, mine, "y" * 500), {"Note_Title": None})
        pair.once()
        ours = {n["Note_Content"]: n["id"] for n in pair.b.records("Notes")}
        pair.pass_time(60)
        pair.once()
        pair.b.edit("Notes", ours["changed"], {"Note_Content": "by hand"})
        pair.b.delete("Notes", ours["deleted"])
        pair.b.insert_raw("Notes", {"Note_Content": "a person's", "Parent_Id": int(_one_lead(pair))})
        assert pair.ledger.start_comparison("india-to-us/Notes", "asked", pair.fleet._now())
        pair.once()
        pair.once()
        says = ["a person's", "changed", "deleted", "y" * 500]
        assert there(pair) == [(text, mine) for text in says]
        assert pair.queue() == []


def test_an_api_user_who_may_not_read_all_notes_is_told_so(pair: Pair) -> None:
    pair.a.faults.add(kind="list", module="Notes", effect="status", status=403, code="NOT_SUPPORTED")
    note(pair, lead(pair))
    reports = pair.once()
    assert "administrator" in str(reports["india-to-us/Notes"].trouble)
    assert reports["india-to-us/Leads"].trouble is None
