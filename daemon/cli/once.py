"""`orgsync once`."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING

import click

from daemon.cli.context import load_settings, locked_ledger, open_reader, utc_now
from daemon.cli.exits import INTERRUPTED, UNREACHABLE
from daemon.cli.first_run import first_run_option
from daemon.cli.progress import Part, Stderr, followed
from daemon.cli.screen import json_option
from daemon.cli.status import code_of, stopped, unbalanced, what_runs
from daemon.cli.words import instant
from daemon.ledger import LedgerError, StreamStatus
from daemon.service.claims import shared
from daemon.service.fleet import Fleet
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun
from daemon.sync.report import Report

if TYPE_CHECKING:
    from daemon.ledger import Loading


@click.command("once")
@first_run_option
@json_option
@click.pass_context
def command(ctx: click.Context, first_run: str, as_json: bool) -> None:
    """Run every stream one time, until it has caught up and nothing of it is due.

    Exit codes as those of `orgsync status`, but 69 when an org cannot be reached and nothing else stops a stream, and
    130 after Ctrl-C: what is on its way is ended, and it is said how far each stream is. A second one ends it at once.
    """

    settings = load_settings(Path(ctx.obj))
    set_up(as_json=False, stream=Stderr())
    how: FirstRun = "create" if first_run == "create" else "refuse"
    with (
        followed("reading and writing", partial(_parts, settings)),
        locked_ledger(settings) as ledger,
        shared(settings, ledger, fair=False) as claims,
        _interrupted() as stop,
        Fleet(settings, ledger, now=utc_now, stopping=stop.is_set, first_run=how, claims=claims) as fleet,
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
        off, loads = unbalanced(reader, streams), {one.stream: one for one in reader.loading(utc_now())}
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
    if stop.is_set():
        click.echo("\n".join(_standing(streams, loads)), err=True)
        ctx.exit(INTERRUPTED)
    away = {report.stream for report in reports if report.away}
    standing = {s.stream for s in stopped(streams)}
    ctx.exit(UNREACHABLE if standing and standing <= away else code_of(streams))


@contextmanager
def _interrupted() -> Iterator[threading.Event]:
    """Set by Ctrl-C: what is on its way is ended, and nothing more is begun. A second one ends it at once."""
    stop = threading.Event()

    def asked(number: int, frame: FrameType | None) -> None:
        if stop.is_set():
            signal.default_int_handler(number, frame)
        stop.set()
        os.write(2, b"\nending what is on its way; Ctrl-C again ends it now\n")  # print may be the line it interrupted

    before = signal.signal(signal.SIGINT, asked)
    try:
        yield stop
    finally:
        signal.signal(signal.SIGINT, before)


def _standing(streams: Sequence[StreamStatus], loads: Mapping[str, Loading]) -> list[str]:
    """How far each stream is, by the ledger."""
    lines = ["orgsync: stopped by Ctrl-C. What was written is in the ledger, record by record:"]
    for one in streams:
        read = f"read to {instant(one.checkpoint_time)}"
        if one.checkpoint_time.year == 1970:
            read = "nothing is read yet"
        if (load := loads.get(one.stream)) is not None and one.caught_up_at is None:
            read = f"{load.done:,} of {load.total:,} records of the first load"
        lines.append(f"  {one.stream}: {read}, {one.due + one.held + one.dead:,} in the queue")
    return [*lines, "next: orgsync once, which goes on from there"]


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
