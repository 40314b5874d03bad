"""Two daemons by mistake on one ledger: the second leaves with 75 and writes nothing, however the first is."""

from __future__ import annotations

import hashlib
import signal
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from subprocess import Popen

import pytest

from daemon.emulator import Emulator
from tests.service.site import Site, until

COMMANDS = [("run",), ("once",), ("run", "--first-run", "create")]


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu, Site(emu, tmp_path, modules=("Leads",)) as site:
        yield site


def leads(site: Site, name: str, count: int) -> None:
    for number in range(count):
        site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": f"{name}{number}", "Company": "C"})


def names_in_b(site: Site) -> list[str]:
    return sorted(record["Last_Name"] for record in site.emu.orgs["us"].records("Leads"))


def ledger_file(site: Site) -> dict[str, str]:
    """What the ledger consists of, byte by byte."""
    files = (path for path in (site.folder / "state").glob("orgsync.db*") if not path.name.endswith("-shm"))
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def noted(site: Site) -> int:
    """Writes in the ledger's history."""
    with closing(sqlite3.connect(f"file:{site.folder / 'state' / 'orgsync.db'}?mode=ro", uri=True)) as ledger:
        return int(ledger.execute("select count(*) from changes").fetchone()[0])


def stopped(site: Site) -> Popen[str]:
    """A daemon that has worked and is now stopped in the middle of everything, like one on a frozen machine."""
    leads(site, "early", 3)
    first = site.start("run")
    until(lambda: len(names_in_b(site)) == 3)
    first.send_signal(signal.SIGSTOP)
    until(lambda: Path(f"/proc/{first.pid}/stat").read_text().rpartition(")")[2].split()[0] == "T")
    return first


def test_a_second_daemon_writes_nothing_while_the_first_is_stopped_and_that_one_goes_on(site: Site) -> None:
    first = stopped(site)
    leads(site, "late", 2)
    calls, before = len(site.emu.log()), ledger_file(site)
    for command in COMMANDS:
        second = site.call(*command)
        assert second.returncode == 75
        assert str(first.pid) in second.stderr
    assert ledger_file(site) == before
    assert len(site.emu.log()) == calls, "it called Zoho"
    first.send_signal(signal.SIGCONT)
    until(lambda: len(names_in_b(site)) == 5)
    first.send_signal(signal.SIGTERM)
    assert first.wait(15) == 0
    assert names_in_b(site) == ["early0", "early1", "early2", "late0", "late1"]


def test_a_stopped_daemon_that_is_killed_leaves_the_ledger_to_the_next_at_once(site: Site) -> None:
    first = stopped(site)
    leads(site, "late", 2)
    assert site.call("run").returncode == 75
    first.kill()
    first.wait()
    until(lambda: site.call("once").returncode == 0, 40)  # 1 while it waits for calls that may be on their way
    assert names_in_b(site) == ["early0", "early1", "early2", "late0", "late1"]


def test_of_many_daemons_that_start_together_one_runs(site: Site) -> None:
    leads(site, "early", 3)
    daemons = [site.start("run") for _ in range(4)]
    until(lambda: sum(one.poll() is not None for one in daemons) == 3, 40)
    assert sorted(one.returncode for one in daemons if one.returncode is not None) == [75, 75, 75]
    until(lambda: noted(site) == 3)
    assert len(names_in_b(site)) == 3
