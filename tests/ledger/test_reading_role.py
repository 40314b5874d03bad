"""The role of docs/postgres.md for people who only look: it reads every table and view but the secret, and no more."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from daemon.ledger import Ledger, migrate
from daemon.ledger.database import locate
from daemon.ledger.tables import metadata
from tests.postgres import Server, running_server

GUIDE = (Path(__file__).parents[2] / "docs" / "postgres.md").read_text(encoding="utf-8")
ONCE, AGAIN = re.findall(r"```sql\n(.*?)```", GUIDE, re.DOTALL)
OPERATIONS = (Path(__file__).parents[2] / "docs" / "operations.md").read_text(encoding="utf-8")
[DUMP] = re.findall(r"^pg_dump .*", OPERATIONS, re.MULTILINE)
[RESTORE] = re.findall(r"^pg_restore .*", OPERATIONS, re.MULTILINE)
BEFORE = "ALTER DEFAULT PRIVILEGES FOR ROLE orgsync IN SCHEMA public GRANT SELECT ON TABLES TO orgsync_reader"
VIEWS = "SELECT table_name FROM information_schema.views WHERE table_schema = 'public'"
WRITES = (
    "DELETE FROM retry_queue",
    "UPDATE checkpoints SET modified_time = now()",
    "INSERT INTO meta VALUES ('a', 'b')",
    "TRUNCATE changes",
    "DROP VIEW v_streams",
    "CREATE TABLE mine (a int)",
    "CREATE TEMP TABLE mine (a int)",
    "ALTER TABLE id_map ADD COLUMN mine int",
    "GRANT SELECT ON meta TO orgsync_reader",
    "SELECT nextval('changes_id_seq')",
    "SELECT value FROM meta",
)


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server on which the names of the script are free."""
    with running_server() as running:
        Ledger.open(running.make("orgsync")).close()
        running.sql("orgsync", ONCE)
        running.sql("orgsync", AGAIN)
        yield running


@pytest.fixture
def looking(own: Server) -> Iterator[psycopg.Connection]:
    with psycopg.connect(own.url("orgsync").replace("orgsync@", "orgsync_reader@"), autocommit=True) as connection:
        yield connection


def reads_all(connection: psycopg.Connection) -> int:
    names = [name for (name,) in connection.execute(VIEWS)] + [name for name in metadata.tables if name != "meta"]
    for name in names:
        connection.execute(f"SELECT * FROM {name}".encode())  # noqa: S608 - names of our own
    return len(names)


def test_it_reads_every_view_and_every_table_but_the_secret_again_after_a_migration(own, looking):
    assert reads_all(looking) > len(metadata.tables)
    migrate.downgrade(locate(own.url("orgsync")), "0004")
    migrate.upgrade(locate(own.url("orgsync")))
    own.sql("orgsync", AGAIN)
    assert reads_all(looking) > len(metadata.tables)


@pytest.mark.parametrize("script", ["SELECT", AGAIN], ids=["dumped before the rights were given", "and after"])
def test_a_restore_shows_it_no_secret_also_where_an_earlier_guide_had_given_it_all_that_comes(
    own, looking, tmp_path, script
):
    own.sql("orgsync", BEFORE)
    own.sql("orgsync", ONCE.splitlines()[-1])
    own.sql("orgsync", "REVOKE SELECT ON ALL TABLES IN SCHEMA public FROM orgsync_reader")
    own.sql("orgsync", script)
    (tmp_path / "backup").mkdir()
    paths = f"{own._binaries}:{os.environ['PATH']}"
    for command in (DUMP, RESTORE):
        environment = {**os.environ, "PATH": paths, "LEDGER": own.url("orgsync")}
        subprocess.run(["/bin/sh", "-euc", command], cwd=tmp_path, env=environment, check=True)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        looking.execute("SELECT value FROM meta")
    own.sql("orgsync", AGAIN)
    assert reads_all(looking) > len(metadata.tables)
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        looking.execute("SELECT value FROM meta")


@pytest.mark.parametrize("may_try", [False, True], ids=["as it is", "after it has said that it may write"])
@pytest.mark.parametrize("statement", WRITES)
def test_it_cannot_write_and_does_not_see_the_secret(looking, statement, may_try):
    if may_try:
        looking.execute("SET default_transaction_read_only = off")
    with pytest.raises((psycopg.errors.InsufficientPrivilege, psycopg.errors.ReadOnlySqlTransaction)):
        looking.execute(statement.encode())
