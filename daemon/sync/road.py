"""One page's road: what is known -> plan -> write -> settle -> one transaction. Both lanes travel it.

No network inside a transaction. An intent is committed before its call; the outcome of every record, the links and
the checkpoint are committed together after the answers are in.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import partial
from types import MappingProxyType
from typing import Final

from daemon.core.agreement import Promise
from daemon.core.answer import Answer, Busy, NotSent, Refused, Uncertain
from daemon.core.causes import UNCERTAIN
from daemon.core.dropped import Version
from daemon.core.egress import leaving
from daemon.core.ends import Lane, is_ours
from daemon.core.fuse import Blown, Meter
from daemon.core.plan import plan
from daemon.core.record import Deletion, Seen
from daemon.core.settle import Settlement, Walk, settle
from daemon.core.steps import Batch, Create, Delete, Flag, Keep, Link, Step, Update, Write, batches, body
from daemon.ledger import DueRow, Intent, Leaving, Ledger
from daemon.sync.abreast import abreast
from daemon.sync.hands import Hands
from daemon.sync.knowing import known_and_whole
from daemon.sync.prepare import Prepared
from daemon.sync.readback import with_own_forms
from daemon.sync.tags import without_surplus
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused

BATCH_REFUSED: Final = "BATCH_REFUSED"
_WHOLE_CALL: Final = frozenset({UNCERTAIN, BATCH_REFUSED})  # causes that one record of a batch may have brought on all
_FAILURES_IN_A_ROW: Final = 2


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


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The steps of a page and what sending them must know; `ids` are the page's source ids, `remade` those that get
    another counterpart. What is `alone` travels by itself; what was `tried` in this version passed the fuse then.
    `dropped` maps a source id to the version that a person dropped.
    """

    steps: Sequence[Step]
    ids: frozenset[str]
    remade: dict[str, str]
    alone: frozenset[str]
    tried: frozenset[str]
    dropped: Mapping[str, Version]

    @property
    def writes(self) -> frozenset[str]:
        """The source ids of what is to be sent."""
        return frozenset(step.change.record_id for step in self.steps if isinstance(step, Write))


@dataclass(slots=True, kw_only=True)
class Sent:
    """The answers of a page's calls by source id, and what ended the sending early (`over`); `through`: nothing did."""

    answers: dict[str, Answer] = field(default_factory=dict)
    trouble: str | None = None
    away: bool = False
    blown: Blown | None = None
    over: bool = False
    through: bool = False

    @property
    def done(self) -> frozenset[str]:
        """The source ids of what was sent."""
        return frozenset(i for i, answer in self.answers.items() if not isinstance(answer, NotSent))


def travel(
    changes: Sequence[Seen],
    prepared: Prepared,
    hands: Hands,
    *,
    lane: Lane,
    due: Mapping[str, DueRow] = MappingProxyType({}),
    meter: Meter | None = None,
    cycle_id: int | None = None,
) -> Travelled:
    """Takes some changes to their outcomes, in a cycle that has begun or in a new one; with a `meter` no further than
    the fuse allows.

    Raises what the client raises while reading, before any write.
    """
    planned = plan_page(changes, prepared, hands, due)
    sent = write(planned, prepared, hands, lane, meter)
    return settle_page(planned, sent, prepared, hands, lane=lane, cycle_id=cycle_id)


def plan_page(
    changes: Sequence[Seen], prepared: Prepared, hands: Hands, due: Mapping[str, DueRow] = MappingProxyType({})
) -> Planned:
    """What is to be written of some changes, by all that is known."""
    changes, knowledge = known_and_whole(changes, prepared, hands, due)
    steps = plan(changes, prepared.stream, prepared.fields, knowledge)
    remade = _remade(steps, knowledge.links)
    hands.children.of(remade)
    deleted = [c.record_id for c in changes if isinstance(c, Deletion) and c.record_id in knowledge.links]
    hands.children.of_deleted({i: knowledge.links[i].target_id for i in deleted})
    versions = {change.record_id: change.modified_time for change in changes}
    return Planned(
        steps=steps,
        ids=frozenset(versions),
        remade=remade,
        alone=frozenset(i for i, row in due.items() if row.attempts > 1 and row.cause_code in _WHOLE_CALL),
        tried=frozenset(i for i, row in due.items() if row.attempts and row.modified_time == versions.get(i)),
        dropped=knowledge.dropped,
    )


def settle_page(
    planned: Planned,
    sent: Sent,
    prepared: Prepared,
    hands: Hands,
    *,
    lane: Lane,
    walk: Walk | None = None,
    cycle_id: int | None = None,
) -> Travelled:
    """Settles what was written, in one transaction."""
    stream, ledger, steps = prepared.stream, hands.ledger, planned.steps
    if stream.circle:
        steps = with_own_forms(steps, sent.answers, prepared, hands.target, ledger.digest_key)
    settlement = _settlement(
        steps, sent.answers, len(planned.ids), prepared, hands, planned.dropped, lane=lane, walk=walk
    )
    if settlement.seen or settlement.closed_intents:
        cycle_id = ledger.settle(stream, settlement, cycle_id, hands.now())
    gone = {pair.source_id: pair.target_id for pair in settlement.linked if pair.state == "gone"}
    left = gone if stream.gone == "leave" else {}
    # Once more: a child may have been settled meanwhile, by the link as it was.
    hands.children.of(planned.remade | left)
    return Travelled(
        cycle_id=cycle_id,
        settlement=settlement,
        unsent=planned.writes - sent.done,
        trouble=sent.trouble,
        away=sent.away,
        blown=sent.blown,
    )


def survey(changes: Sequence[Seen], prepared: Prepared, hands: Hands) -> list[Step]:
    """What would be done with the changes, by all that is known. What the target had to be asked for and holds already
    is stored: it is known from now on.
    """
    changes, knowledge = known_and_whole(changes, prepared, hands, {})
    steps = plan(changes, prepared.stream, prepared.fields, knowledge)
    learnt = [step for step in steps if isinstance(step, Keep) and step.digests is not None]
    if learnt:
        settlement = _settlement(learnt, {}, len(learnt), prepared, hands, {}, lane="retry", walk=None)
        hands.ledger.settle(prepared.stream, settlement, None, hands.now())
    return steps


def _settlement(
    steps: Sequence[Step],
    answers: Mapping[str, Answer],
    seen: int,
    prepared: Prepared,
    hands: Hands,
    dropped: Mapping[str, Version],
    *,
    lane: Lane,
    walk: Walk | None,
) -> Settlement:
    return settle(
        steps,
        answers,
        seen=seen,
        lane=lane,
        stream=prepared.stream,
        fields=prepared.fields,
        waiting=hands.ledger.waiting(prepared.stream, [step.change.record_id for step in steps]),
        now=hands.now(),
        jitter=hands.jitter,
        walk=walk,
        dropped=dropped,
    )


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


def write(planned: Planned, prepared: Prepared, hands: Hands, lane: Lane, meter: Meter | None) -> Sent:
    """Sends the batches of a page, as many side by side as the target may have. Two calls in a row that failed as a
    whole end it: then the org is in trouble, not a record. So does a fuse; what is on its way by then is waited for.
    """
    sent, steps = Sent(), planned.steps
    if meter is not None:
        blanking = [s.change.record_id for s in steps if isinstance(s, Update) and s.blanks]
        sent.blown = meter.blanks(i for i in blanking if i not in planned.tried)
        # However a deletion was found: in the list, by a comparison, by a record that a retry did not find any more.
        sent.blown = sent.blown or meter.deletes(s.change.record_id for s in steps if isinstance(s, Delete | Flag))

    aloft: list[Batch] = []

    def begun() -> Generator[Batch]:
        for batch in batches(steps, planned.alone):
            if hands.stopping() or sent.blown or sent.over:
                return
            intents = _intents(batch, hands.target.server_now())
            try:
                with hands.target.one_deadline(_price(batch)):
                    hands.ledger.begin(prepared.stream, intents, _leaving(batch, prepared, hands))
                    aloft.append(batch)
                    yield batch
            except OrgUnavailable as error:  # there are no credits for it, and nothing was begun
                sent.over, sent.trouble, sent.away = True, str(error), True
                return

    def room() -> bool:
        sizes = [len(batch.steps) for batch in aloft]
        return meter is None or lane != "poll" or meter.may_risk(sum(sizes), max(sizes))

    failures = 0
    work = partial(_send, prepared=prepared, target=hands.target)
    for batch, (said, trouble) in abreast(begun(), work, hands.target.calls_at_once, room):
        aloft.remove(batch)
        got = _without_strangers(batch, said, prepared, hands.ledger)
        answers = dict(zip((s.change.record_id for s in batch.steps), got, strict=True))
        sent.answers.update(answers)
        failures = failures + 1 if trouble else 0
        if failures == _FAILURES_IN_A_ROW or any(isinstance(a, NotSent) for a in got):
            sent.over, sent.trouble = True, trouble
            no_right = CredentialRefused.__name__
            sent.away = any(isinstance(a, Uncertain | NotSent) and a.code != no_right for a in got)
        elif meter is not None and lane == "poll":  # what was refused before fills no queue when it is refused again
            key = prepared.fields.key
            refused = (i for i, a in answers.items() if isinstance(a, Refused) and not is_ours(a, key))
            sent.blown = sent.blown or meter.answered(len(got), refused)
    sent.through = not sent.over and sent.blown is None and planned.writes <= sent.done
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


def _price(batch: Batch) -> int:
    """The most that a batch may cost in credits, with what goes out after it: tags to look at, and to take away."""
    surplus = sum(isinstance(step, Update) and bool(step.surplus) for step in batch.steps)
    return (1 if batch.action == "delete" else -(-len(batch.steps) // 10)) + (1 + surplus if surplus else 0)


def _refused_whole(error: RequestRefused, records: int) -> list[Answer]:
    """Zoho refused the call without looking at its records: one of them may be why, so they come back one by one."""
    code = BATCH_REFUSED if records > 1 else error.code
    return [Busy(code=code, message=str(error))] * records


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
            promise=Promise(pact=step.pact, digests=step.digests)
            if isinstance(step, Create | Update) and step.pact is not None
            else None,
            fields=_carried(step),
        )
        for step in batch.steps
    ]


def _carried(step: Write) -> frozenset[str] | None:
    """The fields of the counterpart that a write may change; None: all that it has are ours."""
    match step:
        case Create():
            return None
        case Update():
            return frozenset(step.values)
        case Flag():
            return frozenset([step.field])
        case Delete():
            return frozenset()
