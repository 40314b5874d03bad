"""The settings file as a TOML document, or the reason why it is none. Knows nothing of what the keys mean."""

from __future__ import annotations

import re
import shlex
import tomllib
from pathlib import Path
from typing import Final

from daemon.settings.files import Unreadable, read_bytes
from daemon.settings.problem import Problem, SettingsError

_TOML: Final = "a settings file in TOML"
_TEMPLATE: Final = "write a commented one with: orgsync init"
_PLACE: Final = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)\Z")


def read_document(path: Path) -> dict[str, object]:
    """The tables of a settings file. Raises SettingsError when it is missing, unreadable or not TOML in UTF-8."""
    content = read_bytes(path)
    if isinstance(content, Unreadable):
        hint = f"{_TEMPLATE} {shlex.quote(str(path))}" if content.found.startswith("no file") else content.hint
        raise SettingsError(path, [Problem(path="", found=content.found, allowed=_TOML, hint=hint)])
    document = _parse(content)
    # Raised out here and not while handling tomllib's error, which carries the whole text of the file.
    if isinstance(document, Problem):
        raise SettingsError(path, [document])
    return document


def _parse(content: bytes) -> dict[str, object] | Problem:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        return Problem(
            path=f"line {line}", found="bytes that are not UTF-8", allowed=_TOML, hint="save the file as UTF-8"
        )
    try:
        return tomllib.loads(text)
    except RecursionError:
        return Problem(path="", found="lists or tables inside each other without end", allowed=_TOML)
    except ValueError as error:  # tomllib.TOMLDecodeError, or a number with too many digits
        return _syntax(str(error), text)


def _syntax(message: str, text: str) -> Problem:
    place = _PLACE.search(message)
    what = _PLACE.sub("", message)
    if place is None:
        where = ""
    elif place[1]:
        where = f"line {place[1]}, column {place[2]}"
    else:
        lines = text.split("\n")
        where = f"line {len(lines)}, column {len(lines[-1]) + 1}"
    return Problem(
        path=where,
        found=f"a text that is not TOML: {what}",
        allowed=_TOML,
        hint='texts stand in quotes: name = "value"' if what == "Invalid value" else None,
    )
