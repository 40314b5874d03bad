"""The README is tested: its commands are the ones that CI runs, and its queries run on a real ledger."""

from __future__ import annotations

import re
import shlex
import sqlite3
from pathlib import Path

import click
import pytest

from daemon.cli import COMMANDS, app
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


def typed(block: str) -> list[list[str]]:
    """The words of each orgsync command of a block, without the comments."""
    steps = [step.strip() for line in block.splitlines() for step in line.partition("#")[0].split("&&")]
    return [shlex.split(step)[1:] for step in steps if re.match(r"(\.venv/bin/)?orgsync ", step)]


@pytest.mark.parametrize("page", ["README.md", "docs/README.ja.md"])
def test_every_command_of_a_block_is_one_with_options_that_there_are(page: str) -> None:
    blocks = re.findall(r"```sh\n(.*?)```", (ROOT / page).read_text(encoding="utf-8"), re.DOTALL)
    commands = [words for block in blocks for words in typed(block)]
    assert len(commands) == 7
    top = app.make_context("orgsync", ["status"], resilient_parsing=True)
    for name, *words in commands:
        command = app.get_command(top, name)
        assert command is not None, name
        command.make_parser(click.Context(command, top)).parse_args(words)  # raises where there is no such option


def test_the_first_sync_is_typed_as_the_test_of_the_first_minutes_types_it() -> None:
    [block] = [one for one in re.findall(r"```sh\n(.*?)```", README, re.DOTALL) if "orgsync init" in one]
    played = [line.removeprefix("$ orgsync ").split() for line in README.splitlines() if line.startswith("$ orgsync ")]
    assert typed(block) == [*played, ["run"]]


def test_ci_runs_the_test_command_as_it_stands_in_the_readme() -> None:
    assert "sed -n '/<!-- tests -->/" in (ROOT / ".ci" / "run").read_text(encoding="utf-8")
