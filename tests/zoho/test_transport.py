"""Hostile answers: none may hang, grow, be followed, or be taken for an answer."""

import contextlib
import gzip
import json
import socket
import ssl
import threading
import time
import tracemalloc
import zlib

import pytest

from daemon.zoho.errors import CallUncertain, CredentialRefused, OrgUnavailable
from daemon.zoho.transport import MAX_BODY, Transport

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}"


@pytest.fixture
def transport(make_org):
    transport = Transport(make_org(call_deadline=0.5))
    yield transport
    transport.close()


def get(transport, server, path="/crm/v8/org"):
    return transport.request("GET", server.url + path, deadline=transport.deadline())


def test_a_whole_answer_comes_with_its_date_type_and_duration(transport, server):
    server.say(207, {"a": 1}, Content_Type="application/json;charset=UTF-8", X_API_CREDITS_REMAINING="4711")
    reply = get(transport, server)
    assert (reply.status, json.loads(reply.body), reply.content_type) == (207, {"a": 1}, "application/json")
    assert reply.server_time.isoformat() == "2026-11-24T10:00:00+00:00"
    assert reply.credits_remaining == 4711
    assert 0 < reply.elapsed < 0.5


@pytest.mark.parametrize(
    "date",
    [
        "",
        "yesterday",
        "Tue, 99 Nov 2026 10:00:00 GMT",
        "Tue, 24 Nov 2026 10:00:00 -0000",
        "Fri, 31 Dec 9999 23:59:59 -1400",
    ],
)
def test_a_date_that_is_none_is_no_clock(transport, server, date):
    server.say(200, {}, Date=date)
    assert get(transport, server).server_time is None


@pytest.mark.parametrize("cut", range(len(OK)))
def test_an_answer_cut_anywhere_is_uncertain(transport, server, cut):
    server.say_raw(OK[:cut])
    with pytest.raises(CallUncertain):
        get(transport, server)


def test_an_answer_cut_in_its_chunks_is_uncertain(transport, server):
    server.say_raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\n{}   \r\n5\r\n{}")
    with pytest.raises(CallUncertain, match="broke off"):
        get(transport, server)


@pytest.mark.parametrize("head", [b"", b"HTTP/1.1 200 OK\r\nX-A: ", b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n"])
def test_a_slow_drip_ends_at_the_deadline_in_headers_and_body(transport, server, head):
    server.say_raw(head, *[b"x"] * 40, pause=0.05)
    started = time.monotonic()
    with pytest.raises(CallUncertain, match="before the deadline"):
        get(transport, server)
    assert time.monotonic() - started < 0.8


def test_silence_ends_at_the_deadline(transport, server):
    server.say_raw(b"", b"late", pause=2)
    with pytest.raises(CallUncertain, match="before the deadline"):
        get(transport, server)


def sip(listener):
    """Read a little now and then, so that no single write is ever late."""
    connection, _ = listener.accept()
    with contextlib.suppress(OSError):
        while connection.recv(100_000):
            time.sleep(0.02)


def test_a_server_that_reads_slowly_cannot_stretch_a_write(transport):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=sip, args=(listener,), daemon=True).start()
        started, url = time.monotonic(), f"http://127.0.0.1:{listener.getsockname()[1]}/"
        with pytest.raises(CallUncertain, match="could not be sent"):
            transport.request("POST", url, deadline=transport.deadline(), content=b"x" * 30_000_000)
        assert time.monotonic() - started < 0.8


def test_nobody_listening_means_not_sent(transport):
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with pytest.raises(OrgUnavailable, match="no connection"):
        transport.request("GET", f"http://127.0.0.1:{port}/", deadline=transport.deadline())


def test_a_name_that_does_not_resolve_means_not_sent(transport):
    with pytest.raises(OrgUnavailable, match="no connection"):
        transport.request("GET", "https://nowhere.invalid/", deadline=transport.deadline())


def test_a_host_that_never_accepts_means_not_sent(transport):
    listener = socket.socket()
    listener.bind(("127.0.0.1", 0))
    listener.listen(0)
    fillers = [socket.socket() for _ in range(4)]
    for filler in fillers:
        filler.setblocking(False)
        filler.connect_ex(listener.getsockname())
    with pytest.raises(OrgUnavailable, match="no connection in time"):
        transport.request("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/", deadline=transport.deadline())


def test_a_server_that_does_not_speak_tls_means_not_sent(transport, server):
    server.say_raw(OK)
    with pytest.raises(OrgUnavailable):
        transport.request("GET", server.url.replace("http", "https"), deadline=transport.deadline())


def test_tls_is_always_verified(transport):
    [context] = {id(c): c for c in [transport._deadlines._pool._ssl_context]}.values()
    assert context.verify_mode is ssl.CERT_REQUIRED
    assert context.check_hostname
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_a_call_after_its_deadline_is_not_sent(transport, server):
    with pytest.raises(OrgUnavailable, match="before it could be sent"):
        transport.request("GET", server.url, deadline=transport.deadline() - 1)
    assert server.seen == []


def test_a_gzip_bomb_is_defused_at_the_cap(make_org, server):
    bomb = zlib.compressobj(9, wbits=31)
    body = b"".join(bomb.compress(b"\0" * 1_000_000) for _ in range(400)) + bomb.flush()
    server.say(200, body, Content_Encoding="gzip")
    with pytest.raises(CallUncertain, match="larger than"):
        get(Transport(make_org(call_deadline=5)), server)


def test_a_gzip_bomb_is_never_inflated_further_than_the_cap(make_org, server):
    server.say(200, gzip.compress(b"\0" * 50_000_000), Content_Encoding="gzip")
    tracemalloc.start()
    with pytest.raises(CallUncertain, match="larger than"):
        get(Transport(make_org(), max_body=1000), server)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 5_000_000


def test_an_answer_of_exactly_the_cap_is_read(make_org, server):
    server.say(200, gzip.compress(b" " * MAX_BODY, 1), Content_Encoding="gzip")
    assert len(get(Transport(make_org(call_deadline=5)), server).body) == MAX_BODY


def test_a_plain_body_over_the_cap_is_cut_off(make_org, server):
    server.say(200, b"x" * 1001)
    with pytest.raises(CallUncertain, match="larger than 1000 bytes"):
        get(Transport(make_org(), max_body=1000), server)


HALF = gzip.compress(b'{"a": 1}' * 50)[:-9]


@pytest.mark.parametrize("body", [HALF, b"not gzip", HALF[:3]], ids=["cut", "plain", "head only"])
def test_broken_gzip_is_uncertain(transport, server, body):
    server.say(200, body, Content_Encoding="gzip")
    with pytest.raises(CallUncertain, match="gzip"):
        get(transport, server)


def test_an_encoding_that_was_not_asked_for_is_uncertain(transport, server):
    server.say(200, b"{}", Content_Encoding="br\x07")
    with pytest.raises(CallUncertain):
        get(transport, server)


def test_ten_megabytes_of_header_are_not_swallowed(make_org, server):
    server.say_raw(b"HTTP/1.1 200 OK\r\nX-A: ", b"a" * 10_000_000, b"\r\n\r\n")
    with pytest.raises(CallUncertain):
        get(Transport(make_org(call_deadline=5)), server)


@pytest.mark.parametrize(
    "noise", [b"SSH-2.0-OpenSSH\r\n", b"\x16\x03\x01\x02\x00" * 9, b"HTTP/1.1 200 OK\r\nContent-Length: -4\r\n\r\n"]
)
def test_what_is_not_http_is_uncertain(transport, server, noise):
    server.say_raw(noise)
    with pytest.raises(CallUncertain, match="not HTTP"):
        get(transport, server)


def test_a_redirect_is_not_followed_and_its_host_is_told(transport, server):
    server.say(302, b"", Location="https://user:pass@evil.example:8443/steal?x=1")
    assert get(transport, server).redirect == "evil.example:8443"
    assert len(server.seen) == 1


@pytest.mark.parametrize(
    "url", ["http://www.zohoapis.in", "ftp://127.0.0.1", "www.zohoapis.in", "http://127.0.0.1.evil.in"]
)
def test_an_address_without_tls_is_refused_unless_it_is_loopback(make_org, url):
    with pytest.raises(CredentialRefused, match=r"orgs\.india\.api_url"):
        Transport(make_org(api_url=url))


def test_proxies_of_the_environment_are_not_used(make_org, server, monkeypatch):
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    server.say(200, {})
    assert get(Transport(make_org()), server).status == 200


def test_a_connection_is_used_again_and_survives_a_cut_one(transport, server):
    server.say(200, {})
    server.say_raw(OK[:20])
    server.say(200, {})
    assert get(transport, server).status == 200
    with pytest.raises(CallUncertain):
        get(transport, server)
    assert get(transport, server).status == 200
