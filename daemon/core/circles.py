"""Records that wait for each other: none of them would ever be first (promise 3).

Pure. A record that waits for a parent which waits, over however many steps, for that record is created without the
lookup; the lookup is filled in when the parent has its counterpart.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Final

from daemon.core.translate import Parent

_LONGEST: Final = 20


def circular(
    needs: Mapping[Parent, Collection[Parent]], held: Callable[[Collection[Parent]], Mapping[Parent, Parent]]
) -> dict[Parent, frozenset[Parent]]:
    """The parents that need not be waited for, by record. `needs`: records of a page -> parents without counterpart;
    `held` says what other records wait for.
    """
    if not needs:
        return {}
    edges: dict[Parent, set[Parent]] = {record: set(parents) for record, parents in needs.items()}
    unknown = {parent for parents in needs.values() for parent in parents} - edges.keys()
    for _ in range(_LONGEST):
        if not unknown:
            break
        found = held(unknown)
        edges.update({record: {parent} for record, parent in found.items()})
        unknown = set(found.values()) - edges.keys()
    return {
        record: back
        for record, parents in needs.items()
        if (back := frozenset(parent for parent in parents if record in _reachable(parent, edges)))
    }


def _reachable(start: Parent, edges: Mapping[Parent, Iterable[Parent]]) -> set[Parent]:
    seen, ahead = {start}, [start]
    while ahead:
        for one in edges.get(ahead.pop(), ()):
            if one not in seen:
                seen.add(one)
                ahead.append(one)
    return seen
