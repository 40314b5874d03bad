"""A place in a module's order of change, and one change seen there."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import total_ordering
from typing import Final

WireRecord = Mapping[str, object]
"""A record as Zoho sends it: API name to JSON value."""

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ID: Final = re.compile(r"[0-9]{1,19}\Z")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,99}\Z")


def is_record_id(value: object) -> bool:
    """Whether a value is a record id as Zoho gives them: a string of up to 19 digits (facts 2.6)."""
    return isinstance(value, str) and _ID.match(value) is not None


def is_api_name(value: str) -> bool:
    """Whether a text may stand as a module or field name in a query."""
    return _NAME.match(value) is not None


def parse_instant(value: object) -> datetime:
    """An aware UTC time from Zoho's `YYYY-MM-DDTHH:MM:SS±HH:MM` (facts 2.6).

    Raises ValueError when the value is not a text, not a time, or has no offset.
    """
    if not isinstance(value, str):
        raise ValueError(f"a time was expected, {type(value).__name__} was found")
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(f"the time {value!r} has no offset")
    try:
        return moment.astimezone(UTC)
    except OverflowError:
        raise ValueError(f"the time {value!r} lies outside the years 1 to 9999") from None


def format_instant(moment: datetime) -> str:
    """A time as Zoho takes it: whole seconds, with an offset, always UTC."""
    return moment.astimezone(UTC).isoformat(timespec="seconds")


@total_ordering
@dataclass(frozen=True, slots=True, kw_only=True)
class Position:
    """A place in (Modified_Time, id) order; ids compare as numbers, times as instants."""

    modified_time: datetime
    record_id: str

    def __post_init__(self) -> None:
        if self.modified_time.tzinfo is None:
            raise ValueError("a position needs an aware time")

    def __lt__(self, other: Position) -> bool:
        return (self.modified_time, int(self.record_id)) < (other.modified_time, int(other.record_id))


START: Final = Position(modified_time=EPOCH, record_id="0")
"""Before every change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One record as it stood in the source when it was read."""

    position: Position
    values: WireRecord

    @property
    def record_id(self) -> str:
        return self.position.record_id

    @property
    def modified_time(self) -> datetime:
        return self.position.modified_time


@dataclass(frozen=True, slots=True, kw_only=True)
class Deletion:
    """One record that the source does not have any more; `modified_time` is when that was noticed or happened."""

    record_id: str
    modified_time: datetime


Seen = Change | Deletion
"""What a cycle can see of a record."""
