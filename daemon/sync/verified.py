"""What `orgsync verify` has found of a stream: what came together record by record, and its sum."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, Literal

from daemon.core.buckets import Bucket
from daemon.core.record import START, Change, Position
from daemon.core.rules import Stream
from daemon.core.verdict import OUTSIDE, UNEXPLAINED, Kind
from daemon.ledger import ReadLedger
from daemon.ledger.verifying import Pair
from daemon.sync.judging import Finding, Stock
from daemon.sync.shelf import LAST_ID
from daemon.sync.walking import How

STEP: Final = 5
"""Credits of a step: 2,000 records are read, and 100 that differ are looked at closely in both orgs."""
LEAST: Final = 8 + STEP
"""With fewer there is no step: reading the metadata of both orgs takes about eight."""
SideName = Literal["source", "target"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where verifying goes on: all of that org's buckets from `edge` on (an id of the source, a second of the target)
    are done, and before those of the target the whole source.
    """

    side: SideName
    edge: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Verified:
    """What was found. `kinds` counts every record, `findings` are those that are not simply equal, `held` counts
    causes. `by_count` of the equal ones were not read. `only_in_target`: records there that stand for none of the
    source (None: not counted). `unreached`: linked records that were not verified, because the credits were spent;
    `goes_on`: where they are; `least`: of so many credits at least it needs to get on from where it began, as those
    that it had did not suffice for that. `everything`: why all was read; None: it was not. `behind`: why the stream is
    not at the present, so that what is on its way may stay so; None: it is.
    """

    stream: str
    position: Position
    kinds: Mapping[Kind, int]
    by_count: int
    findings: Sequence[Finding]
    held: Mapping[str, int]
    only_in_target: int | None
    source: How
    target: How
    everything: str | None
    behind: str | None
    not_compared: Sequence[str]
    credits: int
    unreached: int
    goes_on: Place | None
    least: int | None = None

    @property
    def total(self) -> int:
        """The records of the source that the stream carries, as far as they were reached."""
        return sum(count for kind, count in self.kinds.items() if kind not in OUTSIDE)

    @property
    def unexplained(self) -> int:
        """Records that nothing explains."""
        return sum(self.kinds.get(kind, 0) for kind in UNEXPLAINED)

    @property
    def is_equal(self) -> bool:
        """Whether it was proved that nothing is to be done."""
        return not self.unexplained and not self.kinds.get("held") and self.goes_on is None and self.behind is None


def first_of(places: Sequence[Place]) -> Place:
    """The place to which the walk comes before the others: the source goes first, and each org from the newest on."""
    return min(places, key=lambda place: (place.side != "source", -place.edge))


def nothing_verified(stream: Stream, ledger: ReadLedger, start: Place | None, spent: int, least: int) -> Verified:
    """What is said where the credits do not suffice for a step; it has cost `spent`."""
    state, how = ledger.stream_state(stream), How()
    return Verified(
        stream=stream.address,
        position=START if state is None else state.position,
        kinds={},
        by_count=0,
        findings=(),
        held={},
        only_in_target=None,
        source=how,
        target=how,
        everything=None,
        behind=None,
        not_compared=(),
        credits=spent,
        unreached=sum(pair.state != "deleted" for pair in ledger.pairs(stream)),
        goes_on=start or Place(side="source", edge=LAST_ID),
        least=least,
    )


@dataclass(slots=True, kw_only=True)
class Found:
    """What comes together. By source id, but for `strangers` (some turn out outlived) and `unlinked`, which are of the
    target. `suspects` are to be looked at closely, `met` are those whose counterparts were read.
    """

    later: dict[str, Change] = field(default_factory=dict)
    filtered: set[str] = field(default_factory=set)
    suspects: dict[str, None] = field(default_factory=dict)
    told: dict[str, Finding] = field(default_factory=dict)
    met: set[str] = field(default_factory=set)
    strangers: dict[str, Finding] = field(default_factory=dict)
    unlinked: set[str] = field(default_factory=set)

    def known(self, source_id: str, stock: Stock) -> Kind | None:
        """What is known of a record without a close look."""
        if (row := stock.waiting.get(source_id)) is not None:
            return "due" if row.state == "due" else "held"
        if source_id in stock.dropped:
            return "dropped"
        if source_id in self.filtered:
            return "filtered"
        return "in_flight" if source_id in stock.unanswered or source_id in self.later else None


def count_kinds(
    found: Found, pairs: Sequence[Pair], stock: Stock, stream: Stream, proved: Sequence[Bucket]
) -> tuple[dict[Kind, int], int, int]:
    """How many records are what; how many of the equal ones by a count; how many linked ones were not reached."""
    kinds: Counter[Kind] = Counter()
    unreached = by_count = 0
    buckets = sorted(proved, key=lambda bucket: bucket.start)
    starts = [bucket.start for bucket in buckets]
    for pair in pairs:
        kind = _kind_of(pair, found, stock, stream)
        if kind is not None:
            kinds[kind] += 1
        elif pair.state == "deleted":
            continue
        elif pair.source_id not in found.suspects and _is_in(pair, buckets, starts):
            kinds["equal"] += 1
            by_count += 1
        else:
            unreached += 1
    known = stock.waiting.keys() | set(stock.unanswered) | stock.dropped.keys()
    alone = (known | found.later.keys() | found.filtered | found.told.keys()) - {pair.source_id for pair in pairs}
    for source_id in alone:
        told = found.told.get(source_id)
        kinds[told.kind if told is not None else found.known(source_id, stock) or "in_flight"] += 1
    kinds.update(one.kind for one in found.strangers.values())
    return dict(+kinds), by_count, unreached


def _kind_of(pair: Pair, found: Found, stock: Stock, stream: Stream) -> Kind | None:
    """What a linked record is, unless only a bucket can tell."""
    told = found.told.get(pair.source_id)
    known = told.kind if told is not None else found.known(pair.source_id, stock)
    if known is not None:
        return known
    if pair.state == "gone":
        return "left" if stream.gone == "leave" else "gone"
    if pair.state == "flagged":
        return "deleted_in_source"
    is_equal = pair.state == "live" and pair.source_id in found.met and pair.source_id not in found.suspects
    return "equal" if is_equal else None


def _is_in(pair: Pair, buckets: Sequence[Bucket], starts: Sequence[int]) -> bool:
    if pair.written_at is None:
        return False
    moment = int(pair.written_at.timestamp())
    place = bisect_right(starts, moment) - 1
    return place >= 0 and moment < buckets[place].end


def second_of(pair: Pair) -> int:
    """The second of its last write; 0 where that is not known."""
    return 0 if pair.written_at is None else int(pair.written_at.timestamp())


def inside(pairs: Sequence[Pair], points: Sequence[int], bucket: Bucket | None) -> Sequence[Pair]:
    """Those whose points, which are ascending, lie in a bucket."""
    if bucket is None:
        return pairs
    return pairs[bisect_left(points, bucket.start) : bisect_left(points, bucket.end)]
