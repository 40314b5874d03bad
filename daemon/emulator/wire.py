"""The lowest layer: uvicorn's protocol with its transport in reach, so that an answer can be cut or withheld."""

from __future__ import annotations

import asyncio
import contextlib
import http
import re
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from daemon.emulator.accidents import html_page
from daemon.emulator.clock import Clock, http_date

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MAX_BODY = 120_000_000
_REQUEST_LINE = re.compile(rb"([!-~]+) (/\S*) (?=HTTP/1\.[01]\r\n)")
_BEYOND_ASCII = re.compile(rb"[\x80-\xff]")
_VERBS = frozenset(http.HTTPMethod.__members__)
_NOBODYS_VERB = b"TRACE"


class TransportProtocol(HttpToolsProtocol):
    """Each connection carries its own transport in the scope's state; what is no HTTP gets the edge's page.

    A verb that HTTP does not know is in the state as `verb`; the parser, which would refuse it, sees one that no path
    has. Bytes beyond ASCII in a target are taken as if they had been written with percent signs.
    """

    clock: Clock
    _between = True

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}

    def data_received(self, data: bytes) -> None:
        super().data_received(self._readable(data) if self._between else data)

    def on_message_begin(self) -> None:
        self._between = False
        super().on_message_begin()
        self.app_state.pop("verb", None)

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._between = True

    def _readable(self, data: bytes) -> bytes:
        """The beginning of a request as the parser takes it."""
        line = _REQUEST_LINE.match(data)
        if line is None:
            return data
        verb, target = line.groups()
        if verb.decode() not in _VERBS:
            self.app_state["verb"], verb = verb.decode(), _NOBODYS_VERB
        target = _BEYOND_ASCII.sub(lambda byte: b"%%%02X" % byte[0][0], target)
        return b"%b %b %b" % (verb, target, data[line.end() :])

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the sentence of uvicorn
        """The edge's page, in HTML, for what cannot be read; the connection ends."""
        reply = html_page(400)
        body = reply.body or b""
        head = f"HTTP/1.1 400 Bad Request\r\ndate: {http_date(self.clock.now())}\r\n"
        head += f"content-type: {reply.content_type}\r\ncontent-length: {len(body)}\r\nconnection: close\r\n\r\n"
        self.transport.write(head.encode() + body)
        self.transport.close()


def protocol(clock: Clock) -> type[TransportProtocol]:
    """The protocol of servers on which this clock tells the time."""

    class Timed(TransportProtocol):
        pass

    Timed.clock = clock
    return Timed


async def read_body(receive: Receive) -> bytes | None:
    """The whole request body; None when the client went away first."""
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        part = message.get("body", b"")
        size += len(part)
        if size <= MAX_BODY:
            parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def send_reply(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes | None) -> None:
    """A whole answer; without a body there is neither a type nor a length (facts 2.5)."""
    if body is not None:
        headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body or b""})


async def send_half(
    send: Send, transport: asyncio.Transport, status: int, headers: list[tuple[bytes, bytes]], body: bytes
) -> None:
    """Announce the whole body, send half of it, and hang up."""
    whole = str(len(body)).encode()
    await send({"type": "http.response.start", "status": status, "headers": [*headers, (b"content-length", whole)]})
    await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
    transport.close()
    await _until_closed()


async def cut(transport: asyncio.Transport) -> None:
    """Reset the connection without an answer."""
    transport.abort()
    await _until_closed()


async def stall(receive: Receive, transport: asyncio.Transport, seconds: float) -> None:
    """Answer nothing for so long, or until the client gives up; then hang up."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(_client_gone(receive), seconds)
    await cut(transport)


async def _client_gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


async def _until_closed() -> None:
    # the transport tells its protocol in the next turn of the loop; returning earlier would make uvicorn send a 500
    for _ in range(3):
        await asyncio.sleep(0)
