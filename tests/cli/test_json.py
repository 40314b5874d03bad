"""docs/json.md is tested: the commands print the keys that stand there, all of them and no other."""

from __future__ import annotations

import io
import json
import re
import sqlite3
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import click
import pytest

from daemon import cli
from daemon.emulator import Emulator
from tests.service.site import Site

PAGE = (Path(__file__).parents[2] / "docs" / "json.md").read_text(encoding="utf-8")
SECTIONS = dict(re.findall(r"\n## orgsync ([^\n]+)\n(.*?)(?=\n## |\Z)", PAGE, re.DOTALL))
DOCUMENTED = {name: set(re.findall(r"^\| (\S+) \|", body, re.MULTILINE)) - {"key"} for name, body in SECTIONS.items()}
VARY = {"streams[].outcomes", "rows", "outcomes", "kinds"}
AS_ZOHO_SHOWS_IT = {"records[].fields[].old", "records[].fields[].new"}
ANOTHER_DOCUMENT = {"repair"}
NEVER_HERE = {
    *("left_out[]", "not_compared[]"),  # an emulated org shows everything, and all of it is compared
    "streams[].first_load.waits_for[]",  # no org has a ceiling
}
STREAM = "india-to-us/Contacts"
INIT = [
    *("--source", "a", "--source-dc", "in", "--target", "b", "--target-dc", "us"),
    *("--direction", "one-way", "--modules", "Leads"),
]

Print = Callable[..., list[Any]]


@pytest.fixture
def printed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Iterator[Any]:
    """A site, and the documents that a command prints, run in this process."""
    with Emulator(("in", "us")) as emu:
        emu.quirks(unknown_picklist="reject")
        site = Site(emu, tmp_path, modules=("Accounts", "Contacts"))
        text = site.settings.read_text()
        more = 'modules.Contacts]\nmatch = ["Email"]\nautomations = ["workflow"]\nundo = "7d"'
        text = 'ledger.undo_key = { env = "UNDO_KEY" }\n' + text.replace("modules.Contacts]", more)
        site.settings.write_text(text)
        site.env["UNDO_KEY"] = "k" * 40
        monkeypatch.chdir(tmp_path)

        def call(*args: str, stdin: str = "") -> list[Any]:
            for name, value in site.env.items():
                monkeypatch.setenv(name, value)
            monkeypatch.setattr(sys, "argv", ["orgsync", "--settings", str(site.settings), *args, "--json"])
            monkeypatch.setattr(sys, "stdin", io.StringIO(stdin))
            with pytest.raises(SystemExit) as ended:
                cli.main()
            out, err = capsys.readouterr()
            assert ended.value.code in (0, 1, 2), err
            return [json.loads(line) for line in out.splitlines()]

        yield site, call


def keys(value: Any, path: str = "") -> set[str]:
    """The paths to everything in a document."""
    if path in AS_ZOHO_SHOWS_IT | ANOTHER_DOCUMENT:
        return {path}
    if isinstance(value, dict):
        inner = {f"{path}.{'*' if path in VARY else name}".lstrip("."): one for name, one in value.items()}
        return {key for place, one in inner.items() for key in keys(one, place)}
    if isinstance(value, list):
        return {key for inner in value for key in keys(inner, f"{path}[]")}
    return {path}


def commands() -> set[str]:
    """Every command that takes --json, but for the emulator, which has its own document."""
    top = click.Context(cli.app)
    found = {name: cli.app.get_command(top, name) for name in cli.app.list_commands(top)}
    for group in [name for name, command in found.items() if isinstance(command, click.Group)]:
        found |= {f"{group} {name}": command for name, command in getattr(found[group], "commands", {}).items()}
    return {
        n for n, c in found.items() if n != "emulator" and c is not None and any("--json" in p.opts for p in c.params)
    }


def verified(site: Any, call: Print) -> list[Any]:
    """Somebody has edited a record in the target."""
    twin = next(r for r in site.emu.orgs["us"].records("Contacts") if r["Last_Name"] == "Still")
    site.emu.orgs["us"].edit("Contacts", twin["id"], {"Phone": "1"})
    planned = call("verify", STREAM, "--repair", "repair.json")
    return [*call("verify", STREAM), *planned, *call("verify", STREAM, "--deep", "--queue")]


def test_every_command_with_json_has_its_keys_in_the_docs_and_they_are_what_it_prints(printed: Any) -> None:
    site, call = printed
    india = site.emu.orgs["india"]
    account = india.insert_raw("Accounts", {"Account_Name": "A", "Industry": "Alchemy"})
    child = india.insert_raw("Contacts", {"Last_Name": "Waits", "Account_Name": {"id": account}})
    free, _ = (india.insert_raw("Contacts", {"Last_Name": name}) for name in ("Free", "Still"))
    site.emu.clock(advance=60)  # what is younger than the lag counts as on its way
    said = {
        "init": call("init", "new.toml", *INIT),
        "check": [*call("check"), *call("check", "--mapping", STREAM)],
        "snapshot": call("snapshot", "us"),
        "db upgrade": call("db", "upgrade"),
        "match": [*call("match", STREAM), *call("match", STREAM, "--create-unmatched")],
        "plan": [*call("plan", STREAM), *call("plan", "india-to-us/Accounts", "--save", "plan.json")],
        "apply": call("apply", "plan.json"),
        "once": call("once"),
    }
    (there,) = [row["id"] for row in site.emu.orgs["us"].records("Contacts") if row["Last_Name"] == "Free"]
    for org, record, phone in ((india, free, "1"), (site.emu.orgs["us"], there, "1")):
        org.edit("Contacts", record, {"Phone": phone})
    said["plan"] += call("plan", STREAM)
    said |= {
        "resync": call("resync", STREAM),
        "status": call("status"),
        "queue": call("queue", "--cause", "1"),
        "verify": verified(site, call),
        "retry": call("retry", "--cause", "1"),
        "drop": call("drop", "--record", child, "--reason", "never"),
        "release": call("release", STREAM, "--accept", "1", "--reason", "none"),
        "egress": call("egress", "india-to-us"),
        "db current": call("db", "current"),
        "db copy": call("db", "copy", "--to", f"sqlite:///{site.folder}/copy.db"),
        "db restored": call("db", "restored"),
        "auth": call("auth", "india", stdin=india.grant_tokens[0] + "\n"),
    }
    india.edit("Contacts", free, {"Phone": "0"})
    said["once"] += call("once")
    with sqlite3.connect(site.folder / "state" / "orgsync.db") as ledger:
        (cycle,) = ledger.execute("SELECT max(cycle_id) FROM changes").fetchone()
    said["undo"] = [*call("undo", "--cycle", str(cycle), "--yes"), *call("undo", "--cycle", str(cycle), "--yes")]
    said["release"] += call("release", STREAM, "--accept", "0", "--reason", "shown")
    with sqlite3.connect(site.folder / "state" / "orgsync.db") as ledger:
        query = "INSERT INTO intents (stream, source_id, action, sent_at, match) VALUES (?, ?, 'update', ?, '{}')"
        ledger.execute(query, (STREAM, free, "2026-01-01 00:00:00.000000"))
        ledger.execute("UPDATE checkpoints SET caught_up_at = NULL WHERE stream = ?", (STREAM,))
        begun = "SELECT stream, 'bulk', '', '', started_at, started_at FROM checkpoints WHERE stream = ?"
        columns = "(stream, way, why, rules_version, horizon, started_at)"
        ledger.execute("UPDATE comparisons SET finished_at = started_at")
        ledger.execute(f"INSERT INTO backfills {columns} {begun}", (STREAM,))
    said["status"] += call("status")
    site.emu.orgs["us"].insert_raw("Contacts", {"Last_Name": "Own"})
    said["why"] = [one for asked in (account, child, free, "Own", "Nobody") for one in call("why", asked)]
    said["why"] += call("why", free, "--offline")
    said["db downgrade"] = call("db", "downgrade", "0010", "--yes")
    shown = {name: {key for one in found for key in keys(one)} for name, found in said.items()}
    assert shown == {name: known - NEVER_HERE for name, known in DOCUMENTED.items()}
    assert DOCUMENTED.keys() == commands()
