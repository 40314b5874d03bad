"""The language of `{ expression = "…" }`: Python's expressions, without anything that could do more than compute.

Evaluated by simpleeval, never by eval, and only after every node of the text was found in the short list below: no
attributes, no indexing, no powers, no loops, no comprehensions, no functions but those of functions.py.
"""

from __future__ import annotations

import ast
import inspect
import re
from collections.abc import Iterator
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import tzinfo
from functools import lru_cache
from typing import Final

from simpleeval import EvalWithCompoundTypes, InvalidExpression

from daemon.core.functions import DATED, FUNCTIONS, OPERATORS, ZONE, NoValueError
from daemon.core.record import WireRecord, is_api_name

LENGTH: Final = 1000
"""Characters of an expression."""
DEPTH: Final = 100
"""Levels of an expression: brackets inside brackets, terms of a sum."""
_SHAPES: Final = (ast.BinOp, ast.UnaryOp, ast.BoolOp, ast.Compare, ast.IfExp, ast.Call, ast.Name, ast.Constant)
_LISTS: Final = (ast.Tuple, ast.List)
_SILENT: Final[tuple[type, ...]] = (ast.expr_context, ast.And, ast.Or, *OPERATORS)
_ESCAPE: Final = re.compile(r"\\(?![nt\\\"'])")

Value = str | int | float | bool | None


class ExpressionError(ValueError):
    """A text that is no expression of this language; says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Parsed:
    """An expression, the source fields it reads, and whether it depends on the source org's time zone."""

    tree: ast.expr
    fields: tuple[str, ...]
    dated: bool


@lru_cache(maxsize=1024)
def parse_expression(text: str) -> Parsed:
    """Reads an expression. Raises ExpressionError."""
    if len(text) > LENGTH:
        raise ExpressionError(f"it has {len(text)} characters, {LENGTH} are allowed")
    if _ESCAPE.search(text):
        raise ExpressionError(r"after a backslash only n, t, a quote or another backslash may stand")
    try:
        tree = ast.parse(text.strip(), mode="eval").body
    except SyntaxError as error:
        raise ExpressionError(f"{error.msg} at character {error.offset}") from None
    except (ValueError, RecursionError, MemoryError):
        raise ExpressionError("it cannot be read") from None
    names: dict[str, None] = {}
    called: set[str] = set()
    for node in _walk(tree):
        if isinstance(node, ast.Call):
            called.add(_check_call(node))
        elif isinstance(node, ast.Name):
            if not is_api_name(node.id):
                raise ExpressionError(f"{node.id!r} is not the API name of a field")
            names[node.id] = None
        else:
            _check(node)
    return Parsed(tree, tuple(names), dated=bool(called & DATED))


def evaluate(text: str, record: WireRecord, zone: tzinfo) -> Value:
    """The value of an expression for a record; None is blank. Raises NoValueError with the reason.

    Blank fields are None, lookups and users their names, lists their items joined by ";".
    """
    parsed = parse_expression(text)
    for_record, for_zone = _RECORD.set(record), ZONE.set(zone)
    try:
        value: object = _EVALUATOR.eval(text, previously_parsed=parsed.tree)
    except ZeroDivisionError:
        reason = "division by zero"
    except ValueError as error:
        reason = str(error)
    except (InvalidExpression, ArithmeticError, TypeError, LookupError, RecursionError) as error:
        reason = type(error).__name__
    else:
        if value is None or isinstance(value, (str, bool, int, float)):
            return value if value != "" else None
        reason = "it gives a list"
    finally:
        _RECORD.reset(for_record)
        ZONE.reset(for_zone)
    blank = [name for name in parsed.fields if operand(record.get(name)) is None]
    raise NoValueError(reason + (f" (blank: {', '.join(blank)})" if blank else ""))


def operand(value: object) -> Value:
    """A field's value as an expression sees it."""
    if isinstance(value, dict):
        return str(value.get("name") or "") or None
    if isinstance(value, list):
        return ";".join(map(str, value)) or None
    return value if isinstance(value, (str, int, float)) and value != "" else None


class _Names:
    """What a name stands for: a field of the record that is being evaluated, in this thread."""

    def __getitem__(self, name: str) -> Value:
        return operand(_RECORD.get().get(name))


_RECORD: ContextVar[WireRecord] = ContextVar("record")
_EVALUATOR: Final = EvalWithCompoundTypes(
    operators=dict(OPERATORS), functions=dict(FUNCTIONS), names=_Names(), allowed_attrs={}
)


def _walk(tree: ast.expr) -> Iterator[ast.AST]:
    """All nodes but the names of functions; raises ExpressionError where it goes too deep."""
    left: list[tuple[ast.AST, int]] = [(tree, 1)]
    while left:
        node, depth = left.pop(0)
        if depth > DEPTH:
            raise ExpressionError(f"it has more than {DEPTH} levels")
        yield node
        children = [*node.args, *node.keywords] if isinstance(node, ast.Call) else ast.iter_child_nodes(node)
        left += [(child, depth + 1) for child in children]


def _check_call(node: ast.Call) -> str:
    """The name of the function that is called, with as many values as it takes."""
    if not isinstance(node.func, ast.Name):
        raise ExpressionError("only the functions of orgsync can be called")
    name = node.func.id
    if name not in FUNCTIONS:
        raise ExpressionError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}")
    if node.keywords or any(isinstance(value, ast.Starred) for value in node.args):
        raise ExpressionError(f"{name} takes plain values, without names or stars")
    try:
        inspect.signature(FUNCTIONS[name]).bind(*node.args)
    except TypeError:
        raise ExpressionError(f"{name} does not take {len(node.args)} values") from None
    return name


def _check(node: ast.AST) -> None:
    if isinstance(node, ast.Constant):
        _check_constant(node.value)
    elif isinstance(node, ast.Compare):
        sides = zip(node.ops, [node.left, *node.comparators], node.comparators, strict=False)
        for sign, left, right in sides:
            if isinstance(sign, (ast.Is, ast.IsNot)) and not (_is_none(left) or _is_none(right)):
                raise ExpressionError('"is" is for None; compare by ==')
    elif not isinstance(node, (*_SHAPES, *_LISTS, *_SILENT)):
        raise ExpressionError(f"{type(node).__name__} is not part of the language")


def _check_constant(value: object) -> None:
    if isinstance(value, (bool, str)) or value is None:
        return
    if not isinstance(value, (int, float)) or not abs(value) < 2**63:
        raise ExpressionError("a value in it is no text, no boolean and no number below 2^63")


def _is_none(node: ast.expr) -> bool:
    return isinstance(node, ast.Constant) and node.value is None
