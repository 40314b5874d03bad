"""What several commands share: the settings, the clock, and the ledger with its lock."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from daemon.ledger.ledger import Ledger
    from daemon.settings import Settings


def utc_now() -> datetime:
    return datetime.now(UTC)


def load_settings(path: Path) -> Settings:
    from daemon.settings import load

    return load(path, os.environ)


@contextmanager
def locked_ledger(settings: Settings) -> Iterator[Ledger]:
    """The ledger, as its only writer. Raises LedgerHeld when another process is."""
    from daemon.ledger.ledger import Ledger
    from daemon.ledger.lock import LedgerLock

    settings.state_dir.mkdir(mode=0o700, parents=True, exist_ok=True)
    with LedgerLock(settings.ledger_url):
        ledger = Ledger.open(settings.ledger_url)
        try:
            yield ledger
        finally:
            ledger.close()
