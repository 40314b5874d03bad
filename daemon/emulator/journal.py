"""The log of every request: what was asked, what was answered, what it cost, what would have run. Bounded by bytes."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

import orjson

Json = dict[str, Any]
MAX_BYTES = 96_000_000
_ENTRY_BYTES = 600


@dataclass(slots=True, kw_only=True)
class Entry:
    """One request."""

    number: int
    at: float
    org: str
    kind: str
    module: str | None
    method: str
    path: str
    query: dict[str, str]
    body: bytes
    status: int | None = None
    credits: int = 0
    codes: dict[str, int] = field(default_factory=dict)
    automations: list[Json] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)
    executed: bool = False
    if_modified_since: str | None = None

    def as_json(self) -> Json:
        """The entry for `GET /log`; a JSON body is shown as JSON."""
        shown: Any
        try:
            shown = orjson.loads(self.body) if self.body else None
            orjson.dumps(shown)  # what can be read may still be nested too deeply to be printed
        except (orjson.JSONDecodeError, orjson.JSONEncodeError):
            shown = self.body.decode("utf-8", "replace")
        names = (
            "number", "at", "org", "kind", "module", "method", "path", "query", "status", "credits", "codes",
            "automations", "faults", "executed", "if_modified_since",
        )  # fmt: skip
        return {**{name: getattr(self, name) for name in names}, "body": shown}


class Journal:
    """The last requests, oldest first."""

    def __init__(self) -> None:
        self._entries: deque[Entry] = deque()
        self._bytes = 0
        self._next = 1

    def open(self, **known: Any) -> Entry:
        """A new entry; the oldest ones make room."""
        entry = Entry(number=self._next, **known)
        self._next += 1
        self._entries.append(entry)
        self._bytes += len(entry.body) + _ENTRY_BYTES
        while self._bytes > MAX_BYTES:
            self._bytes -= len(self._entries.popleft().body) + _ENTRY_BYTES
        return entry

    def clear(self) -> None:
        """Forget every entry; numbers go on."""
        self._entries.clear()
        self._bytes = 0

    def select(
        self, *, org: str | None = None, kind: str | None = None, module: str | None = None, since: int = 0
    ) -> list[Entry]:
        """Entries after number `since` that match."""
        return [
            entry
            for entry in self._entries
            if entry.number > since
            and org in (None, entry.org)
            and kind in (None, entry.kind)
            and module in (None, entry.module)
        ]
