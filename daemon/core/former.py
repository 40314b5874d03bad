"""What a write finds in its place: kept, where undo is on, so that it can be put back. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from daemon.core.convert import Json


@dataclass(frozen=True, slots=True, kw_only=True)
class Former:
    """What a field held before a write, in canonical form, and the digest of what was written."""

    value: Json = field(repr=False)
    written: str


Before = Mapping[str, Former]
"""Target field -> what it held."""


def merged(earlier: Before, later: Before) -> dict[str, Former]:
    """Of two writes of a record with no answer between them: what it held before both, and what the second wrote."""
    kept = {n: Former(value=earlier[n].value, written=one.written) for n, one in later.items() if n in earlier}
    return {**earlier, **later, **kept}
