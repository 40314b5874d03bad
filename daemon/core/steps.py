"""What can be done with one seen record, and how the writes among these steps travel in calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from daemon.core.causes import Cause
from daemon.core.convert import Json, Values
from daemon.core.digest import Digests
from daemon.core.record import Change, Deletion, Seen
from daemon.core.translate import Parent

BATCH: Final = 100
"""Records a write call takes (facts 4.1)."""

Action = Literal["create", "update", "delete"]
LinkState = Literal["live", "flagged", "deleted", "gone"]
"""Of a counterpart: there; there and marked as deleted in the source; deleted by us; deleted there by somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the id map knows of a record: its counterpart, and the digests of what B confirmed last (if anything)."""

    entity_id: str
    target_id: str
    whole: str | None = None
    by_field: Mapping[str, str] = field(default_factory=dict)
    state: LinkState = "live"


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Cannot be written yet: it waits for a parent, or for a person."""

    change: Seen
    cause: Cause
    detail: str
    waits_for: Parent | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Create:
    """`later`: a lookup is left out for now, because its parent waits for this record in its turn (circles.py).

    `match` is how the record is found again if the answer is lost: its key, or (no key) target field -> digest.
    `cut` names the fields whose text was cut to the target's length.
    """

    change: Change
    values: Values
    digests: Digests
    match: Mapping[str, str]
    later: Hold | None = None
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Only the fields that differ are sent. `adopts` says that the link itself is new.

    `doubted` says that an earlier write was uncertain: until B confirms this one, what the ledger knows of the
    counterpart is not to be trusted. `blanks` says that a value which B confirmed would be emptied.
    """

    change: Change
    target_id: str
    values: Values
    digests: Digests
    adopts: bool = False
    doubted: bool = False
    blanks: bool = False
    later: Hold | None = None
    cut: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """The counterpart of a deleted record goes too."""

    change: Deletion
    target_id: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The counterpart of a deleted record is only marked, in the checkbox `field`."""

    change: Deletion
    target_id: str
    field: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Nothing to write. After an uncertain write it comes with the counterpart and what was found of it."""

    change: Seen
    outcome: Literal["unchanged", "filtered", "adopted", "deleted"]
    target_id: str | None = None
    digests: Digests | None = None
    later: Hold | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """An earlier write of this record may still be on its way: nothing is sent before `until`."""

    change: Seen
    until: datetime


Write = Create | Update | Flag | Delete
Step = Write | Keep | Hold | Defer
_ACTIONS: Final[dict[type[Write], Action]] = {Create: "create", Update: "update", Flag: "update", Delete: "delete"}


def body(step: Create | Update | Flag) -> dict[str, Json]:
    """The record as it is sent."""
    match step:
        case Create():
            return dict(step.values)
        case Update():
            return {"id": step.target_id, **step.values}
        case Flag():
            return {"id": step.target_id, step.field: True}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Steps that travel in one call."""

    action: Action
    steps: tuple[Write, ...]


def batches(steps: Iterable[Step], alone: frozenset[str] = frozenset()) -> Iterator[Batch]:
    """The calls that a page needs; the source ids in `alone` travel one by one, so that they can fail alone."""
    writes = [step for step in steps if isinstance(step, Write)]
    for action in dict.fromkeys(_ACTIONS.values()):
        mine = [step for step in writes if _ACTIONS[type(step)] == action]
        together = [step for step in mine if step.change.record_id not in alone]
        for start in range(0, len(together), BATCH):
            yield Batch(action=action, steps=tuple(together[start : start + BATCH]))
        for step in mine:
            if step.change.record_id in alone:
                yield Batch(action=action, steps=(step,))


def action_of(step: Write) -> Action:
    """What the call that carries a step does."""
    return _ACTIONS[type(step)]
