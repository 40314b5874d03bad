"""The operators and functions of expressions (expression.py). Each takes and gives plain values: text, number, boolean,
None for blank. What has no value is a NoValueError with the reason; nothing here can grow a value without bound.
"""

from __future__ import annotations

import ast
import operator
from collections.abc import Callable, Mapping
from contextvars import ContextVar
from datetime import UTC, date, tzinfo
from decimal import ROUND_HALF_UP, Context, Decimal
from math import isfinite
from typing import Any, Final

from daemon.core.convert import local_date, number_of_text, plain_number

LONGEST: Final = 100_000
"""Characters of a text that an expression makes; Zoho's own fields end far below."""

ZONE: ContextVar[tzinfo] = ContextVar("zone", default=UTC)
"""The source org's time zone while an expression is evaluated."""

_PRECISE: Final = Context(prec=400)


class NoValueError(ValueError):
    """An expression has no value for this record; the text says why."""


def _number(value: object, what: str) -> int | float:
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise NoValueError(f"{what} needs a number, {_shown(value)} was given")
    return value


def _text(value: object, what: str) -> str:
    if not isinstance(value, str):
        raise NoValueError(f"{what} needs a text, {_shown(value)} was given")
    return value


def _shown(value: object) -> str:
    names = {str: "a text", bool: "true/false", int: "a number", float: "a number"}
    return "a blank" if value is None else names.get(type(value), "a list")


def _bounded(text: str) -> str:
    if len(text) > LONGEST:
        raise NoValueError(f"a text of more than {LONGEST} characters would be made")
    return text


def _finite(number: int | float) -> int | float:
    if isinstance(number, float) and not isfinite(number):
        raise NoValueError("the number is too large")
    return number


def _add(left: object, right: object) -> object:
    if isinstance(left, str) and isinstance(right, str):
        return _bounded(left + right)
    return _finite(_number(left, "+") + _number(right, "+"))


def _arithmetic(sign: str, compute: Callable[[Any, Any], Any]) -> Callable[[object, object], object]:
    return lambda left, right: _finite(compute(_number(left, sign), _number(right, sign)))


def _order(sign: str, compare: Callable[[Any, Any], bool]) -> Callable[[object, object], bool]:
    def ordered(left: object, right: object) -> bool:
        if isinstance(left, str) and isinstance(right, str):
            return compare(left, right)
        return compare(_number(left, sign), _number(right, sign))

    return ordered


def _in(item: object, among: object) -> bool:
    return item in among if isinstance(among, (tuple, list)) else _text(item, "in") in _text(among, "in")


OPERATORS: Final[Mapping[type[ast.AST], Callable[..., object]]] = {
    ast.Add: _add,
    ast.Sub: _arithmetic("-", operator.sub),
    ast.Mult: _arithmetic("*", operator.mul),
    ast.Div: _arithmetic("/", operator.truediv),
    ast.FloorDiv: _arithmetic("//", operator.floordiv),
    ast.Mod: _arithmetic("%", operator.mod),
    ast.USub: lambda value: -_number(value, "-"),
    ast.UAdd: lambda value: _number(value, "+"),
    ast.Not: operator.not_,
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: _order("<", operator.lt),
    ast.LtE: _order("<=", operator.le),
    ast.Gt: _order(">", operator.gt),
    ast.GtE: _order(">=", operator.ge),
    ast.In: _in,
    ast.NotIn: lambda item, among: not _in(item, among),
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
}


def _round(number: object, digits: object = 0) -> object:
    """Half away from zero, as money is rounded; a whole number when no digits are asked for."""
    places = _number(digits, "round")
    if not isinstance(places, int) or not 0 <= places <= 15:
        raise NoValueError("round takes 0 to 15 digits")
    exact = Decimal(repr(_number(number, "round")))
    rounded = exact.quantize(Decimal(1).scaleb(-places), rounding=ROUND_HALF_UP, context=_PRECISE)
    return int(rounded) if places == 0 or isinstance(number, int) else float(rounded)


def _extreme(name: str, choose: Callable[..., Any]) -> Callable[..., object]:
    def extreme(first: object, *more: object) -> object:
        check = _text if isinstance(first, str) else _number
        return choose([check(value, name) for value in (first, *more)])

    return extreme


def _abs(number: object) -> object:
    return abs(_number(number, "abs"))


def _len(text: object) -> int:
    return 0 if text is None else len(_text(text, "len"))


def _changed(name: str, change: Callable[[str], str]) -> Callable[[object], str | None]:
    """A function of one text that leaves a blank a blank."""

    def changed(text: object) -> str | None:
        return None if text is None else change(_text(text, name))

    return changed


def _replace(text: object, old: object, new: object) -> str | None:
    if text is None:
        return None
    whole, gone, come = (_text(value, "replace") for value in (text, old, new))
    if len(whole) + whole.count(gone) * (len(come) - len(gone)) > LONGEST:
        raise NoValueError(f"a text of more than {LONGEST} characters would be made")
    return whole.replace(gone, come)


def _concat(*parts: object) -> str:
    """All as texts, one after the other; blanks leave nothing behind."""
    return _bounded("".join(_str(part) or "" for part in parts))


def _str(value: object) -> str | None:
    if value is None or isinstance(value, str):
        return value
    return ("true" if value else "false") if isinstance(value, bool) else plain_number(_number(value, "str"))


def _int(value: object) -> int:
    """The whole part of a number, or of a text that is one."""
    return int(_number(number_of_text(value) if isinstance(value, str) else value, "int"))


def _float(value: object) -> float:
    return float(_number(number_of_text(value) if isinstance(value, str) else value, "float"))


def _coalesce(*values: object) -> object:
    """The first that is not blank."""
    return next((value for value in values if value is not None and value != ""), None)


def _day_of(value: object, what: str) -> date:
    return local_date(_text(value, what), ZONE.get())


def _date(value: object) -> str | None:
    """The day of a date or a time, in the source org's time zone."""
    return None if value is None else _day_of(value, "date").isoformat()


def _year(value: object) -> int:
    return _day_of(value, "year").year


def _month(value: object) -> int:
    return _day_of(value, "month").month


def _day(value: object) -> int:
    return _day_of(value, "day").day


FUNCTIONS: Final[Mapping[str, Callable[..., object]]] = {
    "round": _round,
    "abs": _abs,
    "min": _extreme("min", min),
    "max": _extreme("max", max),
    "int": _int,
    "float": _float,
    "str": _str,
    "concat": _concat,
    "len": _len,
    "lower": _changed("lower", str.lower),
    "upper": _changed("upper", str.upper),
    "strip": _changed("strip", str.strip),
    "replace": _replace,
    "coalesce": _coalesce,
    "date": _date,
    "year": _year,
    "month": _month,
    "day": _day,
}
DATED: Final = frozenset({"date", "year", "month", "day"})
"""Functions whose value depends on the source org's time zone."""
