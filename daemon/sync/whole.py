"""Reads what no list answer shows (facts 2.6): rows of subforms and links of multi-select lookups, record by record.

A record that is read twice may have changed in between, or the second answer may be an older one. So the two are only
put together when the second is not behind the first; else the record counts as unread and comes again.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final

from daemon.core.composed import HAS_MORE
from daemon.core.mapping import FieldMap
from daemon.core.record import Change, Seen, WireRecord, is_record_id, parse_instant
from daemon.sync.changes import FieldAbsent
from daemon.sync.prepare import Prepared
from daemon.zoho.client import Zoho
from daemon.zoho.errors import BadAnswer

UNREAD_RETRY: Final = timedelta(seconds=30)
_TIME: Final = "Modified_Time"


def completed(changes: Sequence[Seen], prepared: Prepared, source: Zoho) -> tuple[list[Seen], frozenset[str]]:
    """The changes with their rows, one credit each, and the ids of those that could not be read. Only records that the
    filter lets pass are asked for.
    """
    names, module = prepared.fields.by_id, prepared.stream.source_module
    whole: list[Seen] = []
    unread: set[str] = set()
    for change in changes:
        if not names or not isinstance(change, Change) or not prepared.fields.keep.test(change.values):
            whole.append(change)
            continue
        found = _one(source, module, change.record_id, names)
        if found is None or is_older(found, change.modified_time):
            unread.add(change.record_id)
            whole.append(change)
        else:
            values = {**change.values, **_only(found, [*change.values, *names])}
            whole.append(replace(change, values=values))
    return whole, frozenset(unread)


def look_at(
    target: Zoho, module: str, columns: Iterable[str], fields: FieldMap, ids: Sequence[str]
) -> tuple[dict[str, WireRecord], frozenset[str]]:
    """Records of the target by id with these columns, rows included; and those of which two answers did not agree.
    One that is in neither of two answers is not there.
    """
    names = [name for name in columns if name in fields.targets_by_id]
    listed = [name for name in columns if name not in fields.targets_by_id]
    timed = [*listed, _TIME] if fields.composed else listed
    found = {str(row["id"]): row for row in target.by_ids(module, timed, ids)} if ids else {}
    moments = {i: _moment(target, module, row) for i, row in found.items()} if fields.composed else {}
    unread: set[str] = set()
    for record_id in ids if names else ():
        row, whole = found.get(record_id), _one(target, module, record_id, names)
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


def _one(org: Zoho, module: str, record_id: str, names: Sequence[str]) -> WireRecord | None:
    """A whole record. Raises FieldAbsent when one of the names is missing, BadAnswer when it holds no rows."""
    found = org.get_one(module, record_id)
    if found is None:
        return None
    _moment(org, module, found)
    for name in names:
        rows = found.get(name, ...)
        if rows is ...:
            raise FieldAbsent(org.org.name, f"{module} {record_id} came without {name}; nothing was written for it")
        if rows is not None and not (isinstance(rows, list) and all(_is_row(row) for row in rows)):
            raise BadAnswer(org.org.name, f"{module} {record_id}: {name} is no list of rows with ids")
    return found


def _moment(org: Zoho, module: str, row: WireRecord) -> datetime:
    try:
        return parse_instant(row.get(_TIME))
    except ValueError as error:
        raise BadAnswer(org.org.name, f"{module} {row.get('id')}: Modified_Time cannot be read: {error}") from None


def _is_row(row: object) -> bool:
    return isinstance(row, dict) and is_record_id(row.get("id"))
