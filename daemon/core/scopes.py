"""Which OAuth scopes an org's credential needs for the routes that touch it: least rights, a source is only read. Pure.

Scopes are named as Zoho's console takes them (facts 1.7): modules by their word, small letters without '_', every
custom module by the one word `custom`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from typing import Final

from daemon.core.files import ATTACHMENTS
from daemon.core.rules import Route, Stream

_STANDARD: Final = frozenset(
    {
        *("accounts", "appointments", "attachments", "calls", "campaigns", "cases", "contacts", "deals", "events"),
        *("invoices", "leads", "notes", "pricebooks", "products", "purchaseorders", "quotes", "salesorders"),
        *("services", "solutions", "tasks", "vendors"),
    }
)
_GROUPED: Final = ("modules", "settings")
_WRITING: Final = ("ALL", "CREATE", "UPDATE", "WRITE", "DELETE")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scope:
    """One scope and what it is for. Without one that is not `needed` orgsync works, in a way that `why` tells."""

    name: str
    why: str
    needed: bool = True


def scopes_for(org: str, routes: Collection[Route]) -> tuple[Scope, ...]:
    """All that the credential of an org needs for these routes, each once, those of records first."""
    found: dict[str, Scope] = {}
    streams = [stream for route in routes for stream in route.streams]
    for scope in [*_of_records(org, streams), *_of_the_org(org, streams)]:
        found.setdefault(scope.name, scope)
    return tuple(found.values())


def module_scope(module: str, verb: str) -> str:
    """The scope for one kind of call on one module: READ, CREATE, UPDATE or DELETE."""
    word = module.replace("_", "").lower()
    return f"ZohoCRM.modules.{word if word in _STANDARD else 'custom'}.{verb}"


def _of_records(org: str, streams: Iterable[Stream]) -> Iterator[Scope]:
    for stream in streams:
        if stream.source == org:
            yield Scope(name=module_scope(stream.source_module, "READ"), why=f"to read {stream.source_module}")
        if stream.target != org:
            continue
        module = stream.target_module
        verbs = {"READ": "to look for", "CREATE": "to make", "UPDATE": "to change"}
        if stream.files_of is not None:
            verbs.pop("UPDATE")
        if "delete" in (stream.deletes, stream.unmatched):
            verbs["DELETE"] = "to delete"
        for verb, what in verbs.items():
            yield Scope(name=module_scope(module, verb), why=f"{what} {module}")


def _of_the_org(org: str, streams: Collection[Stream]) -> Iterator[Scope]:
    read, written = ([s for s in streams if getattr(s, end) == org] for end in ("source", "target"))
    yield Scope(name="ZohoCRM.settings.fields.READ", why="to see which fields there are")
    yield Scope(name="ZohoCRM.settings.modules.READ", why="to see what the user may do in a module", needed=False)
    yield Scope(name="ZohoCRM.users.READ", why="to know owners by their e-mail")
    yield Scope(name="ZohoCRM.org.READ", why="to know the org again")
    yield Scope(name="ZohoCRM.coql.READ", why="to read changes")
    if any(s.bulk != "never" and s.source_module != ATTACHMENTS and not s.notes_of for s in read):
        why = "to read a large module from files the first time; without it queries do, for more credits"
        yield Scope(name="ZohoCRM.bulk.READ", why=why, needed=False)
    if any(s.bulk == "write" for s in written):
        why = 'to write a first load by files (bulk = "write"); without it calls do, for more credits'
        yield from (Scope(name=name, why=why, needed=False) for name in ("ZohoCRM.bulk.ALL", "ZohoFiles.files.ALL"))
    if written:
        why = "to see whether the user's profile lets automations be kept quiet"
        yield Scope(name="ZohoCRM.settings.profiles.READ", why=why, needed=False)
    if any(s.key is not None for s in written):
        why = "for `orgsync check --create-keys`; without it make the key fields by hand"
        yield Scope(name="ZohoCRM.settings.fields.CREATE", why=why, needed=False)


def covers(held: Collection[str], wanted: str) -> bool:
    """Whether the granted scopes include a wanted one: itself, ALL of its kind, or either of its whole group."""
    have = {_plain(scope) for scope in held}
    name, _, verb = wanted.rpartition(".")
    group = ".".join(name.split(".")[:2])
    names = [name, group] if group.rpartition(".")[2] in _GROUPED else [name]
    verbs = [verb, "ALL", *(["WRITE"] if verb in ("CREATE", "UPDATE") else [])]
    return any(_plain(f"{one}.{how}") in have for one in names for how in verbs)


def lacking(held: Collection[str], wanted: Iterable[Scope]) -> list[Scope]:
    """The wanted scopes that were not granted."""
    return [scope for scope in wanted if not covers(held, scope.name)]


def could_write(held: Iterable[str]) -> list[str]:
    """Those of the granted scopes that let records be written."""
    return [one for one in held if ".modules." in one.lower() and one.rpartition(".")[2].upper() in _WRITING]


def to_paste(scopes: Iterable[Scope]) -> str:
    """The scopes as the console's field takes them."""
    return ",".join(scope.name for scope in scopes)


def _plain(scope: str) -> str:
    return scope.strip().replace("_", "").lower()
