"""Reads what is not read by a query: rows of subforms and links of multi-select lookups, record by record, because no
list answer shows them (facts 2.6); and tags, of which nobody says how a query shows them, by the ids of their records.

A record that is read twice may have changed in between, or the second answer may be an older one. So the two are only
put together when the second is not behind the first; else the record counts as unread and comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from daemon.core.composed import HAS_MORE
from daemon.core.fieldmap import FieldMap
from daemon.core.record import Change, Seen, WireRecord, is_record_id, parse_instant
from daemon.sync.changes import FieldAbsent
from daemon.sync.prepare import Prepared
from daemon.sync.singly import singly
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer

UNREAD_RETRY: Final = timedelta(seconds=30)
_TIME: Final = "Modified_Time"


def completed(changes: Sequence[Seen], prepared: Prepared, source: Zoho) -> tuple[list[Seen], frozenset[str]]:
    """The changes with what is read apart from their columns, and the ids of those of which it could not be. Rows cost
    a credit a record, tags alone one for 100. Only records that the filter lets pass are asked for.
    """
    fields = prepared.fields
    if not fields.beside:
        return list(changes), frozenset()
    asked = [c.record_id for c in changes if isinstance(c, Change) and fields.keep.test(c.values)]
    found = _apart(source, prepared.stream.source_module, fields, asked) if asked else {}
    wanted = frozenset(asked)
    whole: list[Seen] = []
    unread: set[str] = set()
    for change in changes:
        row = found.get(change.record_id)
        if isinstance(change, Change) and row is not None and not is_older(row, change.modified_time):
            whole.append(replace(change, values={**change.values, **_only(row, [*change.values, *fields.beside])}))
        else:
            whole.append(change)
            unread |= {change.record_id} & wanted
    return whole, frozenset(unread)


def _apart(source: Zoho, module: str, fields: FieldMap, ids: Sequence[str]) -> dict[str, WireRecord]:
    wanted = _wanted(fields, fields.beside, of_target=False)
    if fields.one_by_one:
        found, _ = singly(ids, lambda i: _one(source, module, i, wanted))
        return {i: row for i, row in found.items() if row is not None}
    rows = source.by_ids(module, [*fields.beside, _TIME], ids)
    return {str(row["id"]): _checked(source, module, row, wanted) for row in rows}


def _wanted(fields: FieldMap, names: Iterable[str], *, of_target: bool) -> dict[str, frozenset[str]]:
    columns = fields.read_in_rows(of_target=of_target)
    return {name: columns.get(name, frozenset()) for name in names}


def look_at(
    target: Zoho, module: str, columns: Iterable[str], fields: FieldMap, ids: Sequence[str]
) -> tuple[dict[str, WireRecord], frozenset[str]]:
    """Records of the target by id with these columns, rows included; and those of which two answers did not agree.
    One that is in neither of two answers is not there. Raises FieldAbsent where a column is not in the answer: what is
    written into a field that is there no more is ignored without a word (facts 4.1).
    """
    names = [name for name in columns if name in fields.one_by_one]
    listed = [name for name in columns if name not in fields.one_by_one]
    timed = [*listed, _TIME] if fields.composed else listed
    found = {str(row["id"]): row for row in target.by_ids(module, timed, ids)} if ids else {}
    absent = sorted({name for row in found.values() for name in timed if name not in row})
    if absent:
        raise FieldAbsent(target.org.name, f"{module} came without {', '.join(absent[:5])}; nothing was written")
    moments = {i: _moment(target, module, row) for i, row in found.items()} if fields.composed else {}
    unread: set[str] = set()
    wanted = _wanted(fields, names, of_target=True)
    alone, failed = singly(ids if names else (), lambda i: _one(target, module, i, wanted))
    unread |= failed
    for record_id, whole in alone.items():
        row = found.get(record_id)
        if whole is not None and not is_older(whole, moments.get(record_id)):
            found[record_id] = _only(whole, [*timed, *names])
        elif row is not None or whole is not None:
            unread.add(record_id)
    return found, frozenset(unread)


def is_older(row: WireRecord, moment: datetime | None) -> bool:
    """Whether a record is shown as it was before a moment."""
    return moment is not None and parse_instant(row.get(_TIME)) < moment


def _only(row: WireRecord, names: Iterable[str]) -> WireRecord:
    return {name: row[name] for name in ("id", HAS_MORE, *names) if name in row}


def _one(org: Zoho, module: str, record_id: str, wanted: Mapping[str, frozenset[str]]) -> WireRecord | None:
    found = org.get_one(module, record_id)
    return None if found is None else _checked(org, module, found, wanted)


def _checked(org: Zoho, module: str, row: WireRecord, wanted: Mapping[str, frozenset[str]]) -> WireRecord:
    """A record with these fields, and in their rows these columns. Raises FieldAbsent when one is missing, which must
    not be taken for a blank; BadAnswer when a field holds no list of objects with ids.
    """
    _moment(org, module, row)
    for name, columns in wanted.items():
        rows, what = row.get(name, ...), f"{module} {row.get('id')}"
        if rows is ...:
            raise FieldAbsent(org.org.name, f"{what} came without {name}; nothing was written for it")
        if rows is not None and not (isinstance(rows, list) and all(_is_row(one) for one in rows)):
            raise BadAnswer(org.org.name, f"{what}: {name} is no list of objects with ids")
        if lost := sorted({column for one in rows or () for column in columns - one.keys()}):
            raise FieldAbsent(
                org.org.name, f"{what}: {name} came without {', '.join(lost)}; nothing was written for it"
            )
    return row


def _moment(org: Zoho, module: str, row: WireRecord) -> datetime:
    try:
        return parse_instant(row.get(_TIME))
    except ValueError as error:
        raise BadAnswer(org.org.name, f"{module} {row.get('id')}: Modified_Time cannot be read: {error}") from None


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and is_record_id(row.get("id"))
