"""What records held before they were written, sealed: with an intent from before the call on, then beside the line of
the history, until its time is over. So a write that is done has it, however its answer was lost.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, cast

from sqlalchemy import Connection, select, update

from daemon.core.causes import UNCERTAIN
from daemon.core.ends import Written
from daemon.core.former import Before, merged
from daemon.core.rules import Stream
from daemon.core.settle import Settlement
from daemon.core.steps import Action
from daemon.core.undo import MAY_BE_DONE, Later
from daemon.ledger.among import among
from daemon.ledger.lookups import Intent
from daemon.ledger.sealing import Sealer
from daemon.ledger.tables import changes, cycles, intents

_row: Final = intents.c


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """What is kept with the intent of a source record, and the write that it is about."""

    sealed: str
    action: Action
    target_id: str | None
    fields: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One write of a cycle that may have been done. `before` is None where nothing is kept, or by another key."""

    number: int
    target_id: str
    source_id: str
    action: Action
    fields: frozenset[str]
    before: Before | None


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCycle:
    """One cycle and its writes, the latest of each record where it has several."""

    number: int
    stream: str
    lane: str
    started_at: datetime
    undoes: int | None
    org: str | None
    module: str | None
    attempts: Sequence[Attempt]


def sealed(connection: Connection, stream: Stream, opened: Sequence[Intent], sealer: Sealer | None) -> dict[str, str]:
    """What these writes find, by source id; where an earlier one had no answer, what that one found. Nothing without a
    key.
    """
    if sealer is None:
        return {}
    earlier: dict[str, Before] = {}
    query = select(_row.source_id, _row.target_id, _row.before).where(
        _row.stream == stream.address, _row.before.is_not(None)
    )
    for source_id, target_id, text in connection.execute(
        query.where(among(_row.source_id, [one.source_id for one in opened]))
    ):
        found = sealer.open(text, _place(stream, target_id))
        earlier |= {} if found is None else {source_id: found}
    return {
        i.source_id: sealer.seal(merged(earlier.get(i.source_id, {}), i.before), _place(stream, i.target_id))
        for i in opened
        if i.target_id is not None and (i.before or i.source_id in earlier)
    }


def _place(stream: Stream, target_id: str | None) -> tuple[str, str, str]:
    return stream.target, stream.target_module, target_id or ""


def with_intents(connection: Connection, stream: Stream, settlement: Settlement) -> dict[str, Kept]:
    """What is kept with the intents of the writes that are settled, by source id."""
    columns = _row.source_id, _row.action, _row.target_id, _row.fields, _row.before
    query = select(*columns).where(_row.stream == stream.address, _row.before.is_not(None))
    wanted = {*(one.source_id for one in settlement.written), *settlement.lost}
    return {
        source_id: Kept(
            sealed=text,
            action=cast("Action", action),
            target_id=target_id,
            fields=tuple(json.loads(fields)) if fields else (),
        )
        for source_id, action, target_id, fields, text in connection.execute(query.where(among(_row.source_id, wanted)))
        if text is not None
    }


def answerless(kept: Mapping[str, Kept], settlement: Settlement) -> list[Written]:
    """Lines of the history for writes that had no answer, and may have been done: else their undo would be lost."""
    return [
        Written(source_id=i, target_id=kept[i].target_id, action="update", fields=kept[i].fields, answer_code=UNCERTAIN)
        for i in settlement.lost
        if i in kept
    ]


def past(connection: Connection, number: int, sealer: Sealer | None) -> PastCycle | None:
    """A cycle by its number; None where there is none (any more)."""
    cycle = connection.execute(select(cycles).where(cycles.c.id == number)).mappings().first()
    if cycle is None:
        return None
    row = changes.c
    query = select(changes).where(row.cycle_id == number, row.answer_code.in_(MAY_BE_DONE)).order_by(row.id)
    found: dict[str, Attempt] = {}
    org = module = None
    for one in connection.execute(query.where(row.record_id.is_not(None))).mappings():
        org, module, target_id = one["org"], one["module"], one["record_id"]
        text, known = one["before"], found.get(target_id)
        before = sealer.open(text, (org, module, target_id)) if sealer is not None and text is not None else None
        fields = frozenset(json.loads(one["fields"]))
        if known is not None and known.action == one["action"] == "update":
            fields |= known.fields
            before = merged(known.before, before) if known.before is not None and before is not None else None
        found[target_id] = Attempt(
            number=one["id"],
            target_id=target_id,
            source_id=one["source_id"],
            action=one["action"],
            fields=fields,
            before=before,
        )
    return PastCycle(
        number=number,
        stream=cycle["stream"],
        lane=cycle["lane"],
        started_at=cycle["started_at"],
        undoes=cycle["undoes"],
        org=org,
        module=module,
        attempts=tuple(found.values()),
    )


def later(connection: Connection, cycle: PastCycle) -> dict[str, dict[str, Later]]:
    """Which fields of the records of a cycle were written again, and by which cycle: target id -> field -> the latest
    that no undo has taken back. An undo of the same cycle that had no answer counts for nothing: what stands there
    tells.
    """
    row, attempts = changes.c, {one.target_id: one for one in cycle.attempts}
    query = (
        select(row.id, row.record_id, row.cycle_id, row.fields, row.answer_code, cycles.c.undoes)
        .join(cycles, cycles.c.id == row.cycle_id)
        .where(row.org == cycle.org, row.module == cycle.module, row.answer_code.in_(MAY_BE_DONE))
        .where(row.cycle_id != cycle.number, row.action != "create")
        .order_by(row.id)
    )
    stacks: dict[str, dict[str, list[Later]]] = {}
    query = query.where(among(row.record_id, attempts))
    for number, target_id, cycle_id, fields, code, undoes in connection.execute(query):
        if number < attempts[target_id].number or (undoes == cycle.number and code == UNCERTAIN):
            continue
        for name in json.loads(fields):
            stack = stacks.setdefault(target_id, {}).setdefault(name, [])
            if stack and stack[-1].cycle == undoes:
                stack.pop()
            else:
                stack.append(Later(cycle=cycle_id, undoes=undoes))
    return {i: {name: stack[-1] for name, stack in fields.items() if stack} for i, fields in stacks.items()}


def blank(connection: Connection, keep: Mapping[str, datetime], step: int) -> int:
    """Forget up to `step` kept values that are older than their stream's time, or whose stream keeps none."""
    row = changes.c
    mine = select(cycles.c.id).where(cycles.c.id == row.cycle_id)
    old = [(mine.where(cycles.c.stream == stream).exists(), row.at < since) for stream, since in keep.items()]
    old.append((mine.where(cycles.c.stream.not_in(list(keep))).exists(), row.before.is_not(None)))
    done = 0
    for where in old:
        some = select(row.id).where(row.before.is_not(None), *where).order_by(row.at).limit(step)
        done += connection.execute(update(changes).where(row.id.in_(some)).values(before=None)).rowcount
    return done
