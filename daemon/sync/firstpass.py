"""What the source may leave out of a first pass."""

from __future__ import annotations

from datetime import datetime

from daemon.ledger import ReadLedger, StreamState
from daemon.sync.changes import Sift
from daemon.sync.prepare import Prepared
from daemon.zoho import coql


def first_sift(prepared: Prepared, state: StreamState, horizon: datetime, ledger: ReadLedger) -> Sift | None:
    """On a first pass the source may leave out what does not match and was last changed before the walk's horizon:
    what comes to match, or ceases to, is changed later, and all of that is read. But for records of which something is
    known already: that they do not match any more must be seen.
    """
    stream, criteria = prepared.stream, prepared.fields.at_source
    if criteria is None or state.caught_up_at is not None or ledger.has_open(stream):
        return None
    if stream.unmatched != "stop" and ledger.count_links(stream):
        return None
    return Sift(where=coql.matching(criteria), until=horizon.replace(microsecond=0))
