"""Carries out a plan that was kept, exactly, or not at all: everything is planned once more, and only where every step
is the one that was shown are these steps sent, by the road that all writes take.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Final

from daemon.core.causes import DIFFERS
from daemon.core.saved import SavedPlan, SavedStep, changed_since, moved_on
from daemon.ledger import DueRow, ReadLedger
from daemon.sync.catalog import Catalog
from daemon.sync.cycle import StreamRunner
from daemon.sync.planning import Planner, due_row_of
from daemon.sync.prepare import StreamRefusedError
from daemon.sync.report import Report, accounted
from daemon.sync.road import settle_page, tell_children
from daemon.sync.writing import Planned, write

_NAMED: Final = 20  # records that a refusal names
_STALE: Final = "is not true any more"


class PlanStaleError(StreamRefusedError):
    """What a plan was made on is not so any more. Nothing was written."""


def renewed(
    saved: SavedPlan, planner: Planner, ledger: ReadLedger, runner: StreamRunner, now: Callable[[], datetime]
) -> Sequence[Planned]:
    """The pages of the plan as they would be sent now, when each of their writes is the one that was shown.

    Raises PlanStaleError, and what planning raises.
    """
    stream = runner.stream
    if (moved := moved_on(saved.standing, planner.standing())) is not None:
        raise PlanStaleError(_refusal(saved, _STALE, [moved]))
    forecast = planner.of(_pages(saved.steps, ledger, runner, now()), bytes.fromhex(saved.key))
    items = {item.source_id: item for item in forecast.items}
    wrong = changed_since(saved.steps, items, stream.source, stream.target)
    if wrong:
        raise PlanStaleError(_refusal(saved, _STALE, wrong))
    if forecast.blocked:
        raise StreamRefusedError(_refusal(saved, "may not be applied", forecast.blocked))
    return forecast.pages


def apply(
    pages: Sequence[Planned], runner: StreamRunner, source: Catalog, target: Catalog, now: Callable[[], datetime]
) -> Report:
    """Writes and settles these pages, in the stream's ledger like any others; the report says what became of them.

    Raises what stops a cycle, before anything is written.
    """
    report = Report(stream=runner.stream.address)
    prepared, hands, meter = runner.ready()
    with accounted(report, source.zoho, target.zoho, hands.ledger, now):
        for planned in pages:
            tell_children(planned, hands)
            sent = write(planned, prepared, hands, "retry", meter)
            travelled = settle_page(planned, sent, prepared, hands, lane="retry", cycle_id=report.cycle_id)
            runner.note(report, travelled)
            if not sent.through:
                break
    return report


def _pages(steps: Sequence[SavedStep], ledger: ReadLedger, runner: StreamRunner, now: datetime) -> list[list[DueRow]]:
    """What is to be planned again, page by page as it was planned; with what the queue says where that was why."""
    queued = {row.source_id: row for row in ledger.queued(runner.stream, [s.source_id for s in steps if s.queued], now)}
    return [
        [
            queued.get(step.source_id) or due_row_of(step.source_id, step.queued or DIFFERS, step.modified_time, now)
            for step in steps
            if step.page == page
        ]
        for page in sorted({step.page for step in steps})
    ]


def _refusal(saved: SavedPlan, what: str, wrong: Sequence[str]) -> str:
    """All that is wrong, what was not touched, and what to type."""
    stream = saved.standing.stream
    more = [f"and {len(wrong) - _NAMED:,} more"] if wrong[_NAMED:] else []
    return "\n".join(
        [
            f"{stream}: the plan of {saved.made_at:%Y-%m-%d %H:%M:%S} UTC {what}:",
            *(f"  {line}" for line in [*wrong[:_NAMED], *more]),
            f"nothing was written. Plan again: {saved.command}",
        ]
    )
