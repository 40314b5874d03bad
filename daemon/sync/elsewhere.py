"""Records that were made from another org's record: their key field says from which (design 2). They are linked, never
made once more, so what is not linked yet waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final

from daemon.core.record import Change, Seen, is_record_id
from daemon.core.steps import Link
from daemon.ledger import Ledger
from daemon.sync.prepare import Prepared

_LINK_WAIT: Final = timedelta(minutes=1)


def from_elsewhere(
    changes: Sequence[Seen], links: Mapping[str, Link], prepared: Prepared, ledger: Ledger, now: datetime
) -> tuple[dict[str, str], dict[str, datetime | None]]:
    """Of records without a link: source id -> the target's record that they came from; and, of those that came from a
    third org, until when to wait for their link.

    A third org's record may stand for one of the target that no stream has met yet: so everything on the circle must
    have caught up once before such a record is made in the target.
    """
    stream = prepared.stream
    returned: dict[str, str] = {}
    others: set[str] = set()
    for change in changes:
        if not isinstance(change, Change) or change.record_id in links:
            continue
        for origin in stream.origins:
            zgid, _, record_id = str(change.values.get(origin.key) or "").partition(":")
            if zgid == prepared.source_zgid or not is_record_id(record_id):
                continue
            if zgid == prepared.target_zgid and origin.module == stream.target_module:
                returned[change.record_id] = record_id
            else:
                others.add(change.record_id)
    if others and ledger.all_caught_up(stream.circle):
        others -= ledger.linked_targets(stream.source, stream.source_module, others)
    return returned, dict.fromkeys(others, now + _LINK_WAIT)
