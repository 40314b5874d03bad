"""What one step came to: its outcome, its link, its row in the queue, its line in the history. Pure."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from daemon.core.answer import Answer, Busy, Done, Gone, Refused, Uncertain
from daemon.core.backoff import backoff
from daemon.core.causes import (
    DUPLICATE_DATA,
    INVALID_DATA,
    ORIGIN_UNKNOWN,
    PARENT_UNMATCHED,
    TARGET_GONE,
    UNCERTAIN,
    UNREAD,
    USER_REFUSED,
    Cause,
)
from daemon.core.digest import Digests
from daemon.core.dropped import Version
from daemon.core.fieldmap import FieldMap
from daemon.core.fitting import PEOPLE, FieldRule
from daemon.core.merge import Pact
from daemon.core.notes import PARENT
from daemon.core.outcome import Outcome
from daemon.core.record import Deletion
from daemon.core.rules import Stream
from daemon.core.steps import (
    Action,
    Create,
    Defer,
    Delete,
    Flag,
    Hold,
    Keep,
    Late,
    LinkState,
    Step,
    Update,
    Write,
    action_of,
)
from daemon.core.translate import Parent

Lane = Literal["poll", "retry"]
QueueState = Literal["due", "held", "dead"]
_USERS_READ: Final = timedelta(seconds=30)  # by then another cycle has read the target's users anew
_DEFERRED: Final = {
    UNCERTAIN: "an earlier write may still be on its way; the target is asked before anything is sent",
    ORIGIN_UNKNOWN: "its key field names the record of another org, and the link to it is not known yet",
    UNREAD: "its rows could not be read as they belong to this version of the record; they are read again",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """What the retry queue already holds of a record."""

    source_id: str
    attempts: int
    modified_time: datetime | None
    for_parent: bool = False
    state: QueueState = "due"
    code: str = ""


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
    deletion: bool = False

    @property
    def version(self) -> Version:
        """What it is about."""
        return None if self.deletion else self.modified_time


def due_row(stream: Stream, source_id: str, code: str, detail: str, at: datetime, now: datetime) -> QueueRow:
    """A record that is to be looked at, because of what was seen of its state at a time."""
    cause = Cause(code=code, module=stream.target_module)
    return QueueRow(
        source_id=source_id, state="due", attempts=0, due_at=now, cause=cause, detail=detail, modified_time=at
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Linked:
    """A pair for the id map, and what B confirmed of it (None: what our writes without an answer carried is not known).
    `drifted` as in Link.
    """

    source_id: str
    target_id: str
    digests: Digests | None
    target_modified_time: datetime | None
    state: LinkState = "live"
    pact: Pact | None = None
    drifted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """One attempt to write, for the history: what was sent (names only; `cut`: which of them had been longer), and what
    Zoho answered.
    """

    source_id: str
    target_id: str | None
    action: Action
    fields: tuple[str, ...]
    answer_code: str
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class End:
    """What one step came to."""

    outcome: Outcome
    linked: Linked | None = None
    queued: QueueRow | None = None
    written: Written | None = None
    closes: bool = True


@dataclass(frozen=True, slots=True)
class Context:
    stream: Stream
    fields: FieldMap
    waiting: Waiting | None
    now: datetime
    jitter: float

    def attempts_before(self, step: Step) -> int:
        """How often this state of the record was tried already; an edit in the source starts to count anew."""
        before = self.waiting
        if before is None or before.modified_time != step.change.modified_time:
            return 0
        return before.attempts


def end_of(step: Step, answer: Answer | None, context: Context) -> End:
    match step:
        case Keep():
            linked = None
            if step.target_id is not None:
                linked = Linked(
                    source_id=step.change.record_id,
                    target_id=step.target_id,
                    digests=step.digests,
                    target_modified_time=step.pact.at if step.pact else None,
                    state="deleted" if step.outcome == "deleted" else "live",
                    pact=step.pact,
                    drifted=step.drifted,
                )
            return End(outcome=step.outcome, linked=linked, queued=_later(step.later, context))
        case Late():
            source_id, digests = step.change.record_id, step.promise.digests
            linked = Linked(
                source_id=source_id,
                target_id=step.target_id,
                digests=digests,
                target_modified_time=step.at,
                pact=step.promise.pact,
                drifted=step.drifted,
            )
            cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
            detail = f"the write without an answer was done ({step.target_id}); both sides are looked at again"
            queued = _row(step, "due", cause, detail, due_at=context.now, attempts=0)
            return End(outcome=step.outcome, linked=linked, queued=queued)
        case Hold():
            # Else an open intent stays open: once the record can go on, the target is asked before it is sent.
            closes = step.found is not None
            end = _held(step, step.cause, step.detail, context, waits_for=step.waits_for, closes=closes)
            return replace(end, linked=unconfirmed(step.change.record_id, step.found)) if step.found else end
        case Defer():
            cause = Cause(code=step.code, module=context.stream.target_module)
            detail = _DEFERRED[step.code]
            row = _row(step, "due", cause, detail, due_at=step.until, attempts=context.attempts_before(step))
            return End(outcome="retrying", queued=row, closes=False)
        case Create() | Update() | Flag() | Delete():
            return _still_known(step, _answered(step, answer, context))


def _still_known(step: Write, end: End) -> End:
    """What an uncertain write is found to have made is not forgotten because what was to be done with it was not."""
    if isinstance(step, Create) or not step.doubted or end.linked is not None:
        return end
    if end.queued is None and not isinstance(step, Update):
        return end  # it is gone
    return replace(end, linked=unconfirmed(step.change.record_id, step.target_id))


def _answered(step: Write, answer: Answer | None, context: Context) -> End:
    match answer:
        case Done():
            return _done(step, answer, context)
        case Refused():
            return _refused(step, answer, context)
        case Gone():
            return _gone(step, answer, context)
        case Busy():
            cause = Cause(code=answer.code, module=context.stream.target_module)
            return _again(step, cause, answer.message, context, closes=True)
        case Uncertain():
            cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
            return _again(step, cause, f"{answer.code}: {answer.message}", context, closes=False)
        case _:
            raise AssertionError("a write without an answer has no end")


def _done(step: Write, answer: Done, context: Context) -> End:
    written = attempt(step, "SUCCESS", answer.record_id)
    source_id = step.change.record_id
    match step:
        case Delete():
            return End(outcome="deleted", linked=_ended(source_id, step.target_id, "deleted"), written=written)
        case Flag():
            return End(outcome="flagged", linked=_ended(source_id, step.target_id, "flagged"), written=written)
        case Update():
            outcome: Outcome = "adopted" if step.adopts else "updated"
        case Create():
            outcome = "adopted" if answer.matched else "created"
    linked = Linked(
        source_id=source_id,
        target_id=answer.record_id,
        digests=step.digests,
        target_modified_time=answer.modified_time,
        pact=step.pact,
        drifted=step.drifted if isinstance(step, Update) else frozenset(),
    )
    return End(outcome=outcome, linked=linked, queued=_later(step.later, context), written=written)


def _later(later: Hold | None, context: Context) -> QueueRow | None:
    """The row of a record that is in B but for something that it waits for, or a person is to decide."""
    if later is None:
        return None
    return _held(later, later.cause, later.detail, context, waits_for=later.waits_for).queued


def _gone(step: Write, answer: Gone, context: Context) -> End:
    """The counterpart is not there any more: what was to be deleted is, what was to be written follows the policy."""
    source_id, written = step.change.record_id, attempt(step, TARGET_GONE)
    if isinstance(step, (Delete, Flag)):
        outcome: Outcome = "deleted" if isinstance(step, Delete) else "unchanged"
        return End(outcome=outcome, linked=_ended(source_id, step.target_id, "deleted"), written=written)
    cause = Cause(code=TARGET_GONE, module=context.stream.target_module)
    if context.stream.notes_of and isinstance(step, Update) and PARENT in step.values:
        detail = f"{step.target_id} went with the record that it hung at; it is made again at the new one"
        row = _row(step, "due", cause, detail, due_at=context.now, attempts=0)
        return End(outcome="retrying", linked=_ended(source_id, step.target_id, "deleted"), queued=row, written=written)
    if context.stream.gone == "hold" or isinstance(step, Create):
        return _held(step, cause, answer.message, context, written=written)
    linked = _ended(source_id, step.target_id, "gone")
    if context.stream.gone == "leave":
        return End(outcome="filtered", linked=linked, written=written)
    detail = f"{step.target_id} was deleted in {context.stream.target}; the record is made again there"
    row = _row(step, "due", cause, detail, due_at=context.now, attempts=0)
    return End(outcome="retrying", linked=linked, queued=row, written=written)


def _ended(source_id: str, target_id: str, state: LinkState) -> Linked:
    return Linked(source_id=source_id, target_id=target_id, digests=None, target_modified_time=None, state=state)


def unconfirmed(source_id: str, target_id: str) -> Linked:
    """The counterpart is there; what it holds is for the next write to find out."""
    return Linked(source_id=source_id, target_id=target_id, digests=None, target_modified_time=None)


def _refused(step: Write, answer: Refused, context: Context) -> End:
    key = context.fields.key
    if isinstance(step, Create) and answer.existing_id is not None and is_ours(answer, key):
        # The key holds our value: the record is our own earlier create, whose answer was lost. Its content is not
        # known, so it is linked without digests and comes back at once as an update.
        cause = Cause(code=UNCERTAIN, module=context.stream.target_module)
        detail = f"found again as {answer.existing_id}; its content is brought up to date"
        return End(
            outcome="adopted",
            linked=unconfirmed(step.change.record_id, answer.existing_id),
            queued=_row(step, "due", cause, detail, due_at=context.now, attempts=0),
            written=attempt(step, answer.code, answer.existing_id),
        )
    rule = next((r for r in context.fields.rules if r.target == answer.field), None)
    sent = step.values.get(answer.field) if answer.field and isinstance(step, (Create, Update)) else None
    if rule and answer.code == INVALID_DATA and rule.kind in PEOPLE and context.attempts_before(step) == 0:
        cause = Cause(code=USER_REFUSED, module=context.stream.target_module, field=answer.field)
        row = _row(step, "due", cause, answer.message, due_at=context.now + _USERS_READ, attempts=1)
        return End(outcome="retrying", queued=row, written=attempt(step, answer.code))
    value = _refused_value(sent, rule) if rule and rule.names_cause and sent is not None else None
    cause = Cause(code=answer.code, module=context.stream.target_module, field=answer.field, value=value)
    if rule and answer.code == INVALID_DATA and (match := rule.matches.get(rule.parent or "")):
        cause = Cause(code=PARENT_UNMATCHED, module=match.module, field=answer.field)  # it is gone since it was found
    detail = answer.message
    if answer.existing_id is not None:
        detail += f" (source {step.change.record_id}, held by {answer.existing_id} in {context.stream.target}"
        detail += f", which stands for source {answer.stands_for})" if answer.stands_for else ")"
    return _held(step, cause, detail, context, written=attempt(step, answer.code, answer.existing_id))


def _refused_value(sent: object, rule: FieldRule) -> str:
    """The value that names a cause; of several choices those that the target does not know."""
    if isinstance(sent, list):
        sent = ", ".join(sorted(map(str, set(sent) - rule.choices or sent)))
    return str(sent)[:120]


def is_ours(answer: Answer, key: str | None) -> bool:
    """Whether a refusal only says that our key is there already: the record is an earlier create of ours, unless it
    stands for another record (somebody wrote into its key field).
    """
    if not isinstance(answer, Refused) or answer.code != DUPLICATE_DATA or answer.stands_for is not None:
        return False
    return key is not None and answer.field == key


def _held(
    step: Step,
    cause: Cause,
    detail: str,
    context: Context,
    *,
    written: Written | None = None,
    waits_for: Parent | None = None,
    closes: bool = True,
) -> End:
    attempts = 1 if written else context.attempts_before(step)  # a refusal is an answer: what came before is over
    row = _row(step, "held", cause, detail, due_at=None, attempts=attempts, waits_for=waits_for)
    return End(outcome="held", queued=row, written=written, closes=closes)


def _again(step: Write, cause: Cause, detail: str, context: Context, *, closes: bool) -> End:
    attempts = context.attempts_before(step) + 1
    written = attempt(step, cause.code)
    if attempts >= context.stream.max_attempts:
        row = _row(step, "dead", cause, detail, due_at=None, attempts=attempts)
        return End(outcome="dead", queued=row, written=written, closes=closes)
    due_at = context.now + backoff(attempts, context.jitter)
    row = _row(step, "due", cause, detail, due_at=due_at, attempts=attempts)
    return End(outcome="retrying", queued=row, written=written, closes=closes)


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
        modified_time=step.change.modified_time,
        waits_for=waits_for,
        deletion=isinstance(step.change, Deletion),
    )


def attempt(step: Write, code: str, target_id: str | None = None) -> Written:
    """The line of the history for a write that was answered so."""
    match step:
        case Delete():
            names: tuple[str, ...] = ()
        case Flag():
            names = (step.field,)
        case _:
            names = tuple(sorted(step.values))
    return Written(
        source_id=step.change.record_id,
        target_id=target_id or (None if isinstance(step, Create) else step.target_id),
        action=action_of(step),
        fields=names,
        answer_code=code,
        cut=step.cut if isinstance(step, (Create, Update)) else (),
    )
