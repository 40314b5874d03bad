"""What one org is made of (profile, users, fields), read once and kept: for hours while nothing is written by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sized
from datetime import timedelta
from functools import partial
from types import MappingProxyType
from typing import Final, TypeVar

from daemon.core.absent import Carried
from daemon.core.remark import Remark
from daemon.core.rights import Rights
from daemon.core.rules import Route, Stream
from daemon.core.schema import ModuleInfo, OrgProfile, Schema, User
from daemon.sync.beside import Beside
from daemon.zoho.client import Zoho

METADATA_KEPT: Final = timedelta(hours=6)
_TRUSTED: Final = timedelta(hours=1)
DOUBTED_S = 60.0
T = TypeVar("T")
C = TypeVar("C", bound=Sized)


class Aged(Exception):  # noqa: N818 - no error: the page is planned anew
    """There is something to plan, and the metadata is too old to write by."""


class Catalog:
    """Metadata of one org, shared by all streams that touch it. Raises what the client raises."""

    def __init__(self, zoho: Zoho, monotonic: Callable[[], float]) -> None:
        self.zoho = zoho
        self._monotonic = monotonic
        self._lock = threading.RLock()
        self._kept: dict[str, tuple[float, object]] = {}
        self.paid = 0
        """Credits that reading it has cost so far."""

    def profile(self) -> OrgProfile:
        return self._once("org", self.zoho.profile)

    def users(self) -> list[User]:
        return self._once("users", self.zoho.users)

    def me(self) -> str:
        """The id of the user that orgsync is in the org."""
        return self._once("the API user", self.zoho.me)

    def schema(self, module: str) -> Schema:
        return self._once(f"fields of {module}", lambda: self.zoho.schema(module))

    def has_schema(self, module: str) -> bool:
        """Whether the fields of a module are kept."""
        return f"fields of {module}" in self._kept

    def has_users(self) -> bool:
        """Whether the users are kept."""
        return "users" in self._kept

    @property
    def aged(self) -> bool:
        """Whether some of it was read too long ago to write by."""
        with self._lock:
            return any(self._monotonic() - at >= _TRUSTED.total_seconds() for at, _ in self._kept.values())

    def modules(self) -> dict[str, ModuleInfo]:
        """The modules by API name, with what the user that orgsync is may do in them."""
        return self._once("modules", lambda: {module.api_name: module for module in self.zoho.modules()})

    def rights(self) -> Rights | None:
        """What the profile of that user allows; None where the org does not say."""
        return self._once("rights", self.zoho.rights)

    def forget(self) -> None:
        """Read everything anew at the next question."""
        with self._lock:
            self._kept.clear()

    def forget_users(self) -> None:
        """Somebody was refused, or not found, who may have left or come: read the users anew at the next question."""
        with self._lock:
            self._kept.pop("users", None)

    def doubt(self) -> None:
        """Something was refused that the metadata allows: read it anew, unless that was done within the minute."""
        with self._lock:
            oldest = min((at for at, _ in self._kept.values()), default=self._monotonic())
            if self._monotonic() - oldest >= DOUBTED_S:
                self._kept.clear()

    def _once(self, name: str, read: Callable[[], T]) -> T:
        with self._lock:
            if name in self._kept:
                read_at, value = self._kept[name]
                if self._monotonic() - read_at < METADATA_KEPT.total_seconds():
                    return value  # type: ignore[return-value]
            before = self.zoho.credits_spent
            value = read()
            self.paid += self.zoho.credits_spent - before
            self._kept[name] = (self._monotonic(), value)
            return value


def read_schemas(stream: Stream, source: Catalog, target: Catalog) -> None:
    """The fields of a stream's two modules, at the same time. Raises what the client raises."""
    here, there = stream.source_module, stream.target_module
    if not source.has_schema(here) and not target.has_schema(there):
        _ask_both(source, partial(source.schema, here), target, partial(target.schema, there))


def read_users(source: Catalog, target: Catalog) -> None:
    """The users of both orgs, at the same time. Raises what the client raises."""
    if not source.has_users() and not target.has_users():
        _ask_both(source, source.users, target, target.users)


def _ask_both(source: Catalog, here: Callable[[], object], target: Catalog, there: Callable[[], object]) -> None:
    """Where calls may go side by side; else in turn. The first one's trouble is raised before the other's."""
    orgs = (source.zoho, target.zoho)
    _ = [zoho.credits_spent for zoho in orgs]  # a count begins where it is first read: here, not in the other thread
    asked = Beside(there, beside=all(zoho.calls_at_once > 1 for zoho in orgs))
    try:
        here()
    finally:
        asked.end()
    asked.result()


class Trust:
    """Whether a stream may plan by the metadata of its orgs: of a poll that finds nothing nothing is planned."""

    def __init__(self, *catalogs: Catalog) -> None:
        self._catalogs = catalogs
        self._aged = False

    def aged(self) -> bool:
        """Whether it is too old to write by: asked when a cycle begins, and kept for it."""
        self._aged = any(catalog.aged for catalog in self._catalogs)
        return self._aged

    def demand(self, found: C) -> C:
        """What is about to be planned. Raises Aged where there is some and it may not be."""
        if found and self._aged:
            raise Aged
        return found


def owners_by_email(source: Catalog, target: Catalog, table: Mapping[str, str]) -> dict[str, str]:
    """Source user id -> target user id, for the active users of the target: by the table of e-mail addresses (source ->
    target), else by the same address.
    """
    theirs = {u.email.lower(): u.user_id for u in target.users() if u.active and u.email}
    named = {mine.lower(): theirs.get(yours.lower()) for mine, yours in table.items()}
    found = {u.user_id: named.get(u.email.lower()) or theirs.get(u.email.lower()) for u in source.users() if u.email}
    return {mine: yours for mine, yours in found.items() if yours is not None}


def default_owner_of(stream: Stream, target: Catalog) -> str | None:
    """The id of the active user of the target whose records they become when nobody else stands for their owner."""
    wanted = (stream.default_owner or "").lower()
    return next((u.user_id for u in target.users() if wanted and u.active and u.email.lower() == wanted), None)


def owner_remarks(
    route: Route, source: Catalog, target: Catalog, carried: Mapping[str, Carried] = MappingProxyType({})
) -> list[Remark]:
    """Lines of the route's table of owners that find nobody, a default owner who is none, and people of the source whom
    nobody stands for. `carried` is by stream: one that has run goes on without its default owner.
    """
    if not route.streams:
        return []
    stream = route.streams[0]  # owners are the route's: its streams say the same
    mine = {u.email.lower() for u in source.users()}
    yours = {u.email.lower() for u in target.users() if u.active}
    seen = [f"owners: {one} is no user of {route.source}" for one in stream.owners if one.lower() not in mine]
    seen += [
        f"owners: {one} is no active user of {route.target}"
        for one in dict.fromkeys(stream.owners.values())
        if one.lower() not in yours
    ]
    correct = f"correct the line in routes.{route.name}.owners"
    found = [
        Remark(level="remark", about="owners", seen=one, means="the line does nothing", do=correct) for one in seen
    ]
    if stream.default_owner is not None and default_owner_of(stream, target) is None:
        has_run = all(carried[s.address].parts for s in route.streams if s.address in carried) and bool(carried)
        means = "what nobody else stands for is held" if has_run else "no stream of the route starts"
        one = f"default_owner {stream.default_owner} is no active user of {route.target}"
        do = f"correct routes.{route.name}.default_owner"
        found.append(Remark(level="remark" if has_run else "wrong", about="owners", seen=one, means=means, do=do))
    known = owners_by_email(source, target, stream.owners)
    strangers = sorted(u.email for u in source.users() if u.active and u.email and u.user_id not in known)
    if strangers and stream.default_owner is None:
        people = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} others" if strangers[5:] else "")
        one = f"nobody in {route.target} stands for {people}"
        do = f"name them in routes.{route.name}.owners, or set routes.{route.name}.default_owner"
        found.append(Remark(level="remark", about="owners", seen=one, means="what they own is held", do=do))
    return found
