"""`plan` shows what would be written, and `apply` writes exactly that, or nothing."""

from __future__ import annotations

import json
import sqlite3
import stat
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from daemon import cli
from daemon.emulator import Emulator, OrgHandle
from tests.service.site import Site
from tests.sync.pair import KEY

STREAM = "india-to-us/Leads"
Call = Callable[..., "Said"]


@dataclass(frozen=True)
class Said:
    """What a command said, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.out)
        return found


@dataclass
class Stage:
    """Two orgs, and the commands in this process."""

    site: Site
    call: Call
    file: Path

    @property
    def a(self) -> OrgHandle:
        return self.site.emu.orgs["india"]

    @property
    def b(self) -> OrgHandle:
        return self.site.emu.orgs["us"]

    def lead(self, name: str, **values: Any) -> str:
        return self.a.insert_raw("Leads", {"Last_Name": name, "Company": "C", "City": "Pune", **values})

    def counterpart(self, source_id: str) -> str:
        (found,) = [row for row in self.b.records("Leads") if str(row.get(KEY) or "").endswith(source_id)]
        return str(found["id"])

    def writes(self) -> list[dict[str, Any]]:
        return [
            call
            for org in (self.a, self.b)
            for call in org.log()
            if call["kind"] in ("insert", "update", "upsert", "delete", "add_tags", "remove_tags")
        ]

    def save(self, *more: str) -> Said:
        return self.call("plan", STREAM, "--save", str(self.file), *more)

    def apply(self) -> Said:
        return self.call("apply", str(self.file))

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.site.folder}/state/orgsync.db?mode=ro", uri=True) as ledger:
            return ledger.execute(query).fetchall()


def commands(site: Site, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """Commands as they are typed, in this process."""

    def call(*args: str) -> Said:
        for name, value in site.env.items():
            monkeypatch.setenv(name, value)
        monkeypatch.setenv("ORGSYNC_SETTINGS", str(site.settings))
        monkeypatch.setattr(sys, "argv", ["orgsync", *args])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        out, err = capsys.readouterr()
        return Said(int(ended.value.code or 0), out, err)

    return call


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        text = site.settings.read_text()
        site.settings.write_text(text + 'deletes = "delete"\n')
        monkeypatch.chdir(tmp_path)

        yield Stage(site, commands(site, monkeypatch, capsys), tmp_path / "plan.json")


def test_a_first_load_is_shown_saved_and_applied_and_the_calls_say_what_was_shown(stage: Stage) -> None:
    made = [stage.lead(f"L{n}", Phone=str(n)) for n in range(3)]
    shown = stage.save("--json")
    assert (shown.code, shown.document["counts"]["create"], stage.writes()) == (0, 3, [])
    assert not (stage.site.folder / "state" / "orgsync.db").exists()
    assert stat.S_IMODE(stage.file.stat().st_mode) == 0o600
    assert "Pune" not in stage.file.read_text()
    done = stage.apply()
    assert (done.code, done.out.startswith(f"{STREAM}: 3 created; ")) == (0, True), done
    (call,) = stage.writes()
    records = {row["source_id"]: row for row in shown.document["records"]}
    assert sorted(records) == sorted(made)
    for sent in call["body"]["data"]:
        row = records[sent[KEY].partition(":")[2]]
        values = {one["field"]: one["new"] for one in row["fields"]}
        assert {name: value for name, value in sent.items() if value is not None} == values
    assert stage.rows("select seen, off_by, lane from v_balance") == [(3, 0, "retry")]
    assert stage.call("once").code == 0
    assert stage.writes() == [call]  # nothing is sent a second time


def test_updates_and_deletions_go_out_as_they_were_shown(stage: Stage) -> None:
    one, two, _ = (stage.lead(name) for name in "ABC")
    assert stage.call("once").code == 0
    target, gone = stage.counterpart(one), stage.counterpart(two)
    stage.a.edit("Leads", one, {"City": "Delhi"})
    stage.a.delete("Leads", two)
    before = len(stage.writes())
    shown = stage.save()
    assert "would create 0, update 1, delete 1, hold 0" in shown.out
    assert f'~ A ({one} of india -> {target} of us)\n      City: "Pune" -> "Delhi"' in shown.out
    assert f"({two} of india -> {gone} of us): is not in the source any more" in shown.out
    assert "automations of us: none would run" in shown.out
    done = stage.apply()
    assert (done.code, len(stage.writes()) - before) == (0, 2)
    assert done.out.startswith(f"{STREAM}: 1 deleted, 1 updated; ")
    update, delete = stage.writes()[before:]
    assert (update["body"]["data"], update["body"]["trigger"]) == ([{"id": target, "City": "Delhi"}], [])
    assert delete["query"]["ids"] == gone


def edited_in_a(stage: Stage, one: str) -> str:
    stage.a.edit("Leads", one, {"Phone": "9"})
    return f"A ({one} of india, {stage.counterpart(one)} of us) was changed in india: Modified_Time was"


def edited_in_b(stage: Stage, one: str) -> str:
    stage.b.edit("Leads", stage.counterpart(one), {"Phone": "9"})
    return f"A ({one} of india, {stage.counterpart(one)} of us) was changed in us: Modified_Time was"


def deleted_in_a(stage: Stage, one: str) -> str:
    stage.a.delete("Leads", one)
    return f"({one} of india, {stage.counterpart(one)} of us) is not in india any more"


def deleted_in_b(stage: Stage, one: str) -> str:
    target = stage.counterpart(one)
    stage.b.delete("Leads", target)
    return f"A ({one} of india, {target} of us) was changed in us: Modified_Time was"


def settings_changed(stage: Stage, _: str) -> str:
    stage.site.settings.write_text(stage.site.settings.read_text() + 'automations = ["workflow"]\n')
    return "the settings of the stream are others now"


def mapping_changed(stage: Stage, _: str) -> str:
    stage.b.add_field("Leads", field_label="Extra", data_type="text", length=10)
    stage.a.add_field("Leads", field_label="Extra", data_type="text", length=10)
    return "the mapping is another now"


def a_length_is_another(stage: Stage, _: str) -> str:
    stage.b.change_field("Leads", "City", length=200)
    return "one of the orgs says other things of a mapped field now"


def a_picklist_has_more(stage: Stage, _: str) -> str:
    stage.b.change_field("Leads", "Lead_Source", add_values=["Fair"])
    return "one of the orgs says other things of a mapped field now"


def stream_went_on(stage: Stage, _: str) -> str:
    assert stage.call("once").code == 0
    return "the stream has gone on since: its checkpoint was"


def ledger_lost(stage: Stage, _: str) -> str:
    for file in (stage.site.folder / "state").glob("orgsync.db*"):
        file.unlink()
    return "it was made with another ledger"


@pytest.mark.parametrize(
    "move",
    [
        edited_in_a,
        edited_in_b,
        deleted_in_a,
        deleted_in_b,
        settings_changed,
        mapping_changed,
        a_length_is_another,
        a_picklist_has_more,
        stream_went_on,
        ledger_lost,
    ],
)
def test_nothing_is_written_when_anything_has_moved_since_the_plan(
    stage: Stage, move: Callable[[Stage, str], str]
) -> None:
    one = stage.lead("A")
    assert stage.call("once").code == 0
    stage.site.emu.clock(advance=30)
    stage.a.edit("Leads", one, {"City": "Delhi"})
    stage.lead("New")
    assert stage.save().code == 0
    stage.site.emu.clock(advance=2)
    why = move(stage, one)
    before = stage.writes()
    done = stage.apply()
    assert (done.code, stage.writes(), done.out) == (2, before, "")
    assert why in done.err
    assert f"nothing was written. Plan again: orgsync plan {STREAM} --save FILE" in done.err


def test_a_field_that_the_stream_does_not_carry_keeps_no_plan_from_being_applied(stage: Stage) -> None:
    stage.b.add_field("Leads", field_label="Extra", data_type="text", length=10)
    stage.lead("A")
    assert stage.save().code == 0
    stage.b.change_field("Leads", "Extra", length=20)
    assert stage.apply().code == 0
    assert [row["Last_Name"] for row in stage.b.records("Leads")] == ["A"]


def test_an_edit_there_within_the_second_of_the_plan_is_seen_by_what_stands_there(stage: Stage) -> None:
    one = stage.lead("A")
    assert stage.call("once").code == 0
    stage.a.edit("Leads", one, {"City": "Delhi"})
    stage.site.emu.clock(freeze=True)
    stage.b.edit("Leads", stage.counterpart(one), {"Phone": "1"})
    assert stage.save().code == 0
    stage.b.edit("Leads", stage.counterpart(one), {"City": "Goa"})
    done = stage.apply()
    assert (done.code, "holds others in us by now" in done.err) == (2, True), done.err


def test_an_edit_of_another_record_does_not_keep_a_plan_from_being_applied(stage: Stage) -> None:
    one, other = stage.lead("A"), stage.lead("B")
    assert stage.call("once").code == 0
    stage.a.edit("Leads", one, {"City": "Delhi"})
    assert stage.save().code == 0
    stage.a.edit("Leads", other, {"City": "Goa"})
    assert stage.apply().code == 0
    assert [row["City"] for row in stage.b.records("Leads")] == ["Delhi", "Pune"]
    assert stage.call("once").code == 0
    assert [row["City"] for row in stage.b.records("Leads")] == ["Delhi", "Goa"]


@contextmanager
def holding(ledger: Path) -> Iterator[None]:
    """Another process that has the ledger, as a daemon has it."""
    hold = "import sys; from daemon.ledger import Ledger; Ledger.open(sys.argv[1]); print('held', flush=True); input()"
    args = [sys.executable, "-c", hold, f"sqlite:///{ledger}"]
    with subprocess.Popen(args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        yield
        process.communicate("\n")


def test_while_a_daemon_holds_the_ledger_a_plan_is_made_and_not_applied(stage: Stage) -> None:
    one = stage.lead("A")
    assert stage.call("once").code == 0
    stage.a.edit("Leads", one, {"City": "Delhi"})
    before = stage.writes()
    with holding(stage.site.folder / "state" / "orgsync.db"):
        shown, done = stage.save("--json"), stage.apply()
    assert (shown.code, shown.document["counts"]["update"]) == (0, 1)
    assert (done.code, stage.writes()) == (75, before)
    assert "Nothing was written" in done.err
    assert stage.apply().code == 0


def test_held_records_are_shown_by_cause_with_what_mends_it(stage: Stage) -> None:
    text = stage.site.settings.read_text().replace(
        'deletes = "delete"', 'fields = { Owner = "Owner", Last_Name = "Last_Name", Company = "Company" }'
    )
    stage.site.settings.write_text(text)
    stage.lead("A", Owner={"id": "5100000000000009999"})
    shown = stage.call("plan", STREAM)
    assert shown.code == 1, shown
    assert "hold 1" in shown.out
    assert "! USER_UNKNOWN" in shown.out
    assert "in the route's table owners" in shown.out


def test_a_first_run_beside_records_of_the_targets_own_is_planned_and_said_to_be_refused(stage: Stage) -> None:
    stage.lead("A")
    stage.b.insert_raw("Leads", {"Last_Name": "Theirs", "Company": "C"})
    shown = stage.save()
    assert shown.code == 2
    assert "the next cycle stops before this is written: first run, and us already holds 1 Leads" in shown.out
    assert (stage.apply().code, stage.writes()) == (2, [])
    stage.file.unlink()
    assert stage.save("--first-run", "create").code == 0
    assert stage.apply().code == 0
    assert len(stage.b.records("Leads")) == 2


def test_what_comes_next_is_never_a_queue_that_is_empty(stage: Stage) -> None:
    theirs = stage.b.insert_raw("Leads", {"Last_Name": "Theirs", "Company": "C"})
    stage.lead("A")
    stopped = stage.call("plan", STREAM).out
    assert stopped.endswith(f"next: what is said of the stop above, then: orgsync plan {STREAM}\n")
    stage.b.delete("Leads", theirs)
    assert stage.call("once").code == 0
    assert stage.call("plan", STREAM, "--json").document["next"] == "orgsync status"


def test_only_twenty_of_a_kind_are_listed_unless_all_are_asked_for(stage: Stage) -> None:
    for n in range(25):
        stage.lead(f"L{n}")
    few, everyone = stage.call("plan", STREAM).out, stage.call("plan", STREAM, "--all").out
    assert few.count("  + ") == 20
    assert "… and 5 more (--all lists them)" in few
    assert everyone.count("  + ") == 25
    assert (
        "this is the beginning: 10 changes were read, and about 15 more follow"
        in stage.call("plan", STREAM, "--records", "10").out
    )


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("[]", "is no saved plan"),
        ("{", "is no saved plan"),
        ('{"kind": "orgsync plan", "schema": 1}', "another version of orgsync"),
        ('{"kind": "orgsync plan", "schema": 2}', "was changed by hand or cut off, at made_at"),
    ],
)
def test_a_file_that_is_no_plan_is_refused(stage: Stage, content: str, why: str) -> None:
    stage.file.write_text(content)
    said = stage.apply()
    assert (said.code, why in said.err) == (64, True), said.err


def test_a_file_that_is_there_is_not_overwritten(stage: Stage) -> None:
    stage.file.write_text("mine")
    said = stage.save()
    assert (said.code, stage.file.read_text()) == (64, "mine")
    assert "it was not touched" in said.err
