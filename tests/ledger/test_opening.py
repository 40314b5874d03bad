"""Making, opening, refusing: who may have the ledger and when."""

import fcntl
import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from daemon.ledger import (
    Ledger,
    LedgerError,
    LedgerHeld,
    LedgerLock,
    LedgerMissing,
    LedgerTooNew,
    LedgerTooOld,
    LedgerUnavailable,
    Reader,
    migrate,
)
from daemon.ledger.database import locate
from daemon.ledger.tables import HEAD

ROOT = Path(__file__).parents[2]


def child(code, *arguments):
    """A process of its own; `code` prints a line when it is where the test wants it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    return subprocess.Popen(
        [sys.executable, "-c", code, *arguments], env=environment, stdout=subprocess.PIPE, text=True
    )


pytestmark = pytest.mark.sqlite

HOLD = """
import sys, time
from daemon.ledger import Ledger
ledger = Ledger.open(sys.argv[1])
print("open", flush=True)
time.sleep(60)
"""


def test_a_new_ledger_and_its_companions_are_for_their_owner_only(tmp_path, contacts, make):
    mask = os.umask(0o022)
    try:
        with Ledger.open(f"sqlite:///{tmp_path}/new 50%.db") as ledger:
            ledger.start_stream(contacts, "v1", "create", make.now)
            modes = {path.name: oct(path.stat().st_mode & 0o777) for path in tmp_path.iterdir()}
    finally:
        os.umask(mask)
    names = ("", "-wal", "-shm", ".lock")
    assert modes == {f"new 50%.db{name}": "0o600" for name in names}


def test_a_ledger_keeps_its_secret_and_its_name(tmp_path):
    url = f"sqlite:///{tmp_path}/ledger.db"
    with Ledger.open(url) as first:
        key, name = first.digest_key, first.ledger_id
    with Ledger.open(url) as second:
        assert (second.digest_key, second.ledger_id, second.revision) == (key, name, HEAD)
    assert len(key) == 32
    with Ledger.open(f"sqlite:///{tmp_path}/other.db") as other:
        assert other.digest_key != key


def test_a_second_process_is_refused_with_the_pid_of_the_first_until_that_dies(url):
    holder = child(HOLD, url)
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(LedgerHeld, match=f"held by process {holder.pid}") as caught:
        Ledger.open(url)
    assert caught.value.pid == holder.pid
    holder.send_signal(signal.SIGKILL)
    holder.wait()
    Ledger.open(url).close()


def test_a_second_process_is_refused_by_whatever_link_it_comes(file, url, tmp_path):
    (tmp_path / "by").mkdir()
    link = tmp_path / "by" / "another.db"
    link.symlink_to(file.path)
    holder = child(HOLD, f"sqlite:///{link}")
    assert holder.stdout.readline() == "open\n"
    with pytest.raises(LedgerHeld):
        Ledger.open(url)
    holder.kill()
    holder.wait()
    circle = tmp_path / "by" / "circle.db"
    circle.symlink_to(circle)
    with pytest.raises(LedgerError, match="a link that leads nowhere"):
        Ledger.open(f"sqlite:///{circle}")


def test_one_process_may_hold_its_lock_more_than_once(file, url):
    with LedgerLock(file.path), Ledger.open(url):
        pass
    with LedgerLock(file.path) as lock:
        lock.acquire()
        lock.release()
        lock.release()
    with lock.file.open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_reading_works_while_a_writer_is_in_a_transaction(ledger, reader, contacts, make):
    with ledger._writing():
        assert len(reader.streams()) == 2
        assert ledger.links(contacts, ["1"]) == {}


def test_a_reader_never_writes(reader):
    with pytest.raises(LedgerUnavailable, match="it may not be written"), reader._reading() as connection:
        connection.exec_driver_sql("DELETE FROM checkpoints")


def test_a_reader_makes_no_ledger(tmp_path):
    with pytest.raises(LedgerUnavailable, match=r"there is no ledger at .* yet"):
        Reader.open(f"sqlite:///{tmp_path}/none.db")
    assert list(tmp_path.iterdir()) == []


def test_a_ledger_of_a_newer_version_is_refused_and_not_touched(file, url):
    file.run(
        "UPDATE alembic_version SET version_num = '9f3c'; UPDATE meta SET value = '9f3c' WHERE name = 'oldest_code'"
    )
    before = file.everything()
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerTooNew, match=r"revision 9f3c.*Nothing was touched. Install the newer orgsync"):
            opens(url)
    assert file.everything() == before
    with LedgerLock(file.path).file.open() as free:
        fcntl.flock(free, fcntl.LOCK_EX | fcntl.LOCK_NB)


def test_a_reader_asks_for_the_upgrade_of_an_older_ledger(tmp_path):
    url = f"sqlite:///{tmp_path}/old.db"
    (tmp_path / "old.db").touch()
    with pytest.raises(LedgerMissing, match="there is no ledger at"):
        Reader.open(url)
    migrate.upgrade(locate(url), "0001")
    with pytest.raises(LedgerTooOld, match="`orgsync run` or `orgsync once` brings it up to date"):
        Reader.open(url)


def test_another_programs_database_is_refused_and_not_touched(tmp_path, file):
    file.run("DROP TABLE alembic_version")
    before = file.everything()
    for opens in (Ledger.open, Reader.open):
        with pytest.raises(LedgerError, match="some other program's tables"):
            opens(f"sqlite:///{file.path}")
    assert file.everything() == before


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("sqlite://", "must name a file"),
        ("sqlite:///:memory:", "must name a file"),
        ("mysql://me:secret@db/x", "names a mysql database"),
        ("postgresql://me:secret@db/x", "holds a password"),
        ("postgresql://db", "names no database"),
        ("postgresql://me@db.example.com/x?sslmode=require", "sslmode must be verify-full or verify-ca"),
        ("postgresql://db/x?options=-csearch_path", "the option options is none of"),
        ("nonsense", "not a database url"),
        ("", "not a database url"),
        ("sqlite:////nowhere/at/all.db", "/nowhere/at/all.db cannot be used"),
    ],
)
def test_a_url_that_names_no_file_is_refused_in_one_sentence(url, message):
    with pytest.raises(LedgerError, match=message) as caught:
        Ledger.open(url)
    assert "secret" not in str(caught.value)


def test_threads_share_one_ledger(ledger, contacts, accounts, make, file):
    def work(stream, first):
        for number in range(first, first + 20):
            cycle = ledger.settle(stream, make.page(linked=[make.linked(str(number), f"9{number}")]), None, make.now)
            assert ledger.links(stream, [str(number)])
            ledger.finish_cycle(cycle, 1, 1, None, make.now)

    threads = [threading.Thread(target=work, args=(s, n)) for s in (contacts, accounts) for n in (100, 200, 300)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert file.rows("SELECT count(*), sum(seen) FROM cycles WHERE finished_at IS NOT NULL") == [(120, 120)]


def test_opening_an_up_to_date_ledger_does_not_load_alembic(url):
    code = "import sys; from daemon.ledger import Ledger; Ledger.open(sys.argv[1]); print('alembic' in sys.modules)"
    with child(code, url) as process:
        assert process.stdout.read() == "False\n"


def test_closing_twice_is_harmless(url):
    ledger = Ledger.open(url)
    ledger.close()
    ledger.close()
    started = time.monotonic()
    Ledger.open(url).close()
    assert time.monotonic() - started < 2
