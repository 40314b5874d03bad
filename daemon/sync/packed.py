"""Planned pages that wait for a bulk write: packed, because a dozen of them would be the larger part of the memory."""

from __future__ import annotations

import pickle
import zlib
from collections.abc import Iterator
from typing import Final

from daemon.sync.writing import Planned

_FAST: Final = 1


class Packed:
    """Pages in their order."""

    def __init__(self) -> None:
        self._pages: list[bytes] = []

    def __len__(self) -> int:
        return len(self._pages)

    def __iter__(self) -> Iterator[Planned]:
        """One is open at a time."""
        for page in self._pages:
            yield pickle.loads(zlib.decompress(page))  # noqa: S301 - packed in this process

    def append(self, page: Planned) -> None:
        self._pages.append(zlib.compress(pickle.dumps(page, pickle.HIGHEST_PROTOCOL), _FAST))
