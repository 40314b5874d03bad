"""Makes a stream ready to run, or says why it may not: metadata, mapping, key field, identity, first run."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal

from daemon.core.mapping import FieldMap, Problem, resolve
from daemon.core.order import parents_first
from daemon.core.rules import Route, Stream
from daemon.ledger import Ledger
from daemon.sync.catalog import Catalog, owners_by_email
from daemon.zoho import coql
from daemon.zoho.errors import RequestRefused

FirstRun = Literal["refuse", "create"]
NEVER_RUN: Final = ""
"""The rules' version of a stream that is known to the ledger, so that its troubles show, but has not run yet."""


class StreamRefusedError(Exception):
    """A stream may not run as it stands. The message says what was seen, what was not touched and what to type."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """A stream with everything that its cycles need to know of both orgs. `carried` and `leaving` are source modules of
    the route with their target modules: all of them, and those where gone = "leave".
    """

    stream: Stream
    carried: Mapping[str, str]
    leaving: Mapping[str, str]
    fields: FieldMap
    owners: Mapping[str, str]
    emails: Mapping[str, str]
    default_owner: str | None
    source_zgid: str
    target_schema: str


def prepare(stream: Stream, route: Route, source: Catalog, target: Catalog) -> Prepared:
    """Reads what both orgs say of the stream. Raises StreamRefusedError, or what the client raises."""
    fields, problems = field_map(stream, route, source, target)
    if fields is None:
        found = "; ".join(p.message for p in problems if p.fatal)
        raise StreamRefusedError(f"{found}; nothing was written; see `orgsync check`")
    default_owner = None
    if stream.default_owner is not None:
        owners = [u for u in target.users() if u.active and u.email.lower() == stream.default_owner.lower()]
        if not owners:
            raise StreamRefusedError(
                f"default_owner {stream.default_owner} is no active user of {stream.target}; "
                f"nothing was written; correct routes.{stream.route}.default_owner"
            )
        default_owner = owners[0].user_id
    return Prepared(
        stream=stream,
        carried=route.carried(),
        leaving={s.source_module: s.target_module for s in route.streams if s.gone == "leave"},
        fields=fields,
        owners=owners_by_email(source, target, stream.owners),
        emails={u.user_id: u.email for u in source.users() if u.email},
        default_owner=default_owner,
        source_zgid=source.profile().zgid,
        target_schema=target.schema(stream.target_module).fingerprint(),
    )


def field_map(stream: Stream, route: Route, source: Catalog, target: Catalog) -> tuple[FieldMap | None, list[Problem]]:
    """The stream's field rules by both orgs' metadata as it is now, with every problem found."""
    schemas = source.schema(stream.source_module), target.schema(stream.target_module)
    return resolve(stream, *schemas, route.carried(), source.profile().time_zone)


def admit(prepared: Prepared, target: Catalog, ledger: Ledger, first_run: FirstRun, now: datetime) -> None:
    """Opens the stream in the ledger. Before its very first run, refuses a target that holds records which could be
    counterparts already, because creating everything a second time is the costliest mistake there is.

    Changed rules take the checkpoint back to the start: every record is read again, and the digests see to it that
    only what differs is written.
    """
    stream = prepared.stream
    state = ledger.stream_state(stream)
    known = NEVER_RUN if state is None else state.rules_version
    if known == NEVER_RUN and first_run == "refuse":
        condition = coql.everything() if stream.key is None else coql.is_null(stream.key)
        strangers = target.zoho.count(stream.target_module, condition)
        if strangers:
            raise StreamRefusedError(
                f"first run, and {stream.target} already holds {strangers} {stream.target_module} "
                "that orgsync has not linked; nothing was written. If none of them is a copy of a record of "
                f"{stream.source}, start with `orgsync run --first-run create` (or `orgsync once --first-run create`)"
            )
    if known != prepared.fields.version:
        ledger.restart_stream(stream, prepared.fields.version, now)


def earlier_parents(stream: Stream, route: Route, source: Catalog, fields: FieldMap) -> list[Stream]:
    """The streams of the route whose records this stream's lookups point to, and which go first (core/order.py)."""
    order = parents_first(route.streams, {s.source_module: _points_to(s, source) for s in route.streams})
    before = order[: order.index(stream)]
    return [s for s in before if s.source_module in fields.parents]


def _points_to(stream: Stream, source: Catalog) -> frozenset[str]:
    try:
        schema = source.schema(stream.source_module)
    except RequestRefused:  # that stream's own trouble
        return frozenset()
    return frozenset(f.lookup_module for f in schema.fields.values() if f.lookup_module)
