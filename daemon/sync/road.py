"""One page's road: what is known -> plan -> write -> settle -> one transaction. Both lanes travel it.

No network inside a transaction. An intent is committed before its call; the outcome of every record, the links and
the checkpoint are committed together after the answers are in.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daemon.core.answer import Answer, Busy, NotSent, Uncertain
from daemon.core.causes import UNCERTAIN
from daemon.core.plan import Batch, Create, Knowledge, Step, Update, batches, body, plan
from daemon.core.record import Change, WireRecord
from daemon.core.settle import Lane, Settlement, Walk, settle
from daemon.core.translate import Known, parents_of
from daemon.ledger import DueRow, Intent, Ledger
from daemon.sync.doubts import clear_doubts
from daemon.sync.prepare import Prepared
from daemon.zoho.client import Zoho
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused

BATCH_REFUSED: Final = "BATCH_REFUSED"
_WHOLE_CALL: Final = frozenset({UNCERTAIN, BATCH_REFUSED})  # causes that one record of a batch may have brought on all
_FAILURES_IN_A_ROW: Final = 2


@dataclass(frozen=True, slots=True, kw_only=True)
class Hands:
    """What a page is worked with: the target's connection, the ledger, the time, and whether to stop."""

    target: Zoho
    ledger: Ledger
    now: Callable[[], datetime]
    stopping: Callable[[], bool]
    jitter: Callable[[], float] = random.random


@dataclass(frozen=True, slots=True, kw_only=True)
class Travelled:
    """What a page came to. `trouble` says why the rest of it was left for the next cycle; `unsent` names the rest."""

    cycle_id: int | None
    settlement: Settlement
    unsent: frozenset[str]
    trouble: str | None


def travel(
    changes: Sequence[Change],
    prepared: Prepared,
    hands: Hands,
    *,
    lane: Lane,
    walk: Walk | None = None,
    due: Mapping[str, DueRow] | None = None,
    vanished: Sequence[str] = (),
    cycle_id: int | None = None,
) -> Travelled:
    """Takes a page of changes to its outcomes. Raises what the client raises while reading, before any write."""
    stream, ledger = prepared.stream, hands.ledger
    ids = [*(change.record_id for change in changes), *vanished]
    knowledge = _knowledge(changes, ids, prepared, hands)
    steps = plan(changes, stream, prepared.fields, knowledge)
    alone = frozenset(i for i, row in (due or {}).items() if row.attempts > 1 and row.cause_code in _WHOLE_CALL)
    answers, trouble = _write(steps, prepared, hands, alone)
    settlement = settle(
        steps,
        answers,
        lane=lane,
        stream=stream,
        fields=prepared.fields,
        waiting=ledger.waiting(stream, ids),
        now=hands.now(),
        jitter=hands.jitter,
        walk=walk,
        vanished={i: _left_behind(knowledge.found.get(i, ())) for i in vanished if i not in knowledge.deferred},
    )
    if settlement.seen or settlement.closed_intents:
        cycle_id = ledger.settle(stream, settlement, cycle_id, hands.now())
    sent = {i for i, answer in answers.items() if not isinstance(answer, NotSent)}
    return Travelled(
        cycle_id=cycle_id,
        settlement=settlement,
        unsent=frozenset(s.change.record_id for s in steps if isinstance(s, (Create, Update))) - sent,
        trouble=trouble,
    )


def _left_behind(candidates: tuple[WireRecord, ...]) -> str | None:
    return str(candidates[0]["id"]) if len(candidates) == 1 else None


def _knowledge(changes: Sequence[Change], ids: Sequence[str], prepared: Prepared, hands: Hands) -> Knowledge:
    stream, ledger = prepared.stream, hands.ledger
    parents = {parent for change in changes for parent in parents_of(change.values, prepared.fields)}
    now, theirs = hands.now(), hands.target.server_now()
    doubts = clear_doubts(stream, prepared.fields, ids, ledger, hands.target, theirs)
    return Knowledge(
        known=Known(
            parents=ledger.counterparts(stream, parents, prepared.carried),
            owners=prepared.owners,
            default_owner=prepared.default_owner,
        ),
        links=ledger.links(stream, ids),
        found=doubts.found,
        deferred={i: now + (until - theirs) for i, until in doubts.deferred.items()},  # the queue goes by our clock
        source_zgid=prepared.source_zgid,
        digest_key=ledger.digest_key,
    )


def _write(
    steps: Sequence[Step], prepared: Prepared, hands: Hands, alone: frozenset[str]
) -> tuple[dict[str, Answer], str | None]:
    """Sends the batches of a page one after the other. Two calls in a row that failed as a whole end it: then the
    org is in trouble, not a record.
    """
    answers: dict[str, Answer] = {}
    failures = 0
    for batch in batches(steps, alone):
        if hands.stopping():
            return answers, None
        hands.ledger.begin(prepared.stream, _intents(batch, hands.target.server_now()))
        got, trouble = _send(batch, prepared, hands.target)
        answers.update(zip((s.change.record_id for s in batch.steps), got, strict=True))
        failures = failures + 1 if trouble else 0
        if failures == _FAILURES_IN_A_ROW or any(isinstance(a, NotSent) for a in got):
            return answers, trouble
    return answers, None


def _send(batch: Batch, prepared: Prepared, target: Zoho) -> tuple[list[Answer], str | None]:
    """One write call: an answer for every record, and what went wrong with the call as a whole."""
    stream, fields = prepared.stream, prepared.fields
    records = [body(step) for step in batch.steps]
    triggers = list(stream.triggers)
    try:
        if batch.action == "update":
            answers = target.update(stream.target_module, records, triggers)
        elif fields.key is not None and fields.upsert_is_safe:
            answers = target.upsert(stream.target_module, records, [fields.key], triggers)
        else:
            answers = target.insert(stream.target_module, records, triggers, prefer=[fields.key] if fields.key else [])
    except (OrgUnavailable, CredentialRefused) as error:
        return [NotSent(code=type(error).__name__, message=str(error))] * len(records), str(error)
    except RequestRefused as error:
        return _refused_whole(error, len(records)), str(error)
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
            target_id=step.target_id if isinstance(step, Update) else None,
            sent_at=now,
            match=step.match if isinstance(step, Create) else {},
        )
        for step in batch.steps
    ]
