"""How soon each stream runs again: often after news, as `poll` says while there is none (core/pace.py)."""

from __future__ import annotations

from datetime import timedelta

from daemon.core.pace import next_interval
from daemon.core.rules import Stream
from daemon.sync.report import Report


class Pacing:
    """Remembers how long each stream waited last."""

    def __init__(self) -> None:
        self._waited: dict[str, timedelta] = {}

    def after(self, stream: Stream, report: Report, *, short: bool) -> timedelta:
        """How long a stream waits after a cycle; never longer than `poll`. `short`: its orgs' credits are."""
        before = self._waited.get(stream.address, stream.poll)
        slow = short or report.trouble is not None
        wait = next_interval(
            before, fast=stream.poll_fast or stream.poll, poll=stream.poll, news=report.news > 0, short=slow
        )
        self._waited[stream.address] = wait
        return wait
