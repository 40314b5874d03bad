"""A scripted server on a raw socket: it says exactly the bytes that a test wants, at the speed that a test wants.

The project's emulator is the well-behaved Zoho (test_emulator.py); this one is every other.
"""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from daemon.core.org import Org, Secret
from daemon.zoho.client import Zoho

CLIENT_SECRET = "canary-client-secret-7f3a"
REFRESH_TOKEN = "1000.canaryrefresh0000aaaa.canaryrefresh0000bbbb"
DATE = "Tue, 24 Nov 2026 10:00:00 GMT"
Say = Callable[[socket.socket], bool]
"""Writes an answer; True when the connection may go on."""


@dataclass(kw_only=True)
class Seen:
    """A request as it arrived."""

    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def form(self) -> dict[str, str]:
        return {key: values[0] for key, values in parse_qs(self.body.decode()).items()}


@dataclass
class Server:
    """Answers what is next in `answers` (for the API) or `token_answers`; a fresh token when nothing is scripted."""

    answers: deque[Say] = field(default_factory=deque)
    token_answers: deque[Say] = field(default_factory=deque)
    seen: list[Seen] = field(default_factory=list)
    default: Say | None = None
    lifetime: int = 3600
    token_pause: float = 0.0

    def __post_init__(self) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self.tokens = 0
        self._lock = threading.Lock()
        threading.Thread(target=self._accept, daemon=True).start()

    @staticmethod
    def answer(status: int, content: object = None, **headers: str) -> Say:
        return answer(status, content, **headers)

    @staticmethod
    def raw(*pieces: bytes, pause: float = 0.0) -> Say:
        return raw(*pieces, pause=pause)

    def close(self) -> None:
        self._listener.close()

    @property
    def calls(self) -> list[Seen]:
        return [seen for seen in self.seen if not seen.path.startswith("/oauth")]

    @property
    def token_calls(self) -> list[Seen]:
        return [seen for seen in self.seen if seen.path.startswith("/oauth")]

    def say(self, status: int, content: object = None, **headers: str) -> None:
        self.answers.append(answer(status, content, **headers))

    def say_raw(self, *pieces: bytes, pause: float = 0.0) -> None:
        self.answers.append(raw(*pieces, pause=pause))

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection, contextlib.suppress(OSError):
            while (request := _read(connection)) is not None:
                with self._lock:
                    self.seen.append(request)
                    say = self._next(request)
                if request.path.startswith("/oauth") and self.token_pause:
                    time.sleep(self.token_pause)
                if not say(connection):
                    return

    def _next(self, request: Seen) -> Say:
        if request.path.startswith("/oauth"):
            if self.token_answers:
                return self.token_answers.popleft()
            self.tokens += 1
            return answer(200, self.token(f"1000.access{self.tokens}.token"))
        if self.answers:
            return self.answers.popleft()
        return self.default or answer(418, {"code": "NOTHING_SCRIPTED", "status": "error"})

    def token(self, access: str, **changes: object) -> dict[str, object]:
        fresh = {"access_token": access, "api_domain": self.url, "token_type": "Bearer", "expires_in": self.lifetime}
        return {**fresh, **changes}


def answer(status: int, content: object = None, **headers: str) -> Say:
    """A well-formed answer; content is bytes as they are, or anything as JSON, or None for no body."""
    body = b"" if content is None else content if isinstance(content, bytes) else json.dumps(content).encode()
    named = {key.replace("_", "-"): value for key, value in headers.items()}
    lines = {"Content-Type": "application/json", "Date": DATE, "Content-Length": str(len(body)), **named}
    head = f"HTTP/1.1 {status} X\r\n" + "".join(f"{key}: {value}\r\n" for key, value in lines.items())
    return raw(head.encode() + b"\r\n" + body, close=False)


def raw(*pieces: bytes, pause: float = 0.0, close: bool = True) -> Say:
    """Exactly these bytes, with a pause before every piece but the first."""

    def say(connection: socket.socket) -> bool:
        for number, piece in enumerate(pieces):
            if number and pause:
                time.sleep(pause)
            connection.sendall(piece)
        return not close

    return say


def _read(connection: socket.socket) -> Seen | None:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            return None
        data += more
    head, _, body = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    method, target, _ = first.split(" ")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    while len(body) < int(headers.get("content-length", "0")):
        body += connection.recv(65536)
    parts = urlsplit(target)
    query = {key: values[0] for key, values in parse_qs(parts.query).items()}
    return Seen(method=method, path=parts.path, query=query, headers=headers, body=body)


@dataclass
class Clock:
    """Wall time that a test moves."""

    moment: datetime = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.moment

    def advance(self, seconds: float) -> None:
        self.moment += timedelta(seconds=seconds)


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def make_org(server: Server, tmp_path: Path) -> Callable[..., Org]:
    def make(**changes: object) -> Org:
        values: dict[str, object] = {
            "name": "india",
            "data_center": "in",
            "accounts_url": server.url,
            "api_url": server.url,
            "client_id": "1000.CLIENT",
            "client_secret": Secret(CLIENT_SECRET),
            "refresh_token": Secret(REFRESH_TOKEN),
            "token_file": tmp_path / "tokens" / "india.json",
            "call_deadline": 5.0,
            **changes,
        }
        return Org(**values)  # type: ignore[arg-type]

    return make


@pytest.fixture
def org(make_org: Callable[..., Org]) -> Org:
    return make_org()


@pytest.fixture
def slept() -> list[float]:
    return []


@pytest.fixture
def zoho(org: Org, clock: Clock, slept: list[float]) -> Iterator[Zoho]:
    with Zoho(org, now=clock, sleep=slept.append) as zoho:
        yield zoho
