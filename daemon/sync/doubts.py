"""What the ledger cannot know by itself, above all what became of writes whose answer never arrived: the target is
asked, before anything is sent again (promise 2).

A call that was on its way when the process died may still arrive. So an intent is only looked into after the call's
deadline and the target's visibility lag have passed, by the target's clock; until then its record is deferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from daemon.core.agreement import Promise
from daemon.core.alike import alike
from daemon.core.content import key_value
from daemon.core.fieldmap import FieldMap
from daemon.core.notes import wanted_of
from daemon.core.record import WireRecord, is_record_id
from daemon.core.rules import Stream
from daemon.ledger import Backfill, Intent, ReadLedger
from daemon.ledger.renaming import KEYLESS
from daemon.sync.copies import find_copies
from daemon.sync.prepare import Prepared
from daemon.sync.whole import UNREAD_RETRY, look_at
from daemon.zoho import coql
from daemon.zoho.client import Zoho

STAMPS: Final = frozenset({"Modified_Time", "Modified_By"})  # what decides conflicts
_IN: Final = 50  # values that one `in (…)` may hold (facts 3.1)
_LATE: Final = timedelta(seconds=5)  # a call that was given up may still be carried out this much later
_CLOCK_SLACK: Final = timedelta(minutes=10)  # between the clock that we go by and the one that stamps Created_Time


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What could not be told from the ledger alone: `found` after asking the target; `deferred`, and for how long,
    while it is too early to ask; `ended` are records whose counterpart an uncertain deletion of ours took away. Of the
    `unsure` ones, what was found only may be the counterpart. `promised` is what their writes promise, `carried` the
    fields that they carried (None: not known).
    """

    found: Mapping[str, tuple[WireRecord, ...]]
    deferred: Mapping[str, timedelta]
    ended: frozenset[str]
    unsure: frozenset[str]
    promised: Mapping[str, Promise]
    carried: Mapping[str, frozenset[str] | None]


def clear_doubts(
    prepared: Prepared,
    ids: Sequence[str],
    ledger: ReadLedger,
    target: Zoho,
    *,
    strays: Sequence[str],
    suspects: Mapping[str, str],
) -> Doubts:
    """Asks the target about the open intents of these source records; about `strays`, records that the ledger does
    not know and that may have a counterpart; and about `suspects`,
    whose counterparts (source id -> target id) may not be what the ledger says.
    """
    stream, fields = prepared.stream, prepared.fields
    intents = ledger.open_intents(stream, ids)
    now, wait = target.server_now(), patience(stream, target)
    load = ledger.backfill(stream) if intents else None
    left = {i: _over_at(intent, wait, load) - now for i, intent in intents.items()}
    deferred = {i: rest for i, rest in left.items() if rest > timedelta()}
    ripe = [intent for i, intent in intents.items() if i not in deferred]
    targets: dict[str, list[str]] = {i: [target_id] for i, target_id in suspects.items() if i not in deferred}
    targets |= {i.source_id: [i.target_id] for i in ripe if i.target_id is not None}
    created, unsure = _created(prepared, [i for i in ripe if i.target_id is None], wait, ledger, target)
    targets |= created
    if fields.key is not None:
        unknown = [i for i in strays if i not in intents]
        targets |= _by_key(stream, fields.key, {key_value(prepared.source_zgid, i): i for i in unknown}, target, ledger)
    rows, unread = _read(target, stream, fields, targets)
    lost = [i for i in suspects if i in targets and not any(target_id in rows for target_id in targets[i])]
    if fields.key is not None and lost:  # the ledger may be older than the counterpart that it names
        again = _by_key(stream, fields.key, {key_value(prepared.source_zgid, i): i for i in lost}, target, ledger)
        targets |= {i: ids_ for i, ids_ in again.items() if ids_}
        more, unseen = _read(target, stream, fields, again)
        rows, unread = rows | more, unread | unseen
    deferred |= {i: UNREAD_RETRY for i, ids_ in targets.items() if unread & set(ids_)}
    found = {
        source_id: tuple(rows[target_id] for target_id in target_ids if target_id in rows)
        for source_id, target_ids in targets.items()
    }
    found |= {i.source_id: () for i in ripe if not _is_made_by(i, found[i.source_id], fields.key)}
    ended = frozenset(i.source_id for i in ripe if i.action == "delete" and not found[i.source_id])
    promised = {i.source_id: i.promise for i in ripe if i.promise is not None}
    carried = {i.source_id: i.fields for i in ripe}
    return Doubts(found=found, deferred=deferred, ended=ended, unsure=unsure, promised=promised, carried=carried)


def _is_made_by(intent: Intent, rows: Sequence[WireRecord], key: str | None) -> bool:
    """False for a create of which a file of results named what holds another key: that is a stranger."""
    if intent.action != "create" or intent.target_id is None or key is None or key not in intent.match:
        return True
    return all(row.get(key) == intent.match[key] for row in rows)


def _over_at(intent: Intent, wait: timedelta, load: Backfill | None) -> datetime:
    """When what a write does can be seen: a bulk write may be at work for longer than a call."""
    over = intent.sent_at + wait
    if load is None or load.write_until is None or load.write_sent_at != intent.sent_at:
        return over
    return max(over, load.write_until)


def patience(stream: Stream, target: Zoho) -> timedelta:
    """For how long a call that was sent may still show its effect."""
    return timedelta(seconds=target.org.call_deadline) + max(stream.lag, _LATE)


def _created(
    prepared: Prepared, intents: Sequence[Intent], wait: timedelta, ledger: ReadLedger, target: Zoho
) -> tuple[dict[str, list[str]], frozenset[str]]:
    """For every uncertain create, the ids of target records that could be it: by the key field that it was sent with
    (whatever the key is now), or by all that was sent; and the source ids for which that is not certain.
    """
    stream = prepared.stream
    if stream.notes_of:
        wanted = {i.source_id: note for i in intents if (note := wanted_of(i.match)) is not None}
        copies = find_copies(wanted, stream, ledger, target)
        return {i.source_id: [copies[i.source_id]] if i.source_id in copies else [] for i in intents}, frozenset()
    keys = {i.source_id: _key_sent(i, prepared.source_zgid) for i in intents}
    keyless = {i.source_id for i in intents if keys[i.source_id] is None}
    found: dict[str, list[str]] = {}
    for name in {name for name in keys.values() if name is not None}:
        keyed = {i.match[name]: i.source_id for i in intents if keys[i.source_id] == name}
        if today := name if name != KEYLESS else stream.key:
            found |= _by_key(stream, today, keyed, target, ledger)
    unsure: set[str] = set()
    for intent in intents:  # the key field was another then, or not there: what was made may lack it
        if keys[intent.source_id] == KEYLESS and not found.get(intent.source_id):
            made = _made(prepared, intent.sent_at, intent.sent_at + wait, target.me(), ledger, target)
            found[intent.source_id] = [str(row["id"]) for row in made]
            unsure |= {intent.source_id}
    if keyless:
        api_user = target.me()
        rivals = [i for i in ledger.open_intents(stream).values() if i.target_id is None]
        for sent_at in sorted({i.sent_at for i in intents if i.source_id in keyless}):
            rows = _made(prepared, sent_at, sent_at + wait, api_user, ledger, target)
            pairs = alike({i.source_id: i.match for i in rivals}, rows, prepared.fields, ledger.digest_key)
            together = [i.source_id for i in intents if i.source_id in keyless and i.sent_at == sent_at]
            found |= {i: [*(pairs.same[i] or pairs.perhaps[i])] for i in together}
            unsure |= {i for i in together if not pairs.same[i]}
    return found, frozenset(unsure)


def _key_sent(intent: Intent, source_zgid: str) -> str | None:
    """The key field that a create was sent with, if any."""
    key = key_value(source_zgid, intent.source_id)
    return next((name for name, value in intent.match.items() if value == key), None)


def _by_key(
    stream: Stream, name: str, keyed: Mapping[str, str], target: Zoho, ledger: ReadLedger
) -> dict[str, list[str]]:
    """The target records that hold these values (value -> source id) in their key field, by source id; none that stands
    for another record: then somebody wrote into its key field.
    """
    found: dict[str, list[str]] = {source_id: [] for source_id in keyed.values()}
    for values in _chunks(sorted(keyed)):
        page = target.coql(
            stream.target_module, ["id", name], where=coql.field_in(name, values), order_by=("id",), limit=200
        )
        for row in page.rows:
            source_id, target_id = keyed.get(str(row.get(name))), row.get("id")
            if source_id is not None and is_record_id(target_id):
                found[source_id].append(str(target_id))
    known = ledger.stand_for(stream, [target_id for ids in found.values() for target_id in ids])
    return {source_id: [i for i in ids if source_id in known.get(i, {source_id})] for source_id, ids in found.items()}


def _made(
    prepared: Prepared, since: datetime, until: datetime, api_user: str, ledger: ReadLedger, target: Zoho
) -> list[WireRecord]:
    """The target's records that our own user made in this time and that stand for nothing. No value is asked for: not
    every value can stand in a query.
    """
    module, last, ids = prepared.stream.target_module, "0", list[str]()
    within = coql.and_(
        coql.at_or_after("Created_Time", since - _CLOCK_SLACK), coql.before("Created_Time", until + _CLOCK_SLACK)
    )
    while True:
        where = coql.and_(within, coql.id_after(last))
        page = target.coql(module, ["id", "Created_By"], where=where, order_by=("id",), limit=coql.MOST_ROWS)
        rows = [row for row in page.rows if is_record_id(row.get("id"))]
        ids += [str(row["id"]) for row in rows if _maker(row) in (None, api_user)]
        if not page.more or not rows:
            break
        last = str(rows[-1]["id"])
    taken = ledger.linked_targets(prepared.stream.target, module, ids)
    free = [i for i in ids if i not in taken]
    names = [name for name in prepared.fields.targets if name not in prepared.fields.composed]
    return target.by_ids(module, names, free) if free else []


def _maker(row: WireRecord) -> object:
    """The user who made a record; None where that is not shown."""
    by = row.get("Created_By")
    return by.get("id") if isinstance(by, dict) else None


def _read(
    target: Zoho, stream: Stream, fields: FieldMap, targets: Mapping[str, Sequence[str]]
) -> tuple[dict[str, WireRecord], frozenset[str]]:
    """The target records by id, and those of which not all could be read."""
    wanted = sorted({target_id for ids in targets.values() for target_id in ids})
    beside = [name for name in (stream.flag, fields.key) if name]
    columns = [*fields.targets, *beside, *(sorted(STAMPS) if stream.circle else [])]
    return look_at(target, stream.target_module, columns, fields, wanted)


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[i : i + _IN] for i in range(0, len(values), _IN)]
