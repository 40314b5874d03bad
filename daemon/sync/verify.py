"""`orgsync verify`: proves with few credits that both orgs of a stream hold the same, or says where they do not. Reads
only; a daemon may run meanwhile.

Each org is held against the ledger, bucket by bucket (core/buckets.py). The source by its ids: what was edited there up
to the checkpoint has an outcome, so it is enough that no record is too many or missing; what was changed after it is
read. The target by Modified_Time: what is not where our last write left it was touched. Where a count is not what the
ledger knows, or would say too little, the records are read and compared with the digests of what both sides agreed on;
two records that equal the same digests equal each other, whoever wrote these. What is not equal so is looked at
closely, both records by their ids, field by field (judging.py). Buckets go from the newest to the oldest: what was
touched in one of them is met in a later one, and not missed there any more.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cached_property, partial
from typing import Final

from loguru import logger

from daemon.core.buckets import Bucket, by_density, known_in, to_count, to_read
from daemon.core.match import name_fields
from daemon.core.record import Change, is_record_id
from daemon.core.steps import LinkState
from daemon.ledger import THERE, ReadLedger
from daemon.sync.catalog import Catalog
from daemon.sync.ceiling import Ceiling
from daemon.sync.changes import SMALL
from daemon.sync.counterparts import ended
from daemon.sync.judging import Finding, Judge, Stock
from daemon.sync.pointing import Finder
from daemon.sync.prepare import NEVER_RUN, Prepared, StreamRefusedError
from daemon.sync.shelf import Shelf
from daemon.sync.verified import STEP, Found, Place, Verified, count_kinds, first_of, inside, second_of
from daemon.sync.walking import Walk
from daemon.zoho import coql
from daemon.zoho.errors import CredentialRefused, RequestRefused

_LOOK: Final = 100  # records by id for one credit
_UNKNOWN: Final = 10  # of 100 links: with more of which nothing is known it is cheaper to read everything
_CLOSE: Final = 500  # changes after the checkpoint that are looked at closely; more are only counted
_SOURCE_IS_THERE: Final[tuple[LinkState, ...]] = ("live", "gone")


class Verifier:
    """Verifies one stream, once, from a `start` on that an earlier run has named. `tell` hears how far it is: the org,
    and records done of how many.
    """

    def __init__(
        self,
        prepared: Prepared,
        source: Catalog,
        target: Catalog,
        ledger: ReadLedger,
        now: Callable[[], datetime],
        ceiling: Ceiling,
        *,
        deep: bool = False,
        start: Place | None = None,
        tell: Callable[[str, int, int], None] = lambda _org, _done, _of: None,
    ) -> None:
        stream = prepared.stream
        state = ledger.stream_state(stream)
        if stream.files_of is not None:
            raise StreamRefusedError(f"{stream.address} carries attachments, which are not verified; nothing was read")
        if state is None or state.rules_version == NEVER_RUN:
            what = "has not run yet, so nothing is linked that could be verified: `orgsync run`, then verify"
            raise StreamRefusedError(f"{stream.address} {what}")
        self._prepared, self._ledger, self._ceiling, self._start, self._tell = prepared, ledger, ceiling, start, tell
        self._source, self._target = source.zoho, target.zoho
        self._deleted_until = state.deleted_until
        self._behind = state.trouble
        if state.trouble is None and state.caught_up_at is None:
            self._behind = "it has not caught up with the source yet"
        put_back = ledger.put_back(stream)
        self._stock = Stock(
            position=state.position,
            waiting=ledger.all_waiting(stream),
            unanswered=ledger.open_intents(stream).keys(),
            dropped={i: version for i, version in ledger.all_dropped(stream).items() if i not in put_back},
            put_back=put_back,
        )
        self._pairs = ledger.pairs(stream)
        self._of = {pair.source_id: pair for pair in self._pairs}
        self._everything = self._why_everything(state.rules_version, deep=deep)
        names = name_fields(source.schema(stream.source_module))
        finder = Finder(self._source, self._target, now)
        self._judge = Judge(
            prepared, self._target, self._source, ledger, finder, names, self._stock, lambda: self._deleted
        )
        self._found = Found()
        self._met_at: dict[str, Place] = {}
        self._met_times: list[int] = []
        self._only_in_target: int | None = None
        self._in_source = self._source_walk(names)
        self._in_target = self._target_walk()

    def _why_everything(self, rules_version: str, *, deep: bool) -> str | None:
        """Why all records are to be read, if they are."""
        if deep:
            return "as was asked for"
        if self._prepared.fields.version != rules_version:
            return "because the mapping in the settings is not the one that the stream ran under last"
        there = [pair for pair in self._pairs if pair.state in THERE]
        unknown = sum(pair.written_at is None for pair in there)
        if 100 * unknown > _UNKNOWN * len(there):
            return f"because of {unknown:,} of {len(there):,} the ledger does not know when they were written last"
        return None

    def run(self) -> Verified:
        """Goes through both orgs. Raises what the client raises; that the credits are spent is no error."""
        begins = self._start or self._stopped_at()
        paid = self._ceiling.spent
        self._suspect(self._stock.put_back)  # what both sides agreed on is not what the source says
        place = None if self._ceiling.pays_for(self._go_through) else self._stopped_at()
        self._ceiling.kept = 0
        if not self._ceiling.pays_for(self._look_closely):
            unseen = [i for i in self._found.suspects if i not in self._found.told]
            place = first_of([*(self._met_at[i] for i in unseen), *([place] if place else [self._stopped_at()])])
            self._ceiling.least = max(self._ceiling.least, self._ceiling.spent + self._price_of_looks(len(unseen)))
        if place is None and self._counts_target and begins.side == "source":
            self._ceiling.pays_for(self._count_others)
        least = max(self._ceiling.least, paid + STEP) if place == begins else None
        return self._sum(place, least)

    def _go_through(self) -> None:
        if self._start is None or self._start.side == "source":
            self._go_through_source()
        self._go_through_target()

    # --- the source --------------------------------------------------------------------------------------------------

    def _source_walk(self, names: Sequence[str]) -> Walk:
        """A filter is asked of the source only where what is outside it is nobody's business, as in a comparison."""
        stream, fields = self._prepared.stream, self._prepared.fields
        sift = None
        if stream.unmatched == "stop" and fields.at_source is not None:
            asked = coql.matching(fields.at_source)
            sift = asked if asked.terms <= coql.MOST_TERMS - 6 else None  # the cursor and the bucket need the others
        columns, whole = [*fields.columns, *names], bool(stream.notes_of)
        shelf = Shelf(self._source, stream.source_module, columns, "id", sift=sift, whole=whole)
        self._there = sorted((p for p in self._pairs if p.state in _SOURCE_IS_THERE), key=lambda p: int(p.source_id))
        self._there_ids = [int(pair.source_id) for pair in self._there]
        self._source_points: list[int] = []
        return Walk(shelf, self._source_points, self._known_in_source, self._read_source, partial(self._say, "source"))

    def _go_through_source(self) -> None:
        can_count = self._everything is None and self._prepared.fields.keep.criteria is None
        can_count = can_count and not self._prepared.stream.notes_of
        shelf = self._in_source.shelf
        if can_count:
            for changes in shelf.all_rows(self._stock.position, SMALL):
                self._in_source.how.read += len(changes)
                self._weigh_source(changes)
        self._source_points += sorted(map(int, self._source_ids()))
        buckets = (to_count if can_count else to_read)(self._source_points, 0, shelf.end)
        self._walk(self._in_source, "source", buckets)

    def _source_ids(self) -> set[str]:
        """The records that the source must hold by all that is known."""
        stock = self._stock
        linked = {pair.source_id for pair in self._there}
        waiting = {i for i, row in stock.waiting.items() if row.modified_time is not None and i not in self._of}
        dropped = {i for i, version in stock.dropped.items() if version is not None and i not in self._of}
        put_back = {i for i, back in stock.put_back.items() if back.version is not None}
        return linked | waiting | dropped | put_back | self._found.later.keys()

    def _known_in_source(self, bucket: Bucket) -> int:
        return known_in(self._source_points, bucket.start, bucket.end)

    def _read_source(self, bucket: Bucket | None) -> None:
        seen: set[str] = set()
        for changes in self._in_source.pages(bucket):
            self._weigh_source(changes)
            seen.update(change.record_id for change in changes)
        self._suspect(p.source_id for p in inside(self._there, self._there_ids, bucket) if p.source_id not in seen)

    def _weigh_source(self, changes: Sequence[Change]) -> None:
        """Holds records of the source against the digests of what both sides agreed on."""
        found, stock, judge = self._found, self._stock, self._judge
        changes = judge.named(changes)
        links = self._ledger.links(self._prepared.stream, [c.record_id for c in changes])
        carried = {c.record_id for c in changes if judge.carried(c)}
        settled = [c for c in changes if c.record_id in carried and c.position <= stock.position]
        translations = judge.translated(settled)
        found.later |= {c.record_id: c for c in changes if c.position > stock.position}
        outside = {c.record_id for c in changes} - carried
        found.filtered |= outside
        if self._prepared.stream.unmatched != "stop":
            self._suspect(outside & links.keys())
        for change in settled:
            source_id, link = change.record_id, links.get(change.record_id)
            standing = stock.standing(source_id, change.modified_time)
            if standing.waiting is not None or standing.unanswered or standing.dropped:
                continue
            if standing.put_back:
                self._suspect([source_id])
            elif link is None or link.state == "deleted":
                found.told[source_id] = judge.missing(change)
            elif self._looks_at_each or not judge.agrees(translations[source_id], link):
                self._suspect([source_id])

    # --- the target --------------------------------------------------------------------------------------------------

    def _target_walk(self) -> Walk:
        """Where counts are to be believed only records with a key of the source are counted: others come and go."""
        stream, fields = self._prepared.stream, self._prepared.fields
        columns = [*(n for n in fields.targets if n not in fields.composed), *([fields.key] if fields.key else [])]
        scope = None
        if self._counts_target and fields.key is not None:
            scope = coql.begins_with(fields.key, f"{self._prepared.source_zgid}:")
        whole = bool(stream.notes_of)
        shelf = Shelf(self._target, stream.target_module, columns, "time", scope=scope, whole=whole)
        self._written = sorted((p for p in self._pairs if p.state in THERE and p.written_at is not None), key=second_of)
        self._times = [second_of(pair) for pair in self._written]
        return Walk(shelf, self._times, self._known_in_target, self._read_target, partial(self._say, "target"))

    @property
    def _counts_target(self) -> bool:
        return self._everything is None and not self._prepared.stream.notes_of

    def _go_through_target(self) -> None:
        shelf = self._in_target.shelf
        can_count = self._counts_target
        buckets = (by_density if can_count else to_read)(self._times, 0, shelf.end)
        self._walk(self._in_target, "target", buckets)
        unknown = (p.source_id for p in self._pairs if p.state in THERE and p.written_at is None)
        self._suspect(source_id for source_id in unknown if source_id not in self._found.met)
        if not can_count and self._start is None:
            self._only_in_target = len(self._found.unlinked)

    def _count_others(self) -> None:
        """How many records of the target name none of this source (two credits)."""
        shelf = self._in_target.shelf
        everywhere = Bucket(start=0, end=shelf.end, counted=True)
        if self._prepared.fields.key is not None:
            with suppress(CredentialRefused, RequestRefused):
                named = shelf.count(everywhere)
                self._only_in_target = self._target.count(self._prepared.stream.target_module) - named

    def _known_in_target(self, bucket: Bucket) -> int:
        """How many must be there still: those that were met elsewhere have left."""
        return known_in(self._times, bucket.start, bucket.end) - known_in(self._met_times, bucket.start, bucket.end)

    def _read_target(self, bucket: Bucket | None) -> None:
        for changes in self._in_target.pages(bucket):
            self._weigh_target(changes)
        mine = inside(self._written, self._times, bucket)
        self._suspect(pair.source_id for pair in mine if pair.source_id not in self._found.met)

    def _weigh_target(self, changes: Sequence[Change]) -> None:
        """Holds records of the target against the same digests."""
        met, judge = self._found.met, self._judge
        known = self._ledger.source_records(self._prepared.stream, [c.record_id for c in changes])
        for change in changes:
            counterpart = known.get(change.record_id)
            if counterpart is None:
                self._unlinked(change)
                continue
            source_id, link = counterpart.source_id, counterpart.link
            pair = self._of.get(source_id)
            if source_id not in met and pair is not None and pair.written_at is not None:
                insort(self._met_times, second_of(pair))
            met.add(source_id)
            right = judge.holds(change, link) and judge.has_key(source_id, change.values)
            if not right or pair is None or link.state not in THERE:
                self._suspect([source_id])

    def _unlinked(self, change: Change) -> None:
        """One that names a record of this source is a second copy, or was made by a write that the ledger forgot."""
        key, prefix = self._prepared.fields.key, f"{self._prepared.source_zgid}:"
        text = str(change.values.get(key or "") or "")
        named = text.removeprefix(prefix)
        is_ours = text.startswith(prefix) and is_record_id(named)
        if not is_ours or self._ledger.stand_for(self._prepared.stream, [change.record_id]):
            self._found.unlinked.add(change.record_id)
            return
        if named in self._stock.unanswered or named in self._stock.waiting or named in self._found.later:
            return  # made a moment ago
        why = "its key names a record for which it does not stand"
        stranger = Finding(kind="strangers", source_id=named, target_id=change.record_id, why=why)
        self._found.strangers[change.record_id] = stranger

    # --- both --------------------------------------------------------------------------------------------------------

    def _walk(self, walk: Walk, side: str, buckets: Sequence[Bucket]) -> None:
        """All buckets, but for those that an earlier run has done."""
        start = self._start
        if start is not None and start.side == side:
            left = [bucket for bucket in buckets if bucket.start < start.edge]
            buckets = [Bucket(start=b.start, end=min(b.end, start.edge), counted=b.counted) for b in left]
        if not walk.go(buckets):
            name = walk.shelf.org_name
            logger.warning("{} does not answer for a part of its records; all of them are read", name)
            self._everything = self._everything or f"because {name} does not answer for a part of its records"

    def _say(self, side: str, done: int) -> None:
        walk, of = (self._in_source, self._there) if side == "source" else (self._in_target, self._written)
        self._tell(walk.shelf.org_name, done, len(of))

    def _stopped_at(self) -> Place:
        """Where it stands; 0 is before every record: what was left are close looks."""
        start = self._start
        if self._in_source.edge > 0 and (start is None or start.side == "source"):
            edge = self._in_source.edge
            return Place(side="source", edge=edge if start is None else min(edge, start.edge))
        edge = self._in_target.edge
        return Place(side="target", edge=edge if start is None or start.side == "source" else min(edge, start.edge))

    def _suspect(self, source_ids: Iterable[str]) -> None:
        """To be looked at closely, for which credits are kept."""
        suspects, at = self._found.suspects, self._stopped_at()
        for source_id in source_ids:
            suspects[source_id] = None
            self._met_at.setdefault(source_id, at)
        self._ceiling.kept = self._price_of_looks(len(suspects))

    def _price_of_looks(self, records: int) -> int:
        return 2 * (-(-records // _LOOK) + (records if self._prepared.fields.one_by_one else 0))

    def _look_closely(self) -> None:
        self._tell_made_anew()
        later = [source_id for source_id in self._found.later if source_id in self._of]
        if len(later) <= _CLOSE:
            self._suspect(later)
            self._ceiling.kept = 0
        wanted = [source_id for source_id in self._found.suspects if source_id not in self._found.told]
        for start in range(0, len(wanted), _LOOK):
            for finding in self._judge.look(wanted[start : start + _LOOK], self._in_source.shelf):
                self._found.told[finding.source_id] = finding

    def _tell_made_anew(self) -> None:
        """Strangers whose record is deleted in the source, and whose counterpart has ended, are no second copies."""
        strangers, stream, ledger = self._found.strangers, self._prepared.stream, self._ledger
        named = {one.source_id for one in strangers.values()} - self._stock.dropped.keys()
        if not named or stream.deletes == "ignore":
            return
        links = ledger.links(stream, named)
        over = ended(links, stream, self._target)[0] | (ledger.deleted(stream, named) - links.keys())
        over -= {change.record_id for change in self._in_source.shelf.by_ids(sorted(over))} if over else set()
        for target_id, one in strangers.items():
            if one.source_id in over:
                why = "it was made anew after its record and the counterpart of that were deleted"
                strangers[target_id] = replace(one, kind="outlived", why=why)

    @cached_property
    def _deleted(self) -> frozenset[str]:
        """What the source has deleted since its deletions were read last."""
        found: set[str] = set()
        page, more = 1, True
        since = None if self._deleted_until is None else self._deleted_until - timedelta(seconds=1)
        while more:
            some = self._source.deleted(self._prepared.stream.source_module, since, page)
            found.update(row.record_id for row in some.rows)
            page, more = page + 1, some.more
        return frozenset(found)

    @property
    def _looks_at_each(self) -> bool:
        """Whether every record is looked at by its id, as some fields are not shown otherwise."""
        return self._everything is not None and bool(self._prepared.fields.composed & self._judge.judged)

    def _sum(self, place: Place | None, least: int | None) -> Verified:
        found, stock, stream = self._found, self._stock, self._prepared.stream
        kinds, by_count, unreached = count_kinds(found, self._pairs, stock, stream, self._in_target.proved)
        judged = self._judge.judged if self._everything else self._judge.listed
        return Verified(
            stream=stream.address,
            position=stock.position,
            kinds=kinds,
            by_count=by_count,
            findings=[*(one for one in found.told.values() if one.kind != "equal"), *found.strangers.values()],
            held=Counter(row.code for row in stock.waiting.values() if row.state != "due"),
            only_in_target=self._only_in_target,
            source=self._in_source.how,
            target=self._in_target.how,
            everything=self._everything,
            behind=self._behind,
            not_compared=sorted(set(self._prepared.fields.targets) - judged),
            credits=self._source.credits_spent + self._target.credits_spent,
            unreached=unreached,
            goes_on=place,
            least=least,
        )
