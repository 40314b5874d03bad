"""docs/ledger.md is tested: every question of it gives the same rows in the same order on both databases, and every
view, table and column stands there.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from daemon.ledger import Ledger, copying
from daemon.ledger.database import locate
from tests.ledger import muddle, table_docs
from tests.ledger.conftest import File, Remote
from tests.postgres import Server

DOC = table_docs.FILE.read_text(encoding="utf-8")
QUESTIONS = dict(re.findall(r"\n([A-Z][^\n]*\?[^\n]*)\n\n```sql\n(.*?)```", DOC, re.DOTALL))
VIEWS = dict(re.findall(r"\n### (v_\w+)\n(.*?)(?=\n##)", DOC, re.DOTALL))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("muddle") / "ledger.db"
    Ledger.open(f"sqlite:///{path}").close()
    muddle.muddle(locate(f"sqlite:///{path}"))
    return path


@pytest.fixture(scope="module")
def english(server: Server, path: Path) -> Iterator[str]:
    """The same ledger in a database that sorts as English does and shows times as in India. In both, sums are off."""
    server.drop("muddle")
    server.make_english("muddle")
    server.sql("postgres", "ALTER DATABASE muddle SET timezone = 'Asia/Kolkata'")
    copying.copy(locate(f"sqlite:///{path}"), locate(server.url("muddle")))
    off = "UPDATE cycles SET seen = seen + 7 WHERE id IN (3, 50, 51)"
    File(path).force(off)
    Remote(server, "muddle").force(off)
    yield server.url("muddle")
    server.drop("muddle")


def in_sqlite(path: Path, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        cursor = connection.execute(query)
        return [column[0] for column in cursor.description], cursor.fetchall()
    finally:
        connection.close()


def in_postgres(url: str, query: str) -> tuple[list[str], list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        cursor = connection.execute(query.encode())
        assert cursor.description is not None
        return [column.name for column in cursor.description], [tuple(map(as_sqlite, row)) for row in cursor]


def as_sqlite(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).replace(tzinfo=None).isoformat(" ", "microseconds")
    return value


def without_ages(names: list[str], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Seconds until now, to the minute after which the second database was asked: both may differ by a little."""
    ages = {n for n, name in enumerate(names) if name in ("lag_s", "polled_s", "oldest_s")}
    return [tuple(value is None if n in ages else value for n, value in enumerate(row)) for row in rows]


def test_an_operator_has_at_least_ten_questions() -> None:
    assert len(QUESTIONS) >= 10
    assert len(QUESTIONS) == DOC.count("```sql")


@pytest.mark.parametrize("question", QUESTIONS)
def test_every_question_has_the_same_answer_on_both_databases(path: Path, english: str, question: str) -> None:
    names, rows = in_sqlite(path, QUESTIONS[question])
    names_there, rows_there = in_postgres(english, QUESTIONS[question])
    assert names_there == names
    assert len(rows) > 1, "the ledger of the test holds nothing for it"
    assert without_ages(names, rows_there) == without_ages(names, rows)
    for name, here, there in zip(names * len(rows), sum(rows, ()), sum(rows_there, ()), strict=True):
        assert here == there or (name.endswith("_s") and abs(here - there) < 60), name


@pytest.mark.parametrize("view", VIEWS)
def test_every_view_has_the_same_rows_on_both_databases(path: Path, english: str, view: str) -> None:
    query = f"SELECT * FROM {view}"  # noqa: S608 - a name from our own document
    names, rows = in_sqlite(path, query)
    names_there, rows_there = in_postgres(english, query)
    assert names_there == names
    here, there = (sorted(map(repr, without_ages(names, found))) for found in (rows, as_numbers(rows_there)))
    assert here == there


def as_numbers(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    return [tuple(int(v) if type(v).__name__ == "Decimal" else v for v in row) for row in rows]


def test_every_view_and_each_of_its_columns_is_documented_on_both_databases(path: Path, english: str) -> None:
    _, views = in_sqlite(path, "SELECT name FROM sqlite_master WHERE type = 'view' ORDER BY name")
    assert [name for (name,) in views] == sorted(VIEWS)
    for view, text in VIEWS.items():
        documented = re.findall(r"^\| (\w+) \| \S", text, re.MULTILINE)[1:]
        for names, _ in (
            in_sqlite(path, f"SELECT * FROM {view}"),  # noqa: S608
            in_postgres(english, f"SELECT * FROM {view}"),  # noqa: S608
        ):
            assert names == documented, view


def test_every_table_and_each_of_its_columns_is_documented() -> None:
    assert DOC.endswith(table_docs.MARK + table_docs.tables()), "run: python -m tests.ledger.table_docs"


def test_words_of_mixed_case_sort_by_their_bytes_on_both(path: Path, english: str) -> None:
    query = "SELECT DISTINCT code FROM causes ORDER BY code"
    words = [word for (word,) in in_sqlite(path, query)[1]]
    assert words == sorted(muddle.WORDS, key=str.encode)
    assert [word for (word,) in in_postgres(english, query)[1]] == words
    compared = "SELECT count(*) FROM causes WHERE code < 'a'"
    assert in_sqlite(path, compared)[1] == in_postgres(english, compared)[1]
