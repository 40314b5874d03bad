"""`verify --repair` shows what would put right what differs, and `apply` sends exactly that, or nothing."""

from __future__ import annotations

import json
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from daemon.cli import app
from daemon.emulator import Emulator
from daemon.sync.applying import PlanStaleError
from tests.blank import put_blank
from tests.cli.test_plan import holding
from tests.service.site import Site
from tests.sync.pair import KEY

STREAM = "india-to-us/Leads"
WRITES = ("insert", "update", "upsert", "delete")


class Desk:
    """Leads in step in both orgs, and the commands in this process."""

    def __init__(self, emu: Emulator, folder: Path, count: int, rules: str = "") -> None:
        self.site, self.file = Site(emu, folder, modules=("Leads",)), folder / "repair.json"
        self.site.settings.write_text(self.site.settings.read_text().replace('"3s"', '"30s"') + rules)
        self.a, self.b, self.emu = emu.orgs["india"], emu.orgs["us"], emu
        for n in range(count):
            self.a.insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C", "City": "Pune", "Phone": str(n)})
        self.pass_time()
        put_blank(f"sqlite:///{folder}/state/orgsync.db")
        assert self.call("once", "--first-run", "create").exit_code == 0
        self.pass_time()
        self.ours = [row["id"] for row in self.a.records("Leads")]
        self.theirs = {str(row[KEY]).partition(":")[2]: row["id"] for row in self.b.records("Leads")}
        self.sent = len(self.writes())

    def pass_time(self) -> None:
        self.emu.clock(advance=60)

    def call(self, *args: str) -> Result:
        return CliRunner(env={**self.site.env, "ORGSYNC_SETTINGS": str(self.site.settings)}).invoke(app, args)

    def verify(self, *args: str) -> Result:
        return self.call("verify", STREAM, *args)

    def plan(self) -> dict[str, Any]:
        """What is planned, by source id."""
        done = self.verify("--repair", str(self.file), "--json")
        assert done.exit_code == 1, done
        return {row["source_id"]: row for row in json.loads(done.stdout)["repair"]["records"]}

    def apply(self) -> Result:
        return self.call("apply", str(self.file))

    def by_hand(self, source_id: str, **values: Any) -> None:
        """Somebody edits a counterpart."""
        self.b.edit("Leads", self.theirs[source_id], values)

    def unseen(self, source_id: str, **values: Any) -> None:
        """An edit in the source that moves no Modified_Time."""
        record = self.a.record("Leads", source_id)
        assert record is not None
        self.a.edit("Leads", source_id, {**values, "Modified_Time": record["Modified_Time"]})

    def forget(self, source_id: str) -> None:
        """The ledger loses a link."""
        with sqlite3.connect(self.site.folder / "state" / "orgsync.db") as ledger:
            for table in ("agreed", "id_map"):
                ledger.execute(f"delete from {table} where entity_id = ?", (f"india/Leads/{source_id}",))  # noqa: S608

    def writes(self) -> list[dict[str, Any]]:
        return [call for org in (self.a, self.b) for call in org.log() if call["kind"] in WRITES]

    def new_writes(self) -> dict[str, tuple[str, dict[str, Any]]]:
        """What was sent since the orgs were in step: source id -> kind of call, and the values."""
        known = {there: ours for ours, there in self.theirs.items()}
        found: dict[str, tuple[str, dict[str, Any]]] = {}
        for call in self.writes()[self.sent :]:
            if call["kind"] == "delete":
                found |= {known[i]: ("delete", {}) for i in call["query"]["ids"].split(",")}
                continue
            for row in call["body"]["data"]:
                source_id = known[row["id"]] if "id" in row else row[KEY].partition(":")[2]
                found[source_id] = ("update" if "id" in row else "create", {n: v for n, v in row.items() if n != "id"})
        return found

    def headline(self) -> str:
        return self.verify("--deep").stdout.splitlines()[0]


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us")) as emu:
        yield emu


def values(row: dict[str, Any]) -> dict[str, Any]:
    return {one["field"]: one["new"] for one in row["fields"]}


def test_each_kind_of_difference_is_planned_sent_as_it_was_shown_and_then_equal(emu: Emulator, tmp_path: Path) -> None:
    rules = (
        'deletes = "delete"\nunmatched = "delete"\nwhere = "City != \'Rom\'"\ngone = "recreate"\ncompare = "never"\n'
    )
    desk = Desk(emu, tmp_path, 12, rules)
    edited, blanked, keyless, scribbled, both, wrong, hidden, outlived, lost, gone, *_ = desk.ours
    zgid = desk.b.records("Leads")[0][KEY].partition(":")[0]
    desk.by_hand(edited, City="Hand")
    desk.by_hand(blanked, Phone=None)
    desk.by_hand(keyless, **{KEY: None})
    desk.by_hand(scribbled, **{KEY: "scribble"})
    desk.by_hand(both, **{KEY: None}, City="Hand")
    desk.by_hand(wrong, **{KEY: "scribbled too"}, City="Hand", Phone=None)
    desk.unseen(hidden, City="Goa")
    desk.unseen(outlived, City="Rom")
    desk.forget(lost)
    desk.b.delete("Leads", desk.theirs[lost])
    desk.b.delete("Leads", desk.theirs[gone])
    shown = desk.plan()
    assert desk.new_writes() == {}
    assert {i: (row["kind"], values(row)) for i, row in shown.items() if i not in (lost, gone)} == {
        edited: ("update", {"City": "Pune"}),
        blanked: ("update", {"Phone": "1"}),
        keyless: ("update", {KEY: f"{zgid}:{keyless}"}),
        scribbled: ("update", {KEY: f"{zgid}:{scribbled}"}),
        both: ("update", {KEY: f"{zgid}:{both}", "City": "Pune"}),
        wrong: ("update", {KEY: f"{zgid}:{wrong}", "City": "Pune", "Phone": "5"}),
        hidden: ("update", {"City": "Goa"}),
        outlived: ("delete", {}),
    }
    assert (shown[lost]["kind"], "made again" in shown[gone]["detail"]) == ("create", True)
    done = desk.apply()
    assert "1 created, 1 deleted, 1 retrying, 7 updated" in done.stdout, done
    sent = desk.new_writes()
    assert {i: kind for i, (kind, _) in sent.items()} == {i: row["kind"] for i, row in shown.items()}
    for source_id, (_, out) in sent.items():
        was_shown = {**values(shown[source_id]), **dict.fromkeys(shown[source_id]["again"])}
        assert {n: v for n, v in out.items() if v is not None} == {n: v for n, v in was_shown.items() if v is not None}
    desk.pass_time()
    assert desk.call("once").exit_code == 0  # the one that was gone is made again
    assert desk.headline() == f"{STREAM}: 11 of 11 equal"


def test_the_plan_is_printed_after_the_verdict_and_kept_for_its_owner_alone(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 3)
    ann = desk.ours[0]
    desk.by_hand(ann, City="Hand")
    done = desk.verify("--repair", str(desk.file))
    lines = done.stdout.splitlines()
    assert (done.exit_code, lines[0]) == (1, f"{STREAM}: 2 of 3 equal, 1 differ")
    at = lines.index(f"  ~ L0 ({ann} of india -> {desk.theirs[ann]} of us)")
    assert lines[at + 1] == '      City: "Hand" -> "Pune"'
    assert lines[-1] == f"nothing was written. next: orgsync apply {desk.file}"
    assert (stat.S_IMODE(desk.file.stat().st_mode), "Hand" in desk.file.read_text()) == (0o600, False)
    assert desk.apply().exit_code == 0
    assert desk.headline() == f"{STREAM}: 3 of 3 equal"
    again = desk.apply()
    assert isinstance(again.exception, PlanStaleError)
    assert len(desk.writes()) == desk.sent + 1


@pytest.mark.parametrize("org", ["india", "us"])
def test_after_another_edit_nothing_is_sent_and_verify_is_to_be_typed_again(
    emu: Emulator, tmp_path: Path, org: str
) -> None:
    desk = Desk(emu, tmp_path, 3)
    one, other = desk.ours[:2]
    desk.by_hand(one, City="Hand")
    desk.by_hand(other, City="Hand")
    desk.plan()
    desk.pass_time()
    moved = desk.theirs[one] if org == "us" else one
    emu.orgs[org].edit("Leads", moved, {"Phone": "9"})
    done = desk.apply()
    assert isinstance(done.exception, PlanStaleError)
    assert f"L0 ({one} of india, {desk.theirs[one]} of us) was changed in {org}: " in str(done.exception)
    assert str(done.exception).endswith(f"Plan again: orgsync verify {STREAM} --repair FILE")
    assert desk.new_writes() == {}


def test_what_the_settings_leave_to_people_is_named_and_only_the_rest_is_planned(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 5, 'drift = "keep"\ncompare = "never"\n')
    mixed, kept, gone, *_ = desk.ours
    zgid = desk.b.records("Leads")[0][KEY].partition(":")[0]
    desk.by_hand(mixed, City="Hand", **{KEY: "scribble"})
    desk.by_hand(kept, City="Hand")
    desk.b.delete("Leads", desk.theirs[gone])
    desk.b.insert_raw("Leads", {"Last_Name": "Copy", "Company": "C", KEY: f"{zgid}:51"})
    done = desk.verify("--repair", str(desk.file))
    lines = done.stdout.splitlines()
    at = lines.index("left to people:")
    assert [line.partition(":")[0] for line in lines[at + 1 : at + 4]] == [
        "  counterpart gone, 1",
        "  strangers, 1",
        "  changed by hand, 1",
    ]
    assert "would create 0, update 1, delete 0, hold 0" in done.stdout
    assert desk.apply().exit_code == 0
    assert desk.new_writes() == {mixed: ("update", {KEY: f"{zgid}:{mixed}"})}
    assert json.loads(desk.verify("--json").stdout)["kinds"]["kept"] == 2
    desk.file.unlink()
    rest = desk.verify("--repair", str(desk.file))
    why, following = rest.stdout.splitlines()[-2:]
    assert why == f"{desk.file} was not written: no record differs that a write puts right"
    assert following.startswith("next: ")
    assert not desk.file.exists()


def test_a_record_that_the_ledger_forgot_finds_its_counterpart_again(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 3)
    for mine in desk.ours[:2]:
        desk.forget(mine)
    desk.by_hand(desk.ours[1], City="Hand")
    desk.pass_time()
    said = desk.verify("--repair", str(desk.file))
    assert ("strangers: 2" in said.stdout, "left to people" in said.stdout) == (True, False)
    assert said.stdout.splitlines()[0] == f"{STREAM}: 1 of 3 equal, 2 differ; 2 in us stand for nothing"
    assert "would create 0, adopt 1, update 0, delete 0, link 1, hold 0" in said.stdout
    assert f"-> {desk.theirs[desk.ours[0]]} of us)" in said.stdout
    assert "2 adopted" in desk.apply().stdout
    assert len(desk.new_writes()) == 1
    desk.pass_time()
    assert desk.call("once").exit_code == 0
    assert desk.headline() == f"{STREAM}: 3 of 3 equal"
    assert len(desk.b.records("Leads")) == 3


def test_a_file_that_is_there_is_not_overwritten_and_nothing_is_spent(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 2)
    desk.by_hand(desk.ours[0], City="Hand")
    desk.file.write_text("mine")
    before = [org.credits()["used"] for org in (desk.a, desk.b)]
    done = desk.verify("--repair", str(desk.file))
    assert isinstance(done.exception, SystemExit | click.ClickException)
    assert "it was not touched" in done.output
    assert (desk.file.read_text(), [org.credits()["used"] for org in (desk.a, desk.b)]) == ("mine", before)
    assert "name one of them" in desk.verify("--repair", str(tmp_path / "new"), "--queue").output


@pytest.mark.parametrize("count", [3, 130])
def test_the_price_that_is_shown_is_what_apply_spends_or_a_little_more(
    emu: Emulator, tmp_path: Path, count: int
) -> None:
    desk = Desk(emu, tmp_path, count)
    for mine in desk.ours:
        desk.by_hand(mine, City="Hand")
    done = json.loads(desk.verify("--repair", str(desk.file), "--json").stdout)
    price = done["repair"]["credits"]["applying"]
    before = {org: handle.credits()["used"] for org, handle in (("source", desk.a), ("target", desk.b))}
    assert desk.apply().exit_code == 0
    spent = {o: h.credits()["used"] - before[o] for o, h in (("source", desk.a), ("target", desk.b))}
    for org, shown in price.items():
        assert spent[org] <= shown <= spent[org] + 2, (price, spent)


def test_the_ceiling_holds_for_the_plan_too(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 3)
    desk.by_hand(desk.ours[0], City="Hand")
    whole = json.loads(desk.verify("--json").stdout)["credits"]
    done = desk.verify("--repair", str(desk.file), "--credits", str(whole))
    assert done.stdout.splitlines()[0] == f"{STREAM}: 2 of 3 equal, 1 differ"
    assert f"the {whole} credits did not suffice" in done.stdout
    assert not desk.file.exists()


def test_while_a_daemon_runs_the_plan_is_made_and_apply_names_the_daemons_way(emu: Emulator, tmp_path: Path) -> None:
    desk = Desk(emu, tmp_path, 2)
    desk.by_hand(desk.ours[0], City="Hand")
    with holding(tmp_path / "state" / "orgsync.db"):
        desk.plan()
        done = desk.apply()
    assert (done.exit_code, desk.new_writes()) == (75, {})
    assert f"`orgsync verify {STREAM} --queue`" in done.output
    assert desk.apply().exit_code == 0
