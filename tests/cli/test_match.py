"""Two orgs that are both full: what is paired, what a person decides, and that nothing is written before."""

from __future__ import annotations

import csv
import json
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given
from hypothesis import strategies as st

from daemon.cli import app
from daemon.cli.sheets import masked, unmasked
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.service import inbox
from tests.core import make
from tests.service.site import Site
from tests.sync.pair import KEY

STREAM = "india-to-us/Leads"
Row = dict[str, str]


class Stage:
    """Two orgs, the command in this process, and the lists that it wrote."""

    def __init__(self, emu: Emulator, folder: Path, *, key: bool = True, ladder: str = '["Email", "Phone"]') -> None:
        self.emu, self.folder = emu, folder
        self.site = Site(emu, folder, modules=("Leads",), keys=key)
        text = self.site.settings.read_text()
        if not key:
            text = text.replace('key = "Source_Record_ID"', 'key = "none"')
        self.site.settings.write_text(text + f"match = {ladder}\ncompare = \"never\"\n")
        self.india, self.us = emu.orgs["india"], emu.orgs["us"]
        self.lists = folder / "lists"

    def call(self, *args: str) -> Result:
        runner = CliRunner(env=self.site.env)
        return runner.invoke(app, ["--settings", str(self.site.settings), *args])

    def match(self, *args: str, code: int = 0) -> dict[str, Any]:
        done = self.call("match", STREAM, "--json", *args)
        assert done.exit_code == code, (done.output, done.exception)
        found: dict[str, Any] = json.loads(done.stdout)
        return found

    def make_lists(self, code: int = 0) -> dict[str, Any]:
        return self.match("--csv", str(self.lists), code=code)

    def rows(self, name: str) -> list[Row]:
        with (self.lists / name).open(encoding="utf-8-sig", newline="") as file:
            return [{k: unmasked(v) for k, v in row.items()} for row in csv.DictReader(file)]

    def pairs(self, name: str) -> list[tuple[str, str]]:
        return [(row["source_id"], row["target_id"]) for row in self.rows(name)]

    def answer(self, name: str, say: Callable[[Row], str], delimiter: str = ",") -> Path:
        """A person decides in a spreadsheet."""
        rows = self.rows(name)
        path = self.folder / f"answered_{name}"
        with path.open("w", encoding="cp1252", errors="replace", newline="") as file:
            lines = csv.DictWriter(file, rows[0], delimiter=delimiter)
            lines.writeheader()
            lines.writerows({**row, "link": say(row)} for row in rows)
        return path

    def accept(self, *paths: Path, code: int = 0, create: bool = False) -> Result:
        args = [part for path in paths for part in ("--accept", str(path))]
        done = self.call("match", STREAM, *args, *(["--create-unmatched"] if create else []))
        assert done.exit_code == code, (done.output, done.exception)
        return done

    def sql(self, query: str) -> list[tuple[Any, ...]]:
        with sqlite3.connect(f"file:{self.folder / 'state' / 'orgsync.db'}?mode=ro", uri=True) as ledger:
            return ledger.execute(query).fetchall()

    def writes(self) -> list[Any]:
        kinds = ("insert", "update", "upsert", "delete")
        return [call for org in (self.india, self.us) for kind in kinds for call in org.log(kind=kind)]


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with Emulator(("in", "us")) as emulator:
        yield emulator


@pytest.fixture
def stage(emu: Emulator, tmp_path: Path) -> Stage:
    return Stage(emu, tmp_path)


def lead(org: OrgHandle, name: str, **values: object) -> str:
    return org.insert_raw("Leads", {"Last_Name": name, "Company": "C", **values})


def test_two_full_orgs_become_one_and_nothing_is_written_before_the_operator_says_so(stage: Stage) -> None:
    india, us = stage.india, stage.us
    ann, ann_us = lead(india, "Ann", Email="ann@x.com", City="Pune"), lead(us, "Ann", Email=" ANN@x.com", City="Pune")
    phil, phil_us = lead(india, "Phil", Phone="+91 (20) 55"), lead(us, "Philip", Phone="912055")
    one, two, twin = (lead(org, name, Email="twin@x.com") for org, name in ((india, "One"), (india, "Two"), (us, "T")))
    new, theirs = lead(india, "New"), lead(us, "Theirs", Email="their@x.com")
    assert stage.call("once").exit_code == 2  # refused, and it names the way

    said = stage.make_lists(code=1)
    counts = {name: said[name] for name in ("certain", "ambiguous", "unmatched_source", "unmatched_target")}
    assert counts == {"certain": 2, "ambiguous": 1, "unmatched_source": 1, "unmatched_target": 1}
    assert stage.pairs("certain.csv") == [(ann, ann_us), (phil, phil_us)]
    assert stage.pairs("ambiguous.csv") == [(one, twin), (two, twin)]
    assert stage.pairs("unmatched_source.csv") == [(new, "")]
    assert stage.pairs("unmatched_target.csv") == [("", theirs)]
    assert {path.stat().st_mode & 0o777 for path in stage.lists.iterdir()} == {0o600}
    assert stage.sql("select count(*) from id_map") == [(0,)]

    certain = stage.lists / "certain.csv"
    early = stage.accept(certain, stage.lists / "ambiguous.csv", create=True, code=1)
    assert "Two" in early.output
    assert "nothing was stored" in early.output
    assert stage.sql("select count(*) from id_map") == [(0,)]

    answered = stage.answer("ambiguous.csv", lambda row: "Yes" if row["source_id"] == two else "", delimiter=";")
    assert "3 pairs are linked" in stage.accept(certain, answered).output
    assert stage.call("once").exit_code == 2
    assert stage.writes() == []

    done = stage.accept(certain, answered, create=True)  # what is linked already is no mistake
    assert "0 pairs are linked" in done.output
    assert "will create 2 records of india in us" in done.output
    assert stage.writes() == []

    assert stage.call("once").exit_code == 0
    by_key = {str(record[KEY]).partition(":")[2]: record for record in us.records("Leads") if record[KEY]}
    assert {i: record["id"] for i, record in by_key.items() if i in (ann, phil, two)} == {
        ann: ann_us,
        phil: phil_us,
        two: twin,
    }
    assert by_key.keys() == {ann, phil, one, two, new}
    assert len(us.records("Leads")) == 6
    assert us.record("Leads", theirs)["Last_Name"] == "Theirs"  # type: ignore[index]
    assert by_key[phil]["Last_Name"] == "Phil"
    before = len(stage.writes())
    assert stage.call("once").exit_code == 0
    assert len(stage.writes()) == before


def test_a_lost_ledger_finds_what_was_matched_by_the_key_that_the_first_update_wrote(stage: Stage) -> None:
    mine, theirs = (lead(org, "Same", Email="same@x.com") for org in (stage.india, stage.us))
    stage.make_lists()
    stage.accept(stage.lists / "certain.csv", create=True)
    assert stage.call("once").exit_code == 0
    assert str(stage.us.record("Leads", theirs)[KEY]).endswith(f":{mine}")  # type: ignore[index]
    for file in (stage.folder / "state").glob("orgsync.db*"):
        file.unlink()
    assert stage.call("once").exit_code == 0
    assert stage.sql("select record_id from id_map where org = 'us'") == [(theirs,)]
    assert len(stage.us.records("Leads")) == 1
