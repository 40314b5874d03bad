"""Exit codes (design 7): what a script may rely on."""

from __future__ import annotations

from typing import Final

import click

HEALTHY: Final = 0
HELD: Final = 1
STOPPED: Final = 2
USAGE: Final = 64
UNREACHABLE: Final = 69
LEDGER_HELD: Final = 75
BAD_SETTINGS: Final = 78
INTERRUPTED: Final = 130


def usage_exit(error: click.ClickException) -> int:
    """Shows a usage error; 64, because 2 means a stopped stream."""
    error.show()
    return USAGE


def exit_code(error: Exception) -> int | None:
    """The code for an error that a user can cause; None for a bug. Its room is loaded already, or it could not be."""
    from daemon.ledger.errors import LedgerError, LedgerHeld, OrgChanged  # noqa: PLC0415  only after a failure, to keep --help quick
    from daemon.service.endpoint import EndpointError  # noqa: PLC0415  only after a failure, to keep --help quick
    from daemon.service.inbox import NoAnswerError  # noqa: PLC0415  only after a failure, to keep --help quick
    from daemon.settings import SettingsError  # noqa: PLC0415  only after a failure, to keep --help quick
    from daemon.sync.prepare import StreamRefusedError  # noqa: PLC0415  only after a failure, to keep --help quick
    from daemon.zoho.errors import CredentialRefused, RequestRefused, ZohoError  # noqa: PLC0415  only after a failure, to keep --help quick

    codes: list[tuple[type[Exception], int]] = [
        (SettingsError, BAD_SETTINGS),
        (LedgerHeld, LEDGER_HELD),
        (NoAnswerError, UNREACHABLE),
        (EndpointError, UNREACHABLE),
        (OrgChanged, STOPPED),
        (StreamRefusedError, STOPPED),
        (LedgerError, UNREACHABLE),
        (CredentialRefused, STOPPED),
        (RequestRefused, STOPPED),
        (ZohoError, UNREACHABLE),
    ]
    return next((code for kind, code in codes if isinstance(error, kind)), None)
