"""What one org is made of (profile, users, fields), read once and kept for an hour."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Final, TypeVar

from daemon.core.schema import OrgProfile, Schema, User
from daemon.zoho.client import Zoho

_KEPT_S: Final = 3600.0
DOUBTED_S = 60.0
T = TypeVar("T")


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

    def schema(self, module: str) -> Schema:
        return self._once(f"fields of {module}", lambda: self.zoho.schema(module))

    def forget(self) -> None:
        """Read everything anew at the next question."""
        with self._lock:
            self._kept.clear()

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
                if self._monotonic() - read_at < _KEPT_S:
                    return value  # type: ignore[return-value]
            value = read()
            self._kept[name] = (self._monotonic(), value)
            return value


def owners_by_email(source: Catalog, target: Catalog) -> dict[str, str]:
    """Source user id -> target user id, for the active users of the target that share an e-mail address."""
    theirs = {u.email.lower(): u.user_id for u in target.users() if u.active and u.email}
    return {u.user_id: theirs[u.email.lower()] for u in source.users() if u.email.lower() in theirs}
