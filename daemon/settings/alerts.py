"""The table [alerts]: one place to tell a person, a webhook or a command.

A webhook's address often is a secret itself (its path is the key), so it is never shown.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from daemon.core.alerts import Alerting
from daemon.core.org import Secret
from daemon.settings.address import is_loopback
from daemon.settings.problem import NOTHING, Problem, describe, type_of
from daemon.settings.secret import Surroundings, read_org_secret
from daemon.settings.shape import AlertsEntry, take

WEBHOOK: Final = (
    '"https://…" (http only to this machine), or where it is kept: { env = "NAME" }, { file = "PATH" }, '
    '{ credential = "NAME" }'
)
COMMAND: Final = "a list of texts, an absolute path and its arguments: no shell reads them"
_AT: Final = "alerts"


def read_alerts(document: Mapping[str, object], around: Surroundings, problems: list[Problem]) -> Alerting:
    """Where alerts go; nowhere when the table says nothing, or something wrong, which then stands in `problems`."""
    table = document.get(_AT, {})
    entry = take(AlertsEntry, table, _AT, problems)
    if entry is None or not isinstance(table, dict):
        return Alerting()
    if entry.webhook is not None and entry.command is not None:
        problems.append(Problem(path=_AT, found="both webhook and command", allowed="one of them"))
        return Alerting()
    if entry.command is not None:
        return Alerting(command=_command(entry.command, problems))
    if entry.webhook is not None:
        return Alerting(webhook=_webhook(entry.webhook, around, problems))
    return Alerting()


def _webhook(value: object, around: Surroundings, problems: list[Problem]) -> Secret | None:
    at = f"{_AT}.webhook"
    place = f"{at}" if isinstance(value, str) else f"{at} (what it names)"
    secret = Secret(value) if isinstance(value, str) else read_org_secret("", value, at, around, problems)
    if secret is None:
        return None
    if wrong := _wrong(secret.reveal()):
        problems.append(Problem(path=place, found="an address (not shown)", allowed=WEBHOOK, hint=wrong))
        return None
    return secret


def _wrong(url: str) -> str | None:
    """Why an address cannot be a webhook's."""
    if not url.isascii() or not url.isprintable() or " " in url:
        return "letters, digits and signs of ASCII only"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return "not an address"
    if parts.username is not None or parts.password is not None:
        return "no user name and no password"
    if parts.scheme not in ("https", "http") or not parts.hostname or port == 0 or parts.fragment:
        return 'it must be "https://HOST/PATH"'
    if parts.scheme == "http" and not is_loopback(parts.hostname):
        return "https is required: others could read it on its way"
    return None


def _command(value: object, problems: list[Problem]) -> tuple[str, ...]:
    at = f"{_AT}.command"
    if not isinstance(value, list):
        problems.append(Problem(path=at, found=describe(value), allowed=COMMAND))
        return ()
    words: list[str] = []
    for number, word in enumerate(value):
        if not isinstance(word, str) or "\0" in word:
            problems.append(Problem(path=f"{at}[{number}]", found=type_of(word), allowed="a text without NUL"))
            return ()
        words.append(word)
    if not words or not words[0].startswith("/"):
        found = "a relative path" if words else NOTHING
        problems.append(Problem(path=at, found=found, allowed=COMMAND))
        return ()
    return tuple(words)
