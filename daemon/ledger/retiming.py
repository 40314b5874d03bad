"""Due times after the clock was wrong: what waits in the queue goes on waiting, for no longer than it may."""

from __future__ import annotations

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, bindparam, select, update

from daemon.core.backoff import LONGEST
from daemon.ledger.tables import retry_queue

_row = retry_queue.c


def retime(connection: Connection, now: datetime, by: timedelta) -> int:
    """Move every due time by the step that the clock made; gives the number of rows that were changed.

    A time that is then further ahead than any backoff was made by a wrong clock: those are spread over the longest one,
    so that they are neither stuck nor tried all at once.
    """
    waits = select(_row.stream, _row.source_id, _row.due_at).where(_row.state == "due", _row.due_at.is_not(None))
    query = waits if by else waits.where(_row.due_at > now + LONGEST)
    rows = [(stream, source_id, due_at + by) for stream, source_id, due_at in connection.execute(query) if due_at]
    fair = [row for row in rows if row[2] <= now + LONGEST]
    wrong = sorted(row for row in rows if row[2] > now + LONGEST)
    spread = [(row[0], row[1], now + LONGEST * (n + 1) / len(wrong)) for n, row in enumerate(wrong)]
    if rows:
        mine = and_(_row.stream == bindparam("b_stream"), _row.source_id == bindparam("b_id"))
        values = [{"b_stream": stream, "b_id": i, "b_due": due} for stream, i, due in (*fair, *spread)]
        connection.execute(update(retry_queue).where(mine).values(due_at=bindparam("b_due")), values)
    return len(rows)
