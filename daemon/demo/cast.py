"""Everyone on stage, and how they wait for something to happen while the audience looks on."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from daemon.demo.caller import Caller, Json
from daemon.demo.scene import LAG_S, Scene
from daemon.demo.screen import Screen
from daemon.demo.watch import Look, Watcher
from daemon.demo.writer import Writer

_QUIET_S: Final = 25.0


class StoryError(Exception):
    """The demo cannot go on; the text says what was waited for."""


@dataclass(slots=True)
class Cast:
    """The players. `observed` are credits of B that the demo spent for its own looks while the daemon was dead."""

    scene: Scene
    screen: Screen
    watcher: Watcher
    writer: Writer
    b: Caller
    defects: list[Json]
    contacts: int
    observed: int = 0

    def watch(self, until: Callable[[Look], bool], limit_s: float, what: str) -> Look:
        """Show the state of things until it is as wished. Raises StoryError or SceneError."""

        def look() -> Look:
            self.scene.check_on()
            if self.writer.trouble:
                raise StoryError(f"the people in A could not work: {self.writer.trouble}")
            return self.watcher.look()

        seen, done = self.screen.watch(look, until, limit_s)
        if not done:
            raise StoryError(f"waited {limit_s:.0f} s in vain: {what}")
        return seen

    def watch_until_quiet(self) -> Look:
        """Until every edit has its outcome in the ledger and nothing is on its way. Raises as `watch`."""
        moment = max(self.writer.work.last_at, time.time() - LAG_S) + LAG_S
        return self.watch(lambda seen: seen.quiet_since(moment), _QUIET_S, "something is still on its way")
