"""The streams that this daemon runs, of all that several daemons share (ledger/claims.py).

A thread says every two seconds that the daemon lives, and learns what it owns. What was learnt holds for as long as the
others wait before they take a stream over, counted from before the question: whoever could not say so for that long
begins nothing more.

Due times are read by whoever runs the stream next, so that none of them may go by a clock of its own: `now` is the
clock of the ledger's server.
"""

from __future__ import annotations

import os
import socket
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from importlib.metadata import version
from types import MappingProxyType
from typing import Final

from loguru import logger

from daemon.core.at_once import part_of_calls
from daemon.ledger import Ledger, LedgerError, Member
from daemon.ledger.claims import LIFE_S
from daemon.ledger.errors import LedgerTooNew
from daemon.settings import Settings

BEAT_S: Final = 2.0


@contextmanager
def shared(
    settings: Settings, ledger: Ledger, *, fair: bool = True, stop: Callable[[], None] = lambda: None
) -> Iterator[Claims | None]:
    """Our claims on a ledger that several daemons share, given up at the end; None where there is one daemon only.
    `stop` is called when this daemon may not run on the ledger any more.
    """
    if not ledger.shared:
        yield None
        return
    claims = Claims(ledger, [stream.address for stream in settings.streams()], fair=fair, stop=stop)
    try:
        yield claims
    finally:
        claims.leave()


class Claims:
    """Which streams are ours. `fair`: leave the others their share. `refused`: why this daemon has to end."""

    def __init__(
        self,
        ledger: Ledger,
        streams: Sequence[str],
        *,
        fair: bool = True,
        stop: Callable[[], None] = lambda: None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name: Final = uuid.uuid4().hex[:12]
        me = Member(name=self.name, host=socket.gethostname(), pid=os.getpid(), version=version("orgsync"))
        self._membership = ledger.join(me)
        self._streams = streams
        self._fair = fair
        self._stop = stop
        self.refused: LedgerTooNew | None = None
        self._monotonic = monotonic
        self._turn = threading.Lock()
        self._owned: Mapping[str, int] = MappingProxyType({})
        self._until = 0.0
        self._in_use: Counter[str] = Counter()
        self._over = threading.Event()
        self._trouble: str | None = None
        self._clock = self._ask_time()

    def now(self) -> datetime:
        """The time, the same for all daemons, whatever the clocks of their machines say."""
        there, asked_at = self._clock
        return there + timedelta(seconds=self._monotonic() - asked_at)

    def calls_at_once(self, most: int) -> int:
        """This daemon's part of the calls to one org of which so many may be on their way."""
        return part_of_calls(most, self._membership.members)

    def epoch(self, stream: str) -> int | None:
        """The number of our claim on a stream; None while it is not ours for certain."""
        return self._owned.get(stream) if self._monotonic() < self._until else None

    @property
    def trouble(self) -> str | None:
        """Why this daemon could not say last time that it lives; None when it could."""
        return self._trouble

    @contextmanager
    def using(self, stream: str) -> Iterator[None]:
        """The stream is not given away inside; whether it is ours is to be asked in there."""
        with self._turn:
            self._in_use[stream] += 1
        try:
            yield
        finally:
            self._in_use[stream] -= 1

    def beat(self) -> Sequence[str]:
        """Say that we live; gives the streams that came to us. Trouble is logged once, and asked again next time."""
        asked_at = self._monotonic()
        with self._turn:
            before, idle = self._owned, [s for s in self._owned if not self._in_use[s]]
            try:
                owned = self._membership.beat(self._streams, idle, fair=self._fair)
                self._clock = self._ask_time()
            except LedgerTooNew as error:
                if self.refused is None:
                    logger.error("this daemon stops, and the others take its streams over: {}", error)
                self.refused, self._owned = error, MappingProxyType({})
                self._stop()
                return []
            except LedgerError as error:
                if str(error) != self._trouble:
                    logger.error("this daemon cannot say that it lives, and runs no stream until it can: {}", error)
                    self._trouble = str(error)
                return []
            self._owned, self._until, self._trouble = owned, asked_at + LIFE_S, None
        came = sorted(stream for stream, epoch in owned.items() if before.get(stream) != epoch)
        gone = sorted(before.keys() - owned.keys())
        if came or gone:
            what = "{} of {} streams are run here: {} came, {} went"
            logger.info(what, len(owned), len(self._streams), len(came), len(gone))
        return came

    def _ask_time(self) -> tuple[datetime, float]:
        """The time there, and what our monotonic clock said then. Raises LedgerError."""
        asked_at = self._monotonic()
        return self._membership.time_there(), asked_at

    def keep(self, taken: Callable[[Sequence[str]], None] = lambda _: None) -> None:
        """Beats now, and then in a thread of its own until `leave`."""
        taken(self.beat())

        def beat() -> None:
            while not self._over.wait(BEAT_S):
                if came := self.beat():
                    taken(came)

        threading.Thread(target=beat, name="claims", daemon=True).start()

    def leave(self) -> None:
        """Give everything to the others at once."""
        self._over.set()
        with self._turn:
            self._owned = MappingProxyType({})
            try:
                self._membership.leave()
            except LedgerError as error:
                logger.warning("the other daemons take the streams over in {:.0f} s: {}", LIFE_S, error)
