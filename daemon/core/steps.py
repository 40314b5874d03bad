"""What can be done with one seen record, and how the writes among these steps travel in calls."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, Literal

from daemon.core.agreement import Promise
from daemon.core.causes import UNCERTAIN, Cause
from daemon.core.convert import Json, Values
from daemon.core.digest import Digests
from daemon.core.merge import Pact
from daemon.core.record import Change, Deletion, Seen
from daemon.core.translate import RELATED_TO, SE_MODULE, Parent

BATCH: Final = 100
"""Records a write call takes (facts 4.1)."""

Action = Literal["create", "update", "delete"]
LinkState = Literal["live", "flagged", "deleted", "gone"]
"""Of a counterpart: there; there and marked as deleted in the source; deleted by us; deleted there by somebody else."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Link:
    """What the id map knows of a record: its counterpart, and the digests of what B confirmed last (if anything), with
    the Modified_Time that this write returned.

    `agreed` says that this stream has carried the record; else its counterpart is known from another stream only.
    `drifted` are the fields that a comparison saw changed by hand there, and that nothing was sent for since.
    """

    entity_id: str
    target_id: str
    whole: str | None = None
    by_field: Mapping[str, str] = field(default_factory=dict)
    state: LinkState = "live"
    agreed: bool = True
    modified_time: datetime | None = None
    drifted: frozenset[str] = frozenset()

    @property
    def unsure(self) -> bool:
        """Whether the stream has carried it, but what the target holds, if anything, is not known any more."""
        return self.agreed and self.whole is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Cannot be written yet: it waits for a parent, or for a person.

    `found` is the counterpart that an earlier create has made, of which no answer came: the target was asked.
    """

    change: Seen
    cause: Cause
    detail: str
    waits_for: Parent | None = None
    found: str | None = None


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
    pact: Pact | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Update:
    """Only the fields that differ are sent. `adopts` says that the link itself is new.

    `doubted` says that an earlier write was uncertain: until B confirms this one, what the ledger knows of the
    counterpart is not to be trusted. `blanks` says that a value which B confirmed would be emptied. `surplus` are tags
    that the counterpart has and shall not have: it is looked at after the call, and they are taken away if still there.
    `drifted` are fields that stay as somebody left them there.
    """

    change: Change
    target_id: str
    values: Values
    digests: Digests
    adopts: bool = False
    doubted: bool = False
    blanks: bool = False
    surplus: tuple[str, ...] = ()
    later: Hold | None = None
    cut: tuple[str, ...] = ()
    pact: Pact | None = None
    drifted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Delete:
    """The counterpart goes: the record was deleted, or does not match the filter any more. `doubted` as in Update."""

    change: Seen
    target_id: str
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Flag:
    """The counterpart of a deleted record is only marked, in the checkbox `field`. `doubted` as in Update."""

    change: Deletion
    target_id: str
    field: str
    doubted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Keep:
    """Nothing to write. After an uncertain write it comes with the counterpart and what was found of it. `drifted` as
    in Update.
    """

    change: Seen
    outcome: Literal["unchanged", "filtered", "adopted", "deleted", "conflict"]
    target_id: str | None = None
    digests: Digests | None = None
    later: Hold | None = None
    pact: Pact | None = None
    drifted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Late:
    """An earlier write, whose answer was lost, is found done at `target_id`: what it promised is agreed, and the record
    comes again at once: either side may have been edited since. `at` is the Modified_Time shown there, if any.
    """

    change: Change
    outcome: Literal["adopted", "updated"]
    target_id: str
    promise: Promise
    at: datetime | None
    drifted: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Defer:
    """Nothing is sent before `until`: an earlier write of this record may still be on its way (UNCERTAIN), not all of
    it could be read (UNREAD), or it came from another org and its link is still to be found (ORIGIN_UNKNOWN).
    """

    change: Seen
    until: datetime
    code: str = UNCERTAIN


Write = Create | Update | Flag | Delete
Step = Write | Keep | Late | Hold | Defer
_ACTIONS: Final[dict[type[Write], Action]] = {Create: "create", Update: "update", Flag: "update", Delete: "delete"}


Wire = Json | Mapping[str, str | dict[str, str]]
"""A value as it is sent."""


def body(step: Create | Update | Flag) -> dict[str, Wire]:
    """The record as it is sent."""
    match step:
        case Create():
            return _sent(step.values)
        case Update():
            return {"id": step.target_id, **_sent(step.values)}
        case Flag():
            return {"id": step.target_id, step.field: True}


def _sent(values: Values) -> dict[str, Wire]:
    """A lookup into several modules names its module: What_Id by `$se_module` beside it, others in the value itself."""
    sent: dict[str, Wire] = dict(values)
    for name, value in values.items():
        if isinstance(value, dict) and "module" in value:
            if name == RELATED_TO:
                sent |= {name: {"id": value["id"]}, SE_MODULE: value["module"]}
            else:
                sent[name] = {"id": value["id"], "module": {"api_name": value["module"]}}
    return sent


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


def price(batch: Batch) -> int:
    """The most that a batch may cost in credits (facts 9.2), with what goes out after it: tags to look at, and to take
    away.
    """
    surplus = sum(isinstance(step, Update) and bool(step.surplus) for step in batch.steps)
    return (1 if batch.action == "delete" else -(-len(batch.steps) // 10)) + (1 + surplus if surplus else 0)
