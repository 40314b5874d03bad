"""Who holds the access token of an org: one answer for every thread and process, renewed by one of them at a time.

Ten renewals in ten minutes lock an org out (facts 1.5), so the token lives in a file that all share, and the eighth
renewal in ten minutes is the last one that this side asks for.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Final, NoReturn, Protocol

from loguru import logger

from daemon.core.alerts import Credential
from daemon.core.org import Org, Secret
from daemon.core.renewals import MOST_RENEWALS, RENEWED_WITHIN
from daemon.zoho import oauth, tokenfile
from daemon.zoho.errors import BadAnswer, CallUncertain, CredentialRefused, OrgUnavailable, ZohoError
from daemon.zoho.tokenfile import Tokens
from daemon.zoho.transport import Transport

_EARLY: Final = timedelta(minutes=5)
_PAUSE: Final = 5.0  # seconds after an answer of the token endpoint that was none; doubled with each attempt
_PATIENCE: Final = 5.0  # seconds to wait for another process, on top of the one call that it may be making


class Allowance(Protocol):
    """What counts the renewals of all machines that share a credential."""

    def take_renewal(self, credential: str) -> float:
        """Count one and give 0, or the seconds until one may be asked for."""

    def put_back_renewal(self, credential: str) -> None:
        """The last one was not asked for after all."""


class Authority:
    """Gives the access token of one org, and renews it when it must. `allowance`: where other machines do so too."""

    def __init__(
        self, org: Org, transport: Transport, *, now: Callable[[], datetime], allowance: Allowance | None = None
    ) -> None:
        self._org = org
        self._transport = transport
        self._now = now
        self._allowance = allowance
        self._turn = threading.Lock()
        self._held = Tokens()
        self._failures = 0
        self._last_failure: ZohoError | None = None

    def secrets(self) -> list[Secret]:
        """Every secret that could turn up in an answer, for masking."""
        held = (self._org.client_secret, self._org.refresh_token, self._held.refresh_token, self._held.access_token)
        return [secret for secret in held if secret is not None]

    def access_token(self) -> Secret:
        """A token that is good for a while yet.

        Raises OrgUnavailable (the token endpoint cannot be asked now) or CredentialRefused.
        """
        if token := self._good(self._held):
            return token
        with self._alone() as stored:
            if token := self._good(stored):
                return token
            try:
                return self._renew(stored)
            except OrgUnavailable:
                # A throttled or absent token endpoint leaves living tokens alone (facts 1.4).
                if stored.access_token and stored.expires_at and self._now() < stored.expires_at:
                    return stored.access_token
                raise

    def renew(self, refused: Secret) -> Secret:
        """A token other than the one that the API just refused; another thread or process may have made it already."""
        with self._alone() as stored:
            if stored.access_token != refused and (token := self._good(stored)):
                return token
            return self._renew(stored)

    def granted(self) -> frozenset[str]:
        """The scopes of the token as the token endpoint named them; none where it named none. Raises as
        `access_token` does.
        """
        self.access_token()
        return frozenset(tokenfile.read(self._org).scopes)

    def credential(self) -> Credential:
        """How the stored token is, without asking anybody. Raises CredentialRefused where it cannot be read."""
        stored, now = tokenfile.read(self._org), self._now()
        recent = [moment for moment in stored.renewals if abs(now - moment) < RENEWED_WITHIN]
        return Credential(refused=stored.last_error or None, made_at=stored.made_at, renewals=len(recent))

    def _good(self, tokens: Tokens) -> Secret | None:
        if tokens.access_token and tokens.renew_at and self._now() < tokens.renew_at:
            return tokens.access_token
        return None

    @contextmanager
    def _alone(self) -> Iterator[Tokens]:
        """This thread's and this process's turn, with what the file now says about the present credential.

        Who waited while another thread failed is told that failure: eight threads at a dead endpoint are one attempt.
        """
        before = self._failures
        with self._turn, tokenfile.locked(self._org, self._org.call_deadline + _PATIENCE):
            if self._failures != before and self._last_failure:
                raise self._last_failure.with_traceback(None)
            stored = tokenfile.read(self._org)
            made_with = _fingerprint(self._org, self._org.refresh_token or stored.refresh_token)
            if stored.made_with != made_with:
                stored = Tokens(refresh_token=stored.refresh_token, made_with=made_with)
            self._held = stored
            try:
                yield stored
            except ZohoError as error:
                self._failures, self._last_failure = self._failures + 1, error
                raise

    def _save(self, tokens: Tokens) -> None:
        tokenfile.write(self._org, tokens)
        self._held = tokens

    def _renew(self, stored: Tokens) -> Secret:
        org, now = self._org, self._now()
        refresh_token = org.refresh_token or stored.refresh_token
        if refresh_token is None:
            raise CredentialRefused(org.name, "there is no refresh token", f"Run: orgsync auth {org.name}")
        # Times ahead of the clock are counted too: it may have been set back.
        recent = tuple(moment for moment in stored.renewals if abs(now - moment) < RENEWED_WITHIN)
        self._check_allowance(stored, recent, now)
        credential = _fingerprint(org, refresh_token)
        if self._allowance is not None and (wait := self._allowance.take_renewal(credential)):
            what = f"all daemons together renewed its token {MOST_RENEWALS} times in 10 minutes; Zoho locks out at 10"
            _wait_until(org, what, now + timedelta(seconds=wait), now)
        tried = replace(stored, renewals=(*recent, now))
        self._save(tried)  # before the call: a killed process must not forget that it asked
        form = {"grant_type": "refresh_token", "refresh_token": refresh_token.reveal()}
        try:
            fresh = oauth.ask(org, self._transport, form)
        except oauth.Throttled as error:
            self._save(replace(tried, blocked_until=now + RENEWED_WITHIN))
            _wait_until(org, error.what, now + RENEWED_WITHIN, now)
        except OrgUnavailable:
            self._save(stored)  # nothing was executed, so nothing was counted
            if self._allowance is not None:
                self._allowance.put_back_renewal(credential)
            raise
        except (CallUncertain, BadAnswer) as error:
            # At the API nothing was executed. It counts as an attempt, and the allowance must outlast the outage.
            pause = timedelta(seconds=_PAUSE * 2 ** len(recent))
            self._save(replace(tried, blocked_until=now + pause))
            raise OrgUnavailable(org.name, error.what, error.hint, retry_after=pause.total_seconds()) from None
        except CredentialRefused as error:
            pause = timedelta(seconds=_PAUSE * 2 ** len(recent))
            said = f"{error.what}. {error.hint}"
            dead = replace(tried, access_token=None, expires_at=None, renew_at=None)
            self._save(replace(dead, last_error=said, blocked_until=now + pause))
            raise
        tokens = _tokens(fresh, now, tried)
        self._save(replace(tokens, refresh_token=stored.refresh_token))
        logger.info("{}: access token renewed, good until {:%H:%M:%S} UTC", org.name, now + fresh.lifetime)
        return fresh.access_token

    def _check_allowance(self, stored: Tokens, recent: tuple[datetime, ...], now: datetime) -> None:
        org = self._org
        if stored.blocked_until and now < stored.blocked_until <= now + RENEWED_WITHIN:
            if stored.last_error:
                raise CredentialRefused(org.name, stored.last_error)
            _wait_until(org, "the token endpoint is left alone for a while", stored.blocked_until, now)
        if len(recent) < MOST_RENEWALS:
            return
        if stored.last_error:
            raise CredentialRefused(org.name, stored.last_error)
        what = f"the access token was renewed {len(recent)} times in 10 minutes, and Zoho locks out at 10"
        _wait_until(org, what, min(recent) + RENEWED_WITHIN, now)


def exchange_grant(
    org: Org, code: Secret, *, now: Callable[[], datetime] = lambda: datetime.now(UTC)
) -> tuple[str, ...]:
    """Turn a grant code into tokens and store them; the scopes that were granted, as Zoho names them.

    A code works once and for minutes only. Raises CredentialRefused, OrgUnavailable, CallUncertain or BadAnswer.
    """
    transport = Transport(org)
    try:
        with tokenfile.locked(org, org.call_deadline + _PATIENCE):
            fresh = oauth.ask(org, transport, {"grant_type": "authorization_code", "code": code.reveal()})
            if fresh.refresh_token is None:
                hint = "Make the code with the Self Client of the API console"
                raise BadAnswer(org.name, "the token endpoint gave no refresh token", hint)
            made = Tokens(made_with=_fingerprint(org, org.refresh_token or fresh.refresh_token))
            if org.refresh_token is None or org.refresh_token == fresh.refresh_token:
                made = _tokens(fresh, now(), made)
            tokenfile.write(org, replace(made, refresh_token=fresh.refresh_token))
    finally:
        transport.close()
    return fresh.scopes


def revoke(org: Org) -> None:
    """Revoke the org's refresh token at Zoho, then forget it here."""
    transport = Transport(org)
    try:
        with tokenfile.locked(org, org.call_deadline + _PATIENCE):
            refresh_token = org.refresh_token or tokenfile.read(org).refresh_token
            if refresh_token is None:
                raise CredentialRefused(org.name, "there is no refresh token to revoke")
            oauth.revoke(org, transport, refresh_token)
            org.token_file.unlink(missing_ok=True)
    finally:
        transport.close()


def _tokens(fresh: oauth.Fresh, now: datetime, known: Tokens) -> Tokens:
    soon = fresh.lifetime - min(_EARLY, fresh.lifetime / 10)
    return Tokens(
        access_token=fresh.access_token,
        expires_at=now + fresh.lifetime,
        renew_at=now + soon,
        made_with=known.made_with,
        renewals=known.renewals,
        made_at=now,
        scopes=fresh.scopes or known.scopes,
    )


def _fingerprint(org: Org, refresh_token: Secret | None) -> str:
    """Says whether a stored access token belongs to this credential; short, so that it tells nothing else."""
    secret = refresh_token.reveal() if refresh_token else ""
    parts = (org.accounts_url, org.api_url, org.client_id, org.client_secret.reveal(), secret)
    return hashlib.blake2b("\0".join(parts).encode(), digest_size=6).hexdigest()


def _wait_until(org: Org, what: str, moment: datetime, now: datetime) -> NoReturn:
    hint = f"Wait until {moment.astimezone(UTC):%H:%M:%S} UTC"
    raise OrgUnavailable(org.name, what, hint, retry_after=max(1.0, (moment - now).total_seconds()))
