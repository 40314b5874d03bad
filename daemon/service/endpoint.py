"""A small HTTP server for those who watch: /metrics, /healthz, /readyz. GET only, nothing in it changes anything.

On loopback it answers only who asks for this machine by name: a web page of elsewhere cannot read it through a browser.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Final, Self
from urllib.parse import urlsplit

from loguru import logger

from daemon.settings.address import is_loopback

_PLAIN: Final = "text/plain; charset=utf-8"
_PATIENCE_S: Final = 5.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Listen:
    """Where to listen."""

    host: str
    port: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """An answer."""

    content: str
    status: int = 200
    kind: str = _PLAIN


class EndpointError(Exception):
    """The address cannot be listened on now: it is taken, or not there yet."""


Pages = Mapping[str, Callable[[], Page]]
_STARTING: Final[Pages] = {
    "/healthz": lambda: Page(content="starting\n"),
    "/readyz": lambda: Page(content="starting\n", status=503),
    "/metrics": lambda: Page(content="starting\n", status=503),
}


def parse_listen(text: str, *, public: bool) -> Listen:
    """`PORT`, `HOST:PORT` or `[IPv6]:PORT`; another host than this machine only where `public` says so. ValueError."""
    host, colon, port = text.rpartition(":")
    host = host.removeprefix("[").removesuffix("]") if colon else "127.0.0.1"
    if not port.isascii() or not port.isdigit() or int(port) > 65535 or not host:
        raise ValueError(f"{text!r} is not HOST:PORT, for example 127.0.0.1:9464")
    if not public and not is_loopback(host):
        what = f"{host} is reached from other machines, and the metrics need no password"
        raise ValueError(f"{what}: take 127.0.0.1, or add --metrics-public if that is meant")
    return Listen(host=host, port=int(port))


class Endpoint:
    """The server; it listens from the beginning, and says that it is starting until `show` is called."""

    def __init__(self, listen: Listen) -> None:
        """Raises EndpointError where the address cannot be used."""
        self._pages = _STARTING
        server = _Server6 if ":" in listen.host else _Server
        try:
            self._server = server((listen.host, listen.port), self._handler(only_local=is_loopback(listen.host)))
        except OSError as error:
            where = f"{listen.host}:{listen.port}"
            raise EndpointError(f"--metrics {where} cannot be used ({error.strerror}); nothing was started") from None
        self.port: Final = int(self._server.server_address[1])
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)
        self._thread.start()

    def show(self, pages: Pages) -> None:
        """Answer with these from now on, by path."""
        self._pages = pages

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def _handler(self, *, only_local: bool) -> type[BaseHTTPRequestHandler]:
        def answer(path: str, host: str) -> Page:
            if only_local and not is_loopback(_name(host)):
                return Page(content="ask for 127.0.0.1 or localhost\n", status=421)
            page = self._pages.get(urlsplit(path).path)
            if page is None:
                return Page(content=f"there are {', '.join(self._pages)}\n", status=404)
            try:
                return page()
            except Exception as error:  # noqa: BLE001  a bug in a page must not go unseen, nor end the daemon
                logger.opt(exception=error).error("{} cannot be shown: {}", path[:100], type(error).__name__)
                return Page(content="internal error, see the log\n", status=500)

        class Handler(_Handler):
            def do_GET(self) -> None:
                self.give(answer(self.path, self.headers.get("Host", "")))

        return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: object, client_address: object) -> None:
        """A caller that went away is no news."""


class _Server6(_Server):
    address_family = socket.AF_INET6


class _Handler(BaseHTTPRequestHandler):
    timeout = _PATIENCE_S
    server_version, sys_version = "orgsync", ""

    def give(self, page: Page) -> None:
        content = page.content.encode()
        self.send_response(page.status)
        self.send_header("Content-Type", page.kind)
        self.send_header("Content-Length", str(len(content)))
        self.send_header("X-Content-Type-Options", "nosniff")
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  its name in the library
        """Nothing: a scrape every few seconds is no news."""


def _name(host: str) -> str:
    """The host of a Host header without its port."""
    return host.rpartition("]")[0].removeprefix("[") if host.startswith("[") else host.partition(":")[0]
