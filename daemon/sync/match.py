"""Two full orgs before the first run: reads both, pairs what is the same (core/match.py), and looks at what a person
has decided. Writes to neither org. Of a record only its id, its match values and its name are kept in memory.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from daemon.core.absent import place
from daemon.core.content import key_value
from daemon.core.fieldmap import FieldMap
from daemon.core.keys import ladder_problems
from daemon.core.match import Entry, Key, Matching, keys_of, ladder_fields, match, name_fields
from daemon.core.record import START, Change, WireRecord, is_record_id
from daemon.core.rules import Ladder, Stream
from daemon.core.translate import Known, observe, parents_of, translate
from daemon.ledger import ReadLedger
from daemon.sync.catalog import Catalog
from daemon.sync.changes import LARGE, ChangeReader
from daemon.sync.prepare import Prepared, StreamRefusedError
from daemon.zoho.errors import RequestRefused

_CREDITS: Final = 3  # of a page
_Seen = Entry | Literal["linked", "filtered"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """One org of the stream; `key` is its field that names a record of the other one, where there is such a field."""

    org: Catalog
    module: str
    key: str | None

    def count(self) -> int:
        """How many records it holds (one credit)."""
        return self.org.zoho.count(self.module)


Told = Callable[[Side, int], None]


def _nobody(side: Side, records: int) -> None:
    """Nobody wants to know."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What two orgs have in common. `rungs` names the fields of each rung. Of the source's records `linked` ones and
    `filtered` ones, which the stream does not carry, were left out.
    """

    rungs: Ladder
    matching: Matching
    linked: int
    filtered: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """Two records that a person calls one; `place` is the file and line that says so."""

    place: str
    source_id: str
    target_id: str


def demand_ladder(prepared: Prepared) -> None:
    """Raises StreamRefusedError for a stream that has no ladder, or one of fields that it does not carry."""
    stream = prepared.stream
    wrong = "; ".join(problem.message for problem in ladder_problems(stream, prepared.fields.rules))
    if not stream.match:
        wrong = (
            "it has no ladder to match by. In the settings file write one right under that line, above its tables of "
            f'fields and values, for example: match = ["Email"]; then: orgsync match {stream.address}'
        )
    if wrong:
        raise StreamRefusedError(f"[{place(stream)}]: {wrong}. No record was read, and nothing was written")


class Matcher:
    """Works on one stream, whose ladder is in order. `back` is the stream of the opposite direction, where both ways
    are kept in step.
    """

    def __init__(
        self, prepared: Prepared, source: Catalog, target: Catalog, ledger: ReadLedger, back: Stream | None
    ) -> None:
        stream = prepared.stream
        back_key = back.key if back is not None else None
        has_back_key = back_key in source.schema(stream.source_module).fields
        self.source = Side(org=source, module=stream.source_module, key=back_key if has_back_key else None)
        self.target = Side(org=target, module=stream.target_module, key=stream.key)
        self._prepared = prepared
        self._ledger = ledger
        self._fields: FieldMap = ladder_fields(prepared.fields, stream.match)
        schema = target.schema(stream.target_module)
        self._types = {rule.target: schema.fields[rule.target].data_type for rule in self._fields.rules}
        self._target_zgid = target.profile().zgid

    @property
    def credits(self) -> int:
        """What both orgs have taken so far."""
        return self.source.org.zoho.credits_spent + self.target.org.zoho.credits_spent

    def estimate(self) -> tuple[int, int, int]:
        """Records of the source, of the target, and about how many credits it takes to read them all."""
        ours, theirs = self.source.count(), self.target.count()
        return ours, theirs, sum(_CREDITS * (-(-n // LARGE) or 1) for n in (ours, theirs))

    def find(self, decided: Collection[Decision] = (), told: Told = _nobody) -> Found:
        """Reads both orgs to their ends. What is `decided` already counts as linked; `told` hears how many records of
        each side are read, page by page.
        """
        ours = self._sources({one.source_id for one in decided}, told)
        theirs = self._targets({one.target_id for one in decided}, told)
        names = (self.target.key, self.source.key)
        left_out = Counter(entry for entry in ours.values() if isinstance(entry, str))
        return Found(
            rungs=(*((name,) if name else () for name in names), *self._prepared.stream.match),
            matching=match(_entries(ours), _entries(theirs)),
            linked=left_out["linked"],
            filtered=left_out["filtered"],
        )

    def _sources(self, taken: set[str], told: Told) -> dict[str, _Seen]:
        """The source's records by id; of one that is edited while we read the later version counts."""
        named = name_fields(self.source.org.schema(self.source.module))
        stream, fields = self._prepared.stream, self._fields
        seen: dict[str, _Seen] = {}
        for page in _pages(self.source, [*fields.columns, *named]):
            known = self._ledger.links(stream, [c.record_id for c in page])
            parents = {parent for change in page for parent in parents_of(change.values, fields)}
            counterparts = self._ledger.counterparts(stream, parents, self._prepared.carried)
            knows = Known(parents=counterparts, owners=self._prepared.owners)
            for change in page:
                if change.record_id in known or change.record_id in taken:
                    seen[change.record_id] = "linked"
                elif not fields.keep.test(change.values):
                    seen[change.record_id] = "filtered"
                else:
                    values = translate(change.values, fields, knows).values
                    keys = keys_of(values, stream.match, self._types)
                    seen[change.record_id] = self._source_entry(change, keys, named)
            told(self.source, len(seen))
        return seen

    def _targets(self, taken: set[str], told: Told) -> dict[str, _Seen]:
        named = name_fields(self.target.org.schema(self.target.module))
        stream, fields = self._prepared.stream, self._fields
        seen: dict[str, _Seen] = {}
        for page in _pages(self.target, [*fields.targets, *named]):
            known = self._ledger.source_records(stream, [c.record_id for c in page])
            for change in page:
                keys = keys_of(observe(change.values, fields), stream.match, self._types)
                is_linked = change.record_id in known or change.record_id in taken
                seen[change.record_id] = "linked" if is_linked else self._target_entry(change, keys, named)
            told(self.target, len(seen))
        return seen

    def _source_entry(self, change: Change, keys: tuple[Key | None, ...], named: tuple[str, ...]) -> Entry:
        names = _named(change.values, self.source.key, self._target_zgid)
        rungs = ((change.record_id,), names, *(keys if names is None else (None,) * len(keys)))
        return Entry(record_id=change.record_id, name=_name(change.values, named), keys=rungs)

    def _target_entry(self, change: Change, keys: tuple[Key | None, ...], named: tuple[str, ...]) -> Entry:
        """A record whose key is filled stands for the record named there, or for one of another org: it is compared by
        nothing else.
        """
        names = _named(change.values, self.target.key, self._prepared.source_zgid)
        is_free = self.target.key is None or _is_blank(change.values.get(self.target.key))
        rungs = (names, (change.record_id,), *keys) if is_free else (names, None, *(None for _ in keys))
        return Entry(record_id=change.record_id, name=_name(change.values, named), keys=rungs)

    def review(self, decisions: Sequence[Decision]) -> tuple[list[Decision], list[str]]:
        """The pairs that are still to be linked, and why others cannot be, each with its place: a record is not there,
        is linked to another one, stands in two lines, or stands for another record by its key.
        """
        stream, key = self._prepared.stream, self.target.key
        ours = _present(self.source, [one.source_id for one in decisions])
        theirs = _present(self.target, [one.target_id for one in decisions])
        links = self._ledger.links(stream, [one.source_id for one in decisions])
        targets = {source_id: link.target_id for source_id, link in links.items()}
        known = self._ledger.source_records(stream, [one.target_id for one in decisions])
        sources = {target_id: one.source_id for target_id, one in known.items()}
        first: dict[tuple[str, str], str] = {}
        fresh: list[Decision] = []
        wrong: list[str] = []
        for one in decisions:
            if targets.get(one.source_id) == one.target_id:
                continue
            fresh.append(one)
            names = theirs.get(one.target_id, {}).get(key or "")
            if not _is_blank(names) and names != key_value(self._prepared.source_zgid, one.source_id):
                wrong.append(f"{one.place}: {one.target_id} of {stream.target} names another record in its {key}")
            for org, module, record_id, there, linked in (
                (stream.source, stream.source_module, one.source_id, ours, targets),
                (stream.target, stream.target_module, one.target_id, theirs, sources),
            ):
                if (before := first.setdefault((org, record_id), one.place)) != one.place:
                    wrong.append(f"{one.place}: {record_id} of {org} stands in {before} too")
                elif record_id not in there:
                    wrong.append(f"{one.place}: {org} has no {module} {record_id}")
                elif record_id in linked:
                    wrong.append(f"{one.place}: {record_id} of {org} is linked to {linked[record_id]} already")
        return fresh, wrong


def opposite(stream: Stream, streams: Sequence[Stream]) -> Stream | None:
    """The stream that carries the same modules back."""
    ends = (stream.target, stream.target_module, stream.source, stream.source_module)
    return next((s for s in streams if (s.source, s.source_module, s.target, s.target_module) == ends), None)


def _pages(side: Side, columns: Sequence[str]) -> Iterator[tuple[Change, ...]]:
    wanted = list(dict.fromkeys([*columns, *([side.key] if side.key else [])]))
    reader, at = ChangeReader(side.org.zoho, side.module), START
    while True:
        try:
            page = reader.page(wanted, at, LARGE)
        except RequestRefused:  # then the reader goes the other way
            page = reader.page(wanted, at, LARGE)
        yield page.changes
        at = page.end
        if page.last:
            return


def _entries(seen: Mapping[str, _Seen]) -> list[Entry]:
    return [entry for entry in seen.values() if isinstance(entry, Entry)]


def _present(side: Side, ids: Sequence[str]) -> dict[str, WireRecord]:
    columns = [side.key] if side.key else ["Modified_Time"]
    return {str(row["id"]): row for row in side.org.zoho.by_ids(side.module, columns, ids)} if ids else {}


def _named(record: WireRecord, key: str | None, zgid: str) -> Key | None:
    """The record of the other org that a key field names."""
    prefix, text = f"{zgid}:", str(record.get(key or "") or "")
    record_id = text.removeprefix(prefix)
    return (record_id,) if text.startswith(prefix) and is_record_id(record_id) else None


def _is_blank(value: object) -> bool:
    return value in (None, "")


def _name(record: WireRecord, named: Sequence[str]) -> str:
    return " ".join(str(record[name]) for name in named if record.get(name))
