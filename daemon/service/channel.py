"""How an alert leaves: as JSON to a webhook or to a command. Raises Untold when it did not arrive.

Neither gets a secret, and neither address is shown: a webhook's path often is its key.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from typing import Final

import httpx

from daemon.core.alerts import Alerting
from daemon.core.org import Secret
from daemon.ledger.alerts import Notice

_TIMEOUT_S: Final = 10.0
_ENVIRONMENT: Final = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LANG": "C.UTF-8"}


class Untold(Exception):  # noqa: N818  it is a state of the alert
    """The alert did not arrive; the text says why, without the address."""


def document(notice: Notice, ledger_id: str) -> dict[str, object]:
    """What is told (docs/watching.md). `id` is the same however often it is sent; `text` is for chat programs."""
    incident, over = notice.incident, notice.event == "resolved"
    ended = f"over since {notice.resolved_at:%Y-%m-%d %H:%M:%S} UTC: " if notice.resolved_at else ""
    return {
        "schema": 1,
        "id": f"{ledger_id}/{notice.number}/{notice.event}",
        "event": notice.event,
        "kind": incident.kind,
        "subject": incident.subject,
        "what": incident.what,
        "command": incident.command,
        "opened_at": notice.opened_at.isoformat(),
        "resolved_at": notice.resolved_at.isoformat() if over and notice.resolved_at else None,
        "text": f"orgsync: {ended}{incident.what}" if over else f"orgsync: {incident.what}. Next: {incident.command}",
    }


def tell(to: Alerting, said: dict[str, object]) -> None:
    """Give it away, within seconds. Raises Untold."""
    content = json.dumps(said).encode()
    if to.webhook is not None:
        _post(to.webhook, content)
    else:
        _call(to.command, content)


def _post(address: Secret, content: bytes) -> None:
    headers = {"Content-Type": "application/json", "User-Agent": "orgsync"}
    try:
        with (
            httpx.Client(timeout=_TIMEOUT_S, follow_redirects=False, trust_env=False) as client,
            client.stream("POST", address.reveal(), content=content, headers=headers) as answer,
        ):
            status = answer.status_code  # the rest of the answer is nobody's business
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise Untold(f"the webhook cannot be reached ({type(error).__name__})") from None
    if not 200 <= status < 300:
        raise Untold(f"the webhook answered {status}")


def _call(command: tuple[str, ...], content: bytes) -> None:
    """In a group of its own, so that what it starts ends with it."""
    try:
        child = subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=_ENVIRONMENT,
            cwd="/",
            start_new_session=True,
        )
    except OSError as error:
        raise Untold(f"the command {command[0]} cannot be started: {error.strerror}") from None
    try:
        child.communicate(content, timeout=_TIMEOUT_S)
    except subprocess.TimeoutExpired:
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
        raise Untold(f"the command {command[0]} did not end within {_TIMEOUT_S:.0f} s") from None
    if child.returncode != 0:
        raise Untold(f"the command {command[0]} ended with {child.returncode}")
