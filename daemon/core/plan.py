"""What to do with each change of a page: the ladder from "not ours" to "write it" (steps.py).

Pure. It is told everything that is known (links, parents, what open intents turned out to be) and yields one step a
change, in the order of the changes. Sending and storing are for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from daemon.core import notes
from daemon.core.causes import (
    AMBIGUOUS,
    SECOND_COPY,
    UNCERTAIN,
    UNREAD,
    Cause,
)
from daemon.core.content import content, late, looked_up
from daemon.core.digest import Digests
from daemon.core.dropped import is_dropped, version_of
from daemon.core.fieldmap import FieldMap
from daemon.core.knowledge import Knowledge
from daemon.core.record import Change, Deletion, Seen, WireRecord
from daemon.core.rules import Stream
from daemon.core.steps import Defer, Delete, Flag, Hold, Keep, Link, LinkState, Step, Update

_DONE_BY: Final[Mapping[str, LinkState]] = {"delete": "deleted", "flag": "flagged"}


def plan(changes: Iterable[Seen], stream: Stream, fields: FieldMap, knowledge: Knowledge) -> list[Step]:
    """One step for each change, in order."""
    changes = list(changes)
    certain = replace(knowledge, found=_shared_out(changes, knowledge.found))
    return [_with_answer(_step(change, stream, fields, certain), certain) for change in changes]


def _with_answer(step: Step, knowledge: Knowledge) -> Step:
    """A record that is held does not hide that it was made: others point to its counterpart."""
    source_id = step.change.record_id
    candidates = knowledge.found.get(source_id)
    is_made = candidates and len(candidates) == 1 and source_id not in knowledge.unsure | knowledge.links.keys()
    if isinstance(step, Hold) and candidates and is_made:
        return replace(step, found=str(candidates[0]["id"]))
    return step


def to_look_at(changes: Iterable[Seen], stream: Stream, fields: FieldMap, knowledge: Knowledge) -> dict[str, str]:
    """Source id -> target id of the counterparts that must be seen before plan can tell: an update would fill fields
    that may only be filled where they are blank (or are owed since the record was made), that are made of rows which
    have ids of their own there, or that may have been edited there. Where undo is on, of all that would be updated.
    """
    if stream.undo is not None:
        steps = [s for s in plan(changes, stream, fields, knowledge) if isinstance(s, Update | Flag)]
        return {step.change.record_id: step.target_id for step in steps if not step.doubted}
    wanted = fields.into_blank | fields.composed | fields.newest | fields.made_once
    if not wanted:
        return {}
    return {
        step.change.record_id: step.target_id
        for step in plan(changes, stream, fields, knowledge)
        if isinstance(step, Update) and not step.doubted and wanted & step.values.keys()
    }


def _shared_out(
    changes: Iterable[Seen], found: Mapping[str, tuple[WireRecord, ...]]
) -> dict[str, tuple[WireRecord, ...]]:
    """No target record for two: of records that look alike, the first takes the only candidate there is."""
    taken: set[object] = set()
    left: dict[str, tuple[WireRecord, ...]] = {}
    for change in changes:
        candidates = found.get(change.record_id)
        if candidates is not None:
            left[change.record_id] = tuple(c for c in candidates if c["id"] not in taken)
            taken.update(c["id"] for c in left[change.record_id] if len(left[change.record_id]) == 1)
    return left


def _step(change: Seen, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Step:
    if (unclear := _unclear(change, stream, fields, knowledge)) is not None:
        return unclear
    candidates = knowledge.found.get(change.record_id)
    link = knowledge.links.get(change.record_id)
    if (decided := _decided_before(change, stream, fields, knowledge, link)) is not None:
        return decided
    if isinstance(change, Deletion):
        return _deletion(change, stream, fields, knowledge, link)
    if not fields.keep.test(change.values) or (stream.notes_of and not notes.is_carried(change.values, stream)):
        outside = _outside(change, stream, fields, knowledge, link)
        if outside is not None:
            return outside
    if link is not None and link.state == "gone" and stream.gone != "recreate" and not candidates:
        return _not_ours(change)  # left as it is, by the settings
    return content(change, stream, fields, knowledge, link)


def _unclear(change: Seen, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Step | None:
    """What cannot be decided yet, or by us: which record of the target it is about."""
    if until := knowledge.deferred.get(change.record_id) or knowledge.unread.get(change.record_id):
        return Defer(change=change, until=until, code=UNCERTAIN if change.record_id in knowledge.deferred else UNREAD)
    candidates = knowledge.found.get(change.record_id)
    if candidates and (len(candidates) > 1 or change.record_id in knowledge.unsure):
        return _ambiguous(change, stream, fields, candidates)
    if change.record_id in knowledge.rivals:
        return _second_copy(change, stream, *knowledge.rivals[change.record_id])
    return None


def _decided_before(
    change: Seen, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None
) -> Step | None:
    """A write without an answer that turns out to be done; else what a person has dropped is not written."""
    if isinstance(change, Change) and (done := late(change, stream, fields, knowledge, link)) is not None:
        return done
    if not knowledge.dropped or not is_dropped(change.record_id, version_of(change), knowledge.dropped):
        return None
    return _filtered(change, stream, fields, knowledge, link)


def _outside(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None) -> Step | None:
    """What becomes of a record that does not match the filter (any more); None: it is followed like one that does."""
    candidates = knowledge.found.get(change.record_id)
    if link is not None and change.record_id in knowledge.ended:
        return Keep(change=change, outcome="deleted", target_id=link.target_id)
    target_id = _carried(candidates, link)
    if stream.unmatched == "stop" or target_id is None:
        return _filtered(change, stream, fields, knowledge, link)
    if stream.unmatched == "follow":
        return None
    if candidates == ():  # nothing is left to delete
        return Keep(change=change, outcome="deleted", target_id=target_id)
    return Delete(change=change, target_id=target_id, doubted=candidates is not None)


def _carried(candidates: tuple[WireRecord, ...] | None, link: Link | None) -> str | None:
    """The counterpart of a record that this stream has carried; None when it has none, or only another stream's."""
    if candidates:
        return str(candidates[0]["id"])
    if link is None or link.state not in ("live", "flagged"):
        return None
    mine = link.agreed or link.state == "flagged" or candidates is not None
    return link.target_id if mine else None


def _deletion(change: Deletion, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None) -> Step:
    """What the stream's policy makes of a record that is gone from the source."""
    candidates = knowledge.found.get(change.record_id)
    if stream.where is not None and link is not None and not link.agreed and link.state == "live":
        return _not_ours(change)  # the way back has carried it, and it has never matched the filter here
    if stream.deletes == "ignore":
        return _filtered(change, stream, fields, knowledge, link)
    if candidates is None:
        if link is None or link.state in ("deleted", "gone") or link.state == _DONE_BY[stream.deletes]:
            return Keep(change=change, outcome="unchanged") if link else _not_ours(change)
        target_id = link.target_id
    elif candidates:
        target_id = str(candidates[0]["id"])
    else:  # an uncertain deletion that was done, or a creation that was not
        return Keep(
            change=change, outcome="deleted" if link else "filtered", target_id=link.target_id if link else None
        )
    if stream.deletes == "flag" and stream.flag is not None:
        return Flag(change=change, target_id=target_id, field=stream.flag, doubted=candidates is not None)
    return Delete(change=change, target_id=target_id, doubted=candidates is not None)


def _not_ours(change: Seen) -> Keep:
    return Keep(change=change, outcome="filtered")


def _filtered(change: Seen, stream: Stream, fields: FieldMap, knowledge: Knowledge, link: Link | None) -> Keep:
    """Not written. A counterpart that an uncertain write left behind is noted, or it would be created once more."""
    held = looked_up(change, fields.lasting, stream, fields, knowledge, link)
    if held is None or held.whole is None:
        return _not_ours(change)
    digests = Digests(whole=held.whole, by_field=held.by_field)
    return Keep(change=change, outcome="filtered", target_id=held.target_id, digests=digests, drifted=held.drifted)


def _second_copy(change: Seen, stream: Stream, target_id: str, rival: str) -> Hold:
    return Hold(
        change=change,
        cause=Cause(code=SECOND_COPY, module=stream.target_module),
        detail=f"{change.record_id} was made from {target_id} of {stream.target}, for which {rival} of {stream.source} "
        "stands by now; none of them was touched",
    )


def _ambiguous(change: Seen, stream: Stream, fields: FieldMap, candidates: tuple[WireRecord, ...]) -> Hold:
    ids = ", ".join(sorted(str(c.get("id")) for c in candidates)[:5])
    return Hold(
        change=change,
        cause=Cause(code=AMBIGUOUS, module=stream.target_module, field=fields.key),
        detail=f"any of {ids} in {stream.target} could be the counterpart of {change.record_id}",
    )
