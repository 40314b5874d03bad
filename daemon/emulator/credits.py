"""Credits in the rolling 24 hours, calls in flight, and what a call costs (facts 9)."""

from __future__ import annotations

from collections import deque
from typing import Any

from daemon.emulator import errors
from daemon.emulator.quirks import Quirks

DAY = 86_400
_BASE = {"free": 5_000, "standard": 50_000, "professional": 50_000, "enterprise": 50_000, "ultimate": 50_000}
_PER_USER = {"free": 0, "standard": 250, "professional": 500, "enterprise": 1_000, "ultimate": 2_000}
_CAP = {"free": 5_000, "standard": 100_000, "professional": 3_000_000, "enterprise": 5_000_000, "ultimate": 10**12}
_IN_FLIGHT = {"free": 5, "standard": 10, "professional": 15, "enterprise": 20, "ultimate": 25}
EDITIONS = tuple(_BASE)
SUB_CONCURRENCY = 10


def daily_allowance(edition: str, licences: int) -> int:
    """Credits per rolling 24 hours (facts 9.1)."""
    return min(_BASE[edition] + _PER_USER[edition] * licences, _CAP[edition])


def over_limit(quirks: Quirks) -> errors.ZohoError:
    """The refusal of a call beyond a limit, as the switches spell it (facts 9.4)."""
    refused = errors.too_many_requests()
    refused.status, refused.body["code"] = int(quirks["over_limit_status"]), quirks["over_limit_code"]
    if quirks["over_limit_body"] == "reworded":
        refused.body["message"] = "You have exceeded the number of calls that your edition allows."
    elif quirks["over_limit_body"] == "bare":
        del refused.body["details"], refused.body["message"]
    return refused


def price_of_records(count: int) -> int:
    """Insert, update, upsert: one credit per ten records (facts 9.2)."""
    return max(1, -(-count // 10))


class Meter:
    """What one org has used, and how many of its calls are running."""

    def __init__(self, edition: str, licences: int) -> None:
        self.edition = edition
        self.allowance = daily_allowance(edition, licences)
        self.in_flight = 0
        self.sub_in_flight = 0
        self.by_kind: dict[str, int] = {}
        self.total = 0
        self._used = 0
        self._spent: deque[tuple[int, int]] = deque()

    def used(self, now: float) -> int:
        """Credits spent in the last 24 hours."""
        while self._spent and self._spent[0][0] <= now - DAY:
            self._used -= self._spent.popleft()[1]
        return self._used

    def affords(self, price: int, now: float) -> bool:
        """Whether a call of this price is still within the allowance."""
        return self.used(now) + price <= self.allowance

    def spend(self, kind: str, price: int, now: float) -> None:
        """Book a call."""
        moment = int(now)
        if self._spent and self._spent[-1][0] == moment:
            self._spent[-1] = (moment, self._spent[-1][1] + price)
        else:
            self._spent.append((moment, price))
        self._used += price
        self.total += price
        self.by_kind[kind] = self.by_kind.get(kind, 0) + price

    def headers(self, now: float, *, ratelimit: bool) -> list[tuple[bytes, bytes]]:
        """X-API-CREDITS-REMAINING from half use on; the X-RATELIMIT ones that some believe in (facts 9.4)."""
        used, said = self.used(now), dict[str, int]()
        if used * 2 >= self.allowance:
            said["x-api-credits-remaining"] = self.allowance - used
        if ratelimit:
            back = self._spent[0][0] + DAY if self._spent else int(now)
            said |= {"x-ratelimit-limit": self.allowance, "x-ratelimit-remaining": self.allowance - used}
            said["x-ratelimit-reset"] = back
        return [(name.encode(), str(value).encode()) for name, value in said.items()]

    def crowded(self, *, sub: bool) -> bool:
        """Whether one more call in flight would be too many (facts 9.3)."""
        return self.in_flight >= _IN_FLIGHT[self.edition] or (sub and self.sub_in_flight >= SUB_CONCURRENCY)

    def as_json(self, now: float) -> dict[str, Any]:
        """The figures for the control endpoint."""
        used = self.used(now)
        return {
            "edition": self.edition,
            "allowance": self.allowance,
            "used": used,
            "remaining": self.allowance - used,
            "total": self.total,
            "by_kind": dict(self.by_kind),
        }
