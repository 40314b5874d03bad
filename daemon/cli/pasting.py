"""Commands in messages are there to be pasted: where the settings are another file than a command finds by itself, each
names that file, whoever wrote the message. So it is done where text leaves the process.
"""

from __future__ import annotations

import json
import re
import shlex
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Final, TextIO

USUAL: Final = "settings.toml"
JOINT: Final = "\0"
_FREE: Final = ("init", "emulator", "demo", "completion")  # they read no settings
_given: Final[list[str]] = []


class Pasteable:
    """A text stream that completes the commands in what is written to it."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        return self._stream.write(pasteable(text))

    def __getattr__(self, name: str) -> object:
        return getattr(self._stream, name)


@contextmanager
def streams_as_before() -> Iterator[None]:
    """Whatever `name_settings` did to this process is over at the end."""
    before = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
        _given.clear()


def name_settings(path: str) -> None:
    """From here on commands in what is printed name these settings, unless they are those of this folder."""
    _given[:] = [] if Path(path).absolute() == Path(USUAL).absolute() else [path]
    if _given and not isinstance(sys.stdout, Pasteable):
        sys.stdout, sys.stderr = Pasteable(sys.stdout), Pasteable(sys.stderr)


def pasteable(text: str) -> str:
    """The text with its commands as they can be pasted; in a JSON document as a string of JSON."""
    if not _given or "orgsync " not in text:
        return text
    option = f"--settings {shlex.quote(_given[0])}"
    if text.startswith("{"):
        option = json.dumps(option)[1:-1]
    return _command().sub(lambda found: f"{found[0]}{option} ", text)


def unbroken(text: str) -> str:
    """The text with JOINT for the blanks within its commands, so that no line can end there."""
    return _whole().sub(lambda found: found[0].replace(" ", JOINT), text)


@cache
def _whole() -> re.Pattern[str]:
    """A command with what belongs to it, as far as that can be told: to the end of the line, clause or quotation."""
    from daemon.cli import COMMANDS  # noqa: PLC0415 - it imports this module

    option, names = r"(?:--settings (?:'[^']*'|\S+) )?", "|".join(COMMANDS)
    return re.compile(rf"(?<![\w./-])orgsync {option}(?:{names})\b(?:(?![.:?] )[^;,)`\n])*")


@cache
def _command() -> re.Pattern[str]:
    """The beginning of a command that reads settings, but for click's own lines of usage."""
    from daemon.cli import COMMANDS  # noqa: PLC0415 - it imports this module

    names = "|".join(name for name in COMMANDS if name not in _FREE)
    return re.compile(rf"(?<!Usage: )(?<![\w./-])orgsync (?=(?:{names})\b)")
