"""What the ledger must store once the answers of a page are in.

Pure: steps + answers + now -> one Settlement, which the ledger stores in one transaction. This is where a change gets
its outcome, where a failure becomes a queue row with a cause and a due time, and where the checkpoint may move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType

from daemon.core.answer import Answer, Done, NotSent
from daemon.core.dropped import Version, is_dropped, version_of
from daemon.core.ends import Context, End, Lane, Linked, QueueRow, Waiting, Written, end_of, unconfirmed
from daemon.core.fieldmap import FieldMap
from daemon.core.merge import Conflict
from daemon.core.outcome import Outcome
from daemon.core.record import Change, Deletion, Position
from daemon.core.rules import Stream
from daemon.core.steps import Create, Late, Step, Update, Write


@dataclass(frozen=True, slots=True, kw_only=True)
class Fought:
    """A conflict of two records that the source has won: its value was sent."""

    source_id: str
    target_id: str
    conflict: Conflict


@dataclass(frozen=True, slots=True, kw_only=True)
class Undone:
    """Of a settlement that undoes `cycle`: who did it, the versions of the source's records that are not written again
    (`held_back`), and the records that are again as the source says.
    """

    cycle: int
    who: str
    held_back: Mapping[str, Version]
    in_step: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Everything that one page leaves in the ledger. `outcomes` adds up to `seen`; `gone` are records that the source
    does not have any more, `anew` those of which an earlier version was dropped. `lost` are records of which an earlier
    write had no answer and is not looked for any more. `undone`: what this one undoes, if it is an undo.
    """

    lane: Lane
    seen: int
    outcomes: Mapping[Outcome, int]
    linked: Sequence[Linked] = ()
    queued: Sequence[QueueRow] = ()
    dequeued: Sequence[str] = ()
    closed_intents: Sequence[str] = ()
    written: Sequence[Written] = ()
    fought: Sequence[Fought] = ()
    gone: Sequence[str] = ()
    anew: Sequence[str] = ()
    lost: Sequence[str] = ()
    undone: Undone | None = None
    checkpoint: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where a page of changes stands: the checkpoint before it, its last position, and the horizon of the walk."""

    checkpoint: Position
    page_end: Position
    horizon: datetime


def settle(
    steps: Sequence[Step],
    answers: Mapping[str, Answer],
    *,
    seen: int,
    lane: Lane,
    stream: Stream,
    fields: FieldMap,
    waiting: Mapping[str, Waiting],
    now: datetime,
    jitter: Callable[[], float],
    walk: Walk | None,
    dropped: Mapping[str, Version] = MappingProxyType({}),
) -> Settlement:
    """The outcome of every step that has one. `answers` is by source id; `seen` is how many changes were handed to
    plan: if one of them got no step, the sum does not add up and the ledger refuses it.

    A write without an answer, or answered NotSent, has no outcome: it stays before the checkpoint (poll lane) or in
    the queue as it was (retry lane), and only its intent is withdrawn; what an earlier intent led to is kept as a link.
    `walk` is None in the retry lane. `dropped` is source id -> version that a person dropped.
    """
    ends: dict[str, End] = {}
    unsent: dict[str, Write] = {}
    for step in steps:
        source_id = step.change.record_id
        answer = answers.get(source_id)
        if isinstance(step, Write) and (answer is None or isinstance(answer, NotSent)):
            unsent[source_id] = step
            continue
        context = Context(stream, fields, waiting.get(source_id), now, jitter())
        ends[source_id] = end_of(step, answer, context)
    outcomes: Counter[Outcome] = Counter(end.outcome for end in ends.values())
    queued = [end.queued for end in ends.values() if end.queued]
    still_queued = {row.source_id for row in queued}
    return Settlement(
        lane=lane,
        seen=seen - len(unsent),
        outcomes=outcomes,
        linked=[
            *(end.linked for end in ends.values() if end.linked),
            *(
                unconfirmed(step.change.record_id, step.target_id)
                for step in unsent.values()
                if not isinstance(step, Create) and step.doubted
            ),
        ],
        queued=queued,
        dequeued=[i for i in ends if i in waiting and i not in still_queued],
        closed_intents=[*unsent, *(i for i, end in ends.items() if end.closes)],
        written=[end.written for end in ends.values() if end.written],
        fought=[
            Fought(source_id=_id(step), target_id=step.target_id, conflict=conflict)
            for step in steps
            if isinstance(step, Late) or (isinstance(step, Update) and isinstance(answers.get(_id(step)), Done))
            for conflict in conflicts_of(step)
        ],
        gone=[s.change.record_id for s in steps if isinstance(s.change, Deletion) and s.change.record_id in ends],
        anew=[i for s in steps if dropped and (i := _id(s)) in ends and _is_another(i, version_of(s.change), dropped)],
        lost=[
            *(i for i, end in ends.items() if end.closes and end.written is None),
            *(i for i, step in unsent.items() if not isinstance(step, Create) and step.doubted),
        ],
        checkpoint=None if walk is None else checkpoint_after(walk, steps, frozenset(unsent)),
    )


def _is_another(source_id: str, version: Version, dropped: Mapping[str, Version]) -> bool:
    """Whether another version of the record was dropped."""
    return source_id in dropped and not is_dropped(source_id, version, dropped)


def _id(step: Step) -> str:
    return step.change.record_id


def conflicts_of(step: Update | Late) -> tuple[Conflict, ...]:
    """The conflicts that a write has won, once it is known to be done."""
    pact = step.promise.pact if isinstance(step, Late) else step.pact
    return pact.conflicts if pact is not None else ()


def checkpoint_after(walk: Walk, steps: Sequence[Step], unsent: frozenset[str]) -> Position:
    """How far the checkpoint may move: over every change that has an outcome, and not past the first that has none;
    never past the horizon, because a write of the source may become visible late; never back (design 3).
    """
    reached = walk.page_end
    settled = walk.checkpoint
    for step in steps:
        if step.change.record_id in unsent:
            reached = settled
            break
        if isinstance(step.change, Change):
            settled = step.change.position
    return max(walk.checkpoint, min(reached, Position(modified_time=walk.horizon, record_id="0")))
