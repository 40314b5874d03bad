"""The file that the daemon and the commands share: one org's tokens, and when they were last renewed.

Mode 0600 in a folder of mode 0700, replaced as a whole, guarded by a lock file across processes (facts 1.5).
"""

from __future__ import annotations

import fcntl
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import orjson

from daemon.core.org import Org, Secret
from daemon.zoho.errors import CredentialRefused, OrgUnavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class Tokens:
    """What the file holds. `made_with` says, without telling it, which credential the access token belongs to,
    `made_at` when that was given, and `scopes` what it may do, as far as Zoho said so.
    """

    refresh_token: Secret | None = None
    access_token: Secret | None = None
    expires_at: datetime | None = None
    renew_at: datetime | None = None
    made_with: str = ""
    renewals: tuple[datetime, ...] = ()
    blocked_until: datetime | None = None
    last_error: str = ""
    made_at: datetime | None = None
    scopes: tuple[str, ...] = ()


def read(org: Org) -> Tokens:
    """What is stored for an org; an absent file is an empty one.

    Raises CredentialRefused when others may read it, or when it holds the only refresh token and cannot be read.
    """
    try:
        handle = os.open(org.token_file, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except FileNotFoundError:
        return Tokens()
    except OSError as error:
        raise CredentialRefused(org.name, f"{org.token_file} cannot be opened: {error.strerror}") from None
    with os.fdopen(handle, "rb") as file:
        mode = stat.S_IMODE(os.fstat(handle).st_mode)
        if mode & 0o077:
            what = f"{org.token_file} may be read by others (mode {mode:04o})"
            raise CredentialRefused(org.name, what, f"Run: chmod 600 {org.token_file}")
        content = file.read(65536)
    try:
        return _parse(content)
    except (ValueError, TypeError, KeyError):
        if org.refresh_token is not None:
            return Tokens()  # only a cache: it is written anew
        what = f"{org.token_file} is damaged"
        raise CredentialRefused(org.name, what, f"Delete it and run: orgsync auth {org.name}") from None


def write(org: Org, tokens: Tokens) -> None:
    """Replace the file in one step, so that a reader or a power cut sees the old one or the new one.

    For the holder of the lock, which also makes the folder.
    """
    folder = org.token_file.parent
    spare = folder / f".{org.token_file.name}.{secrets.token_hex(6)}"
    try:
        try:
            handle = os.open(spare, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(_dump(tokens))
                file.flush()
                os.fsync(handle)
            spare.replace(org.token_file)
        finally:
            spare.unlink(missing_ok=True)
    except OSError as error:
        what = f"{org.token_file} cannot be written: {error.strerror}"
        raise CredentialRefused(org.name, what, f"Make {folder} writable for this user") from None


@contextmanager
def locked(org: Org, patience: float) -> Iterator[None]:
    """Hold the org's lock: one thread of one process at a time. Waits at most `patience` seconds of real time."""
    path = Path(f"{org.token_file}.lock")
    try:
        path.parent.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # state_dir: a parent gets no mode of its own
        path.parent.mkdir(mode=0o700, exist_ok=True)
        handle = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise CredentialRefused(org.name, f"{path} cannot be opened: {error.strerror}") from None
    try:
        for _ in range(max(1, int(patience / 0.02))):
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                time.sleep(0.02)
        else:
            raise OrgUnavailable(org.name, f"another process held {path} for {patience:.0f} s", retry_after=10.0)
        yield
    finally:
        os.close(handle)  # and with it the lock


def _dump(tokens: Tokens) -> bytes:
    def text(moment: datetime | None) -> str | None:
        return moment.astimezone(UTC).isoformat() if moment else None

    content = {
        "refresh_token": tokens.refresh_token.reveal() if tokens.refresh_token else None,
        "access_token": tokens.access_token.reveal() if tokens.access_token else None,
        "expires_at": text(tokens.expires_at),
        "renew_at": text(tokens.renew_at),
        "made_with": tokens.made_with,
        "renewals": [text(moment) for moment in tokens.renewals],
        "blocked_until": text(tokens.blocked_until),
        "last_error": tokens.last_error,
        "made_at": text(tokens.made_at),
        "scopes": list(tokens.scopes),
    }
    return orjson.dumps(content, option=orjson.OPT_INDENT_2)


def _parse(content: bytes) -> Tokens:
    found = orjson.loads(content)
    return Tokens(
        refresh_token=_secret(found["refresh_token"]),
        access_token=_secret(found["access_token"]),
        expires_at=_moment(found["expires_at"]),
        renew_at=_moment(found["renew_at"]),
        made_with=_text(found["made_with"]),
        renewals=tuple(moment for text in found["renewals"] if (moment := _moment(text))),
        blocked_until=_moment(found["blocked_until"]),
        last_error=_text(found["last_error"]),
        made_at=_moment(found.get("made_at")),  # files of older versions have none
        scopes=tuple(_text(scope) for scope in found.get("scopes", [])),  # nor these
    )


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise ValueError("a text was expected")
    return value


def _secret(value: object) -> Secret | None:
    return None if value is None else Secret(_text(value))


def _moment(value: object) -> datetime | None:
    if value is None:
        return None
    moment = datetime.fromisoformat(_text(value))
    if moment.tzinfo is None:
        raise ValueError("a time without offset")
    return moment
