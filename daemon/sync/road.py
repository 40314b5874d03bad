"""One page's road: what is known -> plan -> write -> settle -> one transaction. Both lanes travel it.

No network inside a transaction. An intent is committed before its call; the outcome of every record, the links and
the checkpoint are committed together after the answers are in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final

from daemon.core.answer import Answer, Busy, NotSent, Refused, Uncertain
from daemon.core.causes import DRIFT, TARGET_GONE, UNCERTAIN
from daemon.core.circles import circular
from daemon.core.ends import Lane, is_ours
from daemon.core.fuse import Blown, Meter
from daemon.core.plan import Knowledge, plan, to_look_at
from daemon.core.record import Change, Deletion, Seen, WireRecord
from daemon.core.rules import Stream
from daemon.core.settle import Settlement, Walk, settle
from daemon.core.steps import Batch, Create, Delete, Flag, Keep, Link, LinkState, Step, Update, Write, batches, body
from daemon.core.translate import Known, Parent, parents_of
from daemon.ledger import DueRow, Intent, Ledger
from daemon.sync.children import Children
from daemon.sync.doubts import clear_doubts
from daemon.sync.prepare import Prepared
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused

BATCH_REFUSED: Final = "BATCH_REFUSED"
_WHOLE_CALL: Final = frozenset({UNCERTAIN, BATCH_REFUSED})  # causes that one record of a batch may have brought on all
_ASK_TARGET: Final = frozenset({DRIFT, TARGET_GONE})  # causes that say: the ledger is not right about the counterpart
_GONE: Final[tuple[LinkState, ...]] = ("gone",)
_FAILURES_IN_A_ROW: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a page is worked with: the target's connection, the ledger, who finds a record's children in the source, the
    time, and whether to stop.
    """

    target: Zoho
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
    knowledge = _knowledge(changes, prepared, hands, due)
    steps = plan(changes, stream, prepared.fields, knowledge)
    remade = _remade(steps, knowledge.links)
    hands.children.of(remade)
    deleted = [c.record_id for c in changes if isinstance(c, Deletion) and c.record_id in knowledge.links]
    hands.children.of_deleted({i: knowledge.links[i].target_id for i in deleted})
    alone = frozenset(i for i, row in due.items() if row.attempts > 1 and row.cause_code in _WHOLE_CALL)
    sent = _write(steps, prepared, hands, alone, lane, meter)
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
    return plan(changes, prepared.stream, prepared.fields, _knowledge(changes, prepared, hands, {}))


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
    links = ledger.links(stream, ids)
    strays = [c.record_id for c in changes if isinstance(c, Deletion) and c.record_id not in links]
    ask = _ASK_TARGET - {DRIFT} if stream.drift == "keep" else _ASK_TARGET
    doubtful = {i for i, row in due.items() if row.cause_code in ask}
    suspects = {i: link.target_id for i, link in links.items() if i in doubtful or _is_unknown(link)}
    doubts = clear_doubts(prepared, ids, ledger, hands.target, strays=strays, suspects=suspects)
    knowledge = Knowledge(
        known=Known(
            parents=parents,
            left=frozenset(ledger.counterparts(stream, missing, prepared.leaving, _GONE)),
            owners=prepared.owners,
            default_owner=prepared.default_owner,
            emails=prepared.emails,
        ),
        links=links,
        found=doubts.found,
        deferred={i: hands.now() + left for i, left in doubts.deferred.items()},  # the queue goes by our clock
        ended=doubts.ended,
        circular=_circular(points_to, parents, stream, ledger),
        source_zgid=prepared.source_zgid,
        digest_key=ledger.digest_key,
    )
    return replace(
        knowledge, present=_present(to_look_at(changes, stream, prepared.fields, knowledge), prepared, hands)
    )


def _present(wanted: Mapping[str, str], prepared: Prepared, hands: Hands) -> dict[str, WireRecord | None]:
    """Counterparts (source id -> target id) as they are now; None for one that is not to be found."""
    if not wanted:
        return {}
    names = sorted(prepared.fields.into_blank)
    rows = hands.target.by_ids(prepared.stream.target_module, names, sorted(wanted.values()))
    found = {str(row["id"]): row for row in rows}
    return {source_id: found.get(target_id) for source_id, target_id in wanted.items()}


def _circular(
    points_to: Mapping[str, Sequence[Parent]], known: Mapping[Parent, str], stream: Stream, ledger: Ledger
) -> dict[str, frozenset[Parent]]:
    """By source id, the parents that wait for the record in their turn."""
    missing = {i: [p for p in found if p not in known] for i, found in points_to.items()}
    needs = {Parent(module=stream.source_module, record_id=i): found for i, found in missing.items() if found}
    back = circular(needs, lambda records: ledger.waits(stream.route, records))
    return {record.record_id: parents for record, parents in back.items()}


def _is_unknown(link: Link) -> bool:
    """A counterpart is there, and the ledger does not know what it holds."""
    return link.whole is None and link.state in ("live", "flagged")


def _write(
    steps: Sequence[Step], prepared: Prepared, hands: Hands, alone: frozenset[str], lane: Lane, meter: Meter | None
) -> _Sent:
    """Sends the batches of a page one after the other. Two calls in a row that failed as a whole end it: then the
    org is in trouble, not a record. So does a fuse.
    """
    sent = _Sent()
    failures = 0
    if meter is not None:
        sent.blown = meter.blanks(s.change.record_id for s in steps if isinstance(s, Update) and s.blanks)
        # However a deletion was found: in the list, by a comparison, by a record that a retry did not find any more.
        sent.blown = sent.blown or meter.deletes(s.change.record_id for s in steps if isinstance(s, Delete | Flag))
    for batch in batches(steps, alone):
        if hands.stopping() or sent.blown:
            break
        hands.ledger.begin(prepared.stream, _intents(batch, hands.target.server_now()))
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
    known = ledger.source_records(prepared.stream, [str(a.existing_id) for a in ours]) if ours else {}
    return [
        replace(answer, stands_for=other.source_id)
        if isinstance(answer, Refused)
        and (other := known.get(answer.existing_id or "")) is not None
        and other.source_id != step.change.record_id
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
