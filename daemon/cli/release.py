"""`orgsync release`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.context import ledger_settings
from daemon.cli.request import demand, known_stream
from daemon.cli.screen import json_option, say
from daemon.ledger.fuses import ALL
from daemon.service.inbox import Request


@click.command("release")
@click.argument("stream", shell_complete=typed.streams)
@click.option("--accept", required=True, metavar="N|all", help="How many records may pass until it has caught up.")
@click.option("--reason", required=True, help="Why; it is kept in the ledger.")
@json_option
@click.pass_obj
def command(settings_path: str, stream: str, accept: str, reason: str, as_json: bool) -> None:
    """Let a stream go on that a fuse has stopped.

    What would have been deleted, blanked or refused may now happen, to up to N records, until STREAM has caught up.
    Of refused ones only those count that are refused from now on; how many that will be, nobody knows: say all.
    """

    if accept != "all" and not (accept.isascii() and accept.isdigit() and len(accept) < 10):
        raise click.UsageError(f"--accept takes a number of records, or all, not {accept!r}")
    if not reason.strip():
        raise click.UsageError("--reason must say why")
    settings = ledger_settings(Path(settings_path))
    count = ALL if accept == "all" else int(accept)
    address = known_stream(settings, stream)
    released, when = demand(settings, Request(kind="release", stream=address, accept=count, reason=reason.strip()))
    text = f"{stream} goes on {when}" + ("" if accept == "0" else f"; up to {accept} records may pass")
    document = {"stream": stream, "released": bool(released)}
    say(document, text if released else f"no fuse stops {stream}", as_json=as_json)
