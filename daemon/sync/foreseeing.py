"""What a plan comes to: the steps of its pages as a person reads them, with what the target holds, and their price."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from daemon.core.forecast import KINDS, WRITES, Item, Kind, Sending, item_of, target_of
from daemon.core.fuse import Meter, sentence
from daemon.core.knowledge import Knowledge
from daemon.core.match import name_fields
from daemon.core.merge import moment_of
from daemon.core.record import Deletion, Seen, WireRecord
from daemon.core.rules import Gone, Stream
from daemon.core.saved import Standing
from daemon.core.steps import Create, Delete, Flag, Step, Update
from daemon.core.translate import Parent
from daemon.ledger import DueRow, ReadLedger
from daemon.sync.catalog import Catalog
from daemon.sync.hands import Eyes
from daemon.sync.prepare import Prepared
from daemon.sync.road import look_ahead
from daemon.sync.writing import Planned

_TIME = "Modified_Time"
_LOST: Mapping[Gone, str] = {
    "hold": 'it is held (gone = "hold")',
    "leave": 'it is left so (gone = "leave")',
    "recreate": 'it is made again (gone = "recreate")',
}
Group = tuple[Sequence[Seen], Mapping[str, DueRow]]
"""What is planned together, with the rows of the queue that it is due by."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """Credits of the two orgs, and calls to both."""

    source: int
    target: int
    calls: int

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            source=self.source + other.source, target=self.target + other.target, calls=self.calls + other.calls
        )

    def __sub__(self, other: Cost) -> Cost:
        return Cost(
            source=self.source - other.source, target=self.target - other.target, calls=self.calls - other.calls
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Forecast:
    """What would be done. `pages` are the steps as the road sends them. `read` changes were read; `following` more come
    after them (None: not known how many; 0: none). `blocked` are reasons for which the next cycle would write nothing;
    `resting` records are held or given up already, and not looked at. `spent` is what planning cost, `price` about
    what applying costs, `sent` what of that are the writes. `key` made the digests.
    """

    prepared: Prepared
    standing: Standing
    items: Sequence[Item]
    pages: Sequence[Planned]
    read: int
    following: int | None
    blocked: Sequence[str]
    resting: int
    spent: Cost
    price: Cost
    sent: Sending
    key: bytes

    @property
    def counts(self) -> dict[Kind, int]:
        """Records by kind, every kind named."""
        found = Counter(item.kind for item in self.items)
        return {kind: found[kind] for kind in KINDS}

    @property
    def writes(self) -> list[Item]:
        """What would be written."""
        return [item for item in self.items if item.kind in WRITES]

    @property
    def mends(self) -> list[Item]:
        """What would be written, or linked with what is there."""
        return [item for item in self.items if item.kind in WRITES or item.kind == "link"]


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """What a plan is seen through; `key` makes its digests."""

    prepared: Prepared
    eyes: Eyes
    source: Catalog
    target: Catalog
    key: bytes

    @property
    def stream(self) -> Stream:
        return self.prepared.stream

    def named(self, record: WireRecord, *, of_target: bool) -> str:
        """The name by which people know a record, as far as it was read."""
        org, module = (
            (self.target, self.stream.target_module) if of_target else (self.source, self.stream.source_module)
        )
        return " ".join(str(record[name]) for name in name_fields(org.schema(module)) if record.get(name))


def foresee(groups: Sequence[Group], view: View) -> tuple[list[Planned], list[Item]]:
    """The pages as the road would send them, and all their steps for a person. Raises what the client raises."""
    planned = [look_ahead(changes, view.prepared, view.eyes, due) for changes, due in groups]
    pages = [page for page, _ in planned]
    there = _counterparts(pages, view)
    made = {
        Parent(module=view.stream.source_module, record_id=step.change.record_id)
        for page in pages
        for step in page.steps
        if isinstance(step, Create)
    }
    return pages, [
        _item(step, made, there, view, knowledge, groups[at][1], at)
        for at, (page, knowledge) in enumerate(planned)
        for step in page.steps
    ]


def _counterparts(pages: Sequence[Planned], view: View) -> dict[str, WireRecord]:
    """The counterparts that would be written, by id, as they are now: a hundred a credit."""
    steps = [step for page in pages for step in page.steps if isinstance(step, Update | Delete | Flag)]
    if not steps:
        return {}
    module = view.stream.target_module
    columns = {name for step in steps for name in _touched(step)} - view.prepared.fields.one_by_one
    wanted = [_TIME, *name_fields(view.target.schema(module)), *sorted(columns)]
    rows = view.eyes.target.by_ids(module, wanted, [step.target_id for step in steps])
    return {str(row["id"]): row for row in rows}


def _item(
    step: Step,
    made: set[Parent],
    there: Mapping[str, WireRecord],
    view: View,
    knowledge: Knowledge,
    rows: Mapping[str, DueRow],
    page: int,
) -> Item:
    source_id = step.change.record_id
    row = there.get(target_of(step) or "")
    seen = knowledge.present.get(source_id) or next(iter(knowledge.found.get(source_id, ())), None)
    is_lost = row is None and isinstance(step, Update | Flag)
    name = "" if isinstance(step.change, Deletion) else view.named(step.change.values, of_target=False)
    item = item_of(
        step,
        made,
        {**(seen or {}), **row} if row is not None else seen,
        view.prepared.fields,
        name=name or (view.named(row, of_target=True) if row is not None else ""),
        target_time=moment_of(row) if row is not None else None,
        queued=rows[source_id].cause_code if source_id in rows else None,
        page=page,
        key=view.key,
    )
    if not is_lost:
        return item
    what = f"its counterpart is not in {view.stream.target} any more; when that is answered {_LOST[view.stream.gone]}"
    return replace(item, detail=" ".join(part for part in (what, item.detail) if part))


def fuses_blown(pages: Sequence[Planned], stream: Stream, ledger: ReadLedger) -> list[str]:
    """The fuses that would blow before anything is sent (road.write), a sentence each."""
    meter = Meter(
        fuse=stream.fuse,
        linked=lambda: ledger.count_links(stream),
        passed=lambda ids: ledger.deletions_sent(stream, ids),
        accepted=ledger.fuse_state(stream).accepted,
    )
    found = []
    for page in pages:
        blanking = [s.change.record_id for s in page.steps if isinstance(s, Update) and s.blanks]
        going = [s.change.record_id for s in page.steps if isinstance(s, Delete | Flag)]
        for blown in (meter.blanks(i for i in blanking if i not in page.tried), meter.deletes(going)):
            found += [sentence(blown, stream.address)] if blown is not None else []
    return found


def price_of(items: Sequence[Item], view: View, knowing: Cost, sent: Sending) -> Cost:
    """About what applying costs: to find out once more what planning did beside reading the changes, to read again
    what is written, and to write; calls that go side by side count as one. Not in it: looking for the
    children of what is deleted.
    """
    writes = [item for item in items if item.kind in WRITES]
    hundreds = -(-len(writes) // 100)
    columns = -(-(len(view.prepared.fields.columns) + 1) // 50)
    again = hundreds * columns + sum(item.deletion for item in writes)
    back = hundreds if view.stream.circle else 0
    return Cost(
        source=knowing.source + again,
        target=knowing.target + sent.credits + back,
        calls=knowing.calls + again + -(-sent.calls // view.eyes.target.calls_at_once) + back,
    )


def _touched(step: Update | Delete | Flag) -> Iterable[str]:
    match step:
        case Update():
            return step.values
        case Flag():
            return (step.field,)
        case Delete():
            return ()
