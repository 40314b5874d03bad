"""How other commands ask a running daemon for something: a file in, a file out.

The process that holds the ledger's lock is its only writer, so `orgsync retry` leaves its wish here and waits for the
answer. A request appears by atomic rename, so that it is never read half-written.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from daemon.ledger import LedgerError

_SUFFIX: Final = ".request"
_ANSWER: Final = ".answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class RetryRequest:
    """`orgsync retry`: at least one of the three says which records are due now."""

    cause_id: int | None = None
    stream: str | None = None
    source_id: str | None = None


class NoAnswerError(Exception):
    """The daemon that holds the ledger did not answer in time."""


def ask(inbox: Path, request: RetryRequest, timeout: float = 15.0) -> int:
    """Leaves a request and waits for the number of records that it woke. Raises NoAnswerError."""
    inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
    name = uuid.uuid4().hex
    answer = inbox / (name + _ANSWER)
    _write(inbox / (name + _SUFFIX), asdict(request))
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer.exists():
            said = json.loads(answer.read_text())
            answer.unlink()
            if "error" in said:
                raise NoAnswerError(said["error"])
            return int(said["woken"])
        time.sleep(0.05)
    (inbox / (name + _SUFFIX)).unlink(missing_ok=True)
    raise NoAnswerError(f"the daemon that holds the ledger did not answer within {timeout:.0f} s; nothing was changed")


def serve(inbox: Path, retry: Callable[[RetryRequest], int]) -> int:
    """Answers every request that waits; returns how many records were woken in all."""
    woken = 0
    for path in sorted(inbox.glob("*" + _SUFFIX)) if inbox.is_dir() else []:
        try:
            request = RetryRequest(**json.loads(path.read_text()))
            count = retry(request)
            said: dict[str, object] = {"woken": count}
            woken += count
        except (ValueError, TypeError) as error:
            said = {"error": f"the request could not be read: {error}"}
        except LedgerError as error:
            said = {"error": str(error)}
        path.unlink()
        _write(path.with_suffix(_ANSWER), said)
    return woken


def _write(path: Path, content: dict[str, object]) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content))
    draft.rename(path)
