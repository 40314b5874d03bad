"""Whether the daemon moves on, and does not merely live: what systemd's watchdog is fed by.

A thread at work must hear from an org or end a cycle ever so often, and jobs must start at all.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

BEAT_S: Final = 10.0
_LOST_BEATS: Final = 6
_LEDGER_S: Final = 30.0  # the longest wait for one transaction of another thread


def patience(deadline: float, threads: int) -> float:
    """For how many seconds a thread may be silent, where no call takes longer than `deadline` seconds.

    It may wait for a call of each other thread (metadata and tokens are read by one for all), then makes its own.
    """
    return (threads + 2) * (deadline + _LEDGER_S)


class Progress:
    """Threads at work, each with the moment when it was last known to move on."""

    def __init__(self, patience: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._patience = patience
        self._monotonic = monotonic
        self._at_work: dict[int, float] = {}
        self._beaten_at = monotonic()

    @contextmanager
    def working(self) -> Iterator[None]:
        """The calling thread is at work."""
        thread = threading.get_ident()
        self._at_work[thread] = self._monotonic()
        try:
            yield
        finally:
            del self._at_work[thread]

    def note(self) -> None:
        """The calling thread ended a call or a cycle, well or badly."""
        thread = threading.get_ident()
        if thread in self._at_work:
            self._at_work[thread] = self._monotonic()

    def beat(self) -> None:
        """The scheduler started a job: to be called by one that it starts every BEAT_S seconds."""
        self._beaten_at = self._monotonic()

    def proven(self) -> bool:
        """Whether every thread at work and the scheduler were heard of lately."""
        now = self._monotonic()
        silent = any(now - at > self._patience for at in list(self._at_work.values()))
        return not silent and now - self._beaten_at <= BEAT_S * _LOST_BEATS
