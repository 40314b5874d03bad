"""One page's road: what is known -> plan -> write -> settle -> one transaction. Both lanes travel it.

No network inside a transaction. What is written is told by its intents before (writing.py); the outcome of every
record, the links and the checkpoint are committed together after the answers are in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from daemon.core.answer import Answer
from daemon.core.causes import UNCERTAIN
from daemon.core.dropped import Version
from daemon.core.ends import Lane
from daemon.core.former import Before
from daemon.core.fuse import Blown, Meter
from daemon.core.knowledge import Knowledge
from daemon.core.plan import plan
from daemon.core.record import Deletion, Seen
from daemon.core.settle import Settlement, Walk, settle
from daemon.core.steps import Create, Flag, Keep, Link, Step, Update
from daemon.core.undo import before
from daemon.ledger import DueRow
from daemon.sync.hands import Eyes, Hands
from daemon.sync.knowing import known_and_whole
from daemon.sync.prepare import Prepared
from daemon.sync.readback import with_own_forms
from daemon.sync.writing import BATCH_REFUSED, Planned, Sent, write

_WHOLE_CALL: Final = frozenset({UNCERTAIN, BATCH_REFUSED})  # causes that one record of a batch may have brought on all


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
    """What is to be written of some changes, by all that is known; their children are told of it."""
    planned, _ = look_ahead(changes, prepared, hands, due)
    tell_children(planned, hands)
    return planned


def tell_children(planned: Planned, hands: Hands) -> None:
    """Has the records read again that point to some that get another counterpart, or that are gone."""
    hands.children.of(planned.remade)
    hands.children.of_deleted(planned.deleted)


def look_ahead(
    changes: Sequence[Seen], prepared: Prepared, eyes: Eyes, due: Mapping[str, DueRow] = MappingProxyType({})
) -> tuple[Planned, Knowledge]:
    """What would be written of some changes, by all that is known; stores nothing."""
    changes, knowledge = known_and_whole(changes, prepared, eyes, due)
    steps = plan(changes, prepared.stream, prepared.fields, knowledge)
    deleted = [c.record_id for c in changes if isinstance(c, Deletion) and c.record_id in knowledge.links]
    versions = {change.record_id: change.modified_time for change in changes}
    planned = Planned(
        steps=steps,
        ids=frozenset(versions),
        remade=_remade(steps, knowledge.links),
        deleted={i: knowledge.links[i].target_id for i in deleted},
        alone=frozenset(i for i, row in due.items() if row.attempts > 1 and row.cause_code in _WHOLE_CALL),
        tried=frozenset(i for i, row in due.items() if row.attempts and row.modified_time == versions.get(i)),
        dropped=knowledge.dropped,
        before=_before(steps, prepared, knowledge) if prepared.stream.undo is not None else {},
    )
    return planned, knowledge


def _before(steps: Sequence[Step], prepared: Prepared, knowledge: Knowledge) -> dict[str, Before]:
    """What the fields hold that are to be written, of counterparts that were looked at for that."""
    found: dict[str, Before] = {}
    for step in steps:
        source_id = step.change.record_id
        there = knowledge.present.get(source_id) or next(iter(knowledge.found.get(source_id, ())), None)
        if isinstance(step, Update | Flag) and there is not None and there["id"] == step.target_id:
            found[source_id] = before(step, there, prepared.fields, knowledge.digest_key)
    return found


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
