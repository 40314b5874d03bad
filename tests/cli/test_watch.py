"""`orgsync status` on a terminal and elsewhere: redrawn by --watch, no wider than the room, no unwanted colours."""

from __future__ import annotations

import fcntl
import json
import os
import pty
import re
import signal
import struct
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from daemon.cli import app, status
from daemon.emulator import Emulator
from daemon.settings import Settings
from tests.service.site import Site, until

COLOUR = re.compile(r"\x1b\[[0-9;]*3[0-7]m")
STYLE = re.compile(r"\x1b\[[0-9;]*m")
CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    with Emulator(("in", "us")) as emu:
        site = Site(emu, tmp_path_factory.mktemp("site"), modules=("Leads",))
        emu.orgs["india"].insert_raw("Leads", {"Last_Name": "A", "Company": "C"})
        assert site.call("once").returncode == 0
        yield site
        site.close()


def on_a_terminal(site: Site, *args: str, columns: int = 120, stop: bool = False, **env: str) -> tuple[int, str]:
    """What a command draws on a terminal of so many columns; `stop`: until Ctrl-C, which comes after three pictures."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 30, columns, 0, 0))
    plain = {"TERM": "xterm-256color", "NO_COLOR": "", "COLUMNS": "", "LINES": "", **env}
    process = subprocess.Popen(
        site.command(*args), env={**site.env, **plain}, cwd=site.folder, stdin=theirs, stdout=theirs, stderr=theirs
    )
    os.close(theirs)
    drawn = b""
    try:
        while chunk := os.read(ours, 65_536):
            drawn += chunk
            if stop and drawn.count(b"health") >= 3:
                process.send_signal(signal.SIGINT)
                stop = False
    except OSError:  # the other side is closed
        pass
    os.close(ours)
    return process.wait(20), drawn.decode()


def test_watch_draws_over_itself_until_ctrl_c_and_leaves_the_terminal_as_it_was(site: Site) -> None:
    code, drawn = on_a_terminal(site, "status", "--watch", "0.2", stop=True)
    assert code == 0
    assert drawn.count("\x1b[?1049h") == drawn.count("\x1b[?1049l") == 1, "a screen of its own, and back"
    assert drawn.count("every 0.2 s; Ctrl-C ends it") >= 3
    assert "Traceback" not in drawn


@pytest.mark.parametrize(
    ("columns", "seen", "not_seen"),
    [(120, ("checkpoint", "last cycle"), ()), (80, ("checkpoint",), ("last cycle",)), (60, (), ("checkpoint", "last"))],
)
def test_a_narrow_terminal_gets_fewer_columns_and_no_cut_ones(
    site: Site, columns: int, seen: tuple[str, ...], not_seen: tuple[str, ...]
) -> None:
    code, drawn = on_a_terminal(site, "status", columns=columns)
    assert code == 0
    assert COLOUR.search(drawn)
    lines = [CONTROL.sub("", line) for line in drawn.splitlines()]
    assert max(map(len, lines)) <= columns
    assert [word for word in ("stream", "health", "dead", *seen) if word not in lines[0]] == []
    assert [word for word in ("…", *not_seen) if word in drawn] == []


@pytest.mark.parametrize("command", ["status", "check", "egress india-to-us", "once"])
@pytest.mark.parametrize("plain", [{"NO_COLOR": "1"}, {"TERM": "dumb"}], ids=["NO_COLOR", "dumb"])
def test_no_colour_and_no_bold_where_none_is_wanted(site: Site, command: str, plain: dict[str, str]) -> None:
    code, drawn = on_a_terminal(site, *command.split(), **plain)
    assert (code, STYLE.search(drawn)) == (0, None)


def test_watch_moves_the_cursor_without_colours_where_none_are_wanted(site: Site) -> None:
    code, drawn = on_a_terminal(site, "status", "--watch", "0.2", stop=True, NO_COLOR="1")
    assert (code, STYLE.search(drawn)) == (0, None)
    assert drawn.count("\x1b[?1049h") == 1


def test_watch_writes_blocks_into_a_pipe_and_a_document_a_line_with_json(site: Site) -> None:
    for args, block in (((), "every 0.2 s"), (("--json",), '"schema": 1')):
        with (site.folder / "shown.txt").open("w+") as shown:
            process = subprocess.Popen(
                site.command("status", "--watch", "0.2", *args), env=site.env, cwd=site.folder, stdout=shown
            )
            until(lambda: (site.folder / "shown.txt").read_text().count(block) >= 2)  # noqa: B023  in this turn
            process.send_signal(signal.SIGINT)
            assert process.wait(20) == 0
        text = (site.folder / "shown.txt").read_text()
        assert "\x1b" not in text
        if args:
            assert {json.loads(line)["healthy"] for line in text.splitlines()} == {True}


def test_the_narrowest_terminal_gets_every_name_and_figure_in_full(site: Site) -> None:
    code, drawn = on_a_terminal(site, "status", columns=32)
    lines = [CONTROL.sub("", line).rstrip() for line in drawn.splitlines()]
    assert code == 0
    assert "india-to-us/Leads" in lines
    assert "  0 due, 0 held, 0 dead" in lines
    assert [line for line in lines if "…" in line or len(line) > 32] == []


def test_lines_of_plan_are_broken_at_the_terminals_width_but_never_within_ids_or_commands(site: Site) -> None:
    lead = site.emu.orgs["india"].insert_raw("Leads", {"Last_Name": "B" * 30, "Company": "C", "City": "Pune"})
    try:
        code, drawn = on_a_terminal(site, "plan", "india-to-us/Leads", columns=60)
    finally:
        site.emu.orgs["india"].delete("Leads", lead)
    lines = CONTROL.sub("", drawn).splitlines()
    assert (code, max(map(len, lines)) <= 60) == (0, True), lines
    assert lead in drawn
    assert any(line.endswith("orgsync plan india-to-us/Leads --save FILE") for line in lines)


def test_ctrl_c_before_the_first_picture_ends_watch_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(_: Path) -> Settings:
        raise KeyboardInterrupt

    monkeypatch.setattr(status, "ledger_settings", interrupted)
    assert CliRunner().invoke(app, ["status", "--watch"]).exit_code == 0


def test_long_lines_of_why_are_broken_at_the_terminals_width_between_words(site: Site) -> None:
    code, drawn = on_a_terminal(site, "why", "5725767000000999999", "--offline", columns=60)
    [first, *further] = CONTROL.sub("", drawn).splitlines()[:-1]
    assert code == 1
    assert first.startswith("the ledger knows nothing of 5725767000000999999:")
    assert further
    assert max(len(line) for line in (first, *further)) <= 60
    assert all(line.startswith(" " * 6) for line in further)
