"""What a hand may ask for: one check per kind of value, for the control endpoint and the files of the command line.

Every check raises ValueError that names the key, what it takes and what was given; null means absent.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson

Json = dict[str, Any]
_SHOWN = 60
LONGEST = 86_400
"""Seconds that an answer can be kept waiting."""
FAR = 10 * 366 * LONGEST
"""Seconds that a clock or a life can be moved: ten years."""


def shown(value: Any) -> str:
    """A value as JSON, cut short, for a message."""
    try:
        text = orjson.dumps(value).decode()
    except orjson.JSONEncodeError:
        return "something that is no JSON"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."


def an_object(given: Any, what: str, keys: Collection[str] | None = None) -> Json:
    """`given` without its nulls: a JSON object, and with these keys only."""
    if not isinstance(given, dict):
        raise ValueError(f"{what} is a JSON object, not {shown(given)}")
    unknown = [] if keys is None else sorted(set(given) - set(keys))
    if unknown:
        raise ValueError(
            f"{what}: unknown keys {', '.join(map(shown, unknown))}; known: {', '.join(sorted(keys or ()))}"
        )
    return {key: value for key, value in given.items() if value is not None} if keys is not None else given


def number(given: Json, key: str, what: str, *, least: float, most: float, whole: bool = False) -> float | None:
    """A number from `least` to `most`."""
    value = given.get(key)
    if value is None:
        return None
    fits = isinstance(value, int if whole else int | float) and not isinstance(value, bool)
    if not fits or not least <= value <= most:
        kind = "whole number" if whole else "number"
        raise ValueError(f"{what}: {key} is a {kind} from {least:,} to {most:,}, not {shown(value)}")
    return int(value) if whole else float(value)


def whole(given: Json, key: str, what: str, *, least: int, most: int) -> int | None:
    """A whole number from `least` to `most`."""
    value = number(given, key, what, least=least, most=most, whole=True)
    return None if value is None else int(value)


def text(given: Json, key: str, what: str) -> str | None:
    """A text."""
    value = given.get(key)
    if value is not None and not isinstance(value, str):
        raise ValueError(f"{what}: {key} is a text, not {shown(value)}")
    return value


def texts(given: Json, key: str, what: str) -> list[str] | None:
    """A list of texts, not empty."""
    value = given.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not value or not all(isinstance(one, str) and one for one in value):
        raise ValueError(f"{what}: {key} is a list of texts, not {shown(value)}")
    return value


def choice(given: Json, key: str, what: str, choices: Collection[str]) -> str | None:
    """One of these texts."""
    value = given.get(key)
    if value is not None and (not isinstance(value, str) or value not in choices):
        raise ValueError(f"{what}: {key} is one of {', '.join(choices)}, not {shown(value)}")
    return value


def flag(given: Json, key: str, what: str) -> bool:
    """True or false; absent is false."""
    value = given.get(key, False)
    if not isinstance(value, bool):
        raise ValueError(f"{what}: {key} is true or false, not {shown(value)}")
    return value
