"""systemd's side of sd_notify(3): a datagram socket that keeps what a service says."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.service.site import until


class Heard:
    """Every message, in order, as its lines by name; `address` is for $NOTIFY_SOCKET."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.messages: list[dict[str, str]] = []

    def all(self, name: str) -> list[str]:
        return [message[name] for message in list(self.messages) if name in message]

    def status(self) -> str:
        return (self.all("STATUS") or [""])[-1]

    def wait(self, name: str, times: int = 1, seconds: float = 20.0) -> None:
        until(lambda: len(self.all(name)) >= times, seconds)


@contextmanager
def listening(folder: Path) -> Iterator[Heard]:
    heard = Heard(str(folder / "notify"))
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as mine:
        mine.bind(heard.address)

        def keep() -> None:
            while (message := mine.recv(8192)) != b"END":
                heard.messages.append(dict(part.split("=", 1) for part in message.decode().split("\n")))

        listener = threading.Thread(target=keep)
        listener.start()
        try:
            yield heard
        finally:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as other:
                other.sendto(b"END", heard.address)
            listener.join()
