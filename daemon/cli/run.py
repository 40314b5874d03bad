"""`orgsync run`."""

from __future__ import annotations

import faulthandler
from contextlib import ExitStack
from pathlib import Path

import click

from daemon.cli.context import load_settings, locked_ledger, utc_now
from daemon.cli.first_run import first_run_option
from daemon.service import daemon
from daemon.service.endpoint import Endpoint, parse_listen
from daemon.service.logs import set_up
from daemon.settings import Settings
from daemon.sync.prepare import FirstRun


@click.command("run")
@first_run_option
@click.option("--log-json", is_flag=True, help="Log lines as JSON.")
@click.option("--verbose", is_flag=True, help="Log debug lines too.")
@click.option(
    "--metrics",
    metavar="HOST:PORT",
    help="Serve /metrics, /healthz and /readyz there, for example 127.0.0.1:9464 (docs/watching.md).",
)
@click.option("--metrics-public", is_flag=True, help="Let --metrics listen where other machines reach it.")
@click.pass_obj
def command(
    settings_path: str, first_run: str, log_json: bool, verbose: bool, metrics: str | None, metrics_public: bool
) -> None:
    """Keep every stream in step until SIGTERM or SIGINT. SIGHUP reads the settings again."""
    faulthandler.enable()  # systemd's watchdog ends it by SIGABRT: where each thread stood is in the log then
    path = Path(settings_path).absolute()
    settings = load_settings(path)
    set_up(as_json=log_json, verbose=verbose)

    def reread() -> Settings:
        return load_settings(path)

    how: FirstRun = "create" if first_run == "create" else "refuse"
    with ExitStack() as opened:
        endpoint = None if metrics is None else opened.enter_context(_endpoint(metrics, public=metrics_public))
        ledger = opened.enter_context(locked_ledger(settings))
        daemon.run(settings, ledger, first_run=how, now=utc_now, reread=reread, endpoint=endpoint)


def _endpoint(where: str, *, public: bool) -> Endpoint:
    try:
        return Endpoint(parse_listen(where, public=public))
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--metrics") from None
