"""Looks before anything runs: credentials, modules, fields and key fields of every stream. Writes nothing to either
org, save for a missing key field when that is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from daemon.core.absent import NOTHING, Carried, name_of_today
from daemon.core.budget import UNLIMITED, Budget
from daemon.core.fieldmap import FieldMap
from daemon.core.pace import busy_a_day, idle_a_day
from daemon.core.rules import Copy, Route, Stream
from daemon.sync.catalog import Catalog, owner_problems
from daemon.sync.prepare import field_map
from daemon.zoho.errors import ZohoError

KEY_LENGTH: Final = 60
"""zgid, a colon and 19 digits, with room."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report. `ok` is None for what is worth knowing but stops nothing."""

    subject: str
    ok: bool | None
    message: str


def check_org(catalog: Catalog) -> Iterator[Finding]:
    """Whether the org answers, as whom, and what it holds."""
    org = catalog.zoho.org
    try:
        profile = catalog.profile()
        users = [u for u in catalog.users() if u.active]
    except ZohoError as error:
        yield Finding(subject=org.name, ok=False, message=str(error))
        return
    about = f"{profile.company_name} ({org.data_center}, {profile.edition}, {profile.type}), {len(users)} active users"
    yield Finding(subject=org.name, ok=True, message=about)


def check_credits(org: str, budget: Budget, streams: Sequence[Stream]) -> Finding:
    """What an org is asked for in a day; it stops nothing."""
    idle, busy = idle_a_day(org, streams), busy_a_day(org, streams)
    about = f"credits a day to read it: about {idle:,} while nothing changes, {busy:,} while every poll finds a change"
    if budget.ceiling is not None and idle > budget.ceiling:
        about += (
            f"; that is more than its ceiling of {budget.ceiling:,}, so that it stands still at times: lengthen poll"
        )
    elif budget.ceiling is not None:
        about += f"; its ceiling is {budget.ceiling:,}"
    return Finding(subject=org, ok=None, message=about)


def check_stream(
    stream: Stream, route: Route, source: Catalog, target: Catalog, *, create_keys: bool, before: Carried = NOTHING
) -> Iterator[Finding]:
    """Whether a stream can run by both orgs' metadata, and what it would not carry. `before` is what it carried so far:
    what is missing of that waits alone.
    """
    if stream.files_of is not None:
        yield Finding(subject=stream.address, ok=True, message=f"the attachments of {stream.files_of}")
        return
    try:
        if create_keys:
            yield from _create_key(stream, target, before)
        fields, problems = field_map(stream, route, source, target, before)
    except ZohoError as error:
        yield Finding(subject=stream.address, ok=False, message=str(error))
        return
    for problem in problems:
        yield Finding(subject=stream.address, ok=False if problem.fatal else None, message=problem.message)
    if fields is not None:
        yield from _amounts(stream, fields, source, target)
        how = "no key: a repeated create is looked up by its values" if fields.key is None else f"key {fields.key}"
        yield Finding(subject=stream.address, ok=True, message=f"{len(fields.rules)} fields, {how}")


def _amounts(stream: Stream, fields: FieldMap, source: Catalog, target: Catalog) -> Iterator[Finding]:
    """Amounts of two orgs that count in different currencies: a number that is copied would mean something else."""
    mine, yours = source.profile().currency, target.profile().currency
    if not mine or not yours or mine == yours or "Currency" in fields.targets:
        return
    schemas = source.schema(stream.source_module), target.schema(stream.target_module)
    copied = [
        rule.target
        for rule in fields.rules
        if isinstance(rule.source, Copy)
        and schemas[0].fields[rule.source.field].data_type == schemas[1].fields[rule.target].data_type == "currency"
    ]
    if copied:
        message = (
            f"{', '.join(copied)}: {stream.source} counts in {mine} and {stream.target} in {yours}, and the numbers "
            "are copied as they are: convert them by an expression, or leave them out"
        )
        yield Finding(subject=stream.address, ok=None, message=message)


def check_owners(route: Route, source: Catalog, target: Catalog) -> Iterator[Finding]:
    """What is wrong with the table of owners, and who is missing from it; it stops nothing."""
    try:
        found = owner_problems(route, source, target)
    except ZohoError:  # said of the org already
        return
    for message in found:
        yield Finding(subject=route.name, ok=None, message=message)


def _create_key(stream: Stream, target: Catalog, before: Carried) -> Iterator[Finding]:
    schema = target.schema(stream.target_module)
    if stream.key is None or stream.key in schema.fields or name_of_today(stream.key, before.target, schema):
        return
    target.zoho.create_text_field(stream.target_module, stream.key, KEY_LENGTH)
    target.forget()
    message = f"created {stream.target}'s {stream.target_module}.{stream.key} (text, unique)"
    yield Finding(subject=stream.address, ok=True, message=message)


def check_all(
    routes: tuple[Route, ...],
    catalogs: dict[str, Catalog],
    *,
    create_keys: bool,
    show: Callable[[Finding], None],
    carried: Mapping[str, Carried] = MappingProxyType({}),
    budgets: Mapping[str, Budget] = MappingProxyType({}),
) -> bool:
    """Checks every org and stream, shows each finding as it comes, and says whether all may run. `carried` is what the
    ledger knows of streams by address.
    """
    healthy = True
    streams = [stream for route in routes for stream in route.streams]
    for catalog in catalogs.values():
        for finding in check_org(catalog):
            show(finding)
            healthy = healthy and finding.ok is not False
        name = catalog.zoho.org.name
        show(check_credits(name, budgets.get(name, UNLIMITED), streams))
    for route in routes:
        for finding in check_owners(route, catalogs[route.source], catalogs[route.target]):
            show(finding)
        for stream in route.streams:
            source, target = catalogs[route.source], catalogs[route.target]
            before = carried.get(stream.address, NOTHING)
            for finding in check_stream(stream, route, source, target, create_keys=create_keys, before=before):
                show(finding)
                healthy = healthy and finding.ok is not False
    return healthy
