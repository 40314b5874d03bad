"""Looks in the orgs for a record that a person names by its id or by a value, an e-mail address say, and says why no
stream knows it. Reads only. Values go into conditions as they were typed; none of one org is asked for in the other.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from daemon.core import notes
from daemon.core.match import name_fields
from daemon.core.reach import ASKED_FOR
from daemon.core.record import Change, WireRecord, parse_instant
from daemon.core.rules import Copy, Route, Stream
from daemon.core.unmet import Progress, Reason, why_unmet
from daemon.ledger import ReadLedger, StreamChanged
from daemon.sync.catalog import Catalog
from daemon.sync.prepare import NEVER_RUN, Prepared, StreamRefusedError, prepare
from daemon.sync.today import read_source
from daemon.zoho import coql
from daemon.zoho.errors import BadAnswer, RequestRefused

MOST: Final = 50  # records of a module that fit a value
_TIME: Final = "Modified_Time"
_PAGES: Final = 5  # of a deleted list, 200 a page


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """A module of an org that streams read or write; `by` are the fields that the settings match its records by."""

    org: str
    module: str
    by: frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """A record that was found; `by` names the fields that hold the value, none where it was named by its id."""

    org: str
    module: str
    record_id: str
    name: str
    at: datetime | None
    by: tuple[str, ...] = ()


def places(streams: Iterable[Stream]) -> list[Place]:
    """The modules at both ends of streams; what hangs at records (notes, attachments) has no value to be found by."""
    found: dict[tuple[str, str], frozenset[str]] = {}
    for stream in streams:
        if stream.notes_of or stream.files_of:
            continue
        theirs = frozenset(name for rung in stream.match for name in rung)
        table = stream.fields.table or {}
        origins = {name: table.get(name) for name in theirs}
        mine = frozenset(one.field if isinstance(one, Copy) else name for name, one in origins.items())
        for end, names in (
            ((stream.source, stream.source_module), mine),
            ((stream.target, stream.target_module), theirs),
        ):
            found[end] = found.get(end, frozenset()) | names
    return [Place(org=org, module=module, by=by) for (org, module), by in found.items()]


def by_id(where: Sequence[Place], catalogs: Mapping[str, Catalog], record_id: str) -> list[Hit]:
    """The record with this id: one of an org has it, as ids are an org's own. Raises what the client raises."""
    return [hit for place in where for hit in _of(place, catalogs[place.org], ids=[record_id])]


def by_value(where: Sequence[Place], catalogs: Mapping[str, Catalog], value: str) -> tuple[list[Hit], list[str]]:
    """The records that hold a value in a field that names a record: one that the settings match by, an e-mail address,
    a unique text, a name. And the modules that could not be asked, with the reason. Raises as `by_id`.
    """
    hits: list[Hit] = []
    unasked: list[str] = []
    for place in where:
        try:
            hits += _holding(place, catalogs[place.org], value)
        except (RequestRefused, BadAnswer) as error:
            unasked.append(f"{place.org} {place.module}: {error}")
    return hits, unasked


def names_of(place: Place, catalog: Catalog, record_ids: Sequence[str]) -> dict[str, str]:
    """The names that people know these records by, of those that are there."""
    return {hit.record_id: hit.name for hit in _of(place, catalog, ids=record_ids)}


def searched(place: Place, catalog: Catalog) -> tuple[str, ...]:
    """The fields in which a value is looked for."""
    schema = catalog.schema(place.module)
    named = {*place.by, *name_fields(schema)}
    fields = (f for f in schema.fields.values() if f.data_type in ASKED_FOR)
    found = [f.api_name for f in fields if f.api_name in named or f.data_type == "email" or f.unique]
    return tuple(found[: coql.MOST_TERMS])


def _holding(place: Place, catalog: Catalog, value: str) -> list[Hit]:
    names = searched(place, catalog)
    try:
        conditions = [coql.equals(name, value) for name in names]
    except ValueError:  # a character that no text of Zoho's holds
        return []
    if not conditions:
        return []
    shown = name_fields(catalog.schema(place.module))
    columns = list(dict.fromkeys([_TIME, *shown, *names]))
    page = catalog.zoho.coql(place.module, columns, coql.or_(*conditions), limit=MOST)
    return [_hit(place, row, shown, [n for n in names if _same(row.get(n), value)] or names) for row in page.rows]


def _of(place: Place, catalog: Catalog, ids: Sequence[str]) -> list[Hit]:
    shown = name_fields(catalog.schema(place.module))
    return [_hit(place, row, shown) for row in catalog.zoho.by_ids(place.module, [_TIME, *shown], ids)]


def _hit(place: Place, row: WireRecord, shown: Sequence[str], by: Sequence[str] = ()) -> Hit:
    return Hit(
        org=place.org,
        module=place.module,
        record_id=str(row["id"]),
        name=" ".join(str(row[name]) for name in shown if row.get(name)),
        at=_moment(row),
        by=tuple(by),
    )


def _moment(row: WireRecord) -> datetime | None:
    try:
        return parse_instant(row.get(_TIME))
    except ValueError:
        return None


def _same(there: object, value: str) -> bool:
    return isinstance(there, str) and there.casefold() == value.casefold()


def why_not(
    hit: Hit, stream: Stream, route: Route, source: Catalog, target: Catalog, ledger: ReadLedger
) -> tuple[Reason, str]:
    """Why a stream that reads the hit's module does not know it. Raises what the client raises."""
    try:
        state = ledger.stream_state(stream)
        prepared = prepare(stream, route, source, target, ledger.carried(stream))
    except (StreamRefusedError, StreamChanged) as error:
        return "stopped", f"{stream.address} cannot run: {error}"
    change = read_source(prepared, source, hit.record_id)
    if change is None:
        return "passed", f"{stream.source} does not show it any more: it was deleted a moment ago"
    progress = None
    if state is not None:
        progress = Progress(
            position=state.position,
            has_run=state.rules_version != NEVER_RUN,
            caught_up_at=state.caught_up_at,
            trouble=state.trouble,
        )
    return why_unmet(stream, change.position, progress, matches=_is_carried(change, prepared))


def _is_carried(change: Change, prepared: Prepared) -> bool:
    stream = prepared.stream
    return prepared.fields.keep.test(change.values) and (not stream.notes_of or notes.is_carried(change.values, stream))


def deleted_at(
    where: Sequence[Place], catalogs: Mapping[str, Catalog], record_id: str
) -> tuple[Place, datetime] | None:
    """Where and when a record was deleted, if a deleted list still shows it among its latest thousand."""
    for place in where:
        for page in range(1, _PAGES + 1):
            try:
                shown = catalogs[place.org].zoho.deleted(place.module, page=page)
            except RequestRefused:  # a module without such a list
                break
            for row in shown.rows:
                if row.record_id == record_id:
                    return place, row.deleted_time
            if not shown.more:
                break
    return None
