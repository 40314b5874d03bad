"""Makes a failing life short: steps are left out, many at a time and then one by one, while it still fails alike."""

from __future__ import annotations

from tests.lives.life import Failure, live

MOST_TRIES = 120


def shrink(failure: Failure, tries: int = MOST_TRIES) -> Failure:
    """The shortest life found that breaks the same invariant."""
    size = max(1, len(failure.kept) // 2)
    while size and tries > 0:
        for start in range(len(failure.kept) - size, -1, -size):
            kept = failure.kept[:start] + failure.kept[start + size :]
            tries -= 1
            again = live(failure.seed, kept)
            if again is not None and _kind(again) == _kind(failure):
                failure = again
            if tries <= 0:
                break
        size //= 2
    return failure


def _kind(failure: Failure) -> str:
    return failure.what.partition(":")[0]
