"""Reads again what is chosen by its ids: what is due in the queue, or what a person was shown."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from daemon.core.causes import DELETED_IN_SOURCE
from daemon.core.record import Deletion, Seen
from daemon.ledger import DueRow
from daemon.sync.changes import ChangeReader
from daemon.sync.prepare import Prepared
from daemon.sync.singly import singly
from daemon.zoho.client import Zoho


def read_again(
    rows: Mapping[str, DueRow], prepared: Prepared, reader: ChangeReader, source: Zoho, listed_at: datetime
) -> tuple[list[Seen], frozenset[str]]:
    """These records as they are now, the deleted ones last, and the ids of those that could not be read.

    One empty answer is not yet a deletion: the deleted list as it was read at `listed_at` (what it said before may have
    been restored since), or a second call of another kind, must agree.
    """
    changes = reader.by_ids(prepared.fields.columns, sorted(rows))
    missing = sorted(rows.keys() - {c.record_id for c in changes})
    listed = {i for i in missing if rows[i].cause_code == DELETED_IN_SOURCE and rows[i].due_at >= listed_at}
    module = prepared.stream.source_module
    looked, unread = singly(sorted(set(missing) - listed), lambda i: source.get_one(module, i))
    absent = listed | {i for i, record in looked.items() if record is None}
    gone = [Deletion(record_id=i, modified_time=rows[i].modified_time) for i in sorted(absent)]
    return [*changes, *gone], unread
