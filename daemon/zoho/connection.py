"""`Connection`: one org to call, and what is known of it without a call: its clock, credits and token."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from types import TracebackType
from typing import Self

from daemon.core.alerts import Credential
from daemon.core.credits import Forecast
from daemon.core.org import Org
from daemon.zoho.auth import Allowance
from daemon.zoho.caller import Caller
from daemon.zoho.errors import CredentialRefused
from daemon.zoho.purse import Purse


class Connection:
    """Threads may share it; close it, or use it in a `with`."""

    def __init__(
        self,
        org: Org,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
        allowance: Allowance | None = None,
        ended: Callable[[], None] = lambda: None,
        at_once: Callable[[], int] | None = None,
        purse: Purse | None = None,
    ) -> None:
        self._caller = Caller(
            org,
            now=now,
            monotonic=monotonic,
            sleep=sleep,
            allowance=allowance,
            ended=ended,
            at_once=at_once,
            purse=purse,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.org.name})"

    def close(self) -> None:
        self._caller.transport.close()

    @property
    def org(self) -> Org:
        return self._caller.org

    @property
    def server_time(self) -> datetime | None:
        """The Date of the last answer of this org's API; None before the first."""
        return self._caller.server_time

    @property
    def calls_at_once(self) -> int:
        """How many calls may be on their way to the org."""
        return self._caller.at_once()

    @property
    def clock_breaks(self) -> Sequence[datetime]:
        """For each time that the org's clock was seen to have gone back: a moment by the new clock from which on
        everything may have happened since the old one was read last.
        """
        return self._caller.clock_breaks

    @property
    def credits_remaining(self) -> int | None:
        """What the org said last, if it ever did: it does so from half of the day's allowance on (facts 9.4)."""
        return self._caller.credits_remaining

    @property
    def credits_total(self) -> int:
        """Credits that the calls of all threads cost since this connection was made, by Zoho's price list."""
        return self._caller.credits_total

    def credits_forecast(self) -> Forecast:
        """Whether the org's credits are about to run out, from what it said."""
        return self._caller.credits_forecast()

    def granted(self) -> frozenset[str]:
        """The scopes of its token as Zoho named them; none where it named none."""
        return self._caller.granted()

    def credential(self) -> Credential | None:
        """How its token is, from the stored one; None where that cannot be read. Asks nobody."""
        try:
            return self._caller.credential()
        except CredentialRefused:
            return None

    @property
    def credits_spent(self) -> int:
        """Credits that the calls of this thread, and of those that work for it, cost so far (price list: facts 9.2)."""
        return self._caller.credits_spent

    @property
    def purse(self) -> Purse:
        """The org's credits."""
        return self._caller.purse

    def one_deadline(self, credits_inside: int = 0) -> AbstractContextManager[None]:
        """Writes inside are over one `call_deadline` from here, whatever comes between. To be begun before the intent
        is stored: whoever finds the intent, perhaps another daemon, waits for as long, and nothing may go out later.
        So many credits are set aside for them; raises OrgUnavailable where there are none, before all of it.
        """
        return self._caller.one_deadline(credits_inside)
