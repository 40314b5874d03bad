"""Commands in processes of their own that need not import anything: one that has done so forks a child for each.

One JSON line in: `argv`, `env`, `folder`, and `place`, a folder with the file `in`, where `out` and `err` will be. One
line out: the exit code, or the negative number of the signal that ended it.
"""

from __future__ import annotations

import gc
import importlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

PATIENCE_S: Final = 60
_ROOT: Final = Path(__file__).parents[2]


class Forker:
    """The parent of all children, as the tests hold it; it ends with them."""

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.service.forked"],
            cwd=_ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def run(
        self, argv: Sequence[str], env: Mapping[str, str], folder: Path, stdin: str
    ) -> subprocess.CompletedProcess[str]:
        """`orgsync` with these words, to its end. Raises TimeoutExpired when it does not come to one."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        with tempfile.TemporaryDirectory() as name:
            place = Path(name)
            (place / "in").write_text(stdin)
            job = {"argv": [*argv], "env": {**env}, "folder": str(folder), "place": name}
            with self._turn:
                try:
                    self._process.stdin.write(json.dumps(job) + "\n")
                    self._process.stdin.flush()
                    code = int(self._process.stdout.readline())
                except BaseException:  # a test that was interrupted: its answer is not the next one's
                    self._process.kill()
                    forker.cache_clear()
                    raise
            out, err = ((place / said).read_text() for said in ("out", "err"))
        if code == -signal.SIGALRM:
            raise subprocess.TimeoutExpired([*argv], PATIENCE_S, out, err)
        return subprocess.CompletedProcess([*argv], code, out, err)


@cache
def forker() -> Forker:
    """The one of this process."""
    return Forker()


def main() -> None:
    """Forks a child for every line, until there are no more."""
    for module, _ in importlib.import_module("daemon.cli").COMMANDS.values():
        importlib.import_module(module)
    importlib.import_module("alembic.command")
    gc.freeze()
    for line in sys.stdin:
        pid = os.fork()
        if pid == 0:
            _become(json.loads(line))
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{os.waitstatus_to_exitcode(status)}\n")
        sys.stdout.flush()


def _become(job: dict[str, Any]) -> None:
    """Turns this process into the command. Never returns."""
    code: object = 0
    try:
        signal.alarm(PATIENCE_S)
        os.environ.clear()
        os.environ.update(job["env"])
        time.tzset()
        os.chdir(job["folder"])
        _redirect(Path(job["place"]))
        sys.argv = ["orgsync", *job["argv"]]
        importlib.import_module("daemon.cli").main()
    except SystemExit as end:
        code = end.code or 0
    except BaseException:  # noqa: BLE001 - a forked child must not go on as its parent
        traceback.print_exc()
        code = 1
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code if isinstance(code, int) else 1)


def _redirect(place: Path) -> None:
    written = os.O_WRONLY | os.O_CREAT
    for number, (name, how) in enumerate((("in", os.O_RDONLY), ("out", written), ("err", written))):
        os.dup2(os.open(place / name, how, 0o600), number)


if __name__ == "__main__":
    main()
