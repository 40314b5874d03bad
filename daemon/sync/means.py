"""What a stream may still do by the credits of its two orgs: reading is judged by both, for what is read is written."""

from __future__ import annotations

from daemon.core.budget import Leeway, about_credits, most_at_once, records_for, together
from daemon.zoho.client import Zoho


class Means:
    """Asked before a page is begun. `new` are changes of just now; the rest (retries, comparisons, a first pass) gives
    way to them. Everything may raise LedgerError.
    """

    def __init__(self, source: Zoho, target: Zoho) -> None:
        self._source = source
        self._target = target

    def stop(self) -> str | None:
        """Why not even new changes may be read, in a sentence; None when they may."""
        leeway = self._leeway()
        return about_credits(leeway) if leeway.allows == "nothing" else None

    def go_on(self, *, new: bool) -> bool:
        """Whether one more page may be begun."""
        allows = self._leeway().allows
        return allows == "everything" or (new and allows == "news")

    def records(self, most: int, *, new: bool, one_by_one: bool = False) -> int:
        """How many records, of at most so many, a page may have."""
        leeway = self._leeway()
        return records_for(leeway.left if new else leeway.spare, most, one_by_one=one_by_one)

    def spares(self, wanted: int) -> bool:
        """Whether so many credits at once leave what is kept for new changes."""
        spare = self._leeway().spare
        return spare is None or spare >= wanted

    def target_spares(self, wanted: int) -> bool:
        """The same of what only the target is asked for."""
        spare = self._target.purse.leeway().spare
        return spare is None or spare >= wanted

    def target_records(self, most: int) -> int:
        """How many records, of at most so many that were read already, a first pass may write now."""
        leeway = self._target.purse.leeway()
        return records_for(leeway.spare, most) if leeway.allows == "everything" else 0

    def may_ever_spare(self, wanted: int) -> bool:
        """Whether so many at once of the target are within its ceiling, less what is kept for new changes."""
        most = most_at_once(self._target.purse.leeway().budget)
        return most is None or most >= wanted

    def _leeway(self) -> Leeway:
        return together(self._source.purse.leeway(), self._target.purse.leeway())
