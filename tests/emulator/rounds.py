"""Rounds of harmed requests at an emulator, and what Zoho's answer to any of them must look like."""

from __future__ import annotations

import http.client
import json
import logging
import traceback
from collections import Counter
from collections.abc import Iterable, Sequence

from tests.emulator.shots import Answer, Range, Shot

NO_HTTP = b"<h1>400</h1>"
"""In the page that the edge shows for what is no HTTP, such as a request line of over 64 KB."""


class UnsoundError(AssertionError):
    """An answer that no Zoho gives; `key` names the fault whatever the request was."""

    def __init__(self, key: str, text: str) -> None:
        super().__init__(text)
        self.key = key


class Bugs(logging.Handler):
    """Where the last bug that the gateway caught was."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.last: str | None = None

    def emit(self, record: logging.LogRecord) -> None:
        """Keep the innermost line of ours."""
        error = record.exc_info[1] if record.exc_info else None
        frames = traceback.extract_tb(error.__traceback__) if error else []
        ours = [frame for frame in frames if "emulator" in frame.filename] or frames
        place = f"{ours[-1].filename.rsplit('/', 1)[-1]}:{ours[-1].lineno}" if ours else ""
        self.last = f"{type(error).__name__} at {place}: {str(error)[:120]}"


class Rounds:
    """Plays rounds, each at an org as new, and counts."""

    def __init__(self, target: Range) -> None:
        self.target, self.bugs = target, Bugs()
        self.statuses: Counter[int] = Counter()
        self.kinds: Counter[str] = Counter()
        logging.getLogger("emulator").addHandler(self.bugs)
        logging.getLogger("emulator").propagate = False
        logging.getLogger("uvicorn.error").addHandler(logging.NullHandler())

    def close(self) -> None:
        """Let the gateway's log go where it went before."""
        logging.getLogger("emulator").removeHandler(self.bugs)
        logging.getLogger("emulator").propagate = True

    def play(self, shots: Sequence[Shot]) -> None:
        """Shoot one after the other; UnsoundError at the first answer that is none of Zoho's."""
        self.target.furnish()
        for place, shot in enumerate(shots):
            try:
                self.shoot(shot)
            except UnsoundError as unsound:
                raise UnsoundError(unsound.key, "\n".join([*map(repr, shots[:place]), str(unsound)])) from None

    def each(self, shots: Iterable[Shot]) -> None:
        """Shoot each at an org as new, as far as a shot can tell: one that was refused changed nothing."""
        changed = True
        for shot in shots:
            if changed:
                self.target.furnish()
            status = self.shoot(shot)
            changed = status < 300 and shot.method != "GET"

    def shoot(self, shot: Shot) -> int:
        """The status of the answer, or UnsoundError when it is none of Zoho's."""
        self.bugs.last = None
        try:
            answer = self.target.fire(shot)
        except (OSError, http.client.HTTPException) as lost:
            raise UnsoundError(f"no answer: {lost!r}", f"{shot!r}\n{lost!r}") from None
        self.statuses[answer.status] += 1
        kind = self.target.emulator.world.journal.select()[-1].kind
        self.kinds[kind] += 1
        fault = fault_of(answer, shot.path)
        if fault is not None:
            key = self.bugs.last or f"{fault} ({kind})"
            raise UnsoundError(key, f"{shot!r}\n{key}\n{answer.status} {answer.body[:300]!r}")
        return answer.status


def fault_of(answer: Answer, path: str) -> str | None:
    """What is wrong with an answer, whatever was asked: facts 1.8 and 2.4 say what all of them look like."""
    if answer.status >= 500:
        return f"status {answer.status}"
    if answer.status in (204, 304):
        return "a body or a type without content" if answer.body or answer.kind else None
    if answer.method == "HEAD" or NO_HTTP in answer.body:
        return None
    if answer.status == 404 and path.startswith("/oauth"):
        return None  # the accounts server has a page for people
    return _fault_of_body(answer)


def _fault_of_body(answer: Answer) -> str | None:
    if "json" not in answer.kind:
        return f"{answer.status} of type {answer.kind!r}" if answer.status >= 400 else None
    try:
        body = json.loads(answer.body)
    except ValueError:
        return "unreadable JSON"
    explained = isinstance(body, dict) and (answer.status < 400 or _explains(body))
    return None if explained else "a refusal without a code, or no JSON object"


def _explains(body: dict[str, object]) -> bool:
    """Whether a refusal says why: on top, in its elements, or in the words of the accounts and upload hosts."""
    elements = [one for value in body.values() if isinstance(value, list) for one in value if isinstance(one, dict)]
    return bool({"code", "error", "ERROR_CODE"} & body.keys()) or any("code" in one for one in elements)
