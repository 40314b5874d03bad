"""Canaries: every secret is a unique string; a server that repeats all of them gets none into an error, repr or log."""

import io
import logging
import traceback

import pytest
from loguru import logger

from daemon.core.org import Secret
from daemon.zoho import auth, coql
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError, shown

ACCESS = "1000.canaryaccess0000cccc.canaryaccess0000dddd"
CODE = "1000.canarycode0000eeee.canarycode0000ffff"


@pytest.fixture
def logs():
    """Everything that loguru and the standard library log, at their chattiest."""
    heard = io.StringIO()
    sink = logger.add(heard, level="TRACE", diagnose=False)
    handler = logging.StreamHandler(heard)
    logging.getLogger().addHandler(handler)
    logging.getLogger().setLevel(logging.DEBUG)
    yield heard
    logging.getLogger().removeHandler(handler)
    logging.getLogger().setLevel(logging.WARNING)
    logger.remove(sink)


@pytest.fixture
def secrets(org):
    return [org.client_secret.reveal(), org.refresh_token.reveal(), ACCESS, CODE]


def leaks(text, secrets):
    return [secret for secret in secrets if secret in text or secret.encode().hex() in text]


CALLS = [
    lambda zoho: zoho.coql("Leads", ["Email"], coql.everything()),
    lambda zoho: zoho.get_one("Leads", "1"),
    lambda zoho: zoho.schema("Leads"),
    lambda zoho: zoho.create_text_field("Leads", "Key"),
    lambda zoho: zoho.insert("Leads", [{}]),
    lambda zoho: zoho.insert("Leads", [{}, {}]),
    lambda zoho: zoho.delete("Leads", ["1"]),
]


@pytest.mark.parametrize("status", [200, 302, 400, 401, 403, 413, 429, 500])
@pytest.mark.parametrize("shape", ["html", "error", "element", "garbage"])
def test_a_server_that_repeats_every_secret_gets_none_into_a_text(zoho, server, logs, secrets, status, shape):
    all_of_them = " ".join(secrets)
    error = {"code": all_of_them, "message": all_of_them, "details": {"api_name": all_of_them}, "status": "error"}
    bodies = {
        "html": f"<html>{all_of_them}".encode(),
        "error": error,
        "element": {"data": [error]},
        "garbage": "\x00".join(all_of_them).encode(),
    }
    headers = {"Location": f"https://{secrets[0]}.example/?t={ACCESS}", "Content_Type": f"text/{secrets[0]}"}
    server.token_answers.extend([server.answer(200, server.token(ACCESS))] * 20)
    server.default = server.answer(status, bodies[shape], **headers)
    for call in CALLS:
        try:
            said = repr(call(zoho))
        except ZohoError as caught:
            said = "".join([str(caught), repr(caught), *traceback.format_exception(caught)])
        assert leaks(said, secrets) == []
    assert leaks(logs.getvalue() + repr(zoho) + repr(zoho.org), secrets) == []
    assert "HTTP Request" not in logs.getvalue()


@pytest.mark.parametrize("status", [200, 302, 400, 429, 500])
@pytest.mark.parametrize("shape", ["html", "error", "domain", "list"])
def test_a_token_endpoint_that_repeats_every_secret_gets_none_into_any_text(
    make_org, server, logs, secrets, status, shape
):
    all_of_them = " ".join(secrets)
    bodies = {
        "html": f"<html>{all_of_them}".encode(),
        "error": {"error": all_of_them, "message": all_of_them},
        "domain": server.token(ACCESS, api_domain=f"https://{ACCESS}.example", scope=all_of_them),
        "list": [all_of_them],
    }
    org, said = make_org(), ""
    server.token_answers.extend([server.answer(status, bodies[shape])] * 9)
    for call in (
        lambda: auth.exchange_grant(org, Secret(CODE)),
        lambda: Zoho(org).profile(),
        lambda: Zoho(org).insert("Leads", [{}]),
        lambda: auth.revoke(org),
    ):
        try:
            said += repr(call())
        except ZohoError as caught:
            said += "".join([str(caught), repr(caught), *traceback.format_exception(caught)])
    assert leaks(said + logs.getvalue(), secrets) == []


def test_broken_roads_say_nothing_secret_either(make_org, server, logs, secrets):
    server.token_answers.append(server.answer(200, server.token(ACCESS)))
    with Zoho(make_org(call_deadline=0.3), sleep=lambda _: None) as zoho:
        for pieces in ([f"HTTP/1.1 200 OK\r\n{ACCESS}".encode()], [b""], [ACCESS.encode()], [b"", b"late"]):
            server.default = server.raw(*pieces, pause=0.5)
            with pytest.raises(ZohoError) as caught:
                zoho.profile()
            said = "".join(traceback.format_exception(caught.value))
            assert leaks(said + repr(caught.value.__context__) + logs.getvalue(), secrets) == []


def test_secrets_travel_in_bodies_and_headers_and_never_in_an_address(zoho, server, secrets):
    server.token_answers.append(server.answer(200, server.token(ACCESS)))
    server.default = server.answer(204)
    zoho.modules()
    zoho.insert("Leads", [{}])
    for call in server.seen:
        assert leaks(call.path + repr(call.query), secrets) == []
        assert ACCESS not in call.body.decode()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (b"a\x00b\nc", "a b c"),
        ("\x1b[31mred\u202e", "[31mred"),
        ("key hunter2 key", "key **** key"),
        ("hun\x00ter\n2", "****"),
        ("1000.aaaaaaaaaaaa.bbbbbbbbbbbb!", "****!"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (None, "None"),
    ],
)
def test_a_text_from_outside_is_made_fit_to_show(text, expected):
    assert shown(text, [Secret("hunter2"), Secret("")]) == expected


def test_a_long_text_is_cut_after_its_secrets_are_masked():
    text = shown("x" * 190 + "hunter2" + "y" * 1000, [Secret("hunter2")])
    assert len(text) == 200
    assert "hunter" not in text
