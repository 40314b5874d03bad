"""Two versions of orgsync on one ledger: a copy of the code with one more migration brings it up while daemons run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from copy import copy
from functools import partial
from pathlib import Path

import pytest

from daemon.cli.exits import UNREACHABLE
from daemon.emulator import Emulator
from daemon.ledger.tables import HEAD
from tests.postgres import Server
from tests.service.site import Site, until

ROOT = Path(__file__).parents[2]
NEXT = f"{int(HEAD) + 1:04}"
BREAKING = """
def upgrade() -> None:
    op.add_column("checkpoints", sa.Column("later", sa.Text(), nullable=False, server_default="x"))
"""
HARMLESS = f'oldest_code = "{HEAD}"\n{BREAKING}'


@pytest.fixture
def older(server: Server, tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path, modules=("Accounts", "Leads"))
        server.drop("several")
        with site.settings.open("a") as settings:
            settings.write(f'[ledger]\nurl = "{server.make("several")}"\n')
        try:
            yield site
        finally:
            site.close()


def newer(older: Site, migration: str) -> Site:
    """The same site by the code of tomorrow, which has one more migration."""
    code = older.folder / "newer"
    for part in ("daemon", "migrations"):
        shutil.copytree(ROOT / part, code / part, ignore=shutil.ignore_patterns("__pycache__"))
    tables = code / "daemon" / "ledger" / "tables.py"
    tables.write_text(tables.read_text().replace(f'HEAD: Final = "{HEAD}"', f'HEAD: Final = "{NEXT}"'))
    (code / "migrations" / "versions" / f"{NEXT}_next.py").write_text(
        f'import sqlalchemy as sa\nfrom alembic import op\n\nrevision = "{NEXT}"\ndown_revision = "{HEAD}"\n{migration}'
    )
    site = copy(older)
    site.env = older.env | {"PYTHONPATH": str(code)}
    return site


def add(site: Site, name: str) -> None:
    site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": name, "Company": "C"})


def arrived(site: Site) -> list[str]:
    return sorted(row["Last_Name"] for row in site.emu.orgs["us"].records("Leads"))


def owners(server: Server) -> set[int]:
    """The processes that run streams."""
    found = server.sql("several", "SELECT pid FROM checkpoints JOIN daemons ON name = owner")
    return {pid for (pid,) in found}


def test_daemons_of_both_versions_share_the_work_after_a_harmless_migration(older: Site, server: Server) -> None:
    add(older, "before")
    first = older.start("run")
    until(lambda: arrived(older) == ["before"])
    tomorrow = newer(older, HARMLESS)
    done = tomorrow.call("db", "upgrade")
    assert (done.returncode, done.stderr) == (0, "")
    assert f"revision {NEXT}" in done.stdout
    add(older, "between")
    until(lambda: arrived(older) == ["before", "between"])
    second = tomorrow.start("run")
    until(lambda: owners(server) == {first.pid, second.pid})
    add(older, "later")
    until(lambda: arrived(older) == ["before", "between", "later"])
    first.terminate()
    assert first.wait(15) == 0
    until(lambda: owners(server) == {second.pid})
    add(older, "last")
    until(lambda: len(arrived(older)) == 4)
    assert server.sql("several", "SELECT count(*) FROM v_balance WHERE off_by <> 0") == [(0,)]


def test_a_daemon_that_cannot_run_on_the_new_revision_gives_its_streams_to_those_that_can(
    older: Site, server: Server
) -> None:
    add(older, "before")
    first = older.start("run")
    until(lambda: arrived(older) == ["before"])
    tomorrow = newer(older, BREAKING)
    assert tomorrow.call("db", "upgrade").returncode == 0
    add(older, "after")
    assert first.wait(15) == UNREACHABLE
    said = older.log()
    assert f"revision {NEXT}, which this orgsync does not know" in said
    assert "Install the newer orgsync and start that" in said
    assert "Traceback" not in said
    assert owners(server) == set()
    done = tomorrow.call("once")
    assert done.returncode in (0, 1), done.stderr  # 1 while it waits for a call that may have been on its way
    until(partial(_caught_up, tomorrow))
    assert arrived(older) == ["after", "before"]
    assert older.call("once").returncode == UNREACHABLE
    assert server.sql("several", "SELECT count(*) FROM changes WHERE action = 'create'") == [(2,)]


def _caught_up(site: Site) -> bool:
    return site.call("once").returncode == 0
