"""Storms: `python -m tests.full storm [--count N] [--seed S]`: tests/sync/test_storm.py from more seeds."""

from __future__ import annotations

from tests.full._seeds import campaign
from tests.sync.test_storm import Storm, small


def main(argv: list[str]) -> int:
    """Run them; 1 when something is wrong."""
    return campaign(argv, "storm", __doc__, small, lambda folder, seed: Storm(folder, seed).run()[:5])
