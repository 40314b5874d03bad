"""A first settings.toml from a few answers: two orgs, one route or two, some modules. Pure: it makes a text."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from daemon.core.files import ATTACHMENTS
from daemon.core.notes import NOTES
from daemon.core.org import DATA_CENTERS, console_url
from daemon.core.record import is_api_name
from daemon.core.rules import Route, Stream
from daemon.settings.values import is_name

PLACEHOLDER: Final = "1000.CLIENT_ID_OF_"
"""How a client id begins that is still to be filled in."""
KEY: Final = "Source_Record_ID"
_HEAD: Final = """\
# Settings of orgsync, written by `orgsync init`. `#key = value` shows a default, `#   key = value` an example.
# Every key there is, with its default: `orgsync init --all-keys all.toml`. After a change: `orgsync check`.
"""
_ORG: Final = """
[orgs.{name}]
# Where the org lives: {codes}.
data_center = "{data_center}"
# The Client ID of its Self Client, from {console}.
client_id = "{client_id}"
# The Client Secret stands in a file of its own, which `orgsync auth {name}` asks for and makes for you alone.
client_secret = {{ file = "{secret}" }}
# The most API credits that orgsync may spend here in any 24 hours, from 100 (docs/credits.md).
#   ceiling = 20000
"""
_ROUTE: Final = """
[routes.{name}]
source = "{source}"
target = "{target}"{primary}
# How often {source} is asked for changes.
#poll = "60s"
# Whose records they become in {target} when their owner has no user with the same e-mail there.
#   default_owner = "sales@example.com"
"""
_FIRST: Final = """
[routes.{route}.modules.{module}]
# The unique text field of {target}'s {module} in which orgsync notes which record of {source} it is, so that none is
# ever made twice. `orgsync check --create-keys` makes it where it is missing.
key = "{key}"{owner}
# Which fields: "*" is all that both orgs have. `orgsync check --mapping {route}/{module}` prints them as a table.
#fields = "*"
# Only these records; default: all (docs/filters.md).
#   where = "Owner is not null"
# What a deletion in {source} does in {target}: "ignore", "delete" or "flag".
#deletes = "ignore"
"""
_NEXT: Final = """
[routes.{route}.modules.{module}]
key = "{key}"{owner}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewOrg:
    """One of the two orgs; `client_id` is None where it is to be filled in later."""

    name: str
    data_center: str
    client_id: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What `orgsync init` asks. The source is read; with `two_way` both are read and written."""

    source: NewOrg
    target: NewOrg
    two_way: bool
    modules: tuple[str, ...]


def wrong_name(name: str) -> str | None:
    """Why an org cannot be called so."""
    return None if is_name(name) else "a name of up to 40 small letters, digits and '-', not starting with '-'"


def wrong_modules(modules: tuple[str, ...]) -> str | None:
    """Why these modules cannot be written down."""
    for module in modules:
        if module in (NOTES, ATTACHMENTS):
            line = "notes = true" if module == NOTES else 'attachments = "1d"'
            return f"{module} go with the records that they hang at: write {line} into their modules afterwards"
        if not is_api_name(module):
            return f"{module!r} is no API name of a module, like Leads or Custom_Module (Setup > Developer Hub > APIs)"
        if modules.count(module) > 1:
            return f"{module} is named twice"
    return None if modules else "name at least one module"


def routes_of(answers: Answers) -> tuple[Route, ...]:
    """The routes that the settings will have, as far as scopes follow from them."""
    ways = [(answers.source.name, answers.target.name)]
    ways += [(answers.target.name, answers.source.name)] if answers.two_way else []
    return tuple(_route(source, target, answers.modules) for source, target in ways)


def _route(source: str, target: str, modules: tuple[str, ...]) -> Route:
    name = f"{source}-to-{target}"
    streams = tuple(
        Stream(
            address=f"{name}/{module}",
            route=name,
            source=source,
            target=target,
            source_module=module,
            target_module=module,
            key=KEY,
        )
        for module in modules
    )
    return Route(name=name, source=source, target=target, streams=streams)


def draft(answers: Answers) -> str:
    """The whole text of the file."""
    return "".join([_HEAD, *(_org(org) for org in (answers.source, answers.target)), *_routes(answers)])


def _org(org: NewOrg) -> str:
    return _ORG.format(
        name=org.name,
        codes=" ".join(DATA_CENTERS),
        data_center=org.data_center,
        console=console_url(org.data_center),
        client_id=org.client_id or f"{PLACEHOLDER}{org.name.upper()}",
        secret=f"state/secrets/{org.name}",
    )


def _routes(answers: Answers) -> Iterator[str]:
    primary = "\n# Where both sides changed a field in the same second, this org wins.\nprimary = true"
    owner = '\n# Whoever changed a field last has the say over it (docs/two-way.md).\nowner = "newest"'
    for place, route in enumerate(routes_of(answers)):
        ends = {"source": route.source, "target": route.target}
        yield _ROUTE.format(name=route.name, **ends, primary=primary if answers.two_way and not place else "")
        for number, module in enumerate(answers.modules):
            form = _NEXT if number else _FIRST
            more = owner if answers.two_way and not number else '\nowner = "newest"' if answers.two_way else ""
            yield form.format(route=route.name, module=module, key=KEY, owner=more, **ends)
