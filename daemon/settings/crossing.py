"""How the routes lie to each other: no module carried twice between two orgs, none carried in a circle."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from daemon.settings.problem import Problem

Place = tuple[str, str]
"""An org and one of its modules."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """What one stream connects; `path` is where the settings say so."""

    path: str
    route: str
    source: Place
    target: Place


def crossings(legs: Iterable[Leg]) -> list[Problem]:
    """A problem for every leg that carries what an earlier one carries, or that closes a circle with earlier ones."""
    problems: list[Problem] = []
    carried: dict[tuple[Place, str], Leg] = {}
    onward: dict[Place, list[Place]] = {}
    for leg in legs:
        first = carried.setdefault((leg.source, leg.target[0]), leg)
        if first is not leg:
            problems.append(
                Problem(
                    path=leg.path,
                    found=f"{leg.source[1]} from {leg.source[0]} to {leg.target[0]}, which {first.path} carries too",
                    allowed="one route for each source, target and module",
                )
            )
            continue
        back = _way(leg.target, leg.source, onward)
        if back:
            circle = " -> ".join("/".join(place) for place in [leg.source, *back])
            problems.append(
                Problem(
                    path=leg.path,
                    found=f"routes in a circle: {circle}",
                    allowed="each module in one direction",
                    hint="without owners for its fields two sides would overwrite each other; "
                    "owners are not in this version",
                )
            )
            continue
        onward.setdefault(leg.source, []).append(leg.target)
    return problems


def _way(start: Place, end: Place, onward: Mapping[Place, list[Place]]) -> list[Place]:
    """The places on a way from start to end, both included; empty when there is none."""
    ways = [[start]]
    seen = {start}
    while ways:
        way = ways.pop(0)
        if way[-1] == end:
            return way
        for place in onward.get(way[-1], []):
            if place not in seen:
                seen.add(place)
                ways.append([*way, place])
    return []
