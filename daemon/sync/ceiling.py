"""Credits that a command may spend in both orgs together: the call that would be one too many is not made."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass, field

from daemon.core.budget import UNLIMITED, Leeway
from daemon.zoho.errors import OrgUnavailable
from daemon.zoho.purse import Purse, Wait


@dataclass(slots=True, kw_only=True)
class Ceiling:
    """At most so many (None: any), of which some are `kept` for what is to be done at the end; `reached`: a call was
    not made, for which it would have taken `least`.
    """

    most: int | None = None
    spent: int = 0
    kept: int = 0
    reached: bool = False
    least: int = 0
    turn: threading.Lock = field(default_factory=threading.Lock, repr=False, compare=False)

    def purse(self, org: str) -> Purse:
        """What the connection to an org takes its credits from."""
        return _Shared(self, org)

    def pays_for(self, work: Callable[[], None]) -> bool:
        """Whether the credits sufficed for it. Raises what it raises for another reason."""
        self.reached = False
        try:
            work()
        except OrgUnavailable:
            if not self.reached:
                raise
            return False
        return True


class _Shared:
    """The purse of one of the orgs."""

    def __init__(self, ceiling: Ceiling, org: str) -> None:
        self._ceiling = ceiling
        self._org = org

    def take(self, wanted: int) -> Wait | None:
        own = self._ceiling
        with own.turn:
            if own.most is not None and own.spent + wanted + own.kept > own.most:
                own.reached, own.least = True, own.spent + wanted + own.kept
                return Wait(seconds=0.0, why=f"{own.spent:,} of {own.most:,} credits are spent: raise --credits")
            own.spent += wanted
            return None

    def heard(self, remaining: int | None) -> None:
        pass

    def leeway(self) -> Leeway:
        return Leeway(org=self._org, budget=UNLIMITED)
