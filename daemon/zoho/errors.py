# ruff: noqa: N818 - these names are read in sentences ("raises OrgUnavailable"), an Error suffix would say it twice
"""What can go wrong with a call, by what the caller must do next; and what each of Zoho's codes means for one record.

    ZohoError
    ├── OrgUnavailable     nothing was executed: wait (`retry_after`) and call again
    ├── CredentialRefused  a person must act: token, client, scope or permission
    ├── CallUncertain      a write went out, its answer did not arrive whole: look before sending it again
    ├── BadAnswer          a read was answered with something that is not an answer
    └── RequestRefused     Zoho read the whole request and refused it (`code`, `details`)

No text in here may show a secret: whatever came from outside passes through `shown`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Final

from daemon.core.answer import Answer, Busy, Done, NotSent, Refused, Uncertain
from daemon.core.masking import MASK, masked
from daemon.core.org import Secret

SHOWN: Final = 200
_TOKEN: Final = re.compile(r"1000\.[0-9A-Za-z]{8,}(\.[0-9A-Za-z]{8,})?")


class ZohoError(Exception):
    """A call to an org failed: `what` was seen, and `hint` says what to do about it."""

    def __init__(self, org: str, what: str, hint: str = "") -> None:
        super().__init__(f"{org}: {what}" + (f". {hint}" if hint else ""))
        self.org = org
        self.what = what
        self.hint = hint

    def advise(self, more: str) -> None:
        """Says more of what to do, where the caller knows it."""
        if more:
            self.args = (f"{self}. {more}",)


class OrgUnavailable(ZohoError):
    """Nothing was executed: the org cannot be reached or does not take calls now. `retry_after` is in seconds."""

    def __init__(self, org: str, what: str, hint: str = "", *, retry_after: float | None = None) -> None:
        super().__init__(org, what, hint)
        self.retry_after = retry_after


class CredentialRefused(ZohoError):
    """A person must act. `scope` is what the credential lacks, when that is the reason."""

    def __init__(self, org: str, what: str, hint: str = "", *, scope: str | None = None) -> None:
        super().__init__(org, what, hint)
        self.scope = scope


class CallUncertain(ZohoError):
    """The request began to go out and no whole answer came back: it may have been executed."""


class BadAnswer(ZohoError):
    """The answer is not one: HTML, half a body, a wrong type in a named place, an unexpected status."""


class RequestRefused(ZohoError):
    """Zoho understood the request as a whole and refused it; the same request will be refused again."""

    def __init__(self, org: str, what: str, hint: str = "", *, code: str, details: Mapping[str, object]) -> None:
        super().__init__(org, what, hint)
        self.code = code
        self.details = details


# --- Zoho's codes ----------------------------------------------------------------------------------------------------

TOKEN_CODES: Final = frozenset({"INVALID_TOKEN", "AUTHENTICATION_FAILURE", "INVALID_OAUTHTOKEN"})
"""Renew the access token once, then give up (facts 1.8)."""

THROTTLE_CODES: Final = frozenset({"TOO_MANY_REQUESTS", "RATE_LIMIT_EXCEEDED"})
"""Credits or concurrency used up, whatever the status (facts 9.4)."""

PERMISSION_CODES: Final = frozenset({"NO_PERMISSION", "AUTHORIZATION_FAILED"})

REQUEST_CODES: Final = TOKEN_CODES | {
    "OAUTH_SCOPE_MISMATCH",
    "INVALID_MODULE",
    "INVALID_URL_PATTERN",
    "INVALID_REQUEST_METHOD",
    "REQUIRED_PARAM_MISSING",
    "AUTHORIZATION_FAILED",
    "FEATURE_NOT_SUPPORTED",
    "NOT_SUPPORTED",
}
"""Codes that speak of the request as a whole even when they come wrapped in `data[]` (facts 4.2)."""

CODES: Final[Mapping[str, type[Answer]]] = {
    "SUCCESS": Done,
    # The record's state stands in the way, not its content: it passes once someone approves, reviews, unlocks or moves
    # it on (facts 4.4 "retry class", 11.14). Nothing was executed, so trying later is safe.
    "RECORD_LOCKED": Busy,
    "NOT_APPROVED": Busy,
    "NOT_REVIEWED": Busy,
    "RECORD_IN_BLUEPRINT": Busy,
    "INTERNAL_ERROR": Busy,
    "DEPENDENT_SERVICE_ERROR": Busy,
    "TOO_MANY_REQUESTS": NotSent,
    "RATE_LIMIT_EXCEEDED": NotSent,
    # The content is what is refused; a person or a rule must change it first.
    "DUPLICATE_DATA": Refused,
    "MANDATORY_NOT_FOUND": Refused,
    "INVALID_DATA": Refused,  # Gone instead, when it is the record's own id that is unknown: see answers.py
    "ALREADY_MODIFIED": Refused,
    "NO_PERMISSION": Refused,
    "LIMIT_EXCEEDED": Refused,
}


def kind_of(code: object) -> type[Answer]:
    """What an element's code means for its record: unknown codes are refusals, no code at all says nothing."""
    if not isinstance(code, str) or not code:
        return Uncertain
    return CODES.get(code, Refused)


def shown(text: object, secrets: Iterable[Secret] = ()) -> str:
    """A text from outside, made fit for a message: printable, without secrets, at most 200 characters."""
    whole = text[:65536].decode("utf-8", "replace") if isinstance(text, bytes) else str(text)[:65536]
    whole = _TOKEN.sub(MASK, masked(whole, secrets))
    plain = "".join(c if c.isprintable() else " " for c in whole)
    plain = " ".join(plain.split())
    return plain if len(plain) <= SHOWN else plain[: SHOWN - 1] + "…"
