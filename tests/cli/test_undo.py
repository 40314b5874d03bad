"""`undo` shows what it would put back, and does it when it is told to; and what keeps it from it."""

from __future__ import annotations

import io
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from daemon.emulator import Emulator
from tests.cli.test_plan import STREAM, Stage, commands, holding
from tests.service.site import Site

KEY = "an-undo-key-that-nobody-can-guess-77"
CANARY = "canary-of-somebody-5d2f"


@pytest.fixture
def stage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Stage]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",))
        text = site.settings.read_text()
        site.settings.write_text(f'ledger.undo_key = {{ env = "UNDO_KEY" }}\n{text}undo = "7d"\n')
        site.env["UNDO_KEY"] = KEY
        monkeypatch.chdir(tmp_path)

        yield Stage(site, commands(site, monkeypatch, capsys), tmp_path / "plan.json")


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def on_a_terminal(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setattr(sys, "stdin", Terminal(typed))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def changed(stage: Stage) -> tuple[str, int]:
    """A lead whose city and description a cycle changed, and the number of that cycle."""
    mine = stage.lead("Lee", Description=CANARY)
    assert stage.call("once").code == 0
    stage.a.edit("Leads", mine, {"City": "Goa", "Description": None})
    assert stage.call("once").code == 0
    return mine, int(stage.rows("select max(cycle_id) from changes where action = 'update'")[0][0])


def city(stage: Stage, mine: str) -> object:
    row = stage.b.record("Leads", stage.counterpart(mine))
    assert row is not None
    return row["City"]


def test_it_shows_first_and_puts_back_after_yes_and_the_stream_stands(stage: Stage) -> None:
    mine, cycle = changed(stage)
    wrote = len(stage.writes())
    shown = stage.call("undo", "--cycle", str(cycle))
    assert (shown.code, len(stage.writes())) == (64, wrote)
    assert 'City: "Goa" -> "Pune"' in shown.out
    assert f"next: orgsync undo --cycle {cycle} --yes" in shown.out
    done = stage.call("undo", STREAM, "--cycle", str(cycle), "--yes")
    assert (done.code, city(stage, mine)) == (0, "Pune"), done
    assert f'orgsync release {STREAM} --accept 0 --reason "…"' in done.out
    status = stage.call("status")
    assert (status.code, f"a person has undone 1 of the 1 writes of cycle {cycle}" in status.out) == (2, True), status
    again = stage.call("undo", "--cycle", str(cycle), "--json")
    assert (again.code, [one["reason"] for one in again.document["left"]]) == (1, ["undone", "undone"])
    released = stage.call("release", STREAM, "--accept", "0", "--reason", "mended")
    assert (released.code, "records may pass" in released.out) == (0, False)
    assert stage.call("status").code == 0


def test_on_a_terminal_it_asks_and_no_means_no(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, cycle = changed(stage)
    on_a_terminal(monkeypatch, "n\n")
    assert (stage.call("undo", "--cycle", str(cycle)).code, city(stage, mine)) == (130, "Goa")
    on_a_terminal(monkeypatch, "y\n")
    done = stage.call("undo", "--cycle", str(cycle))
    assert (done.code, city(stage, mine)) == (0, "Pune"), done


def test_what_is_edited_before_the_answer_is_not_written_over(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, cycle = changed(stage)
    on_a_terminal(monkeypatch, "")

    def while_it_asks(*_: object, **__: object) -> bool:
        stage.b.edit("Leads", stage.counterpart(mine), {"City": "Delhi"})
        return True

    monkeypatch.setattr(click, "confirm", while_it_asks)
    done = stage.call("undo", "--cycle", str(cycle))
    assert (done.code, city(stage, mine)) == (2, "Delhi"), done
    assert f"look again: orgsync undo --cycle {cycle}" in done.err
    assert stage.call("status").code == 0


def test_while_a_daemon_holds_the_ledger_it_shows_but_does_not_write(stage: Stage) -> None:
    mine, cycle = changed(stage)
    with holding(stage.site.folder / "state" / "orgsync.db"):
        assert stage.call("undo", "--cycle", str(cycle)).code == 64
        said = stage.call("undo", "--cycle", str(cycle), "--yes")
    assert (said.code, "Stop the daemon" in said.err, city(stage, mine)) == (75, True, "Goa")


def test_a_cycle_that_is_not_there_or_of_another_stream_is_wrong_usage(stage: Stage) -> None:
    _, cycle = changed(stage)
    assert stage.call("undo", "--cycle", "999999").code == 64
    said = stage.call("undo", "india-to-us/Deals", "--cycle", str(cycle), "--yes")
    assert (said.code, f"one of {STREAM}" in said.err) == (64, True)


def test_with_another_key_nothing_is_put_back_and_neither_key_nor_value_is_kept_in_clear(stage: Stage) -> None:
    _, cycle = changed(stage)
    state = stage.site.folder / "state"
    kept = b"".join(path.read_bytes() for path in state.rglob("*") if path.is_file())
    assert (CANARY.encode() in kept, KEY.encode() in kept) == (False, False)
    stage.site.env["UNDO_KEY"] = KEY[::-1]
    said = stage.call("undo", "--cycle", str(cycle), "--json", "--yes")
    assert (said.code, {one["reason"] for one in said.document["left"]}) == (1, {"forgotten"})
    assert (said.document["records"], stage.call("status").code) == ([], 0)
    assert CANARY not in said.out + said.err
