"""What the product makes is for its owner only, however carelessly it was started."""

from __future__ import annotations

import os
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site, until


@pytest.fixture(params=[0o000, 0o022, 0o077])
def site(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Leads",), forks=False)
        before = os.umask(request.param)
        yield site
        os.umask(before)
        site.close()


def test_every_file_is_0600_and_every_folder_0700_whatever_the_umask(site: Site) -> None:
    ours = {site.folder, site.settings, site.folder / "log.txt"}
    site.settings.write_text('state_dir = "deep/state"\n' + site.settings.read_text() + 'match = ["Email"]\n')
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
    process = site.start("run")
    until(lambda: site.emu.orgs["us"].records("Leads"))
    asked = site.call("retry", "--stream", "india-to-us/Leads")
    assert asked.returncode == 0, asked.stderr
    modes = {path: stat.S_IMODE(path.lstat().st_mode) for path in site.folder.rglob("*") if path not in ours}
    assert {"orgsync.db", "orgsync.db-wal", "orgsync.db-shm", "orgsync.db.lock", "india.json", "inbox"} <= {
        path.name for path in modes
    }
    process.terminate()
    process.wait(12)
    for args in (
        ("snapshot", "us", "-o", "us.json"),
        ("match", "india-to-us/Leads", "--csv", "lists"),
        ("db", "copy", "--to", f"sqlite:///{site.folder}/copy.db"),
        ("init", "new.toml", "--all-keys"),
    ):
        done = site.call(*args)
        assert done.returncode in (0, 1), (args, done.stderr)
    modes |= {path: stat.S_IMODE(path.lstat().st_mode) for path in site.folder.rglob("*") if path not in ours}
    assert modes.pop(site.folder / "new.toml") == 0o644  # no secret stands in it, and the service's user reads it
    assert {"copy.db", "us.json", "certain.csv"} <= {path.name for path in modes}
    assert {str(path): oct(mode) for path, mode in modes.items() if mode != (0o700 if path.is_dir() else 0o600)} == {}


def test_a_ledger_is_read_by_nobody_else_while_it_is_migrated(site: Site) -> None:
    done = site.call("db", "upgrade")
    assert done.returncode == 0, done.stderr
    with sqlite3.connect(site.folder / "state" / "orgsync.db") as ledger:
        ledger.execute("select * from meta").fetchall()
        files = list((site.folder / "state").iterdir())
    assert {stat.S_IMODE(path.stat().st_mode) for path in files} == {0o600}
