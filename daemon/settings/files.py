"""Reads one small file: regular, whole, and private where it has to be. Refuses to wait on pipes and devices."""

from __future__ import annotations

import os
import shlex
import stat
from dataclasses import dataclass
from pathlib import Path
from typing import Final

MAX_BYTES: Final = 1 << 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Unreadable:
    """Why a file was not read, in words for a Problem."""

    found: str
    hint: str | None = None


def read_bytes(path: Path, *, private: bool = False) -> bytes | Unreadable:
    """The content of a regular file of at most 1 MiB.

    A private file must belong to this user or root and be closed to group and others.
    """
    try:
        # Not blocking, so that a pipe without a writer is refused below and not waited for.
        handle = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return Unreadable(found=f"no file {path}")
    except OSError as error:
        return Unreadable(found=f"{path}, which cannot be read: {error.strerror}")
    try:
        refused = _refused(path, os.fstat(handle), private=private)
        return refused if refused is not None else _content(handle)
    except OSError as error:
        return Unreadable(found=f"{path}, which cannot be read: {error.strerror}")
    finally:
        os.close(handle)


def _content(handle: int) -> bytes:
    with os.fdopen(handle, "rb", closefd=False) as file:
        return file.read(MAX_BYTES)


def _refused(path: Path, status: os.stat_result, *, private: bool) -> Unreadable | None:
    if stat.S_ISDIR(status.st_mode):
        return Unreadable(found=f"{path}, which is a directory")
    if not stat.S_ISREG(status.st_mode):
        return Unreadable(found=f"{path}, which is not a regular file")
    if status.st_size > MAX_BYTES:
        return Unreadable(found=f"{path}, which is larger than 1 MiB")
    if private and status.st_mode & 0o077:
        return Unreadable(
            found=f"{path}, which others can read or change (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"run: chmod 600 {shlex.quote(str(path))}",
        )
    if private and status.st_uid not in (os.geteuid(), 0):
        return Unreadable(
            found=f"{path}, which belongs to another user (uid {status.st_uid})",
            hint=f"run: chown {os.geteuid()} {shlex.quote(str(path))}",
        )
    return None
