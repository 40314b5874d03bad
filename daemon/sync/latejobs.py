"""Bulk write jobs that were given up before their end was seen (bulkwrite.py). Each may still run, and make anew what
was deleted meanwhile in both orgs: with the record its key is gone, by which the job would have skipped the row. So
they are looked at now and then, and when one has ended all records of both sides are compared: that finds what it made
(counterparts.py).
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from loguru import logger

from daemon.core.rules import Stream
from daemon.ledger import LateJob, Ledger
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError

REMEMBERED: Final = timedelta(days=1)
"""After it was sent the sides are compared, whatever is known of the job by then."""
_EVERY: Final = timedelta(hours=1)


class LateJobs:
    """Watches for the given up jobs of one stream."""

    def __init__(self, stream: Stream, target: Zoho, ledger: Ledger, now: Callable[[], datetime]) -> None:
        self._stream = stream
        self._target = target
        self._ledger = ledger
        self._now = now
        self._looked_at: datetime | None = None

    def look(self) -> None:
        """Begins a full comparison when one has ended, or is a day old. Costs a credit an hour for each until then. Not
        while a first load goes on.
        """
        now = self._now()
        if self._looked_at is not None and timedelta() <= now - self._looked_at < _EVERY:
            return
        self._looked_at = now
        self._take_over()
        over = [job for job in self._ledger.late_jobs(self._stream) if self._is_over(job)]
        if over and self._ledger.compare_late(self._stream, over, now):  # else one goes on, perhaps past their records
            what = "{}: a bulk write job that was given up may have run since; all records of both sides are compared"
            logger.warning(what, self._stream.address)

    def _take_over(self) -> None:
        """The one that was at work when the rules changed or its files were given up: nobody waits for its end."""
        load = self._ledger.backfill(self._stream)
        if load is None or load.write_sent_at is None or load.write_until is None:
            return
        if self._target.server_now() >= load.write_until:
            late = LateJob(until=load.write_sent_at + REMEMBERED, job_id=load.write_job_id)
            self._ledger.outlive_job(self._stream, late)

    def _is_over(self, job: LateJob) -> bool:
        return self._target.server_now() >= job.until or self._has_ended(job.job_id)

    def _has_ended(self, job_id: str | None) -> bool:
        """Not of one that cannot be asked for."""
        try:
            return job_id is not None and self._target.bulk_write(job_id).state != "running"
        except ZohoError:
            return False
