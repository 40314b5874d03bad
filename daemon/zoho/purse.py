"""Whether there are credits for a call: who makes calls asks before each of them. Where the limits are known, and what
was spent, is another room's business.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from daemon.core.budget import UNLIMITED, Leeway


@dataclass(frozen=True, slots=True, kw_only=True)
class Wait:
    """There are none for so many seconds, and why."""

    seconds: float
    why: str


class Purse(Protocol):
    """The credits of one org, shared by threads."""

    def take(self, wanted: int) -> Wait | None:
        """Take credits before they are spent: all that are wanted, or none and the reason. Those of a call that was
        refused are gone: whether Zoho counts it is not told.
        """

    def heard(self, remaining: int | None) -> None:
        """The org has answered, and said what it has left, or nothing of it."""

    def leeway(self) -> Leeway:
        """What may run in the org."""


class Bottomless:
    """The purse of one who counts nothing: a command that a person types."""

    def __init__(self, org: str) -> None:
        self._org = org

    def take(self, wanted: int) -> None:
        del wanted

    def heard(self, remaining: int | None) -> None:
        pass

    def leeway(self) -> Leeway:
        return Leeway(org=self._org, budget=UNLIMITED)
