"""What a person has dropped: one version of a record, which is not written then. An edit of the record begins anew."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.core.record import Deletion, Seen

Version = datetime | None
"""A state of a record of the source: its Modified_Time, or None when the record was deleted there."""


def version_of(seen: Seen) -> Version:
    """The version that was seen. Of a deletion there is one, however often and by whatever road it is noticed."""
    return None if isinstance(seen, Deletion) else seen.modified_time


def is_dropped(source_id: str, version: Version, dropped: Mapping[str, Version]) -> bool:
    """Whether it is this version that a person dropped; `dropped` maps source id -> version."""
    return source_id in dropped and dropped[source_id] == version
