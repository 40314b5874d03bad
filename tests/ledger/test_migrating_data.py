"""Migrations with data in the ledger, on both databases: nothing is lost on the way up, and on the way down only what
the older revision has no place for; a migration that is broken off leaves the old state.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from daemon.ledger import LateJob, Ledger, Reader, migrate
from daemon.ledger.database import Database, locate
from daemon.ledger.tables import HEAD, metadata
from tests.ledger import schema

ROOT = Path(__file__).parents[2]
REVISIONS = [script.revision for script in migrate._scripts().walk_revisions()][::-1]


@pytest.fixture
def database(file) -> Database:
    """Without anything in it."""
    database = locate(file.url)
    migrate.downgrade(database, "base")
    return database


def at(database: Database, revision: str) -> Database:
    migrate.upgrade(database, revision)
    schema.fill(database)
    return database


def without_oldest(rows):
    return rows | {"meta": [row for row in rows["meta"] if row["name"] != "oldest_code"]}


@pytest.mark.parametrize("revision", REVISIONS)
def test_data_of_every_revision_comes_up_whole_and_goes_down_again_as_it_was(database, revision):
    before, shape = schema.rows(at(database, revision)), schema.shape(database)
    assert all(before.values())
    migrate.upgrade(database)
    above = without_oldest(schema.rows(database))
    for table, rows in without_oldest(before).items():
        kept = [{name: row[name] for name in rows[0]} for row in above[table]]
        assert kept == rows, table
    migrate.downgrade(database, revision)
    assert schema.rows(database) == before
    assert schema.shape(database) == shape


@pytest.mark.parametrize("revision", REVISIONS)
def test_newer_data_goes_down_to_every_revision_with_all_that_this_one_knows(database, revision):
    before = without_oldest(schema.rows(at(database, HEAD)))
    migrate.downgrade(database, revision)
    below = without_oldest(schema.rows(database))
    assert {"checkpoints", "id_map", "agreed", "retry_queue", "changes"} <= below.keys()
    for table, rows in below.items():
        assert rows == [{name: row[name] for name in rows[0]} for row in before[table]], table
    migrate.upgrade(database)
    assert without_oldest(schema.rows(database)).keys() == before.keys()


@pytest.mark.parametrize("revision", REVISIONS)
def test_a_ledger_of_every_revision_works_once_it_is_up(database, file, revision, make, contacts):
    at(database, revision)
    with Ledger.open(file.url) as ledger, Reader.open(file.url) as reader:
        assert ledger.revision == HEAD
        ledger.start_stream(contacts, "v1", "create", make.now)
        page = make.page({"created": 1}, linked=[make.linked("1", "91")], written=[make.written("1", "91", "Email")])
        cycle = ledger.settle(contacts, page, None, make.now)
        ledger.finish_cycle(cycle, 1, 1, None, make.now)
        assert {s.stream for s in reader.streams()} >= {contacts.address, "stream 0 Ünï"}
        assert reader.history("1")[0].target_id == "91"


def test_a_hand_edit_that_was_reported_before_it_was_kept_at_the_link_is_kept_there(
    ledger, file, make, contacts
) -> None:
    reported, other = make.row("1", "DRIFT", field="City, Phone"), make.row("2", field="City")
    page = make.page({"held": 2}, linked=[make.linked("1", "91"), make.linked("2", "92")], queued=[reported, other])
    ledger.settle(contacts, page, None, make.now)
    ledger.close()
    migrate.downgrade(locate(file.url), "0011")
    with Ledger.open(file.url) as again:
        links = again.links(contacts, ["1", "2"])
    assert (links["1"].drifted, links["2"].drifted) == ({"City", "Phone"}, frozenset())


def test_a_bulk_write_job_that_was_given_up_before_is_watched_after(database, file, contacts, accounts, make) -> None:
    migrate.upgrade(database, "0017")
    schema.fill(database)
    until = make.now.isoformat(sep=" ")
    for number, stream, sent in ((0, contacts.address, "NULL"), (1, accounts.address, "write_sent_at")):
        file.run(
            f"UPDATE backfills SET stream = '{stream}', write_job_id = '7{number}', write_sent_at = {sent}, "  # noqa: S608
            f"write_until = '{until}' WHERE stream LIKE 'stream {number}%'"
        )
    with Ledger.open(file.url) as ledger:
        assert ledger.late_jobs(contacts) == [LateJob(until=make.now, job_id="70")]
        assert (ledger.backfill(contacts).write_until, ledger.backfill(contacts).write_job_id) == (None, None)
        assert ledger.late_jobs(accounts) == []
        assert (ledger.backfill(accounts).write_until, ledger.backfill(accounts).write_job_id) == (make.now, "71")


class BrokenOffError(Exception):
    """What the test does to a migration."""


def broken_off(database: Database, move, statement: int) -> int:
    """The move, which fails at the statement of that number (0: at none); gives the number of its statements."""
    seen = [0]

    def fail(*_):
        seen[0] += 1
        if seen[0] == statement:
            raise BrokenOffError

    event.listen(Engine, "before_cursor_execute", fail)
    try:
        with suppress(BrokenOffError):
            move(database)
    finally:
        event.remove(Engine, "before_cursor_execute", fail)
    return seen[0]


def up(database: Database) -> None:
    migrate.upgrade(database)


def down(database: Database) -> None:
    migrate.downgrade(database, "0001")


@pytest.mark.parametrize(("start", "move"), [("0001", up), (HEAD, down)], ids=["up", "down"])
def test_a_migration_that_fails_at_any_statement_leaves_the_old_state(database, start, move):
    before = schema.rows(at(database, start)), schema.shape(database)
    statement = 2
    while broken_off(database, move, statement) == statement:
        assert (schema.rows(database), schema.shape(database)) == before, statement
        statement += 19  # each takes a second to look at
    assert statement > 30
    assert schema.shape(database)["revision"] == ("0001" if move is down else HEAD)


KILLED = """
import os, signal, sys
from sqlalchemy import Engine, event
from daemon.ledger import migrate
from daemon.ledger.database import locate
_, url, direction, statement = sys.argv
left = [int(statement)]
@event.listens_for(Engine, "before_cursor_execute")
def count(*_):
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
if direction == "up":
    migrate.upgrade(locate(url))
else:
    migrate.downgrade(locate(url), "0001")
"""


@pytest.mark.parametrize("statement", [6, 30])
@pytest.mark.parametrize(("direction", "start"), [("up", "0001"), ("down", HEAD)])
def test_a_migration_that_is_killed_leaves_the_old_state_and_can_be_repeated(
    database, file, direction, start, statement
):
    before = schema.rows(at(database, start)), schema.shape(database)
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", KILLED, file.url, direction, str(statement)]
    assert subprocess.run(command, check=False, env=environment).returncode == -signal.SIGKILL
    assert (schema.rows(database), schema.shape(database)) == before
    up(database) if direction == "up" else down(database)
    assert schema.shape(database)["revision"] == ("0001" if direction == "down" else HEAD)


def test_a_full_ledger_has_a_row_in_every_table(database):
    assert schema.rows(at(database, HEAD)).keys() == metadata.tables.keys()
