"""What of a filter may be asked of the source in COQL: criteria that every matching record surely meets there too.

COQL need not mean what criteria.py means: whether texts compare by case, what `!=` makes of blanks, how the values of a
multi-select are ordered is not confirmed (facts 3.2). So a comparison is only kept where COQL finds at least as much
under every reading; else it becomes "is not blank", which each of them implies, or nothing. The filter itself is always
evaluated here as well. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Final

from daemon.core.criteria import Comparison, Criteria, Joined, Scalar, instant_of
from daemon.core.record import format_instant, is_record_id
from daemon.core.schema import Field

MOST: Final = 20  # of the 25 criteria that a query takes (facts 3.1); the cursor needs the others
_MOST_VALUES: Final = 50
_TEXTS: Final = ("text", "email", "phone", "website", "picklist")
_NUMBERS: Final = ("integer", "double", "currency", "percent")
_LINKS: Final = ("lookup", "ownerlookup", "userlookup")
_DATES: Final = ("date", "datetime")
_KNOWN: Final = (*_TEXTS, *_NUMBERS, *_LINKS, *_DATES, "bigint", "multiselectpicklist")
_LISTS: Final = ("Tag", "Participants", "Product_Details", "Pricing_Details", "Reminder")  # called texts (facts 6)
_PATTERN: Final = re.compile(r"%[0-9@.+-]+%?|[0-9@.+-]+%")  # the same in any case, and nothing that may be special
_DIGITS: Final = 15  # of a number that decimals and doubles order alike


def sendable(criteria: Criteria | None, fields: Mapping[str, Field]) -> Criteria | None:
    """Criteria for the source, which let every record through that the given ones keep; None: nothing can be asked."""
    found = _weakened(criteria, fields) if criteria is not None else None
    return None if found is None or _count(found) > MOST else found


def _weakened(criteria: Criteria, fields: Mapping[str, Field]) -> Criteria | None:
    if isinstance(criteria, Comparison):
        field = fields.get(criteria.field)
        return None if field is None or field.api_name in _LISTS else _certain(criteria, field.data_type)
    parts = [_weakened(part, fields) for part in criteria.parts]
    kept = tuple(part for part in parts if part is not None)
    if not kept or (criteria.word == "or" and len(kept) < len(parts)):
        return None
    return kept[0] if len(kept) == 1 else Joined(criteria.word, kept)


def _count(criteria: Criteria) -> int:
    return 1 if isinstance(criteria, Comparison) else sum(_count(part) for part in criteria.parts)


def _certain(asked: Comparison, kind: str) -> Comparison | None:
    if kind == "boolean":  # what an unset checkbox is in COQL is not known, so only "true" is sure
        ticked = asked.operator == "=" and str(asked.values[0]).lower() == "true"
        return replace(asked, values=(True,)) if ticked else None
    if kind not in _KNOWN or asked.operator == "is null":  # what reads as null need not be null in COQL
        return None
    values = [_value(value, kind) for value in asked.values]
    said = tuple(value for value in values if value is not None)
    if len(said) == len(values) <= _MOST_VALUES and _is_alike(asked, kind):
        return replace(asked, values=said)
    return Comparison(asked.field, "is not null")


def _is_alike(asked: Comparison, kind: str) -> bool:
    """Whether COQL's operator finds what ours does, given values that both read alike."""
    operator = asked.operator
    if operator == "is not null":
        return True
    if operator == "like":
        return kind in _TEXTS and _PATTERN.fullmatch(str(asked.values[0])) is not None
    if kind in _TEXTS:
        return operator in ("=", "in")
    return operator in ("=", "in", "!=", "not in") or kind not in _LINKS


def _value(value: Scalar, kind: str) -> Scalar | None:
    """A value as COQL is to read it; None where it may be read in another way than here."""
    if isinstance(value, str):
        readers = {"date": _day, "datetime": _moment, **dict.fromkeys(_TEXTS, _plain), **dict.fromkeys(_LINKS, _id)}
        return readers[kind](value) if kind in readers else None
    if isinstance(value, bool):
        return None
    if kind in _NUMBERS:
        return _number(value)
    if isinstance(value, float):
        return None
    if kind == "bigint":
        return value if abs(value) < 10**18 else None
    return _id(str(value)) if kind in _LINKS else str(value) if kind in _TEXTS else None


def _plain(text: str) -> str | None:
    odd = text != text.strip() or not text.isprintable() or "\\" in text or instant_of(text) is not None
    return text if 0 < len(text) <= 255 and not odd else None


def _id(text: str) -> str | None:
    return text if is_record_id(text) and text.isascii() and text[0] != "0" else None


def _number(number: float) -> int | float | None:
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    digits, exponent = Decimal(repr(number)).as_tuple()[1:]
    fits = len(digits) <= _DIGITS and isinstance(exponent, int) and -9 <= exponent <= 0
    return number if fits else None


def _day(text: str) -> str | None:
    try:
        return text if date.fromisoformat(text).isoformat() == text else None
    except ValueError:
        return None


def _moment(text: str) -> str | None:
    seconds = instant_of(text)
    if seconds is None or not seconds.is_integer() or not 0 <= seconds < 2**38:
        return None
    return format_instant(datetime.fromtimestamp(seconds, UTC))
