"""The accounts server of one data centre: grant codes, refresh and access tokens, their limits and errors (facts 1)."""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from daemon.emulator.clock import Clock
from daemon.emulator.quirks import Quirks

Json = dict[str, Any]
TEN_MINUTES = 600
CALLS_PER_WINDOW, LIVE_ACCESS_TOKENS, LIVE_REFRESH_TOKENS = 10, 15, 20
ALL_SCOPES = (
    "ZohoCRM.modules.ALL", "ZohoCRM.settings.ALL", "ZohoCRM.users.ALL", "ZohoCRM.org.ALL", "ZohoCRM.coql.READ",
    "ZohoCRM.bulk.ALL", "ZohoCRM.notifications.ALL", "ZohoSearch.securesearch.READ", "ZohoFiles.files.ALL",
    "ZohoCRM.features.READ", "ZohoCRM.mass_delete.DELETE", "ZohoCRM.change_owner.CREATE",
)  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Grant:
    """A Self Client code: good once, for some minutes (facts 1.2)."""

    code: str
    scopes: tuple[str, ...]
    user: int
    expires: float


@dataclass(slots=True, kw_only=True)
class Refresh:
    """A refresh token: it lives until it is revoked or pushed out (facts 1.3, 1.5)."""

    token: str
    scopes: tuple[str, ...]
    user: int
    issued: deque[float] = field(default_factory=deque)
    live: deque[str] = field(default_factory=deque)


@dataclass(frozen=True, slots=True, kw_only=True)
class Access:
    """An access token: who calls, and what the caller may do."""

    token: str
    scopes: tuple[str, ...]
    user: int
    expires: float


@dataclass(frozen=True, slots=True)
class TokenAnswer:
    """Status and body of the token endpoint; most errors are 200 (facts 1.4)."""

    status: int
    body: Json


def _error(name: str) -> TokenAnswer:
    return TokenAnswer(200, {"error": name})


class Accounts:
    """Clients and tokens of one org; `zgid` is its number in `soid`."""

    def __init__(self, *, seed: int, name: str, clock: Clock, quirks: Quirks, user: int, zgid: str) -> None:
        self._clock, self.quirks, self._seed, self._name = clock, quirks, seed, name
        self._serial = 0
        self.user, self._zgid = user, zgid
        self.access_lifetime, self.grant_lifetime = 3_600, 180
        self._first_lifetimes: tuple[int, int] | None = None
        self._announced: list[Refresh] = []
        self.client_id = f"1000.{self._hex(32).upper()}"
        self.client_secret = self._hex(42)
        self.grants: dict[str, Grant] = {}
        self.refreshes: dict[str, Refresh] = {}
        self.accesses: dict[str, Access] = {}
        self._grant_calls: deque[float] = deque()
        self._soid_calls: deque[float] = deque()

    def _hex(self, size: int) -> str:
        self._serial += 1
        text = f"{self._seed}/{self._name}/{self._serial}"
        return hashlib.shake_128(text.encode()).hexdigest((size + 1) // 2)[:size]

    def _token(self) -> str:
        return f"1000.{self._hex(32)}.{self._hex(32)}"

    # --- making tokens

    def new_grant(self, scopes: tuple[str, ...] = ALL_SCOPES, lifetime: float | None = None) -> str:
        """A fresh grant code, as the Self Client page shows it."""
        code = self._token()
        expires = self._clock.now() + (self.grant_lifetime if lifetime is None else lifetime)
        self.grants[code] = Grant(code=code, scopes=scopes, user=self.user, expires=expires)
        return code

    def new_refresh(self, scopes: tuple[str, ...] = ALL_SCOPES, user: int | None = None) -> Refresh:
        """A refresh token; the 21st pushes out the oldest with its access tokens (facts 1.5)."""
        made = Refresh(token=self._token(), scopes=scopes, user=self.user if user is None else user)
        self.refreshes[made.token] = made
        of_user = [one.token for one in self.refreshes.values() if one.user == made.user]
        if self.quirks.says("token_caps", "on") and len(of_user) > LIVE_REFRESH_TOKENS:
            self.revoke(of_user[0])
        return made

    def new_access(self, refresh: Refresh) -> Access:
        """An access token; the 16th live one pushes out the oldest (facts 1.5)."""
        made = self._access(refresh.scopes, refresh.user)
        refresh.live.append(made.token)
        while self.quirks.says("token_caps", "on") and len(refresh.live) > LIVE_ACCESS_TOKENS:
            self.accesses.pop(refresh.live.popleft(), None)
        return made

    def _access(self, scopes: tuple[str, ...], user: int) -> Access:
        expires = self._clock.now() + self.access_lifetime
        made = Access(token=self._token(), scopes=scopes, user=user, expires=expires)
        self.accesses[made.token] = made
        return made

    def announce(self) -> str:
        """A refresh token that a reset makes good again."""
        self._announced.append(self.new_refresh())
        return self._announced[-1].token

    def set_lifetimes(self, access: int | None, grant: int | None) -> None:
        """Other lifetimes of tokens from now on, until a reset."""
        self._first_lifetimes = self._first_lifetimes or (self.access_lifetime, self.grant_lifetime)
        self.access_lifetime, self.grant_lifetime = access or self.access_lifetime, grant or self.grant_lifetime

    def reset(self) -> None:
        """Throttles, lifetimes and announced tokens as at the start; other tokens stay as they are."""
        self.forget_calls()
        if self._first_lifetimes is not None:
            self.access_lifetime, self.grant_lifetime = self._first_lifetimes
        # the announced ones are the oldest, which the cap pushes out first
        self.refreshes = {one.token: one for one in self._announced} | self.refreshes

    def forget_calls(self) -> None:
        """Every throttle starts anew; tokens stay as they are."""
        for calls in (self._grant_calls, self._soid_calls, *(one.issued for one in self.refreshes.values())):
            calls.clear()

    def revoke(self, token: str) -> bool:
        """Revoke a refresh token and every access token made from it (facts 1.6)."""
        refresh = self.refreshes.pop(token, None)
        if refresh is None:
            return False
        for access in refresh.live:
            self.accesses.pop(access, None)
        return True

    def expire(self, access_token: str | None = None) -> None:
        """Make one access token (or all) invalid at once."""
        if access_token is None:
            self.accesses.clear()
        else:
            self.accesses.pop(access_token, None)

    def access(self, token: str) -> Access | None:
        """The live access token with this text."""
        found = self.accesses.get(token)
        # an expired token is kept: the clock may be set back
        return found if found is not None and found.expires > self._clock.now() else None

    # --- the endpoint

    def answer(self, form: Mapping[str, str], api_domain: str) -> TokenAnswer:
        """`POST /oauth/v2/token` (facts 1.2 to 1.4)."""
        answering: dict[str, Callable[[Mapping[str, str], str], TokenAnswer]] = {
            "authorization_code": self._exchange,
            "refresh_token": self._renew,
        }
        if self.quirks.says("client_credentials", "accept"):
            answering["client_credentials"] = self._for_client
        answer_to = answering.get(form.get("grant_type", ""))
        if answer_to is None:
            return self.unreadable()
        if form.get("client_id") != self.client_id:
            return _error("invalid_client")
        if form.get("client_secret") != self.client_secret:
            return _error("invalid_client_secret")
        return answer_to(form, api_domain)

    def unreadable(self) -> TokenAnswer:
        """No grant type that the server knows, or no POST (facts 1.4)."""
        return _error(self.quirks["bad_grant_type_error"])

    def _exchange(self, form: Mapping[str, str], api_domain: str) -> TokenAnswer:
        if form.get("redirect_uri") and self.quirks.says("redirect_uri", "reject"):
            return _error("invalid_redirect_uri")
        if self._throttled(self._grant_calls):
            return self._denied()
        grant = self.grants.pop(form.get("code", ""), None)
        if grant is None or grant.expires <= self._clock.now():
            return _error("invalid_code")
        refresh = self.new_refresh(grant.scopes, grant.user)
        refresh.issued.append(self._clock.now())
        return self._success(self.new_access(refresh), api_domain, refresh.token)

    def _renew(self, form: Mapping[str, str], api_domain: str) -> TokenAnswer:
        refresh = self.refreshes.get(form.get("refresh_token", ""))
        if refresh is None:
            return _error("invalid_code")
        if self._throttled(refresh.issued):
            return self._denied()
        return self._success(self.new_access(refresh), api_domain, None)

    def _for_client(self, form: Mapping[str, str], api_domain: str) -> TokenAnswer:
        """A token of the client itself, bound to the org that `soid` names (facts 1.3)."""
        service, _, zgid = form.get("soid", "").partition(".")
        scopes = tuple(form.get("scope", "").replace(",", " ").split())
        if service.lower() != "zohocrm" or zgid != self._zgid:
            return _error("invalid_request")
        if not scopes:
            return _error("invalid_scope")
        if self._throttled(self._soid_calls):
            return self._denied()
        return self._success(self._access(scopes, self.user), api_domain, None)

    def _throttled(self, issued: deque[float]) -> bool:
        now = self._clock.now()
        while issued and issued[0] <= now - TEN_MINUTES:
            issued.popleft()
        if self.quirks.says("token_throttle", "on") and len(issued) >= CALLS_PER_WINDOW:
            return True
        issued.append(now)
        return False

    def _denied(self) -> TokenAnswer:
        text = "You have made too many requests continuously. Please try again after some time."
        body = {"error_description": text, "error": "Access Denied", "status": "failure"}
        return TokenAnswer(int(self.quirks["throttle_status"]), body)

    def _success(self, access: Access, api_domain: str, refresh_token: str | None) -> TokenAnswer:
        separator = "," if self.quirks.says("token_scope_separator", "comma") else " "
        body: Json = {"access_token": access.token}
        if refresh_token is not None:
            body["refresh_token"] = refresh_token
        body |= {
            "scope": separator.join(access.scopes),
            "api_domain": api_domain,
            "token_type": "Bearer",
            "expires_in": self.access_lifetime,
        }
        return TokenAnswer(200, body)
