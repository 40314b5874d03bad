"""What can go wrong with the ledger, typed by what its reader must do next.

    LedgerError                 the ledger refused something; the text says what and why
    ├── LedgerUnavailable       the file cannot be used: disk, rights, lock, damage
    ├── LedgerTooNew            a newer orgsync wrote it: install that one
    ├── LedgerTooOld            it has to be upgraded before it can be read
    ├── LedgerHeld              another process is its writer
    ├── OrgChanged              a name stands for another Zoho org than before
    ├── StreamChanged           a stream's name stands for other orgs or modules than before
    ├── ClaimLost               another daemon runs the stream now
    ├── StreamUnknown           a stream that was never started
    ├── LinkConflict            a target record stands for another source record already
    └── NaiveTime               a time without an offset (a mistake of the caller)

SQLAlchemy's and sqlite3's own errors end here: their texts never reach a person, and no value of a record is in ours.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from sqlalchemy.exc import IntegrityError, OperationalError, SQLAlchemyError, StatementError


class LedgerError(Exception):
    """The ledger refused something."""


class LedgerUnavailable(LedgerError):  # noqa: N818 - named for what is the matter, as all of this tree
    """The ledger's file cannot be used."""

    def __init__(self, file: Path | str, what: str, advice: str) -> None:
        super().__init__(f"the ledger {file} cannot be used: {what}. {advice}")
        self.file = str(file)
        self.what = what
        self.advice = advice


class LedgerMissing(LedgerUnavailable):
    """There is no ledger yet."""

    def __init__(self, file: Path | str) -> None:
        advice = "The first `orgsync once` or `orgsync run` makes it. If there should be one, look at ledger.url"
        LedgerError.__init__(self, f"there is no ledger at {file} yet, and none was made. {advice}")
        self.file, self.what, self.advice = str(file), "there is none yet", advice


class LedgerTooNew(LedgerError):  # noqa: N818
    """A newer orgsync wrote this ledger."""

    def __init__(self, file: Path | str, revision: str) -> None:
        super().__init__(
            f"the ledger {file} has revision {revision}, which this orgsync does not know: a newer one wrote it. "
            "Nothing was touched. Install the newer orgsync and start that"
        )
        self.revision = revision


class LedgerTooOld(LedgerError):  # noqa: N818
    """The ledger has to be upgraded before it can be read."""

    def __init__(self, file: Path | str, revision: str, head: str) -> None:
        super().__init__(
            f"the ledger {file} has revision {revision}, this orgsync reads revision {head}. Nothing was touched. "
            "`orgsync run` or `orgsync once` brings it up to date"
        )
        self.revision = revision


class LedgerHeld(LedgerError):  # noqa: N818
    """Another process is the writer of this ledger."""

    def __init__(self, file: Path | str, pid: int | None) -> None:
        who = "another process" if pid is None else f"process {pid}"
        super().__init__(f"the ledger {file} is held by {who}: one ledger has one writer. Stop that one first")
        self.pid = pid


class OrgChanged(LedgerError):  # noqa: N818
    """The name of an org stands for another Zoho org than before."""

    def __init__(self, name: str, known_zgid: str, found_zgid: str) -> None:
        super().__init__(
            f"org {name!r} is Zoho org {known_zgid} in the ledger, but its credential opens Zoho org {found_zgid}. "
            "Nothing was touched. Give the other org a name of its own, or use a ledger of its own"
        )
        self.name = name
        self.known_zgid = known_zgid
        self.found_zgid = found_zgid


class StreamChanged(LedgerError):  # noqa: N818
    """The name of a stream stands for other orgs or modules than before."""

    def __init__(self, stream: str, known: str, found: str) -> None:
        super().__init__(
            f"stream {stream} is {known} in the ledger, but {found} in the settings. Nothing was touched. "
            "Give the route a new name, or put its orgs and modules back"
        )
        self.stream = stream


class StreamUnknown(LedgerError):  # noqa: N818
    """The stream was never started in this ledger."""

    def __init__(self, stream: str) -> None:
        super().__init__(f"stream {stream} was never started in this ledger")
        self.stream = stream


class ClaimLost(LedgerError):  # noqa: N818
    """Another daemon runs the stream by now."""

    def __init__(self, stream: str) -> None:
        super().__init__(
            f"stream {stream} is run by another daemon now. Nothing was stored; what was on its way to the target is "
            "looked up there by the other one"
        )
        self.stream = stream


class LinkConflict(LedgerError):  # noqa: N818
    """A target record would stand for two source records."""

    def __init__(self, target: str, known: str, wanted: str) -> None:
        super().__init__(
            f"{target} stands for {known} already and cannot stand for {wanted} too. Nothing was stored. "
            "Look at both: one of them is a duplicate, or the target's key field holds a wrong value"
        )
        self.target = target
        self.known = known
        self.wanted = wanted


class NaiveTime(LedgerError, ValueError):  # noqa: N818
    """A time without an offset."""


_BACKUP: Final = "Keep a copy of it, then put the latest backup in its place: an older ledger catches up by itself"
_FREE_SPACE: Final = "Nothing was half written. Free some space; a daemon that runs goes on by itself"
_SQLITE: Final = {
    "SQLITE_FULL": ("the disk is full", _FREE_SPACE),
    "SQLITE_IOERR_SHMSIZE": ("the disk is full", _FREE_SPACE),
    "SQLITE_IOERR": ("the disk failed to read or write", "Nothing was half written. Look at the system's log for it"),
    "SQLITE_READONLY": ("it may not be written", "Make the file and its folder writable for the user of orgsync"),
    "SQLITE_PERM": ("it may not be opened", "Make the file readable and writable for the user of orgsync"),
    "SQLITE_BUSY": ("another program has it locked", "Nothing was written. Close that program; read with -readonly"),
    "SQLITE_LOCKED": ("another program has it locked", "Nothing was written. Close that program; read with -readonly"),
    "SQLITE_CORRUPT": ("it is damaged", _BACKUP),
    "SQLITE_NOTADB": ("it is not an SQLite file", f"If it should be the ledger, it is damaged. {_BACKUP}"),
    "SQLITE_CANTOPEN": ("it cannot be opened", "Look whether file and folder exist and belong to the user of orgsync"),
    "SQLITE_NOMEM": ("memory ran out", "Nothing was half written. Give the process more memory"),
    "SQLITE_TOOBIG": ("a text is too long for it", "Nothing was written. Report this with the stream's name"),
}
_NO_SERVER: Final = (
    "Nothing was half written. Look whether the Postgres server runs, ledger.url names it with a user and a database "
    "of it, and ledger.password is right"
)
_POSTGRES: Final = {
    "42501": ("the user may not do that there", "Make the user the owner of the database"),
    "25P03": (
        "a transaction stood still for too long, and its server ended it",
        "Nothing was written, and it is tried again. Look whether this machine is short of processor or was asleep",
    ),
    "25006": ("its server takes no writes (a standby?)", "Name the primary in ledger.url"),
    "53100": ("the disk of its server is full", "Nothing was half written. Free some space; orgsync goes on by itself"),
    "53300": ("its server has no connection left", "Raise max_connections there, or run fewer daemons"),
    "53": ("its server is short of resources", "Nothing was half written. Look at the server's log"),
    "55P03": ("another program has it locked", "Nothing was written. End that program's transaction"),
    "57014": ("a question took too long", "Nothing was written. Look at the server's load"),
    "57P": ("its server is shutting down or starting", _NO_SERVER),
    "08": ("the connection to its server broke", _NO_SERVER),
    "58": ("the disk of its server failed to read or write", "Nothing was half written. Look at the server's log"),
    "XX": ("it is damaged", "Put the latest backup in its place: an older ledger catches up by itself"),
}


@contextmanager
def speaking(ledger: str) -> Iterator[None]:
    """Turn whatever the database says inside the block into a LedgerError that names the ledger."""
    try:
        yield
    except SQLAlchemyError as error:
        raise _in_our_words(error, ledger) from None
    except sqlite3.Error as error:
        raise _in_our_words(error, ledger) from None


def _in_our_words(error: SQLAlchemyError | sqlite3.Error, ledger: str) -> LedgerError:
    cause = error.orig if isinstance(error, StatementError) else error
    if isinstance(cause, LedgerError):
        return cause
    name = getattr(cause, "sqlite_errorname", None) or ""
    for start, (what, advice) in _SQLITE.items():
        if name.startswith(start):
            return LedgerUnavailable(ledger, f"{what} ({name})", advice)
    state = getattr(cause, "sqlstate", None) or ""
    for start, (what, advice) in _POSTGRES.items():
        if state.startswith(start):
            return LedgerUnavailable(ledger, f"{what} ({state})", advice)
    if isinstance(error, OperationalError) and not state and not name:  # what fails at connecting has no code
        return LedgerUnavailable(ledger, f"its server cannot be used ({_first_line(cause)})", _NO_SERVER)
    if isinstance(error, IntegrityError):
        return LedgerError(f"the ledger {ledger} refused a change that breaks its rules: {cause}. Nothing was stored")
    return LedgerError(f"the ledger {ledger} could not do what was asked: {type(cause).__name__}: {_first_line(cause)}")


def _first_line(cause: object) -> str:
    lines = str(cause).splitlines()
    return lines[0][:200] if lines else ""
