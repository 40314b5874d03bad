"""Random first loads by bulk read and bulk write: edits, accidents, kills; `python -m tests.full loads` plays more."""

from __future__ import annotations

from pathlib import Path

import pytest

from daemon.core import backfill as price
from daemon.sync import bulkwrite
from tests.sync.jobs import make_small_jobs
from tests.sync.loadlife import play

LONGEST_S = 50


def small(patch: pytest.MonkeyPatch) -> None:
    """A dozen records is a large module, a job takes four pages, and one that takes a minute is given up."""
    make_small_jobs(patch)
    patch.setattr(price, "WRITE_ROWS", 12)
    patch.setattr(bulkwrite, "LONGEST_S", LONGEST_S)


@pytest.mark.parametrize("seed", range(1, 7))
def test_whatever_happens_in_a_first_load_in_the_end_b_holds_what_a_does_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    small(monkeypatch)
    assert play(tmp_path, seed) == []
