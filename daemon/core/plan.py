"""What to do with each change of a page: the ladder from "not ours" to "write it".

Pure. It is told everything that is known (links, parents, what open intents turned out to be) and yields one step a
change, in the order of the changes. Sending and storing are for others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Final, Literal

from daemon.core.causes import AMBIGUOUS, WAITS_FOR_PARENT, Cause
from daemon.core.digest import Digests, changed_fields, cover, digest_values
from daemon.core.mapping import FieldMap
from daemon.core.record import Change, WireRecord
from daemon.core.rules import Stream
from daemon.core.translate import Json, Known, Parent, Translation, Values, observe, translate

BATCH: Final = 100
"""Records a write call takes (facts 4.1)."""

Action = Literal["create", "update"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the id map knows of a record: its counterpart, and the digests of what B confirmed last (if anything)."""

    entity_id: str
    target_id: str
    whole: str | None = None
    by_field: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    change: Change
    values: Values
    digests: Digests
    match: Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Only the fields that differ are sent. `adopts` says that the link itself is new.

    `doubted` says that an earlier write was uncertain: until B confirms this one, what the ledger knows of the
    counterpart is not to be trusted.
    """

    change: Change
    target_id: str
    values: Values
    digests: Digests
    adopts: bool = False
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Nothing to write. After an uncertain write it comes with the counterpart and the digests that were found."""

    change: Change
    outcome: Literal["unchanged", "filtered", "adopted"]
    target_id: str | None = None
    digests: Digests | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Cannot be written yet: it waits for a parent, or for a person."""

    change: Change
    cause: Cause
    detail: str
    waits_for: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """An earlier write of this record may still be on its way: nothing is sent before `until`."""

    change: Change
    until: datetime


Step = Create | Update | Keep | Hold | Defer
Write = Create | Update
_ACTIONS: Final[dict[Action, type[Write]]] = {"create": Create, "update": Update}


@dataclass(frozen=True, slots=True, kw_only=True)
class Knowledge:
    """All that planning a page needs besides the changes themselves.

    `found` maps a source id whose earlier write was uncertain to the target records that could be it (any number).
    `deferred` maps a source id whose earlier write may still arrive to the time when it cannot any more.
    """

    known: Known
    links: Mapping[str, Link]
    found: Mapping[str, tuple[WireRecord, ...]]
    deferred: Mapping[str, datetime]
    source_zgid: str
    digest_key: bytes


def plan(changes: Iterable[Change], stream: Stream, fields: FieldMap, knowledge: Knowledge) -> list[Step]:
    """One step for each change, in order."""
    changes = list(changes)
    certain = replace(knowledge, found=_shared_out(changes, knowledge.found))
    return [_step(change, stream, fields, certain) for change in changes]


def _shared_out(
    changes: Iterable[Change], found: Mapping[str, tuple[WireRecord, ...]]
) -> dict[str, tuple[WireRecord, ...]]:
    """No target record for two: of records that look alike, the first takes the only candidate there is."""
    taken: set[object] = set()
    left: dict[str, tuple[WireRecord, ...]] = {}
    for change in changes:
        candidates = found.get(change.record_id)
        if candidates is not None:
            left[change.record_id] = tuple(c for c in candidates if c["id"] not in taken)
            taken.update(c["id"] for c in left[change.record_id] if len(left[change.record_id]) == 1)
    return left


def _step(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Step:
    ready = _ready(change, stream, fields, knowledge)
    if not isinstance(ready, Translation):
        return ready
    values = ready.values
    digests = digest_values(values, fields.version, knowledge.digest_key)
    candidates = knowledge.found.get(change.record_id)
    link = knowledge.links.get(change.record_id)
    held = link if candidates is None else _looked_up(candidates, values, fields, knowledge.digest_key, link)
    if held is None:
        return _create(change, values, digests, fields, knowledge.source_zgid)
    adopts = link is None
    if held.whole == digests.whole and candidates is None:
        return Keep(change=change, outcome="unchanged")
    names = changed_fields(held.by_field, digests)
    if not names:
        outcome: Literal["adopted", "unchanged"] = "adopted" if adopts else "unchanged"
        return Keep(change=change, outcome=outcome, target_id=held.target_id, digests=digests)
    return Update(
        change=change,
        target_id=held.target_id,
        values=cover(values, names),
        digests=digests,
        adopts=adopts,
        doubted=candidates is not None,
    )


def _ready(change: Change, stream: Stream, fields: FieldMap, knowledge: Knowledge) -> Translation | Step:
    """A complete translation, or the step that ends this record's road for now."""
    if until := knowledge.deferred.get(change.record_id):
        return Defer(change=change, until=until)
    candidates = knowledge.found.get(change.record_id, ())
    if len(candidates) > 1:
        return _ambiguous(change, stream, fields, candidates)
    if not fields.keep.test(change.values):
        return _filtered(change, fields, candidates, knowledge.digest_key)
    translation = translate(change.values, fields, knowledge.known)
    if translation.faults:
        fault = translation.faults[0]
        cause = Cause(code=fault.code, module=stream.target_module, field=fault.field, value=fault.value)
        return Hold(change=change, cause=cause, detail=fault.message)
    if translation.waits:
        field, parent = translation.waits[0]
        return Hold(
            change=change,
            cause=Cause(code=WAITS_FOR_PARENT, module=parent.module, field=field),
            detail=f"{field} points to {parent.module} {parent.record_id}, which has no counterpart yet",
            waits_for=parent,
        )
    return translation


def _filtered(change: Change, fields: FieldMap, candidates: tuple[WireRecord, ...], digest_key: bytes) -> Keep:
    """Not written. A counterpart that an uncertain write left behind is noted, or it would be created once more."""
    if not candidates:
        return Keep(change=change, outcome="filtered")
    seen = digest_values(observe(candidates[0], fields), fields.version, digest_key)
    return Keep(change=change, outcome="filtered", target_id=str(candidates[0]["id"]), digests=seen)


def _looked_up(
    candidates: tuple[WireRecord, ...], values: Values, fields: FieldMap, digest_key: bytes, link: Link | None
) -> Link | None:
    """What B really holds, after an uncertain write: the record found there, or nothing that we know of."""
    if not candidates:
        return replace(link, whole=None, by_field={}) if link else None
    seen = digest_values(cover(observe(candidates[0], fields), values), fields.version, digest_key)
    entity_id = link.entity_id if link else ""
    return Link(entity_id=entity_id, target_id=str(candidates[0]["id"]), whole=seen.whole, by_field=seen.by_field)


def _ambiguous(change: Change, stream: Stream, fields: FieldMap, candidates: tuple[WireRecord, ...]) -> Hold:
    ids = ", ".join(sorted(str(c.get("id")) for c in candidates)[:5])
    return Hold(
        change=change,
        cause=Cause(code=AMBIGUOUS, module=stream.target_module, field=fields.key),
        detail=f"any of {ids} in {stream.target} could be the counterpart of {change.record_id}",
    )


def _create(change: Change, values: Values, digests: Digests, fields: FieldMap, source_zgid: str) -> Create:
    if fields.key is None:
        match = {name: value for name in fields.match if isinstance(value := values.get(name), str)}
        return Create(change=change, values=values, digests=digests, match=match)
    match = {fields.key: key_value(source_zgid, change.record_id)}
    return Create(change=change, values={**values, **match}, digests=digests, match=match)


def key_value(source_zgid: str, source_id: str) -> str:
    """What the key field of the target holds for a source record."""
    return f"{source_zgid}:{source_id}"


def body(step: Write) -> dict[str, Json]:
    """The record as it is sent."""
    return dict(step.values) if isinstance(step, Create) else {"id": step.target_id, **step.values}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Steps that travel in one call."""

    action: Action
    steps: tuple[Write, ...]


def batches(steps: Iterable[Step], alone: frozenset[str] = frozenset()) -> Iterator[Batch]:
    """The calls that a page needs; the source ids in `alone` travel one by one, so that they can fail alone."""
    writes = [step for step in steps if isinstance(step, (Create, Update))]
    for action, kind in _ACTIONS.items():
        mine = [step for step in writes if isinstance(step, kind)]
        together = [step for step in mine if step.change.record_id not in alone]
        for start in range(0, len(together), BATCH):
            yield Batch(action=action, steps=tuple(together[start : start + BATCH]))
        for step in mine:
            if step.change.record_id in alone:
                yield Batch(action=action, steps=(step,))
