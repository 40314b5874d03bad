"""Canaries: unique secrets, a site that knows them, and a search for them in whatever the product wrote."""

from __future__ import annotations

import base64
import contextlib
import html
import json
import re
import socket
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

from tests.service.site import Site

_BREAKS = re.compile(rb"[\x00-\x20\x7f]+")


def traces(secret: str) -> set[bytes]:
    """What would give a secret away: each half of it, as it is, in hex, escaped for an address, or in base64."""
    raw = secret.encode()
    coded = {base64.b64encode(b"x" * n + raw).decode().rstrip("=")[n + 2 : -3] for n in range(3)}
    coded |= {base64.urlsafe_b64encode(b"x" * n + raw).decode().rstrip("=")[n + 2 : -3] for n in range(3)}
    half = len(secret) // 2
    parts = {secret[:half], secret[half:]}
    forms = {way(part) for part in parts for way in (str, quote, html.escape, lambda text: text.encode().hex())}
    return {form.encode() for form in forms | coded}


def found_in(content: bytes, secrets: list[str]) -> list[str]:
    """The secrets that a content shows, also where it breaks them by blanks or line ends."""
    squeezed = _BREAKS.sub(b"", content)
    return [secret for secret in secrets if any(trace in content or trace in squeezed for trace in traces(secret))]


@dataclass
class Cage:
    """A site with its canaries, and everything that its processes said."""

    site: Site
    secrets: list[str] = field(default_factory=list)
    said: list[tuple[str, bytes]] = field(default_factory=list)
    ours: set[Path] = field(default_factory=set)
    """Files that the test wrote, where the secrets are at home."""

    def __post_init__(self) -> None:
        self.site.env["UNRELATED"] = "kept"
        for org in self.site.emu.orgs.values():
            self.secrets += [org.client_secret, org.refresh_token]
        del self.site.env["US_SECRET"]
        self.secret_file("us_secret", self.site.emu.orgs["us"].client_secret)
        self.set('client_secret = { env = "US_SECRET" }', 'client_secret = { file = "us_secret" }')

    def secret_file(self, name: str, secret: str) -> None:
        path = self.site.folder / name
        path.touch(mode=0o600)
        path.write_text(secret + "\n")
        self.ours.add(path)

    def set(self, old: str, new: str) -> None:
        text = self.site.settings.read_text()
        assert old in text
        self.site.settings.write_text(text.replace(old, new))

    def call(self, *args: str, stdin: str = "", code: int | None = None) -> str:
        """Runs a command to its end, and remembers what it said."""
        done = self.site.call(*args, stdin=stdin)
        self.said.append((" ".join(args), (done.stdout + done.stderr).encode()))
        assert code is None or done.returncode == code, (args, done.returncode, done.stdout, done.stderr)
        self.learn()
        return done.stdout + done.stderr

    def learn(self) -> None:
        """The tokens that the product got by now are canaries too."""
        for path in self.site.folder.glob("state/tokens/*.json"):
            kept = json.loads(path.read_text())
            self.secrets += [one for key in ("access_token", "refresh_token") if (one := kept[key])]
        self.secrets = list(dict.fromkeys(self.secrets))

    def written(self) -> Iterator[tuple[str, bytes]]:
        """Everything that the product wrote, but for the token files."""
        yield from self.said
        for path in sorted(self.site.folder.rglob("*")):
            if path.is_file() and path not in self.ours and path.parent.name != "tokens":
                yield str(path.relative_to(self.site.folder)), path.read_bytes()

    def leaks(self) -> list[tuple[str, list[str]]]:
        return [(name, seen) for name, content in self.written() if (seen := found_in(content, self.secrets))]


class Parrot(ThreadingHTTPServer):
    """Repeats whatever secret it is told, in the shape that the test wants; gives a token where it is asked for one."""

    SHAPES = ("html", "error", "wrapped", "lines", "form", "base64", "header")

    def __init__(self, token: str | None) -> None:
        super().__init__(("127.0.0.1", 0), _Parrot)
        self.token, self.shape, self.status = token, "html", 200
        self.heard: list[str] = []
        self.url = f"http://127.0.0.1:{self.server_address[1]}"

    @contextlib.contextmanager
    def running(self) -> Iterator[Parrot]:
        thread = threading.Thread(target=self.serve_forever, args=(0.05,))
        thread.start()
        try:
            yield self
        finally:
            self.shutdown()
            thread.join()
            self.server_close()

    def answer(self, told: str) -> tuple[str, bytes]:
        """Content type and body."""
        plain = " ".join([told, *self.heard])
        if self.shape == "html":
            return "text/html", f"<html><p>{html.escape(plain)}</p></html>".encode()
        texts = {
            "lines": "\n".join(plain[n : n + 11] for n in range(0, len(plain), 11)),
            "form": quote(plain, safe=""),
            "base64": base64.b64encode(plain.encode()).decode(),
        }
        error = {"code": "INVALID_DATA", "error": "x " + texts.get(self.shape, plain), "status": "error"}
        error |= {"message": error["error"], "details": {"api_name": plain, "permissions": [plain]}}
        return "application/json", json.dumps({"data": [error]} if self.shape == "wrapped" else error).encode()


class _Parrot(BaseHTTPRequestHandler):
    server: Parrot

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length", "0"))).decode()
        told = f"{body} {self.headers.get('Authorization', '')}"
        self.server.heard = [told]
        if self.path.startswith("/oauth") and self.server.token:
            fresh = {"access_token": self.server.token, "api_domain": self.server.url, "expires_in": 3600}
            return self._say(200, "application/json", json.dumps(fresh | {"scope": told}).encode())
        return self._say(self.server.status, *self.server.answer(told))

    do_GET = do_PUT = do_DELETE = do_POST  # noqa: N815 - names of http.server

    def _say(self, status: int, kind: str, body: bytes) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        if self.server.shape == "header":
            told = "".join(c for c in self.server.heard[0] if c.isprintable())
            self.send_header("Location", f"https://{quote(told, safe='')}.example/?{quote(told)}")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_args: object) -> None:
        """Nothing: the test's output is not the product's."""


@contextlib.contextmanager
def notify_socket(path: Path) -> Iterator[list[bytes]]:
    """What a service says to systemd."""
    said: list[bytes] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as link:
        link.bind(str(path))
        link.settimeout(0.1)
        done = threading.Event()

        def listen() -> None:
            while not done.is_set():
                with contextlib.suppress(TimeoutError):
                    said.append(link.recv(65_536))

        thread = threading.Thread(target=listen)
        thread.start()
        try:
            yield said
        finally:
            done.set()
            thread.join()
            path.unlink()
