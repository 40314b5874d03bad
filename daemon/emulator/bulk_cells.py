"""From the text of a CSV cell to the JSON value that an ordinary write would carry (facts 7.2).

What cannot be read stays a text, so that the checks of ordinary writes refuse it in their own words.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from daemon.emulator.bulk_jobs import Column
from daemon.emulator.fields import Field
from daemon.emulator.org import Org
from daemon.emulator.people import User

DEFAULT_FORMATS = {"date": "MM/dd/yyyy", "datetime": "MM/dd/yyyy HH:mm:ss"}
_TOKENS = {
    "yyyy": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%m", "dd": "%d", "d": "%d", "HH": "%H",
    "H": "%H", "hh": "%I", "h": "%I", "mm": "%M", "ss": "%S", "SSS": "%f", "a": "%p", "XXX": "%z", "Z": "%z",
}  # fmt: skip
_TOKEN = re.compile(r"yyyy|yy|MMMM|MMM|MM|M|dd|d|HH|H|hh|h|mm|ss|SSS|a|XXX|Z|'[^']*'|[^A-Za-z']")
_WHOLE, _DECIMAL = re.compile(r"-?\d{1,30}"), re.compile(r"-?\d{1,30}(\.\d{1,30})?")


def known_format(text: str) -> str | None:
    """A Java date pattern as one of Python; None when it holds something else."""
    parts, place = [], 0
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            return None
        token = match[0]
        plain = token.strip("'") if token.startswith("'") else token
        parts.append(_TOKENS.get(token, plain.replace("%", "%%")))
        place = match.end()
    return "".join(parts)


def value_of(org: Org, caller: User, item: Field, column: Column, text: str) -> Any:
    """The JSON value of a cell that is not empty."""
    if item.data_type in DEFAULT_FORMATS:
        return _moment(caller, item.data_type, column.format or DEFAULT_FORMATS[item.data_type], text)
    if item.data_type == "lookup":
        return _linked(org, item, column.find_by or "id", text)
    if item.data_type in ("ownerlookup", "userlookup"):
        return _person(org, column.find_by or "id", text)
    read = _PLAIN.get(item.data_type)
    return read(text) if read is not None else text


def _whole(text: str) -> Any:
    return int(text) if _WHOLE.fullmatch(text) and text.isascii() else text


def _decimal(text: str) -> Any:
    if not _DECIMAL.fullmatch(text) or not text.isascii():
        return text
    return float(text) if "." in text else int(text)


_PLAIN: dict[str, Callable[[str], Any]] = {
    "integer": _whole,
    **dict.fromkeys(("double", "currency", "percent"), _decimal),
    "boolean": lambda text: {"true": True, "false": False}.get(text.lower(), text),
    "multiselectpicklist": lambda text: [part.strip() for part in text.split(";") if part.strip()],
}


def _moment(caller: User, kind: str, pattern: str, text: str) -> str:
    python = known_format(pattern)
    try:
        parsed = datetime.strptime(text, python or "")  # noqa: DTZ007 - the zone follows
        if kind == "date":
            return parsed.date().isoformat()
        aware = parsed if parsed.tzinfo else parsed.replace(tzinfo=ZoneInfo(caller.time_zone))
        return aware.replace(microsecond=0).isoformat()
    except (ValueError, OverflowError):
        # the field's own check refuses it; an ISO text is not let through without a format of its own
        return f"not {pattern}: {text}"


def _linked(org: Org, item: Field, find_by: str, text: str) -> Any:
    """The record that a lookup names by its id or by another field; what is not found stays a text."""
    module = org.modules.get(item.lookup or "")
    if find_by == "id" or module is None:
        return {"id": text}
    found = org.holders(module, find_by, text)
    return {"id": str(found[0] if found else 0)}


def _person(org: Org, find_by: str, text: str) -> Any:
    if find_by == "id":
        return {"id": text}
    found = next((user for user in org.users if user.email.casefold() == text.casefold()), None)
    return {"id": str(found.id if found else 0)}
