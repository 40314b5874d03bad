"""`orgsync drop`."""

from __future__ import annotations

import getpass
import os
import socket
from dataclasses import replace
from pathlib import Path

import click

from daemon.cli.context import ledger_settings
from daemon.cli.request import choice, choosing, demand
from daemon.cli.screen import json_option, say


@click.command("drop")
@choosing
@click.option("--reason", required=True, help="Why; it is kept in the ledger, with your name and the time.")
@json_option
@click.pass_obj
def command(
    settings_path: str, cause_id: int | None, stream: str | None, source_id: str | None, reason: str, as_json: bool
) -> None:
    """Take records out of the retry queue: they are not written, unless they are edited in the source.

    A comparison or another reading does not bring them back; `orgsync retry --record ID` does, for one. A record whose
    last write has no answer yet stays in the queue until the target was asked. Exit code 0, also where no record is
    meant: then it says so.
    """
    if not reason.strip():
        raise click.UsageError("--reason must say why")
    settings = ledger_settings(Path(settings_path))
    wanted = choice(settings, "drop", cause_id, stream, source_id)
    dropped, _ = demand(settings, replace(wanted, reason=reason.strip(), who=whoami()))
    was = "1 record was" if dropped == 1 else f"{dropped} records were"
    done = f"{was} dropped: not written, unless edited in the source; `orgsync why ID` tells who, when and why"
    nothing = (
        "no record in the queue is meant by that, or its last write has no answer yet; nothing was changed. "
        "What waits: orgsync queue"
    )
    say({"records": dropped}, done if dropped else nothing, as_json=as_json)


def whoami() -> str:
    """user@host, as the operating system names them."""
    try:
        user = getpass.getuser()
    except (KeyError, OSError):  # no name for this number, as in a container
        user = f"uid {os.getuid()}"
    return f"{user}@{socket.gethostname()}"
