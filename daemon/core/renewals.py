"""How often access tokens are asked for: Zoho locks a credential out at the tenth time in ten minutes (facts 1.5)."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

MOST_RENEWALS: Final = 8
"""In RENEWED_WITHIN; the last one that this side asks for."""
RENEWED_WITHIN: Final = timedelta(minutes=10)
