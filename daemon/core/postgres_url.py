"""What the url of a ledger in Postgres may say. Pure."""

from __future__ import annotations

from typing import Final
from urllib.parse import parse_qs, urlsplit

SCHEMES: Final = ("postgresql://", "postgresql+psycopg://", "postgres://")
EXAMPLE: Final = "postgresql://orgsync@db.example.com/orgsync"
_OPTIONS: Final = frozenset({"host", "port", "passfile", "sslcert", "sslkey", "sslmode", "sslrootcert"})
_VERIFIED: Final = ("verify-full", "verify-ca")


def problem(url: str) -> str | None:
    """What is wrong with it, in words that show nothing of the url but the host; None when nothing is."""
    try:
        parts = urlsplit(url)
        _ = parts.port
        options = {name: values[-1] for name, values in parse_qs(parts.query, keep_blank_values=True).items()}
    except ValueError:
        return f"it is no address; an example: {EXAMPLE}"
    if parts.password is not None or "password" in options:
        return "it holds a password: give that in ledger.password, as a file or a credential"
    if not parts.path.strip("/") or parts.fragment:
        return f"it names no database; an example: {EXAMPLE}"
    if strange := sorted(options.keys() - _OPTIONS):
        return f"the option {strange[0][:40]} is none of {', '.join(sorted(_OPTIONS))}"
    host = host_of(url)
    if not is_here(host) and options.get("sslmode", _VERIFIED[0]) not in _VERIFIED:
        return f"{host} is not this machine, so sslmode must be {' or '.join(_VERIFIED)}"
    return None


def host_of(url: str) -> str:
    """The host that a url without a problem leads to; empty, or a folder, for a socket of this machine."""
    parts = urlsplit(url)
    return parts.hostname or parse_qs(parts.query).get("host", [""])[-1]


def is_here(host: str) -> bool:
    """Whether a host is this machine: a socket's folder, or a loopback address."""
    return host in ("", "localhost", "127.0.0.1", "::1") or host.startswith(("/", "@"))
