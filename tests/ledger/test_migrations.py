"""The schema that migrations make is the one that the code believes in; they move whole or not at all."""

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from daemon.ledger import Ledger, LedgerError, Reader, migrate
from daemon.ledger.database import locate
from daemon.ledger.tables import HEAD, metadata

ROOT = Path(__file__).parents[2]


def test_the_code_knows_the_newest_revision():
    assert ScriptDirectory(str(migrate.folder())).get_current_head() == HEAD


def test_autogenerate_finds_no_difference(file):
    with locate(file.url).reader().connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []


@pytest.mark.sqlite  # which keeps the words
def test_the_migrated_schema_is_the_one_of_the_tables_word_for_word(file, tmp_path):
    engine = create_engine(f"sqlite:///{tmp_path}/all.db")
    metadata.create_all(engine)
    query = "SELECT name, sql FROM sqlite_master WHERE type IN ('table', 'index') AND sql IS NOT NULL"
    with engine.connect() as connection:
        wanted = {name: words(sql) for name, sql in connection.exec_driver_sql(query)}
    found = {name: words(sql) for name, sql in file.rows(query)}
    del found["alembic_version"]
    found.pop("sqlite_sequence", None)
    assert found == wanted


def words(sql):
    """A statement without spaces; the order of a table's constraints is nobody's business."""
    return sorted(re.split(r",(?=CONSTRAINT|PRIMARY|UNIQUE|FOREIGN|CHECK)", re.sub(r"\s+", "", sql.rstrip(" )"))))


def test_every_table_and_column_says_what_it_is():
    for table in metadata.tables.values():
        assert table.info["doc"], table.name
        assert all(column.doc for column in table.columns), table.name


def test_down_and_up_again_leaves_a_ledger_that_works(ledger, contacts, make, file, url):
    page = make.page({"held": 1}, queued=[make.row("1")], linked=[make.linked("2", "92")], written=[make.written("2")])
    ledger.settle(contacts, page, None, make.now)
    ledger.close()
    migrate.downgrade(locate(file.url), "base")
    assert file.tables() == []
    migrate.upgrade(locate(file.url))
    with Ledger.open(url) as again:
        again.start_stream(contacts, "v1", "create", make.now)
        assert again.settle(contacts, page, None, make.now) == 1


def test_an_upgrade_of_an_up_to_date_ledger_changes_nothing(ledger, contacts, make, file):
    ledger.settle(contacts, make.page(linked=[make.linked("2", "92")]), None, make.now)
    ledger.close()
    before = file.everything()
    migrate.upgrade(locate(file.url))
    migrate.upgrade(locate(file.url), "0001")
    assert file.everything() == before


def test_a_revision_that_is_none_is_refused(file):
    with pytest.raises(LedgerError, match="no migration leads to '7777'"):
        migrate.downgrade(locate(file.url), "7777")


KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from daemon.ledger import Ledger
left = [int(sys.argv[2])]
@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
Ledger.open(sys.argv[1])
"""


@pytest.mark.parametrize("statement", [2, 9, 21, 34])
def test_a_first_migration_that_is_killed_leaves_a_ledger_that_opens(tmp_path, statement):
    url = f"sqlite:///{tmp_path}/ledger.db"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    killed = subprocess.run([sys.executable, "-c", KILLED, url, str(statement)], check=False, env=environment)
    assert killed.returncode == -signal.SIGKILL
    Ledger.open(url).close()
    with Reader.open(url) as reader:
        assert reader.streams() == []
