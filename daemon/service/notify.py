"""systemd's notify socket, in the few lines that it takes (sd_notify(3)). Without one, nothing happens."""

from __future__ import annotations

import os
import socket


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
