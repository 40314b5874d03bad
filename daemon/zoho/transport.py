"""The one place that does HTTP. It decides only one thing about a failure: had the request begun to go out?

Nothing is followed, nothing is repeated, nothing is parsed. TLS is always verified, and plain HTTP is for loopback
only. A call ends at its deadline whatever the other side does, and an answer is at most 32 MB after decompression, one
that goes into a file 512 MB.
"""

from __future__ import annotations

import functools
import ipaddress
import logging
import ssl
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import BinaryIO, Final
from urllib.parse import urlsplit

import httpx

from daemon.core.org import Org
from daemon.zoho.deadline import DeadlineTransport
from daemon.zoho.errors import CallUncertain, CredentialRefused, OrgUnavailable, shown

MAX_BODY: Final = 32 * 1024 * 1024
MAX_FILE: Final = 512 * 1024 * 1024
CONNECT_TIMEOUT: Final = 10.0
_UNREACHED: Final = (httpx.ConnectError, httpx.ConnectTimeout)
_GZIP: Final = zlib.MAX_WBITS | 16

# httpx logs whole URLs, queries included, at INFO (reliability.md 2.2).
logging.getLogger("httpx").setLevel(logging.WARNING)
logging.getLogger("httpcore").setLevel(logging.WARNING)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """A whole answer. `server_time` is its Date header; `redirect` the host that a redirect wanted."""

    status: int
    body: bytes
    content_type: str
    server_time: datetime | None
    elapsed: float
    credits_remaining: int | None = None
    retry_after: float | None = None
    redirect: str | None = None


class Transport:
    """Connections to one org's two addresses, shared by its threads."""

    def __init__(self, org: Org, *, monotonic: Callable[[], float] = time.monotonic, max_body: int = MAX_BODY) -> None:
        for key, url in (("accounts_url", org.accounts_url), ("api_url", org.api_url)):
            _check_address(org.name, key, url)
        self._org = org
        self._monotonic = monotonic
        self._max_body = max_body
        self._deadlines = DeadlineTransport(_tls())
        self._client = httpx.Client(transport=self._deadlines, follow_redirects=False, trust_env=False)

    def close(self) -> None:
        self._client.close()

    def deadline(self, slower: int = 1) -> float:
        """The instant, on this transport's clock, at which a call that starts now is over; one that may be so many
        times slower than others.
        """
        return self._monotonic() + self._org.call_deadline * slower

    def left(self, deadline: float) -> float:
        """The seconds until a deadline."""
        return deadline - self._monotonic()

    def request(
        self,
        method: str,
        url: str,
        *,
        deadline: float,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        form: Mapping[str, str] | None = None,
        content: bytes | None = None,
        into: BinaryIO | None = None,
    ) -> Reply:
        """One request, one answer, whatever its status; the body of a 200 goes `into` a file where one is given.

        Raises OrgUnavailable when the request did not begin to go out, CallUncertain when it did and no whole answer
        came back before `deadline`.
        """
        started = self._monotonic()
        left = deadline - started
        if left <= 0:
            raise OrgUnavailable(self._org.name, "the call's deadline passed before it could be sent")
        out = _Outgoing()
        request = self._client.build_request(
            method,
            url,
            headers={"Accept": "application/json", "Accept-Encoding": "gzip", **(headers or {})},
            params=params,
            data=form,
            content=content,
            timeout=httpx.Timeout(left, connect=min(left, CONNECT_TIMEOUT), pool=min(left, CONNECT_TIMEOUT)),
            extensions={"trace": out.note},
        )
        # Raised outside the except block: a chained httpx error carries the request, and with it the token.
        try:
            with self._deadlines.until(left):
                return self._exchange(request, started, into)
        except (httpx.HTTPError, httpx.StreamError, httpx.InvalidURL, _BodyError) as error:
            host = urlsplit(url).netloc
            failure = f"{_reason(error)} ({host}, after {self._monotonic() - started:.1f} s)"
            hint = _unreached(self._org.name, host) if isinstance(error, _UNREACHED) else ""
        if out.begun:
            raise CallUncertain(self._org.name, failure)
        raise OrgUnavailable(self._org.name, failure, hint)

    def _exchange(self, request: httpx.Request, started: float, into: BinaryIO | None) -> Reply:
        response = self._client.send(request, stream=True)
        try:
            if into is not None and response.status_code == 200:
                body = b""
                for piece in self._pieces(response, MAX_FILE):
                    into.write(piece)
            else:
                body = b"".join(self._pieces(response, self._max_body))
        finally:
            response.close()
        header = response.headers.get
        return Reply(
            status=response.status_code,
            body=body,
            content_type=header("content-type", "").partition(";")[0].strip().lower(),
            server_time=_date(header("date", "")),
            elapsed=self._monotonic() - started,
            credits_remaining=_whole(header("x-api-credits-remaining", "")),
            retry_after=_whole(header("retry-after", "")),
            redirect=_host(header("location", "")) if response.is_redirect else None,
        )

    def _pieces(self, response: httpx.Response, most: int) -> Iterator[bytes]:
        """The body, decompressed to no more than `most` bytes: httpx would inflate a bomb first and tell later."""
        coding = response.headers.get("content-encoding", "identity").strip().lower()
        if coding not in ("identity", "gzip", ""):
            raise _BodyError(f"the answer came in an encoding that was not asked for: {shown(coding)}")
        inflate = zlib.decompressobj(_GZIP) if coding == "gzip" else None
        size = 0
        for chunk in response.iter_raw():
            try:
                piece = inflate.decompress(chunk, most - size + 1) if inflate else chunk
            except zlib.error:
                raise _BodyError("the answer is not valid gzip") from None
            size += len(piece)
            if size > most:
                raise _BodyError(f"the answer is larger than {most} bytes")
            yield piece
        if inflate and not inflate.eof and (size or response.status_code not in (204, 304)):
            raise _BodyError("the answer ends in the middle of its gzip stream")


class _BodyError(Exception):
    """The answer did not arrive whole, for a reason that httpx does not see."""


class _Outgoing:
    """Hears from httpcore when the first byte of a request is about to be written."""

    begun = False

    def note(self, event: str, _info: Mapping[str, object]) -> None:
        if event.endswith("send_request_headers.started"):
            self.begun = True


@functools.cache
def _tls() -> ssl.SSLContext:
    """One verifying context for every org: making one costs tens of milliseconds."""
    return httpx.create_ssl_context(trust_env=False)


def _check_address(org: str, key: str, url: str) -> None:
    parts = urlsplit(url)
    if parts.scheme == "https" and parts.hostname:
        return
    if parts.scheme == "http" and parts.hostname and _is_loopback(parts.hostname):
        return
    raise CredentialRefused(
        org, f"{shown(url)!r} is not an https address", f"Change orgs.{org}.{key}; http is for 127.0.0.1 only"
    )


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _unreached(org: str, host: str) -> str:
    """What to do where nobody answers at an address."""
    look = f"Look whether this machine reaches {host} (network, name server, firewall)"
    return f"{look} and orgs.{org}.data_center is right, then: orgsync check"


def _reason(error: Exception) -> str:
    """What happened, without a text that the other side chose."""
    if isinstance(error, _BodyError):
        return str(error)
    if isinstance(error, httpx.ConnectError):
        return f"no connection: {shown(error)}"
    known: dict[type[Exception], str] = {
        httpx.ConnectTimeout: "no connection in time",
        httpx.PoolTimeout: "all connections were in use",
        httpx.ReadTimeout: "no whole answer before the deadline",
        httpx.WriteTimeout: "the request could not be sent before the deadline",
        httpx.RemoteProtocolError: "the answer broke off or is not HTTP",
        httpx.ReadError: "the connection broke",
        httpx.WriteError: "the connection broke while sending",
    }
    return known.get(type(error), type(error).__name__)


def _date(text: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(text)
        return moment.astimezone(UTC) if moment.tzinfo else None
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


def _whole(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 12 else None


def _host(location: str) -> str:
    try:
        return shown(urlsplit(location).netloc.rpartition("@")[2] or "the same host")
    except ValueError:
        return "an address that cannot be read"
