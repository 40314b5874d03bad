"""Finds the record that `orgsync why` is asked about: in the ledger by an id, else in the orgs by an id or a value; and
looks at it there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

import click

from daemon.cli.orgs import connected
from daemon.cli.request import known_stream
from daemon.cli.words import instant
from daemon.core.record import is_record_id
from daemon.core.rules import Route, Stream
from daemon.core.side_by_side import Today
from daemon.ledger import Reader, Story
from daemon.settings import Settings
from daemon.sync import sought
from daemon.sync.catalog import Catalog
from daemon.sync.prepare import StreamRefusedError
from daemon.sync.sought import Hit
from daemon.sync.today import look
from daemon.zoho.errors import BadAnswer, CredentialRefused, OrgUnavailable, RequestRefused

_NO_ORG: Final = (OrgUnavailable, CredentialRefused)
_THIS_STREAM: Final = (StreamRefusedError, RequestRefused, BadAnswer)


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """A record in an org that is not told as a story, and what is to be said of it; `stream` is empty where none reads
    its module.
    """

    hit: Hit
    stream: str
    reason: str
    about: str


@dataclass(slots=True, kw_only=True)
class Answer:
    """All that is known. `left_out` says why no org was asked; `notes` are what else there is to say."""

    record: str
    stories: list[Story] = field(default_factory=list)
    today: dict[tuple[str, str], Today | str] = field(default_factory=dict)
    found: list[Found] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    left_out: str | None = None


def ask(settings: Settings, reader: Reader, record: str, left_out: str | None) -> Answer:
    """What the ledger knows, then what the orgs say, as far as they can be asked."""
    address, text = _parted(settings, record)
    answer = Answer(record=text, left_out=left_out)
    if is_record_id(text):
        answer.stories = [one for one in reader.stories(text) if address in ("", one.stream)]
        if address and not answer.stories:  # else it is known, though the settings may have no such stream any more
            known_stream(settings, address)
    elif left_out is not None:
        what = f"{text[:40]!r} is no record id, so only the orgs can say which record that is"
        raise click.UsageError(f"{what}, and none can be asked: {left_out}")
    if left_out is not None:
        return answer
    with connected(settings) as orgs:
        try:
            if not answer.stories:
                _search(settings, reader, orgs, answer, address)
            for story in answer.stories:
                answer.today[story.stream, story.source_id] = _today(settings, reader, orgs, story)
        except _NO_ORG as error:
            if not is_record_id(text):
                raise
            answer.left_out = str(error)
    return answer


def _parted(settings: Settings, record: str) -> tuple[str, str]:
    """The address of the stream, empty where none is named, and the id or value."""
    address, _, text = record.rpartition("/")
    known = {stream.address for stream in settings.streams()}
    return (address, text) if address in known or is_record_id(text) else ("", record)


def _today(settings: Settings, reader: Reader, orgs: Mapping[str, Catalog], story: Story) -> Today | str:
    """Both records now, or why they cannot be compared."""
    stream = stream_of(settings, story.stream)
    if stream is None:
        return "the settings have no such stream any more"
    if stream.files_of is not None:
        return "attachments have no fields to compare"
    route = _route(settings, stream)
    try:
        return look(story, stream, route, orgs[stream.source], orgs[stream.target], reader.for_syncing())
    except _THIS_STREAM as error:
        return str(error)


def _search(settings: Settings, reader: Reader, orgs: Mapping[str, Catalog], answer: Answer, address: str) -> None:
    """Looks for a record that the ledger does not know by what was typed."""
    streams = [one for one in settings.streams() if address in ("", one.address)]
    places, text = sought.places(streams), answer.record
    hits = sought.by_id(places, orgs, text) if is_record_id(text) else []
    if not hits:
        hits, answer.notes = sought.by_value(places, orgs, text)
    stories = {(s.stream, s.source_id): s for hit in hits for s in reader.stories(hit.record_id)}
    told = [one for one in stories.values() if address in ("", one.stream)]
    if told and _is_one(hits, told):
        answer.stories = told
        return
    met: set[tuple[str, str]] = set()
    for hit in hits:
        known = next((s for s in told if hit.record_id in (s.source_id, s.target_id)), None)
        if known is None:
            answer.found += _unmet(settings, reader, orgs, hit, streams)
        elif (known.stream, known.source_id) not in met:
            met.add((known.stream, known.source_id))
            answer.found.append(Found(hit=hit, stream=known.stream, reason="known", about=_short(known)))
    if not hits:
        answer.notes = [*_nowhere(orgs, places, text), *answer.notes]


def _is_one(hits: list[Hit], told: list[Story]) -> bool:
    """Whether all that was found is one thing: records that stand for each other."""
    ids = [{i for i in (one.source_id, one.target_id) if i} for one in told]
    joined = ids.pop()
    while more := [one for one in ids if one & joined]:
        joined = joined.union(*more)
        ids = [one for one in ids if not one & joined]
    return not ids and {hit.record_id for hit in hits} <= joined


def _short(story: Story) -> str:
    there = f"-> {story.target} {story.target_module} {story.target_id}" if story.target_id else "not there yet"
    return f"{there}: orgsync why {story.stream}/{story.source_id}"


def _unmet(
    settings: Settings, reader: Reader, orgs: Mapping[str, Catalog], hit: Hit, streams: list[Stream]
) -> list[Found]:
    """Why no stream knows a record."""
    mine = [s for s in streams if (s.source, s.source_module) == (hit.org, hit.module)]
    found = []
    for stream in mine:
        route = _route(settings, stream)
        try:
            reason, about = sought.why_not(
                hit, stream, route, orgs[stream.source], orgs[stream.target], reader.for_syncing()
            )
        except _THIS_STREAM as error:
            reason, about = "stopped", str(error)
        found.append(Found(hit=hit, stream=stream.address, reason=reason, about=about))
    own = f"{hit.org} has it of its own: no stream reads it there, and it stands for no record that orgsync knows"
    return found or [Found(hit=hit, stream="", reason="its own", about=own)]


def _nowhere(orgs: Mapping[str, Catalog], places: list[sought.Place], text: str) -> list[str]:
    """What can be said of a record that no org has."""
    if is_record_id(text) and (gone := sought.deleted_at(places, orgs, text)) is not None:
        return [f"{gone[0].org} {gone[0].module} {text} was deleted there {instant(gone[1])}"]
    asked = [f"{p.org} {p.module} (id, {', '.join(sought.searched(p, orgs[p.org]))})" for p in places]
    return [f"no record was found: asked were {'; '.join(asked)}. Is it in another module, or spelt differently there?"]


def stream_of(settings: Settings, address: str) -> Stream | None:
    return next((one for one in settings.streams() if one.address == address), None)


def _route(settings: Settings, stream: Stream) -> Route:
    return next(route for route in settings.routes if route.name == stream.route)
