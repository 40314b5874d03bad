"""The backfills table: how each stream reads its records for the first time, and how far that has come."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Literal

from sqlalchemy import Connection, RowMapping, or_, select, update

from daemon.core import backfill as price
from daemon.core.backfill import Cycle, Pace, pace
from daemon.ledger.errors import LedgerError
from daemon.ledger.tables import backfills, checkpoints, cycles
from daemon.ledger.upsert import upsert

Way = Literal["bulk", "query"]
Writes = Literal["bulk", "rest"]
_row = backfills.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Backfill:
    """How a stream's first load goes; see the table. By queries the checkpoint says how far it is, and of files `done`
    rows of the job's, after `older` rows before it. While a bulk write may be at work there is a `write_sent_at`.
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
    the latest; `write_job_id`: its id, None where it was not heard. `left` is how long the rest takes if nothing makes
    it wait, and `needs` what it takes in credits of the source and of the target; None: not known yet, and no `left`
    either while the end of a bulk write cannot be asked for.
    """

    stream: str
    way: str
    started_at: datetime
    total: int
    done: int
    waits: bool
    writes: bool
    left: timedelta | None
    needs: tuple[int, int] | None = None
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
    it began, or since its files were given up, so that a page that was read twice counts twice.
    """
    query = (
        select(backfills)
        .join(checkpoints, checkpoints.c.stream == _row.stream)
        .where(checkpoints.c.caught_up_at.is_(None), checkpoints.c.started_at <= _row.started_at)
        .order_by(_row.stream)
    )
    return [_loading(connection, row, now) for row in connection.execute(query).mappings().all()]


def _loading(connection: Connection, row: RowMapping, now: datetime) -> Loading:
    by_query, given_up = row["way"] == "query", row["ended_at"] is not None
    began = row["ended_at"] if by_query and given_up else row["started_at"]
    went = _cycles(connection, row["stream"], began, first_too=by_query and not given_up)
    writes = _writes(row, now)
    done = min(sum(one.records for one in went), row["total"])
    rest, so_far = row["total"] - done, pace(began, went, now)
    return Loading(
        stream=row["stream"],
        way=row["way"],
        started_at=row["started_at"],
        total=row["total"],
        done=done,
        waits=row["way"] == "bulk" and row["ended_at"] is None and not done and row["write_sent_at"] is None,
        writes=writes,
        left=None if writes and row["write_job_id"] is None else so_far.left(rest),
        needs=_needs(row, rest, so_far, writes=writes),
        write_until=row["write_until"] if writes else None,
        write_job_id=row["write_job_id"] if writes else None,
    )


def _needs(row: RowMapping, rest: int, so_far: Pace, *, writes: bool) -> tuple[int, int] | None:
    """The jobs of files are no part of what cycles have cost; what is made by them costs what the price list says."""
    needs = so_far.needs(rest)
    if needs is None or row["way"] != "bulk" or row["ended_at"] is not None:
        return needs
    source, target = needs
    if row["writes"] == "bulk":
        target = price.by_jobs(max(0, rest - price.WRITE_ROWS * writes), columns=1)  # the one at work is paid
    return source + price.further_files(rest), target


def _cycles(connection: Connection, stream: str, since: datetime, *, first_too: bool) -> list[Cycle]:
    """Those of the poll lane that have begun since then, in their order; `first_too`: and the one that went on then,
    behind whose page the way was chosen. Files hold that page once more.
    """
    of = cycles.c
    begun = of.started_at >= since
    query = (
        select(of.started_at, of.finished_at, of.seen, of.credits_source, of.credits_target)
        .where(of.stream == stream, of.lane == "poll", or_(begun, of.finished_at >= since) if first_too else begun)
        .order_by(of.id)
    )
    return [
        Cycle(began=began, ended=ended, records=seen, credits=(source, target))
        for began, ended, seen, source, target in connection.execute(query)
    ]
