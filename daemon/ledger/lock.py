"""Who is the ledger's one writer: the process that holds this lock, and nobody after its death.

The lock is the kernel's (flock) on a file beside the ledger, so a killed process leaves none behind; the file holds
the pid for people and messages only. It is never deleted: a deleted lock file is two lock files.
"""

from __future__ import annotations

import fcntl
import os
import threading
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from daemon.ledger.errors import LedgerHeld, LedgerUnavailable

_guard: Final = threading.Lock()
_held: Final[dict[Path, tuple[int, int]]] = {}
"""Lock file -> (descriptor, how often this process holds it)."""


class LedgerLock:
    """The right to write to a ledger; a process may hold it more than once, other processes get LedgerHeld."""

    def __init__(self, ledger: Path) -> None:
        self._ledger = ledger
        self.file: Final = ledger.with_name(ledger.name + ".lock").absolute()
        self._mine = False

    def acquire(self) -> None:
        """Take the lock, or raise LedgerHeld with the holder's pid, or LedgerUnavailable."""
        with _guard:
            if self._mine:
                return
            descriptor, times = _held.get(self.file) or (self._lock(), 0)
            _held[self.file] = (descriptor, times + 1)
            self._mine = True

    def release(self) -> None:
        """Give it back; does nothing when it is not held."""
        with _guard:
            if not self._mine:
                return
            self._mine = False
            descriptor, times = _held.pop(self.file)
            if times > 1:
                _held[self.file] = (descriptor, times - 1)
            else:
                os.close(descriptor)

    def __enter__(self) -> Self:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def _lock(self) -> int:
        try:
            descriptor = os.open(self.file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            advice = "Make the folder exist and writable for the user of orgsync, or change ledger.url"
            raise LedgerUnavailable(self._ledger, f"no lock can be made beside it ({error.strerror})", advice) from None
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            holder = _pid(os.pread(descriptor, 32, 0))
            os.close(descriptor)
            raise LedgerHeld(self._ledger, holder) from None
        except OSError as error:
            os.close(descriptor)
            advice = "The file system has no locks: put the ledger on a local disk"
            raise LedgerUnavailable(self._ledger, f"it cannot be locked ({error.strerror})", advice) from None
        try:
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
        except OSError as error:
            os.close(descriptor)
            advice = "Free some space, then start again"
            raise LedgerUnavailable(self._ledger, f"its lock cannot be written ({error.strerror})", advice) from None
        return descriptor


def _pid(content: bytes) -> int | None:
    text = content.strip()
    return int(text) if text.isdigit() else None
