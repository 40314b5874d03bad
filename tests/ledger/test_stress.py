"""The real commands while the ledger's disk is in trouble: a sentence, a code, nothing half written, and a way on.

What the Ledger class says of a full or read-only disk is in test_damage; here are processes, real files, real limits.
"""

from __future__ import annotations

import os
import resource
import shutil
import signal
import sqlite3
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from daemon.emulator import Emulator
from daemon.ledger import migrate
from daemon.ledger.database import locate
from tests.service.site import Site, until

pytestmark = pytest.mark.sqlite

ROOT = Path(__file__).parents[2]
MOUNT, UMOUNT = (shutil.which(name) or f"/bin/{name}" for name in ("mount", "umount"))


class Stressed(Site):
    """A site with one stream, and its ledger's file."""

    @property
    def ledger(self) -> Path:
        return self.folder / "state" / "orgsync.db"

    def leads(self, count: int) -> None:
        for n in range(count):
            self.emu.orgs["india"].insert_raw("Leads", {"Last_Name": f"L{n}", "Company": "C" * 40})

    def equal(self) -> bool:
        """Whether every lead of A has exactly one counterpart in B."""
        mine = {r["id"] for r in self.emu.orgs["india"].records("Leads")}
        keys = [str(r["Source_Record_ID"]).split(":")[1] for r in self.emu.orgs["us"].records("Leads")]
        return sorted(keys) == sorted(mine)

    def sound(self) -> bool:
        with sqlite3.connect(f"file:{self.ledger}?mode=ro", uri=True) as connection:
            whole = connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return whole and connection.execute("SELECT count(*) FROM v_balance WHERE off_by").fetchone() == (0,)

    def refuses(self, command: str, *words: str) -> None:
        """The command ends with 69 and one sentence that names the file and has these words."""
        done = self.call(command)
        assert done.returncode == 69, (command, done.stdout, done.stderr)
        [said] = [line for line in done.stderr.splitlines() if line.startswith("orgsync: ")]
        assert str(self.ledger) in said
        assert all(word in said for word in words), said
        assert "Traceback" not in done.stderr


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Stressed]:
    """With forty leads in step."""
    with Emulator(("in", "us")) as emu:
        site = Stressed(emu, tmp_path, modules=("Leads",))
        site.env["PYTHONPATH"] = str(ROOT)
        try:
            site.leads(40)
            done = site.call("once")
            assert done.returncode == 0, done.stderr
            yield site
        finally:
            site.close()


def shut(site: Stressed) -> bytes:
    """The ledger as one file, without companions."""
    with sqlite3.connect(site.ledger) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    for companion in ("-wal", "-shm"):
        site.ledger.with_name(site.ledger.name + companion).unlink(missing_ok=True)
    return site.ledger.read_bytes()


@pytest.mark.parametrize("harm", ["header", "schema", "half"])
def test_a_damaged_file_is_refused_untouched_and_a_backup_goes_on(site: Stressed, harm: str) -> None:
    backup = shut(site)
    start, stop = {"header": (0, 100), "schema": (100, 4_000), "half": (0, 0)}[harm]
    whole = backup[: len(backup) // 2] if harm == "half" else backup
    damaged = whole[:start] + b"\xa5" * (stop - start) + whole[stop:]
    site.ledger.write_bytes(damaged)
    for command in ("status", "once", "run"):
        site.refuses(command, "put the latest backup in its place")
    assert site.ledger.read_bytes()[:4_096] == damaged[:4_096]
    for companion in site.ledger.parent.glob("orgsync.db-*"):
        companion.unlink()
    site.ledger.write_bytes(backup)
    site.leads(5)
    assert site.call("once").returncode == 0
    assert site.equal()
    assert site.sound()


def test_pages_that_went_bad_in_the_middle_stop_whoever_reads_them(site: Stressed) -> None:
    """The pages of the links: `status` has no need of them, `once` has."""
    backup = shut(site)
    with sqlite3.connect(site.ledger) as connection:
        pages = [row[0] for row in connection.execute("SELECT pageno FROM dbstat WHERE name LIKE '%id_map%'")]
    connection.close()
    damaged = bytearray(backup)
    for page in pages:
        damaged[(page - 1) * 4_096 : page * 4_096] = b"\xa5" * 4_096
    site.ledger.write_bytes(damaged)
    site.leads(1)
    site.refuses("once", "it is damaged")
    assert len(site.emu.orgs["us"].records("Leads")) == 40
    site.ledger.write_bytes(backup)
    for companion in site.ledger.parent.glob("orgsync.db-*"):
        companion.unlink()
    assert site.call("once").returncode == 0
    assert site.equal()


def test_an_older_file_is_refused_by_status_and_brought_up_by_once(site: Stressed) -> None:
    shut(site)
    migrate.downgrade(locate(f"sqlite:///{site.ledger}"), "0001")
    site.refuses("status", "revision 0001", "Nothing was touched")
    assert site.call("once").returncode == 0
    assert site.call("status").returncode == 0
    assert site.sound()


def test_a_newer_file_is_refused_by_all_and_not_touched(site: Stressed) -> None:
    with sqlite3.connect(site.ledger) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
        connection.execute("UPDATE meta SET value = '9999' WHERE name = 'oldest_code'")
    connection.close()
    before = shut(site)
    site.leads(1)
    for command in ("status", "once", "run"):
        site.refuses(command, "a newer one wrote it", "Install the newer orgsync")
    assert shut(site) == before
    assert len(site.emu.orgs["us"].records("Leads")) == 40


@pytest.mark.parametrize("lost", ["-shm", "-wal"])
def test_a_lost_companion_leaves_a_ledger_that_is_at_worst_behind(site: Stressed, lost: str) -> None:
    site.start("run")
    site.leads(20)
    until(lambda: len(site.emu.orgs["us"].records("Leads")) == 60)
    [daemon] = site.processes
    daemon.kill()
    daemon.wait()
    site.ledger.with_name(site.ledger.name + lost).unlink()
    site.leads(5)
    until(lambda: site.call("once").returncode == 0, 60)
    assert site.equal()
    assert site.sound()


def limit_files(bytes_: int, pid: int = 0) -> None:
    """No file of the process may grow beyond this: SQLite gets an I/O error for it."""
    resource.prlimit(pid, resource.RLIMIT_FSIZE, (bytes_, resource.RLIM_INFINITY))


def test_once_that_cannot_write_says_so_and_the_next_one_goes_on(site: Stressed) -> None:
    shut(site)
    site.leads(200)
    done = subprocess.run(
        site.command("once"),
        env=site.env, cwd=site.folder, capture_output=True, text=True, timeout=60, check=False,
        preexec_fn=lambda: limit_files(40_000),
    )  # fmt: skip
    assert done.returncode == 69, done.stderr
    assert "the disk failed to read or write" in done.stderr
    assert "Nothing was half written" in done.stderr
    assert "Traceback" not in done.stderr
    assert site.sound()
    until(lambda: site.call("once").returncode == 0, 60)
    assert site.equal()
    assert site.sound()


def goes_on(site: Stressed, daemon: subprocess.Popen[str]) -> None:
    """The trouble is over: the same process catches up by itself."""
    until(site.equal, 60)
    assert daemon.poll() is None
    assert "Traceback" not in site.log()
    daemon.send_signal(signal.SIGTERM)
    assert daemon.wait(15) == 0
    assert site.sound()


def test_a_daemon_survives_a_disk_that_cannot_write(site: Stressed) -> None:
    daemon = site.start("run")
    until(lambda: "started with" in site.log())
    limit_files(30_000, daemon.pid)
    site.leads(200)
    until(lambda: "the disk failed to read or write" in site.log(), 60)
    assert site.call("status").returncode in (0, 1, 2)
    limit_files(resource.RLIM_INFINITY, daemon.pid)
    goes_on(site, daemon)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two megabytes where the state folder will be; only root can have one."""
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    mount = [MOUNT, "-t", "tmpfs", "-o", "size=2m,mode=700", "orgsync-test", str(folder)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("no file system can be mounted here")
    yield folder
    subprocess.run([UMOUNT, "-l", str(folder)], check=True)


def fill(folder: Path) -> Path:
    """Somebody's file that takes all the space there is."""
    big = folder / "big"
    with big.open("wb", buffering=0) as file:
        while True:
            try:
                file.write(b"\0" * 4_096)
            except OSError:
                return big


def test_a_daemon_survives_a_full_disk(small_disk: Path, site: Stressed) -> None:
    daemon = site.start("run")
    until(lambda: "started with" in site.log())
    big = fill(small_disk)
    site.leads(200)
    until(lambda: "the disk is full" in site.log(), 60)
    asked = site.call("retry", "--stream", "india-to-us/Leads")
    assert asked.returncode == 69, asked.stderr
    assert "Traceback" not in asked.stderr
    assert daemon.poll() is None
    big.unlink()
    goes_on(site, daemon)


def test_once_on_a_full_disk(small_disk: Path, site: Stressed) -> None:
    shut(site)
    site.leads(200)
    big = fill(small_disk)
    done = site.call("once")
    assert done.returncode in (2, 69), done.stderr
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in ("the disk is full", "No space left", "disk failed")), done.stderr
    big.unlink()
    assert site.sound()
    until(lambda: site.call("once").returncode == 0, 60)
    assert site.equal()


def test_a_file_system_that_became_read_only(small_disk: Path, site: Stressed) -> None:
    daemon = site.start("run")
    until(lambda: "started with" in site.log())
    daemon.send_signal(signal.SIGTERM)
    daemon.wait(15)
    site.leads(5)
    subprocess.run([MOUNT, "-o", "remount,ro", str(small_disk)], check=True)
    for command in ("once", "run"):
        site.refuses(command, "Make the")
    assert site.call("status").returncode in (0, 2)
    subprocess.run([MOUNT, "-o", "remount,rw", str(small_disk)], check=True)
    assert site.call("once").returncode == 0
    assert site.equal()


def test_a_lock_of_another_program(site: Stressed) -> None:
    """Longer than the five seconds that orgsync waits for it; a minute is no different."""
    daemon = site.start("run")
    until(lambda: "started with" in site.log())
    other = sqlite3.connect(site.ledger, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    site.leads(20)
    until(lambda: "another program has it locked" in site.log(), 60)
    assert site.call("status").returncode in (0, 1, 2)
    other.execute("ROLLBACK")
    goes_on(site, daemon)
    other.execute("BEGIN IMMEDIATE")
    for command in ("once", "run"):
        site.refuses(command, "another program has it locked", "Close that program")
    other.execute("ROLLBACK")
    other.close()
    assert site.call("once").returncode == 0
