"""The emulator's own time: it can be stopped, moved and set, and every stamp is a whole second (facts 2.6)."""

from __future__ import annotations

import re
import time
from collections.abc import Callable
from datetime import UTC, datetime
from email.utils import formatdate, parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

_ISO = re.compile(r"^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}(\.\d+)?(Z|[+-]\d{2}:?\d{2})$")

LAST_MOMENT = 221_845_392_000  # 1 January 9000


class Clock:
    """Seconds since 1970 as the emulated servers see them."""

    def __init__(self) -> None:
        self._offset = 0.0
        self._frozen: float | None = None

    def now(self) -> float:
        """The present moment."""
        return self._frozen if self._frozen is not None else time.time() + self._offset

    def stamp(self) -> int:
        """The present moment in whole seconds, as records carry it."""
        return int(self.now())

    def advance(self, seconds: float) -> None:
        """Move forward (or, with a negative number, back)."""
        demand_calendar(self.now() + seconds)
        if self._frozen is not None:
            self._frozen += seconds
        else:
            self._offset += seconds

    def set(self, moment: float) -> None:
        """Jump to a moment; a frozen clock stays frozen there."""
        demand_calendar(moment)
        if self._frozen is not None:
            self._frozen = moment
        else:
            self._offset = moment - time.time()

    def freeze(self) -> None:
        """Stand still."""
        self._frozen = self.now()

    def resume(self) -> None:
        """Run again from where it stands."""
        if self._frozen is not None:
            self._offset = self._frozen - time.time()
            self._frozen = None

    def reset(self) -> None:
        """Back to the real time, running."""
        self._offset, self._frozen = 0.0, None


def demand_calendar(moment: float) -> None:
    """Raise ValueError for a moment that no stamp can be printed of."""
    if not 0 <= moment < LAST_MOMENT:
        raise ValueError(f"the clock shows moments of 1970 to 9000, not {moment:.17g}")


@lru_cache(maxsize=64)
def zone_printer(zone: str) -> Callable[[int], str]:
    """A function that prints moments in `zone` with its offset of that day (facts 2.6)."""
    info = ZoneInfo(zone)

    @lru_cache(maxsize=65536)
    def text(moment: int) -> str:
        try:
            return datetime.fromtimestamp(moment, info).isoformat()
        except (OverflowError, ValueError, OSError):
            return "9999-12-31T23:59:59+00:00"

    return text


def parse_moment(text: str) -> int | None:
    """Whole seconds of an ISO 8601 text with offset, or None when it is something else."""
    if not _ISO.match(text):
        return None
    try:
        return int(datetime.fromisoformat(text).timestamp())
    except (ValueError, OverflowError):
        return None


def parse_header_moment(text: str, *, iso_only: bool = False) -> int | None:
    """As `parse_moment`, and unless `iso_only` the RFC 1123 form that some clients send (facts 2.5)."""
    moment = parse_moment(text.strip().replace(" ", "+"))
    if moment is not None or iso_only:
        return moment
    try:
        parsed = parsedate_to_datetime(text)
    except (ValueError, TypeError):
        return None
    return int((parsed if parsed.tzinfo else parsed.replace(tzinfo=UTC)).timestamp())


def http_date(moment: float) -> str:
    """The `Date` header."""
    return formatdate(moment, usegmt=True)
