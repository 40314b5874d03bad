"""`orgsync retry`."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import click

from daemon.cli.context import ledger_settings
from daemon.cli.request import demand, known_stream
from daemon.core.record import is_record_id
from daemon.service.inbox import Request

_NUMBER: Final = click.IntRange(1, 2**63 - 1)
"""What can be the number of a row."""


@click.command("retry")
@click.option(
    "--cause", "cause_id", type=_NUMBER, help="All records held by this cause (its number in `orgsync status`)."
)
@click.option("--stream", help="All records of this stream.")
@click.option("--record", "source_id", help="The record with this id in the source org.")
@click.pass_obj
def command(settings_path: str, cause_id: int | None, stream: str | None, source_id: str | None) -> None:
    """Make held or dead records due again now; a running daemon is asked to do it."""

    if cause_id is None and stream is None and source_id is None:
        raise click.UsageError("say which: --cause N, --stream ROUTE/MODULE or --record ID")
    if source_id is not None and not is_record_id(source_id):
        raise click.UsageError(f"--record takes a record id, up to 19 digits, not {source_id[:40]!r}")
    settings = ledger_settings(Path(settings_path))
    if stream is not None:
        known_stream(settings, stream)
    woken, when = demand(settings, Request(kind="retry", cause_id=cause_id, stream=stream, source_id=source_id))
    if woken:
        click.echo(f"{woken} record{' is' if woken == 1 else 's are'} tried again {when}")
    else:
        click.echo("no record in the queue is meant by that")
