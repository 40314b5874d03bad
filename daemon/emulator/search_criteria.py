"""The criteria of search and count: `((Last_Name:equals:Lee)and(City:starts_with:Gr))` (facts 3.8).

A backslash takes the meaning from a comma, a parenthesis or a backslash. Nesting and number are bounded.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from daemon.emulator import errors
from daemon.emulator.clock import parse_moment
from daemon.emulator.coql_columns import raw_value
from daemon.emulator.fields import CHILDREN, Field
from daemon.emulator.org import Org
from daemon.emulator.schema import Module
from daemon.emulator.store import Record
from daemon.emulator.validation import parse_id

Passes = Callable[[Record], bool]
MAX_CRITERIA, MAX_DEPTH = 15, 20
_TOKEN = re.compile(r"\\.|[()]|[^\\()]+|\\", re.DOTALL)
_IDS = frozenset({"lookup", "ownerlookup", "userlookup", "multi_module_lookup", "bigint"})
_NUMBERS = frozenset({"integer", "double", "currency", "percent"})
_ORDER = frozenset({"greater_than", "less_than", "greater_equal", "less_equal", "between"})
_TEXT_ORDER = frozenset({"starts_with", "equals", "not_equal", "in", "is_empty"})


def _refused(reason: str, **details: Any) -> errors.ZohoError:
    return errors.refuse("INVALID_QUERY", "Invalid query formed", {"reason": reason, **details})


class _Text:
    """The criteria text as tokens."""

    def __init__(self, text: str) -> None:
        self.tokens = [word for word in _TOKEN.findall(text) if word in "()" or word.strip()]
        self.at = 0

    def peek(self) -> str:
        return self.tokens[self.at] if self.at < len(self.tokens) else ""

    def take(self) -> str:
        token = self.peek()
        self.at += 1
        return token


def compile_criteria(org: Org, module: Module, text: str) -> Passes:
    """The test that a criteria text stands for, or Zoho's refusal."""
    if text.count(":") // 2 > MAX_CRITERIA * 4:
        raise errors.refuse("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", {"limit": MAX_CRITERIA})
    tokens, found = _Text(text), list[Passes]()
    passes = _joined(org, module, tokens, found, 0)
    if tokens.peek():
        raise _refused("unexpected token", near=tokens.peek()[:20])
    if len(found) > MAX_CRITERIA:
        raise errors.refuse("CRITERIA_LIMIT_EXCEEDED", "criteria limit exceeded", {"limit": MAX_CRITERIA})
    return passes


def _joined(org: Org, module: Module, tokens: _Text, found: list[Passes], depth: int) -> Passes:
    passes = _group(org, module, tokens, found, depth)
    while (word := tokens.peek().strip().lower()) in ("and", "or"):
        tokens.take()
        passes = _both(word, passes, _group(org, module, tokens, found, depth))
    return passes


def _both(word: str, left: Passes, right: Passes) -> Passes:
    if word == "and":
        return lambda record: left(record) and right(record)
    return lambda record: left(record) or right(record)


def _group(org: Org, module: Module, tokens: _Text, found: list[Passes], depth: int) -> Passes:
    if tokens.take() != "(" or depth > MAX_DEPTH:
        raise _refused("bracket expected")
    if tokens.peek() == "(":
        passes = _joined(org, module, tokens, found, depth + 1)
    else:
        words = []
        while tokens.peek() not in ("", ")"):
            words.append(tokens.take())
        passes = _criterion(org, module, "".join(words))
        found.append(passes)
    if tokens.take() != ")":
        raise _refused("bracket expected")
    return passes


def _criterion(org: Org, module: Module, text: str) -> Passes:
    name, _, rest = text.partition(":")
    operator, _, value = rest.partition(":")
    name, operator = name.strip(), operator.strip()
    field = module.fields.get(name)
    if field is None or field.data_type in CHILDREN:
        raise _refused("invalid column", api_name=name)
    numeric = field.data_type in _NUMBERS or field.data_type in ("date", "datetime", "bigint")
    if operator not in (_TEXT_ORDER | _ORDER if numeric else _TEXT_ORDER):
        raise _refused("invalid operator found", api_name=name, operator=operator)
    wanted = [_value(field, part) for part in _parts(value)]
    if operator != "is_empty" and (not wanted or any(one is None for one in wanted)):
        raise _refused("invalid value", api_name=name)
    if operator == "between" and len(wanted) < 2:
        raise _refused("invalid value", api_name=name)
    return _test(operator, field, raw_value(org, field, module.layout_id), wanted)


def _parts(text: str) -> list[str]:
    pieces, now = [], ""
    for piece in re.findall(r"\\.|,|[^\\,]+|\\", text, re.DOTALL):
        if piece == ",":
            pieces.append(now)
            now = ""
        else:
            now += piece[1:] if piece.startswith("\\") and len(piece) == 2 else piece
    return [piece.strip() for piece in [*pieces, now]]


def _value(field: Field, text: str) -> Any:
    if field.api_name == "id" or field.data_type in _IDS:
        return parse_id(text)
    if field.data_type == "datetime":
        return parse_moment(text.replace(" ", "+"))
    if field.data_type in _NUMBERS:
        return float(text) if re.fullmatch(r"-?\d{1,30}(\.\d{1,30})?", text) and text.isascii() else None
    if field.data_type == "boolean":
        return {"true": True, "false": False}.get(text.lower())
    return text.casefold()


def _folded(value: Any) -> Any:
    if isinstance(value, list):
        return ";".join(map(str, value)).casefold()
    return value.casefold() if isinstance(value, str) else value


def _test(operator: str, field: Field, raw: Callable[[Record], Any], wanted: list[Any]) -> Passes:
    first, last = (wanted[0], wanted[-1]) if wanted else (None, None)
    # equals behaves like contains except on picklists (facts 3.8)
    contains = field.data_type in ("text", "textarea", "email", "phone", "website", "multiselectpicklist")
    decide: dict[str, Callable[[Any], bool]] = {
        "equals": lambda value: str(first) in str(value) if contains else value == first,
        "not_equal": lambda value: value != first,
        "in": lambda value: value in wanted,
        "starts_with": lambda value: str(value).startswith(str(first)),
        "greater_than": lambda value: value > first,
        "less_than": lambda value: value < first,
        "greater_equal": lambda value: value >= first,
        "less_equal": lambda value: value <= first,
        "between": lambda value: first <= value <= last,
        "is_empty": lambda _: False,
    }
    chosen = decide[operator]

    def passes(record: Record) -> bool:
        value = _folded(raw(record))
        if value is None:
            return operator == "is_empty"
        try:
            return chosen(value)
        except TypeError:
            return False  # a hand-edited value of another type than its field

    return passes
