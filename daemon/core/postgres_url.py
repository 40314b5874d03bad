"""What the url of a ledger in Postgres may say. Pure.

It names one server: a host before the path, or a socket's folder in `?host=`, never both. What is judged here is what
the driver is given (ledger/postgres.py).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final
from urllib.parse import parse_qs, urlsplit

SCHEMES: Final = ("postgresql://", "postgresql+psycopg://", "postgres://")
EXAMPLE: Final = "postgresql://orgsync@db.example.com/orgsync"
_OPTIONS: Final = frozenset({"host", "port", "passfile", "sslcert", "sslkey", "sslmode", "sslrootcert"})
_VERIFIED: Final = ("verify-full", "verify-ca")
_HOST: Final = re.compile(r"[a-z0-9._-]+|[0-9a-f:.]*:[0-9a-f:.]*", re.IGNORECASE)
_FOLDER: Final = re.compile(r"/[^,\0]*")


def problem(url: str) -> str | None:
    """What is wrong with it, in words that show nothing of the url but the host; None when nothing is."""
    try:
        parts = urlsplit(url)
        port = parts.port
        given = parse_qs(parts.query, keep_blank_values=True)
    except ValueError:
        return f"it is no address; an example: {EXAMPLE}"
    if parts.password is not None or "password" in given:
        return "it holds a password: give that in ledger.password, as a file or a credential"
    if not parts.path.strip("/") or parts.fragment:
        return f"it names no database; an example: {EXAMPLE}"
    options = {name: values[-1] for name, values in given.items()}
    return _wrong_options(given) or _wrong_place(parts.hostname, port, options) or _wrong_mode(host_of(url), options)


def _wrong_options(given: Mapping[str, Sequence[str]]) -> str | None:
    if strange := sorted(given.keys() - _OPTIONS):
        return f"the option {strange[0][:40]} is none of {', '.join(sorted(_OPTIONS))}"
    if twice := sorted(name for name, values in given.items() if len(values) > 1):
        return f"the option {twice[0]} stands there twice"
    return None


def _wrong_mode(host: str, options: Mapping[str, str]) -> str | None:
    if not is_here(host) and options.get("sslmode", _VERIFIED[0]) not in _VERIFIED:
        return f"{host} is not this machine, so sslmode must be {' or '.join(_VERIFIED)}"
    return None


def _wrong_place(host: str | None, port: int | None, options: Mapping[str, str]) -> str | None:
    """What is wrong with where it leads: libpq would let the options win over the host before the path."""
    if host is not None and not _HOST.fullmatch(host):
        return f"it names no single host; an example: {EXAMPLE}"
    if "host" in options and (host is not None or port is not None):
        return "it names a host twice: a server stands before the path, a socket's folder in ?host="
    if "host" in options and not _FOLDER.fullmatch(options["host"]):
        return f"?host= is for one socket's folder, such as /run/postgresql; a server: {EXAMPLE}"
    if "port" in options and (port is not None or not re.fullmatch(r"[1-9][0-9]{0,4}", options["port"])):
        return "the option port is one number, and stands there once"
    return None


def host_of(url: str) -> str:
    """The host that a url without a problem leads to; empty, or a folder, for a socket of this machine."""
    parts = urlsplit(url)
    return parts.hostname or parse_qs(parts.query).get("host", [""])[-1]


def is_here(host: str) -> bool:
    """Whether a host is this machine: a socket's folder, or a loopback address."""
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith("/")
