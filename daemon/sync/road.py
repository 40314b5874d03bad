"""One page's road: what is known -> plan -> write -> settle -> one transaction. Both lanes travel it.

No network inside a transaction. An intent is committed before its call; the outcome of every record, the links and
the checkpoint are committed together after the answers are in.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from daemon.core.answer import Answer, Busy, NotSent, Refused, Uncertain
from daemon.core.causes import DRIFT, TARGET_GONE, UNCERTAIN
from daemon.core.circles import circular
from daemon.core.egress import leaving
from daemon.core.ends import Lane, is_ours
from daemon.core.fuse import Blown, Meter
from daemon.core.mapping import FieldMap
from daemon.core.notes import wanted_of
from daemon.core.plan import Knowledge, plan, to_look_at
from daemon.core.record import Change, Deletion, Seen, WireRecord
from daemon.core.rules import Copy, Stream
from daemon.core.settle import Settlement, Walk, settle
from daemon.core.steps import Batch, Create, Delete, Flag, Keep, Link, LinkState, Step, Update, Write, batches, body
from daemon.core.translate import Known, Parent, parents_of, strangers_of
from daemon.ledger import MIRRORED, THERE, DueRow, Intent, Leaving, Ledger
from daemon.sync.children import Children
from daemon.sync.copies import find_copies
from daemon.sync.doubts import STAMPS, clear_doubts
from daemon.sync.elsewhere import from_elsewhere
from daemon.sync.pointing import Finder, with_modules
from daemon.sync.prepare import Prepared
from daemon.sync.tags import without_surplus
from daemon.sync.whole import UNREAD_RETRY, completed, is_older, look_at
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused

BATCH_REFUSED: Final = "BATCH_REFUSED"
_WHOLE_CALL: Final = frozenset({UNCERTAIN, BATCH_REFUSED})  # causes that one record of a batch may have brought on all
_ASK_TARGET: Final = frozenset({DRIFT, TARGET_GONE})  # causes that say: the ledger is not right about the counterpart
_GONE: Final[tuple[LinkState, ...]] = ("gone",)
_FAILURES_IN_A_ROW: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a page is worked with: both orgs' connections, the ledger, who finds a record's children in the source, who
    finds in the target what no stream carries, the time, and whether to stop.
    """

    source: Zoho
    target: Zoho
    finder: Finder
    ledger: Ledger
    children: Children
    now: Callable[[], datetime]
    stopping: Callable[[], bool]
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Travelled:
    """What a page came to. `trouble` says why the rest of it was left for the next cycle (`away`: the target cannot be
    reached), `blown` that a fuse did it; `unsent` names the rest.
    """

    cycle_id: int | None
    settlement: Settlement
    unsent: frozenset[str]
    trouble: str | None
    away: bool
    blown: Blown | None


@dataclass(slots=True, kw_only=True)
class _Sent:
    """The answers of a page's calls by source id, and what ended the sending early."""

    answers: dict[str, Answer] = field(default_factory=dict)
    trouble: str | None = None
    away: bool = False
    blown: Blown | None = None


def travel(
    changes: Sequence[Seen],
    prepared: Prepared,
    hands: Hands,
    *,
    lane: Lane,
    walk: Walk | None = None,
    due: Mapping[str, DueRow] = MappingProxyType({}),
    meter: Meter | None = None,
    cycle_id: int | None = None,
) -> Travelled:
    """Takes a page of changes to its outcomes; with a `meter` no further than the fuse allows.

    Raises what the client raises while reading, before any write.
    """
    stream, ledger = prepared.stream, hands.ledger
    changes, knowledge = _known_and_whole(changes, prepared, hands, due)
    steps = plan(changes, stream, prepared.fields, knowledge)
    remade = _remade(steps, knowledge.links)
    hands.children.of(remade)
    alone = frozenset(i for i, row in due.items() if row.attempts > 1 and row.cause_code in _WHOLE_CALL)
    tried = frozenset(i for i, row in due.items() if row.attempts)
    sent = _write(steps, prepared, hands, alone, tried, lane, meter)
    settlement = settle(
        steps,
        sent.answers,
        seen=len({change.record_id for change in changes}),
        lane=lane,
        stream=stream,
        fields=prepared.fields,
        waiting=ledger.waiting(stream, [change.record_id for change in changes]),
        now=hands.now(),
        jitter=hands.jitter,
        walk=walk,
    )
    if settlement.seen or settlement.closed_intents:
        cycle_id = ledger.settle(stream, settlement, cycle_id, hands.now())
    gone = {pair.source_id: pair.target_id for pair in settlement.linked if pair.state == "gone"}
    left = gone if stream.gone == "leave" else {}
    hands.children.of(remade | left)  # once more: a child may have been settled meanwhile, by the link as it was
    done = {i for i, answer in sent.answers.items() if not isinstance(answer, NotSent)}
    return Travelled(
        cycle_id=cycle_id,
        settlement=settlement,
        unsent=frozenset(s.change.record_id for s in steps if isinstance(s, Write)) - done,
        trouble=sent.trouble,
        away=sent.away,
        blown=sent.blown,
    )


def survey(changes: Sequence[Seen], prepared: Prepared, hands: Hands) -> list[Step]:
    """What would be done with the changes, by all that is known."""
    changes, knowledge = _known_and_whole(changes, prepared, hands, {})
    return plan(changes, prepared.stream, prepared.fields, knowledge)


def _known_and_whole(
    changes: Sequence[Seen], prepared: Prepared, hands: Hands, due: Mapping[str, DueRow]
) -> tuple[Sequence[Seen], Knowledge]:
    """The changes with what no list answer shows of them, and all that is known; what could not be read is told."""
    changes = with_modules(changes, prepared.stream.source_module, prepared.fields, hands.source)
    changes, unread = completed(changes, prepared, hands.source)
    knowledge = _knowledge(changes, prepared, hands, due)
    look = to_look_at(changes, prepared.stream, prepared.fields, knowledge)
    present, unseen = _present(look, prepared, hands, knowledge.links)
    again = hands.now() + UNREAD_RETRY
    return changes, replace(knowledge, present=present, unread=dict.fromkeys(unread | unseen, again))


def _remade(steps: Sequence[Step], links: Mapping[str, Link]) -> dict[str, str]:
    """Records that get another counterpart, or theirs back that was gone: source id -> counterpart so far."""
    return {
        i: links[i].target_id
        for step in steps
        if (i := step.change.record_id) in links
        and (
            isinstance(step, Create)
            or (links[i].state == "gone" and isinstance(step, Update | Keep) and step.target_id)
        )
    }


def _knowledge(changes: Sequence[Seen], prepared: Prepared, hands: Hands, due: Mapping[str, DueRow]) -> Knowledge:
    stream, ledger = prepared.stream, hands.ledger
    ids = [change.record_id for change in changes]
    points_to = {c.record_id: parents_of(c.values, prepared.fields) for c in changes if isinstance(c, Change)}
    parents = ledger.counterparts(stream, {p for found in points_to.values() for p in found}, prepared.carried)
    missing = {p for found in points_to.values() for p in found} - parents.keys()
    strangers = {
        p: m for c in changes if isinstance(c, Change) for p, m in strangers_of(c.values, prepared.fields).items()
    }
    _note_questions(changes, prepared, hands)
    links = ledger.links(stream, ids)
    outside = {c.record_id for c in changes if isinstance(c, Change) and not prepared.fields.keep.test(c.values)}
    strays = [c.record_id for c in changes if c.record_id not in links and _is_stray(c, stream, outside & due.keys())]
    ours = {i: link for i, link in links.items() if i not in outside or link.agreed or link.state != "live"}
    ask = _ASK_TARGET - {DRIFT} if stream.drift == "keep" else _ASK_TARGET
    doubtful = {i for i, row in due.items() if row.cause_code in ask}
    suspects = {i: link.target_id for i, link in ours.items() if i in doubtful or _is_unknown(link, prepared.fields)}
    returned, astray = from_elsewhere(changes, links, prepared, ledger, hands.now())
    doubts = clear_doubts(prepared, ids, ledger, hands.target, strays=strays, suspects=suspects | returned)
    if stream.gone != "recreate":
        astray |= {i: None for i in returned if doubts.found.get(i) == ()}
    knowledge = Knowledge(
        known=Known(
            parents=parents,
            left=frozenset(ledger.counterparts(stream, missing, prepared.leaving, _GONE)),
            owners=prepared.owners,
            default_owner=prepared.default_owner,
            emails=prepared.emails,
            matched=hands.finder.find(strangers),
        ),
        links=links,
        found=doubts.found,
        deferred={i: hands.now() + left for i, left in doubts.deferred.items()},  # the queue goes by our clock
        unsure=doubts.unsure,
        ended=doubts.ended,
        circular=_circular(points_to, parents, stream, ledger),
        source_zgid=prepared.source_zgid,
        digest_key=ledger.digest_key,
        bases=ledger.bases(stream, ids) if stream.circle else {},
        me_in_source=prepared.me_in_source,
        me_in_target=prepared.me_in_target,
        astray=astray,
    )
    if stream.notes_of:
        knowledge = replace(knowledge, found={**doubts.found, **_copies(changes, prepared, hands, knowledge)})
    return knowledge


def _copies(
    changes: Sequence[Seen], prepared: Prepared, hands: Hands, knowledge: Knowledge
) -> dict[str, tuple[WireRecord, ...]]:
    """The notes that would be made, and are in the target already."""
    stream, fields = prepared.stream, prepared.fields
    steps = [step for step in plan(changes, stream, fields, knowledge) if isinstance(step, Create)]
    wanted = {step.change.record_id: note for step in steps if (note := wanted_of(step.match)) is not None}
    copies = find_copies(wanted, stream, hands.ledger, hands.target)
    rows = hands.target.by_ids(stream.target_module, fields.targets, sorted(copies.values())) if copies else []
    there = {str(row["id"]): row for row in rows}
    return {source_id: (there[note],) for source_id, note in copies.items() if note in there}


def _present(
    wanted: Mapping[str, str], prepared: Prepared, hands: Hands, links: Mapping[str, Link]
) -> tuple[dict[str, WireRecord | None], frozenset[str]]:
    """Counterparts (source id -> target id) as they are now, None for one that is not to be found; and the source ids
    of those that were not seen as they are after our last write: their rows would be written a second time.
    """
    if not wanted:
        return {}, frozenset()
    fields = prepared.fields
    names = sorted(fields.into_blank | fields.composed | fields.newest | (STAMPS if fields.newest else frozenset()))
    found, unread = look_at(hands.target, prepared.stream.target_module, names, fields, sorted(wanted.values()))
    present = {source_id: found.get(target_id) for source_id, target_id in wanted.items()}
    unseen = {i for i, target_id in wanted.items() if target_id in unread}
    stale = {i for i, row in present.items() if fields.composed and row and is_older(row, links[i].modified_time)}
    return present, frozenset(unseen | stale)


def _circular(
    points_to: Mapping[str, Sequence[Parent]], known: Mapping[Parent, str], stream: Stream, ledger: Ledger
) -> dict[str, frozenset[Parent]]:
    """By source id, the parents that wait for the record in their turn."""
    missing = {i: [p for p in found if p not in known] for i, found in points_to.items()}
    needs = {Parent(module=stream.source_module, record_id=i): found for i, found in missing.items() if found}
    back = circular(needs, lambda records: ledger.waits(stream.route, records))
    return {record.record_id: parents for record, parents in back.items()}


def _is_stray(change: Seen, stream: Stream, outside: Set[str]) -> bool:
    """Whether a record that the ledger does not know may have a counterpart that is to go, or to be followed: one that
    was deleted, or that is due again (a comparison has found it by its key) and outside the filter.
    """
    if isinstance(change, Deletion):
        return stream.deletes != "ignore"
    return stream.unmatched != "stop" and change.record_id in outside


def _is_unknown(link: Link, fields: FieldMap) -> bool:
    """A counterpart is there, and the ledger does not know what it holds; or only the way back has met it yet, which
    knows of the fields that it carries itself.
    """
    if link.state not in THERE:
        return False
    return link.whole is None or (link.whole == MIRRORED and not fields.lasting <= link.by_field.keys())


def _write(
    steps: Sequence[Step],
    prepared: Prepared,
    hands: Hands,
    alone: frozenset[str],
    tried: frozenset[str],
    lane: Lane,
    meter: Meter | None,
) -> _Sent:
    """Sends the batches of a page one after the other. Two calls in a row that failed as a whole end it: then the
    org is in trouble, not a record. So does a fuse; what was `tried` in this version passed it then.
    """
    sent = _Sent()
    failures = 0
    if meter is not None:
        blanking = [s.change.record_id for s in steps if isinstance(s, Update) and s.blanks]
        sent.blown = meter.blanks(i for i in blanking if i not in tried)
        # However a deletion was found: in the list, by a comparison, by a record that a retry did not find any more.
        sent.blown = sent.blown or meter.deletes(s.change.record_id for s in steps if isinstance(s, Delete | Flag))
    for batch in batches(steps, alone):
        if hands.stopping() or sent.blown:
            break
        intents = _intents(batch, hands.target.server_now())
        hands.ledger.begin(prepared.stream, intents, _leaving(batch, prepared, hands))
        got, trouble = _send(batch, prepared, hands.target)
        got = _without_strangers(batch, got, prepared, hands.ledger)
        answers = dict(zip((s.change.record_id for s in batch.steps), got, strict=True))
        sent.answers.update(answers)
        failures = failures + 1 if trouble else 0
        if failures == _FAILURES_IN_A_ROW or any(isinstance(a, NotSent) for a in got):
            sent.trouble = trouble
            no_right = CredentialRefused.__name__
            sent.away = any(isinstance(a, Uncertain | NotSent) and a.code != no_right for a in got)
            break
        if meter is not None and lane == "poll":  # what was refused before fills no queue when it is refused again
            key = prepared.fields.key
            refused = (i for i, a in answers.items() if isinstance(a, Refused) and not is_ours(a, key))
            sent.blown = meter.answered(len(got), refused)
    return sent


def _without_strangers(batch: Batch, got: list[Answer], prepared: Prepared, ledger: Ledger) -> list[Answer]:
    """A record that holds our key is ours, but for one that stands for another source record already."""
    ours = [a for a in got if isinstance(a, Refused) and a.existing_id and is_ours(a, prepared.fields.key)]
    known = ledger.stand_for(prepared.stream, [str(a.existing_id) for a in ours]) if ours else {}
    return [
        replace(answer, stands_for=min(others))
        if isinstance(answer, Refused)
        and (others := known.get(answer.existing_id or ""))
        and step.change.record_id not in others
        else answer
        for step, answer in zip(batch.steps, got, strict=True)
    ]


def _send(batch: Batch, prepared: Prepared, target: Zoho) -> tuple[list[Answer], str | None]:
    """One write call: an answer for every record, and what went wrong with the call as a whole."""
    stream, key = prepared.stream, prepared.fields.key
    try:
        if batch.action == "delete":
            ids = [step.target_id for step in batch.steps if isinstance(step, Delete)]
            answers = target.delete(stream.target_module, ids, stream.triggers)
        else:
            records = [body(step) for step in batch.steps if not isinstance(step, Delete)]
            if batch.action == "update":
                answers = target.update(stream.target_module, records, stream.triggers)
                answers = without_surplus(batch.steps, answers, target, stream.target_module)
            else:  # never an upsert: it could match a stranger by another unique field (facts 4.6)
                answers = target.insert(stream.target_module, records, stream.triggers, prefer=[key] if key else [])
    except (OrgUnavailable, CredentialRefused) as error:
        return [NotSent(code=type(error).__name__, message=str(error))] * len(batch.steps), str(error)
    except RequestRefused as error:
        return _refused_whole(error, len(batch.steps)), str(error)
    lost = [a for a in answers if isinstance(a, (Uncertain, NotSent))]
    return answers, f"{stream.target}: {lost[0].message}" if len(lost) == len(answers) else None


def _refused_whole(error: RequestRefused, records: int) -> list[Answer]:
    """Zoho refused the call without looking at its records: one of them may be why, so they come back one by one."""
    code = BATCH_REFUSED if records > 1 else error.code
    return [Busy(code=code, message=str(error))] * records


def _note_questions(changes: Sequence[Seen], prepared: Prepared, hands: Hands) -> None:
    """The values that the target is asked for by a match field leave the source, whether somebody has them or not."""
    lookups = [r.source.field for r in prepared.fields.rules if r.matches and isinstance(r.source, Copy)]
    asked = Counter(name for c in changes if isinstance(c, Change) for name in lookups if c.values.get(name))
    if asked:
        leaving = Leaving(fields=asked, data_center=hands.target.org.data_center, at=hands.now())
        hands.ledger.begin(prepared.stream, [], leaving)


def _leaving(batch: Batch, prepared: Prepared, hands: Hands) -> Leaving:
    bodies = [step.values for step in batch.steps if isinstance(step, Create | Update)]
    return Leaving(
        fields=leaving(bodies, prepared.stream, prepared.fields.made_of),
        data_center=hands.target.org.data_center,
        at=hands.now(),
    )


def _intents(batch: Batch, now: datetime) -> list[Intent]:
    return [
        Intent(
            source_id=step.change.record_id,
            action=batch.action,
            target_id=None if isinstance(step, Create) else step.target_id,
            sent_at=now,
            match=step.match if isinstance(step, Create) else {},
        )
        for step in batch.steps
    ]
