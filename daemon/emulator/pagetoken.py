"""Page tokens: opaque to the client, bound to its user and its other parameters, good for 24 hours (facts 2.3)."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import orjson

from daemon.emulator import errors

LIFETIME = 24 * 3600
_KEY = b"page tokens of the emulator"


@dataclass(frozen=True, slots=True, kw_only=True)
class PageToken:
    """Where a walk stands: the number of records before it, the key of the last one seen, the snapshot it walks."""

    user: int
    expires: int
    position: int
    after: int | None
    walk: int | None = None

    def encode(self, bound: str) -> str:
        """The text that the client carries."""
        body = orjson.dumps([self.user, self.expires, self.position, str(self.after), bound, self.walk])
        seal = hmac.new(_KEY, body, hashlib.sha256).digest()[:12]
        return base64.urlsafe_b64encode(seal + body).decode().rstrip("=")


def binding(path: str, query: Mapping[str, str], conditions: str) -> str:
    """A digest of everything that must not change during a walk."""
    rest = sorted((name, value) for name, value in query.items() if name not in ("page", "page_token"))
    return hashlib.sha256(orjson.dumps([path, rest, conditions])).hexdigest()[:16]


def decode(text: str, *, user: int, bound: str, now: float) -> PageToken:
    """The token behind a text, or Zoho's refusal."""
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
        seal, body = raw[:12], raw[12:]
        if not hmac.compare_digest(seal, hmac.new(_KEY, body, hashlib.sha256).digest()[:12]):
            raise errors.page_token_mismatch()
        owner, expires, position, after, was_bound, walk = orjson.loads(body)
    except (ValueError, TypeError):
        raise errors.page_token_mismatch() from None
    if owner != user:
        raise errors.page_token_foreign()
    if was_bound != bound:
        raise errors.page_token_mismatch()
    if now > expires:
        raise errors.page_token_expired()
    seen = None if after == "None" else int(after)
    return PageToken(user=owner, expires=expires, position=position, after=seen, walk=walk)
