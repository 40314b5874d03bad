"""What those who watch a ledger ask of it: metrics and alerts. Questions only, cheap enough for every few seconds."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, cast

from sqlalchemy import ColumnElement, Connection, func, or_, select, text

from daemon.core.alerts import GivenUp, StandingFuse
from daemon.core.budget import Account
from daemon.core.fuse import Blown, FuseKind
from daemon.core.outcome import OUTCOMES
from daemon.core.silence import LOOK_BACK, hour_of
from daemon.ledger import spending
from daemon.ledger.own_tables import alerts
from daemon.ledger.tables import TALLY, causes, checkpoints, cycles, fuses, retry_queue

HOUR: Final = timedelta(hours=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Polling:
    """How one stream is polled. `read_at`: when the source was last read without trouble; `last_change_at`: when a
    change of the source was last dealt with.
    """

    poll_s: float
    polled_at: datetime | None
    read_at: datetime | None
    caught_up_at: datetime | None
    trouble: str | None
    last_change_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watched:
    """One look at a ledger. By stream, where nothing else is said: `queue` (stream, state, cause code) -> records,
    `outcomes` of the last hour, `unbalanced` cycles. `open_alerts` by kind; `untold` notices wait for their receiver;
    `accounts` are of credits, by org.
    """

    polling: Mapping[str, Polling]
    queue: Mapping[tuple[str, str, str], int]
    outcomes: Mapping[str, Mapping[str, int]]
    unbalanced: Mapping[str, int]
    fuses: Sequence[StandingFuse]
    given_up: Sequence[GivenUp]
    open_alerts: Mapping[str, int]
    untold: int
    accounts: Mapping[str, Account]


def look(connection: Connection, now: datetime) -> Watched:
    """Everything at once."""
    return Watched(
        polling=polling(connection),
        queue=_queue(connection),
        outcomes=_outcomes(connection, now - HOUR),
        unbalanced=_unbalanced(connection),
        fuses=standing_fuses(connection),
        given_up=given_up(connection),
        open_alerts=_open_alerts(connection),
        untold=_untold(connection),
        accounts=spending.accounts(connection),
    )


def polling(connection: Connection) -> dict[str, Polling]:
    """How every stream is polled."""
    row = checkpoints.c
    saw = cycles.c.stream == row.stream, cycles.c.lane == "poll", cycles.c.seen > 0
    newest = select(cycles.c.started_at).where(*saw).order_by(cycles.c.id.desc()).limit(1).scalar_subquery()
    columns = row.stream, row.poll_s, row.polled_at, row.read_at, row.caught_up_at, row.trouble
    found = connection.execute(select(*columns, newest.label("last_change_at"))).mappings()
    return {one["stream"]: Polling(**{k: v for k, v in one.items() if k != "stream"}) for one in found}


def standing_fuses(connection: Connection) -> list[StandingFuse]:
    """The fuses that nobody has released."""
    found = connection.execute(select(fuses).where(fuses.c.released_at.is_(None)).order_by(fuses.c.id)).mappings()
    return [
        StandingFuse(
            number=row["id"],
            stream=row["stream"],
            blown=Blown(
                kind=cast("FuseKind", row["kind"]),
                count=row["count"],
                base=row["base"],
                allowed=row["allowed"],
                examples=tuple(json.loads(row["examples"])),
                cycle=row["cycle_id"],
            ),
        )
        for row in found
    ]


def given_up(connection: Connection) -> list[GivenUp]:
    """The dead records by cause. Of a cause, its values are left out: they are a record's."""
    columns = causes.c.id, causes.c.stream, causes.c.code, causes.c.field, causes.c.remedy
    query = (
        select(*columns, func.count().label("records"))
        .join(retry_queue, retry_queue.c.cause_id == causes.c.id)
        .where(retry_queue.c.state == "dead")
        .group_by(*columns)
        .order_by(causes.c.id)
    )
    return [
        GivenUp(
            cause_id=row.id,
            stream=row.stream,
            code=row.code,
            field=row.field,
            remedy=row.remedy,
            records=row.records,
        )
        for row in connection.execute(query)
    ]


def hours(connection: Connection, stream: str, now: datetime) -> dict[int, int]:
    """Changes that a stream has seen, by hour (silence.py), as far back as anybody looks."""
    hour = _hour(connection, cycles.c.started_at)
    query = (
        select(hour, func.sum(cycles.c.seen))
        .where(cycles.c.stream == stream, cycles.c.lane == "poll", cycles.c.seen > 0)
        .where(cycles.c.started_at >= now - LOOK_BACK)
        .group_by(hour)
    )
    return {
        hour_of(datetime.fromisoformat(f"{found}:00:00+00:00")): int(seen) for found, seen in connection.execute(query)
    }


def _hour(connection: Connection, moment: ColumnElement[datetime]) -> ColumnElement[str]:
    """A time's hour as `YYYY-MM-DD HH`."""
    if connection.dialect.name == "sqlite":
        return func.strftime("%Y-%m-%d %H", moment)
    return func.to_char(func.timezone("UTC", moment), "YYYY-MM-DD HH24")


def _queue(connection: Connection) -> dict[tuple[str, str, str], int]:
    columns = retry_queue.c.stream, retry_queue.c.state, causes.c.code
    query = select(*columns, func.count()).join(causes, causes.c.id == retry_queue.c.cause_id).group_by(*columns)
    return {(stream, state, code): records for stream, state, code, records in connection.execute(query)}


def _outcomes(connection: Connection, since: datetime) -> dict[str, dict[str, int]]:
    """What became of the changes that cycles dealt with which began since a time."""
    before = select(cycles.c.id).where(cycles.c.started_at < since).order_by(cycles.c.id.desc()).limit(1)
    last = connection.scalar(before) or 0  # found from the newest backwards: no index by time is needed
    sums = [func.sum(cycles.c[name]).label(name) for name in OUTCOMES]
    found = connection.execute(select(cycles.c.stream, *sums).where(cycles.c.id > last).group_by(cycles.c.stream))
    return {row["stream"]: {name: int(row[name]) for name in OUTCOMES} for row in found.mappings()}


def _unbalanced(connection: Connection) -> dict[str, int]:
    query = select(cycles.c.stream, func.count()).where(text(f"seen <> {TALLY}")).group_by(cycles.c.stream)
    return {row[0]: row[1] for row in connection.execute(query)}


def _open_alerts(connection: Connection) -> dict[str, int]:
    query = select(alerts.c.kind, func.count()).where(alerts.c.resolved_at.is_(None)).group_by(alerts.c.kind)
    return {row[0]: row[1] for row in connection.execute(query)}


def _untold(connection: Connection) -> int:
    over = alerts.c.resolved_at.is_not(None) & alerts.c.resolution_told_at.is_(None)
    return connection.scalar(select(func.count()).where(or_(alerts.c.told_at.is_(None), over))) or 0
