"""What is said about a mistake in the settings: where it is, what was found there, what is allowed.

Values are shown short and on one line. Nothing here knows which values are secret; the callers do, and never hand
those over.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from daemon.core.nearest import nearest

NOTHING: Final = "nothing"
_BARE_KEY: Final = re.compile(r"[A-Za-z0-9_-]{1,100}\Z")
_SHOWN: Final = 60
_LARGE: Final = 10**18


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One mistake: its key path (or line and column), what was found, what is allowed and what to do about it."""

    path: str
    found: str
    allowed: str
    hint: str | None = None

    def __str__(self) -> str:
        where = f"{self.path}: " if self.path else ""
        advice = f" ({self.hint})" if self.hint else ""
        return f"{where}found {self.found}; allowed: {self.allowed}{advice}"


class SettingsError(Exception):
    """The settings cannot be used; `problems` are all the reasons, and the text has one line for each."""

    def __init__(self, file: Path, problems: Sequence[Problem]) -> None:
        self.file = file
        self.problems = tuple(problems)
        super().__init__("\n".join(f"{file}: {problem}" for problem in self.problems))


class WrongValueError(ValueError):
    """A value of the right type that is not allowed; `found` replaces the value where it must not be shown."""

    def __init__(self, hint: str | None = None, *, found: str | None = None) -> None:
        self.hint = hint
        self.found = found
        super().__init__(hint or "not allowed")


def join(at: str, key: str) -> str:
    """The path of a key inside a table, quoted where TOML would want quotes."""
    part = key if _BARE_KEY.match(key) else json.dumps(key[:_SHOWN])
    return f"{at}.{part}" if at else part


def describe(value: object) -> str:
    """A value with its type, short and on one line; of lists and tables only the type."""
    match value:
        case str():
            return f"{quote(value)} (a text)"
        case bool():
            return f"{str(value).lower()} (a boolean)"
        case int() if abs(value) >= _LARGE:
            return "a very large number"
        case int() | float():
            return f"{value} (a number)"
        case _:
            return type_of(value)


def type_of(value: object) -> str:
    """What TOML calls the type of a value."""
    match value:
        case str():
            return "a text"
        case bool():
            return "a boolean"
        case int() | float():
            return "a number"
        case list():
            return "a list"
        case dict():
            return "a table"
        case _:
            return "a date or time"


def quote(text: str) -> str:
    """A text in quotes, cut where it is long, with nothing in it that could break a line or a terminal."""
    return repr(text) if len(text) <= _SHOWN else f"{text[:_SHOWN]!r}…"


def did_you_mean(word: str, choices: Iterable[str]) -> str | None:
    """A hint that names the nearest choice, or None."""
    close = nearest(word, choices)
    return f'did you mean "{close}"?' if close else None
