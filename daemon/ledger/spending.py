"""What orgsync has spent in each org, by periods of ten minutes (core/budget.py); all daemons share it.

Credits are taken before a call, so that what a killed daemon has spent is counted. Some are taken in advance, for one
transaction a call would be too many; what is left of them when their period ends is given back.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from datetime import datetime, timedelta

from sqlalchemy import Connection, delete, select, update

from daemon.core.budget import COUNTS_FOR, PERIOD, Account, Spent, period_of
from daemon.core.credits import Told
from daemon.ledger.own_tables import spending
from daemon.ledger.upsert import on_conflict

_row = spending.c


def take(
    connection: Connection, org: str, wanted: int, ceiling: int | None, told: Told | None, now: datetime
) -> tuple[int, Account]:
    """Takes credits of the present period, as many as the ceiling lets; gives their number, and the account then."""
    connection.execute(delete(spending).where(_row.at <= now - COUNTS_FOR))
    _bring_back(connection, now)
    spent = sum(connection.scalars(select(_row.credits).where(_row.org == org)))
    granted = wanted if ceiling is None else max(0, min(wanted, ceiling - spent))
    row = {"org": org, "at": period_of(now), "credits": granted}
    row |= {"remaining": None, "told_at": None} if told is None else {"remaining": told.remaining, "told_at": told.at}
    mine = on_conflict(connection, spending, ("org", "at"), ("remaining", "told_at"), added=("credits",))
    connection.execute(mine, row)
    return granted, accounts(connection)[org]


def give_back(connection: Connection, org: str, unused: Spent) -> None:
    """Credits that were taken in a period and not used."""
    mine = _row.org == org, _row.at == unused.at
    connection.execute(update(spending).where(*mine).values(credits=_row.credits - unused.credits))


def accounts(connection: Connection) -> dict[str, Account]:
    """What was spent in each org, oldest first, and what it said last."""
    spent: dict[str, list[Spent]] = defaultdict(list)
    told: dict[str, Told] = {}
    for row in connection.execute(select(spending).order_by(_row.org, _row.at)):
        spent[row.org].append(Spent(at=row.at, credits=row.credits))
        if row.told_at is not None:
            told[row.org] = Told(remaining=row.remaining, at=row.told_at)
    return {org: Account(spent=tuple(found), told=told.get(org)) for org, found in spent.items()}


def shift(connection: Connection, by: timedelta) -> None:
    """The clock stepped by so much: what was spent is as old as it was. A period may come to end later, not earlier."""
    rows = connection.execute(select(_row.org, _row.at, _row.credits)).all()
    connection.execute(delete(spending))
    _add(
        connection,
        ((row.org, period_of(row.at + by + PERIOD - timedelta(microseconds=1)), row.credits) for row in rows),
    )


def _bring_back(connection: Connection, now: datetime) -> None:
    """What is dated later than now was spent by a clock that was ahead: it counts from now on, and not for longer."""
    later = _row.at > now + PERIOD  # daemons may differ by moments
    rows = connection.execute(select(_row.org, _row.credits).where(later)).all()
    if rows:
        connection.execute(delete(spending).where(later))
        _add(connection, ((row.org, period_of(now), row.credits) for row in rows))


def _add(connection: Connection, rows: Iterable[tuple[str, datetime, int]]) -> None:
    sums: Counter[tuple[str, datetime]] = Counter()
    for org, at, credits_spent in rows:
        sums[org, at] += credits_spent
    if sums:
        mine = on_conflict(connection, spending, ("org", "at"), (), added=("credits",))
        connection.execute(mine, [{"org": org, "at": at, "credits": spent} for (org, at), spent in sums.items()])
