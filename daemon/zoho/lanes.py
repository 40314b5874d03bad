"""How many calls to one org are on their way at once: Zoho answers 429 beyond its limit (facts 9.3), which is the
org's, from whatever machine.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from daemon.zoho.errors import OrgUnavailable


class Lanes:
    """At most `most()` calls at a time. Shared by threads."""

    def __init__(self, org: str, most: Callable[[], int]) -> None:
        self._org = org
        self._most = most
        self._taken = 0
        self._free = threading.Condition()

    @contextmanager
    def one(self, patience: float) -> Iterator[None]:
        """A call may be on its way inside. Raises OrgUnavailable when none may after so many seconds."""
        with self._free:
            if not self._free.wait_for(lambda: self._taken < self._most(), patience):
                raise OrgUnavailable(self._org, f"{self._taken} calls to it were on their way", retry_after=1.0)
            self._taken += 1
        try:
            yield
        finally:
            with self._free:
                self._taken -= 1
                self._free.notify()
