"""Seals what a record held before a write, so that the ledger holds nobody's data in clear: AES-256 in GCM, by a key
that is not in the ledger. What was sealed for one record cannot be opened as another's.
"""

from __future__ import annotations

import base64
import hashlib
import secrets
from collections.abc import Mapping
from typing import Final

import orjson

from daemon.core.former import Before, Former
from daemon.core.org import Secret

_NONCE: Final = 12  # bytes, random each time
_FOR: Final = b"orgsync undo 1"


class Sealer:
    """Seals and opens by one key, which is made of a secret of any form."""

    def __init__(self, secret: Secret) -> None:
        self._key: Final = hashlib.blake2b(secret.reveal().encode(), person=_FOR, digest_size=32).digest()

    def seal(self, before: Before, record: tuple[str, str, str]) -> str:
        """A text that only who has the key can read; `record` is org, module and id."""
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415 - only where undo is on

        content = orjson.dumps({name: [one.value, one.written] for name, one in before.items()})
        nonce = secrets.token_bytes(_NONCE)
        sealed = AESGCM(self._key).encrypt(nonce, content, "/".join(record).encode())
        return base64.b64encode(nonce + sealed).decode()

    def open(self, text: str, record: tuple[str, str, str]) -> Before | None:
        """What was sealed for this record; None where it was by another key, or for another record."""
        from cryptography.exceptions import InvalidTag  # noqa: PLC0415 - only where undo is on
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415

        try:
            raw = base64.b64decode(text, validate=True)
            content = AESGCM(self._key).decrypt(raw[:_NONCE], raw[_NONCE:], "/".join(record).encode())
        except (InvalidTag, ValueError):
            return None
        found: Mapping[str, list[object]] = orjson.loads(content)
        return {name: Former(value=value, written=str(written)) for name, (value, written) in found.items()}  # type: ignore[arg-type]
