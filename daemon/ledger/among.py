"""IN (…) for any number of values as one parameter: few statements, and none of them has to be built anew.

SQLite takes them as a JSON list, Postgres as an array.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import orjson
from sqlalchemy import ARRAY, BigInteger, Boolean, ColumnElement, Dialect, Integer, Text, TypeDecorator, bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import TypeEngine


def among(column: ColumnElement[str] | ColumnElement[int], values: Collection[str] | Collection[int]) -> _Among:
    """Whether a column's value is one of these; they are read while the statement runs, not now."""
    many = _NUMBERS if isinstance(column.type, Integer) else _TEXTS
    return _Among(column, bindparam(None, list(values), type_=many))


class _Many(TypeDecorator[Any]):
    """A list of values as a parameter."""

    impl = Text
    cache_ok = True

    def __init__(self, kind: type[Text] | type[BigInteger]) -> None:
        super().__init__()
        self.kind = kind

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else ARRAY(self.kind()))

    def process_bind_param(self, value: list[Any] | None, dialect: Dialect) -> str | list[Any] | None:
        return orjson.dumps(value).decode() if dialect.name == "sqlite" else value


_TEXTS, _NUMBERS = _Many(Text), _Many(BigInteger)


class _Among(FunctionElement[bool]):
    inherit_cache = True
    type = Boolean()

    def self_group(self, against: object = None) -> _Among:  # noqa: ARG002
        """As it is: SQLAlchemy would compare it with 1, and SQLite then use no index."""
        return self


@compiles(_Among, "sqlite")
def _in_list(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} IN (SELECT value FROM json_each({values}))"  # noqa: S608 - parts that SQLAlchemy has made


@compiles(_Among, "postgresql")
def _in_array(element: _Among, compiler: SQLCompiler, **kw: Any) -> str:
    column, values = (compiler.process(one, **kw) for one in element.clauses)
    return f"{column} = ANY ({values})"
