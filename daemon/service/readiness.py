"""Asks every org of every route who it is until each has answered: only then is the daemon ready."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from typing import Final

from loguru import logger

from daemon.service.fleet import Fleet

_LONGEST_S: Final = 60.0
_STEP_S: Final = 0.2


class Readiness:
    """Asks in a thread of its own, so that one org that is away keeps nothing else from running."""

    def __init__(self, fleet: Fleet, stopping: Callable[[], bool]) -> None:
        self._fleet = fleet
        self._stopping = stopping
        self._waiting = dict.fromkeys(fleet.catalogs, "")
        self._thread = threading.Thread(target=self._ask, name="readiness", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def waiting(self) -> Mapping[str, str]:
        """The orgs that have not answered yet, each with the reason, "" where none is known."""
        return dict(self._waiting)

    def finish(self, grace: float) -> bool:
        """False when a call is still on its way after `grace` seconds."""
        self._thread.join(grace)
        return not self._thread.is_alive()

    def _ask(self) -> None:
        pause = 1.0
        while self._waiting and not self._stopping():
            for org in list(self._waiting):
                if self._stopping():
                    return
                why = self._trouble(org)
                if why is None:
                    del self._waiting[org]
                elif why != self._waiting[org]:
                    logger.warning("not ready: {}", why)
                    self._waiting[org] = why
            if self._waiting:
                self._rest(pause)
                pause = min(2 * pause, _LONGEST_S)

    def _trouble(self, org: str) -> str | None:
        try:
            return self._fleet.trouble_of(org)
        except Exception as error:  # noqa: BLE001  a bug must not leave the daemon waiting, and nobody knowing why
            why = f"{org}: internal error ({type(error).__name__})"
            logger.opt(exception=error).error("not ready: {}", why)
            return why

    def _rest(self, seconds: float) -> None:
        end = time.monotonic() + seconds
        while time.monotonic() < end and not self._stopping():
            time.sleep(_STEP_S)
