"""Forgets, in the ledger, what is older than the retention: a small step at a time, about once an hour."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final

from loguru import logger

from daemon.ledger import Ledger, LedgerError

_EVERY: Final = timedelta(hours=1)


class History:
    """`time` says what time it certainly is, or None while nobody knows: a wrong clock must not empty the history.
    `undo` says for how long each stream keeps what can be undone.
    """

    def __init__(
        self,
        ledger: Ledger,
        keep: timedelta,
        time: Callable[[], datetime | None],
        undo: Mapping[str, timedelta] = MappingProxyType({}),
    ) -> None:
        self._ledger = ledger
        self._keep = keep
        self._undo = undo
        self._time = time
        self._done_at: datetime | None = None

    def step(self) -> int:
        """Remove a few rows when it is time to; gives their number. To be called often: others work between steps."""
        now = self._time()
        if now is None or (self._done_at is not None and abs(now - self._done_at) < _EVERY):
            return 0
        try:
            rows = self._ledger.forget(now - self._keep, {stream: now - kept for stream, kept in self._undo.items()})
        except LedgerError as error:
            logger.error("the old history stays for now: {}", error)
            rows = 0
        if rows == 0:
            self._done_at = now
        return rows
