"""COQL's grammar (facts 3.1): from the text of a query to a `Query` value. Knows no modules and no records.

The grammar itself refuses three unbracketed conditions: AND and OR join exactly two terms.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from lark import Lark, Token, Transformer, Tree, UnexpectedCharacters, UnexpectedInput, UnexpectedToken
from lark.exceptions import VisitError

from daemon.emulator import errors

_GRAMMAR = r"""
start: query
query: SELECT columns FROM module WHERE expr group? order? limit?
columns: selected ("," selected)*
selected: expr_column (AS NAME)?
expr_column: column | aggregate
aggregate: FUNCTION "(" column ")"
column: PATH | NAME | STRING
module: NAME ("#" INT)?
?expr: pair | term
pair: term AND term -> both
    | term OR term -> either
?term: condition | "(" expr ")"
condition: expr_column OPERATOR value -> compare
    | expr_column IN "(" value ("," value)* ")" -> inside
    | expr_column NOT IN "(" value ("," value)* ")" -> outside
    | expr_column IN "(" query ")" -> inside
    | expr_column NOT IN "(" query ")" -> outside
    | expr_column LIKE STRING -> like
    | expr_column NOT LIKE STRING -> unlike
    | expr_column IS NULL -> empty
    | expr_column IS NOT NULL -> filled
    | expr_column BETWEEN value AND value -> between
    | expr_column NOT BETWEEN value AND value -> beyond
value: STRING | NUMBER | INT | TRUE | FALSE
group: GROUP BY column ("," column)*
order: ORDER BY ordering ("," ordering)*
ordering: expr_column (ASC | DESC)?
limit: LIMIT INT (OFFSET INT)? -> limit_offset
    | LIMIT INT "," INT -> offset_limit
    | OFFSET INT -> offset_alone

FUNCTION.3: /(COUNT|SUM|MIN|MAX|AVG)(?=\s*\()/
SELECT.2: /select\b/i
FROM.2: /from\b/i
WHERE.2: /where\b/i
GROUP.2: /group\b/i
ORDER.2: /order\b/i
BY.2: /by\b/i
LIMIT.2: /limit\b/i
OFFSET.2: /offset\b/i
AND.2: /and\b/i
OR.2: /or\b/i
NOT.2: /not\b/i
IN.2: /in\b/i
LIKE.2: /like\b/i
IS.2: /is\b/i
NULL.2: /null\b/i
BETWEEN.2: /between\b/i
AS.2: /as\b/i
ASC.2: /asc\b/i
DESC.2: /desc\b/i
TRUE.2: /true\b/i
FALSE.2: /false\b/i
PATH.1: /[A-Za-z$][\w$]*(\.[A-Za-z$][\w$]*)+/
NAME: /[A-Za-z$_][\w$]*/
OPERATOR: "!=" | "<>" | ">=" | "<=" | "=" | ">" | "<"
STRING: /'(?:[^']|'')*'/ | /"[^"]*"/
NUMBER: /-?\d+\.\d+/
INT: /-?\d+/
%import common.WS
%ignore WS
"""

DEFAULT_LIMIT = 200


@dataclass(frozen=True, slots=True)
class Column:
    """A column path, possibly under an aggregate function."""

    path: tuple[str, ...]
    function: str | None = None

    @property
    def text(self) -> str:
        """The column as it is written."""
        dotted = ".".join(self.path)
        return f"{self.function}({dotted})" if self.function else dotted


@dataclass(frozen=True, slots=True)
class Test:
    """`column operator values`."""

    column: Column
    operator: str
    values: tuple[Any, ...] = ()
    from_subquery: bool = False


@dataclass(frozen=True, slots=True)
class Pair:
    """Two expressions joined by `and` or `or`."""

    word: str
    left: Expression
    right: Expression


Expression = Test | Pair


@dataclass(frozen=True, slots=True, kw_only=True)
class Query:
    """A whole query, syntactically right."""

    columns: tuple[tuple[Column, str], ...]
    module: str
    where: Expression
    view: str | None = None
    group: tuple[Column, ...] = ()
    order: tuple[tuple[Column, bool], ...] = ()
    limit: int = DEFAULT_LIMIT
    offset: int = 0
    comma: bool = False


def _literal(token: Token) -> Any:
    if token.type == "STRING":
        return token[1:-1].replace("''", "'")
    if token.type == "INT":
        return int(token) if len(token) < 40 else float(token)
    if token.type == "NUMBER":
        return float(token)
    return token.lower() == "true"


def _counts(parts: list[Token]) -> list[int]:
    """The numbers of a LIMIT; of an endless one the first digits, which are far beyond any limit."""
    return [int(part[:30]) for part in parts if part.type == "INT"]


def _test(operator: str) -> Any:
    def make(_: Any, parts: list[Any]) -> Test:
        values = [part for part in parts[1:] if not (isinstance(part, Token) and part.type != "STRING")]
        return Test(parts[0], operator, tuple(_literal(v) if isinstance(v, Token) else v for v in values))

    return make


class _Build(Transformer[Token, Query]):
    """Lark's tree into values; method names are the grammar's rules."""

    inside, outside, like, unlike = _test("in"), _test("not in"), _test("like"), _test("not like")
    empty, filled, between, beyond = _test("is null"), _test("is not null"), _test("between"), _test("not between")

    def start(self, parts: list[Any]) -> Query:
        query: Query = parts[0]
        return query

    def compare(self, parts: list[Any]) -> Test:
        column, operator, value = parts
        return Test(column, "!=" if operator == "<>" else str(operator), (value,))

    def value(self, parts: list[Any]) -> Any:
        return _literal(parts[0])

    def column(self, parts: list[Any]) -> Column:
        text = str(parts[0])
        return Column(tuple((text[1:-1] if text[0] in "'\"" else text).split(".")))

    def aggregate(self, parts: list[Any]) -> Column:
        return Column(parts[1].path, str(parts[0]))

    def expr_column(self, parts: list[Any]) -> Column:
        column: Column = parts[0]
        return column

    def selected(self, parts: list[Any]) -> tuple[Column, str]:
        return (parts[0], str(parts[2]) if len(parts) > 1 else parts[0].text)

    def columns(self, parts: list[Any]) -> tuple[Any, ...]:
        return tuple(parts)

    def module(self, parts: list[Any]) -> tuple[str, str | None]:
        return (str(parts[0]), str(parts[1]) if len(parts) > 1 else None)

    def both(self, parts: list[Any]) -> Pair:
        return Pair("and", parts[0], parts[2])

    def either(self, parts: list[Any]) -> Pair:
        return Pair("or", parts[0], parts[2])

    def group(self, parts: list[Any]) -> tuple[str, Any]:
        return ("group", tuple(parts[2:]))

    def ordering(self, parts: list[Any]) -> tuple[Column, bool]:
        return (parts[0], len(parts) > 1 and parts[1].type == "DESC")

    def order(self, parts: list[Any]) -> tuple[str, Any]:
        return ("order", tuple(parts[2:]))

    def limit_offset(self, parts: list[Any]) -> tuple[str, Any]:
        numbers = _counts(parts)
        return ("limit", (numbers[0], numbers[1] if len(numbers) > 1 else 0, False))

    def offset_alone(self, parts: list[Any]) -> tuple[str, Any]:
        return ("limit", (DEFAULT_LIMIT, *_counts(parts), False))

    def offset_limit(self, parts: list[Any]) -> tuple[str, Any]:
        numbers = _counts(parts)
        return ("limit", (numbers[1], numbers[0], True))

    def query(self, parts: list[Any]) -> Query:
        parts = [part for part in parts if not isinstance(part, Token) or part.type == "NAME"]
        columns, (module, view), where, *rest = parts
        extras = dict(rest)
        limit, offset, comma = extras.get("limit", (DEFAULT_LIMIT, 0, False))
        return Query(
            columns=columns, module=module, view=view, where=where, group=extras.get("group", ()),
            order=extras.get("order", ()), limit=limit, offset=offset, comma=comma,
        )  # fmt: skip


_PARSER = Lark(_GRAMMAR, start="start", parser="lalr", maybe_placeholders=False)
_INNER = re.compile(r"\(\s*select\b", re.IGNORECASE)
MAX_INNER, MAX_CRITERIA = 20, 25
_MAX_QUERIES = 6  # the outer one and five inside; the exact count comes later, this keeps the tree shallow
_CLAUSES = ("SELECT", "FROM", "WHERE")


def _joins(part: Tree[Token]) -> bool:
    return part.data in ("both", "either")


@lru_cache(maxsize=512)
def parse(text: str) -> Query:
    """The query behind a text, or SYNTAX_ERROR (facts 3.7)."""
    if len(_INNER.findall(text)) > MAX_INNER:
        raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_INNER})
    try:
        tree = _PARSER.parse(text)
        if sum(1 for _ in tree.find_pred(_joins)) > MAX_CRITERIA * _MAX_QUERIES:
            raise errors.refuse("LIMIT_EXCEEDED", "max limit exceeded", {"limit": MAX_CRITERIA})
        return _Build().transform(tree)
    except UnexpectedToken as wrong:
        raise _unexpected(wrong) from None
    except UnexpectedCharacters as wrong:
        near = text[wrong.pos_in_stream : (wrong.pos_in_stream or 0) + 20]
        raise errors.refuse("SYNTAX_ERROR", "error occured while parsing the query", {"near": near}) from None
    except (UnexpectedInput, VisitError, RecursionError, ValueError):
        raise errors.refuse("SYNTAX_ERROR", "error occured while parsing the query", {"near": text[:20]}) from None


def _unexpected(wrong: UnexpectedToken) -> errors.ZohoError:
    missing = [name for name in _CLAUSES if name in wrong.expected]
    if missing and (wrong.token.type == "$END" or wrong.token.type in ("WHERE", "ORDER", "GROUP", "LIMIT")):
        return errors.refuse("SYNTAX_ERROR", "missing clause", {"clause": missing[0].lower()})
    near = str(wrong.token)
    if wrong.token.type in ("AND", "OR"):
        return errors.refuse("SYNTAX_ERROR", "error occured while parsing the query", {"near": near})
    details = {"line": wrong.line, "column": wrong.column, "near": near}
    return errors.refuse("SYNTAX_ERROR", "unexpected token", details)
