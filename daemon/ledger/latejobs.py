"""The late_jobs table: bulk write jobs that were given up before their end was seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection, delete, select

from daemon.ledger.tables import late_jobs
from daemon.ledger.upsert import upsert

_row = late_jobs.c


@dataclass(frozen=True, slots=True, kw_only=True)
class LateJob:
    """What it has made is looked for when it has ended, and at `until` at the latest; no `job_id`: it was not heard."""

    until: datetime
    job_id: str | None


def known(connection: Connection, stream: str) -> list[LateJob]:
    query = select(_row.until, _row.job_id).where(_row.stream == stream).order_by(_row.until)
    return [LateJob(until=until, job_id=job_id) for until, job_id in connection.execute(query)]


def remember(connection: Connection, stream: str, job: LateJob) -> None:
    values = {"stream": stream, "until": job.until, "job_id": job.job_id}
    connection.execute(upsert(connection, late_jobs), values)


def forget(connection: Connection, stream: str, jobs: Sequence[LateJob]) -> None:
    untils = [job.until for job in jobs]
    connection.execute(delete(late_jobs).where(_row.stream == stream, _row.until.in_(untils)))
