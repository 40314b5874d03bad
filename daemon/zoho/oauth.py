"""The token endpoint: what is asked there, and what its answers mean (facts 1.2 to 1.6).

It answers errors with status 200; only `access_token` says that it worked.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final
from urllib.parse import urlsplit

import orjson

from daemon.core.org import DATA_CENTERS, Org, Secret, console_url
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable, ZohoError, shown
from daemon.zoho.transport import Reply, Transport

_DEFAULT_LIFETIME: Final = 3600.0
_PORTS: Final = {"https": 443, "http": 80}
_SCOPE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_]{0,60}(?:\.[A-Za-z0-9_]{1,60}){1,3}")
_MOST_SCOPES: Final = 500
_HINTS: Final = {
    "invalid_client": "The data centre {code} ({host}) does not know this client. If its Self Client was made in the "
    "console of another one ({others}), write that into orgs.{org}.data_center; else compare orgs.{org}.client_id with "
    "{console}",
    "invalid_client_secret": "Compare orgs.{org}.client_secret with {console} (Self Client > Client Secret)",
    "invalid_code": "The refresh token is revoked, pushed out by newer ones, or of another client. Run: orgsync auth "
    "{org}",
    "invalid_code, of a grant": "A code works once, for the minutes that were chosen with it, and with its own client. "
    "Make a new one at {console} (Self Client > Generate Code), then run: orgsync auth {org}",
}


class Throttled(OrgUnavailable):
    """The token endpoint takes no calls for the rest of ten minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fresh:
    """What the token endpoint gave."""

    access_token: Secret
    lifetime: timedelta
    refresh_token: Secret | None
    scopes: tuple[str, ...]


def ask(org: Org, transport: Transport, form: Mapping[str, str]) -> Fresh:
    """Ask for tokens; the credential goes into the form body, never into the address.

    Raises Throttled, OrgUnavailable (nothing went out), CallUncertain, BadAnswer or CredentialRefused.
    """
    content = {"client_id": org.client_id, "client_secret": org.client_secret.reveal(), **form}
    secrets = [org.client_secret, *(Secret(form[key]) for key in ("refresh_token", "code") if key in form)]
    reply = transport.request(
        "POST", f"{org.accounts_url.rstrip('/')}/oauth/v2/token", deadline=transport.deadline(), form=content
    )
    found = _object(org, reply, secrets)
    if "access_token" not in found:
        raise _refusal(org, reply, found, secrets, granting="code" in form)
    access = found["access_token"]
    if not isinstance(access, str) or not access.isascii() or not access.isprintable() or not access.strip():
        raise BadAnswer(org.name, f"the token endpoint gave an access_token of type {type(access).__name__}")
    _check_domain(org, found.get("api_domain"))
    refresh = found.get("refresh_token")
    return Fresh(
        access_token=Secret(access),
        lifetime=timedelta(seconds=_lifetime(found)),
        refresh_token=Secret(refresh) if isinstance(refresh, str) and refresh else None,
        scopes=_scopes(found.get("scope")),
    )


def revoke(org: Org, transport: Transport, refresh_token: Secret) -> None:
    """Make a refresh token, and every access token made with it, worthless."""
    url = f"{org.accounts_url.rstrip('/')}/oauth/v2/token/revoke"
    reply = transport.request("POST", url, deadline=transport.deadline(), form={"token": refresh_token.reveal()})
    found = _object(org, reply, [org.client_secret, refresh_token])
    if found.get("status") != "success":
        raise _refusal(org, reply, found, [org.client_secret, refresh_token])


def _object(org: Org, reply: Reply, secrets: list[Secret]) -> Mapping[str, object]:
    if reply.redirect is not None:
        hint = f"Redirects are not followed. Compare orgs.{org.name}.accounts_url with the address of the data centre"
        raise CredentialRefused(org.name, f"the token endpoint redirects to {shown(reply.redirect, secrets)}", hint)
    try:
        found = orjson.loads(reply.body)
    except orjson.JSONDecodeError:
        found = None
    if isinstance(found, dict):
        return found
    what = f"the token endpoint answered {reply.status} with {shown(reply.body, secrets)!r}"
    if reply.status == 429:
        raise Throttled(org.name, what)
    raise BadAnswer(org.name, what)


def _refusal(
    org: Org, reply: Reply, found: Mapping[str, object], secrets: list[Secret], *, granting: bool = False
) -> ZohoError:
    error = shown(found.get("error") or found.get("message") or "no reason given", secrets)
    what = f"the token endpoint refused: {error}"
    # The word is localised (facts 1.4), so its companion tells a throttle too.
    if reply.status == 429 or "error_description" in found or error.lower().replace("_", " ") == "access denied":
        return Throttled(org.name, what)
    if reply.status >= 500:
        return BadAnswer(org.name, f"the token endpoint answered {reply.status}: {error}")
    hint = (_HINTS.get(f"{error}, of a grant") if granting else None) or _HINTS.get(error, "Run: orgsync auth {org}")
    others = ", ".join(code for code in DATA_CENTERS if code != org.data_center)
    places = {"host": urlsplit(org.accounts_url).hostname, "console": console_url(org.data_center), "others": others}
    return CredentialRefused(org.name, what, hint.format(org=org.name, code=org.data_center, **places))


def _scopes(found: object) -> tuple[str, ...]:
    """What was granted, in whatever way the names are joined (facts 12.1); what is no name of a scope is left out."""
    return tuple(dict.fromkeys(_SCOPE.findall(found)))[:_MOST_SCOPES] if isinstance(found, str) else ()


def _lifetime(found: Mapping[str, object]) -> float:
    """Seconds: `expires_in` is milliseconds exactly when `expires_in_sec` stands beside it (facts 1.2)."""
    value = found.get("expires_in_sec", found.get("expires_in"))
    if isinstance(value, str) and value.isascii() and value.isdigit():
        value = int(value[:9])
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= 7 * 86400:
        return _DEFAULT_LIFETIME
    return float(value)


def _check_domain(org: Org, found: object) -> None:
    """Tokens are for one data centre; an address that an answer names is compared, never called (facts 1.1, 1.3)."""
    if found is None:
        return
    wanted, named = _normal(org.api_url), _normal(found)
    if named == wanted or (named and _sandbox_of(wanted, named)):
        return
    what = f"the token is for {shown(found)!r}, but orgs.{org.name} is configured for {org.api_url}"
    home = next((code for code, one in DATA_CENTERS.items() if _normal(one.api_url) == named), None)
    place = f'data_center = "{home}"' if home else "data_center (or api_url) to where this org lives"
    hint = f"Set orgs.{org.name}.{place}; nothing was sent there"
    raise CredentialRefused(org.name, what, hint)


def _normal(url: object) -> tuple[str, str, int] | None:
    if not isinstance(url, str):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc or parts.path.strip("/") or parts.query:
        return None
    return parts.scheme, parts.hostname.rstrip("."), port or _PORTS[parts.scheme]


def _sandbox_of(wanted: tuple[str, str, int] | None, named: tuple[str, str, int]) -> bool:
    """Sandboxes keep the accounts host, and their tokens may name the production host of the same data centre."""
    if wanted is None:
        return False
    first, _, rest = wanted[1].partition(".")
    return first in ("sandbox", "developer") and named == (wanted[0], f"www.{rest}", wanted[2])
