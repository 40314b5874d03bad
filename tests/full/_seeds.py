"""What campaigns of random seeds share: small sizes, a folder for each seed, and the seeds that ended wrong told."""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from loguru import logger


def campaign(
    argv: list[str],
    name: str,
    doc: str | None,
    small: Callable[[pytest.MonkeyPatch], None],
    play: Callable[[Path, int], Sequence[str]],
) -> int:
    """Plays `--count` seeds from `--seed` on, each in a folder of its own; 1 when one tells what is wrong."""
    parser = argparse.ArgumentParser(prog=f"python -m tests.full {name}", description=doc)
    parser.add_argument("--count", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args(argv)
    logger.remove()
    failed = 0
    with pytest.MonkeyPatch.context() as patch:
        small(patch)
        for seed in range(given.seed, given.seed + given.count):
            with tempfile.TemporaryDirectory() as folder:
                found = play(Path(folder), seed)
            failed += bool(found)
            if found:
                sys.stdout.write(f"{name}, seed {seed}: {'; '.join(found)}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{name}: {given.count} seeds from {given.seed}; {failed} ended wrong\n")
    return 1 if failed else 0
