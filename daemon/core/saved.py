"""A plan that was kept, and whether it is still true: on what it was made, and what each of its writes was. Pure.

It holds ids, times, the names of fields and keyed digests, and no value of a record: enough to know each write again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass
from datetime import datetime, timedelta

from daemon.core.forecast import Item, Kind
from daemon.core.record import Position


def fingerprint(value: object) -> str:
    """Of settings: equal ones give the same, on every machine."""
    return hashlib.sha256(_canonical(value).encode()).hexdigest()


def _canonical(value: object) -> str:
    if is_dataclass(value):
        inside = ",".join(f"{one.name}={_canonical(getattr(value, one.name))}" for one in fields(value))
        return f"{type(value).__name__}({inside})"
    match value:
        case Mapping():
            return "{" + ",".join(sorted(f"{_canonical(k)}:{_canonical(v)}" for k, v in value.items())) + "}"
        case set() | frozenset():
            return "{" + ",".join(sorted(map(_canonical, value))) + "}"
        case list() | tuple():
            return "[" + ",".join(map(_canonical, value)) + "]"
        case timedelta():
            return f"{value.total_seconds()}s"
        case _:
            return repr(value)


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """What a plan was made on. `rules` is the version of the mapping, `metadata` what the orgs say of its fields.
    `ledger` is None where there was none yet, `cycle` where the stream had not run.
    """

    stream: str
    settings: str
    rules: str
    metadata: str
    source_zgid: str
    target_zgid: str
    ledger: str | None
    position: Position
    cycle: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedStep:
    """A write of a plan that was kept: enough to know it again, and no value of anybody's."""

    kind: Kind
    source_id: str
    modified_time: datetime
    deletion: bool
    target_id: str | None
    target_time: datetime | None
    fields: tuple[str, ...]
    queued: str | None
    page: int
    digest: str


@dataclass(frozen=True, slots=True, kw_only=True)
class SavedPlan:
    """A plan that was kept. `key` (hex) is what its digests were made with, `create` whether a first run may create
    beside records that are not linked, `repair` whether it puts right what `verify` has found.
    """

    made_at: datetime
    create: bool
    standing: Standing
    key: str
    steps: tuple[SavedStep, ...]
    repair: bool = False

    @property
    def command(self) -> str:
        """What to type for a plan like it."""
        if self.repair:
            return f"orgsync verify {self.standing.stream} --repair FILE"
        return f"orgsync plan {self.standing.stream} --save FILE"


def saved_step(item: Item) -> SavedStep:
    """A write of a plan, to be kept."""
    return SavedStep(
        kind=item.kind,
        source_id=item.source_id,
        modified_time=item.modified_time,
        deletion=item.deletion,
        target_id=item.target_id,
        target_time=item.target_time,
        fields=tuple(sorted([*(d.field for d in item.differences), *item.again])),
        queued=item.queued,
        page=item.page,
        digest=item.digest,
    )


def moved_on(before: Standing, now: Standing) -> str | None:
    """What of the ground that a plan was made on is not so any more, in a sentence; None: nothing."""
    orgs = (before.source_zgid, before.target_zgid) != (now.source_zgid, now.target_zgid)
    places, cycles = (before.position, now.position), (before.cycle or "none", now.cycle or "none")
    moved = {
        "the settings of the stream are others now": before.settings != now.settings,
        "it is about other orgs": orgs,
        "the mapping is another now (the settings, or the fields of one of the orgs)": before.rules != now.rules,
        "one of the orgs says other things of a mapped field now (type, length, picklist, rights, mandatory, unique)": (
            before.metadata != now.metadata
        ),
        "it was made with another ledger": before.ledger not in (None, now.ledger),
        "the stream has gone on since: its checkpoint was {} and is {}".format(*map(_place, places)): len({*places})
        > 1,
        "the stream has worked since: its last cycle was {} and is {}".format(*cycles): len({*cycles}) > 1,
    }
    return next((sentence for sentence, is_so in moved.items() if is_so), None)


def _place(position: Position) -> str:
    return f"{position.modified_time:%Y-%m-%d %H:%M:%S} UTC, id {position.record_id}"


def changed_since(saved: Sequence[SavedStep], items: Mapping[str, Item], source: str, target: str) -> list[str]:
    """Which records are not as the plan found them, a sentence each with both ids; `items` is by source id."""
    return [line for step in saved if (line := _changed(step, items.get(step.source_id), source, target)) is not None]


def _changed(step: SavedStep, item: Item | None, source: str, target: str) -> str | None:
    there = f"{step.target_id} of {target}" if step.target_id else f"not in {target}"
    name = f"{item.name} " if item is not None and item.name else ""
    what = f"could not be read in {source}" if item is None else _how(step, item, source, target)
    return None if what is None else f"{name}({step.source_id} of {source}, {there}) {what}"


def _how(step: SavedStep, item: Item, source: str, target: str) -> str | None:
    """What is different, the first that is."""
    gone = f"is not in {source} any more" if item.deletion else f"is in {source} again"
    other = f"is another case now: {step.kind} was planned, it would be {item.kind}"
    changed = {
        gone: item.deletion != step.deletion,
        f"was changed in {source}: {_then(step.modified_time, item.modified_time)}": not step.deletion
        and item.modified_time != step.modified_time,
        f"was changed in {target}: {_then(step.target_time, item.target_time)}": item.target_id == step.target_id
        and item.target_time != step.target_time,
        other + (f" ({item.detail})" if item.detail else ""): item.kind != step.kind,
        f"would be sent with other values, or holds others in {target} by now": item.digest != step.digest,
    }
    return next((sentence for sentence, is_so in changed.items() if is_so), None)


def _then(before: datetime | None, now: datetime | None) -> str:
    texts = ["not there" if at is None else f"{at:%Y-%m-%d %H:%M:%S}" for at in (before, now)]
    return f"Modified_Time was {texts[0]} and is {texts[1]} (UTC)"
