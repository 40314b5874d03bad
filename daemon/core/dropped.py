"""What a person has dropped, or taken back by an undo: one version of a record, which is not written then. An edit of
the record begins anew.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daemon.core.record import Deletion, Seen

TAKEN_BACK: Final = "TAKEN_BACK"
"""Stands where a cause of the queue would: a plan looks at what an undo put back, because a person takes that back."""
Version = datetime | None
"""A state of a record of the source: its Modified_Time, or None when the record was deleted there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PutBack:
    """What an undo put back: the version of the source's record that is not written again, and `by` which undo."""

    version: Version
    by: str


def put_back_by(cycle: int) -> str:
    """Why a record is not what its source says, in words."""
    return f"put back by the undo of cycle {cycle}"


def version_of(seen: Seen) -> Version:
    """The version that was seen. Of a deletion there is one, however often and by whatever road it is noticed."""
    return None if isinstance(seen, Deletion) else seen.modified_time


def is_dropped(source_id: str, version: Version, dropped: Mapping[str, Version]) -> bool:
    """Whether it is this version that a person dropped; `dropped` maps source id -> version."""
    return source_id in dropped and dropped[source_id] == version
