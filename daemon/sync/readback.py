"""Both ways: what the target has made of what was written there, a rounded price say. It is read back at once, while
the record shows the time of our write: later its own form would pass for an edit.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from daemon.core.answer import Answer, Done
from daemon.core.digest import Digests, digest_value, together
from daemon.core.fieldmap import FieldMap
from daemon.core.merge import moment_of, observed
from daemon.core.record import WireRecord
from daemon.core.steps import Create, Step, Update
from daemon.sync.prepare import Prepared
from daemon.zoho.client import Zoho
from daemon.zoho.errors import ZohoError

_TIME = "Modified_Time"


def with_own_forms(
    steps: Sequence[Step], answers: Mapping[str, Answer], prepared: Prepared, target: Zoho, key: bytes
) -> list[Step]:
    """The steps, those that were done with the digests of what the target holds now. One credit for 100 records; where
    it cannot be read, or somebody was quicker, what was sent counts.
    """
    fields = prepared.fields
    wrote = {
        answer.record_id: answer
        for step in steps
        if isinstance(step, Create | Update) and step.pact is not None and step.pact.sent.keys() & fields.newest
        if isinstance(answer := answers.get(step.change.record_id), Done)
    }
    if not wrote:
        return list(steps)
    try:
        rows = target.by_ids(prepared.stream.target_module, [*sorted(fields.newest), _TIME], sorted(wrote))
    except ZohoError:
        return list(steps)
    seen = {i: row for row in rows if moment_of(row) == wrote[i := str(row["id"])].modified_time}
    return [_seen(step, answers, seen, fields, key) for step in steps]


def _seen(
    step: Step, answers: Mapping[str, Answer], seen: Mapping[str, WireRecord], fields: FieldMap, key: bytes
) -> Step:
    answer = answers.get(step.change.record_id)
    if not isinstance(step, Create | Update) or not isinstance(answer, Done) or step.pact is None:
        return step
    row = seen.get(answer.record_id)
    return step if row is None else replace(step, digests=_digests(step.digests, row, step.pact.sent, fields, key))


def _digests(sent: Digests, row: WireRecord, names: Mapping[str, object], fields: FieldMap, key: bytes) -> Digests:
    there = {n: digest_value(observed(n, row, fields), key) for n in names if n in fields.newest and n in row}
    return together({**sent.by_field, **there}, fields.version, key)
