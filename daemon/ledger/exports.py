"""The exports table: which fields have left which org for which data centre, and when. It is never forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from daemon.core.rules import Stream
from daemon.ledger.tables import exports
from daemon.ledger.upsert import on_conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaving:
    """What a call is about to take out of the source: how many records carry each field, whither, and when. `module` is
    theirs where the stream has none of its own (attachments).
    """

    fields: Mapping[str, int]
    module: str | None = None
    data_center: str
    at: datetime


def note(connection: Connection, stream: Stream, leaving: Leaving) -> None:
    """Count the writes before they are sent: whatever becomes of the call, what may have left stands here."""
    rows = [
        {
            "route": stream.route,
            "source": stream.source,
            "source_module": leaving.module or stream.source_module,
            "field": field,
            "target": stream.target,
            "data_center": leaving.data_center,
            "first_at": leaving.at,
            "last_at": leaving.at,
            "records": writes,
        }
        for field, writes in sorted(leaving.fields.items())
    ]
    if rows:
        keys = [column.name for column in exports.primary_key]
        connection.execute(on_conflict(connection, exports, keys, ("last_at",), added=("records",)), rows)
