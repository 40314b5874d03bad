"""A ledger that is newer than the code: each revision says which is the oldest code that can run on it."""

from __future__ import annotations

import pytest

from daemon.ledger import Ledger, LedgerTooNew, Reader, copying, migrate
from daemon.ledger.database import locate
from daemon.ledger.tables import HEAD

REVISIONS = [script.revision for script in migrate._scripts().walk_revisions()][::-1]


def newer(file, oldest: str) -> None:
    """As a later orgsync leaves it that only added something."""
    file.run("ALTER TABLE checkpoints ADD COLUMN later TEXT NOT NULL DEFAULT 'x'")
    file.run("UPDATE alembic_version SET version_num = '9999'")
    file.run(f"UPDATE meta SET value = '{oldest}' WHERE name = 'oldest_code'")  # noqa: S608


def test_a_newer_ledger_on_which_this_code_can_run_is_read_and_written_and_not_moved(file, make, contacts):
    newer(file, HEAD)
    with Ledger.open(file.url) as ledger, Reader.open(file.url) as reader:
        ledger.start_stream(contacts, "v1", "create", make.now)
        ledger.settle(contacts, make.page(), None, make.now)
        assert [s.last_seen for s in reader.streams()] == [1]
    assert copying.revision(locate(file.url)) == ("9999", HEAD)
    assert file.one("SELECT later FROM checkpoints") == "x"


def test_one_that_asks_for_newer_code_is_refused_and_not_touched(file):
    newer(file, "9999")
    before = file.everything()
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerTooNew, match=r"revision 9999.*Nothing was touched. Install the newer orgsync"):
            opens(file.url)
    assert file.everything() == before


@pytest.mark.parametrize("script", ["DELETE FROM meta WHERE name = 'oldest_code'", "DROP TABLE meta"])
def test_one_that_does_not_say_is_refused(file, script):
    newer(file, HEAD)
    file.run(script)
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerTooNew):
            opens(file.url)


def test_one_that_is_newer_is_neither_copied_nor_brought_down(file, tmp_path):
    newer(file, HEAD)
    with pytest.raises(LedgerTooNew):
        copying.copy(locate(file.url), locate(f"sqlite:///{tmp_path}/copy.db"))
    for move in (migrate.upgrade, migrate.downgrade):
        with pytest.raises(LedgerTooNew):
            move(locate(file.url), REVISIONS[0])


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_revision_notes_in_the_ledger_which_code_can_run_on_it(file, revision):
    migrate.downgrade(locate(file.url), revision)
    noted = file.one("SELECT value FROM meta WHERE name = 'oldest_code'")
    assert noted == migrate.oldest_code(revision)
    assert REVISIONS.index(noted) <= REVISIONS.index(revision)


def test_code_that_cannot_run_on_a_revision_cannot_run_on_those_after_it():
    demanded = [REVISIONS.index(migrate.oldest_code(revision)) for revision in REVISIONS]
    assert demanded == sorted(demanded)


def test_what_a_migration_says_of_older_code_is_a_revision_before_it():
    said = {s.revision: getattr(s.module, "oldest_code", None) for s in migrate._scripts().walk_revisions()}
    told = [(REVISIONS.index(oldest), REVISIONS.index(revision)) for revision, oldest in said.items() if oldest]
    assert told
    assert all(oldest < revision for oldest, revision in told)


def test_the_texts_of_postgres_sort_as_those_of_sqlite(server):
    """By their bytes, in a database that sorts by language otherwise."""
    server.drop("english")
    Ledger.open(server.make_english("english")).close()
    found = server.sql(
        "english",
        "SELECT c.relname, a.attname FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid "
        "JOIN pg_collation k ON k.oid = a.attcollation WHERE c.relkind = 'r' AND a.attnum > 0 AND k.collname <> 'C' "
        "AND c.relnamespace = current_schema()::regnamespace",
    )
    assert [column for column in found if column[0] != "alembic_version"] == []
    migrate.downgrade(locate(server.url("english")), "0006")
    migrate.upgrade(locate(server.url("english")))
