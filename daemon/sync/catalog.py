"""What one org is made of (profile, users, fields), read once and kept: for hours while nothing is written by it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sized
from datetime import timedelta
from typing import Final, TypeVar

from daemon.core.rules import Route
from daemon.core.schema import OrgProfile, Schema, User
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

    def profile(self) -> OrgProfile:
        return self._once("org", self.zoho.profile)

    def users(self) -> list[User]:
        return self._once("users", self.zoho.users)

    def me(self) -> str:
        """The id of the user that orgsync is in the org."""
        return self._once("the API user", self.zoho.me)

    def schema(self, module: str) -> Schema:
        return self._once(f"fields of {module}", lambda: self.zoho.schema(module))

    @property
    def aged(self) -> bool:
        """Whether some of it was read too long ago to write by."""
        with self._lock:
            return any(self._monotonic() - at >= _TRUSTED.total_seconds() for at, _ in self._kept.values())

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
            value = read()
            self._kept[name] = (self._monotonic(), value)
            return value


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


def owner_problems(route: Route, source: Catalog, target: Catalog) -> list[str]:
    """Lines of the route's table of owners that find nobody, and people of the source whom nobody stands for."""
    if not route.streams:
        return []
    stream = route.streams[0]  # owners are the route's: its streams say the same
    mine = {u.email.lower() for u in source.users()}
    yours = {u.email.lower() for u in target.users() if u.active}
    found = [f"owners: {one} is no user of {route.source}" for one in stream.owners if one.lower() not in mine]
    found += [
        f"owners: {one} is no active user of {route.target}"
        for one in dict.fromkeys(stream.owners.values())
        if one.lower() not in yours
    ]
    known = owners_by_email(source, target, stream.owners)
    strangers = sorted(u.email for u in source.users() if u.active and u.email and u.user_id not in known)
    if strangers and stream.default_owner is None:
        people = ", ".join(strangers[:5]) + (f" and {len(strangers) - 5} others" if strangers[5:] else "")
        found.append(
            f"nobody in {route.target} stands for {people}: what they own is held; "
            f"name them in routes.{route.name}.owners, or set default_owner"
        )
    return found
