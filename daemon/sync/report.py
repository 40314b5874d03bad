"""What one cycle of a stream came to, and what it cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from daemon.core.outcome import Outcome
from daemon.core.rules import Stream
from daemon.ledger import Ledger
from daemon.ledger.errors import StreamUnknown
from daemon.ledger.streams import StreamState
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError


@dataclass(slots=True, kw_only=True)
class Report:
    """What a cycle came to: for the log, for `once`, and for the scheduler's next move. `away`: the trouble is that an
    org cannot be reached. `news` are the changes of the source that it dealt with. `wait`: before that there is nothing
    to do, and then there may be.
    """

    stream: str
    outcomes: Counter[Outcome] = field(default_factory=Counter)
    caught_up: bool = False
    trouble: str | None = None
    away: bool = False
    more: bool = False
    waits_for: str | None = None
    cycle_id: int | None = None
    news: int = 0
    wait: timedelta = timedelta()

    @property
    def seen(self) -> int:
        return sum(self.outcomes.values())


@contextmanager
def accounted(
    report: Report, source: Zoho, target: Zoho, ledger: Ledger, now: Callable[[], datetime]
) -> Iterator[None]:
    """One lane's turn: whatever ends it, its row of the ledger gets its cost and its trouble."""
    before = source.credits_spent, target.credits_spent
    try:
        yield
    except ZohoError as error:
        report.trouble = str(error)
        raise
    finally:
        if report.cycle_id is not None:
            cost = source.credits_spent - before[0], target.credits_spent - before[1]
            ledger.finish_cycle(report.cycle_id, *cost, report.trouble, now())


def state_of(ledger: Ledger, stream: Stream) -> StreamState:
    """Where a stream stands. Raises StreamUnknown for one that was never started."""
    state = ledger.stream_state(stream)
    if state is None:
        raise StreamUnknown(stream.address)
    return state
