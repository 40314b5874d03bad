"""The backfills table: how each stream reads its records for the first time, and how far that has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, RowMapping, and_, func, select, update

from daemon.core.backfill import left
from daemon.ledger.errors import LedgerError
from daemon.ledger.tables import backfills, checkpoints, cycles
from daemon.ledger.upsert import upsert

Way = Literal["bulk", "query"]
Writes = Literal["bulk", "rest"]
_row = backfills.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """How a stream's first load goes; see the table. By queries the checkpoint says how far it is, and of files `done`
    rows of the job's, after `older` rows before it. While a bulk write may be at work there is a `write_sent_at`;
    with none, `write_until` is of one that was given up.
    """

    way: Way
    why: str
    rules_version: str
    total: int
    counted: int
    horizon: datetime
    started_at: datetime
    job_id: str | None = None
    job_at: datetime | None = None
    done: int = 0
    older: int = 0
    last_id: str = "0"
    ended_at: datetime | None = None
    writes: Writes = "rest"
    write_job_id: str | None = None
    write_sent_at: datetime | None = None
    write_until: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """A first load that goes on: `done` of `total` records have an outcome. `waits`: its file is still being made;
    `writes`: a bulk write is at work, and what it makes has no outcome yet; `write_until`: by then that is decided at
    the latest; `write_job_id`: its id, None where it was not heard.
    """

    stream: str
    way: str
    started_at: datetime
    total: int
    done: int
    waits: bool
    writes: bool
    left: timedelta | None
    write_until: datetime | None = None
    write_job_id: str | None = None


def state(connection: Connection, stream: str) -> Backfill | None:
    """The stream's first load, gone on or ended; None for one that did not need any."""
    found = connection.execute(select(backfills).where(_row.stream == stream)).mappings().one_or_none()
    return None if found is None else Backfill(**{name: found[name] for name in found if name != "stream"})


def begin(connection: Connection, stream: str, backfill: Backfill) -> None:
    """It begins, in the place of an earlier one."""
    connection.execute(upsert(connection, backfills), {"stream": stream, **asdict(backfill)})


def note(connection: Connection, stream: str, **values: object) -> None:
    """Set columns of the stream's row, such as `done`. Raises LedgerError when there is none."""
    done = connection.execute(update(backfills).where(_row.stream == stream).values(**values))
    if done.rowcount != 1:
        raise LedgerError(f"{stream} has no first load that goes on")


def _writes(row: RowMapping, now: datetime) -> bool:
    """Of the rules before there may be one at work while the stream is read by queries."""
    goes_on = row["write_sent_at"] is not None and row["ended_at"] is None
    return goes_on and (row["way"] == "bulk" or now < row["write_until"])


def loading(connection: Connection, now: datetime) -> list[Loading]:
    """The first loads of streams that have not caught up yet. What is done is what the poll lane has dealt with since
    it began, so that a page that was read twice counts twice.
    """
    began = func.min(cycles.c.started_at)
    seen = func.coalesce(func.sum(cycles.c.seen), 0)
    since = and_(cycles.c.stream == _row.stream, cycles.c.lane == "poll", cycles.c.started_at >= _row.started_at)
    query = (
        select(backfills, seen.label("seen"), began.label("began"))
        .join(checkpoints, checkpoints.c.stream == _row.stream)
        .outerjoin(cycles, since)
        .where(checkpoints.c.caught_up_at.is_(None), checkpoints.c.started_at <= _row.started_at)
        .group_by(*backfills.columns)
        .order_by(_row.stream)
    )
    found = []
    for row in connection.execute(query).mappings():
        done, writes = min(int(row["seen"]), row["total"]), _writes(row, now)
        took = timedelta() if row["began"] is None else now - row["began"]
        found.append(
            Loading(
                stream=row["stream"],
                way=row["way"],
                started_at=row["started_at"],
                total=row["total"],
                done=done,
                waits=row["way"] == "bulk" and row["ended_at"] is None and not done and row["write_sent_at"] is None,
                writes=writes,
                left=left(done, row["total"], took),
                write_until=row["write_until"] if writes else None,
                write_job_id=row["write_job_id"] if writes else None,
            )
        )
    return found
