"""Where the records of a page point to, as far as neither the page nor the ledger can say: the module of a lookup into
several, and the target's records that a match field finds. Only for changed records, in batches, never one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from daemon.core.fieldmap import FieldMap
from daemon.core.reach import Match, Matched, module_of
from daemon.core.record import Change, Seen, WireRecord, is_record_id
from daemon.core.translate import RELATED_TO, SE_MODULE, Parent
from daemon.sync.changes import FieldAbsent
from daemon.zoho import coql
from daemon.zoho.client import Zoho

REMEMBERED: Final = timedelta(minutes=5)
"""How long a found record is believed: it could be renamed, or another one could get its value."""
_ROWS: Final = 200  # for one credit (facts 3.1)
_TIME: Final = "Modified_Time"


def with_modules(changes: Sequence[Seen], module: str, fields: FieldMap, source: Zoho) -> list[Seen]:
    """The changes, with each lookup into several modules naming its module: COQL gives its id alone (facts 3.4), so
    those records are read by id. What even that does not say, the modules that come into question are asked for: an id
    is the same record's in the whole org. A module that none of them knows stays unsaid.
    """
    torn = [c for c in changes if fields.into_several and isinstance(c, Change) and _unnamed(c.values, fields)]
    if not torn:
        return list(changes)
    beside = [SE_MODULE] if RELATED_TO in fields.into_several else []
    wanted = {linked for change in torn for linked in _unnamed(change.values, fields).values()}
    homes: dict[str, str] = {}
    for row in source.by_ids(module, [*sorted(fields.into_several), *beside], [c.record_id for c in torn]):
        for name in fields.into_several:
            home = module_of(row.get(name)) or (row.get(SE_MODULE) if name == RELATED_TO else None)
            if isinstance(value := row.get(name), dict) and isinstance(home, str):
                homes[str(value.get("id"))] = home
    lookups = [rule for rule in fields.rules if rule.kind == "multilookup"]
    for candidate in sorted({m for rule in lookups for m in (*rule.several, *rule.matches)}):
        if left := sorted(wanted - homes.keys()):
            homes |= {str(row["id"]): candidate for row in source.by_ids(candidate, [_TIME], left)}
    return [replace(c, values=_named(c.values, fields, homes)) if isinstance(c, Change) else c for c in changes]


def _unnamed(record: WireRecord, fields: FieldMap) -> dict[str, str]:
    """The lookups (field -> id) that point to something and do not say in which module."""
    values = {name: record.get(name) for name in fields.into_several}
    return {
        name: str(value["id"])
        for name, value in values.items()
        if isinstance(value, dict) and is_record_id(value.get("id")) and module_of(value) is None
    }


def _named(record: WireRecord, fields: FieldMap, homes: Mapping[str, str]) -> WireRecord:
    return {**record, **{n: {"id": i, "module": homes.get(i)} for n, i in _unnamed(record, fields).items()}}


class Finder:
    """Finds the target's records for source records that no stream carries. Creates none. Hits are remembered for
    REMEMBERED; misses are not, so that a record that is made in the target is found at the next try.
    """

    def __init__(self, source: Zoho, target: Zoho, now: Callable[[], datetime]) -> None:
        self._source = source
        self._target = target
        self._now = now
        self._kept: dict[tuple[Parent, Match], tuple[datetime, Matched]] = {}

    def find(self, wanted: Mapping[Parent, Match]) -> dict[Parent, Matched]:
        """What the match fields find, for every record that the source has. Raises what the client raises."""
        now = self._now()
        self._kept = {of: kept for of, kept in self._kept.items() if timedelta() <= now - kept[0] < REMEMBERED}
        found = {p: self._kept[p, match][1] for p, match in wanted.items() if (p, match) in self._kept}
        groups: dict[tuple[str, Match], list[str]] = {}
        for parent, match in wanted.items():
            if parent not in found:
                groups.setdefault((parent.module, match), []).append(parent.record_id)
        for (module, match), ids in groups.items():
            values = self._values(module, match.field, ids)
            holders = self._holders(match, sorted({value for value in values.values() if value}))
            for record_id, value in values.items():
                matched = Matched(value=value, target_ids=tuple(holders.get(value or "", ())))
                found[Parent(module=module, record_id=record_id)] = matched
                if len(matched.target_ids) == 1:
                    self._kept[Parent(module=module, record_id=record_id), match] = now, matched
        return found

    def _values(self, module: str, name: str, ids: list[str]) -> dict[str, str | None]:
        rows = self._source.by_ids(module, [name], sorted(ids))
        if any(name not in row for row in rows):
            what = f"{module} came without {name}, by which its records are found in the target; nothing was written"
            raise FieldAbsent(self._source.org.name, what)
        return {str(row["id"]): value if isinstance(value := row.get(name), str) and value else None for row in rows}

    def _holders(self, match: Match, values: list[str]) -> dict[str, list[str]]:
        """The records of the target by value, which is compared to the letter: COQL may not tell A from a."""
        found: dict[str, list[str]] = {}
        waiting = _chunks([value for value in values if _can_be_asked(value)])
        while waiting:
            some = waiting.pop()
            page = self._target.coql(
                match.module, [match.field], where=coql.field_in(match.field, some), order_by=("id",), limit=_ROWS
            )
            if page.more and len(some) > 1:  # so many hold one of them that others may be cut off
                waiting += [some[: len(some) // 2], some[len(some) // 2 :]]
                continue
            for row in page.rows:
                found.setdefault(str(row.get(match.field)), []).append(str(row["id"]))
        return found


def _can_be_asked(value: str) -> bool:
    try:
        coql.quoted(value)
    except ValueError:  # a character that no text of Zoho's holds: nobody has this value
        return False
    return True


def _chunks(values: list[str]) -> list[list[str]]:
    return [values[i : i + coql.MOST_VALUES] for i in range(0, len(values), coql.MOST_VALUES)]
