"""Finds out all that planning a page needs: from the ledger, and from both orgs where the ledger cannot know."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence, Set
from dataclasses import replace
from datetime import timedelta
from typing import Final

from daemon.core.causes import DRIFT, KEY_LOST, TARGET_GONE
from daemon.core.circles import circular
from daemon.core.content import names_another
from daemon.core.dropped import TAKEN_BACK, Version
from daemon.core.fieldmap import FieldMap
from daemon.core.knowledge import Knowledge
from daemon.core.notes import wanted_of
from daemon.core.plan import plan, to_look_at
from daemon.core.record import START, Change, Deletion, Seen, WireRecord
from daemon.core.rules import Stream
from daemon.core.steps import Create, Link
from daemon.core.translate import Known, Parent, parents_of, strangers_of
from daemon.ledger import GONE, MIRRORED, THERE, DueRow, Leaving, ReadLedger
from daemon.sync.copies import find_copies
from daemon.sync.doubts import STAMPS, Doubts, clear_doubts
from daemon.sync.elsewhere import from_elsewhere
from daemon.sync.hands import Eyes
from daemon.sync.pointing import with_modules
from daemon.sync.prepare import Prepared
from daemon.sync.whole import UNREAD_RETRY, completed, is_older, look_at

_BY_HAND: Final = frozenset({DRIFT, TAKEN_BACK})  # what was done there is taken back
_ASK_TARGET: Final = _BY_HAND | {KEY_LOST, TARGET_GONE}  # the ledger is not right about the counterpart
_ON_ITS_WAY: Final = timedelta(hours=1)
_TIME: Final = "Modified_Time"


def known_and_whole(
    changes: Sequence[Seen], prepared: Prepared, eyes: Eyes, due: Mapping[str, DueRow]
) -> tuple[Sequence[Seen], Knowledge]:
    """The changes with what no list answer shows of them, and all that is known; what could not be read is told."""
    changes = with_modules(changes, prepared.stream.source_module, prepared.fields, eyes.source)
    changes, unread = completed(changes, prepared, eyes.source)
    knowledge = _knowledge(changes, prepared, eyes, due)
    look = to_look_at(changes, prepared.stream, prepared.fields, knowledge)
    present, unseen = _present(look, prepared, eyes, knowledge.links)
    again = eyes.now() + UNREAD_RETRY
    return changes, replace(knowledge, present=present, unread=dict.fromkeys(unread | unseen, again))


def _knowledge(changes: Sequence[Seen], prepared: Prepared, eyes: Eyes, due: Mapping[str, DueRow]) -> Knowledge:
    stream, ledger = prepared.stream, eyes.ledger
    ids = [change.record_id for change in changes]
    points_to = {c.record_id: parents_of(c.values, prepared.fields) for c in changes if isinstance(c, Change)}
    parents = ledger.counterparts(stream, {p for found in points_to.values() for p in found}, prepared.carried)
    missing = {p for found in points_to.values() for p in found} - parents.keys()
    links = ledger.links(stream, ids)
    outside = {c.record_id for c in changes if isinstance(c, Change) and not prepared.fields.keep.test(c.values)}
    looked_for = {i for i, row in due.items() if row.cause_code == KEY_LOST}
    unknown = [c for c in changes if c.record_id not in links]
    strays = [c.record_id for c in unknown if c.record_id in looked_for or _is_stray(c, stream, outside & due.keys())]
    ours = {i: link for i, link in links.items() if i not in outside or link.agreed or link.state != "live"}
    ask = _ASK_TARGET - _BY_HAND if stream.drift == "keep" else _ASK_TARGET
    doubtful = {i for i, row in due.items() if row.cause_code in ask}
    doubtful |= {c.record_id for c in changes if isinstance(c, Deletion) and _has_ended(links.get(c.record_id))}
    suspects = {i: link.target_id for i, link in ours.items() if i in doubtful or _is_unknown(link, prepared.fields)}
    origins = from_elsewhere(changes, links, prepared, ledger, eyes.now())
    astray = dict(origins.others)
    busy = _busy(changes, stream, eyes) if stream.circle else set()
    doubts = clear_doubts(prepared, ids, ledger, eyes.target, strays=strays, suspects={**suspects, **origins.returned})
    deferred = {**dict.fromkeys(busy, UNREAD_RETRY), **doubts.deferred}
    if stream.gone != "recreate":
        astray |= {i: None for i in origins.returned if doubts.found.get(i) == ()}
    there = links.keys() | {i for i, found in doubts.found.items() if found}
    asking = [c for c in changes if isinstance(c, Change) and _may_ask(c, outside, there, stream)]
    strangers = {p: m for c in asking for p, m in strangers_of(c.values, prepared.fields).items()}
    _note_questions(asking, prepared, eyes)
    knowledge = Knowledge(
        known=Known(
            parents=parents,
            left=frozenset(ledger.counterparts(stream, missing, prepared.leaving, GONE)),
            owners=prepared.owners,
            default_owner=prepared.default_owner,
            emails=prepared.in_source.emails,
            matched=eyes.finder.find(strangers),
        ),
        links=links,
        found=doubts.found,
        deferred={i: eyes.now() + left for i, left in deferred.items()},  # the queue goes by our clock
        carried=_carried(suspects, links, doubts, {i for i, row in due.items() if row.cause_code in _BY_HAND}),
        keyless=_keyless(due, doubts, prepared, ledger),
        unsure=doubts.unsure,
        ended=doubts.ended,
        circular=_circular(points_to, parents, stream, ledger),
        dropped=_dropped(stream, ids, due, ledger),
        source_zgid=prepared.source_zgid,
        digest_key=ledger.digest_key,
        bases=ledger.bases(stream, ids) if stream.circle else {},
        in_source=prepared.in_source,
        in_target=prepared.in_target,
        astray=astray,
        promised=doubts.promised,
        rivals=origins.rivals,
        owed=ledger.owed(stream, ids) if stream.circle else {},
    )
    if stream.notes_of:
        knowledge = replace(knowledge, found={**doubts.found, **_copies(changes, prepared, eyes, knowledge)})
    return knowledge


def _carried(
    suspects: Collection[str], links: Mapping[str, Link], doubts: Doubts, taken_back: Set[str]
) -> dict[str, frozenset[str]]:
    """What our writes may have changed of the counterparts that are looked at; nothing where none is without an answer.
    Hand edits that a person, or the settings, had taken back count as such a change.
    """
    unsent = {i: frozenset[str]() for i in suspects if i in links and links[i].agreed}
    return {
        i: fields for i, fields in {**unsent, **doubts.carried}.items() if fields is not None and i not in taken_back
    }


def _keyless(due: Mapping[str, DueRow], doubts: Doubts, prepared: Prepared, ledger: ReadLedger) -> frozenset[str]:
    """Records whose counterpart is to get their key, whatever stands there: a comparison saw it lost, or what was done
    by hand is taken back, of which a wrong key is a part.
    """
    lost = frozenset(i for i, row in due.items() if row.cause_code == KEY_LOST)
    key, stream = prepared.fields.key, prepared.stream
    there = {i: doubts.found[i][0] for i, row in due.items() if row.cause_code in _BY_HAND and doubts.found.get(i)}
    if key is None or not there:
        return lost
    orgs, others = ledger.zgids(), ledger.stand_for(stream, [str(row["id"]) for row in there.values()])
    return lost | {
        i
        for i, row in there.items()
        if not names_another(row.get(key), prepared.source_zgid, orgs, others.get(str(row["id"]), ()))
    }


def _dropped(
    stream: Stream, ids: Sequence[str], due: Mapping[str, DueRow], ledger: ReadLedger
) -> Mapping[str, Version]:
    """What a person, or an undo, keeps back. What an undo did and a person takes back counts as another version."""
    wanted = {i for i, row in due.items() if row.cause_code == TAKEN_BACK}
    back = ledger.put_back(stream, wanted) if wanted else {}
    return {**ledger.dropped(stream, ids), **dict.fromkeys(back, START.modified_time)}


def _copies(
    changes: Sequence[Seen], prepared: Prepared, eyes: Eyes, knowledge: Knowledge
) -> dict[str, tuple[WireRecord, ...]]:
    """The notes that would be made, and are in the target already."""
    stream, fields = prepared.stream, prepared.fields
    steps = [step for step in plan(changes, stream, fields, knowledge) if isinstance(step, Create)]
    wanted = {step.change.record_id: note for step in steps if (note := wanted_of(step.match)) is not None}
    copies = find_copies(wanted, stream, eyes.ledger, eyes.target)
    rows = eyes.target.by_ids(stream.target_module, fields.targets, sorted(copies.values())) if copies else []
    there = {str(row["id"]): row for row in rows}
    return {source_id: (there[note],) for source_id, note in copies.items() if note in there}


def _present(
    wanted: Mapping[str, str], prepared: Prepared, eyes: Eyes, links: Mapping[str, Link]
) -> tuple[dict[str, WireRecord | None], frozenset[str]]:
    """Counterparts (source id -> target id) as they are now, None for one that is not to be found; and the source ids
    of those that were not seen as they are after our last write: their rows would be written a second time.
    """
    if not wanted:
        return {}, frozenset()
    fields, stream = prepared.fields, prepared.stream
    looked_at = fields.into_blank | fields.composed | fields.newest | fields.made_once
    names = looked_at | (STAMPS if fields.newest else frozenset())
    if stream.undo is not None:  # all that may be written is kept
        names = frozenset([*fields.targets, *(name for name in (stream.flag, fields.key) if name)])
        names |= frozenset() if fields.composed else {_TIME}
    timed = bool(fields.composed) or stream.undo is not None
    found, unread = look_at(eyes.target, stream.target_module, sorted(names), fields, sorted(wanted.values()))
    present = {source_id: found.get(target_id) for source_id, target_id in wanted.items()}
    unseen = {i for i, target_id in wanted.items() if target_id in unread}
    stale = {i for i, row in present.items() if timed and row and is_older(row, links[i].modified_time)}
    return present, frozenset(unseen | stale)


def _circular(
    points_to: Mapping[str, Sequence[Parent]], known: Mapping[Parent, str], stream: Stream, ledger: ReadLedger
) -> dict[str, frozenset[Parent]]:
    """By source id, the parents that wait for the record in their turn."""
    missing = {i: [p for p in found if p not in known] for i, found in points_to.items()}
    needs = {Parent(module=stream.source_module, record_id=i): found for i, found in missing.items() if found}
    back = circular(needs, lambda records: ledger.waits(stream.route, records))
    return {record.record_id: parents for record, parents in back.items()}


def _busy(changes: Sequence[Seen], stream: Stream, eyes: Eyes) -> set[str]:
    """Records that another stream of the circle is writing: what is its own there is not known yet. After an hour
    nothing is on its way any more, and that stream holds its record for a reason of its own.
    """
    named = {change.record_id: _names(change, stream) for change in changes}
    return eyes.ledger.being_written(stream, named, eyes.source.server_now() - _ON_ITS_WAY)


def _names(change: Seen, stream: Stream) -> frozenset[str]:
    """The records of other orgs that a record was made from, by its key fields."""
    if not isinstance(change, Change):
        return frozenset()
    keys = (str(change.values.get(origin.key) or "") for origin in stream.origins)
    return frozenset(key.partition(":")[2] for key in keys if key)


def _is_stray(change: Seen, stream: Stream, outside: Set[str]) -> bool:
    """Whether a record that the ledger does not know may have a counterpart that is to go, or to be followed: one that
    was deleted, or that is due again (a comparison has found it by its key) and outside the filter.
    """
    if isinstance(change, Deletion):
        return stream.deletes != "ignore"
    return stream.unmatched != "stop" and change.record_id in outside


def _is_unknown(link: Link, fields: FieldMap) -> bool:
    """A counterpart is there, and the ledger does not know what it holds; or only the way back has met it yet, which
    knows of the fields that it carries itself. Of an older ledger, that it ended may not be true any more either.
    """
    if link.state not in THERE:
        return link.unsure
    return link.whole is None or (link.whole == MIRRORED and not fields.lasting <= link.by_field.keys())


def _has_ended(link: Link | None) -> bool:
    """Whether the counterpart of a deleted record has ended already: then another one may have been made since, by a
    write that came late, and the key tells.
    """
    return link is not None and link.state != "live"


def _may_ask(change: Change, outside: Set[str], there: Set[str], stream: Stream) -> bool:
    """Whether the target may be asked for what a record points to: of one outside the filter that is not followed
    nothing may leave. `there` are the records that may have a counterpart.
    """
    return change.record_id not in outside or (stream.unmatched == "follow" and change.record_id in there)


def _note_questions(asking: Sequence[Change], prepared: Prepared, eyes: Eyes) -> None:
    """The values that the target is asked for by a match field leave the source, whether somebody has them or not."""
    lookups = prepared.fields.asking
    asked = Counter(name for change in asking for name in lookups if change.values.get(name))
    if asked:
        leaving = Leaving(fields=asked, data_center=eyes.target.org.data_center, at=eyes.now())
        eyes.note_leaving(prepared.stream, leaving)
