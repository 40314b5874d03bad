"""How a command changes the ledger: by itself when nobody holds it, else through the daemon that does."""

from __future__ import annotations

from typing import Final

import click

from daemon.cli.context import locked_ledger, utc_now
from daemon.ledger.errors import LedgerHeld
from daemon.service import inbox
from daemon.service.inbox import Request
from daemon.settings import Settings

_PATIENCE_S: Final = 15.0
_PAIRS_A_SECOND: Final = 1000  # a slow disk


def demand(settings: Settings, request: Request) -> tuple[int, str]:
    """Has the request carried out; gives the number of things done, and when they take effect, in words."""
    try:
        with locked_ledger(settings) as ledger:
            when = "at the next poll" if ledger.shared else "at the next `orgsync run` or `orgsync once`"
            now = ledger.time_there() if ledger.shared else utc_now()
            return inbox.carry_out(request, ledger, now), when
    except LedgerHeld:
        patience = _PATIENCE_S + len(request.pairs) / _PAIRS_A_SECOND
        return inbox.ask(settings.state_dir / "inbox", request, patience), "now"


def known_stream(settings: Settings, address: str) -> str:
    """The address, if the settings have such a stream."""
    known = sorted(stream.address for stream in settings.streams())
    if address not in known:
        raise click.UsageError(f"no stream is called {address!r}; there are: {', '.join(known)}")
    return address
