"""A token goes to the org's own hosts, by TLS that is verified, and a redirect takes it nowhere."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from daemon.core.org import Org, Secret
from daemon.zoho import auth
from daemon.zoho.client import Zoho
from daemon.zoho.errors import OrgUnavailable, ZohoError
from daemon.zoho.transport import Transport
from tests.zoho.conftest import Server

HOUSE = Path(__file__).parents[2] / "daemon"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def elsewhere() -> Iterator[Server]:
    server = Server()
    yield server
    server.close()


@pytest.fixture
def make_org(tmp_path: Path) -> Callable[[str], Org]:
    def make(url: str) -> Org:
        return Org(
            name="india",
            data_center="in",
            accounts_url=url,
            api_url=url,
            client_id="1000.CLIENT",
            client_secret=Secret("canary-client-secret-7f3a"),
            refresh_token=Secret("1000.canaryrefresh0000aaaa.canaryrefresh0000bbbb"),
            token_file=tmp_path / "tokens" / "india.json",
            call_deadline=5.0,
        )

    return make


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["{url}/crm/v8/org", "//{host}/x", "{url}"])
def test_no_redirect_is_followed_with_a_token_or_a_credential(
    server: Server, elsewhere: Server, make_org: Callable[[str], Org], status: int, form: str
) -> None:
    place = form.format(url=elsewhere.url, host=elsewhere.url.removeprefix("http://"))
    org = make_org(server.url)
    with Zoho(org, sleep=lambda _: None) as zoho:
        server.default = Server.answer(status, b"", Location=place)
        calls: list[Callable[[], object]] = [zoho.profile, lambda: zoho.delete("Leads", ["1"])]
        for call in (*calls, lambda: zoho.insert("Leads", [{"Last_Name": "x"}])):
            with contextlib.suppress(ZohoError):
                call()
        org.token_file.unlink()
        server.token_answers.extend([Server.answer(status, b"", Location=place)] * 3)
    with Zoho(org, sleep=lambda _: None) as zoho, pytest.raises(ZohoError):
        zoho.profile()
    for exchange in (lambda: auth.exchange_grant(org, Secret("1000.code")), lambda: auth.revoke(org)):
        with pytest.raises(ZohoError):
            exchange()
    assert server.calls
    assert server.token_calls
    assert elsewhere.seen == []


def test_a_host_whose_certificate_nobody_vouches_for_hears_nothing(
    tmp_path: Path, make_org: Callable[[str], Org]
) -> None:
    if shutil.which("openssl") is None:
        pytest.skip("no openssl on this machine to make a certificate with")
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    subprocess.run(
        [
            *[
                "openssl",
                "req",
                "-x509",
                "-newkey",
                "rsa:2048",
                "-nodes",
                "-days",
                "2",
                "-subj",
                "/CN=localhost",
                "-addext",
            ],
            *("subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout", key, "-out", certificate),
        ],
        check=True,
        capture_output=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    heard: list[bytes] = []

    def serve(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        try:
            with context.wrap_socket(connection, server_side=True) as link:
                heard.append(link.recv(1000))
        except OSError:
            return

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=serve, args=(listener,))
        thread.start()
        url = f"https://127.0.0.1:{listener.getsockname()[1]}"
        transport = Transport(make_org(url))
        with pytest.raises(OrgUnavailable, match="CERTIFICATE_VERIFY_FAILED"):
            transport.request("GET", f"{url}/crm/v8/org", deadline=transport.deadline(), headers={"Authorization": "x"})
        transport.close()
        thread.join()
    assert heard == []


def test_nothing_in_the_house_can_switch_the_check_of_certificates_off() -> None:
    forbidden = re.compile(r"verify\s*=\s*False|CERT_NONE|_create_unverified|check_hostname\s*=\s*False|CERT_OPTIONAL")
    seen = [path for path in HOUSE.rglob("*.py") if forbidden.search(path.read_text(encoding="utf-8"))]
    assert seen == []
    assert [path for path in HOUSE.rglob("*.py") if "follow_redirects=True" in path.read_text("utf-8")] == []
