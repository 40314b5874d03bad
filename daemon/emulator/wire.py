"""The lowest layer: uvicorn's protocol with its transport in reach, so that an answer can be cut or withheld."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
MAX_BODY = 120_000_000


class TransportProtocol(HttpToolsProtocol):
    """Each connection carries its own transport in the scope's state."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, "transport": transport}


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
