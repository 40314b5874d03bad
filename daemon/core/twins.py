"""Things without a key, known again by what they are like (notes, attachments)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Mapping
from typing import TypeVar

Likeness = TypeVar("Likeness", bound=Hashable)


def share_out(wanted: Mapping[str, Likeness], there: Iterable[tuple[str, Likeness]]) -> dict[str, str]:
    """Source id -> the id in the target of one that is like it. Of several that are alike, each gets one: any is as
    good.
    """
    free: dict[Likeness, list[str]] = {}
    for target_id, like in sorted(there, key=lambda one: int(one[0])):
        free.setdefault(like, []).append(target_id)
    return {
        source_id: free[like].pop(0)
        for source_id, like in sorted(wanted.items(), key=lambda one: int(one[0]))
        if free.get(like)
    }
