"""Random first loads: `python -m tests.full loads [--count N] [--seed S]`: tests/sync/loadlife.py from more seeds."""

from __future__ import annotations

from tests.full._seeds import campaign
from tests.sync.loadlife import play
from tests.sync.test_random_loads import small


def main(argv: list[str]) -> int:
    """Play them; 1 when something is wrong."""
    return campaign(argv, "loads", __doc__, small, play)
