"""`orgsync check`."""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, suppress
from pathlib import Path

import click

from daemon.cli.allowance import shared_allowance
from daemon.cli.context import load_settings, open_reader, utc_now
from daemon.cli.exits import STOPPED
from daemon.cli.screen import coloured
from daemon.core.absent import Carried
from daemon.ledger import LedgerError
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.check import Finding, check_all
from daemon.zoho.client import Zoho


@click.command("check")
@click.option("--create-keys", is_flag=True, help="Create key fields that are missing in a target.")
@click.option("--settings-only", is_flag=True, help="Read the settings and the secrets they name; ask no org.")
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding, one a line.")
@click.pass_context
def command(ctx: click.Context, create_keys: bool, settings_only: bool, as_json: bool) -> None:
    """See whether credentials, modules, fields and key fields of every stream are in order.

    Writes nothing to any org, save for missing key fields with --create-keys.
    """

    settings = load_settings(Path(ctx.obj))
    if settings_only:
        about = f"{len(settings.orgs)} orgs, {len(settings.streams())} streams"
        finding = Finding(subject=ctx.obj, ok=True, message=about)
        _as_json(finding) if as_json else _as_text(finding)
        return
    with ExitStack() as stack:
        allowance = stack.enter_context(shared_allowance(settings))
        catalogs = {
            name: Catalog(stack.enter_context(Zoho(org, now=utc_now, allowance=allowance)), time.monotonic)
            for name, org in settings.orgs.items()
        }
        show = _as_json if as_json else _as_text
        carried = _carried(settings)
        healthy = check_all(
            settings.routes, catalogs, create_keys=create_keys, show=show, carried=carried, budgets=settings.budgets
        )
    if not as_json:
        click.echo("all streams can run" if healthy else "mend what is marked x, then check again")
    ctx.exit(0 if healthy else STOPPED)


def _carried(settings: Settings) -> dict[str, Carried]:
    """What the streams have carried so far, where there is a ledger that can be read."""
    with suppress(LedgerError), open_reader(settings) as reader:
        return {stream.address: reader.carried(stream) for stream in settings.streams()}
    return {}


def _as_text(finding: Finding) -> None:
    mark = {True: coloured("ok", "green"), False: coloured("x ", "red"), None: "- "}[finding.ok]
    click.echo(f"{mark} {finding.subject}: {finding.message}")


def _as_json(finding: Finding) -> None:
    click.echo(json.dumps({"subject": finding.subject, "ok": finding.ok, "message": finding.message}))
