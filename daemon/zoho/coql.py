"""COQL text from typed values: the only place where a query is written, so the only place where one could be injected.

Names are checked, literals are quoted by doubling, conditions are bracketed in pairs (facts 3.1).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Final

from daemon.core.criteria import Criteria, Joined, Scalar
from daemon.core.record import Position, format_instant, is_api_name, is_record_id

MOST_ROWS: Final = 2000
MOST_COLUMNS: Final = 50
MOST_TERMS: Final = 25
MOST_VALUES: Final = 50
_MOST_HOPS: Final = 2

# The words of the language, and the one that Zoho names: a column called like one is quoted (facts 3.1).
_WORDS: Final = """
select from where group order by limit offset and or not in like is null between as asc desc true false
count sum min max avg external
"""
_RESERVED: Final = frozenset(_WORDS.split())


@dataclass(frozen=True, slots=True)
class Condition:
    """A bracketed condition, and of how many single criteria it is made."""

    text: str
    terms: int = 1

    def __str__(self) -> str:
        return self.text


def select(
    module: str, columns: Sequence[str], where: Condition, order_by: Sequence[str] = (), limit: int = 200
) -> str:
    """A whole query. `columns` may walk through lookups with dots; `order_by` is ascending, `-name` descending."""
    if not 1 <= limit <= MOST_ROWS:
        raise ValueError(f"a query gives 1 to {MOST_ROWS} rows, not {limit}")
    wanted = list(dict.fromkeys(_path(column) for column in ("id", *columns)))
    if len(wanted) > MOST_COLUMNS:
        raise ValueError(f"a query gives at most {MOST_COLUMNS} columns, not {len(wanted)}")
    order = ", ".join(f"{_path(field.removeprefix('-'))} {'desc' if field[:1] == '-' else 'asc'}" for field in order_by)
    tail = f" order by {order}" if order else ""
    return f"select {', '.join(wanted)} from {name(module)} where {where}{tail} limit {limit}"  # noqa: S608 - every part is checked


def count(module: str, where: Condition) -> str:
    """How many records meet a condition."""
    return f"select COUNT(id) from {name(module)} where {where}"  # noqa: S608 - every part is checked


def after(position: Position) -> Condition:
    """Every record that comes after a place in (Modified_Time, id) order (facts 3.6)."""
    time = quoted_time(position.modified_time)
    later, same = f"(Modified_Time > {time})", f"(Modified_Time = {time})"
    return Condition(f"({later} or ({same} and (id > {quoted_id(position.record_id)})))", 3)


def in_second_after(position: Position) -> Condition:
    """Every record of a position's second with a higher id."""
    time = quoted_time(position.modified_time)
    return Condition(f"((Modified_Time = {time}) and (id > {quoted_id(position.record_id)}))", 2)


def at_or_after(field: str, moment: datetime) -> Condition:
    """A time field at or after a moment (whole seconds)."""
    return Condition(f"({_path(field)} >= {quoted_time(moment)})")


def before(field: str, moment: datetime) -> Condition:
    """A time field before a moment (whole seconds)."""
    return Condition(f"({_path(field)} < {quoted_time(moment)})")


def id_in(record_ids: Sequence[str]) -> Condition:
    """One of at most 50 records."""
    return _in("id", [quoted_id(record_id) for record_id in record_ids])


def id_after(record_id: str) -> Condition:
    """Every record with a higher id."""
    return Condition(f"(id > {quoted_id(record_id)})")


def id_before(record_id: str) -> Condition:
    """Every record with a lower id."""
    return Condition(f"(id < {quoted_id(record_id)})")


def everything() -> Condition:
    """Every record: COQL cannot do without a condition."""
    return Condition("(id is not null)")


def equals(field: str, value: str | bool) -> Condition:
    """A field that holds exactly this text, or this truth."""
    text = str(value).lower() if isinstance(value, bool) else value
    return Condition(f"({_path(field)} = {quoted(text)})")


def begins_with(field: str, text: str) -> Condition:
    """A text field that begins with a text of letters, digits and colons (`like` means something by other signs)."""
    if not text.replace(":", "").isalnum():
        raise ValueError(f"{text[:120]!r} may be more than a beginning")
    return Condition(f"({_path(field)} like {quoted(text + '%')})")


def field_in(field: str, texts: Sequence[str]) -> Condition:
    """A field that holds one of at most 50 texts."""
    return _in(_path(field), [quoted(text) for text in texts])


def points_to(field: str, record_id: str, among: str | None = None) -> Condition:
    """A lookup to this record; of a lookup into several modules, `among` names the record's (facts 3.1)."""
    path = _path(f"{field}.id") if among is None else f"'{name(field)}->{name(among)}.id'"
    return Condition(f"({path} = {quoted_id(record_id)})")


def is_null(field: str) -> Condition:
    return Condition(f"({_path(field)} is null)")


def and_(first: Condition, *others: Condition) -> Condition:
    """All of them, in pairs."""
    return _pairs("and", first, *others)


def or_(first: Condition, *others: Condition) -> Condition:
    """At least one of them, in pairs."""
    return _pairs("or", first, *others)


def matching(criteria: Criteria) -> Condition:
    """A filter's criteria; they mean what COQL makes of them, which core/sifting.py answers for."""
    if isinstance(criteria, Joined):
        return _pairs(criteria.word, *(matching(part) for part in criteria.parts))
    field, operator = _path(criteria.field), criteria.operator
    if operator in ("is null", "is not null"):
        return Condition(f"({field} {operator})")
    literals = [_literal(value) for value in criteria.values]
    if operator.endswith("in"):
        return _in(field, literals, operator)
    return Condition(f"({field} {operator} {literals[0]})")


def _literal(value: Scalar) -> str:
    if isinstance(value, bool):
        return quoted(str(value).lower())
    return quoted(value) if isinstance(value, str) else f"{Decimal(repr(value)):f}"


def name(text: str) -> str:
    """A module or field name, checked. Raises ValueError that names it."""
    if not is_api_name(text):
        raise ValueError(f"{text[:120]!r} is not an API name")
    return text


def quoted(text: str) -> str:
    """A text as one literal. Raises ValueError for characters that no text of Zoho's holds."""
    for character in text:
        if unicodedata.category(character) in ("Cc", "Cs"):
            raise ValueError(f"a literal may not hold the character U+{ord(character):04X}")
    return "'" + text.replace("'", "''") + "'"


def quoted_time(moment: datetime) -> str:
    if moment.tzinfo is None:
        raise ValueError("a time without offset cannot be asked for")
    return f"'{format_instant(moment)}'"


def quoted_id(record_id: str) -> str:
    if not is_record_id(record_id):
        raise ValueError(f"{str(record_id)[:120]!r} is not a record id")
    return f"'{record_id}'"


def _path(text: str) -> str:
    hops = text.split(".")
    if len(hops) > _MOST_HOPS + 1:
        raise ValueError(f"{text[:120]!r} walks through more than {_MOST_HOPS} lookups")
    path = ".".join(name(hop) for hop in hops)
    return f"'{path}'" if path.lower() in _RESERVED else path


def _in(field: str, literals: list[str], operator: str = "in") -> Condition:
    if not 1 <= len(literals) <= MOST_VALUES:
        raise ValueError(f"a list in a query holds 1 to {MOST_VALUES} values, not {len(literals)}")
    return Condition(f"({field} {operator} ({', '.join(literals)}))")


def _pairs(word: str, first: Condition, *others: Condition) -> Condition:
    terms = first.terms + sum(other.terms for other in others)
    if terms > MOST_TERMS:
        raise ValueError(f"a query takes at most {MOST_TERMS} criteria, not {terms}")
    text = first.text
    for other in others:
        text = f"({text} {word} {other.text})"
    return Condition(text, terms)
