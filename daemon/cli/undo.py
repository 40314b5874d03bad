"""`orgsync undo`."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.context import asked_ledger, demand_ledger, load_settings
from daemon.cli.drop import whoami
from daemon.cli.exits import HEALTHY, HELD, LEDGER_HELD, STOPPED, UNREACHABLE, USAGE
from daemon.cli.holding import Holder, holding
from daemon.cli.plan import planning
from daemon.cli.progress import Stderr, progress
from daemon.cli.request import known_stream
from daemon.cli.screen import json_option, wrapped
from daemon.cli.undone import Shown, as_document, as_text
from daemon.core.rules import Stream
from daemon.ledger import LedgerHeld
from daemon.ledger.befores import PastCycle
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.prepare import StreamRefusedError
from daemon.sync.report import Report
from daemon.sync.undoing import Undoing, carry_out, look

_NUMBER = click.IntRange(1, 2**63 - 1)


@click.command("undo")
@click.argument("stream", required=False, shell_complete=typed.streams)
@click.option("--cycle", "number", required=True, type=_NUMBER, help="The cycle (its number in `orgsync why`).")
@click.option("--created", is_flag=True, help="Delete what the cycle created, where nobody has touched it.")
@click.option("--yes", is_flag=True, help="Do it, without asking.")
@click.option("--all", "everything", is_flag=True, help="List every record, not the first 20 of a kind.")
@json_option
@click.pass_context
def command(
    ctx: click.Context, stream: str | None, number: int, created: bool, yes: bool, everything: bool, as_json: bool
) -> None:
    """Put back in the target what a cycle changed there, where nobody has touched it since.

    Shows first what would be put back, field by field, and what is left and why; writes after --yes, or when you say so
    on a terminal. The stream then stands until `orgsync release`. Needs `undo` in the settings. Exit codes: 1 something
    was left, 2 nothing or not all was written, 64 only shown.
    """
    settings = load_settings(Path(ctx.obj))
    set_up(as_json=False, stream=Stderr())
    cycle, one = _cycle(settings, stream, number)
    again = f"orgsync undo --cycle {number}{' --created' if created else ''} --yes"
    shown: Undoing | None = None
    if not yes:
        with progress(f"looking at what cycle {number} wrote"), planning(settings, one) as (planner, _, _):
            shown = planner.undo(cycle, created=created)
        drawn = Shown(undoing=shown, following=again, everything=everything)
        asks = sys.stdin.isatty() and sys.stdout.isatty() and not as_json
        click.echo(json.dumps(as_document(drawn)) if as_json else wrapped(as_text(drawn, asks=asks)))
        if not shown.writes:
            ctx.exit(HELD if shown.left else HEALTHY)
        if not asks:
            ctx.exit(USAGE)
        click.confirm(f"Put this back in {one.target}?", abort=True)
    try:
        with progress(f"undoing cycle {number}"), holding(settings, one.address) as holder:
            done, report = _undo(holder, number, shown, created=created)
    except LedgerHeld as error:
        advice = f"Stop the daemon, which goes on writing else, type `{again}`, and start it again"
        click.echo(f"orgsync: {error}. Nothing was written. {advice}", err=True)
        ctx.exit(LEDGER_HELD)
    drawn = Shown(undoing=done, following=f"orgsync release {one.address}", everything=everything, report=report)
    click.echo(json.dumps(as_document(drawn)) if as_json else wrapped(as_text(drawn)))
    if report.trouble:
        click.echo(f"{report.stream} stopped: {report.trouble}; then: {again}", err=True)
        ctx.exit(UNREACHABLE if report.away else STOPPED)
    ctx.exit(HELD if done.left or drawn.failed else HEALTHY)


def _cycle(settings: Settings, address: str | None, number: int) -> tuple[PastCycle, Stream]:
    """The cycle, and its stream as the settings have it."""
    demand_ledger(settings)
    with asked_ledger(settings) as ledger:
        cycle = None if ledger is None else ledger.past_cycle(number)
    if cycle is None:
        raise click.UsageError(f"the ledger has no cycle {number} (any more); `orgsync why RECORD` shows the numbers")
    if address is not None and address != cycle.stream:
        raise click.UsageError(f"cycle {number} is one of {cycle.stream}, not of {address}")
    stream = settings.stream(known_stream(settings, cycle.stream))
    if stream.files_of is not None:
        raise click.UsageError(f"{stream.address} carries attachments, of which nothing is kept")
    return cycle, stream


def _undo(holder: Holder, number: int, shown: Undoing | None, *, created: bool) -> tuple[Undoing, Report]:
    """Looks once more, as the one who writes, and does it where that is what was shown."""
    cycle = holder.ledger.past_cycle(number)
    prepared, _, _ = holder.runner.ready()
    if cycle is not None:
        undoing = look(cycle, prepared, holder.target, holder.ledger, created=created)
        if shown is None or undoing.same_as(shown):
            return undoing, carry_out(undoing, holder.runner, holder.source, holder.target, holder.now, whoami())
    raise StreamRefusedError(
        f"cycle {number} of {holder.stream.address}: what was shown is not so any more, something was written since. "
        f"Nothing was put back; look again: orgsync undo --cycle {number}"
    )
