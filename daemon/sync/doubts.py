"""What the ledger cannot know by itself, above all what became of writes whose answer never arrived: the target is
asked, before anything is sent again (promise 2).

A call that was on its way when the process died may still arrive. So an intent is only looked into after the call's
deadline and the target's visibility lag have passed, by the target's clock; until then its record is deferred.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from daemon.core.mapping import FieldMap
from daemon.core.plan import key_value
from daemon.core.record import WireRecord, is_record_id
from daemon.core.rules import Stream
from daemon.ledger import Intent, Ledger
from daemon.sync.prepare import Prepared
from daemon.zoho import coql
from daemon.zoho.client import Zoho

_IN: Final = 50  # values that one `in (…)` may hold (facts 3.1)
_LATE: Final = timedelta(seconds=5)  # a call that was given up may still be carried out this much later
_CLOCK_SLACK: Final = timedelta(seconds=2)


@dataclass(frozen=True, slots=True, kw_only=True)
class Doubts:
    """What could not be told from the ledger alone: `found` after asking the target; `deferred`, and for how long,
    while it is too early to ask; `ended` are records whose counterpart an uncertain deletion of ours took away.
    """

    found: Mapping[str, tuple[WireRecord, ...]]
    deferred: Mapping[str, timedelta]
    ended: frozenset[str]


def clear_doubts(
    prepared: Prepared,
    ids: Sequence[str],
    ledger: Ledger,
    target: Zoho,
    *,
    strays: Sequence[str],
    suspects: Mapping[str, str],
) -> Doubts:
    """Asks the target about the open intents of these source records; about `strays`, deleted records that the ledger
    does not know; and about `suspects`, whose counterparts (source id -> target id) may not be what the ledger says.
    """
    stream, fields = prepared.stream, prepared.fields
    intents = ledger.open_intents(stream, ids)
    now, wait = target.server_now(), timedelta(seconds=target.org.call_deadline) + max(stream.lag, _LATE)
    left = {i: intent.sent_at + wait - now for i, intent in intents.items()}
    deferred = {i: rest for i, rest in left.items() if rest > timedelta()}
    ripe = [intent for i, intent in intents.items() if i not in deferred]
    targets: dict[str, list[str]] = {i: [target_id] for i, target_id in suspects.items() if i not in deferred}
    targets |= {i.source_id: [i.target_id] for i in ripe if i.target_id is not None}
    targets |= _created(prepared, [i for i in ripe if i.target_id is None], ledger, target)
    if fields.key is not None and stream.deletes != "ignore":
        unknown = [i for i in strays if i not in intents]
        targets |= _by_key(stream, fields.key, {key_value(prepared.source_zgid, i): i for i in unknown}, target, ledger)
    rows = _read(target, stream, fields, targets)
    lost = [i for i in suspects if i in targets and not any(target_id in rows for target_id in targets[i])]
    if fields.key is not None and lost:  # the ledger may be older than the counterpart that it names
        again = _by_key(stream, fields.key, {key_value(prepared.source_zgid, i): i for i in lost}, target, ledger)
        targets |= {i: ids_ for i, ids_ in again.items() if ids_}
        rows |= _read(target, stream, fields, again)
    found = {
        source_id: tuple(rows[target_id] for target_id in target_ids if target_id in rows)
        for source_id, target_ids in targets.items()
    }
    ended = frozenset(i.source_id for i in ripe if i.action == "delete" and not found[i.source_id])
    return Doubts(found=found, deferred=deferred, ended=ended)


def _created(prepared: Prepared, intents: Sequence[Intent], ledger: Ledger, target: Zoho) -> dict[str, list[str]]:
    """For every uncertain create, the ids of target records that could be it: by the key it was sent with, or (no key,
    or another one since) by what else was sent.
    """
    stream, name = prepared.stream, str(prepared.fields.key)
    keyed = {intent.match[name]: intent.source_id for intent in intents if name in intent.match}
    keyless = [intent for intent in intents if name not in intent.match]
    return _by_key(stream, name, keyed, target, ledger) | _by_match(stream, keyless, ledger, target)


def _by_key(stream: Stream, name: str, keyed: Mapping[str, str], target: Zoho, ledger: Ledger) -> dict[str, list[str]]:
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


def _by_match(stream: Stream, intents: Sequence[Intent], ledger: Ledger, target: Zoho) -> dict[str, list[str]]:
    """Without a key: records that were created since, hold what was sent, and stand for nothing else yet."""
    found: dict[str, list[str]] = {}
    for intent in intents:
        same = [coql.equals(name, value) for name, value in intent.match.items()]
        since = coql.at_or_after("Created_Time", intent.sent_at - _CLOCK_SLACK)
        page = target.coql(stream.target_module, ["id"], where=coql.and_(since, *same), order_by=("id",), limit=200)
        ids = [str(row["id"]) for row in page.rows if is_record_id(row.get("id"))]
        taken = ledger.linked_targets(stream.target, stream.target_module, ids)
        found[intent.source_id] = [i for i in ids if i not in taken]
    return found


def _read(
    target: Zoho, stream: Stream, fields: FieldMap, targets: Mapping[str, Sequence[str]]
) -> dict[str, WireRecord]:
    wanted = sorted({target_id for ids in targets.values() for target_id in ids})
    columns = [*fields.targets, *([stream.flag] if stream.flag else [])]
    found = target.by_ids(stream.target_module, columns, wanted) if wanted else []
    return {str(row["id"]): row for row in found}


def _chunks(values: Sequence[str]) -> list[Sequence[str]]:
    return [values[i : i + _IN] for i in range(0, len(values), _IN)]
