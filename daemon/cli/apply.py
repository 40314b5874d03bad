"""`orgsync apply`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from daemon.cli import planfile
from daemon.cli.context import load_settings
from daemon.cli.exits import HEALTHY, HELD, LEDGER_HELD, STOPPED, UNREACHABLE
from daemon.cli.holding import holding
from daemon.cli.progress import Stderr, progress
from daemon.cli.request import known_stream
from daemon.cli.screen import json_option, say
from daemon.core.outcome import Outcome
from daemon.core.saved import SavedPlan
from daemon.ledger import LedgerHeld
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.applying import apply, renewed
from daemon.sync.planning import Planner
from daemon.sync.prepare import FirstRun
from daemon.sync.report import Report

_UNDONE: Final[tuple[Outcome, ...]] = ("held", "retrying", "dead")


@click.command("apply")
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@json_option
@click.pass_context
def command(ctx: click.Context, file: Path, as_json: bool) -> None:
    """Write exactly what the plan in FILE says (`orgsync plan STREAM --save FILE`, or `orgsync verify STREAM
    --repair FILE`), or nothing.

    It is planned once more first. Where a record was edited in either org since, the settings or the mapping are
    others, or the stream has gone on, nothing is written (exit code 2). Exit code 1: some records were refused, and
    are queued.
    """
    settings = load_settings(Path(ctx.obj))
    set_up(as_json=False, stream=Stderr())
    plan = planfile.read(file)
    known_stream(settings, plan.standing.stream)
    try:
        with progress(f"planning {plan.standing.stream} once more, and writing"):
            report, source, target = _apply(settings, plan)
    except LedgerHeld as error:
        does = "writes what is due by itself"
        if plan.repair:
            does = f"puts right what differs when `orgsync verify {plan.standing.stream} --queue` asks it to"
        advice = f"A daemon that runs {does}; to apply the plan stop it, apply, and start it again"
        click.echo(f"orgsync: {error}. Nothing was written. {advice}", err=True)
        ctx.exit(LEDGER_HELD)
    left = len(plan.steps) - report.seen
    say(_document(report, source, target, left), _text(report, source, target, left), as_json=as_json)
    if report.trouble:
        click.echo(f"{report.stream} stopped: {report.trouble}", err=True)
        ctx.exit(UNREACHABLE if report.away else STOPPED)
    ctx.exit(HELD if any(report.outcomes[outcome] for outcome in _UNDONE) else HEALTHY)


def _apply(settings: Settings, plan: SavedPlan) -> tuple[Report, int, int]:
    """What came of it, and the credits that it cost in the source and in the target."""
    how: FirstRun = "create" if plan.create else "refuse"
    with holding(settings, plan.standing.stream, how) as held:
        planner = Planner(held.stream, held.route, held.source, held.target, held.ledger, now=held.now)
        pages = renewed(plan, planner, held.ledger, held.runner, held.now)
        report = apply(pages, held.runner, held.source, held.target, held.now)
        source, target = held.source.zoho.credits_spent, held.target.zoho.credits_spent
    return report, source, target


def _text(report: Report, source: int, target: int, left: int) -> str:
    done = ", ".join(f"{n:,} {o}" for o, n in sorted(report.outcomes.items()) if n) or "nothing was to be written"
    unsent = f"; {left:,} were not sent" if left else ""
    spent = f"{source:,} credits of the source and {target:,} of the target were spent"
    undone = any(report.outcomes[outcome] for outcome in _UNDONE)
    more = f"\nwhat was refused, and what mends it: orgsync queue --stream {report.stream}" if undone else ""
    return f"{report.stream}: {done}{unsent}; {spent}{more}"


def _document(report: Report, source: int, target: int, left: int) -> dict[str, object]:
    return {
        "stream": report.stream,
        "cycle": report.cycle_id,
        "outcomes": {o: n for o, n in sorted(report.outcomes.items()) if n},
        "not_sent": left,
        "credits": {"source": source, "target": target},
        "trouble": report.trouble,
    }
