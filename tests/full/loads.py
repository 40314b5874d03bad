"""Random first loads: `python -m tests.full loads [--count N] [--seed S]`: tests/sync/loadlife.py from more seeds."""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import pytest
from loguru import logger

from tests.sync.loadlife import play
from tests.sync.test_random_loads import small


def main(argv: list[str]) -> int:
    """Play them; 1 when something is wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.full loads", description=__doc__)
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
                sys.stdout.write(f"load {seed}: {'; '.join(found)}\n")
                sys.stdout.flush()
    sys.stdout.write(f"{given.count} loads from {given.seed}; {failed} ended wrong\n")
    return 1 if failed else 0
