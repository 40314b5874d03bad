"""`orgsync once`."""

from __future__ import annotations

import json
from functools import partial
from pathlib import Path

import click

from daemon.cli.context import load_settings, locked_ledger, open_reader, utc_now
from daemon.cli.exits import UNREACHABLE
from daemon.cli.first_run import first_run_option
from daemon.cli.progress import Part, Stderr, followed
from daemon.cli.screen import json_option
from daemon.cli.status import code_of, stopped, unbalanced, what_runs
from daemon.ledger import LedgerError
from daemon.service.claims import shared
from daemon.service.fleet import Fleet
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun
from daemon.sync.report import Report


@click.command("once")
@first_run_option
@json_option
@click.pass_context
def command(ctx: click.Context, first_run: str, as_json: bool) -> None:
    """Run every stream one time, until it has caught up and nothing of it is due.

    Exit codes as those of `orgsync status`, but 69 when an org cannot be reached and nothing else stops a stream.
    """

    settings = load_settings(Path(ctx.obj))
    set_up(as_json=False, stream=Stderr())
    how: FirstRun = "create" if first_run == "create" else "refuse"
    with (
        followed("reading and writing", partial(_parts, settings)),
        locked_ledger(settings) as ledger,
        shared(settings, ledger, fair=False) as claims,
        Fleet(settings, ledger, now=utc_now, stopping=lambda: False, first_run=how, claims=claims) as fleet,
    ):
        if claims is not None:
            claims.keep()
        reports = list(fleet.once().values())
        if claims is not None and claims.trouble is not None:
            raise LedgerError(claims.trouble)
        elsewhere = [address for address in fleet.streams if fleet.runner(address) is None]
    for address in elsewhere:
        click.echo(f"{address} is run by another daemon", err=True)
    with open_reader(settings) as reader:
        streams, _stuck = what_runs(settings, reader)
        off = unbalanced(reader, streams)
    queued = {s.stream: s.due + s.held + s.dead for s in streams}
    if as_json:
        click.echo(json.dumps({"schema": 1, "streams": [_as_json(r) for r in reports]}))
    else:
        for report in reports:
            _as_text(report, queued.get(report.stream, 0))
        if any(s.held + s.dead for s in streams):
            click.echo("what is held, and what mends it: orgsync queue")
    for line in off:
        click.echo(line, err=True)
    away = {report.stream for report in reports if report.away}
    standing = {s.stream for s in stopped(streams)}
    ctx.exit(UNREACHABLE if standing and standing <= away else code_of(streams))


def _parts(settings: Settings) -> list[Part]:
    """What goes on: first loads, comparisons; else how many streams have reached the present."""
    with open_reader(settings) as reader:
        streams, _stuck = what_runs(settings, reader)
        loads, compared = reader.loading(utc_now()), reader.comparing()
    parts = [
        Part(what=f"{one.stream}, first load by {one.way}", done=one.done, total=None if one.waits else one.total)
        for one in loads
    ]
    parts += [Part(what=f"{one.stream}, compared", done=one.source_seen + one.target_seen) for one in compared]
    there = sum(s.caught_up_at is not None for s in streams)
    return parts or [Part(what="streams caught up", done=there, total=len(streams))]


def _as_json(report: Report) -> dict[str, object]:
    return {
        "stream": report.stream,
        "outcomes": {o: n for o, n in report.outcomes.items() if n},
        "caught_up": report.caught_up,
        "trouble": report.trouble,
    }


def _as_text(report: Report, queued: int) -> None:
    parts = ", ".join(f"{n} {o}" for o, n in sorted(report.outcomes.items()) if n) or "nothing new"
    click.echo(f"{report.stream}: {parts}; {queued} in the queue")
    if report.trouble:
        click.echo(f"{report.stream} is stopped: {report.trouble}", err=True)
