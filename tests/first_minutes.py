"""The first five minutes with orgsync, played on a terminal against emulated orgs: `python -m tests.first_minutes`
writes what a user sees into README.md.

The only thing that is done beside the commands: the addresses of the emulated orgs are put into the settings.
"""

from __future__ import annotations

import os
import pty
import re
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from daemon.core.scopes import scopes_for
from daemon.emulator import Emulator
from daemon.settings.draft import Answers, NewOrg, routes_of
from tests.blank import put_blank

README = Path(__file__).parents[1] / "README.md"
BLOCK = re.compile(r"(<!-- first minutes -->\n```text\n)(.*?)(```)", re.DOTALL)
ORGSYNC = str(Path(sys.executable).with_name("orgsync"))
ANSWERS = Answers(
    source=NewOrg(name="india", data_center="in"),
    target=NewOrg(name="us", data_center="us"),
    two_way=False,
    modules=("Leads",),
)


def type_in(words: Sequence[str], answers: Sequence[str], folder: Path, env: Mapping[str, str]) -> tuple[int, str]:
    """Runs a command on a terminal, answers its questions in turn, and gives its exit code and all that was shown."""
    child, terminal = pty.fork()
    if child == 0:
        os.chdir(folder)
        os.execve(ORGSYNC, [ORGSYNC, *words], dict(env))  # noqa: S606 - its terminal is the point
    shown, waiting = b"", list(answers)
    while True:
        try:
            chunk = os.read(terminal, 65_536)
        except OSError:  # Linux says so when the other side is closed
            break
        shown += chunk
        if waiting and shown.rpartition(b"\n")[2].endswith(b": "):
            os.write(terminal, waiting.pop(0).encode() + b"\n")
    os.close(terminal)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    return code, "\n".join(line.rstrip() for line in shown.decode().replace("\r\n", "\n").split("\n"))


def environment() -> dict[str, str]:
    return {**os.environ, "NO_COLOR": "1", "COLUMNS": "110", "TERM": "dumb"}


def play(folder: Path) -> tuple[list[int], str]:
    """The exit codes of the five commands, and the transcript."""
    with Emulator(("in", "us")) as emu:
        emu.seed("india", 100)
        codes, lines = [], []

        def run(*words: str, answers: Sequence[str] = ()) -> None:
            code, shown = type_in(words, answers, folder, environment())
            codes.append(code)
            lines.append(f"$ orgsync {' '.join(words)}\n{shown}")

        orgs = [emu.orgs["india"], emu.orgs["us"]]
        india, us = (org.client_id for org in orgs)
        run("init", answers=["india", "in", india, "us", "us", us, "one-way", "Leads"])
        point_at(emu, folder / "settings.toml")
        for org in orgs:
            scopes = [scope.name for scope in scopes_for(org.name, routes_of(ANSWERS))]
            run("auth", org.name, answers=[org.client_secret, org.new_grant(scopes=scopes)])
        run("check", "--create-keys")
        put_blank(f"sqlite:///{folder}/state/orgsync.db")  # to make one takes longer than all of this
        run("once")
    return codes, "\n".join(lines)


def point_at(emu: Emulator, settings: Path) -> None:
    """Puts the addresses of the emulated orgs into the settings that `orgsync init` wrote."""
    text = settings.read_text()
    for org in emu.orgs.values():
        addresses = f'accounts_url = "{org.accounts_url}"\napi_url = "{org.base_url}"'
        text = text.replace(f"[orgs.{org.name}]\n", f"[orgs.{org.name}]\n{addresses}\n")
    settings.write_text(text)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as place:
        _codes, transcript = play(Path(place))
    page = README.read_text(encoding="utf-8")
    README.write_text(BLOCK.sub(lambda found: found[1] + transcript + found[3], page), encoding="utf-8")
