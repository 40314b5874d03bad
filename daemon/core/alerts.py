"""What a person is told of, once: what has happened, whether it is over, and what to type next.

Pure. Facts that are not known (an org that was not asked lately) end nothing: an incident is only over when something
shows that it is.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal

from daemon.core.budget import Leeway, about_credits
from daemon.core.credits import Forecast
from daemon.core.fuse import Blown, release_command, seen
from daemon.core.org import Secret
from daemon.core.renewals import MOST_RENEWALS, RENEWED_WITHIN
from daemon.core.silence import Silence

Kind = Literal["fuse", "dead", "silence", "token", "credits"]
KINDS: Final[tuple[Kind, ...]] = ("fuse", "dead", "silence", "token", "credits")
REFUSED: Final = "refused"
RENEWALS: Final = "renewals"
SPENT: Final = "spent"
NEARLY: Final = 6
"""Token renewals in RENEWED_WITHIN that are told: before orgsync waits."""
_FIRST_WAIT_S: Final = 5.0
LONGEST_WAIT: Final = timedelta(minutes=10)
"""Between two attempts to tell an alert."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Alerting:
    """Where alerts go: to a webhook, or to a command with its arguments; neither: nowhere, and nothing is judged."""

    webhook: Secret | None = None
    command: tuple[str, ...] = ()

    def __bool__(self) -> bool:
        return self.webhook is not None or bool(self.command)


NOWHERE: Final = Alerting()


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """Something that a person should know. `subject` is a stream or an org; `mark` tells incidents of one kind and
    subject apart; `command` is what to type next.
    """

    kind: Kind
    subject: str
    mark: str = ""
    what: str
    command: str

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.subject, self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """An incident that the ledger has and that is not over yet."""

    number: int
    kind: str
    subject: str
    mark: str
    opened_at: datetime

    @property
    def key(self) -> tuple[str, str, str]:
        return self.kind, self.subject, self.mark


@dataclass(frozen=True, slots=True, kw_only=True)
class StandingFuse:
    """A fuse that nobody has released; `number` is its row of the ledger."""

    number: int
    stream: str
    blown: Blown


@dataclass(frozen=True, slots=True, kw_only=True)
class GivenUp:
    """The dead records of one cause."""

    cause_id: int
    stream: str
    code: str
    field: str
    remedy: str
    records: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Quiet:
    """How a stream has fared lately: when a change came last, the silence that it is in, what it stands still for."""

    last_change_at: datetime | None
    silence: Silence | None
    trouble: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Credential:
    """How an org's token is: why Zoho refuses the refresh token (None: it does not), when the present access token was
    given, and how often it was renewed in RENEWED_WITHIN.
    """

    refused: str | None = None
    made_at: datetime | None = None
    renewals: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is judged, of the streams and orgs of the settings; a credential that is not known is None."""

    fuses: Sequence[StandingFuse] = ()
    given_up: Sequence[GivenUp] = ()
    streams: Mapping[str, Quiet] = field(default_factory=dict)
    credentials: Mapping[str, Credential | None] = field(default_factory=dict)
    credits: Mapping[str, Forecast] = field(default_factory=dict)
    leeways: Mapping[str, Leeway] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What is new, and the numbers of what is over."""

    opened: Sequence[Incident]
    over: Sequence[int]


def judge(facts: Facts, standing: Collection[Standing], now: datetime) -> Verdict:
    """Compare what is with what is known."""
    here = {incident.key: incident for incident in _incidents(facts)}
    known = {one.key for one in standing}
    return Verdict(
        opened=[incident for key, incident in here.items() if key not in known],
        over=[one.number for one in standing if one.key not in here and _is_over(one, facts, now)],
    )


def wait_before(tries: int) -> timedelta:
    """How long an alert that could not be told so often waits."""
    doublings = min(max(tries - 1, 0), 20)
    return min(timedelta(seconds=_FIRST_WAIT_S * 2.0**doublings), LONGEST_WAIT)


def _incidents(facts: Facts) -> list[Incident]:
    found = [_fuse(fuse) for fuse in facts.fuses if fuse.stream in facts.streams]
    found += [_dead(one) for one in facts.given_up if one.stream in facts.streams]
    found += [_silent(name, how, how.silence) for name, how in facts.streams.items() if how.silence]
    found += [one for org, known in facts.credentials.items() if known for one in _token(org, known)]
    found += [_spent(org, leeway) for org, leeway in facts.leeways.items() if leeway.allows == "nothing"]
    return found + [_credits(org, how) for org, how in facts.credits.items() if how.low]


def _fuse(fuse: StandingFuse) -> Incident:
    command = release_command(fuse.blown, fuse.stream)
    what = f"{fuse.stream} is stopped by its {seen(fuse.blown)}"
    return Incident(kind="fuse", subject=fuse.stream, mark=str(fuse.number), what=what, command=command)


def _dead(one: GivenUp) -> Incident:
    records = "1 record" if one.records == 1 else f"{one.records} records"
    about = f"{one.code} {one.field}".rstrip()
    what = f"{records} of {one.stream} given up: {about}; they are not tried again by themselves. {one.remedy}"
    command = f"orgsync retry --cause {one.cause_id}"
    return Incident(kind="dead", subject=one.stream, mark=str(one.cause_id), what=what, command=command)


def _silent(stream: str, how: Quiet, silence: Silence) -> Incident:
    usual = f"{silence.an_hour:.0f}" if silence.an_hour >= 10 else f"{silence.an_hour:.1f}"
    what = f"{stream}: usually {usual} changes an hour at this time, none for {silence.hours} hours"
    if how.trouble is not None:
        return Incident(kind="silence", subject=stream, what=f"{what}; it is stopped", command="orgsync status")
    what += "; the source was asked without trouble: did somebody lose rights, or a program that makes them stop?"
    return Incident(kind="silence", subject=stream, what=what, command="orgsync check")


def _token(org: str, known: Credential) -> list[Incident]:
    found = []
    if known.refused is not None:
        what = f"Zoho refuses the refresh token of {org} ({known.refused}); streams from and to it stand still"
        found.append(Incident(kind="token", subject=org, mark=REFUSED, what=what, command=f"orgsync auth {org}"))
    if known.renewals >= NEARLY:
        what = (
            f"the access token of {org} was renewed {known.renewals} times in 10 minutes; from {MOST_RENEWALS} on "
            "orgsync waits, and with 10 Zoho locks out. Is something started again and again?"
        )
        found.append(Incident(kind="token", subject=org, mark=RENEWALS, what=what, command="orgsync status"))
    return found


def _credits(org: str, how: Forecast) -> Incident:
    what = f"{org} has {how.remaining} API credits left of its day"
    if how.lasts is not None:
        what += f", enough for {how.lasts.total_seconds() / 60:.0f} minutes at the present pace"
    what += "; when they are used up, its streams wait until Zoho gives new ones"
    return Incident(kind="credits", subject=org, what=what, command="orgsync status")


def _spent(org: str, leeway: Leeway) -> Incident:
    what = f"{about_credits(leeway)}. Until then streams from and to {org} stand still, and nothing is lost"
    return Incident(kind="credits", subject=org, mark=SPENT, what=what, command="orgsync status")


def _is_over(one: Standing, facts: Facts, now: datetime) -> bool:
    """Of an incident that is not seen any more: whether that is because it has ended."""
    known, how = facts.credentials.get(one.subject), facts.streams.get(one.subject)
    match one.kind:
        case "silence":  # at night none is unusual, and yet it is not over
            return how is None or (how.last_change_at is not None and how.last_change_at > one.opened_at)
        case "credits" if one.mark != SPENT:
            return one.subject not in facts.credits or facts.credits[one.subject].low is False
        case "token" if one.subject not in facts.credentials:  # not in the settings any more
            return True
        case "token" if one.mark == REFUSED:
            return known is not None and known.made_at is not None and known.made_at > one.opened_at
        case "token":
            return known is not None and now - one.opened_at >= RENEWED_WITHIN
        case _:
            return True
