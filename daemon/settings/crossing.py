"""How the routes lie to each other: no module is carried twice between two orgs."""

from __future__ import annotations

from collections.abc import Iterable
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
    """A problem for every leg that carries what an earlier one carries."""
    problems: list[Problem] = []
    carried: dict[tuple[Place, str], Leg] = {}
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
    return problems
