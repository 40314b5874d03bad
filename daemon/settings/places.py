"""Where a settings file says that its secrets are kept. Reads none of them, so it works for a service's file too."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from daemon.settings.shape import SecretEntry, keys_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """One key of the file: the secret is a `name` of a kind: env, file or credential."""

    key: str
    kind: str
    name: str


def secret_places(document: Mapping[str, object]) -> list[Place]:
    """The place of each secret in the order of the file; what is no place is left to `load` to refuse."""
    tables = [(name, document.get(name)) for name in ("ledger", "alerts")]
    orgs = document.get("orgs")
    if isinstance(orgs, dict):
        tables += [(f"orgs.{name}", table) for name, table in orgs.items()]
    return [place for at, table in tables if isinstance(table, dict) for place in _places(at, table)]


def _places(at: str, table: Mapping[str, object]) -> Iterator[Place]:
    for key in ("password", "undo_key", "client_secret", "refresh_token", "webhook"):
        value = table.get(key)
        if isinstance(value, dict) and len(value) == 1:
            kind, name = next(iter(value.items()))
            if kind in keys_of(SecretEntry) and isinstance(name, str):
                yield Place(key=f"{at}.{key}", kind=kind, name=name)
