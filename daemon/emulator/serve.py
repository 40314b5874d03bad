"""Starts the servers: one port per data centre and one for control, all in one event loop, all on loopback."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from typing import Any

import uvicorn

from daemon.emulator.bulk_callbacks import ring
from daemon.emulator.clock import Clock
from daemon.emulator.control import control_app
from daemon.emulator.gateway import Gateway
from daemon.emulator.wire import protocol
from daemon.emulator.world import World

log = logging.getLogger("emulator")
HOST = "127.0.0.1"
RING_SECONDS = 0.1


class PortTakenError(Exception):
    """A port of ours is in use by someone else."""


class _Server(uvicorn.Server):
    """A server whose signals are someone else's business."""

    def install_signal_handlers(self) -> None:
        """The process that started us decides when to stop."""


class Servers:
    """The listening sockets of a world, and how to run and stop them."""

    def __init__(self, world: World, port: int = 0) -> None:
        self.world = world
        self._sockets: list[socket.socket] = []
        try:
            control = self._listen(port)
            world.control_url = _url(control)
            for place, site in enumerate(world.sites.values(), start=1):
                site.base_url = _url(self._listen(port + place if port else 0))
        except PortTakenError:
            self._close()
            raise
        apps: list[Any] = [control_app(world), *(Gateway(world, site) for site in world.sites.values())]
        self._servers = [_Server(_config(app, world.clock)) for app in apps]

    def _listen(self, port: int) -> socket.socket:
        # with protocol 0 asyncio would not switch Nagle's algorithm off, and every small answer would take 40 ms
        made = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            made.bind((HOST, port))
            made.listen(512)
        except (OSError, OverflowError) as refused:
            made.close()
            raise PortTakenError(f"port {port} on {HOST} cannot be used: {refused}") from None
        self._sockets.append(made)
        return made

    def _close(self) -> None:
        for one in self._sockets:
            one.close()

    async def run(self, ready: Callable[[], None]) -> None:
        """Serve until `stop`; `ready` is called once every port answers."""
        tasks = [
            asyncio.create_task(server._serve([sock]))
            for server, sock in zip(self._servers, self._sockets, strict=True)
        ]
        ringing = asyncio.create_task(self._ring())
        try:
            while not all(server.started for server in self._servers):
                if any(task.done() for task in tasks):
                    break
                await asyncio.sleep(0.005)
            ready()
            await asyncio.gather(*tasks)
        finally:
            ringing.cancel()
            self._close()

    async def _ring(self) -> None:
        """Bulk jobs end by the clock, whether or not anybody looks."""
        while True:
            await asyncio.sleep(RING_SECONDS)
            for site in self.world.sites.values():
                try:
                    ring(site.org)
                except Exception:  # one callback that fails silences no other
                    log.exception("callbacks of %s", site.org.name)

    def stop(self) -> None:
        """Let `run` end; connections that hang are closed after a second."""
        for server in self._servers:
            server.should_exit = True


def _url(listening: socket.socket) -> str:
    return f"http://{HOST}:{listening.getsockname()[1]}"


def _config(app: Any, clock: Clock) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol(clock),
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,
        server_header=False,
        timeout_keep_alive=75,
        timeout_graceful_shutdown=1,
    )
