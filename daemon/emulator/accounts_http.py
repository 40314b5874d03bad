"""The paths of the accounts server (facts 1.2, 1.6): forms in, token answers out; other paths have a page in HTML."""

from __future__ import annotations

import io
from collections.abc import Mapping
from urllib.parse import parse_qsl

from python_multipart import create_form_parser
from python_multipart.exceptions import FormParserError
from python_multipart.multipart import Field, File

from daemon.emulator.accidents import html_page
from daemon.emulator.call import Reply
from daemon.emulator.oauth import Accounts

_REVOKE_FAILURES: Mapping[str, tuple[int, dict[str, str]]] = {
    "failure": (200, {"status": "failure", "error": "invalid_token"}),
    "error": (200, {"error": "invalid_code"}),
    "bad_request": (400, {"error": "invalid_token"}),
}
_KINDS = {"/oauth/v2/token": "token", "/oauth/v2/token/revoke": "revoke"}
ACCOUNTS_KINDS = frozenset({*_KINDS.values(), "accounts"})


def accounts_kind(path: str) -> str | None:
    """Which call of the accounts server a path is; None for the paths of the CRM."""
    return _KINDS.get(path.rstrip("/"), "accounts") if path.startswith("/oauth/") else None


def read_form(content_type: str, body: bytes) -> dict[str, str]:
    """The fields of an urlencoded or multipart body; anything else has none."""
    if content_type.lower().startswith("multipart/form-data"):
        return _multipart(content_type, body)
    return dict(parse_qsl(body.decode("utf-8", "replace"), keep_blank_values=True, errors="replace"))


def _multipart(content_type: str, body: bytes) -> dict[str, str]:
    fields: dict[str, str] = {}

    def keep(field: Field) -> None:
        name, value = field.field_name or b"", field.value or b""
        fields[name.decode("utf-8", "replace")] = value.decode("utf-8", "replace")

    def ignore(file: File) -> None:
        """A file has no place in a token request."""

    headers = {"Content-Type": content_type.encode("latin-1")}
    try:
        parser = create_form_parser(headers, keep, ignore)
        stream = io.BytesIO(body)
        while chunk := stream.read(65_536):
            parser.write(chunk)
        parser.finalize()
    except (FormParserError, ValueError):
        return {}
    return fields


def token_call(accounts: Accounts, kind: str, method: str, form: Mapping[str, str], api_domain: str) -> Reply:
    """The answer of `/oauth/v2/token` or `/oauth/v2/token/revoke`; it never speaks as the CRM does."""
    if kind == "accounts":
        return html_page(404)
    if kind == "revoke":
        if method == "POST" and accounts.revoke(form.get("token", "")):
            return Reply.of(200, {"status": "success"})
        return Reply.of(*_REVOKE_FAILURES[accounts.quirks["revoke_failure"]])
    answer = accounts.answer(form, api_domain) if method == "POST" else accounts.unreadable()
    return Reply.of(answer.status, answer.body)
