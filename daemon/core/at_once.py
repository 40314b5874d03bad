"""How many calls to one org may be on their way at once: Zoho allows ten queries and large writes in every edition,
from whatever machine (facts 9.3).
"""

from __future__ import annotations

from typing import Final

AT_ONCE: Final = 8
"""Of all daemons together, unless the settings say otherwise: two are left to other programs."""


def part_of_calls(most: int, daemons: int) -> int:
    """The part of each of so many daemons; at least one, so that none of them stands."""
    return max(1, most // daemons)
