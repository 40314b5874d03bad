"""What a plan shows: each step as what would be done to one record and what its counterpart holds now, and what sending
it costs. Pure.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

import orjson

from daemon.core.causes import Cause
from daemon.core.digest import digest_value
from daemon.core.fieldmap import FieldMap
from daemon.core.record import WireRecord
from daemon.core.steps import (
    Create,
    Defer,
    Delete,
    Flag,
    Hold,
    Keep,
    Late,
    Step,
    Update,
    Wire,
    Write,
    batches,
    body,
    price,
)
from daemon.core.translate import Parent, observe

Kind = Literal[
    "create", "adopt", "update", "delete", "flag", "link", "hold", "follow", "wait", "conflict", "unchanged", "filtered"
]
"""`adopt`: a counterpart that is there already is noted and brought in step; `link`: it is noted alone. `follow`: waits
for a record that this plan creates. `wait`: decides itself later. `conflict`: what was edited in the target wins.
`filtered`: not carried.
"""
KINDS: Final[tuple[Kind, ...]] = (
    "create",
    "adopt",
    "update",
    "delete",
    "flag",
    "link",
    "hold",
    "follow",
    "wait",
    "conflict",
    "unchanged",
    "filtered",
)
WRITES: Final[frozenset[Kind]] = frozenset({"create", "adopt", "update", "delete", "flag"})
AT_REST: Final[frozenset[Kind]] = frozenset({"unchanged", "filtered"})
_KEPT: Final[Mapping[str, Kind]] = {
    "unchanged": "unchanged",
    "filtered": "filtered",
    "adopted": "link",
    "deleted": "unchanged",  # nothing is left to delete
    "conflict": "conflict",
}
_CALLED: Final[Mapping[type[Step], Kind]] = {
    Create: "create",
    Update: "update",
    Delete: "delete",
    Flag: "flag",
    Late: "link",
    Defer: "wait",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One field of the target: what it holds, where it holds anything, and what would be sent."""

    field: str
    old: object
    new: object


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """What would be done to one record. `modified_time` is its version in the source (of a deletion: when it was
    noticed), `target_time` the counterpart's. `again` are fields that are sent though they hold the value already.
    `detail` says why it is held, or what is left for later. `queued` is the cause under which it was due.
    `page`: what was planned together.
    """

    kind: Kind
    source_id: str
    modified_time: datetime
    deletion: bool = False
    name: str = ""
    target_id: str | None = None
    target_time: datetime | None = None
    differences: tuple[Difference, ...] = ()
    again: tuple[str, ...] = ()
    cause: Cause | None = None
    detail: str = ""
    queued: str | None = None
    page: int = 0
    digest: str = ""


def item_of(
    step: Step,
    made: Collection[Parent],
    there: WireRecord | None,
    mapping: FieldMap,
    *,
    name: str,
    target_time: datetime | None,
    queued: str | None,
    page: int,
    key: bytes,
) -> Item:
    """The step, for a person. `made` are records that the plan creates, `there` is the counterpart as it is now, `key`
    the secret of the digest.
    """
    later = getattr(step, "later", None)
    differences, again = _differences(step, there, mapping)
    return Item(
        kind=kind_of(step, made),
        source_id=step.change.record_id,
        modified_time=step.change.modified_time,
        deletion=not hasattr(step.change, "values"),
        name=name,
        target_id=target_of(step),
        target_time=target_time,
        differences=differences,
        again=again,
        cause=step.cause if isinstance(step, Hold) else later.cause if isinstance(later, Hold) else None,
        detail=_detail(step),
        queued=queued,
        page=page,
        digest=_digest(step, differences, key) if isinstance(step, Write) else "",
    )


def kind_of(step: Step, made: Collection[Parent]) -> Kind:
    """What a plan calls a step."""
    match step:
        case Keep():
            return _KEPT[step.outcome]
        case Hold():
            return "follow" if step.waits_for in made else "hold"
        case Update(adopts=True):
            return "adopt"
        case _:
            return _CALLED[type(step)]


def target_of(step: Step) -> str | None:
    """The counterpart that a step is about, where one is known."""
    if isinstance(step, Hold):
        return step.found
    return None if isinstance(step, Create | Defer) else step.target_id


def _detail(step: Step) -> str:
    match step:
        case Hold():
            return step.detail
        case Defer():
            return f"{step.code}: decided at {step.until:%Y-%m-%d %H:%M:%S} UTC"
        case Late():
            return "an earlier write, whose answer was lost, is found done"
        case Create() | Update() | Keep():
            return step.later.detail if step.later is not None else ""
        case _:
            return ""


def _differences(
    step: Step, there: WireRecord | None, mapping: FieldMap
) -> tuple[tuple[Difference, ...], tuple[str, ...]]:
    """What each field that is sent holds now; and those that hold the same already."""
    if isinstance(step, Flag):
        return (Difference(field=step.field, old=(there or {}).get(step.field), new=True),), ()
    if isinstance(step, Create):
        return tuple(Difference(field=f, old=None, new=v) for f, v in step.values.items() if v is not None), ()
    if not isinstance(step, Update):
        return (), ()
    row = there or {}
    held = {name: value for name, value in observe(row, mapping).items() if name in row}
    same = {f for f, v in step.values.items() if f in held and digest_value(held[f], b"") == digest_value(v, b"")}
    changed = [f for f in step.values if f not in same]
    return (
        tuple(Difference(field=f, old=row.get(f), new=step.values[f]) for f in changed),
        tuple(sorted(same)),
    )


def _digest(step: Write, differences: Sequence[Difference], key: bytes) -> str:
    """Of all that would be sent, and of what stands there now: an edit within the same second moves no time."""
    sent: Mapping[str, Wire] | None = None if isinstance(step, Delete) else body(step)
    surplus = step.surplus if isinstance(step, Update) else ()
    what = [
        kind_of(step, ()),
        step.change.record_id,
        step.change.modified_time.isoformat(),
        target_of(step),
        sent,
        surplus,
        [d.old for d in differences],
    ]
    return hmac.new(key, orjson.dumps(what, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sending:
    """What the writes of a plan come to: calls, the credits that they may cost at most, and records."""

    calls: int = 0
    credits: int = 0
    records: int = 0


def sending(pages: Iterable[tuple[Sequence[Step], frozenset[str]]]) -> Sending:
    """Of pages of steps, each with the source ids that travel alone."""
    calls = [batch for steps, alone in pages for batch in batches(steps, alone)]
    return Sending(calls=len(calls), credits=sum(map(price, calls)), records=sum(len(batch.steps) for batch in calls))
