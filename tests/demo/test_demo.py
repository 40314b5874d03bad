"""`orgsync demo` as a person types it: it ends well, says what it must, and leaves no process behind."""

from __future__ import annotations

import os
import re
import signal
import sqlite3
import subprocess
import sys
import time
from contextlib import closing
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-c", "from daemon.cli import main; main()", "demo"]
PLAIN = {**os.environ, "PYTHONUNBUFFERED": "1", "COLUMNS": "100"}
LINES = (
    r"`orgsync check --create-keys` says:\n(.*\n)*  all streams can run",
    r"kill -9 \d+, while \d+ creates of Contacts were on their way\. B has done \d+ of them",
    r"\d+ look-ups? by key came before anything was\s+sent",
    r"orgsync retry --cause \d+",
    r"SIGTERM: it ended in \d+\.\d s with exit code 0",
    r"all +\d+ +\d+ +0 +\d+ +0 +0 +0\n",
    r"ok the ledger's queue names exactly the \d+ records that are missing",
    r"ok \d+ cycles saw [\d,]+ changes and settled [\d,]+: every balance is 0",
    r"ok [\d,]+ creates taken by B, one for each of its records; no create was sent twice",
    r"sqlite3 -readonly .*v_streams",
    r"orgsync --settings \S+ status",
    r"The proof holds: ",
)


def left_over(folder: Path) -> list[str]:
    """The processes that still work in this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:
            continue
        if str(folder) in words:
            found.append(words)
    return found


def readme(mark: str) -> str:
    """An example of output in the README."""
    page = (Path(__file__).parents[2] / "README.md").read_text(encoding="utf-8")
    [block] = re.findall(rf"<!-- {mark} -->\n```text\n(.*?)```", page, re.DOTALL)
    return str(block)


def masked(text: str) -> str:
    """Without figures and line ends: another machine, and fewer records, have others."""
    return " ".join(re.sub(r"\d[\d,.:]*[smhd]?", "N", text).split())


def is_what_the_readme_shows(text: str) -> None:
    """The README shows chapters of it: in this order, with these proofs and this table."""
    chapters, shown = (
        re.findall(r"^\[ *[\d.]+ s\] (.*?) *$", one, re.MULTILINE) for one in (text, readme("demo output"))
    )
    assert [one for one in chapters if one in shown] == shown
    lines = [line for line in readme("demo output").splitlines() if line.startswith(("ok ", "module ", "why a "))]
    assert len(lines) == 5
    assert [line for line in lines if masked(line) not in masked(text)] == []


def has_the_shape_that_the_readme_shows(text: str) -> None:
    """The same columns; of a cause that both name, the same lines."""
    shown = readme("status output")
    assert shown.splitlines()[0].split() == text.splitlines()[0].split()
    causes, found = ({masked(block) for block in one.split("\n\n")[1:]} for one in (shown, text))
    heads = {block.partition(",")[0] for block in found}
    both = {block for block in causes if block.partition(",")[0] in heads}
    assert both
    assert both <= found


def test_the_demo_holds(tmp_path: Path) -> None:
    folder = tmp_path / "kept"
    done = subprocess.run(
        [*COMMAND, "--records", "600", "--keep", str(folder)],
        env=PLAIN,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    text = re.sub(r" \n", "\n", done.stdout)
    assert done.returncode == 0, text + done.stderr
    assert not [line for line in LINES if not re.search(line, text)], text
    assert "\x1b" not in done.stdout + done.stderr
    assert left_over(folder) == []
    is_what_the_readme_shows(text)
    status = subprocess.run(
        [*COMMAND[:-1], "status"],
        env={**PLAIN, "ORGSYNC_SETTINGS": str(folder / "settings.toml")},
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    has_the_shape_that_the_readme_shows(status.stdout)
    with closing(sqlite3.connect(f"file:{folder}/state/orgsync.db?mode=ro", uri=True)) as ledger:
        assert ledger.execute("SELECT count(*) FROM v_streams WHERE health = 'held'").fetchone() == (4,)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_everything(tmp_path: Path, number: signal.Signals, code: int) -> None:
    folder = tmp_path / "kept"
    demo = subprocess.Popen(
        [*COMMAND, "--records", "200", "--keep", str(folder)], env=PLAIN, stdout=subprocess.PIPE, text=True
    )
    with demo:
        assert demo.stdout is not None
        said = []
        for line in demo.stdout:
            said.append(line)
            if "Accounts 0/" in line:
                break
        assert len(left_over(folder)) >= 3, "".join(said)  # the demo itself, the emulator, the daemon
        time.sleep(0.5)
        demo.send_signal(number)
        assert demo.wait(20) == code
    assert left_over(folder) == []


def test_a_folder_that_is_in_use_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "mine").write_text("precious")
    done = subprocess.run(
        [*COMMAND, "--keep", str(tmp_path)], env=PLAIN, capture_output=True, text=True, timeout=30, check=False
    )
    assert done.returncode == 64
    assert "is not empty" in done.stderr
    assert [one.name for one in tmp_path.iterdir()] == ["mine"]
