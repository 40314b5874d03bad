"""Two orgs that are both full: what is paired, what a person decides, and that nothing is written before."""

from __future__ import annotations

import csv
import io
import json
import re
import sqlite3
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from hypothesis import given

from daemon.cli import app
from daemon.cli.context import utc_now
from daemon.cli.sheets import SheetError, masked, read, unmasked, write
from daemon.emulator import Emulator, OrgHandle
from daemon.ledger import Ledger
from daemon.service import inbox
from daemon.sync.prepare import StreamRefusedError
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
        self.site.settings.write_text(text + f'match = {ladder}\ncompare = "never"\n')
        self.india, self.us = emu.orgs["india"], emu.orgs["us"]
        self.lists = folder / "lists"

    def call(self, *args: str) -> Result:
        runner = CliRunner(env={**self.site.env, "ORGSYNC_SETTINGS": str(self.site.settings)})
        return runner.invoke(app, args)

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

    def zgid(self, org: str) -> str:
        return self.emu.world.sites[org].org.zgid

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


def test_mistakes_in_the_decisions_are_told_all_at_once_with_their_lines_and_nothing_is_stored(stage: Stage) -> None:
    one, two = (lead(stage.india, name, Email=f"{name}@x.com") for name in ("one", "two"))
    one_us, two_us = (lead(stage.us, name, Email=f"{name}@x.com") for name in ("one", "two"))
    other = lead(stage.us, "Other", **{KEY: "999:1"})
    stage.make_lists()
    early = stage.call("match", STREAM, "--csv", str(stage.lists))
    assert (early.exit_code, "it was not touched" in early.output) == (1, True)
    stage.accept(*[stage.answer("certain.csv", lambda row: "yes" if row["source_id"] == two else "no")])
    lines = [
        f"yes,{one},{one_us}",
        f"yes,{one},{other}",
        f"perhaps,{one},{one_us}",
        "yes,5.1E+18,",
        f"yes,'123,'{one_us}",
        f"yes,{two},{one_us}",
    ]
    path = stage.folder / "mine.csv"
    path.write_text("\n".join(["link,source_id,target_id", *lines]))
    said = stage.accept(path, code=1).output
    assert [
        said.count(text) for text in (f"{path} line 4: link is 'perhaps'", f"{path} line 5: source_id is '5.1E+18'")
    ]
    assert "a spreadsheet has rounded it" in said
    assert f"{path} line 5: target_id is '', which is no record id" in said
    path.write_text("\n".join(["link,source_id,target_id", *lines[:2], *lines[4:]]))
    said = stage.accept(path, code=1).output
    assert f"{path} line 3: {one} of india stands in {path} line 2 too" in said
    assert f"{path} line 3: {other} of us names another record in its {KEY}" in said
    assert f"{path} line 4: india has no Leads 123" in said
    assert f"{path} line 5: {two} of india is linked to {two_us} already" in said
    assert said.rstrip().endswith("nothing was stored")
    path.write_text("source_id;target_id\n")
    assert f"{path} line 1: there is no column link" in stage.accept(path, code=1).output
    assert stage.sql("select count(*) from id_map") == [(2,)]
    assert stage.writes() == []


def test_a_record_is_paired_by_the_key_that_names_it_and_one_that_stands_for_another_by_nothing(stage: Stage) -> None:
    zgid = stage.zgid("india")
    mine = lead(stage.india, "Mine", Email="mine@x.com")
    keyed = lead(stage.us, "Renamed", **{KEY: f"{zgid}:{mine}"})
    lead(stage.us, "Mine", Email="mine@x.com")
    taken = lead(stage.india, "Taken", Email="taken@x.com")
    lead(stage.us, "Taken", Email="taken@x.com", **{KEY: "999:1"})
    stage.make_lists()
    assert stage.pairs("certain.csv") == [(mine, keyed)]
    assert stage.rows("certain.csv")[0]["matched_by"] == KEY
    assert stage.pairs("unmatched_source.csv") == [(taken, "")]
    assert len(stage.pairs("unmatched_target.csv")) == 2


def test_a_stream_without_a_key_is_matched_too_by_fields_together(emu: Emulator, tmp_path: Path) -> None:
    stage = Stage(emu, tmp_path, key=False, ladder='[["Last_Name", "City"]]')
    mine, theirs = (lead(org, "Same", City="Pune", Fax=fax) for org, fax in ((stage.india, "1"), (stage.us, "2")))
    lead(stage.us, "Same", City="Goa")
    for n in range(11):  # too many to pair them all: a line for each record instead
        lead(stage.india, "Many", City="Goa", Fax=str(n))
        lead(stage.us, "MANY", City="goa", Fax=str(n))
    stage.make_lists(code=1)
    assert stage.pairs("certain.csv") == [(mine, theirs)]
    rows = stage.rows("ambiguous.csv")
    assert (len(rows), sum(row["target_id"] == "" for row in rows)) == (22, 11)
    refused = stage.answer("ambiguous.csv", lambda row: "no" if row["source_id"] else "")
    said = stage.accept(stage.lists / "certain.csv", refused, create=True).output
    assert "will create 11 records" in said
    assert stage.call("once").exit_code == 0
    assert stage.us.record("Leads", theirs)["Fax"] == "1"  # type: ignore[index]
    assert len(stage.us.records("Leads")) == 13 + 11


def test_a_daemon_that_holds_the_ledger_is_asked_to_store_it(stage: Stage) -> None:
    mine, theirs = (lead(org, "Same", Email="same@x.com") for org in (stage.india, stage.us))
    stage.make_lists()
    stop = threading.Event()

    def daemon(ledger: Ledger) -> None:
        while not stop.wait(0.02):
            inbox.serve(stage.folder / "state" / "inbox", lambda r: inbox.carry_out(r, ledger, utc_now()))

    with Ledger.open(f"sqlite:///{stage.folder / 'state' / 'orgsync.db'}") as ledger:
        thread = threading.Thread(target=daemon, args=(ledger,))
        thread.start()
        holder = subprocess.run(
            stage.site.command("match", STREAM, "--accept", str(stage.lists / "certain.csv"), "--create-unmatched"),
            env=stage.site.env,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        stop.set()
        thread.join()
    assert (holder.returncode, holder.stderr) == (0, "")
    assert sorted(stage.sql("select record_id from id_map")) == sorted([(mine,), (theirs,)])
    assert stage.sql("select first_run from checkpoints") == [("match",)]


def test_nothing_is_created_before_the_lists_were_made(stage: Stage) -> None:
    lead(stage.india, "Mine")
    lead(stage.us, "Theirs")
    assert "`orgsync match india-to-us/Leads` makes them" in stage.accept(create=True, code=1).output
    assert stage.call("once").exit_code == 2
    stage.make_lists()
    stage.accept(create=True)
    assert stage.call("once").exit_code == 0
    assert len(stage.us.records("Leads")) == 2


def test_a_stream_without_a_ladder_says_what_to_write(stage: Stage) -> None:
    text = stage.site.settings.read_text()
    for ladder, said in (("", "it has no ladder"), ('match = ["Nonsense"]', "match names Nonsense")):
        stage.site.settings.write_text(text.replace('match = ["Email", "Phone"]', ladder))
        done = stage.call("match", STREAM)
        assert isinstance(done.exception, StreamRefusedError)
        assert said in str(done.exception)
        assert "[routes.india-to-us.modules.Leads]" in str(done.exception)


@given(make.awkward)
@make.often
def test_no_cell_is_a_formula_or_a_long_number_and_each_reads_back(text: str) -> None:
    cell = masked(text)
    assert not cell.startswith(("=", "+", "-", "@", "\t", "\r"))
    assert not re.search(r";[\s\"]*[=+@-]", cell)  # where a spreadsheet that parts cells at ; begins a new one
    assert not (cell.isdecimal() and len(cell) > 11)
    assert unmasked(cell) == "".join(c if c.isprintable() else " " for c in text).strip()


@pytest.mark.parametrize("text", ["=1+1", "+49", "-1", "@x", "\t=1", "\r=1", "'=1", "5100000000000002126", " =1"])
def test_a_cell_that_a_spreadsheet_would_read_is_marked(text: str) -> None:
    assert masked(text).startswith("'")
    assert unmasked(masked(text)) == text.strip()


FORMULAS = ["=1+1", "x;=cmd|' /C calc'!A0", 'a";"=1', "Ann; @SUM(A1)", "-2+3;+4", "';'=1"]
FORMULAS += ["a,=1", 'say ""=1', "\n=1", ";;=1"]


@pytest.mark.parametrize("delimiter", [",", ";"])
@pytest.mark.parametrize("name", FORMULAS)
def test_no_value_becomes_a_cell_that_is_computed_and_each_reads_back(
    tmp_path: Path, name: str, delimiter: str
) -> None:
    """Also in a spreadsheet that parts cells at semicolons, whatever the file does."""
    write(tmp_path, {"certain.csv": [{"link": "yes", "source_id": "1", "source_name": name, "target_id": "2"}]})
    text = (tmp_path / "certain.csv").read_text(encoding="utf-8-sig")
    cells = [cell for line in csv.reader(io.StringIO(text), delimiter=delimiter) for cell in line]
    assert [cell for cell in cells if cell.strip(' "').startswith(("=", "+", "-", "@"))] == []
    with (tmp_path / "certain.csv").open(encoding="utf-8-sig", newline="") as file:
        [row] = csv.DictReader(file)
    assert unmasked(row["source_name"]) == name.strip()
    [pair] = read([tmp_path / "certain.csv"]).pairs
    assert (pair.source_id, pair.target_id) == ("1", "2")


def test_a_no_counts_when_it_is_said_of_every_candidate(tmp_path: Path) -> None:
    path = tmp_path / "mine.csv"
    rows = ["link\tsource_id\ttarget_id", "no\t'1\t'8", "\t'1\t'9", "No\t2\t8", "n\t2\t9", "yes\t3\t7", "no\t3\t8"]
    path.write_text("\n".join(rows), encoding="utf-8-sig")
    decided = read([path])
    assert decided.refused == {"2"}
    assert [(one.place, one.source_id, one.target_id) for one in decided.pairs] == [(f"{path} line 6", "3", "7")]


def test_a_pair_with_both_yes_and_no_is_refused_with_both_lines(tmp_path: Path) -> None:
    one, two = tmp_path / "one.csv", tmp_path / "two.csv"
    one.write_text("link,source_id,target_id\nyes,1,8\nno,2,9\nno,3,\nyes,3,7\nno,4,6\nno,4,6\n")
    two.write_text("link,source_id,target_id\nno,'1,8\ny,2,'9\n")
    with pytest.raises(SheetError) as refused:
        read([one, two])
    assert str(refused.value).splitlines() == [
        f"{two} line 2: 1 and 8 have no here, and the opposite in {one} line 2",
        f"{two} line 3: 2 and 9 have y here, and the opposite in {one} line 3",
    ]
    assert len(read([one]).pairs) == 2


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-be"])
def test_the_unicode_text_of_a_spreadsheet_is_read(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mine.txt"
    mark = "" if encoding == "utf-16" else "\ufeff"
    rows = ["link\tsource_id\tsource_name\ttarget_id", "yes\t'1\tWörner, Ж\t'8", "no\t2\t\t9"]
    path.write_bytes((mark + "\r\n".join(rows)).encode(encoding))
    decided = read([path])
    assert decided.refused == {"2"}
    assert [(one.place, one.source_id, one.target_id) for one in decided.pairs] == [(f"{path} line 2", "1", "8")]


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be", "utf-32"])
def test_a_file_that_is_no_readable_text_is_refused_with_what_to_do(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "mine.txt"
    path.write_bytes("link\tsource_id\ttarget_id\nyes\t1\t8\n".encode(encoding))
    with pytest.raises(SheetError, match="save it as CSV in UTF-8"):
        read([path])
