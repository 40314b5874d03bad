"""How commands beside the daemons count the access tokens that they renew: Zoho's limit is the credential's, on
whatever machine. Where the ledger is a file, all share the token file of this machine, which counts too.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import click

from daemon.ledger import LedgerError
from daemon.ledger.database import locate
from daemon.ledger.renewals import SharedCount
from daemon.settings import Settings
from daemon.zoho.auth import Allowance


class _Counted:
    """The count in the ledger; a ledger that cannot be used keeps no command from its work, and that is said once."""

    def __init__(self, count: SharedCount) -> None:
        self._count = count
        self._said = False

    def take_renewal(self, credential: str) -> float:
        try:
            return self._count.take_renewal(credential)
        except LedgerError as error:
            if not self._said:
                click.echo(f"tokens that are renewed now are counted on this machine only: {error}", err=True)
            self._said = True
            return 0.0

    def put_back_renewal(self, credential: str) -> None:
        try:
            self._count.put_back_renewal(credential)
        except LedgerError:
            return  # one more is counted than was asked for: the careful side


@contextmanager
def shared_allowance(settings: Settings) -> Iterator[Allowance | None]:
    """What counts renewals for all machines, where several share the ledger; it is neither held nor made for that."""
    database = locate(settings.ledger_url, settings.ledger_password)
    if not database.shared:
        yield None
        return
    count = SharedCount(database)
    try:
        yield _Counted(count)
    finally:
        count.close()
