"""What the pages of a stream are worked with."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from daemon.ledger import Ledger
from daemon.sync.children import Children
from daemon.sync.pointing import Finder
from daemon.zoho.client import Zoho


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a page is worked with: both orgs' connections, the ledger, who finds a record's children in the source, who
    finds in the target what no stream carries, the time, and whether to stop.
    """

    source: Zoho
    target: Zoho
    finder: Finder
    ledger: Ledger
    children: Children
    now: Callable[[], datetime]
    stopping: Callable[[], bool]
    jitter: Callable[[], float] = random.random
