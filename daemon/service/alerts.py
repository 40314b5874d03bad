"""Tells a person of trouble, once: a thread of its own, which no stream waits for and which waits for no stream."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final

from loguru import logger

from daemon.core.alerts import Facts, Quiet, judge
from daemon.core.silence import LENGTHS, Silence, hour_of, silence
from daemon.ledger import Ledger, LedgerError, Reader
from daemon.ledger.watching import Polling
from daemon.service.channel import Untold, document, tell
from daemon.settings import Settings
from daemon.sync.catalog import Catalog

EVERY_S: Final = 5.0
_SHORTEST_S: Final = LENGTHS[0] * 3600.0


class Alerts:
    """Looks, compares with what is known, and tells what is new. `reader` sees the same ledger as `ledger`."""

    def __init__(
        self,
        settings: Settings,
        ledger: Ledger,
        reader: Reader,
        orgs: Mapping[str, Catalog],
        now: Callable[[], datetime],
    ) -> None:
        self._to = settings.alerts
        self._addresses = [stream.address for stream in settings.streams()]
        self._ledger = ledger
        self._reader = reader
        self._orgs = orgs
        self._now = now
        self._silences: dict[str, tuple[int, Silence | None]] = {}
        self._said: str | None = None

    def run(self, stop: threading.Event) -> None:
        """Until `stop`. Whatever goes wrong is tried again."""
        while not stop.wait(EVERY_S):
            try:
                self.look()
                self.tell(stop.is_set)
            except LedgerError as error:
                logger.error("alerts wait: {}", error)
            except Exception as error:  # noqa: BLE001  a bug here must not end all alerts, nor go unseen
                logger.opt(exception=error).error("alerts wait: internal error ({})", type(error).__name__)

    def look(self) -> None:
        """Notes in the ledger what has begun and what is over."""
        now = self._now()
        verdict = judge(self._facts(now), self._ledger.alerts.standing(), now)
        for incident in verdict.opened:
            logger.warning("alert: {}. Next: {}", incident.what, incident.command)
        self._ledger.alerts.note(verdict.opened, verdict.over, now)

    def tell(self, stopping: Callable[[], bool] = lambda: False) -> None:
        """Tells all that is due; the first that does not arrive ends the round, for the others go the same way."""
        while not stopping():
            notice = self._ledger.alerts.take(self._now())
            if notice is None:
                return
            try:
                tell(self._to, document(notice, self._ledger.ledger_id))
            except Untold as error:
                self._ledger.alerts.untold(notice, self._now())
                if str(error) != self._said:  # once, however long it lasts
                    logger.error("alerts wait, syncing does not: {}; it is tried again", error)
                self._said = str(error)
                return
            self._ledger.alerts.told(notice, self._now())
            self._said = None

    def _facts(self, now: datetime) -> Facts:
        watched = self._reader.watched(now)
        known = {name: one for name, one in watched.polling.items() if name in self._addresses}
        return Facts(
            fuses=watched.fuses,
            given_up=watched.given_up,
            streams={name: self._quiet(name, known.get(name), now) for name in self._addresses},
            credentials={name: org.zoho.credential() for name, org in self._orgs.items()},
            credits={name: org.zoho.credits_forecast() for name, org in self._orgs.items()},
            leeways={name: org.zoho.purse.leeway() for name, org in self._orgs.items()},
        )

    def _quiet(self, stream: str, polling: Polling | None, now: datetime) -> Quiet:
        if polling is None:
            return Quiet(last_change_at=None, silence=None, trouble=None)
        found = self._silence(stream, now) if _may_be_silent(polling, now) else None
        return Quiet(last_change_at=polling.last_change_at, silence=found, trouble=polling.trouble)

    def _silence(self, stream: str, now: datetime) -> Silence | None:
        """Judged once an hour: only full hours count."""
        hour, found = self._silences.get(stream, (None, None))
        if hour != hour_of(now):
            found = silence(self._reader.hours(stream, now), now)
            self._silences[stream] = hour_of(now), found
        return found


def _may_be_silent(polling: Polling, now: datetime) -> bool:
    """Only a stream that was asked just now can be: after a night off it would always look so. Nor one on its first
    pass, whose changes are none of today.
    """
    asked = polling.polled_at is not None and (now - polling.polled_at).total_seconds() <= 3 * polling.poll_s + 60
    last = polling.last_change_at
    quiet = last is not None and (now - last).total_seconds() >= _SHORTEST_S
    return asked and quiet and polling.caught_up_at is not None
