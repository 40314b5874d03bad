"""What may become of one change (design 1). Apart, so that who only counts outcomes loads nothing that decides them."""

from __future__ import annotations

from typing import Final, Literal, get_args

Outcome = Literal[
    "created",
    "updated",
    "adopted",
    "deleted",
    "flagged",
    "unchanged",
    "filtered",
    "held",
    "conflict",
    "retrying",
    "dead",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
