"""What may still run in an org, by what orgsync has spent of its API credits and by what the org says is left.

Pure. Credits come back one by one, 24 hours after they were spent (facts 9.1). Spending is counted by periods of ten
minutes, and each period counts until all of it is more than 24 hours ago: too long rather than too short.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal

from daemon.core.credits import Told

WINDOW: Final = timedelta(hours=24)
PERIOD: Final = timedelta(minutes=10)
COUNTS_FOR: Final = WINDOW + PERIOD + timedelta(minutes=1)
"""How long a period counts from its beginning; a call may reach Zoho a minute after its credits were taken."""
FRESH: Final = timedelta(minutes=10)
"""How long what the org said of its credits is believed; then it is asked once more."""
LEAST: Final = 5
"""Credits with which a page may be begun: enough to read it, to look up what is there, and to write a record."""
TURN: Final = timedelta(hours=1)
TURN_EVERY: Final = 25 * TURN
"""How long what gives way to new changes has its turn, and how often: at another hour each day, because what fills one
hour (an import by night) may fill it every day.
"""
_PACE_OF: Final = timedelta(hours=1)
_KEPT: Final = 5  # a fifth of what may be spent is kept for new changes
_TURNS: Final = 16  # of what may be spent, in a turn: more than an even hour takes, and a third of the fifth

Allows = Literal["everything", "news", "nothing"]
"""News: new changes, but no retries, comparisons and first passes."""
ALLOWS: Final[tuple[Allows, ...]] = ("nothing", "news", "everything")


@dataclass(frozen=True, slots=True, kw_only=True)
class Budget:
    """The limits of one org, in credits: what it has a day (None: not known), what of that is left to people and other
    programs, and what orgsync itself may spend in any 24 hours (None: no limit).
    """

    daily: int | None = None
    reserve: int = 0
    ceiling: int | None = None


UNLIMITED: Final = Budget()


@dataclass(frozen=True, slots=True, kw_only=True)
class Spent:
    """Credits that were taken in the period that began then."""

    at: datetime
    credits: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    """What is known of an org's credits: orgsync's own spending, and what the org said last."""

    spent: Sequence[Spent] = ()
    told: Told | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Leeway:
    """What may run in an org: new changes for `left` credits, the rest for `spare` (None: no limit). `until` is when
    more may, by the limit that decides; at the pace of the last hour the ceiling is reached at `reached_at`, and what
    gives way to new changes waits from `near_at` on. `now` is when all of this was so.
    """

    org: str
    budget: Budget
    allows: Allows = "everything"
    spent: int = 0
    remaining: int | None = None
    left: int | None = None
    spare: int | None = None
    by_ceiling: bool = False
    until: datetime | None = None
    near_at: datetime | None = None
    reached_at: datetime | None = None
    now: datetime | None = None

    @property
    def short(self) -> bool:
        """Whether no credit is to be spent for speed alone."""
        return self.allows != "everything" or self.reached_at is not None or self.remaining is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Limit:
    """So many credits are left until this limit, and `kept` of them are for new changes only."""

    left: int
    kept: int
    until: datetime | None

    @property
    def allows(self) -> Allows:
        return "nothing" if self.left < LEAST else "news" if self.left <= self.kept else "everything"


def period_of(now: datetime) -> datetime:
    """When the period began that it is."""
    return now - timedelta(seconds=now.timestamp() % PERIOD.total_seconds())


def turn_of(now: datetime) -> datetime:
    """When the last turn began of what gives way; it may be over."""
    return now - timedelta(seconds=now.timestamp() % TURN_EVERY.total_seconds())


def counting(spent: Sequence[Spent], now: datetime) -> list[Spent]:
    """What still counts, oldest first. What was spent later than now was so by a wrong clock, and counts too."""
    return sorted((one for one in spent if one.at + COUNTS_FOR > now), key=lambda one: one.at)


def judge(org: str, budget: Budget, account: Account, now: datetime, answered_at: datetime | None = None) -> Leeway:
    """What may run now; `answered_at` is when the org last answered anything, None where that is not known."""
    counted = counting(account.spent, now)
    total = sum(one.credits for one in counted)
    told = _believed(account.told, now, answered_at)
    by_ceiling, by_reserve = _by_ceiling(budget, counted, total, now), _by_reserve(budget, counted, told, now)
    limits = [limit for limit in (by_ceiling, by_reserve) if limit is not None]
    remaining = None if told is None else told.remaining
    leeway = Leeway(org=org, budget=budget, spent=total, remaining=remaining, now=now)
    if not limits:
        return leeway
    tightest = min(limits, key=lambda limit: (ALLOWS.index(limit.allows), limit.left))
    ceiling = None if tightest.allows == "nothing" else budget.ceiling
    waits = tightest.allows != "everything"
    return replace(
        leeway,
        allows=tightest.allows,
        left=max(0, min(limit.left for limit in limits)),
        spare=max(0, min(limit.left - limit.kept for limit in limits)),
        by_ceiling=tightest is by_ceiling,
        until=tightest.until if waits else None,
        near_at=None
        if ceiling is None or by_ceiling is None or waits
        else reached(ceiling - by_ceiling.kept, counted, now),
        reached_at=None if ceiling is None else reached(ceiling, counted, now),
    )


def together(one: Leeway, other: Leeway) -> Leeway:
    """The stricter of two orgs' leeways, with the fewer credits of both: what a stream between them may do."""
    stricter = min((one, other), key=lambda leeway: ALLOWS.index(leeway.allows))
    least, spare = _least(one.left, other.left), _least(one.spare, other.spare)
    return replace(stricter, left=least, spare=spare)


def records_for(credits_left: int | None, most: int, *, one_by_one: bool = False) -> int:
    """How many records of at most so many may be taken to their end for these credits: a record costs up to a fifth (a
    tenth to write, the rest to look it up), and one more where each is read by itself; and a page costs three.
    """
    if credits_left is None:
        return most
    return max(1, min(most, int((credits_left - 3) / (1.2 if one_by_one else 0.2))))


def most_at_once(budget: Budget) -> int | None:
    """What gives way to new changes may spend at once where nothing was spent for a day; None: no ceiling says."""
    return None if budget.ceiling is None else budget.ceiling - budget.ceiling // _KEPT


def back_at(spent: Sequence[Spent], down_to: int, now: datetime, pace: float = 0.0) -> datetime | None:
    """When no more than so many credits count, if so many a second are spent until then; None: not by what was spent
    until now.
    """
    counted = counting(spent, now)
    total = sum(one.credits for one in counted)
    if total <= down_to:
        return now
    for one in counted:
        total -= one.credits
        back = one.at + COUNTS_FOR
        if total + pace * (back - now).total_seconds() <= down_to:
            return back
    return None


def reached(ceiling: int, spent: Sequence[Spent], now: datetime) -> datetime | None:
    """When the ceiling is reached at the pace of the last hour, with what comes back until then; None: not within a
    day.
    """
    counted = counting(spent, now)
    total = sum(one.credits for one in counted)
    pace = _pace(counted, now)
    if pace == 0:
        return None
    end = now + WINDOW
    for one in (*counted, Spent(at=end - COUNTS_FOR, credits=0)):
        back = min(one.at + COUNTS_FOR, end)
        at = now + timedelta(seconds=max(0.0, (ceiling - total) / pace))
        if at <= back:
            return at if at < end else None
        total -= one.credits
    return None


def about_credits(leeway: Leeway) -> str | None:
    """What a person is told of an org's credits; None where there is nothing to tell."""
    budget, org = leeway.budget, leeway.org
    waits, others_go_on = "retries, full comparisons and first passes wait", "new changes of all other streams go on"
    own = f"orgsync's ceiling in {org} ({budget.ceiling:,} credits in 24 hours)" if budget.ceiling is not None else ""
    others = f"{org} has {leeway.remaining or 0:,} API credits left, and {budget.reserve:,} are kept for others"
    until = _clock(leeway.until, leeway.now)
    match leeway.allows:
        case "nothing" if leeway.by_ceiling:
            return f"{own} is reached; goes on at {until}"
        case "nothing":
            return f"{others}; looks again at {until}"
        case "news" if leeway.by_ceiling:
            return f"{own} is near: {leeway.spent:,} are spent; {waits} until {until}; {others_go_on}"
        case "news":
            return f"{others}; {waits}; {others_go_on}"
        case _ if leeway.near_at is not None:
            near, at = _clock(leeway.near_at, leeway.now), _clock(leeway.reached_at, leeway.now)
            reached_too = (
                f", and is reached {at} if new changes alone go on so" if leeway.reached_at is not None else ""
            )
            return f"at this rate {own} is near {near} (then {waits}){reached_too}"
    return None


def _clock(at: datetime | None, now: datetime | None) -> str:
    """A time of today; another with its day."""
    if at is None:
        return "an unknown time"
    return f"{at:%H:%M} UTC" if now is not None and at.date() == now.date() else f"{at:%Y-%m-%d %H:%M} UTC"


def _by_ceiling(budget: Budget, counted: Sequence[Spent], total: int, now: datetime) -> _Limit | None:
    ceiling = budget.ceiling
    if ceiling is None:
        return None
    left = ceiling - total
    kept = _kept(ceiling, left, counted, now)
    if left < LEAST:
        until = back_at(counted, ceiling - LEAST, now)
    else:
        turn = turn_of(now) + TURN_EVERY
        until = min(back_at(counted, ceiling - ceiling // _KEPT - 1, now, _pace(counted, now)) or turn, turn)
    return _Limit(left=left, kept=kept, until=until)


def _pace(counted: Sequence[Spent], now: datetime) -> float:
    """Credits a second in the last hour."""
    return sum(one.credits for one in counted if one.at > now - _PACE_OF) / _PACE_OF.total_seconds()


def _kept(ours: int, left: int, counted: Sequence[Spent], now: datetime) -> int:
    """How many of the credits that are left are for new changes only: a fifth of all, and in a turn so few that others
    may take part until a sixteenth was spent in it, by whomever.
    """
    kept, turn = ours // _KEPT, turn_of(now)
    if now >= turn + TURN:
        return kept
    in_turn = sum(one.credits for one in counted if one.at >= turn)
    return min(kept, max(0, left - max(0, max(LEAST, ours // _TURNS) - in_turn)))


def _by_reserve(budget: Budget, counted: Sequence[Spent], told: Told | None, now: datetime) -> _Limit | None:
    if told is None:
        return None
    ours = budget.reserve if budget.daily is None else budget.daily - budget.reserve
    left = told.remaining - budget.reserve
    kept = _kept(ours, left, counted, now)
    if now - told.at >= FRESH:  # nothing was heard since: to ask is all that may be done
        left = kept = LEAST
    return _Limit(left=left, kept=kept, until=told.at + FRESH)


def _believed(told: Told | None, now: datetime, answered_at: datetime | None) -> Told | None:
    """What the org said last. One that has answered since and said nothing has more than half again (facts 9.4)."""
    if told is None or (now - told.at >= FRESH and (answered_at is None or answered_at > told.at)):
        return None
    return told


def _least(one: int | None, other: int | None) -> int | None:
    return min((n for n in (one, other) if n is not None), default=None)
