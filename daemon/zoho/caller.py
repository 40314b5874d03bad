"""One call to the API: with a token, renewed once when it is refused, counted in credits, its clock read.

Reads are repeated twice on the spot when the road broke, for they change nothing; writes never are.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import BinaryIO, Final, TypeVar

import orjson

from daemon.core.alerts import Credential
from daemon.core.credits import Forecast, Told, forecast
from daemon.core.org import Org, Secret
from daemon.core.rights import PROFILES, in_words
from daemon.zoho.auth import Allowance, Authority
from daemon.zoho.errors import (
    PERMISSION_CODES,
    THROTTLE_CODES,
    TOKEN_CODES,
    BadAnswer,
    CallUncertain,
    CredentialRefused,
    OrgUnavailable,
    RequestRefused,
    ZohoError,
    shown,
)
from daemon.zoho.lanes import Lanes
from daemon.zoho.purse import Bottomless, Purse
from daemon.zoho.shapes import WrongShapeError, error_in, parse
from daemon.zoho.transport import Reply, Transport

PAUSES: Final = (0.5, 2.0)
_CLOCK_STEP: Final = 2.0  # seconds; Date has whole ones
THROTTLED_FOR: Final = 60.0  # no Retry-After is documented; a minute is field practice (facts 9.4)
EMPTY_STATUSES: Final = (204, 304)
_TOLD: Final = 70  # what the org said of its credits in the last hour, one a minute
_HINTS: Final = {
    ("Notes", "NOT_SUPPORTED"): "Only administrators read all notes (facts 2.4): give the API user that profile in Zoho"
}
_DEADLINE: Final[ContextVar[float | None]] = ContextVar("the end of all that is sent", default=None)
T = TypeVar("T")
Json = Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request below `root`; `scope` is what the credential needs for it, `credits` what it costs.

    `body` travels as JSON; `content` as it is, of the type that `headers` say. The body of a success goes `into` a file
    where one is given; the call may take `slower` deadlines. Files go `to_content`.
    """

    method: str
    path: str
    scope: str
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: object = None
    content: bytes | None = None
    credits: int = 1
    root: str = "crm/v8"
    into: BinaryIO | None = None
    slower: int = 1
    to_content: bool = False


@dataclass(slots=True)
class _Tally:
    """Credits that a thread and those that work for it have spent."""

    credits: int = 0


class _HalfAnswer(BadAnswer):
    """Not even JSON: half a body, or a page of HTML from the edge. Asking again may help."""


class Caller:
    """The connection to one org: transport, token, credits and the server's clock. Shared by threads.

    `ended` is called in the thread that made a call whenever one is over, well or badly. `at_once` tells how many calls
    may be on their way (what the org says when it is not given), `purse` whether there are credits for one.
    """

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
        self.org = org
        self.purse = purse or Bottomless(org.name)
        self.at_once = at_once or (lambda: org.calls_at_once)
        self._lanes = Lanes(org.name, self.at_once)
        self._tallies: ContextVar[_Tally] = ContextVar("credits")
        self._aside: ContextVar[_Tally | None] = ContextVar("credits that were set aside", default=None)
        self._ended = ended
        self.transport = Transport(org, monotonic=monotonic)
        self.now = now
        self._authority = Authority(org, self.transport, now=now, allowance=allowance)
        self._sleep = sleep
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self.credits_told: deque[Told] = deque(maxlen=_TOLD)
        self.credits_total = 0
        self.answered_at: datetime | None = None
        self.server_time: datetime | None = None
        self.clock_breaks: list[
            datetime
        ] = []  # whenever the org's clock went back: its time, as it is now, just before
        self._clock_read_at = 0.0
        self._rest_until = 0.0
        self._throttled = 0

    def shown(self, text: object) -> str:
        """A text of the server's, fit for a message."""
        return shown(text, self._authority.secrets())

    def read(self, call: Call, understand: Callable[[Json], T], empty: T) -> T:
        """What `understand` makes of the answer; `empty` for 204 and 304.

        `understand` raises WrongShapeError for what it cannot believe. Raises OrgUnavailable, CredentialRefused,
        RequestRefused or BadAnswer.
        """
        for pause in PAUSES:
            try:
                return self._read_once(call, understand, empty)
            except OrgUnavailable as error:
                if error.retry_after is not None:
                    raise
            except _HalfAnswer:
                pass
            self._sleep(pause)
        return self._read_once(call, understand, empty)

    def fetch(self, call: Call) -> Reply | None:
        """An answer that is no JSON, as it is; None for 204. Asked for once. Raises as `read` does."""
        return self._success(call)

    def _success(self, call: Call) -> Reply | None:
        deadline = self.transport.deadline(call.slower)
        try:
            reply = self.send(call)
        except CallUncertain as error:
            # A call that used up all its time is not repeated at once: the cycle would stand still for three deadlines.
            wait = None if self.transport.left(deadline) > 0 else 1.0
            what = f"{call.method} {call.path}: {error.what}"
            raise OrgUnavailable(self.org.name, what, retry_after=wait) from None
        if reply.status in EMPTY_STATUSES:
            return None
        if reply.status != 200:
            raise self.refusal(call, reply)
        return reply

    def _read_once(self, call: Call, understand: Callable[[Json], T], empty: T) -> T:
        reply = self._success(call)
        if reply is None:
            return empty
        try:
            found = parse(reply.body)
        except WrongShapeError as error:
            raise _HalfAnswer(self.org.name, self.bad(call, reply, str(error)).what) from None
        if found.get("status") == "error" and error_in(found):
            raise self.refusal(call, reply)
        try:
            return understand(found)
        except WrongShapeError as error:
            raise self.bad(call, reply, str(error)) from None

    @contextmanager
    def one_deadline(self, credits_inside: int = 0) -> Iterator[None]:
        """Whatever is sent inside, by this thread or for it, is over at one deadline, which counts from here; so many
        credits are there for it. Raises OrgUnavailable where they are not, before anything inside is begun.
        """
        self._take(credits_inside)
        token, aside = _DEADLINE.set(self.transport.deadline()), self._aside.set(_Tally(credits=credits_inside))
        try:
            yield
        finally:
            _DEADLINE.reset(token)
            self._aside.reset(aside)

    def send(self, call: Call) -> Reply:
        """One answer of whatever status, except a refused token. Everything it sends is over at one deadline.

        Raises OrgUnavailable, CallUncertain or CredentialRefused.
        """
        begun = _DEADLINE.get()
        with self._lanes.one(self.org.call_deadline if begun is None else self.transport.left(begun)):
            return self._send(call, begun or self.transport.deadline(call.slower))

    def _send(self, call: Call, deadline: float) -> Reply:
        self._demand_rested()
        token = self._authority.access_token()
        reply = self._exchange(call, token, deadline)
        if _token_refused(reply):
            token = self._authority.renew(token)
            reply = self._exchange(call, token, deadline)
        if _token_refused(reply):
            what = f"{call.method} {call.path}: a token that was renewed a moment ago is refused"
            hint = f"Compare orgs.{self.org.name}.data_center with where the org lives, then run: orgsync auth"
            raise CredentialRefused(self.org.name, what, f"{hint} {self.org.name}")
        return reply

    def _exchange(self, call: Call, token: Secret, deadline: float) -> Reply:
        self._take(call.credits)
        body = call.content if call.body is None else orjson.dumps(call.body)
        kind = {} if call.body is None else {"Content-Type": "application/json"}
        host = self.org.content_url if call.to_content else self.org.api_url
        try:
            reply = self.transport.request(
                call.method,
                f"{host.rstrip('/')}/{call.root}/{call.path}",
                deadline=deadline,
                headers={"Authorization": f"Zoho-oauthtoken {token.reveal()}", **kind, **call.headers},
                params=call.params or None,
                content=body,
                into=call.into,
            )
        except CallUncertain:
            self._spend(call.credits)
            raise
        finally:
            self._ended()
        if reply.status != 429 and not _token_refused(reply):
            self._spend(call.credits)
        self._note(reply)
        return reply

    def _take(self, wanted: int) -> None:
        """From what was set aside for this thread's work first. Raises OrgUnavailable."""
        aside = self._aside.get()
        if aside is not None:
            ready = min(wanted, aside.credits)
            aside.credits, wanted = aside.credits - ready, wanted - ready
        wait = self.purse.take(wanted) if wanted else None
        if wait is not None:
            raise OrgUnavailable(self.org.name, wait.why, retry_after=wait.seconds)

    def _demand_rested(self) -> None:
        left = self._rest_until - self._monotonic()
        if left > 0:
            what = f"the org answered 429 and rests for {left:.0f} s more"
            raise OrgUnavailable(self.org.name, what, retry_after=left)

    def server_now(self) -> datetime | None:
        """What the server's clock shows now, by its last Date and the time since (up to a second behind)."""
        with self._lock:
            if self.server_time is None:
                return None
            return self.server_time + timedelta(seconds=self._monotonic() - self._clock_read_at)

    @property
    def credits_spent(self) -> int:
        """Credits that the calls of this context cost so far: a stream runs in one thread, and in those that work for
        it (beside.py); an org serves many.
        """
        return self._tally().credits

    def _tally(self) -> _Tally:
        if (tally := self._tallies.get(None)) is None:
            self._tallies.set(tally := _Tally())
        return tally

    @property
    def credits_remaining(self) -> int | None:
        """What the org said last, if it ever did."""
        return self.credits_told[-1].remaining if self.credits_told else None

    def credits_forecast(self) -> Forecast:
        """Whether its credits are about to run out."""
        with self._lock:
            return forecast(list(self.credits_told), self.answered_at, self.now())

    def granted(self) -> frozenset[str]:
        """The scopes of its token as Zoho named them; none where it named none. Raises as a call does."""
        return self._authority.granted()

    def credential(self) -> Credential:
        """How its token is, without asking anybody. Raises CredentialRefused where the file cannot be read."""
        return self._authority.credential()

    def _spend(self, credits_spent: int) -> None:
        with self._lock:
            self.credits_total += credits_spent
            self._tally().credits += credits_spent

    def _note(self, reply: Reply) -> None:
        with self._lock:
            if _throttled(reply):  # for everybody who shares this org, longer each time
                if self._rest_until <= self._monotonic():  # calls that were on their way together are one time
                    self._throttled += 1
                rest = reply.retry_after or min(THROTTLED_FOR, 2.0**self._throttled)
                self._rest_until = max(self._rest_until, self._monotonic() + rest)
            elif reply.status < 300:
                self._throttled = 0
            if reply.status < 300:
                self.answered_at = self.now()
                self.purse.heard(reply.credits_remaining)
            if reply.credits_remaining is not None:
                self._told(Told(remaining=reply.credits_remaining, at=self.now()))
            # Only answers of the API itself: an error page may come from a machine with another clock.
            if reply.server_time is None or not (reply.status < 300 or reply.status == 304):
                return
            read_at = self._monotonic()
            if self.server_time is not None:
                passed = timedelta(seconds=read_at - self._clock_read_at)
                earliest = self.server_time + passed - timedelta(seconds=reply.elapsed + _CLOCK_STEP)
                if reply.server_time < earliest:
                    self.clock_breaks.append(reply.server_time - passed)
            self.server_time, self._clock_read_at = reply.server_time, read_at

    def _told(self, told: Told) -> None:
        """The newest, and before it one a minute."""
        before = self.credits_told[-2] if len(self.credits_told) > 1 else None
        if before is not None and timedelta() <= told.at - before.at < timedelta(minutes=1):
            self.credits_told.pop()
        self.credits_told.append(told)

    def refusal(self, call: Call, reply: Reply) -> ZohoError:
        """What an answer that is not a success means for the caller."""
        where = f"{call.method} {call.path}"
        try:
            error = error_in(parse(reply.body)) or {}
        except WrongShapeError:
            error = {}
        code = error.get("code")
        said = self.shown(f"{code}: {error.get('message') or 'no message'}") if isinstance(code, str) else ""
        what = f"{where} was answered {reply.status} {said}".rstrip()
        if reply.status == 429 or code in THROTTLE_CODES:
            return OrgUnavailable(self.org.name, what, retry_after=reply.retry_after or THROTTLED_FOR)
        if code == "OAUTH_SCOPE_MISMATCH" or code in PERMISSION_CODES or code in TOKEN_CODES:
            return self._credential(call, what, error)
        if reply.status >= 500 or code == "INTERNAL_ERROR":
            return OrgUnavailable(self.org.name, what)
        if isinstance(code, str):
            details = error.get("details")
            hint = _HINTS.get((call.path, code), "")
            details = details if isinstance(details, dict) else {}
            return RequestRefused(self.org.name, what, hint, code=code, details=details)
        return self.bad(call, reply, f"status {reply.status}")

    def _credential(self, call: Call, what: str, error: Mapping[str, object]) -> CredentialRefused:
        name, code = self.org.name, error.get("code")
        if code == "OAUTH_SCOPE_MISMATCH":
            hint = (
                f"Its token lacks the scope {call.scope}, or a part of it: `orgsync check` names all that a new code "
                f"needs, for orgsync auth {name}"
            )
            return CredentialRefused(name, what, hint, scope=call.scope)
        if code in PERMISSION_CODES:
            return CredentialRefused(
                name,
                what,
                f"The API user's profile lacks {self.shown(_lacking(error))}; give it in Zoho under {PROFILES}",
            )
        return CredentialRefused(name, what, f"Run: orgsync auth {name}")

    def bad(self, call: Call, reply: Reply, problem: str) -> ZohoError:
        """An answer that is none: a read cannot go on, a write is uncertain."""
        where = f"{call.method} {call.path}"
        if reply.redirect is not None:
            hint = f"Redirects are not followed. Compare orgs.{self.org.name}.api_url with the org's data centre"
            return BadAnswer(self.org.name, f"{where} was redirected to {self.shown(reply.redirect)}", hint)
        seen = self.shown(reply.body) or "an empty body"
        kind = self.shown(reply.content_type) or "no content type"
        return BadAnswer(self.org.name, f"{where} was answered {reply.status} ({kind}): {problem}; it begins: {seen}")


def _token_refused(reply: Reply) -> bool:
    return reply.status == 401 and _code(reply) in TOKEN_CODES


def _throttled(reply: Reply) -> bool:
    """It may be told with another status (facts 9.4)."""
    return reply.status == 429 or (reply.status == 400 and _code(reply) in THROTTLE_CODES)


def _code(reply: Reply) -> object:
    try:
        return (error_in(parse(reply.body)) or {}).get("code")
    except WrongShapeError:
        return None


def _lacking(error: Mapping[str, object]) -> str:
    details = error.get("details")
    permissions = details.get("permissions") if isinstance(details, dict) else None
    names = permissions if isinstance(permissions, list) else []
    return ", ".join(f"{name} ({in_words(str(name))})" for name in names) or "a permission"
