"""A disk that is full, a file that is damaged, a folder that is read-only: a sentence, and nothing half written."""

import os
import shutil
import sqlite3
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, event

from daemon.ledger import Ledger, LedgerUnavailable, Reader, sqlite

pytestmark = pytest.mark.sqlite

NOBODY = 65534


@pytest.fixture
def folder(fresh: Path) -> Iterator[Path]:
    """A folder that everybody may enter, with a ledger that everybody may write."""
    path = Path(tempfile.mkdtemp(prefix="orgsync-"))
    shutil.copy(fresh, path / "ledger.db")
    path.chmod(0o777)
    (path / "ledger.db").chmod(0o666)
    yield path
    path.chmod(0o777)
    shutil.rmtree(path)


@pytest.fixture
def unprivileged() -> Iterator[None]:
    """Root may write everywhere, so root becomes somebody else for the while."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


class small_disk:  # noqa: N801 - reads as an adjective
    """New connections may make the file no longer than this."""

    def __init__(self, pages: int) -> None:
        self.pages = pages

    def limit(self, connection, _):
        connection.execute(f"PRAGMA max_page_count = {self.pages}")

    def __enter__(self):
        event.listen(Engine, "connect", self.limit)

    def __exit__(self, *_):
        event.remove(Engine, "connect", self.limit)


def big_page(make, first):
    ids = [str(first + n) for n in range(500)]
    linked = [make.linked(i, f"9{i}", "w" * 32, Email="e" * 12, Phone="p" * 12) for i in ids]
    return make.page({"created": 500}, linked=linked, written=[make.written(i, f"9{i}", "Email") for i in ids])


def test_a_full_disk_is_said_and_nothing_is_half_written(url, file, contacts, make):
    with small_disk(80), Ledger.open(url) as ledger:
        ledger.start_stream(contacts, "v1", "create", make.now)
        before = file.everything()
        with pytest.raises(LedgerUnavailable, match=r"the disk is full \(SQLITE_FULL\).*Free some space") as caught:
            ledger.settle(contacts, big_page(make, 1_000), None, make.now)
        assert caught.value.file == str(file.path)
        assert file.everything() == before
        ledger.polled(contacts, make.now, None, True)
    with Ledger.open(url) as ledger:
        assert ledger.settle(contacts, big_page(make, 1_000), None, make.now) == 1


def test_a_full_disk_at_the_first_start_leaves_a_file_that_opens_later(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with small_disk(10), pytest.raises(LedgerUnavailable, match="the disk is full"):
        Ledger.open(url)
    Ledger.open(url).close()


def test_a_damaged_file_is_said_with_the_way_back(file, url, contacts, make):
    with Ledger.open(url) as ledger:
        ledger.start_stream(contacts, "v1", "create", make.now)
        ledger.settle(contacts, big_page(make, 1_000), None, make.now)
    with file.path.open("r+b") as raw:
        raw.seek(4096)
        raw.write(os.urandom(file.path.stat().st_size - 4096))
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerUnavailable, match=r"it is damaged.*latest backup"):
            opens(url)


@pytest.mark.parametrize("content", [b"[ledger]\nurl = 'x'\n" * 99, os.urandom(8192)])
def test_a_file_that_is_no_database_is_said(tmp_path, content):
    path = tmp_path / "settings.toml"
    path.write_bytes(content)
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerUnavailable, match="it is not an SQLite file"):
            opens(f"sqlite:///{path}")
    assert path.read_bytes() == content


def test_a_folder_that_is_read_only_is_said_with_what_to_do(folder, unprivileged):
    os.seteuid(0) if os.getuid() == 0 else None
    folder.chmod(0o555)
    os.seteuid(NOBODY) if os.getuid() == 0 else None
    for name in ("ledger.db", "other.db"):
        with pytest.raises(LedgerUnavailable, match=r"Permission denied.*writable for the user of orgsync"):
            Ledger.open(f"sqlite:///{folder}/{name}")


def test_a_file_that_is_read_only_is_said(folder, unprivileged):
    os.seteuid(0) if os.getuid() == 0 else None
    (folder / "ledger.db").chmod(0o444)
    os.seteuid(NOBODY) if os.getuid() == 0 else None
    with pytest.raises(LedgerUnavailable, match="cannot be written"):
        Ledger.open(f"sqlite:///{folder}/ledger.db")
    with Reader.open(f"sqlite:///{folder}/ledger.db") as reader:
        assert reader.streams() == []


def test_a_program_that_locks_the_file_is_said(monkeypatch, url, contacts, make, file):
    monkeypatch.setattr(sqlite, "BUSY_S", 0.2)
    other = sqlite3.connect(file.path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(LedgerUnavailable, match="another program has it locked"):
        Ledger.open(url)
    other.execute("ROLLBACK")
    with Ledger.open(url) as ledger:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(LedgerUnavailable, match="another program has it locked"):
            ledger.start_stream(contacts, "v1", "create", make.now)
        other.execute("ROLLBACK")
        ledger.start_stream(contacts, "v1", "create", make.now)
    other.close()


def test_no_error_carries_a_value_of_a_record(ledger, contacts, make):
    rows = [make.row("1", state="lost", detail="canary-detail", value="canary-value")]
    with pytest.raises(Exception, match="ck_retry_queue_state") as caught:
        ledger.settle(contacts, make.page({"held": 1}, queued=rows), None, make.now)
    shown, error = [], caught.value
    while error is not None:
        shown.append(f"{error!r} {error}")
        error = error.__cause__ or error.__context__
    assert "canary" not in " ".join(shown)
