"""The stage: a work folder, the emulator and the daemon as processes of their own, and commands as a person types them.

Whatever happens, leaving the `with` block ends every process that was started here.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import IO, Final, Self

from daemon.demo.caller import Caller, Control, Json
from daemon.demo.expected import DEFAULT_OWNER, KEY, MODULES

ROUTE: Final = "india-to-us"
POLL_S: Final = 1
LAG_S: Final = 2
CALL_DEADLINE_S: Final = 4
LATENCY_MS: Final = 8
_COMMAND: Final = (sys.executable, "-c", "from daemon.cli import main; main()")
_STOP_S: Final = 12.0
ENDINGS: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)

_ORG: Final = """
[orgs.{name}]
data_center = "{data_center}"
accounts_url = "{accounts_url}"
api_url = "{base_url}"
client_id = "{client_id}"
client_secret = {{ file = "secrets/{name}" }}
call_deadline = "{deadline}s"
"""
_ROUTES: Final = """
[routes.{route}]
source = "{source}"
target = "{target}"
poll = "{poll}s"
lag = "{lag}s"
default_owner = "{owner}"
"""
_MODULE: Final = """
[routes.{route}.modules.{module}]
key = "{key}"
"""


class SceneError(Exception):
    """A process of the demo did not do its part; the text says which, and where to read more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finished:
    """A command that has run."""

    code: int
    out: str
    err: str


@contextlib.contextmanager
def undisturbed() -> Iterator[None]:
    """Signals that would end the demo wait until the block is through. Main thread only."""
    came: list[int] = []
    before = {number: signal.signal(number, lambda n, _: came.append(n)) for number in ENDINGS}
    try:
        yield
    finally:
        for ending, handler in before.items():
            signal.signal(ending, handler)
        if came:
            signal.raise_signal(came[0])


class Scene:
    """The processes and the folder of one demo."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.settings = folder / "settings.toml"
        self.ledger = folder / "state" / "orgsync.db"
        self.daemon_log = folder / "daemon.log"
        self.orgs: dict[str, Json] = {}
        self._open = contextlib.ExitStack()
        self._emulator: subprocess.Popen[bytes] | None = None
        self._daemon: subprocess.Popen[bytes] | None = None
        # STATE_DIRECTORY belongs to somebody else's service
        self._env = {name: value for name, value in os.environ.items() if name != "STATE_DIRECTORY"}

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        with undisturbed():
            self._open.close()

    # --- the emulator

    def start_emulator(self) -> None:
        """Two orgs on free ports. Raises SceneError."""
        quirks = self.folder / "quirks.json"
        quirks.write_text(json.dumps({"orgs": {"us": {"unknown_picklist": "reject"}}}))
        log = self._open.enter_context((self.folder / "emulator.log").open("wb"))
        arguments = ("emulator", "--port", "0", "--latency", f"{LATENCY_MS}ms", "--quirks", str(quirks))
        self._emulator = self._start(arguments, subprocess.PIPE, log)
        line = self._emulator.stdout.readline() if self._emulator.stdout else b""
        if not line:
            raise SceneError(f"the emulator did not start; see {log.name}")
        document = json.loads(line)
        self.orgs = {org["name"]: org for org in document["orgs"]}
        self.control = Control(document["control_url"])
        self._open.callback(self.control.close)

    def _start(self, arguments: Sequence[str], out: int | IO[bytes], err: IO[bytes]) -> subprocess.Popen[bytes]:
        with undisturbed():  # or a Ctrl-C here would leave a child that nobody knows
            process = subprocess.Popen(
                [*_COMMAND, *arguments],
                env=self._env,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
                start_new_session=True,  # Ctrl-C is for the demo, which then ends its children in order
            )
            self._open.callback(_end, process)
        return process

    def caller(self, org: str) -> Caller:
        """A client of an org with a token of its own; it is closed with the scene."""
        code = self.control.code_for(org)
        return self._open.enter_context(Caller.sign_in(self.orgs[org], code))

    # --- commands

    def write_settings(self) -> None:
        """settings.toml as a person would write it; secrets in files that only the owner can read."""
        secrets = self.folder / "secrets"
        secrets.mkdir(mode=0o700)
        parts = ["# Written by `orgsync demo`.\n"]
        for name, org in self.orgs.items():
            private = secrets / name
            private.touch(mode=0o600)
            private.write_text(org["client_secret"])
            parts.append(_ORG.format(**org, deadline=CALL_DEADLINE_S))
        source, target = self.orgs
        parts.append(
            _ROUTES.format(route=ROUTE, source=source, target=target, poll=POLL_S, lag=LAG_S, owner=DEFAULT_OWNER)
        )
        parts += [_MODULE.format(route=ROUTE, module=module, key=KEY) for module in MODULES]
        self.settings.write_text("".join(parts))

    def run(self, *arguments: str, stdin: str = "") -> Finished:
        """`orgsync --settings … ARGUMENTS`, to its end."""
        done = subprocess.run(
            [*_COMMAND, "--settings", str(self.settings), *arguments],
            env=self._env,
            input=stdin,
            capture_output=True,
            text=True,
            timeout=30,
            check=False,
            start_new_session=True,
        )
        return Finished(code=done.returncode, out=done.stdout, err=done.stderr)

    # --- the daemon

    def start_daemon(self) -> int:
        """`orgsync run` as its own process, its log appended to daemon.log; the process id."""
        with self.daemon_log.open("ab") as log:
            self._daemon = self._start(("--settings", str(self.settings), "run"), log, log)
        return self._daemon.pid

    def kill_daemon(self) -> int:
        """SIGKILL: no handler runs, nothing is flushed. The process id that it had."""
        daemon = self._running()
        os.kill(daemon.pid, signal.SIGKILL)
        daemon.wait()
        return daemon.pid

    def stop_daemon(self) -> tuple[float, int]:
        """SIGTERM; the seconds that the end took, and the exit code."""
        daemon, since = self._running(), time.monotonic()
        daemon.send_signal(signal.SIGTERM)
        try:
            code = daemon.wait(_STOP_S)
        except subprocess.TimeoutExpired:
            raise SceneError(f"the daemon had not stopped {_STOP_S:.0f} s after SIGTERM") from None
        return time.monotonic() - since, code

    def check_on(self) -> None:
        """Raises SceneError when a process that should run has ended."""
        if self._emulator is not None and self._emulator.poll() is not None:
            raise SceneError(f"the emulator ended with exit code {self._emulator.returncode}; see emulator.log")
        self._running()

    def _running(self) -> subprocess.Popen[bytes]:
        if self._daemon is None:
            raise SceneError("the daemon has not been started")
        code = self._daemon.poll()
        if code is not None:
            tail = "\n".join(self.daemon_log.read_text(errors="replace").splitlines()[-12:])
            raise SceneError(f"the daemon ended by itself, exit code {code}; its last words:\n{tail}")
        return self._daemon


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a child, politely first."""
    if process.poll() is None:
        process.terminate()
        try:
            process.wait(3)
        except subprocess.TimeoutExpired:
            process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()
