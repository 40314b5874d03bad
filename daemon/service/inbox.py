"""How other commands ask a running daemon for something: a file in, a file out.

The process that holds the ledger's lock is its only writer, so `retry`, `drop`, `release`, `resync`, `verify` and
`match` leave their wish here and wait for the answer. A request appears by atomic rename, so that it is never read
half-written; it is taken away before the work, so that none is done twice, and none that ends the process ends the next
one too.
"""

from __future__ import annotations

import json
import os
import time
import uuid
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Literal

from loguru import logger

from daemon.ledger import Ledger, LedgerError
from daemon.ledger.matching import Shown

_SUFFIX: Final = ".request"
_ANSWER: Final = ".answer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """What a command wants done.

    "retry": the records of a cause, a stream, a record id (all given choices together) are due now.
    "drop": those leave the queue; `who` wants it, for this `reason`.
    "release": the stream's fuse lets up to `accept` records pass, for this `reason`.
    "resync": all records of the stream are compared.
    "repair": the `rows` (source id, code of the cause, Modified_Time) of the stream are looked at and put right.
    "match": the `pairs` (source id, target id) are linked; `shown` says how far the first run is decided.
    """

    kind: Literal["retry", "drop", "release", "resync", "repair", "match"]
    cause_id: int | None = None
    stream: str | None = None
    source_id: str | None = None
    accept: int = 0
    reason: str = ""
    who: str = ""
    pairs: Sequence[tuple[str, str]] = ()
    rows: Sequence[tuple[str, str, str]] = ()
    shown: Shown = ""


def carry_out(request: Request, ledger: Ledger, now: datetime) -> int:
    """Does it, for whoever asks; gives how many records were woken, queued, dropped or linked, or fuses released."""
    cause_id, stream, source_id = request.cause_id, request.stream, request.source_id
    if request.kind == "retry":
        return ledger.retry(now, cause_id=cause_id, stream=stream, source_id=source_id)
    if request.kind == "drop":
        by = {"who": request.who, "reason": request.reason}
        return ledger.drop(now, cause_id=cause_id, stream=stream, source_id=source_id, **by)
    if request.stream is None:
        raise ValueError("it names no stream")
    if request.kind == "release":
        return int(ledger.release(request.stream, request.accept, request.reason, now) is not None)
    if request.kind == "match":
        return ledger.match(request.stream, [(source, target) for source, target in request.pairs], request.shown, now)
    if request.kind == "repair":
        rows = [(source_id, code, datetime.fromisoformat(at)) for source_id, code, at in request.rows]
        return ledger.look_again(request.stream, rows, now)
    return int(ledger.start_comparison(request.stream, "asked", now))


class NoAnswerError(Exception):
    """The daemon that holds the ledger did not answer in time."""


def ask(inbox: Path, request: Request, timeout: float = 15.0) -> int:
    """Leaves a request and waits for the number of things done (carry_out). Raises NoAnswerError."""
    name = uuid.uuid4().hex
    asked, answer = inbox / (name + _SUFFIX), inbox / (name + _ANSWER)
    try:
        if not inbox.is_dir():
            inbox.mkdir(mode=0o700, parents=True, exist_ok=True)
            _give(inbox)
        _write(asked, asdict(request))
    except OSError as error:
        what = f"the daemon that holds the ledger cannot be asked: {inbox} cannot be written ({error.strerror})"
        raise NoAnswerError(f"{what}. Free some space or make it writable, then type this again") from None
    try:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            if answer.exists():
                said = json.loads(answer.read_text())
                if "error" in said:
                    raise NoAnswerError(said["error"])
                return int(said["done"])
            time.sleep(0.05)
        what = "nothing was changed" if asked.exists() else "it took the request and is at it; see `orgsync status`"
        raise NoAnswerError(f"the daemon that holds the ledger did not answer within {timeout:.0f} s; {what}")
    finally:
        for path in (asked, answer):  # whoever gave up waiting does not want it any more
            path.unlink(missing_ok=True)


def serve(inbox: Path, carry_out: Callable[[Request], int]) -> tuple[int, str | None]:
    """Answers every request that waits: how many things were done in all, and what kept one from being answered."""
    try:
        waiting = sorted(path for path in inbox.glob("*" + _SUFFIX) if path.is_file())
    except OSError as error:
        return 0, f"{inbox} cannot be read: {error.strerror}"
    total, trouble = 0, None
    for path in waiting:
        try:
            said = _answer(path, carry_out)
            total += said.get("done", 0)
            _write(path.with_suffix(_ANSWER), said)
        except OSError as error:
            trouble = f"{path} cannot be taken or answered: {error.strerror}"
    return total, trouble


def _answer(path: Path, carry_out: Callable[[Request], int]) -> dict[str, Any]:
    """Takes one request away and does what it says. Raises OSError only when it cannot be taken: then nothing is done.

    Whatever else is the matter with it is told to whoever asked.
    """
    try:
        content: bytes | None = path.read_bytes()
    except OSError as error:
        content, why = None, error.strerror
    path.unlink()
    if content is None:
        return {"error": f"the daemon could not read the request ({why}); ask as the user that it runs as"}
    try:
        return {"done": carry_out(Request(**json.loads(content)))}
    except LedgerError as error:
        return {"error": str(error)}
    except Exception as error:  # noqa: BLE001  no request may end the daemon, whatever is in it
        logger.warning("a request of another command cannot be carried out: {}: {}", type(error).__name__, error)
        return {"error": f"the request cannot be carried out: {type(error).__name__}: {error}; nothing was changed"}


def _write(path: Path, content: dict[str, Any]) -> None:
    draft = path.with_suffix(".draft")
    draft.touch(mode=0o600)
    draft.write_text(json.dumps(content))
    _give(draft)
    draft.rename(path)


def _give(path: Path) -> None:
    """What root makes belongs to whom the folder belongs to: else another user's daemon could not read it."""
    if os.geteuid() == 0:
        owner = path.parent.stat()
        os.chown(path, owner.st_uid, owner.st_gid)
