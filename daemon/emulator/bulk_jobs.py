"""What bulk calls leave behind in an org: uploaded files, jobs, page tokens. State by the emulator's clock; no HTTP.

A job moves by time alone: `job_seconds` after its creation it is over, and on the way there it passes its states.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

Json = dict[str, Any]
MINUTE, HOUR = 60, 3600
DOWNLOADS_A_MINUTE = 10
_READ_STATES = ((0.25, "ADDED"), (0.5, "QUEUED"), (1.0, "IN PROGRESS"))
_WRITE_STATES = ((0.5, "ADDED"), (1.0, "IN PROGRESS"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Upload:
    """A zip that waits for a bulk write (facts 7.2)."""

    id: int
    user: int
    content: bytes


@dataclass(slots=True, kw_only=True)
class Job:
    """What read and write jobs share: whose, since when, and how long they take."""

    id: int
    user: int
    created: float
    seconds: float
    callback: Json | None = None

    @property
    def due(self) -> float:
        """When the job is over."""
        return self.created + self.seconds

    def is_kept(self, now: float, hours: str) -> bool:
        """Whether the result can still be fetched, with `hours` as the switch `bulk_result_hours` says it."""
        return hours == "none" or now < self.due + int(hours) * HOUR

    def _state(self, now: float, states: tuple[tuple[float, str], ...]) -> str | None:
        """The state at `now`; None once the job is over."""
        return next((name for share, name in states if now < self.created + share * self.seconds), None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadQuery:
    """What a bulk read asks for, after its names were checked."""

    module: str
    fields: tuple[str, ...]
    criteria: Json | None
    file_type: str = "csv"
    cvid: str | None = None


@dataclass(slots=True, kw_only=True)
class ReadJob(Job):
    """One bulk read; `content` is the zip, made once (facts 7.1)."""

    query: ReadQuery
    page: int
    per_page: int
    fails: bool = False
    content: bytes | None = None
    count: int = 0
    more: bool = False
    next_token: str | None = None

    def state(self, now: float) -> str:
        """ADDED, QUEUED, IN PROGRESS, then COMPLETED or FAILURE."""
        return self._state(now, _READ_STATES) or ("FAILURE" if self.fails else "COMPLETED")


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """Where the value of one field comes from: a column of the file, or a constant.

    `joins` is the column of the parent's file that holds the same value: how a child row finds its parent (facts 7.2).
    """

    api_name: str
    index: int | None = None
    find_by: str | None = None
    format: str | None = None
    default: Any = None
    joins: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One element of `resource`: one CSV and the module that it goes to."""

    module: str
    upload: Upload
    file_name: str | None
    find_by: str | None
    ignore_empty: bool
    columns: tuple[Column, ...]
    shown_mappings: list[Json]


@dataclass(slots=True, kw_only=True)
class Outcome:
    """What became of one part of a write job; `text` is its result CSV."""

    status: str
    code: str
    file_name: str | None = None
    added: int = 0
    updated: int = 0
    skipped: int = 0
    total: int = 0
    text: str | None = None


@dataclass(slots=True, kw_only=True)
class WriteJob(Job):
    """One bulk write: the parent's part first, then its children's; `outcomes` are there once it ran (facts 7.2).

    `automations` is what the log shows of the call that created it.
    """

    operation: str
    encoding: str
    parts: tuple[Part, ...]
    outcomes: list[Outcome] = field(default_factory=list)
    content: bytes | None = None
    automations: list[Json] = field(default_factory=list)

    def state(self, now: float) -> str:
        """ADDED, IN PROGRESS, then what its outcome says."""
        running = self._state(now, _WRITE_STATES)
        if running is not None:
            return running
        return self.outcomes[0].status if self.outcomes else "IN PROGRESS"


@dataclass(frozen=True, slots=True, kw_only=True)
class Continuation:
    """What a next_page_token stands for: good for 24 hours, for one user."""

    query: ReadQuery
    page: int
    user: int
    expires: float


@dataclass(slots=True, kw_only=True)
class Shelf:
    """All of it, for one org."""

    uploads: dict[int, Upload] = field(default_factory=dict)
    reads: dict[int, ReadJob] = field(default_factory=dict)
    writes: dict[int, WriteJob] = field(default_factory=dict)
    waiting: list[WriteJob] = field(default_factory=list)
    tokens: dict[str, Continuation] = field(default_factory=dict)
    downloads: deque[float] = field(default_factory=deque)
    callbacks: list[tuple[Job, Callable[[], bytes]]] = field(default_factory=list)

    def is_full(self, now: float, limit: str) -> bool:
        """Whether as many jobs run as the switch `bulk_jobs_at_once` allows."""
        running = sum(1 for job in (*self.reads.values(), *self.writes.values()) if now < job.due)
        return limit != "none" and running >= int(limit)

    def keep_pace(self, now: float, step: float) -> None:
        """The clock steps: what runs takes as long as it takes, whatever the clock says of it."""
        for job in (*self.reads.values(), *self.writes.values()):
            if now < job.due:
                job.created += step

    def may_download(self, now: float) -> bool:
        """Book a download, unless there were ten within a minute (facts 7.1)."""
        while self.downloads and not now - MINUTE < self.downloads[0] <= now:
            self.downloads.popleft()
        if len(self.downloads) >= DOWNLOADS_A_MINUTE:
            return False
        self.downloads.append(now)
        return True
