"""Streams that lead back to where they started: two-way routes, hubs, rings. Who has the say over a field must be
clear on every way round, or two sides would overwrite each other for ever.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from daemon.core.fieldmap import columns_of
from daemon.core.rules import Fill, Origin, Owner, Route, Stream
from daemon.settings.problem import Problem, join, quote

Place = tuple[str, str]
"""An org and one of its modules."""

_STAR: Final = "*"
_CARRYING: Final = ("source", "newest")


@dataclass(frozen=True, slots=True)
class _Edge:
    """One field carried by one stream, from a field of its source to a field of its target."""

    stream: Stream
    start: tuple[Place, str]
    end: tuple[Place, str]
    owner: Owner


def with_circles(routes: Sequence[Route], primary: Collection[str]) -> tuple[Route, ...]:
    """The routes, with every stream told what lies on its circle. `primary` are the routes that win ties."""
    streams = [stream for route in routes for stream in route.streams]
    around = {stream.address: _circle(stream, streams) for stream in streams}
    return tuple(
        replace(
            route, streams=tuple(_told(stream, around[stream.address], streams, primary) for stream in route.streams)
        )
        for route in routes
    )


def circle_problems(routes: Sequence[Route]) -> list[Problem]:
    """Fields over which two streams of a circle both have the say, edits that nothing brings back, and circles without
    keys.
    """
    everything = [stream for route in routes for stream in route.streams]
    around = [stream for stream in everything if stream.circle]
    streams = [stream for stream in around if not stream.notes_of and stream.files_of is None]
    problems = [_beside(stream) for stream in around if stream not in streams]
    problems += [
        _one_sided(stream, "and no route leads back")
        for stream in everything
        if not stream.circle and "newest" in {stream.owner, *(fill.owner for fill in stream.fields.fills.values())}
    ]
    problems += [
        Problem(
            path=join(_path(stream), "key"),
            found='"none", on a way that leads back',
            allowed="the API name of a unique text field: without it a record would be made once more on its way back",
        )
        for stream in streams
        if stream.key is None
    ]
    edges = [edge for stream in streams for edge in _edges(stream, _names(streams)) if edge.owner in _CARRYING]
    onward: dict[tuple[Place, str], list[_Edge]] = {}
    for edge in edges:
        onward.setdefault(edge.start, []).append(edge)
    told: set[str] = set()
    for edge in edges:
        if edge.owner != "source" or edge.stream.address in told:
            continue
        back = _way(edge.end, edge.start, onward)
        if back:
            told |= {edge.stream.address, *(b.stream.address for b in back)}
            problems.append(_fight(edge, back))
    for stream in streams:
        if lost := _not_brought_back([edge for edge in edges if edge.stream is stream], onward):
            problems.append(_one_sided(stream, f"and no route brings edits of {lost} back"))
    return problems


def _one_sided(stream: Stream, why: str) -> Problem:
    """The target's edits of a field would stay there for ever, and count for more than the source's."""
    return Problem(
        path=join(_path(stream), "owner"),
        found=f'"newest", {why}',
        allowed='"source", "target" or "fill-blank"; "newest" where another route brings the field back',
    )


def _not_brought_back(edges: Sequence[_Edge], onward: Mapping[tuple[Place, str], Sequence[_Edge]]) -> str:
    """The fields that one stream carries as "newest", and that no way leads back from; empty: there is none. A field
    that is made of several comes back into any of them. Of what the star carries only the star itself counts: whether
    both orgs have a field of that name is not known here.
    """
    ways: dict[str, bool] = {}
    for edge in edges:
        target, table = edge.end[1], edge.stream.fields.table or {}
        if edge.owner == "newest" and (target in table or target == _STAR):
            ways[target] = ways.get(target, False) or bool(_way(edge.end, edge.start, onward))
    lost = [name for name, leads_back in ways.items() if not leads_back]
    return ", ".join('what "*" stands for' if name == _STAR else name for name in lost)


def _beside(stream: Stream) -> Problem:
    """Notes and attachments have no key: on their way back they could not be told from new ones."""
    what = "notes" if stream.notes_of else "attachments"
    module = stream.files_of or next(iter(stream.notes_of))
    return Problem(
        path=join(join(join(join("routes", stream.route), "modules"), module), what),
        found=f"{what} on a way that leads back",
        allowed=f"{what} on one of the ways only",
    )


def _fight(edge: _Edge, back: Sequence[_Edge]) -> Problem:
    field = "every field" if edge.start[1] == _STAR else f"the field {edge.end[1]}"
    ways = ", ".join(f"{e.stream.address} ({quote(e.owner)})" for e in [edge, *back])
    return Problem(
        path=join(_path(edge.stream), "owner"),
        found=f"{field} goes round in a circle: {ways}",
        allowed='"newest" on every way round, or "target" or "fill-blank" on one of them',
        hint="with two owners each side would overwrite the other",
    )


def _path(stream: Stream) -> str:
    return join(join(join("routes", stream.route), "modules"), stream.source_module)


def _told(stream: Stream, circle: Sequence[Stream], streams: Sequence[Stream], primary: Collection[str]) -> Stream:
    if not circle:
        return stream
    mine = {other.address for other in (stream, *circle)}
    ordered = [other for other in streams if other.address in mine]
    winner = next((other for other in ordered if other.route in primary), ordered[0])
    return replace(
        stream,
        circle=tuple(other.address for other in circle),
        origins=tuple(
            Origin(key=other.key, org=other.source, module=other.source_module)
            for other in circle
            if _target(other) == _source(stream) and other.key is not None
        ),
        primary=winner.source,
    )


def _circle(stream: Stream, streams: Sequence[Stream]) -> list[Stream]:
    """The other streams that lie on ways from the stream's target back to its source."""
    after = _reached(_target(stream), streams, _source, _target)
    before = _reached(_source(stream), streams, _target, _source)
    return [other for other in streams if other is not stream and _source(other) in after and _target(other) in before]


def _source(stream: Stream) -> Place:
    return stream.source, stream.source_module


def _target(stream: Stream) -> Place:
    return stream.target, stream.target_module


def _reached(start: Place, streams: Sequence[Stream], enters, leaves) -> set[Place]:  # type: ignore[no-untyped-def]
    found, todo = {start}, [start]
    while todo:
        here = todo.pop()
        for stream in streams:
            there = leaves(stream)
            if enters(stream) == here and there not in found:
                found.add(there)
                todo.append(there)
    return found


def _names(streams: Sequence[Stream]) -> set[str]:
    """Every field that some table names, and the star for all the others."""
    return {_STAR} | {
        name
        for stream in streams
        for target, source in (stream.fields.table or {}).items()
        for name in (target, *columns_of(source))
    }


def _edges(stream: Stream, names: set[str]) -> Iterator[_Edge]:
    start, end = _source(stream), _target(stream)
    table = stream.fields.table or {}
    for target, source in table.items():
        owner = stream.fields.fills.get(target, Fill()).owner or stream.owner
        for name in columns_of(source):
            yield _Edge(stream, (start, name), (end, target), owner)
    if stream.fields.table is None or stream.fields.star:
        for name in names - table.keys() - stream.fields.except_:
            yield _Edge(stream, (start, name), (end, name), stream.owner)


def _way(
    start: tuple[Place, str], end: tuple[Place, str], onward: Mapping[tuple[Place, str], Sequence[_Edge]]
) -> list[_Edge]:
    """The edges of a shortest way from one field to another; none when there is no way."""
    ways: list[list[_Edge]] = [[edge] for edge in onward.get(start, ())]
    seen = {start}
    while ways:
        way = ways.pop(0)
        here = way[-1].end
        if here == end:
            return way
        if here not in seen:
            seen.add(here)
            ways += [[*way, edge] for edge in onward.get(here, ())]
    return []
