"""What the ledger must store once the answers of a page are in.

Pure: steps + answers + now -> one Settlement, which the ledger stores in one transaction. This is where a change gets
its outcome, where a failure becomes a queue row with a cause and a due time, and where the checkpoint may move.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from types import MappingProxyType
from typing import Final, Literal, get_args

from daemon.core.answer import Answer, Busy, Done, Gone, NotSent, Refused, Uncertain
from daemon.core.backoff import backoff
from daemon.core.causes import DUPLICATE_DATA, TARGET_GONE, UNCERTAIN, Cause
from daemon.core.digest import Digests
from daemon.core.mapping import FieldMap
from daemon.core.plan import Action, Create, Defer, Hold, Keep, Step, Update, Write
from daemon.core.record import Position
from daemon.core.rules import Stream
from daemon.core.translate import Parent

Outcome = Literal[
    "created",
    "updated",
    "adopted",
    "deleted",
    "flagged",
    "unchanged",
    "filtered",
    "held",
    "conflict",
    "retrying",
    "dead",
]
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
Lane = Literal["poll", "retry"]
QueueState = Literal["due", "held", "dead"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the retry queue already holds of a record."""

    source_id: str
    attempts: int
    modified_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class QueueRow:
    """A record that is due again, or held. `due_at` is None while only an event can wake it."""

    source_id: str
    state: QueueState
    attempts: int
    due_at: datetime | None
    cause: Cause
    detail: str
    modified_time: datetime
    waits_for: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A pair for the id map, and what B confirmed of it (None: known to exist, contents not confirmed)."""

    source_id: str
    target_id: str
    digests: Digests | None
    target_modified_time: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One attempt to write, for the history: what was sent (names only) and what Zoho answered."""

    source_id: str
    target_id: str | None
    action: Action
    fields: tuple[str, ...]
    answer_code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settlement:
    """Everything that one page leaves in the ledger. `outcomes` adds up to `seen`."""

    lane: Lane
    seen: int
    outcomes: Mapping[Outcome, int]
    linked: Sequence[Linked] = ()
    queued: Sequence[QueueRow] = ()
    dequeued: Sequence[str] = ()
    closed_intents: Sequence[str] = ()
    written: Sequence[Written] = ()
    checkpoint: Position | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """Where a page of changes stands: the checkpoint before it, its last position, and the horizon of the walk."""

    checkpoint: Position
    page_end: Position
    horizon: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _End:
    """What one step came to."""

    outcome: Outcome
    linked: Linked | None = None
    queued: QueueRow | None = None
    written: Written | None = None
    closes: bool = True


def settle(
    steps: Sequence[Step],
    answers: Mapping[str, Answer],
    *,
    lane: Lane,
    stream: Stream,
    fields: FieldMap,
    waiting: Mapping[str, Waiting],
    now: datetime,
    jitter: Callable[[], float],
    walk: Walk | None,
    vanished: Mapping[str, str | None] = MappingProxyType({}),
) -> Settlement:
    """The outcome of every step that has one. `answers` is by source id.

    A write without an answer, or answered NotSent, has no outcome: it stays before the checkpoint (poll lane) or in
    the queue as it was (retry lane), and only its intent is withdrawn; what an earlier intent led to is kept as a link.
    `walk` is None in the retry lane.
    `vanished` are queued records that the source does not have any more, with the counterpart that an uncertain write
    left behind (or None): they leave the queue as filtered, and the counterpart is noted.
    """
    ends: dict[str, _End] = {}
    unsent: dict[str, Write] = {}
    for step in steps:
        source_id = step.change.record_id
        answer = answers.get(source_id)
        if isinstance(step, (Create, Update)) and (answer is None or isinstance(answer, NotSent)):
            unsent[source_id] = step
            continue
        context = _Context(stream, fields, waiting.get(source_id), now, jitter())
        ends[source_id] = _end(step, answer, context)
    outcomes: Counter[Outcome] = Counter(end.outcome for end in ends.values())
    if vanished:
        outcomes["filtered"] += len(vanished)
    queued = [end.queued for end in ends.values() if end.queued]
    still_queued = {row.source_id for row in queued}
    return Settlement(
        lane=lane,
        seen=len(ends) + len(vanished),
        outcomes=outcomes,
        linked=[
            *(end.linked for end in ends.values() if end.linked),
            *(
                _unconfirmed(step.change.record_id, step.target_id)
                for step in unsent.values()
                if isinstance(step, Update) and step.doubted
            ),
            *(_unconfirmed(source_id, left) for source_id, left in vanished.items() if left is not None),
        ],
        queued=queued,
        dequeued=[i for i in (*ends, *vanished) if i in waiting and i not in still_queued],
        closed_intents=[*unsent, *(i for i, end in ends.items() if end.closes), *vanished],
        written=[end.written for end in ends.values() if end.written],
        checkpoint=None if walk is None else checkpoint_after(walk, steps, frozenset(unsent)),
    )


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
        settled = step.change.position
    return max(walk.checkpoint, min(reached, Position(modified_time=walk.horizon, record_id="0")))


@dataclass(frozen=True, slots=True)
class _Context:
    stream: Stream
    fields: FieldMap
    waiting: Waiting | None
    now: datetime
    jitter: float

    def attempts_before(self, step: Step) -> int:
        """How often this state of the record was tried already; an edit in the source starts to count anew."""
        before = self.waiting
        if before is None or before.modified_time != step.change.position.modified_time:
            return 0
        return before.attempts


def _end(step: Step, answer: Answer | None, context: _Context) -> _End:
    match step:
        case Keep():
            linked = None
            if step.target_id is not None:
                linked = Linked(
                    source_id=step.change.record_id,
                    target_id=step.target_id,
                    digests=step.digests,
                    target_modified_time=None,
                )
            return _End(outcome=step.outcome, linked=linked)
        case Hold():
            # An open intent stays open: once the record can go on, the target is asked again before it is sent.
            return _held(step, step.cause, step.detail, context, waits_for=step.waits_for, closes=False)
        case Defer():
            cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
            detail = "an earlier write may still be on its way; the target is asked before anything is sent"
            row = _row(step, "due", cause, detail, due_at=step.until, attempts=context.attempts_before(step))
            return _End(outcome="retrying", queued=row, closes=False)
        case Create() | Update():
            end = _answered(step, answer, context)
            if isinstance(step, Update) and step.doubted and end.linked is None:
                return replace(end, linked=_unconfirmed(step.change.record_id, step.target_id))
            return end


def _answered(step: Write, answer: Answer | None, context: _Context) -> _End:
    match answer:
        case Done():
            return _done(step, answer)
        case Refused():
            return _refused(step, answer, context)
        case Gone():
            cause = Cause(code=TARGET_GONE, module=context.stream.target_module)
            return _held(step, cause, answer.message, context, written=_written(step, TARGET_GONE))
        case Busy():
            cause = Cause(code=answer.code, module=context.stream.target_module)
            return _again(step, cause, answer.message, context, closes=True)
        case Uncertain():
            cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
            return _again(step, cause, f"{answer.code}: {answer.message}", context, closes=False)
        case _:
            raise AssertionError("a write without an answer has no end")


def _done(step: Write, answer: Done) -> _End:
    if isinstance(step, Update):
        outcome: Outcome = "adopted" if step.adopts else "updated"
    else:
        outcome = "adopted" if answer.matched else "created"
    linked = Linked(
        source_id=step.change.record_id,
        target_id=answer.record_id,
        digests=step.digests,
        target_modified_time=answer.modified_time,
    )
    return _End(outcome=outcome, linked=linked, written=_written(step, "SUCCESS", answer.record_id))


def _unconfirmed(source_id: str, target_id: str) -> Linked:
    """The counterpart is there; what it holds is for the next write to find out."""
    return Linked(source_id=source_id, target_id=target_id, digests=None, target_modified_time=None)


def _refused(step: Write, answer: Refused, context: _Context) -> _End:
    key = context.fields.key
    if isinstance(step, Create) and _is_ours(answer, key) and answer.existing_id is not None:
        # The key holds our value: the record is our own earlier create, whose answer was lost. Its content is not
        # known, so it is linked without digests and comes back at once as an update.
        cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
        detail = f"found again as {answer.existing_id}; its content is brought up to date"
        return _End(
            outcome="adopted",
            linked=_unconfirmed(step.change.record_id, answer.existing_id),
            queued=_row(step, "due", cause, detail, due_at=context.now, attempts=0),
            written=_written(step, answer.code, answer.existing_id),
        )
    rule = next((r for r in context.fields.rules if r.target == answer.field), None)
    sent = step.values.get(answer.field) if answer.field else None
    value = str(sent)[:120] if rule and rule.names_cause and sent is not None else None
    cause = Cause(code=answer.code, module=context.stream.target_module, field=answer.field, value=value)
    detail = answer.message
    if answer.existing_id is not None:
        detail += f" (source {step.change.record_id}, held by {answer.existing_id} in {context.stream.target})"
    return _held(step, cause, detail, context, written=_written(step, answer.code, answer.existing_id))


def _is_ours(answer: Refused, key: str | None) -> bool:
    return key is not None and answer.code == DUPLICATE_DATA and answer.field == key


def _held(
    step: Step,
    cause: Cause,
    detail: str,
    context: _Context,
    *,
    written: Written | None = None,
    waits_for: Parent | None = None,
    closes: bool = True,
) -> _End:
    attempts = context.attempts_before(step) + (1 if written else 0)
    row = _row(step, "held", cause, detail, due_at=None, attempts=attempts, waits_for=waits_for)
    return _End(outcome="held", queued=row, written=written, closes=closes)


def _again(step: Write, cause: Cause, detail: str, context: _Context, *, closes: bool) -> _End:
    attempts = context.attempts_before(step) + 1
    written = _written(step, cause.code)
    if attempts >= context.stream.max_attempts:
        row = _row(step, "dead", cause, detail, due_at=None, attempts=attempts)
        return _End(outcome="dead", queued=row, written=written, closes=closes)
    due_at = context.now + backoff(attempts, context.jitter)
    row = _row(step, "due", cause, detail, due_at=due_at, attempts=attempts)
    return _End(outcome="retrying", queued=row, written=written, closes=closes)


def _row(
    step: Step,
    state: QueueState,
    cause: Cause,
    detail: str,
    *,
    due_at: datetime | None,
    attempts: int,
    waits_for: Parent | None = None,
) -> QueueRow:
    return QueueRow(
        source_id=step.change.record_id,
        state=state,
        attempts=attempts,
        due_at=due_at,
        cause=cause,
        detail=detail[:300],
        modified_time=step.change.position.modified_time,
        waits_for=waits_for,
    )


def _written(step: Write, code: str, target_id: str | None = None) -> Written:
    known = step.target_id if isinstance(step, Update) else None
    return Written(
        source_id=step.change.record_id,
        target_id=target_id or known,
        action="create" if isinstance(step, Create) else "update",
        fields=tuple(sorted(step.values)),
        answer_code=code,
    )
