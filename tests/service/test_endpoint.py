"""The HTTP server for those who watch: this machine only, unless that is meant."""

from __future__ import annotations

import socket

import httpx
import pytest

from daemon.service.endpoint import Endpoint, EndpointError, Listen, Page, parse_listen

HERE = Listen(host="127.0.0.1", port=0)


@pytest.mark.parametrize(
    ("text", "listen"),
    [
        ("9464", Listen(host="127.0.0.1", port=9464)),
        ("127.0.0.1:9464", Listen(host="127.0.0.1", port=9464)),
        ("localhost:0", Listen(host="localhost", port=0)),
        ("[::1]:9464", Listen(host="::1", port=9464)),
        ("127.8.9.1:1", Listen(host="127.8.9.1", port=1)),
    ],
)
def test_this_machine_is_where_it_listens(text: str, listen: Listen) -> None:
    assert parse_listen(text, public=False) == listen


@pytest.mark.parametrize("host", ["0.0.0.0", "[::]", "10.0.0.7", "example.com", "127.0.0.1.example.com"])  # noqa: S104
def test_another_host_is_refused_unless_that_is_meant(host: str) -> None:
    with pytest.raises(ValueError, match="add --metrics-public"):
        parse_listen(f"{host}:9464", public=False)
    assert parse_listen(f"{host}:9464", public=True).port == 9464


@pytest.mark.parametrize("text", ["", ":9464", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:70000", "127.0.0.1:-1", "a"])
def test_what_is_no_address_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="for example"):
        parse_listen(text, public=True)


def test_it_says_that_it_starts_until_it_has_something_to_show() -> None:
    with Endpoint(HERE) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}"
        before = [httpx.get(f"{url}{path}").status_code for path in ("/healthz", "/readyz", "/metrics")]
        endpoint.show({"/readyz": lambda: Page(content="ready\n")})
        after = httpx.get(f"{url}/readyz?verbose")
    assert before == [200, 503, 503]
    assert (after.status_code, after.text) == (200, "ready\n")


def test_nothing_else_is_there_and_nothing_can_be_sent() -> None:
    with Endpoint(HERE) as endpoint:
        url = f"http://127.0.0.1:{endpoint.port}"
        assert httpx.get(f"{url}/").status_code == 404
        assert httpx.post(f"{url}/metrics", content=b"x").status_code == 501


@pytest.mark.parametrize(
    ("host", "status"),
    [("evil.example", 421), ("", 421), ("localhost:9464", 200), ("127.0.0.1", 200), ("[::1]:9464", 200)],
)
def test_a_page_of_elsewhere_that_points_its_name_here_gets_nothing(host: str, status: int) -> None:
    with Endpoint(HERE) as endpoint:
        answer = httpx.get(f"http://127.0.0.1:{endpoint.port}/healthz", headers={"Host": host})
    assert answer.status_code == status


def test_a_bug_in_a_page_is_an_answer_too() -> None:
    def broken() -> Page:
        raise RuntimeError("a bug")

    with Endpoint(HERE) as endpoint:
        endpoint.show({"/metrics": broken})
        answer = httpx.get(f"http://127.0.0.1:{endpoint.port}/metrics")
    assert (answer.status_code, "bug" in answer.text) == (500, False)


def test_a_caller_that_says_nothing_keeps_nobody_waiting() -> None:
    with Endpoint(HERE) as endpoint, socket.create_connection(("127.0.0.1", endpoint.port)):
        assert httpx.get(f"http://127.0.0.1:{endpoint.port}/healthz").status_code == 200


def test_a_port_that_is_taken_is_an_error_at_once() -> None:
    with Endpoint(HERE) as endpoint, pytest.raises(EndpointError, match="in use"):
        Endpoint(Listen(host="127.0.0.1", port=endpoint.port))


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_ipv6_has_a_loopback_too() -> None:
    with Endpoint(Listen(host="::1", port=0)) as endpoint:
        assert httpx.get(f"http://[::1]:{endpoint.port}/healthz").status_code == 200
