"""Parents before children: in which order the streams of a route make their first pass."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from daemon.core.rules import Stream


def parents_first(streams: Sequence[Stream], parents: Mapping[str, frozenset[str]]) -> list[Stream]:
    """The streams of one route in an order in which lookups point backwards; `parents` is module -> modules.

    Of modules that point at each other in a circle, the one that the settings name first goes first; the held
    children wake when their parents arrive.
    """
    listed = {s.source_module: at for at, s in enumerate(streams)}
    edges = {m: (parents.get(m, frozenset()) & listed.keys()) - {m} for m in listed}
    while True:
        try:
            graph = {m: sorted(edges[m], key=listed.__getitem__) for m in listed}
            order = list(TopologicalSorter(graph).static_order())
        except CycleError as error:
            circle = error.args[1]  # the same module at both ends; each one is a parent of the next
            parent, child = min(pairwise(circle), key=lambda edge: listed[edge[1]])
            edges[child] = edges[child] - {parent}
            continue
        place = {module: at for at, module in enumerate(order)}
        return sorted(streams, key=lambda s: place[s.source_module])
