"""`orgsync queue`: what is not in the target yet, by cause; or every record of one cause."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Final

import click

from daemon.cli import typed
from daemon.cli.context import open_reader
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.named import Named, names
from daemon.cli.orgs import offline_option, settings_to_look
from daemon.cli.progress import progress
from daemon.cli.request import known_stream
from daemon.cli.screen import json_option, wrapped
from daemon.cli.status import cause_lines, queue_entry
from daemon.cli.words import instant, printable
from daemon.ledger import Queued, Stuck

_MOST: Final = 10_000


@click.command("queue")
@click.option("--stream", shell_complete=typed.streams, help="Only of this stream.")
@click.option("--cause", "cause_id", type=click.IntRange(1, 2**63 - 1), help="Every record of this cause.")
@click.option("--limit", default=100, show_default=True, type=click.IntRange(1, _MOST), help="How many to list.")
@offline_option
@json_option
@click.pass_context
def command(
    ctx: click.Context, stream: str | None, cause_id: int | None, limit: int, offline: bool, as_json: bool
) -> None:
    """Show what is not in the target yet: by cause, with what mends it and what to type; or the records of a cause.

    The records that are shown have their names, read from the source now. Exit code 1: there is something. What is
    tried again by itself (due) does not count.
    """
    settings, left_out = settings_to_look(Path(ctx.obj), offline=offline)
    if stream is not None:
        known_stream(settings, stream)
    mine = [stream] if stream is not None else [one.address for one in settings.streams()]
    with open_reader(settings) as reader:
        stuck = [q for q in reader.stuck() if q.stream in mine and cause_id in (None, q.cause_id)]
        records = reader.queued(cause_id, limit) if cause_id is not None else []
    shown = [(q.stream, i) for q in stuck for i in q.example_ids] + [(one.stream, one.source_id) for one in records]
    named: Named = {}
    if shown and left_out is None:
        with progress("asking for names (--offline does without)"):
            named, left_out = names(settings, shown)
    if as_json:
        causes = [
            {
                "stream": q.stream,
                **queue_entry(q),
                "names": [named.get((q.stream, i)) for i in q.example_ids],
                "drop": _dropping(q),
            }
            for q in stuck
        ]
        document = {"schema": 1, "causes": causes}
        more = {} if cause_id is None else {"records": [_plain(one, named) for one in records]}
        click.echo(json.dumps(document | more))
    else:
        lines = [_text(q, named) for q in stuck] or [_nothing(stream, cause_id)]
        click.echo("\n\n".join(lines))
        for one in records:
            click.echo(wrapped(_line(one, named)))
    if shown and left_out is not None and not offline:
        click.echo(f"ids without names: {printable(left_out)}", err=True)
    ctx.exit(HELD if any(q.state != "due" for q in stuck) else HEALTHY)


def _text(q: Stuck, named: Named) -> str:
    """What is known of a cause, and what to type; what is tried again by itself need not be dropped."""
    examples = [_called(q.stream, record_id, named) for record_id in q.example_ids]
    return str(cause_lines(q, examples)) + (
        "" if q.state == "due" else wrapped(f"\n  or, if they shall never go: {_dropping(q)}")
    )


def _nothing(stream: str | None, cause_id: int | None) -> str:
    """What is said of an empty list, with how much of the queue was looked at."""
    of = "" if cause_id is None else f" of cause {cause_id}"
    of += "" if stream is None else f" in {stream}"
    return f"nothing{of} waits" + ("; all that waits: orgsync queue" if of else "")


def _called(stream: str, record_id: str, named: Named) -> str:
    name = named.get((stream, record_id))
    return record_id if name is None else f"{printable(name)} ({record_id})"


def _dropping(q: Stuck) -> str:
    return f'orgsync drop --cause {q.cause_id} --reason "…"'


def _line(one: Queued, named: Named) -> str:
    tries = f"{one.attempts} attempt{'' if one.attempts == 1 else 's'}"
    since, due = instant(one.first_seen_at), f", next {instant(one.due_at)}" if one.due_at else ""
    name = named.get((one.stream, one.source_id))
    called = "" if name is None else f"  {printable(name)}"
    return f"  {one.source_id}{called}  {one.state}, {tries}, since {since}{due}  {printable(one.detail)}"


def _plain(one: Queued, named: Named) -> dict[str, object]:
    plain = {k: v.isoformat() if isinstance(v, datetime) else v for k, v in asdict(one).items()}
    return {**plain, "name": named.get((one.stream, one.source_id))}
