"""`orgsync retry`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli.context import ledger_settings
from daemon.cli.request import choice, choosing, demand


@click.command("retry")
@choosing
@click.pass_obj
def command(settings_path: str, cause_id: int | None, stream: str | None, source_id: str | None) -> None:
    """Make held or dead records due again now; a running daemon is asked to do it.

    With --record also one that was dropped.
    """
    settings = ledger_settings(Path(settings_path))
    woken, when = demand(settings, choice(settings, "retry", cause_id, stream, source_id))
    if woken:
        click.echo(f"{woken} record{' is' if woken == 1 else 's are'} tried again {when}")
    else:
        click.echo("no record in the queue is meant by that")
