"""`orgsync check`."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Final

import click

from daemon.cli.allowance import shared_allowance
from daemon.cli.context import load_settings, open_reader, utc_now
from daemon.cli.exits import STOPPED, UNREACHABLE
from daemon.cli.request import known_stream
from daemon.cli.screen import coloured, wrapped
from daemon.cli.words import printable
from daemon.core.absent import NOTHING, Carried
from daemon.core.remark import Remark
from daemon.core.rules import Stream
from daemon.ledger import LedgerError
from daemon.settings import Settings
from daemon.sync import check
from daemon.sync.catalog import Catalog
from daemon.sync.check import Finding, check_all, mapping_of
from daemon.zoho.client import Zoho

_MARKS: Final = {"ok": ("ok", "green"), "note": ("- ", ""), "remark": ("! ", "yellow"), "wrong": ("x ", "red")}


_INDENT: Final = " " * 5


@click.command("check")
@click.option("--create-keys", is_flag=True, help="Create key fields that are missing in a target.")
@click.option("--settings-only", is_flag=True, help="Read the settings and the secrets they name; ask no org.")
@click.option(
    "--mapping", "stream", metavar="STREAM", help="Print the fields of a stream as a table to paste into the settings."
)
@click.option("--json", "as_json", is_flag=True, help="One JSON object a finding, one a line.")
@click.pass_context
def command(ctx: click.Context, create_keys: bool, settings_only: bool, stream: str | None, as_json: bool) -> None:
    """See whether credentials, modules, fields and key fields of every stream are in order.

    `x` is to be mended before a stream runs, `!` is for you to decide, `-` is to be known. Writes nothing to any org,
    save for missing key fields with --create-keys.
    """

    settings = load_settings(Path(ctx.obj))
    found: list[Finding] = []

    def show(finding: Finding) -> None:
        found.append(finding)
        _as_json(finding) if as_json else _as_text(finding)

    if settings_only:
        about = f"{len(settings.orgs)} orgs, {len(settings.streams())} streams"
        show(Finding(subject=ctx.obj, remark=Remark(level="ok", about="settings", seen=about)))
        return
    carried = _carried(settings)
    with _catalogs(settings) as catalogs:
        if stream is not None:
            _print_mapping(settings, catalogs, known_stream(settings, stream), carried, as_json=as_json)
            return
        healthy = check_all(
            settings.routes, catalogs, create_keys=create_keys, show=show, carried=carried, budgets=settings.budgets
        )
    if not as_json:
        for finding in found:
            click.echo(f"\n{finding.mapping}" if finding.mapping else "", nl=False)
        click.echo(
            "all streams can run; next: orgsync once" if healthy else "mend what is marked x, then: orgsync check"
        )
    wrong = {finding.remark.about for finding in found if finding.remark.level == "wrong"} - {"verdict"}
    ctx.exit(0 if healthy else UNREACHABLE if wrong == {check.UNREACHABLE} else STOPPED)


@contextmanager
def _catalogs(settings: Settings) -> Iterator[dict[str, Catalog]]:
    with ExitStack() as stack:
        allowance = stack.enter_context(shared_allowance(settings))
        yield {
            name: Catalog(stack.enter_context(Zoho(org, now=utc_now, allowance=allowance)), time.monotonic)
            for name, org in settings.orgs.items()
        }


def _carried(settings: Settings) -> dict[str, Carried]:
    """What the streams have carried so far, where there is a ledger that can be read."""
    with suppress(LedgerError), open_reader(settings) as reader:
        ledger = reader.for_syncing()
        return {stream.address: ledger.carried(stream) for stream in settings.streams()}
    return {}


def _print_mapping(
    settings: Settings, catalogs: dict[str, Catalog], address: str, carried: dict[str, Carried], *, as_json: bool
) -> None:
    stream: Stream = settings.stream(address)
    if stream.notes_of or stream.files_of:
        raise click.UsageError(f"{address} has no fields to choose: notes and attachments are carried as they are")
    route = next(route for route in settings.routes if route.name == stream.route)
    ends = catalogs[route.source], catalogs[route.target]
    mapping = mapping_of(stream, route, *ends, carried.get(address, NOTHING))
    if as_json:
        remark = Remark(level="note", about="mapping", seen="the fields as they are carried now")
        _as_json(Finding(subject=address, remark=remark, mapping=mapping))
    else:
        click.echo(mapping, nl=False)


def _as_text(finding: Finding) -> None:
    mark, colour = _MARKS[finding.remark.level]
    remark = finding.remark
    shown = wrapped(printable(f"{mark} {finding.subject}: {remark.seen}"), " " * 3)
    click.echo(f"{coloured(mark, colour) if colour else mark}{shown.removeprefix(mark)}")
    advice = f"{remark.means}: {remark.do}" if remark.means and remark.do else remark.means or remark.do
    if advice:
        click.echo(wrapped(printable(f"{_INDENT}{advice}"), _INDENT))


def _as_json(finding: Finding) -> None:
    remark = finding.remark
    document = {
        "subject": finding.subject,
        "ok": finding.ok,
        "message": finding.message,
        "level": remark.level,
        "about": remark.about,
        "field": remark.field,
        "seen": remark.seen,
        "means": remark.means or None,
        "do": remark.do or None,
        "verdict": finding.state,
        "mapping": finding.mapping,
    }
    click.echo(json.dumps(document))
