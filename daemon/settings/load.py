"""From the file to core's values: orgs with their secrets, routes with their streams, and every problem on the way.

Parts are checked one by one, the parts of a wrong one too, so that one start names every mistake.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType

from daemon.core.alerts import NOWHERE, Alerting
from daemon.core.budget import Budget
from daemon.core.files import ATTACHMENTS
from daemon.core.fuse import Fuse
from daemon.core.notes import NOTES
from daemon.core.org import Org, Secret
from daemon.core.pace import fast_by_default
from daemon.core.record import is_api_name
from daemon.core.rules import FieldChoice, Route, Stream
from daemon.settings.address import ledger_url, org_addresses
from daemon.settings.alerts import read_alerts
from daemon.settings.beside import Module, add_notes, check_beside, notes_last, with_attachments
from daemon.settings.budget import read_budget
from daemon.settings.circles import circle_problems, with_circles
from daemon.settings.crossing import Leg, crossings
from daemon.settings.document import read_document
from daemon.settings.egress import Egress, check_egress, read_egress
from daemon.settings.fields import read_fields
from daemon.settings.problem import NOTHING, Problem, SettingsError, did_you_mean, join, quote, type_of
from daemon.settings.secret import Surroundings, read_org_secret, read_secret
from daemon.settings.shape import FileEntry, FuseEntry, LedgerEntry, ModuleEntry, OrgEntry, RouteEntry, take
from daemon.settings.undo import kept_for, read_undo_key
from daemon.settings.values import API_NAME, HISTORY, NAME, is_name


class UnknownStreamError(LookupError):
    """No stream has this address; the text names those that exist."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that the settings say, checked. Routes and streams stand in the order of the file.

    `from_env` are the names of the environment variables that secrets were read from. `budgets` has every org's, also
    where only the ledger is looked at.
    """

    ledger_url: str
    state_dir: Path
    orgs: Mapping[str, Org]
    routes: tuple[Route, ...]
    retention: timedelta = HISTORY
    ledger_password: Secret | None = None
    undo_key: Secret | None = None
    alerts: Alerting = NOWHERE
    from_env: frozenset[str] = frozenset()
    budgets: Mapping[str, Budget] = field(default_factory=dict)

    def streams(self) -> tuple[Stream, ...]:
        """All streams of all routes."""
        return tuple(stream for route in self.routes for stream in route.streams)

    def stream(self, address: str) -> Stream:
        """The stream with this address (`route/Module`). Raises UnknownStreamError."""
        by_address = {stream.address: stream for stream in self.streams()}
        if address not in by_address:
            advice = did_you_mean(address, by_address)
            known = f"the streams are {', '.join(by_address)}"
            raise UnknownStreamError(f"no stream {quote(address)}; {advice + ' ' if advice else ''}{known}")
        return by_address[address]


def load(
    path: Path,
    env: Mapping[str, str],
    *,
    with_orgs: bool = True,
    only: str | None = None,
    typed: Mapping[str, str] = MappingProxyType({}),
) -> Settings:
    """The settings of a file, with the secrets it names. Raises SettingsError with every problem found.

    Without `with_orgs` only the ledger's secret is read, and no org is among the settings: whoever only looks at the
    ledger needs no rights to Zoho. With `only`, the org of that name is the only one: secrets of others may be missing.
    `typed` is a secret by its key, `orgs.india.client_secret`, which is taken instead of what its place holds.
    """
    document = read_document(path)
    problems: list[Problem] = []
    around = Surroundings(folder=path.absolute().parent, env=env, with_orgs=with_orgs, only=only, typed=typed)
    head = take(FileEntry, document, "", problems)
    ledger = take(LedgerEntry, document.get("ledger", {}), "ledger", problems)
    state_dir = _state_dir(head.state_dir if head else None, around, problems)
    budgets: dict[str, Budget] = {}
    orgs = _orgs(document.get("orgs"), state_dir, around, problems, budgets)
    routes = _routes(document.get("routes"), document.get("orgs"), problems)
    url = ledger_url(ledger.url if ledger else "", state_dir, problems)
    given = ledger.password if ledger else None
    password = None if given is None else read_secret(given, "ledger.password", around, problems)
    streams = [stream for route in routes for stream in route.streams]
    undo_key = read_undo_key(ledger, streams, around, problems)
    alerts = read_alerts(document, around, problems)
    if problems or ledger is None:
        raise SettingsError(path, problems)
    return Settings(
        ledger_url=url,
        state_dir=state_dir,
        orgs=MappingProxyType(orgs),
        routes=routes,
        retention=ledger.retention,
        ledger_password=password,
        undo_key=undo_key,
        alerts=alerts,
        from_env=frozenset(around.used),
        budgets=MappingProxyType(budgets),
    )


def _state_dir(given: str | None, around: Surroundings, problems: list[Problem]) -> Path:
    """Where the daemon keeps its files: as given, as systemd says, or beside the settings."""
    by_systemd = around.env.get("STATE_DIRECTORY", "").partition(":")[0]
    if given is None and by_systemd and not Path(by_systemd).is_absolute():
        problems.append(
            Problem(path="state_dir", found=f"$STATE_DIRECTORY {quote(by_systemd)}", allowed="an absolute path")
        )
    state_dir = around.folder / (given or by_systemd or "state")
    try:
        in_the_way = state_dir.exists() and not state_dir.is_dir()
        found = f"{state_dir}, which is no directory"
    except OSError as error:
        in_the_way, found = True, f"{quote(str(state_dir))}, which cannot be used: {error.strerror}"
    if in_the_way:
        problems.append(Problem(path="state_dir", found=found, allowed="a directory, or a path where one can be made"))
    return state_dir


def _tables(value: object, at: str, allowed: str, problems: list[Problem]) -> dict[str, object]:
    """The tables by name under one key; none where there is no such thing."""
    if value is None:
        return {}  # its absence is said by the table around it
    if isinstance(value, dict) and value:
        return value
    found = "an empty table" if value == {} else type_of(value)
    problems.append(Problem(path=at, found=found, allowed=allowed))
    return {}


def _orgs(
    value: object, state_dir: Path, around: Surroundings, problems: list[Problem], budgets: dict[str, Budget]
) -> dict[str, Org]:
    orgs: dict[str, Org] = {}
    for name, table in _tables(value, "orgs", "at least one table [orgs.NAME]", problems).items():
        at = join("orgs", name)
        _check_name(name, "org", at, problems)
        entry = take(OrgEntry, table, at, problems)
        if entry is not None:
            budgets[name] = read_budget(entry, at, problems)
        org = _org(name, table, entry, at, state_dir / "tokens" / f"{name}.json", around, problems)
        if org is not None:
            orgs[name] = org
    return orgs


def _org(
    name: str,
    table: object,
    entry: OrgEntry | None,
    at: str,
    token_file: Path,
    around: Surroundings,
    problems: list[Problem],
) -> Org | None:
    secrets = {
        key: read_org_secret(name, table[key], join(at, key), around, problems) if key in table else None
        for key in ("client_secret", "refresh_token")
        if isinstance(table, dict)
    }
    if entry is None:
        return None
    accounts_url, api_url = org_addresses(entry.data_center, entry.accounts_url, entry.api_url, at, problems)
    secret = secrets["client_secret"]
    if secret is None:
        return None
    return Org(
        name=name,
        data_center=entry.data_center,
        accounts_url=accounts_url,
        api_url=api_url,
        client_id=entry.client_id,
        client_secret=secret,
        refresh_token=secrets["refresh_token"],
        token_file=token_file,
        call_deadline=entry.call_deadline.total_seconds(),
        calls_at_once=entry.calls_at_once,
    )


def _routes(value: object, orgs: object, problems: list[Problem]) -> tuple[Route, ...]:
    known = tuple(orgs) if isinstance(orgs, dict) else ()
    routes: list[Route] = []
    legs: list[Leg] = []
    primary: set[str] = set()
    for name, table in _tables(value, "routes", "at least one table [routes.NAME]", problems).items():
        at = join("routes", name)
        _check_name(name, "route", at, problems)
        entry = take(RouteEntry, table, at, problems)
        if not isinstance(table, dict):
            continue
        _check_ends(table, known, at, problems)
        legs += _legs(name, table, at)
        modules = _modules(table, at, problems)
        egress = _egress(table, modules, at, problems)
        if entry is not None:
            streams = tuple(
                stream
                for source, module in modules.items()
                for stream in with_attachments(
                    _stream(name, entry, source, *module, None if egress is None else egress.get(source, frozenset())),
                    module[0],
                )
            )
            streams = notes_last(streams, tuple(source for source, module in modules.items() if module[0].notes))
            routes.append(Route(name=name, source=entry.source, target=entry.target, streams=streams))
            primary |= {name} if entry.primary else set()
    twice = crossings(legs)
    around = with_circles(routes, primary)
    problems += twice or circle_problems(around)
    return around


def _check_ends(table: dict[str, object], known: tuple[str, ...], at: str, problems: list[Problem]) -> None:
    """Both ends of a route must be orgs of the file, and not the same one."""
    for key in ("source", "target"):
        org = table.get(key)
        if isinstance(org, str) and known and org not in known:
            names = ", ".join(quote(name) for name in known)
            problems.append(
                Problem(path=join(at, key), found=quote(org), allowed=f"one of {names}", hint=did_you_mean(org, known))
            )
    if isinstance(table.get("target"), str) and table.get("target") == table.get("source"):
        problems.append(
            Problem(
                path=join(at, "target"),
                found=f"{quote(str(table['target']))}, which is the source too",
                allowed="another org than the source",
            )
        )


def _modules(table: dict[str, object], at: str, problems: list[Problem]) -> dict[str, Module]:
    at = join(at, "modules")
    modules: dict[str, Module] = {}
    for module, given in _tables(table.get("modules"), at, f"at least one table [{at}.Module]", problems).items():
        path = join(at, module)
        if not is_api_name(module):
            problems.append(Problem(path=path, found=f"the module {quote(module)}", allowed=API_NAME))
        entry = take(ModuleEntry, given, path, problems)
        if isinstance(given, dict):
            fields = read_fields(given.get("fields", "*"), given.get("except"), path, problems)
            fuse = _fuse(given.get("fuse", {}), path, problems)
            if entry is not None:
                _check_flag(entry, path, problems)
                _check_unmatched(entry, path, problems)
                check_beside(module, entry, given, path, problems)
                modules[module] = entry, fields, fuse
    add_notes(modules, at, problems)
    return modules


def _egress(table: dict[str, object], modules: dict[str, Module], at: str, problems: list[Problem]) -> Egress | None:
    if "egress" not in table:
        return None
    given = table.get("modules")
    carried = modules | given if isinstance(given, dict) else modules  # also one in which something is wrong
    egress = read_egress(table["egress"], carried, at, problems)
    for module, (entry, fields, _fuse) in modules.items():
        if module in egress:
            lists, path = join(join(at, "egress"), module), join(join(at, "modules"), module)
            check_egress(fields, egress[module], lists, path, problems)
            if entry.attachments is not None and ATTACHMENTS not in egress[module]:
                found = f"{quote(ATTACHMENTS)}, which {lists} does not list"
                problems.append(Problem(path=join(path, "attachments"), found=found, allowed="only what it lists"))
    return egress


def _fuse(table: object, at: str, problems: list[Problem]) -> Fuse:
    entry = take(FuseEntry, table, join(at, "fuse"), problems)
    if entry is None:
        return Fuse()
    return Fuse(deletes=entry.deletes, blanked=entry.blanked, refused=entry.refused)


def _check_flag(entry: ModuleEntry, at: str, problems: list[Problem]) -> None:
    """deletes = "flag" needs a checkbox to flag with, and nothing else has a use for one."""
    if (entry.deletes == "flag") is (entry.flag is None):
        found = NOTHING if entry.flag is None else f"{quote(entry.flag)}, while deletes is {quote(entry.deletes)}"
        problems.append(
            Problem(path=join(at, "flag"), found=found, allowed='a checkbox, together with deletes = "flag"')
        )


def _check_unmatched(entry: ModuleEntry, at: str, problems: list[Problem]) -> None:
    """Without a filter every record matches."""
    if entry.unmatched != "stop" and entry.where is None:
        found = f"{quote(entry.unmatched)}, while there is no where"
        problems.append(Problem(path=join(at, "unmatched"), found=found, allowed='"stop", or another beside where'))


def _legs(route: str, table: dict[str, object], at: str) -> list[Leg]:
    """What a route connects, as far as it can be told while other things in it may be wrong."""
    source, target, modules = table.get("source"), table.get("target"), table.get("modules")
    if not isinstance(source, str) or not isinstance(target, str) or not isinstance(modules, dict) or source == target:
        return []
    legs = []
    for module, given in modules.items():
        if module == NOTES:  # they go where their modules go
            continue
        other = given.get("target_module") if isinstance(given, dict) else None
        end = other if isinstance(other, str) else module
        path = join(join(at, "modules"), module)
        legs.append(Leg(path=path, route=route, source=(source, module), target=(target, end)))
    return legs


def _stream(
    route: str,
    entry: RouteEntry,
    source_module: str,
    module: ModuleEntry,
    fields: FieldChoice,
    fuse: Fuse,
    egress: frozenset[str] | None,
) -> Stream:
    poll = entry.poll if module.poll is None else module.poll
    return Stream(
        address=f"{route}/{source_module}",
        route=route,
        source=entry.source,
        target=entry.target,
        source_module=source_module,
        target_module=module.target_module or source_module,
        key=None if module.key == "none" else module.key,
        match=module.match,
        where=module.where,
        unmatched=module.unmatched,
        fields=fields,
        triggers=module.automations,
        deletes=module.deletes,
        flag=module.flag,
        gone=module.gone,
        drift=module.drift,
        owner=module.owner,
        fuse=fuse,
        compare=module.compare,
        compare_credits=module.compare_credits,
        bulk=module.bulk,
        default_owner=entry.default_owner,
        owners=entry.owners,
        poll=poll,
        poll_fast=_poll_fast(entry, module, poll),
        lag=entry.lag if module.lag is None else module.lag,
        max_attempts=module.max_attempts,
        undo=kept_for(entry, module),
        egress=egress,
    )


def _poll_fast(route: RouteEntry, module: ModuleEntry, poll: timedelta) -> timedelta:
    given = route.poll_fast if module.poll_fast is None else module.poll_fast
    if given is None:
        return fast_by_default(poll)
    return poll if given == "off" else min(given, poll)


def _check_name(name: str, what: str, at: str, problems: list[Problem]) -> None:
    if not is_name(name):
        problems.append(Problem(path=at, found=f"the {what} name {quote(name)}", allowed=NAME))
