"""Parents before children: in which order the streams of a route make their first pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter

from daemon.core.rules import Stream


def parents_first(streams: Sequence[Stream], parents: Mapping[str, frozenset[str]]) -> list[Stream]:
    """The streams of one route in an order in which lookups point backwards; `parents` is module -> modules.

    Modules that point at each other in a circle keep the order of the settings: whichever comes first, the held
    children wake when their parents arrive.
    """
    carried = {s.source_module for s in streams}
    edges = {m: (parents.get(m, frozenset()) & carried) - {m} for m in carried}
    while True:
        try:
            order = list(TopologicalSorter({m: sorted(edges[m]) for m in sorted(edges)}).static_order())
        except CycleError as error:
            circle = error.args[1]  # the same module at both ends; each one is a parent of the next
            parent, child = circle[0], circle[1]
            edges[child] = edges[child] - {parent}
            continue
        place = {module: at for at, module in enumerate(order)}
        return sorted(streams, key=lambda s: place[s.source_module])
