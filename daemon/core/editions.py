"""What an edition of Zoho CRM lets programs do: credits a day and calls at once (facts 9.1, 9.3)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Caps:
    """Credits in any 24 hours without what was bought besides, and calls that may be on their way together."""

    daily: int
    at_once: int


_FREE: Final = 5_000
_BASE: Final = 50_000
# Edition -> credits a user, most credits, calls at once.
_STANDARD, _PROFESSIONAL = (250, 100_000, 10), (500, 3_000_000, 15)
_ENTERPRISE, _ULTIMATE = (1_000, 5_000_000, 20), (2_000, None, 25)
_EDITIONS: Final[dict[str, tuple[int, int | None, int]]] = {
    "standard": _STANDARD,
    "starter": _STANDARD,
    "professional": _PROFESSIONAL,
    "enterprise": _ENTERPRISE,
    "zohoone": _ENTERPRISE,
    "ultimate": _ULTIMATE,
    "crmplus": _ULTIMATE,
}


def caps_of(edition: str, licences: int) -> Caps | None:
    """The caps of an org, or None for an edition that Zoho's tables do not name."""
    if edition == "free":
        return Caps(daily=_FREE, at_once=5)
    if edition not in _EDITIONS:
        return None
    per_user, most, at_once = _EDITIONS[edition]
    daily = _BASE + per_user * licences
    return Caps(daily=daily if most is None else min(daily, most), at_once=at_once)
