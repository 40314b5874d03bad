"""Records that were made from another org's record: their key field says from which (design 2). They are linked, never
made once more, so what is not linked yet waits.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from daemon.core.record import Change, Seen, is_record_id
from daemon.core.steps import Link
from daemon.ledger import ReadLedger
from daemon.sync.prepare import Prepared

_LINK_WAIT: Final = timedelta(minutes=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origins:
    """`returned`: source id -> the target's record that it was made from. `others` came from a third org: until when to
    wait for their link. `rivals` were made from a target record that stands for another one by now: source id -> both.
    """

    returned: Mapping[str, str]
    others: Mapping[str, datetime | None]
    rivals: Mapping[str, tuple[str, str]]


def from_elsewhere(
    changes: Sequence[Seen], links: Mapping[str, Link], prepared: Prepared, ledger: ReadLedger, now: datetime
) -> Origins:
    """Where records without a link came from, by their key field.

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
    taken = ledger.stand_for(stream, list(returned.values())) if returned else {}
    rivals = {i: (target_id, min(taken[target_id])) for i, target_id in returned.items() if taken.get(target_id)}
    first: dict[str, str] = {}
    for i, target_id in sorted(returned.items()):
        if first.setdefault(target_id, i) != i and i not in rivals:
            rivals[i] = target_id, first[target_id]
    return Origins(
        returned={i: target_id for i, target_id in returned.items() if i not in rivals},
        others=dict.fromkeys(others, now + _LINK_WAIT),
        rivals=rivals,
    )
