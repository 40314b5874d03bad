"""Looks closely at single records of both orgs, by their ids, and says what each is (core/verdict.py). Reads only."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daemon.core import notes
from daemon.core.content import key_value, names_another
from daemon.core.digest import OWED, changed_fields, cover, digest_values
from daemon.core.dropped import PutBack, Version
from daemon.core.ends import Waiting
from daemon.core.record import Change, Position, Seen, WireRecord
from daemon.core.steps import Link
from daemon.core.translate import Known, Translation, observe, parents_of, strangers_of, translate
from daemon.core.verdict import Difference, Kind, Looked, Standing, differences, verdict
from daemon.ledger import GONE, ReadLedger
from daemon.sync.pointing import Finder, with_modules
from daemon.sync.prepare import Prepared
from daemon.sync.shelf import Shelf
from daemon.sync.whole import completed, look_at
from daemon.zoho.client import Zoho

_TIME: Final = "Modified_Time"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """What was found of one record. `why` says more where a word is not enough: the cause of what is held, or why the
    record cannot be translated. `modified_time` is of the source's version; `put_back`: an undo has left it so.
    """

    kind: Kind
    source_id: str
    target_id: str | None = None
    name: str = ""
    differences: tuple[Difference, ...] = ()
    why: str = ""
    modified_time: datetime | None = None
    put_back: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stock:
    """What the ledger knew when verifying began, beside the links: the checkpoint, and what waits, was dropped, or was
    put back by an undo.
    """

    position: Position
    waiting: Mapping[str, Waiting]
    unanswered: Collection[str]
    dropped: Mapping[str, Version]
    put_back: Mapping[str, PutBack]

    def standing(self, source_id: str, version: datetime | None) -> Standing:
        """What is known of this version of a record; None: it is deleted."""
        back = self.put_back.get(source_id)
        return Standing(
            waiting=self.waiting.get(source_id),
            unanswered=source_id in self.unanswered,
            dropped=source_id in self.dropped and self.dropped[source_id] == version,
            put_back=back.by if back is not None and back.version == version else "",
        )


def is_carried(change: Change, prepared: Prepared) -> bool:
    """Whether the filter lets a record pass."""
    stream, fields = prepared.stream, prepared.fields
    return fields.keep.test(change.values) and (not stream.notes_of or notes.is_carried(change.values, stream))


def translated(
    changes: Sequence[Change], prepared: Prepared, ledger: ReadLedger, finder: Finder
) -> dict[str, Translation]:
    """What the target should hold of records of the source, by source id."""
    fields, stream = prepared.fields, prepared.stream
    parents = {parent for change in changes for parent in parents_of(change.values, fields)}
    there = ledger.counterparts(stream, parents, prepared.carried)
    strangers = {p: m for change in changes for p, m in strangers_of(change.values, fields).items()}
    known = Known(
        parents=there,
        left=frozenset(ledger.counterparts(stream, parents - there.keys(), prepared.leaving, GONE)),
        owners=prepared.owners,
        default_owner=prepared.default_owner,
        emails=prepared.in_source.emails,
        matched=finder.find(strangers),
    )
    return {change.record_id: translate(change.values, fields, known) for change in changes}


class Judge:
    """`names` are the source fields by which people know a record. `deleted` gives the records that the source has
    deleted since the deletions were read last.
    """

    def __init__(
        self,
        prepared: Prepared,
        target: Zoho,
        source: Zoho,
        ledger: ReadLedger,
        finder: Finder,
        names: Sequence[str],
        stock: Stock,
        deleted: Callable[[], Collection[str]],
    ) -> None:
        self._prepared = prepared
        self._source = source
        self._target = target
        self._ledger = ledger
        self._finder = finder
        self._names = names
        self._stock = stock
        self._deleted = deleted
        self._key = ledger.digest_key
        self._zgids = ledger.zgids()
        fields = prepared.fields
        self.judged = fields.lasting | fields.newest
        self.listed = self.judged - fields.composed
        """What a list answer shows of the fields that both orgs are to hold alike."""

    def carried(self, change: Change) -> bool:
        """Whether the filter lets a record pass."""
        return is_carried(change, self._prepared)

    def translated(self, changes: Sequence[Change]) -> dict[str, Translation]:
        """What the target should hold of records of the source, by source id."""
        return translated(changes, self._prepared, self._ledger, self._finder)

    def named(self, changes: Sequence[Change]) -> list[Change]:
        """The changes, with each lookup into several modules naming its module."""
        stream = self._prepared.stream
        return _only_changes(with_modules(changes, stream.source_module, self._prepared.fields, self._source))

    def agrees(self, translation: Translation, link: Link) -> bool:
        """Whether the source says still what the target has confirmed, by their digests."""
        if translation.faults or translation.waits:
            return False
        wanted = digest_values(cover(translation.values, self.listed), "", self._key)
        return not changed_fields(link.by_field, wanted)

    def holds(self, change: Change, link: Link) -> bool:
        """Whether a record of the target shows still what it has confirmed, its key among it, by their digests."""
        names = {name for name in self.listed & link.by_field.keys() if link.by_field[name] != OWED}
        shown = digest_values(cover(observe(change.values, self._prepared.fields), names), "", self._key)
        return self.listed <= link.by_field.keys() and not changed_fields(link.by_field, shown)

    def has_key(self, source_id: str, row: WireRecord) -> bool:
        """Whether a record of the target holds the key of this record of the source, as far as the answer shows."""
        key = self._prepared.fields.key
        return key is None or key not in row or row[key] == key_value(self._prepared.source_zgid, source_id)

    def look(self, source_ids: Sequence[str], shelf: Shelf) -> list[Finding]:
        """What each of these records is, by both orgs as they are now: two credits for 100 of them, and one for each
        and side where subforms are compared. `shelf` reads the source.
        """
        prepared, fields, stream = self._prepared, self._prepared.fields, self._prepared.stream
        links = self._ledger.links(stream, source_ids)
        read: Sequence[Seen] = self.named(shelf.by_ids(source_ids))
        whole, unread = completed(read, prepared, self._source)
        changes = {change.record_id: change for change in _only_changes(whole)}
        beside = [name for name in (fields.key, stream.flag) if name is not None]
        columns = list(dict.fromkeys([*fields.targets, *beside, _TIME]))
        targets = sorted({link.target_id for link in links.values()})
        rows, torn = look_at(self._target, stream.target_module, columns, fields, targets)
        translations = self.translated(list(changes.values()))
        found = []
        for source_id in source_ids:
            link, change = links.get(source_id), changes.get(source_id)
            if source_id in unread or (link is not None and link.target_id in torn):
                found.append(Finding(kind="in_flight", source_id=source_id, why="it changed while it was read"))
                continue
            there = rows.get(link.target_id) if link is not None else None
            found.append(self._finding(source_id, link, change, there, translations.get(source_id)))
        return found

    def missing(self, change: Change) -> Finding:
        """A record of the source without a counterpart, of which the ledger knows no more."""
        return Finding(
            kind="missing",
            source_id=change.record_id,
            name=self._name(change),
            why="it has no counterpart and waits nowhere",
            modified_time=change.modified_time,
        )

    def _finding(
        self,
        source_id: str,
        link: Link | None,
        change: Change | None,
        there: WireRecord | None,
        translation: Translation | None,
    ) -> Finding:
        standing = self._stock.standing(source_id, None if change is None else change.modified_time)
        different = self._differences(source_id, link, change, there, translation)
        looked = Looked(
            link=link,
            change=change,
            there=there,
            standing=standing,
            later=self._is_later(source_id, change),
            keep=change is None or self.carried(change),
            differences=different,
        )
        kind = verdict(looked, self._prepared.stream, self._key)
        return Finding(
            kind=kind,
            source_id=source_id,
            target_id=None if link is None else link.target_id,
            name="" if change is None else self._name(change),
            differences=different if kind in ("differs", "kept", "own_form") else (),
            why=self._why(standing, translation),
            modified_time=None if change is None else change.modified_time,
            put_back=bool(standing.put_back),
        )

    def _is_later(self, source_id: str, change: Change | None) -> bool:
        """Whether the source has changed, or deleted, it since the polls have passed."""
        if change is not None:
            return change.position > self._stock.position
        return self._prepared.stream.deletes != "ignore" and source_id in self._deleted()

    def _differences(
        self,
        source_id: str,
        link: Link | None,
        change: Change | None,
        there: WireRecord | None,
        translation: Translation | None,
    ) -> tuple[Difference, ...]:
        if link is None or change is None or there is None or translation is None:
            return ()
        fields, stream = self._prepared.fields, self._prepared.stream
        shown = observe(there, fields)
        found = list(differences(translation.values, shown, self.judged, self._key))
        unsaid = {name for name, _ in translation.waits} | {fault.field for fault in translation.faults}
        found += [Difference(field=name, wanted=None, shown=shown.get(name)) for name in sorted(unsaid)]
        if link.state == "flagged" and stream.flag is not None and there.get(stream.flag) is True:
            found.append(Difference(field=stream.flag, wanted=False, shown=True))
        if fields.key is not None and not self._key_is_right(source_id, link, change, there):
            wanted, has = key_value(self._prepared.source_zgid, source_id), there.get(fields.key)
            found.append(Difference(field=fields.key, wanted=wanted, shown=None if has is None else str(has)))
        return tuple(found)

    def _key_is_right(self, source_id: str, link: Link, change: Change, there: WireRecord) -> bool:
        """As in a full comparison (counterparts.py): on a circle one of the two keys is enough, a record that stands
        for another one too may hold that one's key, and one that was linked by a match has none before its first write.
        """
        stream, key = self._prepared.stream, self._prepared.fields.key
        if self.has_key(source_id, there) or not link.agreed or key is None:
            return True
        if any(change.values.get(origin.key) for origin in stream.origins):
            return True
        others = self._ledger.stand_for(stream, [link.target_id]).get(link.target_id, set())
        return names_another(there.get(key), self._prepared.source_zgid, self._zgids, others)

    def _why(self, standing: Standing, translation: Translation | None) -> str:
        if standing.waiting is not None:
            return standing.waiting.code
        if standing.put_back:
            return standing.put_back
        faults = [fault.message for fault in translation.faults] if translation is not None else []
        return faults[0] if faults else ""

    def _name(self, change: Change) -> str:
        return " ".join(str(change.values[name]) for name in self._names if change.values.get(name))


def _only_changes(seen: Sequence[Seen]) -> list[Change]:
    return [one for one in seen if isinstance(one, Change)]
