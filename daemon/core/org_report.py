"""What is to be said of an org before streams run: its scopes, the rights of its user, its edition and its credits.

Pure. Where Zoho does not say something, nothing is said against it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from datetime import timedelta

from daemon.core.budget import Budget
from daemon.core.editions import caps_of
from daemon.core.pace import busy_a_day, idle_a_day, slowed
from daemon.core.remark import Remark
from daemon.core.rights import AUTOMATION, PROFILES, Rights
from daemon.core.rules import Route, Stream
from daemon.core.schema import OrgProfile
from daemon.core.scopes import could_write, lacking, scopes_for, to_paste

_USUAL = timedelta(seconds=60)


def scope_remarks(org: str, routes: Sequence[Route], granted: Collection[str]) -> Iterator[Remark]:
    """What the credential may not do that the routes need, by name; and what it may do that they do not."""
    wanted = scopes_for(org, routes)
    if not granted:
        seen = "which scopes its token has is not known: it was made before orgsync noted them, or Zoho named none"
        yield Remark(level="note", about="scopes", seen=seen, do=f"orgsync auth {org} makes a new one")
        return
    missing = lacking(granted, wanted)
    do = f"run `orgsync auth {org}` with a code for all of these: {to_paste(wanted)}"
    if needed := [scope for scope in missing if scope.needed]:
        names = ", ".join(f"{scope.name} ({scope.why})" for scope in needed)
        means = "Zoho refuses such calls, and the streams that make them do not run"
        yield Remark(level="wrong", about="scopes", seen=f"its token lacks {names}", means=means, do=do)
    for scope in missing:
        if not scope.needed:
            yield Remark(level="note", about="scopes", seen=f"its token lacks {scope.name}, {scope.why}", do=do)
    if not missing:
        yield Remark(level="ok", about="scopes", seen=f"its token has all {len(wanted)} scopes that orgsync needs here")
    writing = could_write(granted)
    if writing and not any(stream.target == org for route in routes for stream in route.streams):
        seen = f"its token may write ({', '.join(sorted(writing))}), and orgsync only reads this org"
        do = f"for least rights: orgsync auth {org}, with a code for {to_paste(wanted)}"
        yield Remark(level="note", about="scopes", seen=seen, do=do)


def right_remarks(org: str, streams: Sequence[Stream], rights: Rights | None) -> Iterator[Remark]:
    """Whether the user's profile lets automations of a target be kept quiet. That it must is not certain: facts 4.1 do
    not name a right for `trigger`.
    """
    if not any(stream.target == org for stream in streams):
        return
    if rights is None:
        seen = "what the profile of its user allows cannot be read"
        do = f"look in Zoho under {PROFILES} that it has Zoho CRM API Access and Manage Automation"
        yield Remark(level="note", about="rights", seen=seen, do=do)
    elif AUTOMATION in rights.denied:
        seen = f"the profile {rights.profile} of its user lacks Manage Automation"
        means = "Zoho may run automations on what orgsync writes, whatever the route says"
        do = f"tick it under {PROFILES}, or see after the first write whether a workflow ran"
        yield Remark(level="remark", about="rights", seen=seen, means=means, do=do)
    else:
        seen = f"the profile {rights.profile} of its user has API access and Manage Automation"
        yield Remark(level="ok", about="rights", seen=seen)


def edition_remarks(profile: OrgProfile, budget: Budget, calls_at_once: int, org: str) -> Iterator[Remark]:
    """What the edition allows, beside what the settings say."""
    caps = caps_of(profile.edition, profile.licences)
    if caps is None:
        seen = f"how many credits the edition {profile.edition!r} has is not in Zoho's tables"
        do = f"write daily_credits under orgs.{org}, as Setup > Developer Hub > APIs shows them"
        yield Remark(level="note", about="edition", seen=seen, do="" if budget.daily else do)
        return
    users = f"{profile.licences} user{'' if profile.licences == 1 else 's'}"
    seen = f"{profile.edition} with {users}: {caps.daily:,} credits in 24 hours, {caps.at_once} calls at once"
    yield Remark(level="note", about="edition", seen=seen)
    if budget.daily is not None and budget.daily > caps.daily:
        seen = f"daily_credits is {budget.daily:,}, and the edition has {caps.daily:,}"
        do = f"correct orgs.{org}.daily_credits, unless credits were bought besides"
        yield Remark(level="remark", about="edition", seen=seen, means="shares of it come out too large", do=do)
    if calls_at_once >= caps.at_once:
        seen = f"calls_at_once is {calls_at_once}, and the edition lets {caps.at_once} be on their way"
        means = "other programs find no room, and Zoho answers 429"
        do = f"set orgs.{org}.calls_at_once = {max(1, caps.at_once - 2)}"
        yield Remark(level="remark", about="edition", seen=seen, means=means, do=do)


def credit_remark(org: str, budget: Budget, streams: Sequence[Stream], profile: OrgProfile | None) -> Remark:
    """What reading an org costs a day, beside what there is."""
    idle, busy = idle_a_day(org, streams), busy_a_day(org, streams)
    seen = f"credits a day to read it: about {idle:,} while nothing changes, {busy:,} while every poll finds a change"
    read = [stream for stream in streams if stream.source == org]
    if any(stream.poll < _USUAL for stream in read):
        slower = [replace(s, poll=max(s.poll, _USUAL), poll_fast=None) for s in streams]
        seen += f" (it polls {_every(read)}; at 60s it would be {idle_a_day(org, slower):,})"
    caps = None if profile is None else caps_of(profile.edition, profile.licences)
    daily = budget.daily or (None if caps is None else caps.daily)
    limits = {"its ceiling is": budget.ceiling, "the org has": None if daily is None else daily - budget.reserve}
    known = {words: limit for words, limit in limits.items() if limit is not None}
    if not known:
        return Remark(level="note", about="credits", seen=seen)
    words, limit = min(known.items(), key=lambda one: one[1])
    left = f" without its reserve of {budget.reserve:,}" if words == "the org has" and budget.reserve else ""
    seen += f"; {words} {limit:,}{left}"
    do = f"lengthen poll in the routes that read {org}"
    if words == "its ceiling is":
        do += f", or raise orgs.{org}.ceiling"
    fits = [stream for stream in slowed(org, budget.ceiling, streams) if stream.source == org]
    if idle > limit and (fits == read or words == "the org has"):
        means = "that is less than polling alone needs, so that its credits run out and orgsync stands still at times"
        return Remark(level="remark", about="credits", seen=seen, means=means, do=do)
    if fits != read:
        means = f"orgsync polls {_every(fits)}, not {_every(read)}: polls take at most half of a ceiling"
        do = f"write that as poll in the routes that read {org}, or raise orgs.{org}.ceiling"
        return Remark(level="remark", about="credits", seen=seen, means=means, do=do)
    if busy > limit:
        means = "on a day full of changes polls become slower when credits are short, and nothing is lost"
        return Remark(level="note", about="credits", seen=seen, means=means)
    return Remark(level="note", about="credits", seen=seen)


def _every(streams: Collection[Stream]) -> str:
    """The intervals, from the shortest to the longest."""
    shortest, longest = (f"{one.total_seconds():.0f}s" for one in (f(s.poll for s in streams) for f in (min, max)))
    return f"every {shortest}" if shortest == longest else f"every {shortest} to {longest}"
