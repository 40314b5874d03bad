"""Looks before anything runs: credentials, scopes, rights, modules, fields and key fields of every stream. Writes
nothing to either org, save for a missing key field when that is asked for.

What follows from what was seen is decided in core (org_report.py, stream_report.py); here it is asked for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from daemon.core.absent import NOTHING, Carried, name_of_today
from daemon.core.budget import UNLIMITED, Budget
from daemon.core.fieldmap import FieldMap
from daemon.core.mapping import rules_of
from daemon.core.nearest import there_is
from daemon.core.org_report import credit_remark, edition_remarks, right_remarks, scope_remarks
from daemon.core.remark import Level, Remark, State, verdict
from daemon.core.rules import Route, Stream
from daemon.core.schema import ModuleInfo, OrgProfile
from daemon.core.scopes import covers, module_scope
from daemon.core.skeleton import skeleton
from daemon.core.stream_report import currency_remarks, field_remarks, module_remarks, problem_remark
from daemon.sync.catalog import Catalog, owner_remarks
from daemon.sync.prepare import field_map, schemas_of
from daemon.zoho.errors import CredentialRefused, OrgUnavailable, RequestRefused, ZohoError

KEY_LENGTH: Final = 60
"""zgid, a colon and 19 digits, with room."""
UNREACHABLE: Final = "unreachable"
_LEVELS: Final[dict[State, Level]] = {"ready": "ok", "ready with remarks": "remark", "not ready": "wrong"}
_OF_THE_MAPPING: Final = ("field", "mandatory", "read-only", "type", "columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of the report: a remark on an org, a route or a stream. A verdict has a `state`, and a `mapping` to
    paste (TOML) where the stream is not ready for the want of one.
    """

    subject: str
    remark: Remark
    state: State | None = None
    mapping: str | None = None

    @property
    def ok(self) -> bool | None:
        """None for what is worth knowing but stops nothing."""
        return {"ok": True, "wrong": False}.get(self.remark.level)

    @property
    def message(self) -> str:
        return self.remark.message


def check_org(catalog: Catalog, routes: Sequence[Route], budget: Budget = UNLIMITED) -> Iterator[Remark]:
    """Whether the org answers, as whom, what its credential may do, and what reading it costs."""
    org, streams = catalog.zoho.org, [stream for route in routes for stream in route.streams]
    try:
        granted = catalog.zoho.granted()
    except ZohoError as error:
        yield _refused(error)
        return
    profile: OrgProfile | None = None
    scopes = list(scope_remarks(org.name, routes, granted))
    try:
        profile = catalog.profile()
        users = [u for u in catalog.users() if u.active]
        about = f"{profile.company_name} ({org.data_center}, {profile.edition}, {profile.type})"
        yield Remark(level="ok", about="org", seen=f"{about}, {len(users)} active users")
    except ZohoError as error:
        if not (isinstance(error, CredentialRefused) and error.scope and any(r.level == "wrong" for r in scopes)):
            yield _refused(error)
    yield from scopes
    rights = None
    with suppress(ZohoError):  # then nothing is known of it, which is said
        rights = catalog.rights()
    yield from right_remarks(org.name, streams, rights)
    if profile is not None:
        yield from edition_remarks(profile, budget, org.calls_at_once, org.name)
    yield credit_remark(org.name, budget, streams, profile)


def _refused(error: ZohoError) -> Remark:
    """What an org answered instead; the words are the client's, without the org's name before them."""
    about = UNREACHABLE if isinstance(error, OrgUnavailable) else "credential"
    if isinstance(error, CredentialRefused) and error.scope is not None:
        about = "scopes"
    elif isinstance(error, RequestRefused) and error.code == "INVALID_MODULE":
        about = "module"
    return Remark(level="wrong", about=about, seen=error.what, do=error.hint)


def check_stream(
    stream: Stream, route: Route, source: Catalog, target: Catalog, *, create_keys: bool, before: Carried = NOTHING
) -> Iterator[Remark]:
    """Whether a stream can run by both orgs' metadata, and what its records may meet. `before` is what it carried so
    far: what is missing of that waits alone.
    """
    if stream.files_of is not None:
        yield Remark(level="ok", about="mapping", seen=f"the attachments of {stream.files_of}")
        return
    try:
        if create_keys:
            yield from _create_key(stream, target, before)
        fields, problems = field_map(stream, route, source, target, before)
        yield from (problem_remark(stream, problem) for problem in problems)
        if not stream.notes_of:
            yield from module_remarks(
                stream, _module(source, stream.source_module), _module(target, stream.target_module)
            )
        if fields is not None:
            yield from _fields(stream, fields, source, target)
    except ZohoError as error:
        about = _refused(error).about
        without = _without_module(stream, source, target) if about == "module" else []
        yield from without or [Remark(level="wrong", about=about, seen=str(error))]


def _without_module(stream: Stream, source: Catalog, target: Catalog) -> list[Remark]:
    """What is said of each org that does not show its module; nothing where both do, or cannot be asked."""
    found = []
    for catalog, name in ((source, stream.source_module), (target, stream.target_module)):
        with suppress(ZohoError):
            there = catalog.modules()
            if name not in there:
                org = catalog.zoho.org.name
                seen = f"{org} has no module {name}{there_is(name, there)}, or hides it from the API user"
                do = f"correct it in routes.{stream.route}.modules, by API name"
                found.append(Remark(level="wrong", about="module", seen=seen, do=do))
    return found


def _fields(stream: Stream, fields: FieldMap, source: Catalog, target: Catalog) -> Iterator[Remark]:
    schemas = schemas_of(stream, source, target)
    yield from field_remarks(stream, *schemas, fields)
    yield from currency_remarks(stream, fields, *schemas, source.profile().currency, target.profile().currency)
    yield from _asked(fields, source, target)
    how = "no key" if fields.key is None else f"key {fields.key}"
    yield Remark(level="ok", about="mapping", seen=f"{len(fields.rules)} fields, {how}")


def _module(catalog: Catalog, name: str) -> ModuleInfo | None:
    """A module as the org shows it; None where it shows none, which is not held against anybody."""
    with suppress(ZohoError):
        return catalog.modules().get(name)
    return None


def _asked(fields: FieldMap, source: Catalog, target: Catalog) -> Iterator[Remark]:
    """Whether records that no stream carries may be asked for, by which lookups are found (reach.py)."""
    matches = [one for rule in fields.rules for r in (rule, *rule.rows) for one in r.matches.items()]
    wanted = {(source, module) for module, _ in matches} | {(target, match.module) for _, match in matches}
    for catalog, module in sorted(wanted, key=lambda one: (one[0].zoho.org.name, one[1])):
        granted, name = catalog.zoho.granted(), module_scope(module, "READ")
        if granted and not covers(granted, name):
            org = catalog.zoho.org.name
            seen = f"the token of {org} lacks {name}, to find the {module} that a lookup points to"
            do = f"add it to the scopes of {org}, for `orgsync auth {org}`"
            yield Remark(level="wrong", about="scopes", seen=seen, do=do)


def mapping_of(stream: Stream, route: Route, source: Catalog, target: Catalog, before: Carried = NOTHING) -> str:
    """The stream's mapping as a table for settings.toml (skeleton.py). Raises what the client raises."""
    here, there = schemas_of(stream, source, target)
    fields, problems = field_map(stream, route, source, target, before)
    found = rules_of(stream, here, there, route.carried(), source.profile().time_zone, before)
    broken = {problem.field for problem in problems if problem.fatal}
    rules = [rule for rule in found.rules if rule.target not in broken]
    remarks = [] if fields is None else list(field_remarks(stream, here, there, fields))
    return skeleton(stream, here, there, rules, problems, remarks)


def _create_key(stream: Stream, target: Catalog, before: Carried) -> Iterator[Remark]:
    schema = target.schema(stream.target_module)
    if stream.key is None or stream.key in schema.fields or name_of_today(stream.key, before.target, schema):
        return
    target.zoho.create_text_field(stream.target_module, stream.key, KEY_LENGTH)
    target.forget()
    seen = f"created {stream.target}'s {stream.target_module}.{stream.key} (text, unique)"
    yield Remark(level="ok", about="key", seen=seen)


def check_all(
    routes: tuple[Route, ...],
    catalogs: dict[str, Catalog],
    *,
    create_keys: bool,
    show: Callable[[Finding], None],
    carried: Mapping[str, Carried] = MappingProxyType({}),
    budgets: Mapping[str, Budget] = MappingProxyType({}),
) -> bool:
    """Checks every org and stream, shows each finding as it comes and a verdict for each stream at the end, and says
    whether all may run. `carried` is what the ledger knows of streams by address.
    """
    said: dict[str, list[Remark]] = {}
    silent: set[str] = set()

    def tell(subject: str, remarks: Iterator[Remark]) -> None:
        for remark in remarks:
            said.setdefault(subject, []).append(remark)
            show(Finding(subject=subject, remark=remark))

    for name, catalog in catalogs.items():
        tell(name, check_org(catalog, routes, budgets.get(name, UNLIMITED)))
        if any(one.level == "wrong" and one.about in (UNREACHABLE, "credential") for one in said[name]):
            silent.add(name)  # it would refuse every further question too
    for route in routes:
        source, target = catalogs[route.source], catalogs[route.target]
        if silent & {route.source, route.target}:
            continue
        with suppress(ZohoError):  # said of the org already
            tell(route.name, iter(owner_remarks(route, source, target, carried)))
        for stream in route.streams:
            before = carried.get(stream.address, NOTHING)
            tell(stream.address, check_stream(stream, route, source, target, create_keys=create_keys, before=before))
    for route in routes:
        source, target = catalogs[route.source], catalogs[route.target]
        for stream in route.streams:
            show(_verdict(stream, route, said, source, target, carried.get(stream.address, NOTHING)))
    return not any(remark.level == "wrong" for remarks in said.values() for remark in remarks)


def _verdict(
    stream: Stream, route: Route, said: Mapping[str, list[Remark]], source: Catalog, target: Catalog, before: Carried
) -> Finding:
    own = said.get(stream.address, [])
    around = [(name, one) for name in (route.source, route.target, route.name) for one in said.get(name, [])]
    found = verdict(own, around)
    level = _LEVELS[found.state]
    mapping = None
    if not stream.notes_of and any(one.level == "wrong" and one.about in _OF_THE_MAPPING for one in own):
        with suppress(ZohoError):
            mapping = mapping_of(stream, route, source, target, before)
    seen = found.state + (f" ({found.why})" if found.why else "")
    remark = Remark(level=level, about="verdict", seen=seen)
    return Finding(subject=stream.address, remark=remark, state=found.state, mapping=mapping)
