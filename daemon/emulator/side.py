"""What an org keeps beside its records: tags, locks, attachments and the jobs of mass actions (facts 5, 10)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]


@dataclass(slots=True, kw_only=True)
class Tag:
    """A tag of one module."""

    id: int
    name: str
    created: int
    by: int
    color: str | None = None

    def as_json(self) -> Json:
        """As records show it (facts 2.6)."""
        return {"name": self.name, "id": str(self.id), "color_code": self.color}


@dataclass(frozen=True, slots=True, kw_only=True)
class Lock:
    """Why and by whom a record is locked."""

    id: int
    reason: str | None
    at: int
    by: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Attachment:
    """A file, or a link, at a record."""

    id: int
    name: str
    content: bytes
    link: str | None
    at: int
    by: int


@dataclass(slots=True, kw_only=True)
class Job:
    """Something that Zoho does later: it is done, for whoever asks, from `due` on."""

    id: int
    kind: str
    module: str
    due: float
    act: Callable[[], Json] | None = None
    result: Json = field(default_factory=dict)


@dataclass(slots=True)
class SideTables:
    """All of it, for one org."""

    tags: dict[str, dict[str, Tag]] = field(default_factory=dict)
    locks: dict[int, Lock] = field(default_factory=dict)
    attachments: dict[int, dict[int, Attachment]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
