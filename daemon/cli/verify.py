"""`orgsync verify`."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import click

from daemon.cli import typed
from daemon.cli.allowance import shared_allowance
from daemon.cli.context import load_settings, utc_now
from daemon.cli.exits import HEALTHY, HELD
from daemon.cli.progress import Part, progress
from daemon.cli.request import demand, known_stream
from daemon.cli.screen import json_option
from daemon.cli.verify_text import as_document, as_text, place_of, token_of
from daemon.core.causes import DELETED_IN_SOURCE, DIFFERS, DRIFT, KEY_LOST, TARGET_GONE
from daemon.core.rules import Stream
from daemon.ledger import ReadLedger
from daemon.service.inbox import Request
from daemon.settings import Settings
from daemon.sync.catalog import Catalog
from daemon.sync.ceiling import Ceiling
from daemon.sync.judging import Finding
from daemon.sync.prepare import prepare
from daemon.sync.verified import Place, Verified
from daemon.sync.verify import Verifier
from daemon.zoho.client import Zoho

_REPAIRED: Final = ("differs", "missing", "gone", "outlived")

Tell = Callable[[str, int, int], None]


@click.command("verify")
@click.argument("stream", shell_complete=typed.streams)
@click.option("--deep", is_flag=True, help="Read every record of both orgs, and believe no count.")
@click.option(
    "--credits", "most", type=click.IntRange(min=1), metavar="N", help="Spend at most N credits in both orgs together."
)
@click.option("--from", "start", metavar="PLACE", help="Go on at the place that an earlier run named.")
@click.option("--repair", is_flag=True, help="Put what differs into the retry queue, so that it is put right.")
@click.option("--limit", default=20, show_default=True, type=click.IntRange(min=1), help="How many of a kind to list.")
@json_option
@click.pass_context
def command(
    ctx: click.Context,
    stream: str,
    deep: bool,
    most: int | None,
    start: str | None,
    repair: bool,
    limit: int,
    as_json: bool,
) -> None:
    """Prove that both orgs of STREAM hold the same, or list the records and fields that differ. Writes to neither org.

    Counts buckets of records, and reads only where a count is not what the ledger knows. Told apart from what differs
    is what is on its way, waits in the queue, or is as the settings want it. A daemon may run meanwhile. Exit code 1:
    records differ or are held, the stream is behind, or the credits were spent before the end.
    """
    settings = load_settings(Path(ctx.obj))
    one = settings.stream(known_stream(settings, stream))
    with progress(f"asking {one.source} and {one.target}") as show:

        def tell(org: str, done: int, of: int) -> None:
            show([Part(what=f"records of {org}", done=done, total=of)])

        said = verified(settings, one, deep=deep, most=most, start=place_of(start), tell=tell)
    repaired, when = repaired_by(settings, one, said) if repair else (None, "")
    if as_json:
        click.echo(json.dumps(as_document(said, one, repaired)))
    else:
        click.echo("\n".join(as_text(said, one, limit, repaired, when)))
        if said.goes_on is not None:
            words = f"orgsync verify {one.address}{' --deep' if deep else ''} --from {token_of(said.goes_on)}"
            click.echo(f"goes on with: {words}" + (f" --credits {most}" if most else ""))
    ctx.exit(HEALTHY if said.is_equal else HELD)


def _silent(_org: str, _done: int, _of: int) -> None:
    return


def verified(
    settings: Settings,
    stream: Stream,
    *,
    deep: bool = False,
    most: int | None = None,
    start: Place | None = None,
    tell: Tell = _silent,
) -> Verified:
    """What both orgs hold, beside a daemon or without. Raises what the client and the ledger raise."""
    route = next(route for route in settings.routes if route.name == stream.route)
    ceiling = Ceiling(most=most)
    with ExitStack() as stack:
        ledger = stack.enter_context(ReadLedger.look_at(settings.ledger_url, settings.ledger_password))
        allowance = stack.enter_context(shared_allowance(settings))
        source, target = (
            Catalog(
                stack.enter_context(
                    Zoho(settings.orgs[name], now=utc_now, allowance=allowance, purse=ceiling.purse(name))
                ),
                time.monotonic,
            )
            for name in (stream.source, stream.target)
        )
        prepared = prepare(stream, route, source, target, ledger.carried(stream))
        verifier = Verifier(prepared, source, target, ledger, utc_now, ceiling, deep=deep, start=start, tell=tell)
        return verifier.run()


def repaired_by(settings: Settings, stream: Stream, said: Verified) -> tuple[int, str]:
    """Puts what differs into the retry queue; gives how many records, and when they are looked at, in words."""
    rows = [(one.source_id, _code(one, stream), _version(one)) for one in said.findings if one.kind in _REPAIRED]
    if not rows:
        return 0, ""
    return demand(settings, Request(kind="repair", stream=stream.address, rows=rows))


def _code(one: Finding, stream: Stream) -> str:
    """The cause under which the road does the right thing. Of a difference it is that of a hand edit which a person
    takes back: then the target is asked, and gets whatever the source says now.
    """
    if one.kind == "gone":
        return TARGET_GONE
    if one.kind == "outlived" and one.modified_time is None:
        return DELETED_IN_SOURCE
    if one.kind != "differs" or stream.drift == "keep":
        return DIFFERS
    return KEY_LOST if {different.field for different in one.differences} == {stream.key} else DRIFT


def _version(one: Finding) -> str:
    return (one.modified_time or datetime.now(UTC)).isoformat()
