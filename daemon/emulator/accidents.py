"""What a client receives instead of Zoho's answer when a fault strikes (see `faults`)."""

from __future__ import annotations

import orjson

from daemon.emulator.call import Reply
from daemon.emulator.errors import problem
from daemon.emulator.faults import Fault

_HTML = (
    "<!DOCTYPE html><html><head><title>Zoho</title></head><body><h1>{status}</h1>"
    "<p>Sorry, something went wrong on our side. Please try again after some time.</p></body></html>"
)
_CODES = {
    429: ("TOO_MANY_REQUESTS", "too many requests"),
    401: ("INVALID_TOKEN", "invalid oauth token"),
    403: ("NO_PERMISSION", "permission denied"),
}
_GARBAGE = {
    "text": b"Service temporarily unavailable, please retry",
    "null": b"null",
    "number": b"42",
    "list": b"[1, 2, 3]",
    "string": b'"data"',
    "empty": b"",
    "wrong_type": b'{"data": {"code": 7, "details": null}, "info": [], "access_token": 5, "users": "x", "fields": 3}',
    "truncated": b'{"data": [{"id": "5100000000000001001", "Last_Na',
}


def html_page(status: int) -> Reply:
    """A page of the edge or of a proxy (facts 9.4)."""
    body = _HTML.format(status=status).encode()
    return Reply(status=status, body=body, content_type="text/html;charset=UTF-8")


def reply_instead(fault: Fault | None) -> Reply | None:
    """The answer that a fault puts in the place of Zoho's own; None when it puts none."""
    if fault is None:
        return None
    if fault.effect == "status":
        return _error_reply(fault)
    if fault.effect == "html":
        return html_page(int(fault.details.get("status", 200)))
    return _garbage_reply(fault) if fault.effect == "garbage" else None


def _error_reply(fault: Fault) -> Reply:
    status = int(fault.details.get("status", 500))
    body = fault.details.get("body", "json")
    if status in (204, 304):
        return Reply(status=status)
    if body == "html":
        return html_page(status)
    if body == "empty":
        return Reply(status=status, body=b"", content_type="text/plain")
    code, message = _CODES.get(status, ("INTERNAL_ERROR", "Internal Server Error"))
    content = problem(fault.details.get("code", code), fault.details.get("message", message))
    return Reply(status=status, body=orjson.dumps(content))


def _garbage_reply(fault: Fault) -> Reply:
    body = _GARBAGE[str(fault.details.get("shape", "text"))]
    return Reply(status=int(fault.details.get("status", 200)), body=body)
