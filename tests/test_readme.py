"""The README is tested: its commands are the ones that CI runs, and its queries run on a real ledger."""

from __future__ import annotations

import re
import sqlite3
from pathlib import Path

import pytest

from daemon.cli import COMMANDS
from daemon.ledger import Ledger

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
QUERIES = re.findall(r"```sql\n(.*?)```", README, re.DOTALL)


@pytest.fixture(scope="module")
def ledger(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("ledger") / "orgsync.db"
    Ledger.open(f"sqlite:///{path}").close()
    return path


def test_the_questions_of_an_operator_have_their_queries() -> None:
    assert len(QUERIES) == 2  # docs/ledger.md has the rest: tests/ledger/test_sql.py


@pytest.mark.parametrize("query", QUERIES)
def test_every_query_runs_on_a_ledger(ledger: Path, query: str) -> None:
    with sqlite3.connect(f"file:{ledger}?mode=ro", uri=True) as connection:
        connection.execute(query).fetchall()


@pytest.mark.parametrize("mark", ["demo", "tests"])
def test_each_of_the_two_commands_is_one_line_behind_its_mark(mark: str) -> None:
    [command] = re.findall(rf"<!-- {mark} -->\n```sh\n([^\n]*)\n```", README)
    assert command.startswith("python3 -m venv .venv && ")


def test_every_command_is_in_the_readme() -> None:
    assert [name for name in COMMANDS if f"`orgsync {name}" not in README] == []


def test_ci_runs_the_test_command_as_it_stands_in_the_readme() -> None:
    assert "sed -n '/<!-- tests -->/" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
