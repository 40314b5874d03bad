"""Lines on a terminal: broken at its width, but never within a command; in a file or pipe as they are."""

from __future__ import annotations

import sys

import pytest

from daemon.cli import screen


@pytest.fixture
def _narrow(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "44")


@pytest.mark.usefixtures("_narrow")
@pytest.mark.parametrize(
    "command",
    [
        "orgsync retry --record 5100000000000003917",
        'orgsync drop --record 51 --reason "…"',
        "orgsync --settings '/a b/s.toml' verify r/M --repair FILE --credits 9",
    ],
)
@pytest.mark.parametrize("end", ["", "; or, if it shall never go, ask", ". Then start the daemon", ", each day"])
def test_a_command_stands_on_one_line_whatever_stands_around_it(command: str, end: str) -> None:
    lines = screen.wrapped(f"  next: put it right in the settings first; then: {command}{end}").split("\n")
    assert sum(command in line for line in lines) == 1, lines
    assert [line for line in lines if len(line) > 44 and command not in line] == []
    assert [line for line in lines[1:] if not line.startswith(" " * 6)] == []


@pytest.mark.usefixtures("_narrow")
def test_each_of_several_lines_is_broken_by_itself_behind_its_own_indent() -> None:
    assert screen.wrapped("one " * 15 + "\n\n  two " + "three " * 9).split("\n") == [
        "one " * 10 + "one",
        "    one one one one",
        "",
        "  two three three three three three three",
        "      three three three",
    ]


def test_elsewhere_a_line_stays_as_it_is() -> None:
    assert screen.wrapped("word " * 100) == "word " * 100
