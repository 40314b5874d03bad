"""A warm process that forks the real `orgsync` command: its imports cost a second, a fork costs some milliseconds.

One JSON line in: `argv`, `env`, `folder`, and perhaps `kill_at` (the number of the point at which the child kills
itself), `ahead` (seconds that its clock is ahead of the wall's) and `sizes` (of pages and batches). One line out: the
exit code, -9 for a kill.
"""

from __future__ import annotations

import gc
import importlib
import itertools
import json
import os
import signal
import subprocess
import sys
import traceback
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Self
from unittest import mock

from tests.points.hooks import Point, watched
from tests.points.sizes import resized

POINTS_FILE: Final = "points.txt"
OUTPUT_FILE: Final = "output.txt"
_PATIENCE_S: Final = 60
_COMMANDS: Final = ("once", "run", "retry", "status")
Job = dict[str, Any]


class Warm:
    """The parent of all children, as a test holds it. Close it."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.points.warm"],
            cwd=Path(__file__).parents[2],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(self, job: Job) -> int:
        """The exit code of the command; the negative number of the signal that ended it."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps(job) + "\n")
        self._process.stdin.flush()
        return int(self._process.stdout.readline())

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self._process.kill()
        self._process.communicate()


def main() -> None:
    """Forks a child for every line, until there are no more."""
    for command in _COMMANDS:
        importlib.import_module(f"daemon.cli.{command}")
    importlib.import_module("alembic.command")
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(job: Job) -> None:
    """Turns this process into the command. Never returns."""
    code: object = 99
    try:
        signal.alarm(_PATIENCE_S)
        os.chdir(job["folder"])
        os.environ.update(job["env"])
        _redirect()
        sys.argv = ["orgsync", *job["argv"]]
        with (
            watched(_Fate(job.get("kill_at")).strike),
            _clock_ahead(job["argv"], job.get("ahead", 0.0)),
            resized(job.get("sizes", {})),
        ):
            importlib.import_module("daemon.cli").main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - a forked child must not go on as its parent
        traceback.print_exc()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def _redirect() -> None:
    nothing = os.open(os.devnull, os.O_RDONLY)
    output = os.open(OUTPUT_FILE, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    os.dup2(nothing, 0)
    os.dup2(output, 1)
    os.dup2(output, 2)


def _clock_ahead(argv: list[str], seconds: float) -> Any:
    """The command's wall clock: the waiting that a test does not want to sit out."""

    def now() -> datetime:
        return datetime.now(UTC) + timedelta(seconds=seconds)

    command = next(word for word in argv if word in _COMMANDS)
    return mock.patch(f"daemon.cli.{command}.utc_now", now, create=True)


class _Fate:
    """Counts the points, notes each in a file, and kills the process at one of them."""

    def __init__(self, kill_at: int | None) -> None:
        self._kill_at = kill_at
        self._count = itertools.count(1)
        self._notes = os.open(POINTS_FILE, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)

    def strike(self, point: Point) -> None:
        if not point.writes:
            return
        os.write(self._notes, f"{point}\n".encode())
        if next(self._count) == self._kill_at:
            os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
