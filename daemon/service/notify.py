"""What systemd is told over its notify socket (sd_notify(3)), in the few lines that it takes. Without one: nothing."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Final

from daemon.service.standing import Standing, line

_FEEDING_S: Final = 10.0
_EXTENSION_S: Final = 120.0  # a start that still moves on may take so much longer


def notify(*lines: str) -> None:
    """Sends state lines such as READY=1 or STATUS=…; a socket that cannot be reached is not worth failing for."""
    address = os.environ.get("NOTIFY_SOCKET")
    if not address:
        return
    name = "\0" + address[1:] if address.startswith("@") else address
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as link:
        try:
            link.sendto("\n".join(lines).encode(), name)
        except OSError:
            return


def feeding_s(env: Mapping[str, str]) -> float:
    """How often to feed the watchdog, in seconds: three times in the span that systemd gives, at least every ten."""
    span = env.get("WATCHDOG_USEC", "")
    return min(_FEEDING_S, int(span) / 3e6) if span.isascii() and span.isdigit() and int(span) else _FEEDING_S


class Teller:
    """Says each thing when it is true, and once: READY when no org is waited for, WATCHDOG while there is progress,
    STATUS when it changes.
    """

    def __init__(self, send: Callable[..., None] = notify, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._send = send
        self._monotonic = monotonic
        self._every = feeding_s(os.environ)
        self._fed_at = monotonic() - self._every
        self._status = ""
        self.ready = False

    def tell(self, standing: Standing, *, progress: bool) -> None:
        """To be called several times a second."""
        said = []
        if not self.ready and not standing.waiting:
            self.ready = True
            said.append("READY=1")
        if progress and self._monotonic() >= self._fed_at + self._every:
            self._fed_at = self._monotonic()
            said += ["WATCHDOG=1"] if self.ready else ["WATCHDOG=1", f"EXTEND_TIMEOUT_USEC={_EXTENSION_S * 1e6:.0f}"]
        if (status := line(standing)) != self._status:
            self._status = status
            said.append(f"STATUS={status}")
        if said:
            self._send(*said)

    def reloading(self) -> None:
        """Settings are read again. While the start is not over, that is a part of it."""
        self._status = ""
        state = ["RELOADING=1", f"MONOTONIC_USEC={time.monotonic_ns() // 1000}"] if self.ready else []
        self._send(*state, "STATUS=reading the settings again")

    def reloaded(self) -> None:
        """They were taken up, or refused: the standing says which."""
        if self.ready:
            self._send("READY=1")

    def stopping(self) -> None:
        self._send("STOPPING=1", "STATUS=stopping: waiting for the calls in hand")
