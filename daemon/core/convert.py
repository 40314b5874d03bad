"""One value in the canonical form of its kind of field, and from one kind into another.

Canonical: times in UTC, lookups as `{"id": …}`, blank as None, lists in the order given. Which kinds convert into which
is the table CONVERSIONS; what is not in it is not carried. Raises ValueError with the reason, for any JSON.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, time, tzinfo
from decimal import Decimal
from math import isfinite
from typing import Final

from daemon.core.record import format_instant, is_record_id, parse_instant

Kind = str
"""How a value is converted: text number bigint boolean date datetime multiselect lookup owner user; rows links
tags (composed.py)."""

Row = dict[str, object]
"""A row of a subform: column -> canonical value."""

Json = str | int | float | bool | None | list[str] | dict[str, str] | list[Row]
Values = Mapping[str, Json]
"""Target API name -> canonical value."""

_DECIMAL: Final = re.compile(r"[+-]?[0-9]{1,40}(\.[0-9]{0,40})?\Z", re.ASCII)
_JOINER: Final = "\u200d"


class ConversionError(ValueError):
    """A value that another kind of field cannot hold exactly."""


def linked_id(value: object) -> str | None:
    """The id of the record or user that a lookup points to."""
    if value is None:
        return None
    if not isinstance(value, dict):
        raise ValueError(f"a record was expected, {shape(value)} was found")
    linked = value.get("id")
    if linked is None:
        return None
    if not is_record_id(linked):
        raise ValueError(f"{str(linked)[:40]!r} is not a record id")
    return str(linked)


def _text(value: object) -> Json:
    if type(value) is str:  # most are
        return value or None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise ValueError(f"a text was expected, {shape(value)} was found")
    return str(value)


def _number(value: object) -> Json:
    """Numbers as JSON has them; a whole float is an int, so that 1 and 1.0 are one value. Big integers stay texts."""
    if value is None or value == "":
        return None
    if isinstance(value, bool) or not isinstance(value, (int, float, str)):
        raise ValueError(f"a number was expected, {shape(value)} was found")
    if not isinstance(value, int) and not isfinite(float(value)):
        raise ValueError(f"a number was expected, {value!r} was found")
    if isinstance(value, str):
        return value  # the digits are kept as they are
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 2**53 else value


def _bigint(value: object) -> Json:
    """A whole number as Zoho has big ones: a text of digits (facts 2.6)."""
    number = _number(value)
    if number is None:
        return None
    if isinstance(number, float):
        raise ValueError(f"a whole number was expected, {number} was found")
    return str(int(str(number)))


def _boolean(value: object) -> Json:
    if value is None or isinstance(value, bool):
        return value
    raise ValueError(f"true or false was expected, {shape(value)} was found")


def _date(value: object) -> Json:
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise ValueError(f"a date was expected, {shape(value)} was found")
    return date.fromisoformat(value[:10]).isoformat()


def _datetime(value: object) -> Json:
    return None if value is None or value == "" else format_instant(parse_instant(value))


def _multiselect(value: object) -> Json:
    if value is None or value == []:
        return None
    if not isinstance(value, list) or not all(isinstance(v, str) for v in value):
        raise ValueError(f"a list of texts was expected, {shape(value)} was found")
    return list(value)


def shape(value: object) -> str:
    """What a JSON value is, in words."""
    names = {dict: "an object", list: "a list", str: "a text", bool: "true/false", int: "a number", float: "a number"}
    return "null" if value is None else names.get(type(value), type(value).__name__)


def canonical(kind: Kind, value: object) -> Json:
    """A value as Zoho shows it, in the form of its kind; an odd one stands as its own text."""
    try:
        if kind in ("lookup", "multilookup", "owner", "user"):
            linked = linked_id(value)
            return None if linked is None else {"id": linked}
        return CANONICAL[kind](value)
    except ValueError:
        return repr(value)


CANONICAL: Final[Mapping[Kind, Callable[[object], Json]]] = {
    "text": _text,
    "number": _number,
    "bigint": _bigint,
    "boolean": _boolean,
    "date": _date,
    "datetime": _datetime,
    "multiselect": _multiselect,
}


def plain_number(number: int | float) -> str:
    """A number in digits, never with an exponent; 1.0 and -0.0 as 1 and 0."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    return format(Decimal(repr(number)), "f")


def number_of_text(text: str) -> int | float:
    """The number that a text is: digits with at most one decimal point, blanks around it. Raises ConversionError for
    anything else (whose comma is it?), and for one that no JSON number holds to its last digit.
    """
    digits = text.strip()
    if not _DECIMAL.match(digits):
        raise ConversionError(f"{text[:40]!r} is no number (digits, at most one point, no other separators)")
    exact = Decimal(digits)
    if exact == exact.to_integral_value() and abs(exact) < 2**63:
        return int(exact)
    if Decimal(repr(float(exact))) != exact:
        raise ConversionError(f"{text[:40]!r} has more digits than a number field keeps")
    return float(exact)


def local_date(text: str, zone: tzinfo) -> date:
    """The day of a date, or of a time as a clock in that zone shows it."""
    if len(text) == len("2026-01-31"):
        return date.fromisoformat(text)
    try:
        return parse_instant(text).astimezone(zone).date()
    except OverflowError:
        raise ConversionError(f"the time {text!r} lies outside the years 1 to 9999") from None


def _date_to_datetime(value: object, zone: tzinfo) -> object:
    """The first moment of the day there: where clocks skip midnight, the moment at which they do."""
    day = _date(value)
    if not isinstance(day, str):
        return None
    try:
        return format_instant(datetime.combine(date.fromisoformat(day), time(), zone).astimezone(UTC))
    except OverflowError:
        raise ConversionError(f"the day {day} lies outside the years 1 to 9999") from None


def _datetime_to_date(value: object, zone: tzinfo) -> object:
    moment = _datetime(value)
    return local_date(moment, zone).isoformat() if isinstance(moment, str) else None


def _number_to_text(value: object, _zone: tzinfo) -> object:
    number = _number(value)
    return number if number is None or isinstance(number, str) else plain_number(float_or_int(number))


def float_or_int(number: Json) -> int | float:
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise ConversionError(f"a number was expected, {shape(number)} was found")
    return number


def _text_to_number(value: object, _zone: tzinfo) -> object:
    text = _text(value)
    return number_of_text(str(text)) if text is not None else None


def _bigint_to_number(value: object, _zone: tzinfo) -> object:
    digits = _bigint(value)
    return None if digits is None else number_of_text(str(digits))


def _boolean_to_text(value: object, _zone: tzinfo) -> object:
    known = _boolean(value)
    return None if known is None else str(known).lower()


def _formula_to_text(value: object, zone: tzinfo) -> object:
    """A formula gives a text, a number or a boolean; its metadata does not always say which."""
    if isinstance(value, bool):
        return _boolean_to_text(value, zone)
    return _number_to_text(value, zone) if isinstance(value, (int, float)) else _text(value)


def _multiselect_to_text(value: object, _zone: tzinfo) -> object:
    chosen = _multiselect(value)
    return ";".join(map(str, chosen)) if isinstance(chosen, list) else None


def _text_to_multiselect(value: object, _zone: tzinfo) -> object:
    """What stands between semicolons, each once."""
    text = _text(value)
    return split_choices(str(text)) if text is not None else None


def split_choices(text: str) -> list[str]:
    parts = (part.strip() for part in text.split(";"))
    return list(dict.fromkeys(part for part in parts if part))


def _choice_to_multiselect(value: object, _zone: tzinfo) -> object:
    text = _text(value)
    return None if text is None else [str(text)]


def _as_it_is(value: object, _zone: tzinfo) -> object:
    return value


CONVERSIONS: Final[Mapping[tuple[Kind, Kind], Callable[[object, tzinfo], object]]] = {
    ("number", "text"): _number_to_text,
    ("bigint", "text"): _number_to_text,
    ("text", "number"): _text_to_number,
    ("text", "bigint"): _text_to_number,
    ("number", "bigint"): _as_it_is,
    ("bigint", "number"): _bigint_to_number,
    ("formula", "text"): _formula_to_text,
    ("boolean", "text"): _boolean_to_text,
    ("date", "datetime"): _date_to_datetime,
    ("datetime", "date"): _datetime_to_date,
    ("multiselect", "text"): _multiselect_to_text,
    ("text", "multiselect"): _text_to_multiselect,
    ("picklist", "multiselect"): _choice_to_multiselect,
}


def cut_text(text: str, length: int) -> str:
    """The first `length` characters, counted as Zoho's metadata does (Unicode code points, which is what len() gives);
    fewer where that would tear apart what a reader sees as one: a letter from its accents, an emoji, a flag.
    """
    end = length
    while 0 < end < len(text) and _joined(text, end):
        end -= 1
    return text[: end or length]


def _joined(text: str, at: int) -> bool:
    """Whether the characters before and after this place are drawn as one."""
    before, after = text[at - 1], text[at]
    if _JOINER in (before, after) or unicodedata.category(after) in ("Mn", "Me", "Mc"):
        return True
    if "\U0001f3fb" <= after <= "\U0001f3ff":  # the colours of skin
        return True
    flags = len(text[:at]) - len(text[:at].rstrip("".join(map(chr, range(0x1F1E6, 0x1F200)))))
    return "\U0001f1e6" <= after <= "\U0001f1ff" and flags % 2 == 1
