"""What the source has now of the records that an undo touches: their versions, and what the target should hold by them.
So the undo can tell what it takes back from an edit that has not been carried yet.
"""

from __future__ import annotations

from collections.abc import Sequence

from daemon.core.digest import cover, digest_values
from daemon.core.record import Change
from daemon.core.undo import Putting, Says
from daemon.sync.changes import ChangeReader
from daemon.sync.hands import Eyes
from daemon.sync.judging import is_carried, translated
from daemon.sync.pointing import with_modules
from daemon.sync.prepare import Prepared
from daemon.sync.whole import completed


def credits_for(records: int, prepared: Prepared) -> int:
    """About what `source_says` costs the source."""
    fields = prepared.fields
    columns = -(-(len(fields.columns) + 1) // 50)
    return -(-records // 100) * columns + (records if fields.one_by_one.intersection(fields.beside) else 0)


def source_says(puttings: Sequence[Putting], prepared: Prepared, eyes: Eyes) -> dict[str, Says]:
    """By source id; without those that changed while they were read, cannot be written, or are outside a filter that is
    not followed. A credit of the source for 100 records, and one for each where subforms are carried. Raises what the
    client raises.
    """
    stream, fields, source = prepared.stream, prepared.fields, eyes.source
    ids = [one.source_id for one in puttings]
    read = ChangeReader(source, stream.source_module, whole=bool(stream.notes_of)).by_ids(fields.columns, ids)
    whole, unread = completed(with_modules(read, stream.source_module, fields, source), prepared, source)
    changes = [one for one in whole if isinstance(one, Change) and one.record_id not in unread]
    followed = [one for one in changes if stream.unmatched == "follow" or is_carried(one, prepared)]
    before = eyes.ledger.put_back(stream, ids)
    found = {i: Says(version=None, wanted={}, taken_back=False) for i in set(ids) - {one.record_id for one in read}}
    translations = translated(followed, prepared, eyes.ledger, eyes.finder)
    for one in followed:
        said, earlier = translations[one.record_id], before.get(one.record_id)
        if said.faults or said.waits:
            continue
        judged = cover(said.values, fields.lasting | fields.newest)
        found[one.record_id] = Says(
            version=one.modified_time,
            wanted=digest_values(judged, "", eyes.ledger.digest_key).by_field,
            taken_back=earlier is not None and earlier.version == one.modified_time,
        )
    return found
