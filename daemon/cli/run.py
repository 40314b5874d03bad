"""`orgsync run`."""

from __future__ import annotations

import faulthandler
from pathlib import Path

import click

from daemon.cli.context import load_settings, locked_ledger, utc_now
from daemon.service import daemon
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun


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
    """Keep every stream in step until SIGTERM or SIGINT. SIGHUP reads the settings again."""
    faulthandler.enable()  # systemd's watchdog ends it by SIGABRT: where each thread stood is in the log then
    path = Path(settings_path).absolute()
    settings = load_settings(path)
    set_up(as_json=log_json, verbose=verbose)

    def reread() -> Settings:
        return load_settings(path)

    how: FirstRun = "create" if first_run == "create" else "refuse"
    with locked_ledger(settings) as ledger:
        daemon.run(settings, ledger, first_run=how, now=utc_now, reread=reread)
