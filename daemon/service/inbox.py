"""How other commands ask a running daemon for something: a file in, a file out.

The process that holds the ledger's lock is its only writer, so `retry`, `release` and `resync` leave their wish here
and wait for the answer. A request appears by atomic rename, so that it is never read half-written.
"""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Final, Literal

from daemon.ledger import Ledger, LedgerError
from daemon.ledger.matching import Shown

_SUFFIX: Final = ".request"
_ANSWER: Final = ".answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a command wants done.

    "retry": the records of a cause, a stream, a record id (all given choices together) are due now.
    "release": the stream's fuse lets up to `accept` records pass, for this `reason`.
    "resync": all records of the stream are compared.
    "match": the `pairs` (source id, target id) are linked; `shown` says how far the first run is decided.
    """

    kind: Literal["retry", "release", "resync", "match"]
    cause_id: int | None = None
    stream: str | None = None
    source_id: str | None = None
    accept: int = 0
    reason: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    shown: Shown = ""


def carry_out(request: Request, ledger: Ledger, now: datetime) -> int:
    """Does it, for whoever asks; gives how many records were woken or linked, fuses released or walks begun."""
    if request.kind == "retry":
        return ledger.retry(now, cause_id=request.cause_id, stream=request.stream, source_id=request.source_id)
    if request.stream is None:
        raise ValueError("it names no stream")
    if request.kind == "release":
        return int(ledger.release(request.stream, request.accept, request.reason, now) is not None)
    if request.kind == "match":
        return ledger.match(request.stream, [(source, target) for source, target in request.pairs], request.shown, now)
    return int(ledger.start_comparison(request.stream, "asked", now))


class NoAnswerError(Exception):
    """The daemon that holds the ledger did not answer in time."""


def ask(inbox: Path, request: Request, timeout: float = 15.0) -> int:
    """Leaves a request and waits for the number of things done (carry_out). Raises NoAnswerError."""
    name = uuid.uuid4().hex
    answer = inbox / (name + _ANSWER)
    try:
        inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
        _write(inbox / (name + _SUFFIX), asdict(request))
    except OSError as error:
        what = f"the daemon that holds the ledger cannot be asked: {inbox} cannot be written ({error.strerror})"
        raise NoAnswerError(f"{what}. Free some space or make it writable, then type this again") from None
    deadline = time.monotonic() + timeout
    while time.monotonic() < deadline:
        if answer.exists():
            said = json.loads(answer.read_text())
            answer.unlink()
            if "error" in said:
                raise NoAnswerError(said["error"])
            return int(said["done"])
        time.sleep(0.05)
    (inbox / (name + _SUFFIX)).unlink(missing_ok=True)
    raise NoAnswerError(f"the daemon that holds the ledger did not answer within {timeout:.0f} s; nothing was changed")


def serve(inbox: Path, carry_out: Callable[[Request], int]) -> int:
    """Answers every request that waits; returns how many things were done in all."""
    total = 0
    for path in sorted(inbox.glob("*" + _SUFFIX)) if inbox.is_dir() else []:
        try:
            done = carry_out(Request(**json.loads(path.read_text())))
            said: dict[str, object] = {"done": done}
            total += done
        except (ValueError, TypeError) as error:
            said = {"error": f"the request could not be read: {error}"}
        except LedgerError as error:
            said = {"error": str(error)}
        path.unlink()
        _write(path.with_suffix(_ANSWER), said)
    return total


def _write(path: Path, content: dict[str, object]) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content))
    draft.rename(path)
