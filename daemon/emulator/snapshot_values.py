"""Reading a snapshot's JSON without trusting it: a value of the right type, or the default."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from daemon.emulator.clock import parse_moment

Json = dict[str, Any]


def as_id(value: Any) -> int | None:
    """An id as Zoho writes it, a text of digits."""
    return int(value) if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) < 20 else None


def as_dict(value: Any) -> Json:
    """An object, or an empty one."""
    return value if isinstance(value, dict) else {}


def as_list(value: Any) -> list[Any]:
    """A list, or an empty one."""
    return value if isinstance(value, list) else []


def as_text(value: Any, default: str) -> str:
    """A text with something in it."""
    return value if isinstance(value, str) and value else default


def as_zone(value: Any, default: str) -> str:
    """The name of a time zone that exists."""
    try:
        return ZoneInfo(as_text(value, default)).key
    except (ValueError, OSError, LookupError):
        return default


def as_moment(value: Any) -> int | None:
    """Whole seconds of an ISO text."""
    return parse_moment(value) if isinstance(value, str) else None
