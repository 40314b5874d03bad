"""The cells of a bulk read's CSV as the values that a list answer shows (facts 7.1), and which streams can go by them.

A cell says less than JSON: a lookup is an id without a name, a list is joined by semicolons, and how moments and
booleans are spelt is confirmed nowhere. So every cell is read strictly, and whatever cannot be told is a ValueError,
never a guess. A field of a type that is not in READERS makes its stream one that is read by queries.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import date
from typing import Final

import orjson

from daemon.core.convert import canonical
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.fitting import kind_of
from daemon.core.record import is_record_id, parse_instant
from daemon.core.rules import Copy, Stream
from daemon.core.schema import Field, Schema

_TEXTS: Final = ("text", "textarea", "email", "phone", "website", "picklist", "autonumber")
_LOOKUPS: Final = ("lookup", "ownerlookup", "userlookup")
_SPELT_ALIKE: Final = frozenset({*_TEXTS, "boolean", "date"})
_NOT_READABLE: Final = frozenset({"Notes", "Attachments", "Emails"})
_BOOLEANS: Final = {"true": True, "1": True, "false": False, "0": False}
_SEPARATOR: Final = ";"
_DIGITS: Final = re.compile(r"-?[0-9]{1,40}\Z", re.ASCII)


def _text(text: str) -> object:
    return text


def _number(text: str) -> object:
    """As JSON reads it, so that the same digits are the same number."""
    found = orjson.loads(text)
    if isinstance(found, bool) or not isinstance(found, (int, float)):
        raise ValueError(f"{text[:40]!r} is no number")
    return found


def _bigint(text: str) -> object:
    """A text of digits, as lists show it (facts 2.6)."""
    return str(int(text)) if _DIGITS.match(text) else _refuse(text, "whole number")


def _boolean(text: str) -> object:
    found = _BOOLEANS.get(text.lower())
    return _refuse(text, "true or false") if found is None else found


def _date(text: str) -> object:
    return date.fromisoformat(text).isoformat() if len(text) == len("2026-01-31") else _refuse(text, "date")


def _moment(text: str) -> object:
    """With an offset or a Z; whose clock shows another one is not said."""
    parse_instant(text)
    return text


def _lookup(text: str) -> object:
    return {"id": text} if is_record_id(text) else _refuse(text, "record id")


def _refuse(text: str, wanted: str) -> object:
    raise ValueError(f"{text[:40]!r} is no {wanted}")


READERS: Final[Mapping[str, Callable[[str], object]]] = {
    **dict.fromkeys(_TEXTS, _text),
    **dict.fromkeys(("integer", "double", "currency", "percent"), _number),
    "bigint": _bigint,
    "boolean": _boolean,
    "date": _date,
    "datetime": _moment,
    "multiselectpicklist": _text,  # see value_of
    **dict.fromkeys(_LOOKUPS, _lookup),
}
"""How a cell is read, by the data type of its field."""


def value_of(field: Field, text: str) -> object:
    """The value of a cell; an empty one is null. Raises ValueError for what cannot be told."""
    if text == "":
        return None
    if field.data_type != "multiselectpicklist":
        return READERS[field.data_type](text)
    chosen = text.split(_SEPARATOR)
    if unknown := [one for one in chosen if one not in field.picklist]:
        raise ValueError(f"{unknown[0][:40]!r} is not one of the values of {field.api_name}")
    return chosen


def same(field: Field, cell: object, listed: object) -> bool:
    """Whether a cell says what a list answer says of the same version of a record."""
    kind = kind_of(field) or "text"
    return canonical(kind, cell) == canonical(kind, listed)


def unfit(stream: Stream, fields: FieldMap, schema: Schema) -> str | None:
    """Why a stream is not read by bulk read, in words that follow its name; None when it can be."""
    if stream.source_module in _NOT_READABLE:
        return f"{stream.source_module} has no bulk read"
    if stream.circle:
        return "edits come back to it, and a file would be older than they are"
    for name in ("Modified_Time", "Created_Time"):
        if name not in schema.fields:
            return f"{stream.source_module} shows no {name}"
    named = {c for rule in fields.rules if not isinstance(rule.source, Copy) for c in columns_of(rule.source)}
    for name in fields.columns:
        field = schema.fields.get(name)
        why = "is not in the metadata" if field is None else _unfit(field, named)
        if why is not None:
            return f"{name} {why}"
    return None


def _unfit(field: Field, named: set[str]) -> str | None:
    kind = field.data_type
    if kind not in READERS or field.rich_text:
        return f"is a {'rich text' if field.rich_text else kind}, which a CSV does not show whole"
    if field.api_name in named and kind not in _SPELT_ALIKE:
        return f"is a {kind} that goes into a template or an expression, and a CSV may spell it otherwise"
    if kind == "multiselectpicklist" and any(_SEPARATOR in one for one in field.picklist):
        return "has a value with a semicolon, by which a CSV joins them"
    return None
