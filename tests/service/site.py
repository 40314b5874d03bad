"""The real command as its own process, against an emulator in this one."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Self

from daemon.emulator import Emulator, OrgHandle
from tests.blank import put_blank
from tests.service.forked import forker
from tests.sync.pair import add_key

ROOT: Final = Path(__file__).parents[2]
CALL_DEADLINE_S: Final = 3  # a busy machine may stand still for a second


def org_tables(orgs: Iterable[OrgHandle]) -> tuple[dict[str, str], list[str]]:
    """The orgs as settings.toml names them, and the environment that holds their secrets, before its lines."""
    env: dict[str, str] = {}
    lines: list[str] = []
    for org in orgs:
        name = org.name.upper()
        env |= {f"{name}_SECRET": org.client_secret, f"{name}_TOKEN": org.refresh_token}
        lines += [
            f"[orgs.{org.name}]",
            f'data_center = "{org.data_center}"',
            f'accounts_url = "{org.accounts_url}"',
            f'api_url = "{org.base_url}"',
            f'client_id = "{org.client_id}"',
            f'client_secret = {{ env = "{name}_SECRET" }}',
            f'refresh_token = {{ env = "{name}_TOKEN" }}',
            f'call_deadline = "{CALL_DEADLINE_S}s"',
        ]
    return env, lines


@dataclass
class Site:
    """A folder with settings.toml for the emulator's orgs, and the processes started in it."""

    emu: Emulator
    folder: Path
    modules: tuple[str, ...] = ("Accounts", "Contacts", "Leads", "Deals")
    keys: bool = True
    blank: bool = True
    forks: bool = True  # commands that are called need not import everything anew
    processes: list[subprocess.Popen[str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        secrets, lines = org_tables(self.emu.orgs.values())
        self.env = dict(os.environ) | secrets
        lines += ["[routes.india-to-us]", 'source = "india"', 'target = "us"', 'poll = "1s"', 'lag = "1s"']
        for module in self.modules:
            lines += [f"[routes.india-to-us.modules.{module}]", 'key = "Source_Record_ID"']
            if self.keys:
                add_key(self.emu.orgs["us"], module)
        self.settings = self.folder / "settings.toml"
        self.settings.write_text("\n".join(lines) + "\n")

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def command(self, *args: str, settings: Path | None = None) -> list[str]:
        return [str(Path(sys.executable).with_name("orgsync")), "--settings", str(settings or self.settings), *args]

    def _ready(self, *args: str, settings: Path | None = None) -> list[str]:
        """The command; its ledger is there, because to make one takes longer than most of what is tested."""
        if self.blank and args[0] in ("once", "run") and "[ledger]" not in (settings or self.settings).read_text():
            put_blank(f"sqlite:///{self.folder}/state/orgsync.db")
        return self.command(*args, settings=settings)

    def call(self, *args: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
        """Runs a command to its end."""
        program, *words = self._ready(*args)
        if self.forks and self.env.get("PYTHONPATH") in (None, str(ROOT)):
            return forker().run(words, self.env, self.folder, stdin)
        return subprocess.run(
            [program, *words],
            env=self.env,
            cwd=self.folder,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    def start(self, *args: str, settings: Path | None = None) -> subprocess.Popen[str]:
        """Starts a command that goes on; its log is in `log.txt`."""
        with (self.folder / "log.txt").open("a") as log:
            process = subprocess.Popen(
                self._ready(*args, settings=settings),
                env=self.env,
                cwd=self.folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                text=True,
            )
        self.processes.append(process)
        return process

    def log(self) -> str:
        return (self.folder / "log.txt").read_text()

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                process.kill()
            process.wait()


def until(true: Callable[[], object], seconds: float = 20.0) -> None:
    """Waits for something to become true."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)
