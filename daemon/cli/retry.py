"""`orgsync retry`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli.context import ledger_settings
from daemon.cli.request import choice, choosing, demand
from daemon.cli.screen import json_option, say


@click.command("retry")
@choosing
@json_option
@click.pass_obj
def command(settings_path: str, cause_id: int | None, stream: str | None, source_id: str | None, as_json: bool) -> None:
    """Make held or dead records due again now; a running daemon is asked to do it.

    With --record also one that was dropped. Exit code 0, also where no record is meant: then it says so.
    """
    settings = ledger_settings(Path(settings_path))
    woken, when = demand(settings, choice(settings, "retry", cause_id, stream, source_id))
    text = f"{woken} record{' is' if woken == 1 else 's are'} tried again {when}"
    say(
        {"records": woken},
        text
        if woken
        else "no record in the queue is meant by that, and nothing was changed; what waits: orgsync queue",
        as_json=as_json,
    )
