"""A bulk write job that was given up before its end was seen (bulkwrite.py). It may still run, and make anew what was
deleted meanwhile in both orgs: with the record its key is gone, by which the job would have skipped the row. So it is
looked at now and then, and when it has ended all records of both sides are compared: that finds what it made
(counterparts.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.rules import Stream
from daemon.ledger import Ledger
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError

REMEMBERED: Final = timedelta(days=1)
"""After it was sent the sides are compared, whatever is known of the job by then."""
_EVERY: Final = timedelta(hours=1)


class LateJob:
    """Watches for the given up job of one stream."""

    def __init__(self, stream: Stream, target: Zoho, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._target = target
        self._ledger = ledger
        self._now = now
        self._looked_at: datetime | None = None

    def look(self) -> None:
        """Begins a full comparison when the job has ended, or is a day old. Costs a credit an hour until then."""
        now = self._now()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < _EVERY:
            return
        self._looked_at = now
        load = self._ledger.backfill(self._stream)
        if load is None or load.write_until is None or load.write_sent_at is not None:
            return
        if self._target.server_now() < load.write_until and not self._has_ended(load.write_job_id):
            return
        if self._ledger.start_comparison(
            self._stream.address, "late", now
        ):  # else one goes on, perhaps past its records
            self._ledger.note_backfill(self._stream, write_job_id=None, write_until=None)
            what = "{}: a bulk write job that was given up may have run since; all records of both sides are compared"
            logger.warning(what, self._stream.address)

    def _has_ended(self, job_id: str | None) -> bool:
        """Not of one that cannot be asked for."""
        try:
            return job_id is not None and self._target.bulk_write(job_id).state != "running"
        except ZohoError:
            return False
