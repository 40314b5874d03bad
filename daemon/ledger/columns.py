"""The kinds of columns that the ledger's tables have; each says in `doc` what it holds."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final

from sqlalchemy import BigInteger, Column, DateTime, Dialect, Integer, Text, TypeDecorator
from sqlalchemy.types import TypeEngine

from daemon.ledger.errors import NaiveTime

Id: Final = BigInteger().with_variant(Integer(), "sqlite")


def storable(value: str) -> str:
    """A text from outside as every database takes it: without lone surrogates and NUL."""
    return value.encode("utf-8", "replace").decode().replace("\0", "\ufffd")


class UtcTime(TypeDecorator[datetime]):
    """An aware time, stored as UTC. SQLite has no type for it and gets `YYYY-MM-DD HH:MM:SS.ffffff`."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def load_dialect_impl(self, dialect: Dialect) -> TypeEngine[Any]:
        return dialect.type_descriptor(Text() if dialect.name == "sqlite" else DateTime(timezone=True))

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | str | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise NaiveTime("the ledger takes times with an offset only; this one has none")
        moment = value.astimezone(UTC)
        return moment.replace(tzinfo=None).isoformat(" ", "microseconds") if dialect.name == "sqlite" else moment

    def process_result_value(self, value: datetime | str | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if isinstance(value, str):
            return datetime.fromisoformat(value).replace(tzinfo=UTC)
        return value.astimezone(UTC)


def text(name: str, doc: str, *, key: bool = False, default: str | None = None) -> Column[str]:
    return Column(name, Text, primary_key=key, nullable=False, server_default=default, doc=doc)


def maybe(name: str, doc: str) -> Column[str | None]:
    return Column(name, Text, nullable=True, doc=doc)


def time(name: str, doc: str, *, key: bool = False) -> Column[datetime]:
    return Column(name, UtcTime, primary_key=key, nullable=False, doc=doc)


def maybe_time(name: str, doc: str) -> Column[datetime | None]:
    return Column(name, UtcTime, nullable=True, doc=doc)


def number(name: str, doc: str) -> Column[int]:
    return Column(name, Integer, nullable=False, server_default="0", doc=doc)


def number_of_row() -> Column[int]:
    return Column("id", Id, primary_key=True, autoincrement=True, doc="number of the row, growing")
