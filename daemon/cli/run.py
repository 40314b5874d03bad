"""`orgsync run`."""

from __future__ import annotations

from pathlib import Path

import click

from daemon.cli.context import load_settings, locked_ledger, utc_now
from daemon.service import daemon
from daemon.service.logs import set_up


@click.command("run")
@click.option(
    "--first-run",
    type=click.Choice(["refuse", "create"]),
    default="refuse",
    show_default=True,
    help="What a first run does when the target holds records that are not linked.",
)
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.option("--verbose", is_flag=True, help="Log debug lines too.")
@click.pass_obj
def command(settings_path: str, first_run: str, log_json: bool, verbose: bool) -> None:
    """Keep every stream in step until SIGTERM or SIGINT."""

    settings = load_settings(Path(settings_path))
    set_up(as_json=log_json, verbose=verbose)
    with locked_ledger(settings) as ledger:
        daemon.run(settings, ledger, first_run="create" if first_run == "create" else "refuse", now=utc_now)
