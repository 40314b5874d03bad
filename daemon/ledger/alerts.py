"""The alerts table: which incidents go on, and what is still to be told of them.

Several daemons may share it. An incident that goes on has one row, whoever notices it; and whoever takes a notice has
it for LEASE, so that no other tells it too.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Literal

from sqlalchemy import Connection, Row, Select, and_, or_, select, update

from daemon.core.alerts import LONGEST_WAIT, Incident, Standing, wait_before
from daemon.ledger.columns import storable
from daemon.ledger.own_tables import alerts
from daemon.ledger.upsert import insert_into

LEASE: Final = timedelta(minutes=1)
Event = Literal["opened", "resolved"]
_row = alerts.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """Something to tell: that an incident began, or that it is over. `number` is its row; `tries` counts this one."""

    number: int
    event: Event
    incident: Incident
    opened_at: datetime
    resolved_at: datetime | None
    tries: int


class AlertBook:
    """What the ledger knows of alerts. Every method is one transaction; the two functions open one."""

    def __init__(
        self,
        reading: Callable[[], AbstractContextManager[Connection]],
        writing: Callable[[], AbstractContextManager[Connection]],
    ) -> None:
        self._reading = reading
        self._writing = writing

    def standing(self) -> list[Standing]:
        """The incidents that go on."""
        with self._reading() as connection:
            return standing(connection)

    def note(self, opened: Sequence[Incident], over: Sequence[int], now: datetime) -> None:
        """These have begun (unless another daemon has noticed it too), and the ones with these numbers are over."""
        if not opened and not over:
            return
        with self._writing() as connection:
            if opened:
                rows = [_as_row(incident, now) for incident in opened]
                connection.execute(insert_into(connection, alerts).on_conflict_do_nothing(), rows)
            if over:
                ended = update(alerts).where(_row.id.in_(over), _row.resolved_at.is_(None))
                connection.execute(ended.values(resolved_at=now))

    def take(self, now: datetime) -> Notice | None:
        """What is to be told next; nobody else gets it before LEASE is over. None: nothing, for now."""
        with self._reading() as connection:  # most of the time there is nothing
            if connection.execute(_to_tell(now)).first() is None:
                return None
        with self._writing() as connection:
            found = connection.execute(_to_tell(now).with_for_update(skip_locked=True)).first()
            if found is None:
                return None
            taken = update(alerts).where(_row.id == found.id)
            connection.execute(taken.values(try_at=now + LEASE, tries=found.tries + 1))
        return _notice(found)

    def told(self, notice: Notice, now: datetime) -> None:
        """It was told."""
        column = _row.told_at if notice.event == "opened" else _row.resolution_told_at
        with self._writing() as connection:
            connection.execute(
                update(alerts).where(_row.id == notice.number).values({column: now, _row.tries: 0, _row.try_at: now})
            )

    def untold(self, notice: Notice, now: datetime) -> None:
        """It could not be told: it is tried again, later each time."""
        with self._writing() as connection:
            connection.execute(
                update(alerts).where(_row.id == notice.number).values(try_at=now + wait_before(notice.tries))
            )


def standing(connection: Connection) -> list[Standing]:
    """The incidents that go on."""
    query = select(_row.id, _row.kind, _row.subject, _row.mark, _row.opened_at).where(_row.resolved_at.is_(None))
    return [
        Standing(number=found.id, kind=found.kind, subject=found.subject, mark=found.mark, opened_at=found.opened_at)
        for found in connection.execute(query.order_by(_row.id))
    ]


def _to_tell(now: datetime) -> Select[tuple[Any, ...]]:
    """What waits longest of what is due. One that is too far ahead was noted by a clock that has been set back."""
    news = or_(_row.told_at.is_(None), and_(_row.resolved_at.is_not(None), _row.resolution_told_at.is_(None)))
    due = or_(_row.try_at <= now, _row.try_at > now + LONGEST_WAIT)
    return select(alerts).where(news, due).order_by(_row.try_at, _row.id).limit(1)


def _notice(found: Row[tuple[Any, ...]]) -> Notice:
    incident = Incident(kind=found.kind, subject=found.subject, mark=found.mark, what=found.what, command=found.command)
    return Notice(
        number=found.id,
        event="opened" if found.told_at is None else "resolved",
        incident=incident,
        opened_at=found.opened_at,
        resolved_at=found.resolved_at,
        tries=found.tries + 1,
    )


def _as_row(incident: Incident, now: datetime) -> dict[str, object]:
    return {
        "kind": incident.kind,
        "subject": incident.subject,
        "mark": incident.mark,
        "what": storable(incident.what),
        "command": storable(incident.command),
        "opened_at": now,
        "try_at": now,
    }
