"""The ledger's own values, made once when it is new: which ledger it is, and the secret of its digests."""

from __future__ import annotations

import secrets
import uuid
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Connection, insert, select

from daemon.ledger.errors import LedgerMissing
from daemon.ledger.own_tables import meta

_DIGEST_KEY: Final = "digest_key"
_LEDGER_ID: Final = "ledger_id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """`digest_key` is the secret of core's digests."""

    ledger_id: str
    digest_key: bytes = field(repr=False)


def read(connection: Connection, ledger: str) -> Identity:
    """Raises LedgerMissing for a ledger that nobody has used yet: it knows nothing."""
    kept = _kept(connection)
    if not kept.keys() >= {_DIGEST_KEY, _LEDGER_ID}:
        raise LedgerMissing(ledger)
    return _identity(kept)


def make(connection: Connection) -> Identity:
    """The same; made when the ledger is new."""
    kept = _kept(connection)
    made = {_DIGEST_KEY: secrets.token_hex(32), _LEDGER_ID: str(uuid.uuid4())}
    missing = [{"name": name, "value": value} for name, value in made.items() if name not in kept]
    if missing:
        connection.execute(insert(meta), missing)
    return _identity(made | kept)


def _kept(connection: Connection) -> dict[str, str]:
    return {row.name: row.value for row in connection.execute(select(meta.c.name, meta.c.value))}


def _identity(kept: dict[str, str]) -> Identity:
    return Identity(ledger_id=kept[_LEDGER_ID], digest_key=bytes.fromhex(kept[_DIGEST_KEY]))
