"""Random lives in the suite: many small ones, spread over the workers; a failure prints the command that replays it."""

from __future__ import annotations

import pytest

from tests.lives.life import live

CHUNKS = 4
A_CHUNK = 10


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_nothing_is_lost_and_nothing_comes_twice(chunk: int) -> None:
    failures = [live(seed) for seed in range(1 + chunk * A_CHUNK, 1 + (chunk + 1) * A_CHUNK)]
    assert not any(failures), "\n\n".join(str(failure) for failure in failures if failure)


def test_a_seed_is_one_life_and_no_other() -> None:
    """The same seed makes the same calls in the same order, or a failure could not be replayed."""
    assert _calls(77) == _calls(77)


def _calls(seed: int) -> list[str]:
    seen: list[str] = []
    assert live(seed, heard=seen.append) is None
    return seen
