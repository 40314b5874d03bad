"""How a command changes the ledger: by itself when nobody holds it, else through the daemon that does. And how it says
which records of the retry queue it means.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, Literal

import click

from daemon.cli import typed
from daemon.cli.context import demand_ledger, locked_ledger, utc_now
from daemon.cli.progress import progress
from daemon.core.nearest import nearest
from daemon.core.record import is_record_id
from daemon.ledger.errors import LedgerHeld
from daemon.service import inbox
from daemon.service.inbox import Request
from daemon.settings import Settings

_NUMBER: Final = click.IntRange(1, 2**63 - 1)
"""What can be the number of a row."""
_PATIENCE_S: Final = 15.0
_PAIRS_A_SECOND: Final = 1000  # a slow disk


def demand(settings: Settings, request: Request) -> tuple[int, str]:
    """Has the request carried out; gives the number of things done, and when they take effect, in words.

    Raises LedgerMissing: where there is no ledger nothing waits, and none is made for that.
    """
    demand_ledger(settings)
    try:
        with locked_ledger(settings) as ledger:
            when = "at the next poll" if ledger.shared else "at the next `orgsync run` or `orgsync once`"
            now = ledger.time_there() if ledger.shared else utc_now()
            return inbox.carry_out(request, ledger, now), when
    except LedgerHeld:
        patience = _PATIENCE_S + len(request.pairs) / _PAIRS_A_SECOND
        with progress("waiting for the daemon, which holds the ledger"):
            return inbox.ask(settings.state_dir / "inbox", request, patience), "now"


def known_stream(settings: Settings, address: str) -> str:
    """The address, if the settings have such a stream."""
    known = sorted(stream.address for stream in settings.streams())
    if address not in known:
        module = address.rpartition("/")[2]
        close = nearest(address, known) or next((one for one in known if one.rpartition("/")[2] == module), None)
        meant = f" (there is {close})" if close else ""
        raise click.UsageError(f"no stream is called {address[:80]!r}{meant}; there are: {', '.join(known)}")
    return address


def choosing(command: Callable[..., Any]) -> Callable[..., Any]:
    """Gives a command the options by which records of the retry queue are chosen."""
    for option in (
        click.option("--record", "source_id", help="The record with this id in the source org."),
        click.option("--stream", shell_complete=typed.streams, help="All records of this stream."),
        click.option(
            "--cause", "cause_id", type=_NUMBER, help="All records of this cause (its number in `orgsync queue`)."
        ),
    ):
        command = option(command)
    return command


def choice(
    settings: Settings, kind: Literal["retry", "drop"], cause_id: int | None, stream: str | None, source_id: str | None
) -> Request:
    """The request about the records that the options name; all given ones together."""
    if cause_id is None and stream is None and source_id is None:
        raise click.UsageError("say which: --cause N, --stream ROUTE/MODULE or --record ID")
    if source_id is not None and not is_record_id(source_id):
        raise click.UsageError(f"--record takes a record id, up to 19 digits, not {source_id[:40]!r}")
    if stream is not None:
        known_stream(settings, stream)
    return Request(kind=kind, cause_id=cause_id, stream=stream, source_id=source_id)
