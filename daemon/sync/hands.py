"""What the pages of a stream are worked with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from daemon.core.rules import Stream
from daemon.ledger import Leaving, Ledger, ReadLedger
from daemon.sync.children import Children
from daemon.sync.pointing import Finder
from daemon.zoho.client import Zoho


@dataclass(frozen=True, slots=True, kw_only=True)
class Eyes:
    """What a page is planned with: both orgs' connections, who finds in the target what no stream carries, the ledger,
    which is only asked, and the time.
    """

    source: Zoho
    target: Zoho
    finder: Finder
    ledger: ReadLedger
    now: Callable[[], datetime]

    def note_leaving(self, stream: Stream, leaving: Leaving) -> None:
        """What leaves the source with a question to the target: who may only look counts it nowhere."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands(Eyes):
    """What a page is worked with: besides, the ledger to write in, who finds a record's children in the source, and
    whether to stop.
    """

    ledger: Ledger
    children: Children
    stopping: Callable[[], bool]
    jitter: Callable[[], float] = random.random

    def note_leaving(self, stream: Stream, leaving: Leaving) -> None:
        """Counts it, before it is asked."""
        self.ledger.begin(stream, [], leaving)
