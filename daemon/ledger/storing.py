"""Stores a Settlement: everything that a page came to, in the caller's one transaction."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

import orjson
from sqlalchemy import Connection, bindparam, delete, insert, update

from daemon.core.digest import Digests
from daemon.core.ends import Linked, Written
from daemon.core.outcome import OUTCOMES
from daemon.core.rules import Stream
from daemon.core.settle import Settlement
from daemon.ledger import baselines, befores, comparisons, drops, queue, streams
from daemon.ledger.among import among
from daemon.ledger.befores import Kept
from daemon.ledger.columns import storable
from daemon.ledger.errors import LedgerError
from daemon.ledger.linking import link
from daemon.ledger.lookups import Intent, links, names_of, open_intents
from daemon.ledger.pacts import dump_promise
from daemon.ledger.rows import insert_all
from daemon.ledger.sealing import Sealer
from daemon.ledger.tables import agreed, changes, cycles, intents
from daemon.ledger.upsert import upsert


def store(connection: Connection, stream: Stream, settlement: Settlement, cycle_id: int | None, now: datetime) -> int:
    """Store all of the settlement; gives the number of its cycle, which is a new one when `cycle_id` is None. What was
    kept with the intents goes on with what was written.
    """
    streams.demand_started(connection, stream)
    entities = link(connection, stream, settlement.linked, now)
    _agree(connection, stream, settlement.linked, entities, now)
    baselines.agree(connection, stream, settlement.linked, entities, now)
    baselines.record(connection, stream, settlement.fought, now)
    drops.end(connection, stream.address, settlement.anew, now)
    if (undone := settlement.undone) is not None:
        drops.end_put_back(connection, stream.address, undone.in_step, now)
        drops.hold_back(connection, stream.address, undone.held_back, undone.cycle, undone.who, now)
    queue.requeue(connection, stream, settlement.queued, settlement.dequeued, now)
    kept = {} if stream.undo is None else befores.with_intents(connection, stream, settlement)
    if closed := settlement.closed_intents:
        connection.execute(
            delete(intents).where(intents.c.stream == stream.address, among(intents.c.source_id, closed))
        )
    number = _count(connection, stream, settlement, cycle_id, now)
    _record(connection, stream, [*settlement.written, *befores.answerless(kept, settlement)], number, now, kept)
    arrived = {linked_id for pair in settlement.linked for linked_id in (pair.source_id, pair.target_id)}
    queue.wake(connection, arrived | {r.waits_for.record_id for r in settlement.queued if r.waits_for}, now)
    queue.wake_orphans(connection, stream, settlement.gone, now)
    if settlement.checkpoint is not None:
        streams.advance(connection, stream, settlement.checkpoint)
    return number


def finish(
    connection: Connection, cycle_id: int, credits_source: int, credits_target: int, trouble: str | None, now: datetime
) -> None:
    """The cycle is over; it cost this much in all."""
    why = None if trouble is None else storable(trouble)
    done = connection.execute(
        update(cycles)
        .where(cycles.c.id == cycle_id)
        .values(finished_at=now, credits_source=credits_source, credits_target=credits_target, trouble=why)
    )
    if done.rowcount != 1:
        raise LedgerError(f"there is no cycle {cycle_id}")


def begin(connection: Connection, stream: Stream, opened: Sequence[Intent], sealer: Sealer | None) -> None:
    """Remember the writes that are about to be sent, and what they find, sealed."""
    before = open_intents(connection, stream, [intent.source_id for intent in opened])
    kept = befores.sealed(connection, stream, opened, sealer) if any(intent.before for intent in opened) else {}
    rows = [
        {
            "stream": stream.address,
            "source_id": intent.source_id,
            "action": intent.action,
            "target_id": intent.target_id,
            "sent_at": intent.sent_at,
            "match": orjson.dumps(dict(intent.match)).decode(),
            "promise": intent.promise and dump_promise(intent.promise),
            "fields": None if intent.fields is None else orjson.dumps(sorted(intent.fields)).decode(),
            "before": kept.get(intent.source_id),
        }
        for intent in (one.after(before.get(one.source_id)) for one in opened)
    ]
    insert_all(connection, upsert(connection, intents, kept=("epoch",)), rows)


def name_made(connection: Connection, stream: Stream, made: Mapping[str, str]) -> None:
    """What the creates without an answer (by source id) have made is known by its id now."""
    row = intents.c
    mine = row.stream == stream.address, row.source_id == bindparam("i"), row.action == "create"
    if made:
        rows = [{"i": source_id, "made": target_id} for source_id, target_id in made.items()]
        connection.execute(update(intents).where(*mine).values(target_id=bindparam("made")), rows)


def _agree(
    connection: Connection, stream: Stream, linked: Sequence[Linked], entities: Mapping[str, str], now: datetime
) -> None:
    """What the target confirmed is agreed; of a counterpart whose contents are not known only what no write without an
    answer carried, and of one that ended nothing. A comparison that goes on need not meet it any more: both sides were
    there just now. (No times are compared: clocks step.)
    """
    comparison = comparisons.current(connection, stream.address)
    seen_by = None if comparison is None else comparison.id
    unsure = _still_agreed(connection, stream, [p for p in linked if p.digests is None and p.state == "live"])
    rows = [
        {
            "entity_id": entities[pair.source_id],
            "stream": stream.address,
            "source_digest": pair.digests.whole,
            "field_digests": orjson.dumps(dict(pair.digests.by_field)).decode(),
            "target_modified_time": pair.target_modified_time,
            "agreed_at": now,
            "source_comparison": seen_by,
            "target_comparison": seen_by,
            "drifted": names_of(pair.drifted),
        }
        for pair in [*linked, *unsure]
        if pair.digests is not None
    ]
    ended = [entities[pair.source_id] for pair in linked if pair.digests is None and pair.state != "live"]
    if ended:
        connection.execute(delete(agreed).where(agreed.c.stream == stream.address, among(agreed.c.entity_id, ended)))
    known = ("target_modified_time", "source_comparison", "target_comparison")
    insert_all(connection, upsert(connection, agreed, kept=("target_digest",), known=known), rows)


def _still_agreed(connection: Connection, stream: Stream, linked: Sequence[Linked]) -> list[Linked]:
    """Of counterparts whose contents are not known, with what is: the fields that no write without an answer carried
    hold what they held, or what somebody wrote there.
    """
    known = links(connection, stream, [pair.source_id for pair in linked])
    unanswered = open_intents(connection, stream, known)
    pairs = []
    for pair in linked:
        before, intent = known[pair.source_id], unanswered.get(pair.source_id)
        carried = frozenset[str]() if intent is None else intent.fields
        left = {} if carried is None else {n: d for n, d in before.by_field.items() if n not in carried}
        drifted = before.drifted & left.keys()
        digests = Digests(whole="", by_field=left)
        pairs.append(replace(pair, digests=digests, target_modified_time=None, drifted=drifted))
    return pairs


def _count(connection: Connection, stream: Stream, settlement: Settlement, cycle_id: int | None, now: datetime) -> int:
    counts = {outcome: settlement.outcomes.get(outcome, 0) for outcome in OUTCOMES} | {"seen": settlement.seen}
    if cycle_id is None:
        row = {
            "stream": stream.address,
            "lane": settlement.lane,
            "started_at": now,
            "undoes": settlement.undone and settlement.undone.cycle,
            **counts,
        }
        return int(connection.execute(insert(cycles).returning(cycles.c.id), row).scalar_one())
    added = {name: cycles.c[name] + count for name, count in counts.items() if count}
    mine = cycles.c.id == cycle_id, cycles.c.stream == stream.address, cycles.c.lane == settlement.lane
    done = connection.execute(update(cycles).where(*mine).values(added or {"seen": cycles.c.seen}))
    if done.rowcount != 1:
        raise LedgerError(f"there is no cycle {cycle_id} of {stream.address} in the {settlement.lane} lane")
    return cycle_id


def _record(
    connection: Connection,
    stream: Stream,
    written: Sequence[Written],
    cycle_id: int,
    now: datetime,
    kept: Mapping[str, Kept],
) -> None:
    names: dict[tuple[str, ...], str] = {}
    rows = [
        {
            "cycle_id": cycle_id,
            "org": stream.target,
            "module": stream.target_module,
            "record_id": attempt.target_id,
            "source_id": attempt.source_id,
            "action": attempt.action,
            "fields": names.get(attempt.fields) or names.setdefault(attempt.fields, json.dumps(list(attempt.fields))),
            "answer_code": storable(attempt.answer_code),
            "at": now,
            "cut": json.dumps(attempt.cut) if attempt.cut else "[]",
            "before": kept[attempt.source_id].sealed if attempt.source_id in kept else None,
        }
        for attempt in written
    ]
    insert_all(connection, insert(changes), rows)
