"""Makes a stream ready to run, or says why it may not: metadata, mapping, key field, identity, first run."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from loguru import logger

from daemon.core.absent import NOTHING, Carried, carried, place, renamed, replaced
from daemon.core.edits import People
from daemon.core.fieldmap import FieldMap, columns_of
from daemon.core.mapping import resolve
from daemon.core.order import parents_first
from daemon.core.problem import Problem
from daemon.core.reach import match_problem
from daemon.core.record import START
from daemon.core.rules import Copy, Route, Rows, Stream
from daemon.core.schema import Schema
from daemon.core.timeless import timeless_problems
from daemon.ledger import Ledger, ReadLedger
from daemon.ledger.errors import StreamChanged
from daemon.ledger.streams import StreamState
from daemon.sync.catalog import METADATA_KEPT, Catalog, default_owner_of, owners_by_email, read_schemas, read_users
from daemon.zoho import coql
from daemon.zoho.errors import RequestRefused

FirstRun = Literal["refuse", "create"]
_SLACK: Final = timedelta(minutes=10)  # a page that was planned by older metadata may be settled so much later
NEVER_RUN: Final = ""
"""The rules' version of a stream that is known to the ledger, so that its troubles show, but has not run yet."""


class StreamRefusedError(Exception):
    """A stream may not run as it stands. The message says what was seen, what was not touched and what to type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A stream with everything that its cycles need to know of both orgs. `carried` and `leaving` are source modules of
    the route with their target modules: all of them, and those where gone = "leave". `in_…` is who is who in both orgs;
    the users that orgsync is there are known where edits may come back.
    """

    stream: Stream
    carried: Mapping[str, str]
    leaving: Mapping[str, str]
    fields: FieldMap
    owners: Mapping[str, str]
    default_owner: str | None
    source_zgid: str
    target_zgid: str
    target_schema: str
    in_source: People
    in_target: People


def prepare(stream: Stream, route: Route, source: Catalog, target: Catalog, before: Carried = NOTHING) -> Prepared:
    """Reads what both orgs say of the stream, which has carried `before` so far. Raises StreamRefusedError, or what the
    client raises.
    """
    read_schemas(stream, source, target)
    fields, problems = field_map(stream, route, source, target, before)
    if fields is None:
        found = "; ".join(p.message for p in problems if p.fatal)
        raise StreamRefusedError(f"{found}; nothing was written; see `orgsync check`")
    read_users(source, target)
    default_owner = default_owner_of(stream, target)
    if stream.default_owner is not None and default_owner is None and not before.parts:
        raise StreamRefusedError(  # else he has left: only what nobody else stands for waits
            f"default_owner {stream.default_owner} is no active user of {stream.target}; "
            f"nothing was written; correct routes.{stream.route}.default_owner"
        )
    return Prepared(
        stream=stream,
        carried=route.carried(),
        leaving={s.source_module: s.target_module for s in route.streams if s.gone == "leave"},
        fields=fields,
        owners=owners_by_email(source, target, stream.owners),
        default_owner=default_owner,
        source_zgid=source.profile().zgid,
        target_zgid=target.profile().zgid,
        in_source=_people(stream, source),
        in_target=_people(stream, target),
        target_schema=schemas_of(stream, source, target)[1].fingerprint(),
    )


def _people(stream: Stream, catalog: Catalog) -> People:
    emails = {u.user_id: u.email for u in catalog.users() if u.email}
    return People(me=catalog.me() if stream.circle else None, emails=emails)


def field_map(
    stream: Stream, route: Route, source: Catalog, target: Catalog, before: Carried = NOTHING
) -> tuple[FieldMap | None, list[Problem]]:
    """The stream's field rules by both orgs' metadata as it is now, with every problem found."""
    schemas = schemas_of(stream, source, target)
    if timeless := timeless_problems(stream, *schemas):
        return None, timeless
    zone = source.profile().time_zone
    fields, problems = resolve(stream, *schemas, route.carried(), zone, before)
    wrong = {
        rule.target: f"{rule.target}: {said}"
        for rule in (fields.rules if fields is not None else ())
        for module, match in [one for r in (rule, *rule.rows) for one in r.matches.items()]
        if (said := match_problem(match, module, source.schema(module), target.schema(match.module)))
    }
    if wrong and all(name in before for name in wrong):
        return resolve(stream, *schemas, route.carried(), zone, before, wrong)
    more = [Problem(stream=stream.address, field=name, seen=message, about="lookup") for name, message in wrong.items()]
    return (None if wrong else fields), [*problems, *more]


def schemas_of(stream: Stream, source: Catalog, target: Catalog) -> tuple[Schema, Schema]:
    """The fields of both modules, with those of the rows of the subforms that the settings name."""
    here, there = source.schema(stream.source_module), target.schema(stream.target_module)
    table = stream.fields.table or {}
    named = {o.field for o in table.values() if isinstance(o, (Copy, Rows))}
    return _with_rows(here, named, source), _with_rows(there, table.keys(), target)


def mapped_metadata(prepared: Prepared, source: Catalog, target: Catalog) -> str:
    """A short name for what both orgs say of the fields that the stream reads and writes, and of those without which
    the target makes no record: it changes with a type, a length, a picklist, a right.
    """
    stream, fields = prepared.stream, prepared.fields
    here, there = schemas_of(stream, source, target)
    read = {*fields.columns, *fields.beside}
    needed = {name for name, one in there.fields.items() if one.mandatory}
    written = {*fields.targets, *fields.match, *needed} | {name for name in (fields.key, stream.flag) if name}
    mine = here.only(read, fields.read_in_rows(of_target=False))
    yours = there.only(written, fields.read_in_rows(of_target=True))
    return f"{mine.fingerprint()} {yours.fingerprint()}"


def _with_rows(schema: Schema, names: Collection[str], catalog: Catalog) -> Schema:
    """A subform whose rows the API user may not see is left out: resolve says so."""
    rows: dict[str, Schema] = {}
    for name in names:
        field = schema.fields.get(name)
        if field is not None and field.rows_module is not None:
            with suppress(RequestRefused):
                rows[name] = catalog.schema(field.rows_module)
    return replace(schema, rows=rows) if rows else schema


def admit(prepared: Prepared, target: Catalog, ledger: Ledger, first_run: FirstRun, now: datetime) -> None:
    """Opens the stream in the ledger. Before its very first run, refuses a target that holds records which could be
    counterparts already, because creating everything a second time is the costliest mistake there is.

    Changed rules take the checkpoint back to the start: every record is read again, and the digests see to it that
    only what differs is written. Rules that are only gone, or back, do not: there is nothing to write, or the queue
    knows of it.
    """
    stream = prepared.stream
    state = ledger.stream_state(stream)
    if (why := first_run_problem(stream, state, target, first_run)) is not None:
        raise StreamRefusedError(why)
    before = NOTHING if state is None else state.carried
    fields, now_carried = prepared.fields, carried(prepared.fields, before)
    if state is not None and before.parts:
        _go_on_under_new_names(prepared, before, ledger, _unsure_since(state, now), now)
    if begins_anew(prepared, state):
        ledger.restart_stream(stream, fields.version, now_carried, now)
    else:
        ledger.note_rules(stream, fields.version, now_carried)
    for absent in fields.absent:
        logger.warning("{}: {}; {} is not written until then", stream.address, absent.message, absent.target)


def first_run_problem(stream: Stream, state: StreamState | None, target: Catalog, first_run: FirstRun) -> str | None:
    """Why the very first run of a stream may not begin; None when it may, or is not the first."""
    known = NEVER_RUN if state is None else state.rules_version
    matched = stream.notes_of or (state is not None and state.first_run == "match")  # equal notes are adopted
    if known != NEVER_RUN or first_run == "create" or matched:
        return None
    condition = coql.everything() if stream.key is None else coql.is_null(stream.key)
    strangers = target.zoho.count(stream.target_module, condition)
    if not strangers:
        return None
    ladder = "" if stream.match else f'write match = ["Email"] under [{place(stream)}] in the settings file, then '
    return (
        f"first run, and {stream.target} already holds {strangers} {stream.target_module} "
        "of its own; nothing was written. If some of them may be copies of records of "
        f"{stream.source}, pair them: {ladder}`orgsync match {stream.address}`. If none is, start with "
        "`orgsync run --first-run create` (or `orgsync once --first-run create`)"
    )


def begins_anew(prepared: Prepared, state: StreamState | None) -> bool:
    """Whether the stream reads everything from the start, because its rules are not those that it stands under."""
    stream, fields = prepared.stream, prepared.fields
    before = NOTHING if state is None else state.carried
    known = NEVER_RUN if state is None else state.rules_version
    is_known = carried(fields, before).parts == before.parts if before.parts else known == fields.version
    return not is_known or bool(replaced(before.target, fields.target_ids) - {stream.key, stream.flag})


def is_renamed(prepared: Prepared, state: StreamState | None) -> bool:
    """Whether fields that the stream has carried are not there any more under the names that they had."""
    if state is None or not state.carried.parts:
        return False
    before, fields = state.carried, prepared.fields
    absent = {one.target for one in fields.absent if one.in_target and one.target in before} - before.missing
    return bool(
        renamed(before.source, fields.source_ids)
        or renamed(before.target, fields.target_ids)
        or replaced(before.source, fields.source_ids)
        or absent
    )


def _go_on_under_new_names(prepared: Prepared, before: Carried, ledger: Ledger, since: datetime, now: datetime) -> None:
    """A field of the target that is not there under its name was maybe not there when it was written last: the metadata
    is read anew within METADATA_KEPT. What both sides agreed on of a field goes on under its new name.
    """
    stream, fields = prepared.stream, prepared.fields
    source, target = renamed(before.source, fields.source_ids), renamed(before.target, fields.target_ids)
    lost = {one.target for one in fields.absent if one.in_target} | target.keys()
    if new := [name for name in lost - before.missing if name in before]:
        ledger.unlearn(stream, new, since, now)
    others = replaced(before.target, fields.target_ids) - {stream.key, stream.flag}
    if others:  # nothing was ever written into these
        ledger.unlearn(stream, others, START.modified_time, now)
    columns = replaced(before.source, fields.source_ids)
    if over := others | {rule.target for rule in fields.rules if columns & set(columns_of(rule.source))}:
        behind = {c for rule in fields.rules if rule.target in others for c in columns_of(rule.source)}
        ledger.disagree(stream, columns | behind, over)
    if source:
        ledger.rename(stream.source, stream.source_module, source)
    if target:
        ledger.rename(stream.target, stream.target_module, target)
    beside = [name for name in (stream.key, stream.flag) if name is not None]
    moved = [name for name in beside if before.target.get(name) != fields.target_ids.get(name)]
    ledger.lose(stream, [name for name in moved if name not in before.missing], since, now)


def note_lost(stream: Stream, target: Catalog, ledger: Ledger, now: datetime) -> None:
    """A stream stops while its key or flag is not there; what was sent before that was seen may lack them."""
    state = ledger.stream_state(stream)
    if state is None or not state.carried.parts:
        return
    before, there = state.carried, target.schema(stream.target_module).fields
    known = [name for name in (stream.key, stream.flag) if name is not None and name in before.target]
    if lost := [name for name in known if name not in there and name not in before.missing]:
        ledger.lose(stream, lost, _unsure_since(state, now), now)
        ledger.note_rules(stream, state.rules_version, replace(before, missing=before.missing | set(lost)))


def _unsure_since(state: StreamState, now: datetime) -> datetime:
    """Since when the target may have ignored what was written into a field that is not there any more."""
    return min(now, state.polled_at or now) - METADATA_KEPT - _SLACK


def earlier_parents(stream: Stream, route: Route, source: Catalog, fields: FieldMap) -> list[Stream]:
    """The streams of the route whose records this stream's lookups point to, and which go first (core/order.py)."""
    order = parents_first(route.streams, {s.source_module: _points_to(s, source) for s in route.streams})
    before = order[: order.index(stream)]
    return [s for s in before if s.source_module in fields.parents]


def unfinished_parent(
    stream: Stream, route: Route, source: Catalog, fields: FieldMap, ledger: ReadLedger
) -> str | None:
    """A parent's stream that is still on its first pass: the children would only be held. None: go on."""
    for parent in earlier_parents(stream, route, source, fields):
        try:
            state = ledger.stream_state(parent)
        except StreamChanged:  # that stream's own trouble
            continue
        if state is None or (state.caught_up_at is None and state.trouble is None):
            return parent.address
    return None


def _points_to(stream: Stream, source: Catalog) -> frozenset[str]:
    if stream.notes_of or stream.files_of:
        return frozenset([*stream.notes_of, *([stream.files_of] if stream.files_of else [])])
    try:
        schema = source.schema(stream.source_module)
    except RequestRefused:  # that stream's own trouble
        return frozenset()
    named = {name for f in schema.fields.values() for name in (*f.leads_to, f.linked_module) if name}
    for origin in (stream.fields.table or {}).values():
        rows = schema.fields.get(origin.field) if isinstance(origin, (Copy, Rows)) else None
        if rows is not None and rows.rows_module is not None:
            with suppress(RequestRefused):
                columns = source.schema(rows.rows_module).fields.values()
                named |= {f.lookup_module for f in columns if f.lookup_module and f.api_name != "Parent_Id"}
    return frozenset(named)
