"""What an undo put back stays until A edits the record again or a person asks for it, and nothing calls it equal."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from daemon.cli import app
from daemon.emulator import Emulator
from daemon.ledger import Ledger
from tests.cli.test_repair import STREAM, Desk


class Killed(BaseException):
    """What SIGKILL looks like from inside a test."""


def _killed(*_: object) -> int:
    raise Killed


class UndoDesk(Desk):
    """A desk whose ledger keeps what goes, and that undoes and releases."""

    def __init__(self, emu: Emulator, folder: Path, count: int, rules: str = "") -> None:
        super().__init__(emu, folder, count, rules)
        text = self.site.settings.read_text()
        self.site.settings.write_text(f'ledger.undo_key = {{ env = "UNDO_KEY" }}\n{text}undo = "7d"\n')
        self.site.env["UNDO_KEY"] = "an-undo-key-that-nobody-can-guess-77"

    def once(self) -> None:
        self.pass_time()
        assert self.call("once").exit_code == 0

    def rows(self, query: str) -> list[tuple[Any, ...]]:
        """What the ledger holds."""
        with sqlite3.connect(self.site.folder / "state" / "orgsync.db") as ledger:
            return ledger.execute(query).fetchall()

    def wrote(self) -> list[int]:
        """The cycles that wrote, the latest first."""
        return [cycle for (cycle,) in self.rows("select distinct cycle_id from changes order by 1 desc")]

    def undo(self, *options: str, cycle: int | None = None) -> int:
        """Undoes a cycle, the last one that wrote if none is named, and releases the stream; the number of that one."""
        cycle = cycle or self.wrote()[0]
        done = self.call("undo", "--cycle", str(cycle), "--yes", *options)
        assert done.exit_code == 0, done.output
        assert self.call("release", STREAM, "--accept", "0", "--reason", "mended").exit_code == 0
        return cycle

    def cities(self) -> list[object]:
        return [self.b.record("Leads", self.theirs[mine])["City"] for mine in self.ours]  # type: ignore[index]

    def found(self, *options: str) -> tuple[int, dict[str, str]]:
        """How many are equal, and why each that differs does."""
        said = json.loads(self.verify("--json", *options).stdout)
        return said["kinds"]["equal"], {one["source_id"]: one["why"] for one in said["findings"]}


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[UndoDesk]:
    with Emulator(("in", "us")) as emu:
        yield UndoDesk(emu, tmp_path, 6)


def carried_and_undone(desk: UndoDesk) -> int:
    """A cycle carries four edits, and is undone; its number."""
    for mine in desk.ours[:4]:
        desk.a.edit("Leads", mine, {"City": "Goa"})
    desk.once()
    desk.pass_time()
    cycle = desk.undo()
    assert desk.cities() == ["Pune"] * 6
    return cycle


def applied(desk: UndoDesk) -> None:
    """What is new is planned and applied: the checkpoint does not move."""
    desk.pass_time()
    file = str(desk.file.with_name("plan.json"))
    assert desk.call("plan", STREAM, "--save", file).exit_code == 0
    assert desk.call("apply", file).exit_code == 0


def test_what_an_undo_put_back_counts_as_differing_and_says_which_undo_it_was(desk: UndoDesk) -> None:
    cycle = carried_and_undone(desk)
    why = dict.fromkeys(desk.ours[:4], f"put back by the undo of cycle {cycle}")
    assert desk.found() == (2, why)
    desk.once()
    assert (desk.found(), desk.found("--deep")) == ((2, why), (2, why))
    said = desk.verify()
    assert (said.exit_code, "2 of 6 equal, 4 differ" in said.stdout) == (1, True)
    assert "City: 'Goa' is wanted, 'Pune' is there" in said.stdout
    told = desk.call("why", desk.ours[0]).stdout
    assert f"next: nothing, it was put back by the undo of cycle {cycle}; an edit in india begins anew" in told


def test_no_comparison_and_no_poll_writes_it_again_but_an_edit_does(desk: UndoDesk) -> None:
    carried_and_undone(desk)
    assert desk.call("resync", STREAM).exit_code == 0
    desk.once()
    desk.once()
    assert desk.cities() == ["Pune"] * 6
    desk.a.edit("Leads", desk.ours[0], {"Phone": "77"})
    desk.once()
    assert desk.cities() == ["Goa", *["Pune"] * 5]
    assert set(desk.found()[1]) == set(desk.ours[1:4])


@pytest.mark.parametrize("by", ["--repair", "--queue"])
def test_a_person_who_has_verify_put_it_right_gets_what_the_source_says(desk: UndoDesk, by: str) -> None:
    carried_and_undone(desk)
    desk.by_hand(desk.ours[1], Phone="by hand")
    desk.pass_time()
    if by == "--repair":
        assert {row["kind"] for row in desk.plan().values()} == {"update"}
        assert desk.apply().exit_code == 0
    else:
        assert desk.verify("--queue").exit_code == 1
    desk.once()
    assert desk.cities() == ["Goa"] * 4 + ["Pune"] * 2
    assert (desk.verify().exit_code, desk.found("--deep")) == (0, (6, {}))
    assert desk.rows("select count(*) from drops where ended_at is null") == [(0,)]


def test_what_apply_wrote_and_an_undo_put_back_stays_until_the_source_edits_it(desk: UndoDesk) -> None:
    for mine in desk.ours[:2]:
        desk.a.edit("Leads", mine, {"City": "Goa"})
    applied(desk)
    assert desk.cities() == ["Goa"] * 2 + ["Pune"] * 4
    desk.undo()
    assert desk.found()[0] == desk.found("--deep")[0] == 4  # though the checkpoint stands before these versions
    assert desk.verify().exit_code == 1
    desk.once()
    desk.once()
    assert desk.cities() == ["Pune"] * 6
    desk.a.edit("Leads", desk.ours[0], {"Company": "D"})
    desk.once()
    assert desk.cities() == ["Goa", *["Pune"] * 5]


def test_a_record_that_apply_made_and_an_undo_took_away_is_not_made_again_until_it_is_edited(desk: UndoDesk) -> None:
    mine = desk.a.insert_raw("Leads", {"Last_Name": "New", "Company": "C"})
    applied(desk)
    assert len(desk.b.records("Leads")) == 7
    cycle = desk.undo("--created")
    desk.once()
    assert desk.call("resync", STREAM).exit_code == 0
    desk.once()
    assert len(desk.b.records("Leads")) == 6
    assert desk.found() == (6, {mine: f"put back by the undo of cycle {cycle}"})
    assert desk.plan()[mine]["kind"] == "create"
    desk.a.edit("Leads", mine, {"City": "Goa"})
    desk.once()
    assert len(desk.b.records("Leads")) == 7
    assert desk.found() == (7, {})


def test_an_edit_that_no_cycle_has_carried_yet_is_not_held_back_by_an_undo(desk: UndoDesk) -> None:
    desk.a.edit("Leads", desk.ours[0], {"City": "Goa"})
    desk.once()
    desk.pass_time()
    desk.a.edit("Leads", desk.ours[0], {"Phone": "88"})
    desk.undo()
    desk.once()
    row = desk.b.record("Leads", desk.theirs[desk.ours[0]])
    assert row is not None
    assert (row["City"], row["Phone"], desk.found()) == ("Goa", "88", (6, {}))


def test_one_cycle_after_the_other_is_undone_the_latest_first(desk: UndoDesk) -> None:
    for city in ("Goa", "Delhi"):
        desk.a.edit("Leads", desk.ours[0], {"City": city})
        desk.once()
        desk.pass_time()
    for city, cycle in zip(("Goa", "Pune"), desk.wrote(), strict=False):
        desk.undo(cycle=cycle)
        desk.pass_time()
        assert desk.cities()[0] == city


def test_an_undo_that_is_undone_holds_nothing_back(desk: UndoDesk) -> None:
    carried_and_undone(desk)
    desk.undo()
    assert desk.cities() == ["Goa"] * 4 + ["Pune"] * 2
    desk.once()
    assert desk.found() == (6, {})
    assert desk.rows("select count(*) from drops where ended_at is null") == [(0,)]


def test_two_undos_of_one_record_hold_back_one_version(desk: UndoDesk) -> None:
    for value in ({"City": "Goa"}, {"Phone": "99"}):
        desk.a.edit("Leads", desk.ours[0], value)
        desk.once()
    desk.pass_time()
    second = desk.undo()
    first = second - 1
    assert desk.call("undo", "--cycle", str(first), "--yes").exit_code == 0
    assert desk.call("release", STREAM, "--accept", "0", "--reason", "mended").exit_code == 0
    desk.once()
    row = desk.b.record("Leads", desk.theirs[desk.ours[0]])
    assert row is not None
    assert (row["City"], row["Phone"]) == ("Pune", "0")
    assert desk.found() == (5, {desk.ours[0]: f"put back by the undo of cycle {first}"})


def test_after_two_undos_of_a_cycle_status_and_once_count_the_same(desk: UndoDesk) -> None:
    for mine in desk.ours[:4]:
        desk.a.edit("Leads", mine, {"City": "Goa"})
    desk.once()
    desk.by_hand(desk.ours[0], City="Delhi")
    assert desk.call("undo", "--cycle", "2", "--yes").exit_code == 1
    assert "a person has undone 3 of the 4 writes of cycle 2" in desk.call("status").stdout
    desk.by_hand(desk.ours[0], City="Goa")
    desk.pass_time()
    assert desk.call("undo", "--cycle", "2", "--yes").exit_code == 1
    said = "a person has undone 4 of the 4 writes of cycle 2"
    assert said in desk.call("status").stdout
    assert said in desk.call("once").output
    assert said in desk.call("status").stdout
    assert desk.call("release", STREAM, "--accept", "0", "--reason", "mended").exit_code == 0
    assert desk.call("once").exit_code == 0


def test_an_undo_that_was_killed_says_when_it_is_typed_again_what_is_back_already(desk: UndoDesk) -> None:
    for mine in desk.ours[:4]:
        desk.a.edit("Leads", mine, {"City": "Goa"})
    desk.once()
    desk.pass_time()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Ledger, "settle", _killed)
        env = {**desk.site.env, "ORGSYNC_SETTINGS": str(desk.site.settings)}
        with pytest.raises(Killed):
            CliRunner(env=env).invoke(app, ["undo", "--cycle", "2", "--yes"], catch_exceptions=False)
    assert desk.cities() == ["Pune"] * 6
    desk.pass_time()
    desk.pass_time()
    for _ in range(2):
        done = desk.call("undo", "--cycle", "2", "--yes")
        assert (done.exit_code, "put back already (4)" in done.stdout) == (1, True), done.stdout
        assert desk.ours[0] in done.stdout
        assert "nothing more was put back" in done.stdout
    assert desk.call("release", STREAM, "--accept", "0", "--reason", "mended").exit_code == 0
    desk.once()
    assert desk.cities() == ["Pune"] * 6
    assert desk.found() == (2, dict.fromkeys(desk.ours[:4], "put back by the undo of cycle 2"))
