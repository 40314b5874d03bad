"""One thing that the metadata of both orgs say against a stream, or that is worth knowing of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

About = Literal[
    "columns", "egress", "except", "field", "flag", "key", "left out", "lookup", "mandatory", "match", "read-only",
    "time", "type", "where",
]  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """What was `seen` of a stream, and what to `do` about it where that follows from more than what it is `about`; a
    fatal one keeps the stream from running.
    """

    stream: str
    field: str | None
    seen: str
    about: About
    do: str = ""
    fatal: bool = True

    @property
    def message(self) -> str:
        """Both in a sentence."""
        return f"{self.seen}: {self.do}" if self.do else self.seen
