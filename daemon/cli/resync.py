"""`orgsync resync`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli import typed
from daemon.cli.context import ledger_settings, open_reader
from daemon.cli.request import demand, known_stream
from daemon.cli.screen import json_option, say
from daemon.cli.status import what_runs
from daemon.service.inbox import Request


@click.command("resync")
@click.argument("stream", shell_complete=typed.streams)
@json_option
@click.pass_obj
def command(settings_path: str, stream: str, as_json: bool) -> None:
    """Compare all records of both sides of STREAM, and bring up to date what differs.

    Spends at most compare_credits a day. What was changed in the target follows the stream's `drift`.
    """

    settings = ledger_settings(Path(settings_path))
    begun, when = demand(settings, Request(kind="resync", stream=known_stream(settings, stream)))
    with open_reader(settings) as reader:
        streams, _ = what_runs(settings, reader)
    if begun and any(s.stream == stream and s.trouble for s in streams):
        text = f"{stream} is compared as soon as it runs again: it is stopped; see `orgsync status`"
    elif begun:
        text = f"{stream} is compared {when}; see `orgsync status`"
    else:
        text = f"{stream} is being compared already"
    say({"stream": stream, "begun": bool(begun)}, text, as_json=as_json)
