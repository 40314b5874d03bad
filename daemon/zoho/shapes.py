"""What an answer must look like before anything in it is believed. A wrong type is named by its place: `data[3].id`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import orjson

from daemon.core.record import WireRecord, is_record_id, parse_instant

# Where Zoho may wrap an error object that speaks of the whole request (facts 2.4, 4.2).
_ENVELOPES: Final = ("data", "fields", "modules", "users", "org")
_KINDS: Final = {
    dict: "an object",
    list: "a list",
    str: "a text",
    bool: "a boolean",
    int: "a number",
    float: "a number",
}


class WrongShapeError(ValueError):
    """Something in an answer is not what it must be."""

    def __init__(self, place: str, wanted: str, found: object) -> None:
        kind = "null" if found is None else _KINDS.get(type(found), type(found).__name__)
        super().__init__(f"{place}: {wanted} was expected, {kind} was found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a module. `more` says that there are others; `token` gets them where page tokens are used."""

    rows: list[WireRecord]
    more: bool
    token: str | None = None


EMPTY: Final = Page(rows=[], more=False)


def parse(body: bytes) -> Mapping[str, object]:
    """The JSON object of a body. Raises WrongShapeError."""
    try:
        found = orjson.loads(body)
    except orjson.JSONDecodeError:
        raise WrongShapeError("the answer", "JSON", "") from None
    return as_object("the answer", found)


def as_object(place: str, value: object) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise WrongShapeError(place, "an object", value)
    return value


def as_text(place: str, value: object) -> str:
    if not isinstance(value, str):
        raise WrongShapeError(place, "a text", value)
    return value


def as_bool(place: str, value: object) -> bool:
    if not isinstance(value, bool):
        raise WrongShapeError(place, "a boolean", value)
    return value


def as_id(place: str, value: object) -> str:
    if not isinstance(value, str) or not is_record_id(value):
        raise WrongShapeError(place, "a record id", value)
    return value


def as_instant(place: str, value: object) -> datetime:
    moment = instant_or_none(value)
    if moment is None:
        raise WrongShapeError(place, "a time with an offset", value)
    return moment


def instant_or_none(value: object) -> datetime | None:
    """A time, or None for whatever is not one."""
    try:
        return parse_instant(value)
    except ValueError:
        return None


def objects(found: Mapping[str, object], key: str) -> list[Mapping[str, object]]:
    """The objects of a list under a key."""
    rows = found.get(key)
    if not isinstance(rows, list):
        raise WrongShapeError(key, "a list", rows)
    return [as_object(f"{key}[{place}]", row) for place, row in enumerate(rows)]


def page_of(found: Mapping[str, object], *, timed: bool, info: bool = True) -> Page:
    """A page of records: every row has an id and, when `timed`, a Modified_Time that is one.

    A single record comes without `info` (facts 12.4).
    """
    rows = objects(found, "data")
    for place, row in enumerate(rows):
        as_id(f"data[{place}].id", row.get("id"))
        if timed:
            as_instant(f"data[{place}].Modified_Time", row.get("Modified_Time"))
    if not info:
        return Page(rows=list(rows), more=False)
    token = as_object("info", found.get("info")).get("next_page_token")
    if token is not None:
        token = as_text("info.next_page_token", token)
    return Page(rows=list(rows), more=more_of(found), token=token)


def more_of(found: Mapping[str, object]) -> bool:
    """Whether there are more rows: never guessed, for a missing word would end a walk early."""
    return as_bool("info.more_records", as_object("info", found.get("info")).get("more_records"))


def error_in(found: Mapping[str, object]) -> Mapping[str, object] | None:
    """The error object of an answer that speaks of the whole request, bare or wrapped, if it is one."""
    if isinstance(found.get("code"), str) and found["code"] != "SUCCESS":
        return found
    for key in _ENVELOPES:
        rows = found.get(key)
        if isinstance(rows, list) and len(rows) == 1 and isinstance(rows[0], dict):
            row = rows[0]
            if isinstance(row.get("code"), str) and row.get("status") == "error" and "id" not in row:
                return row
    return None


def total_of(found: Mapping[str, object]) -> int:
    """The number that an aggregate query gives: the only number of its only row."""
    rows = objects(found, "data")
    values = [value for row in rows[:1] for key, value in row.items() if key != "id"]
    numbers = [number for value in values if (number := _number(value)) is not None]
    if len(numbers) != 1:
        raise WrongShapeError("data[0]", "one count", values[0] if values else None)
    return numbers[0]


def _number(value: object) -> int | None:
    if isinstance(value, str):
        return int(value) if value.isascii() and value.isdigit() and len(value) < 19 else None
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def batches(items: Sequence[str], size: int) -> list[Sequence[str]]:
    return [items[start : start + size] for start in range(0, len(items), size)]
