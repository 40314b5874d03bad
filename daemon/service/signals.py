"""What the process was told by signals: SIGTERM and SIGINT end it, SIGHUP makes it read its settings again.

Handlers run in the main thread and may find it anywhere, so they only set what nobody waits for and nobody resets.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from types import FrameType
from typing import Protocol


class Sign(Protocol):
    """Something that is set at some time."""

    def is_set(self) -> bool: ...


class Signals:
    """`stop` is set for good; a wish to reload stands until it is taken."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._hangups = 0
        self._taken = 0

    def listen(self) -> None:
        """From now on. A second SIGTERM ends the process at once. Where a terminal closes, its SIGHUP ends it too."""
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._end)
        if not sys.stdin.isatty():
            signal.signal(signal.SIGHUP, self._hang_up)

    def is_set(self) -> bool:
        """Whether there is something to do about it."""
        return self.stop.is_set() or self._hangups > self._taken

    def take(self) -> None:
        """What was told so far of reloading is being done."""
        self._taken = self._hangups

    def _end(self, _number: int, _frame: FrameType | None) -> None:
        if self.stop.is_set():
            os._exit(0)
        self.stop.set()

    def _hang_up(self, _number: int, _frame: FrameType | None) -> None:
        self._hangups += 1


class Ending:
    """When one fleet's work ends: the process is to stop, or it is `over` because new settings take its place."""

    def __init__(self, stop: threading.Event) -> None:
        self._stop = stop
        self.over = False

    def is_set(self) -> bool:
        return self.over or self._stop.is_set()
